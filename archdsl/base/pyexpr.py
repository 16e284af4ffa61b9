"""The Python expressions that generated code is made of.

Operators and the emitter build these trees and never text. `pyprint` turns them into text; until then `InputRef` stands
for an input of an operator, `ValueRef` for a tensor without a variable, and `ClassRef` for a class without a name.
"""

from collections.abc import Callable, Hashable
from typing import TypeAlias

from archdsl.base.records import record
from archdsl.base.symbolic import TracedFloat, TracedInt, has_trace


@record(frozen=True, slots=True)
class Ref:
    """A name, possibly dotted: `x`, `self.conv1`."""

    name: str


@record(frozen=True, slots=True)
class InputRef:
    """An input of an operator, in the code of the operator: the only one, or the one with this number."""

    number: int | None = None


@record(frozen=True, slots=True)
class ValueRef:
    """A tensor of `forward`, identified by the path of the step that computes it."""

    path: tuple[str, ...]


@record(frozen=True, slots=True)
class ClassRef:
    """A generated class, identified by the number of one of its drafts."""

    number: int


class Composite:
    """An expression that has other expressions as parts.

    Equal steps share expressions, so what is computed from one is kept: `kept_text` is its text on one line,
    `kept_names` the names that it reads, and `kept_parameters` the parameters.
    """

    __slots__ = ("kept_names", "kept_parameters", "kept_text")
    kept_text: str
    kept_names: frozenset[str]
    kept_parameters: frozenset[str]

    def parts(self) -> "tuple[Expr, ...]":
        """Return the direct parts, in the order of the text."""
        raise NotImplementedError

    def with_parts(self, parts: "tuple[Expr, ...]") -> "Expr":
        """Return the same expression with other parts, as many as it has now."""
        raise NotImplementedError

    def label(self) -> Hashable:
        """Return whatever else decides how the expression prints."""
        return None


@record(frozen=True, slots=True)
class Attribute(Composite):
    """An attribute of an expression: `self[0].weight`."""

    owner: "Expr"
    name: str

    def parts(self) -> "tuple[Expr, ...]":
        return (self.owner,)

    def with_parts(self, parts: "tuple[Expr, ...]") -> "Attribute":
        return Attribute(parts[0], self.name)

    def label(self) -> Hashable:
        return self.name


@record(frozen=True, slots=True)
class Item(Composite):
    """An item of an expression: `weight[0]`. A tuple as the index needs no parentheses: `dict[str, int]`."""

    owner: "Expr"
    index: "Expr"

    def parts(self) -> "tuple[Expr, ...]":
        return (self.owner, self.index)

    def with_parts(self, parts: "tuple[Expr, ...]") -> "Item":
        return Item(*parts)


@record(frozen=True, slots=True)
class Infix(Composite):
    """Two expressions with a binary operator between them."""

    left: "Expr"
    symbol: str
    right: "Expr"

    def parts(self) -> "tuple[Expr, ...]":
        return (self.left, self.right)

    def with_parts(self, parts: "tuple[Expr, ...]") -> "Infix":
        left, right = parts
        return Infix(left, self.symbol, right)

    def label(self) -> Hashable:
        return self.symbol


@record(frozen=True, slots=True)
class Not(Composite):
    """The negation of a test: `not excite`."""

    test: "Expr"

    def parts(self) -> "tuple[Expr, ...]":
        return (self.test,)

    def with_parts(self, parts: "tuple[Expr, ...]") -> "Not":
        return Not(*parts)


@record(frozen=True, slots=True)
class Prefix(Composite):
    """An expression behind a unary operator: `-rate`."""

    symbol: str
    operand: "Expr"

    def parts(self) -> "tuple[Expr, ...]":
        return (self.operand,)

    def with_parts(self, parts: "tuple[Expr, ...]") -> "Prefix":
        return Prefix(self.symbol, *parts)

    def label(self) -> Hashable:
        return self.symbol


@record(frozen=True, slots=True)
class Conditional(Composite):
    """A conditional expression: `value if test else otherwise`."""

    value: "Expr"
    test: "Expr"
    otherwise: "Expr"

    def parts(self) -> "tuple[Expr, ...]":
        return (self.value, self.test, self.otherwise)

    def with_parts(self, parts: "tuple[Expr, ...]") -> "Conditional":
        return Conditional(*parts)


