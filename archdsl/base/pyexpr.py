"""The Python expressions that generated code is made of, and their printer.

Operators build these trees and never text. The printer adds quotes and parentheses and breaks long lines, in the style
of `ruff format`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from archdsl.base.symbolic import Polynomial, Quotient, TracedFloat, TracedInt

WIDTH = 88
INDENT = 4


@dataclass(frozen=True, slots=True)
class Ref:
    """A name, possibly dotted: `x`, `self.conv1`."""

    name: str


@dataclass(frozen=True, slots=True)
class Infix:
    """Two expressions with a binary operator between them."""

    left: "Expr"
    symbol: str
    right: "Expr"


@dataclass(frozen=True, slots=True)
class Call:
    """A call with positional and named arguments, such as `nn.Conv2d(1, 6, 5, stride=2)`."""

    function: "str | Expr"
    args: "tuple[Expr, ...]" = ()
    named: "tuple[tuple[str, Expr], ...]" = ()
    spread: tuple[str, ...] = ()

    def with_named(self, **values: "Expr") -> "Call":
        """Return the call with these named arguments added."""
        return Call(self.function, self.args, (*self.named, *values.items()), self.spread)

    def without(self, **defaults: object) -> "Call":
        """Return the call without the named arguments that equal PyTorch's default."""
        kept = tuple((name, value) for name, value in self.named if not _is_default(value, defaults.get(name, _ABSENT)))
        return Call(self.function, self.args, kept, self.spread)


@dataclass(frozen=True, slots=True)
class Method:
    """A method called on an expression: `x.flatten(1)`."""

    owner: "Expr"
    name: str
    args: "tuple[Expr, ...]" = ()


@dataclass(frozen=True, slots=True)
class Item:
    """An item of an expression: `weight[0]`."""

    owner: "Expr"
    index: "Expr"


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list (`[`) or tuple (`(`) display."""

    items: "tuple[Expr, ...]"
    bracket: str = "["
    exploded: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """Items that a loop makes: `*(Block(64, 64) for _ in range(5))`, without star and parentheses if it is `bare`."""

    item: "Expr"
    variable: str
    count: int
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Numbered:
    """A string with the variable of a loop in it: `f"layer{i + 1}"`."""

    before: str
    number: "Expr"
    after: str = ""


Expr: TypeAlias = (
    "int | float | bool | str | tuple[Expr, ...] | Ref | Infix | Call | Method | Item | Sequence | Repeat | Numbered"
    " | None"
)

_ABSENT = object()
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "//": 2, "%": 2}


def call(function: str, *args: Expr, **named: Expr) -> Call:
    """Return the call of a function."""
    return Call(function, args, tuple(named.items()))


def _is_default(value: Expr, default: object) -> bool:
    if isinstance(value, TracedInt | TracedFloat) or default is _ABSENT:
        return False
    return type(value) is type(default) and value == default


def mapped(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return an expression with each part replaced by the result of `change`, inner parts first."""
    match expr:
        case tuple():
            return change(tuple(mapped(part, change) for part in expr))
        case Call():
            named = tuple((name, mapped(value, change)) for name, value in expr.named)
            function = expr.function if isinstance(expr.function, str) else mapped(expr.function, change)
            args = tuple(mapped(arg, change) for arg in expr.args)
            return change(Call(function, args, named, expr.spread))
        case Method():
            args = tuple(mapped(arg, change) for arg in expr.args)
            return change(Method(mapped(expr.owner, change), expr.name, args))
        case Item():
            return change(Item(mapped(expr.owner, change), mapped(expr.index, change)))
        case Infix():
            return change(Infix(mapped(expr.left, change), expr.symbol, mapped(expr.right, change)))
        case Sequence():
            return change(Sequence(tuple(mapped(item, change) for item in expr.items), expr.bracket, expr.exploded))
        case Repeat():
            return change(Repeat(mapped(expr.item, change), expr.variable, expr.count, expr.bare))
        case Numbered():
            return change(Numbered(expr.before, mapped(expr.number, change), expr.after))
        case _:
            return change(expr)


