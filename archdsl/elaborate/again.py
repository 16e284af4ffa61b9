"""Elaborates a use of a block once more, with other arguments and without diagnostics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from archdsl.base.guards import recording
from archdsl.base.records import record
from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.diag.model import Problems, TooManyErrors
from archdsl.elaborate.budget import OverBudget
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.map_sizes import axis_name
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.streams import Tensor
from archdsl.elaborate.values import Value, untraced
from archdsl.elaborate.walk import Unfolded, Walk
from archdsl.ir.graph import ChildNaming, Container, Graph, Input, Output, Path
from archdsl.ir.uses import Plain

# A use has at most so many times the operations of the use that it is made from, and so many more.
_TIMES, _MORE = 4, 100


class UnfoldUse(Protocol):
    """Unfolds a call of a block with the given values of its parameters."""

    def __call__(self, walk: Walk, values: Mapping[str, Value], scope: Scope, cursor: Cursor) -> Unfolded:
        """Return the container of the block."""


@record(frozen=True, slots=True, eq=False)
class UseAgain:
    """A use of a block that can be elaborated once more. It implements `archdsl.ir.uses.Again`.

    Attributes:
        walk: The elaboration of the model; it does not change.
        unfold: Unfolds the call.
        values: The arguments of the use.
        stream: The tensor that the use reads.
        operations: The number of operations of the use.
        span: The call.
    """

    walk: Walk
    unfold: UnfoldUse
    values: Mapping[str, Value]
    stream: Tensor
    operations: int
    span: Span

    def __call__(self, changes: Mapping[str, Plain]) -> Graph | None:
        """Return a graph with the block as its only step, None if the block refuses the changed arguments."""
        given = _Given({name: value for name, value in changes.items() if name not in self.values}, self.span)
        stream = given.tensor("in", self.stream)
        values = {name: changes.get(name, given.value(name, value)) for name, value in self.values.items()}
        problems, before = Problems(), self.walk.budget.limits
        limits = Limits(min(before.operations, _TIMES * self.operations + _MORE), before.nesting)
        with recording(None):
            try:
                walk = self.walk.afresh(problems, limits)
                made, cursor = self.unfold(walk, values, Scope({}), Cursor(stream))
            except (OverBudget, TooManyErrors):
                return None
        if problems.has_errors or len(made) != 1 or not isinstance(made[0], Container):
            return None
        return self._graph(made[0], given.inputs, cursor)

    def _graph(self, made: Container, inputs: dict[Input, Path], cursor: Cursor) -> Graph:
        assert isinstance(cursor.stream, Tensor)
        output = cursor.stream.source, cursor.stream.shape
        first = next(iter(inputs))
        root = Container((), ChildNaming.NAMED, (made,), self.span, first.path, first.shape, *output)
        return Graph(
            name=made.path[-1], doc=(), source=self.span.source, span=self.span, parameters=(), inputs=(*inputs,),
            root=root, assertions=(), outputs=(Output("output", *output),),
        )  # fmt: skip


@dataclass(slots=True)
class _Given:
    """The arguments of a use with other `sizes` of their tensors. `inputs` are these, with their steps in the model."""

    sizes: Mapping[str, Plain]
    span: Span
    inputs: dict[Input, Path] = field(default_factory=dict)

    def value(self, name: str, value: Value) -> Value:
        """Return an argument without traces."""
        if isinstance(value, Tensor):
            return self.tensor(name, value)
        if isinstance(value, list | tuple):
            return type(value)(self.value(f"{name}{number}", item) for number, item in enumerate(value))
        return untraced(value)

    def tensor(self, prefix: str, tensor: Tensor) -> Tensor:
        """Return a tensor as an input; one that is given twice is one input."""
        dims = tensor.shape.dims
        names = [f"{prefix}_{axis_name(len(dims), axis)}" for axis in range(len(dims))]
        shape = Shape(tuple(int(self.sizes.get(name, size.real)) for name, size in zip(names, dims, strict=True)))
        found = next(
            (each for each, path in self.inputs.items() if path == tensor.source and each.shape == shape), None
        )
        if found is None:
            found = Input(f"input{len(self.inputs)}", shape, self.span)
            self.inputs[found] = tensor.source
        return Tensor(found.path, shape, tensor.role)