@record(frozen=True, slots=True)
class Call(Composite):
    """A call with positional and named arguments, such as `nn.Conv2d(1, 6, 5, stride=2)`.

    Each reference in `spread` names a mapping with further arguments, such as `**factory`. It is not a part
    of the call: `with_parts` keeps it.
    """

    function: "str | Expr"
    args: "tuple[Expr, ...]" = ()
    named: "tuple[tuple[str, Expr], ...]" = ()
    spread: "tuple[Expr, ...]" = ()

    def with_named(self, **values: "Expr") -> "Call":
        """Return the call with these named arguments added."""
        return Call(self.function, self.args, (*self.named, *values.items()), self.spread)

    def without(self, **defaults: object) -> "Call":
        """Return the call without the named arguments that equal PyTorch's default."""
        kept = tuple((name, value) for name, value in self.named if not _is_default(value, defaults.get(name, _ABSENT)))
        return Call(self.function, self.args, kept, self.spread)

    def without_argument(self, name: str) -> "Call":
        """Return the call without a named argument."""
        return Call(self.function, self.args, tuple(each for each in self.named if each[0] != name), self.spread)

    def parts(self) -> "tuple[Expr, ...]":
        function = () if isinstance(self.function, str) else (self.function,)
        return (*function, *self.args, *(value for _, value in self.named))

    def with_parts(self, parts: "tuple[Expr, ...]") -> "Call":
        function = self.function
        if not isinstance(function, str):
            function, *rest = parts
            parts = tuple(rest)
        count = len(self.args)
        named = tuple((name, value) for (name, _), value in zip(self.named, parts[count:], strict=True))
        return Call(function, parts[:count], named, self.spread)

    def label(self) -> Hashable:
        function = self.function if isinstance(self.function, str) else None
        return (function, tuple(name for name, _ in self.named), tuple(map(structure, self.spread)))


@record(frozen=True, slots=True)
class Method(Composite):
    """A method called on an expression: `x.flatten(1)`."""

    owner: "Expr"
    name: str
    args: "tuple[Expr, ...]" = ()

    def parts(self) -> "tuple[Expr, ...]":
        return (self.owner, *self.args)

    def with_parts(self, parts: "tuple[Expr, ...]") -> "Method":
        return Method(parts[0], self.name, parts[1:])

    def label(self) -> Hashable:
        return self.name


@record(frozen=True, slots=True)
class Sequence(Composite):
    """A list (`[`) or tuple (`(`) display; an exploded one has a line for each item."""

    items: "tuple[Expr, ...]"
    bracket: str = "["
    exploded: bool = False

    def parts(self) -> "tuple[Expr, ...]":
        return self.items

    def with_parts(self, parts: "tuple[Expr, ...]") -> "Sequence":
        return Sequence(parts, self.bracket, self.exploded)

    def label(self) -> Hashable:
        return self.bracket


@record(frozen=True, slots=True)
class Mapping(Composite):
    """A dict display; an exploded one has a line for each pair."""

    pairs: "tuple[tuple[Expr, Expr], ...]"
    exploded: bool = False

    def parts(self) -> "tuple[Expr, ...]":
        return tuple(part for pair in self.pairs for part in pair)

    def with_parts(self, parts: "tuple[Expr, ...]") -> "Mapping":
        return Mapping(tuple(zip(parts[::2], parts[1::2], strict=True)), self.exploded)


@record(frozen=True, slots=True)
class Repeat(Composite):
    """Items from a generator: `*(Block(64, 64) for _ in range(5))`, without star and parentheses if it is `bare`."""

    item: "Expr"
    variable: str
    count: int
    bare: bool = False

    def parts(self) -> "tuple[Expr, ...]":
        return (self.item,)

    def with_parts(self, parts: "tuple[Expr, ...]") -> "Repeat":
        return Repeat(parts[0], self.variable, self.count, self.bare)

    def label(self) -> Hashable:
        return (self.variable, self.count, self.bare)