def parts(expr: Expr) -> "tuple[Expr, ...]":
    """Return the direct parts of an expression."""
    match expr:
        case tuple():
            return expr
        case Call():
            function = () if isinstance(expr.function, str) else (expr.function,)
            return (*function, *expr.args, *(value for _, value in expr.named))
        case Method():
            return (expr.owner, *expr.args)
        case Item():
            return (expr.owner, expr.index)
        case Infix():
            return (expr.left, expr.right)
        case Sequence():
            return expr.items
        case Repeat():
            return (expr.item,)
        case Numbered():
            return (expr.number,)
        case _:
            return ()


def arithmetic(trace: Polynomial) -> Expr:
    """Return the expression that computes a traced number."""
    result: Expr = None
    for monomial, count in _positive_first(trace):
        factors: list[Expr] = [Ref(f) if isinstance(f, str) else _division(f) for f in monomial]
        if abs(count) != 1 or not factors:
            factors.insert(0, abs(count))
        term = factors[0]
        for factor in factors[1:]:
            term = Infix(term, "*", factor)
        if result is None:
            result = term if count > 0 else Infix(0, "-", term)
        else:
            result = Infix(result, "+" if count > 0 else "-", term)
    return 0 if result is None else result


def _positive_first(trace: Polynomial) -> Polynomial:
    """Return the terms of a sum, a positive one first if there is one: `a - b`, not `0 - b + a`."""
    first = next((term for term in trace if term[1] > 0), None)
    return trace if first is None else (first, *(term for term in trace if term is not first))


def _division(factor: Quotient) -> Expr:
    return Infix(arithmetic(factor.numerator), factor.symbol, arithmetic(factor.denominator))


def quoted(text: str) -> str:
    """Return a Python string literal, in double quotes."""
    body = repr("'" + text)[2:-1] if '"' not in text else repr(text)[1:-1].replace('"', '\\"').replace("\\'", "'")
    return f'"{body}"'


def flat(expr: Expr) -> str:
    """Return an expression on one line."""
    match expr:
        case TracedInt():
            return flat(arithmetic(expr.trace))
        case TracedFloat():
            return expr.name
        case str():
            return quoted(expr)
        case None | bool() | int() | float():
            return repr(expr)
        case tuple():
            return flat(Sequence(expr, "("))
        case Ref():
            return expr.name
        case Item():
            return f"{flat(expr.owner)}[{flat(expr.index)}]"
        case Infix():
            return _infix(expr)
        case Repeat():
            loop = f"{flat(expr.item)} for {expr.variable} in range({expr.count})"
            return loop if expr.bare else f"*({loop})"
        case Numbered():
            return f'f"{expr.before}{{{flat(expr.number)}}}{expr.after}"'
        case Call() | Method() | Sequence():
            opening, items, closing = _parts(expr)
            return opening + ", ".join(items) + closing


def _infix(expr: Infix) -> str:
    level = _PRECEDENCE[expr.symbol]
    left, right = flat(expr.left), flat(expr.right)
    if _level(expr.left) < level:
        left = f"({left})"
    if _level(expr.right) <= level:
        right = f"({right})"
    return f"{left} {expr.symbol} {right}"


def _level(expr: Expr) -> int:
    if isinstance(expr, TracedInt):
        expr = arithmetic(expr.trace)
    return _PRECEDENCE[expr.symbol] if isinstance(expr, Infix) else 9


def _parts(expr: Call | Method | Sequence) -> tuple[str, list[str], str]:
    match expr:
        case Call():
            head = expr.function if isinstance(expr.function, str) else flat(expr.function)
            named = [f"{name}={flat(value)}" for name, value in expr.named]
            return f"{head}(", [*map(flat, expr.args), *named, *(f"**{name}" for name in expr.spread)], ")"
        case Method():
            owner = f"({flat(expr.owner)})" if isinstance(expr.owner, Infix) else flat(expr.owner)
            return f"{owner}.{expr.name}(", [*map(flat, expr.args)], ")"
        case Sequence():
            items = [*map(flat, expr.items)]
            if expr.bracket == "(":
                return "(", items, ",)" if len(items) == 1 else ")"
            return "[", items, "]"


