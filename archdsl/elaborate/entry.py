"""The entry of a block: its arguments and its input, traced to the block's own names."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeGuard

from archdsl.base.guards import Guard, recording
from archdsl.base.items import is_item, item_name, number_of_item, owner_of
from archdsl.base.shape import Shape
from archdsl.base.substitution import evaluated
from archdsl.base.symbolic import TracedFloat, TracedInt
from archdsl.diag.model import Problems
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.definitions import Defined
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.map_sizes import axis_name, is_map_size, may_be_channels, reads_map_sizes
from archdsl.elaborate.scopes import Children, Scope, UsageLog
from archdsl.elaborate.streams import Tensor
from archdsl.elaborate.values import MaybeValue, Number, Value, fix, is_number, is_whole, untraced
from archdsl.elaborate.walk import Walk
from archdsl.ir.graph import Path
from archdsl.ir.origin import Choice
from archdsl.ir.uses import Argument
from archdsl.ops.argument_types import Word, shown
from archdsl.syntax import ast


class Entry:
    """The values of a block's names in one use: traced to these names in the block, and in the caller's terms.

    The sizes of a map are traced only in blocks that read them: formulas of windows cost time.
    """

    def __init__(self, walk: Walk, call: ast.Call, callee: Defined, values: Mapping[str, Value]) -> None:
        self.walk = walk
        self.call = call
        self.callee = callee
        self.values = values
        self.caller: dict[str, Number] = {}
        self.map_sizes: set[str] = set()
        self.traces_maps = reads_map_sizes(walk, callee, self.blocks)

    @property
    def blocks(self) -> dict[str, Defined]:
        """The blocks among the arguments."""
        return {name: value for name, value in self.values.items() if isinstance(value, Defined)}

    def scope(self, stream: Tensor, path: Path, children: Children, usage: UsageLog) -> tuple[Scope, Tensor]:
        """Return the scope of the block's body, and its input as the body sees it."""
        local = {name: self._local(name, value) for name, value in self.values.items()}
        start = self._tensor("in", stream)
        library = self.callee.library
        defaults = library.defaults_of(self.callee.definition)
        aliases = {name: name for name, value in local.items() if isinstance(value, Tensor) or _is_choice(value)}
        scope = Scope(local, library.names, usage, path, children, defaults, frozenset(local), aliases=aliases)
        return scope, start

    def _local(self, name: str, value: Value) -> Value:
        """Return an argument as the block's body sees it."""
        if is_whole(value):
            self.caller[name] = value
            return TracedInt.parameter(name, value.real)
        if isinstance(value, float):
            self.caller[name] = value
            return TracedFloat.parameter(name, value)
        if isinstance(value, Tensor):
            return self._tensor(name, value)
        if isinstance(value, list | tuple) and _holds_tensor(value):
            return type(value)(self._local(f"{name}{number}", item) for number, item in enumerate(value))
        if _is_of_numbers(value):
            return type(value)(self._local(item_name(name, number), item) for number, item in enumerate(value))
        fix(value, self.call.span)
        return untraced(value)

    def _tensor(self, prefix: str, tensor: Tensor) -> Tensor:
        sizes: list[int] = []
        dims = tensor.shape.dims
        for axis, size in enumerate(dims):
            name, of_map = f"{prefix}_{axis_name(len(dims), axis)}", is_map_size(len(dims), axis)
            is_fixed = of_map and not (self.traces_maps or may_be_channels(len(dims), axis))
            if is_fixed or name in self.values or name in self.caller:
                fix(size, self.call.span, of_map=True)
                sizes.append(size.real)
                continue
            self.caller[name] = size
            self.map_sizes |= {name} if of_map else set()
            sizes.append(TracedInt.parameter(name, size.real))
        return Tensor(tensor.source, Shape(tuple(sizes)), tensor.role)

    def outside(self, shape: Shape) -> Shape:
        """Return a shape in the terms of the caller."""
        sizes = tuple(evaluated(size, self.caller) for size in shape.dims)
        return Shape(sizes)

    def arguments(self) -> tuple[Argument, ...]:
        """Return the numbers that the block was given: sizes of its inputs first, then arguments."""
        given = sorted(self.caller, key=lambda name: owner_of(name) in self.values)
        return tuple(
            Argument(name, self.caller[name], self._default(name), of_map=name in self.map_sizes) for name in given
        )

    def choices(self, aliases: Mapping[str, str]) -> tuple[Choice, ...]:
        """Return the arguments that are no numbers, with the parameters of the caller that they are."""
        return tuple(
            Choice(
                name,
                untraced(value),
                _text(value),
                aliases.get(name, ""),
                _body(value),
                self._plain_default(name),
                is_default=self._is_default(name, value),
            )
            for name, value in self.values.items()
            if _is_choice(value)
        )

    def _written_default(self, name: str) -> ast.Expr | None:
        """Return the default of a parameter, None for other names."""
        params = self.callee.definition.params if name in self.values else ()
        return next((param.default for param in params if param.name.text == name), None)

    def _plain_default(self, name: str) -> bool | str | None:
        """Return the default of a parameter if it is written as a truth value or a string."""
        default = self._written_default(name)
        value = default.value if isinstance(default, ast.Literal) else None
        return value if isinstance(value, bool | str) else None

    def _is_default(self, name: str, value: Value) -> bool:
        """Return whether `none` or a word is the default of a parameter."""
        default = self._written_default(name)
        if isinstance(default, ast.Literal):
            return default.value is None and value is None
        return isinstance(default, ast.Name) and isinstance(value, Word) and value.text == default.text

    def _default(self, name: str) -> Number | None:
        """Return the default of a parameter if it is a number, computed from the block's other parameters."""
        owner = owner_of(name)
        default = self._written_default(owner)
        if default is None:
            return None
        if isinstance(default, ast.Literal):
            return default.value if is_number(default.value) and owner == name else None
        own = ((each, self._named(each)) for each in self.values if each != owner)
        values: dict[str, MaybeValue] = {each: value for each, value in own if value is not None}
        guards: list[Guard] = []
        with recording(guards):
            value = Evaluator(Problems(), self.walk.budget.limits).value(default, Scope(values), Cursor())
        if is_item(name):
            # The default of a list is one for an item only if both have as many items.
            items = value if isinstance(value, list | tuple) else ()
            given = self.values[owner]
            is_alike = isinstance(given, list | tuple) and len(items) == len(given)
            value = items[number_of_item(name)] if is_alike else None
        return value if is_number(value) and not guards else None

    def _named(self, name: str) -> "Value | None":
        """Return a number or a list that the block was given, traced to the block's name for it."""
        given = self.values[name]
        if _is_of_numbers(given):
            items = (self._named_number(item_name(name, number)) for number in range(len(given)))
            return type(given)(item for item in items if item is not None)
        return self._named_number(name)

    def _named_number(self, name: str) -> Number | None:
        value = self.caller.get(name)
        if isinstance(value, float):
            return TracedFloat.parameter(name, value)
        return None if value is None else TracedInt.parameter(name, value.real)

    def tensors(self) -> tuple[tuple[str, Path], ...]:
        """Return the tensors among the arguments, by the parameters' names."""
        return tuple(_tensors(self.values.items()))