@record(frozen=True, slots=True)
class Spread(Composite):
    """The items of a list as arguments: `*block`."""

    items: "Expr"

    def parts(self) -> "tuple[Expr, ...]":
        return (self.items,)

    def with_parts(self, parts: "tuple[Expr, ...]") -> "Spread":
        return Spread(*parts)


@record(frozen=True, slots=True)
class OnlyIf(Composite):
    """An item of a list that exists only if a test holds. It has no text: a constructor appends it under an `if`."""

    test: "Expr"
    item: "Expr"

    def parts(self) -> "tuple[Expr, ...]":
        return (self.test, self.item)

    def with_parts(self, parts: "tuple[Expr, ...]") -> "OnlyIf":
        return OnlyIf(*parts)


@record(frozen=True, slots=True)
class Numbered(Composite):
    """A string that contains the variable of a loop: `f"layer{i + 1}"`."""

    before: str
    number: "Expr"
    after: str = ""

    def parts(self) -> "tuple[Expr, ...]":
        return (self.number,)

    def with_parts(self, parts: "tuple[Expr, ...]") -> "Numbered":
        return Numbered(self.before, parts[0], self.after)

    def label(self) -> Hashable:
        return (self.before, self.after)


@record(frozen=True, slots=True)
class Text(Composite):
    """A string that contains numbers with their names: `f"not {kernel=}"`. Strings among the pieces are its text."""

    pieces: "tuple[Expr, ...]"

    def parts(self) -> "tuple[Expr, ...]":
        return self.pieces

    def with_parts(self, parts: "tuple[Expr, ...]") -> "Text":
        return Text(parts)


Expr: TypeAlias = (
    "int | float | bool | str | tuple[Expr, ...] | Ref | InputRef | ValueRef | ClassRef | Attribute | Infix | Prefix"
    " | Not | Conditional | Call | Method | Item | Sequence | Mapping | Repeat | OnlyIf | Spread | Numbered | Text"
    " | None"
)

_ABSENT = object()
_NO_NAMES: frozenset[str] = frozenset()


def call(function: str, *args: Expr, **named: Expr) -> Call:
    """Return the call of a function."""
    return Call(function, args, tuple(named.items()))


def union(*kinds: Expr) -> Expr:
    """Return the union of types: `torch.device | str | None`."""
    first, *rest = kinds
    for kind in rest:
        first = Infix(first, "|", kind)
    return first


def _is_default(value: Expr, default: object) -> bool:
    if isinstance(value, TracedInt | TracedFloat) or default is _ABSENT:
        return False
    return type(value) is type(default) and value == default


def mapped(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return an expression with `change` applied to every part of it, inner parts first."""
    if isinstance(expr, tuple):
        return change(tuple([mapped(part, change) for part in expr]))
    if isinstance(expr, Composite):
        before = expr.parts()
        after = tuple([mapped(part, change) for part in before])
        is_same = all([one is two for one, two in zip(before, after, strict=True)])
        return change(expr if is_same else expr.with_parts(after))
    return change(expr)


def with_inputs(expr: Expr, inputs: "tuple[Expr, ...]") -> Expr:
    """Return the code of an operator with expressions in place of its inputs."""
    return mapped(expr, lambda part: inputs[part.number or 0] if isinstance(part, InputRef) else part)


def parts(expr: Expr) -> "tuple[Expr, ...]":
    """Return the direct parts of an expression."""
    if isinstance(expr, tuple):
        return expr
    return expr.parts() if isinstance(expr, Composite) else ()


def structure(expr: Expr) -> Hashable:
    """Return a key that is equal for two expressions if and only if they print alike.

    The expressions themselves cannot serve as keys: a traced number equals the plain number.
    """
    if isinstance(expr, Composite):
        return (type(expr), expr.label(), *map(structure, expr.parts()))
    if isinstance(expr, tuple):
        return tuple(map(structure, expr))
    if has_trace(expr):
        return (type(expr), expr.trace)
    # Python takes 1, 1.0 and True for equal, and 0.0 and -0.0.
    return (type(expr), repr(expr)) if isinstance(expr, int | float) else expr