def lines(expr: Expr, *, prefix: str, indent: int, suffix: str = "") -> list[str]:
    """Return `prefix` and the expression, broken as `ruff format` breaks it, at `indent` columns."""
    pad = " " * indent
    text = f"{pad}{prefix}{flat(expr)}{suffix}"
    if len(text) <= WIDTH and not _explodes(expr):
        return [text]
    if isinstance(expr, TracedInt):
        expr = arithmetic(expr.trace)
    if isinstance(expr, Infix):
        return _infix_lines(expr, prefix, indent, suffix)
    if isinstance(expr, Repeat):
        return _repeat_lines(expr, indent, suffix)
    if not isinstance(expr, Call | Method | Sequence | tuple):
        return [text]
    if isinstance(expr, tuple):
        expr = Sequence(expr, "(")
    opening, items, closing = _parts(expr)
    together = f"{pad}{' ' * INDENT}{', '.join(items)}"
    head, foot = f"{pad}{prefix}{opening}", f"{pad}{closing.lstrip(',')}{suffix}"
    if len(together) <= WIDTH and not isinstance(expr, Sequence) and not _explodes(expr):
        return [head, together, foot]
    body = [line for item in _items(expr) for line in _item(item, indent + INDENT)]
    return [head, *body, foot]


def _infix_lines(expr: Infix, prefix: str, indent: int, suffix: str) -> list[str]:
    """Return a line for each operand of the operators with the lowest precedence, after its operator."""
    level = _PRECEDENCE[expr.symbol]
    operands: list[str] = []
    left: Expr = expr
    while isinstance(left, Infix) and _PRECEDENCE[left.symbol] == level:
        right = flat(left.right)
        operands.append(f"{left.symbol} ({right})" if _level(left.right) <= level else f"{left.symbol} {right}")
        left = left.left
    operands.append(f"({flat(left)})" if _level(left) < level else flat(left))
    pad = " " * indent
    if not prefix:
        return [*(pad + operand for operand in operands[:0:-1]), f"{pad}{operands[0]}{suffix}"]
    inner = " " * (indent + INDENT)
    return [f"{pad}{prefix}(", *(inner + operand for operand in reversed(operands)), f"{pad}){suffix}"]


def _repeat_lines(expr: Repeat, indent: int, suffix: str) -> list[str]:
    """Return a comprehension on several lines: the item, then the range."""
    loop = f"for {expr.variable} in range({expr.count})"
    if expr.bare:
        return [*lines(expr.item, prefix="", indent=indent), f"{' ' * indent}{loop}"]
    pad, inner = " " * indent, " " * (indent + INDENT)
    return [f"{pad}*(", *lines(expr.item, prefix="", indent=indent + INDENT), f"{inner}{loop}", f"{pad}){suffix}"]


def _items(expr: Call | Method | Sequence) -> list[tuple[str, Expr]]:
    match expr:
        case Call():
            spread: list[tuple[str, Expr]] = [("", Ref(f"**{name}")) for name in expr.spread]
            return [*(("", arg) for arg in expr.args), *((f"{name}=", value) for name, value in expr.named), *spread]
        case Method():
            return [("", arg) for arg in expr.args]
        case Sequence():
            return [("", item) for item in expr.items]


def _item(item: tuple[str, Expr], indent: int) -> list[str]:
    if isinstance(item[1], Repeat) and item[1].bare:
        return lines(item[1], prefix="", indent=indent)
    return lines(item[1], prefix=item[0], indent=indent, suffix=",")


def _explodes(expr: Expr) -> bool:
    match expr:
        case Sequence():
            return expr.exploded or any(map(_explodes, expr.items))
        case Call():
            return any(map(_explodes, (*expr.args, *(value for _, value in expr.named))))
        case Repeat():
            return _explodes(expr.item)
        case _:
            return False
