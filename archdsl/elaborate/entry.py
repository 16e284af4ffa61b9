"""The entry of a block: its arguments and its input, traced to the block's own names."""

from collections.abc import Mapping

from archdsl.base.shape import Shape
from archdsl.base.symbolic import TracedFloat, TracedInt, evaluated
from archdsl.diag.model import Problems
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.definitions import Defined
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.scopes import Children, Scope, UsageLog
from archdsl.elaborate.streams import Tensor
from archdsl.elaborate.values import MaybeValue, Number, Value, is_number, is_whole, untraced
from archdsl.elaborate.walk import Walk
from archdsl.ir.graph import Argument, Path
from archdsl.syntax import ast

# Names of the traced axes of a block's input by its rank: the first axis, and in a sequence the last one.
_AXES = {1: {0: "features"}, 2: {0: "channels", 1: "features"}, 3: {0: "channels"}, 4: {0: "channels"}}


class Entry:
    """The values of a block's names in one use: traced to these names in the block, and in the caller's terms."""

    def __init__(self, walk: Walk, callee: Defined, values: Mapping[str, Value], outer: Scope) -> None:
        self.walk = walk
        self.callee = callee
        self.values = values
        self.outer = outer
        self.caller: dict[str, Number] = {}

    @property
    def blocks(self) -> dict[str, Defined]:
        """The blocks among the arguments."""
        return {name: value for name, value in self.values.items() if isinstance(value, Defined)}

    def scope(self, stream: Tensor, path: Path, children: Children, usage: UsageLog) -> tuple[Scope, Tensor]:
        """Return the scope of the block's body, and its input as the body sees it."""
        local = {name: self._local(name, value) for name, value in self.values.items()}
        start = self._tensor("in", stream)
        meanings = {name: self.outer.meaning(value) for name, value in self.caller.items()}
        library = self.callee.library
        defaults = library.defaults_of(self.callee.definition)
        scope = Scope(local, library.names, usage, path, children, defaults, frozenset(local), meanings=meanings)
        return scope, start

    def _local(self, name: str, value: Value) -> Value:
        """Return an argument as the block's body sees it."""
        if is_whole(value):
            self.caller[name] = value
            return TracedInt.parameter(name, int(value))
        if isinstance(value, float):
            self.caller[name] = value
            return TracedFloat.parameter(name, value)
        if isinstance(value, Tensor):
            return self._tensor(name, value)
        self.outer.pin(value)
        return untraced(value)

    def _tensor(self, prefix: str, tensor: Tensor) -> Tensor:
        sizes: list[int] = []
        dims = tensor.shape.dims
        axes = _AXES.get(len(dims), {})
        for axis, size in enumerate(dims):
            name = f"{prefix}_{axes[axis]}" if axis in axes else ""
            if not name or name in self.values:
                self.outer.pin(size)
                sizes.append(int(size))
                continue
            self.caller[name] = size
            sizes.append(TracedInt.parameter(name, int(size)))
        return Tensor(tensor.source, Shape(tuple(sizes)), tensor.role)

    def outside(self, shape: Shape) -> Shape:
        """Return a shape in the terms of the caller."""
        return Shape(tuple(evaluated(size, self.caller) for size in shape.dims))  # type: ignore[arg-type]

    def arguments(self) -> tuple[Argument, ...]:
        """Return the numbers that the block was given: sizes of its inputs first, then arguments."""
        given = sorted(self.caller, key=lambda name: name in self.values)
        return tuple(Argument(name, self.caller[name], self._default(name)) for name in given)

    def _default(self, name: str) -> Number | None:
        """Return the default of a parameter if it is a number, computed from the block's other parameters."""
        if name not in self.values:
            return None
        params = self.callee.definition.params
        default = next((param.default for param in params if param.name.text == name), None)
        if default is None:
            return None
        if isinstance(default, ast.Literal):
            return default.value if is_number(default.value) else None
        own = ((each, self._named(each)) for each in self.values if each != name)
        values: dict[str, MaybeValue] = {each: value for each, value in own if value is not None}
        scope = Scope(values)
        value = Evaluator(Problems(), self.walk.budget.limits).value(default, scope, Cursor())
        return value if is_number(value) and not scope.usage.pinned else None

    def _named(self, name: str) -> Number | None:
        """Return a number that the block was given, traced to the block's name for it."""
        value = self.caller.get(name)
        if isinstance(value, float):
            return TracedFloat.parameter(name, value)
        return None if value is None else TracedInt.parameter(name, int(value))

    def tensors(self) -> tuple[tuple[str, Path], ...]:
        """Return the tensors among the arguments, by the parameters' names."""
        return tuple((name, value.source) for name, value in self.values.items() if isinstance(value, Tensor))