def _tensors(named: Iterable[tuple[str, Value]]) -> Iterator[tuple[str, Path]]:
    for name, value in named:
        if isinstance(value, Tensor):
            yield name, value.source
        elif isinstance(value, list | tuple):
            yield from _tensors((f"{name}{number}", item) for number, item in enumerate(value))


def _text(value: Value) -> str:
    """Return a text that is equal for equal values."""
    if isinstance(value, Defined):
        name = value.definition.name
        return f"{name.text} at {name.span.start} of {name.span.source.name}"
    return f"{type(value).__name__} {shown(value)}"


def _body(value: Value) -> str:
    """Return the name of a block or macro of several steps; empty for other values."""
    return value.definition.name.text if isinstance(value, Defined) and not value.is_operator else ""


def _is_choice(value: object) -> bool:
    """Return whether a value is neither a number, nor a list of numbers, nor has a tensor in it."""
    if isinstance(value, list | tuple):
        return not _holds_tensor(value) and not _is_of_numbers(value)
    return isinstance(value, bool) or not isinstance(value, int | float | Tensor)


def _is_of_numbers(value: object) -> TypeGuard[list[Value] | tuple[Value, ...]]:
    """Return whether a value is a list of integers or of floats: each item of it is traced."""
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(map(is_whole, value)) or all(isinstance(item, float) for item in value)


def _holds_tensor(items: list[Value] | tuple[Value, ...]) -> bool:
    return any(isinstance(item, Tensor) or (isinstance(item, list | tuple) and _holds_tensor(item)) for item in items)
