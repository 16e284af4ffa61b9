"""The interface of the walk over statements that the forms of the language use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.base.source import Source, Span
from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.elaborate.arguments import Binder, Bound
from archdsl.elaborate.budget import Budget
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.definitions import Defined
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.streams import Bundle, Tensor
from archdsl.ir.assertions import Assertion
from archdsl.ir.graph import Container, Input, Node, Path
from archdsl.ir.origin import Origin
from archdsl.syntax import ast
from archdsl.syntax.ast_queries import Below

Made: TypeAlias = list[Node | Container]


class Unfolded(NamedTuple):
    """The result of steps: the children that they made, in order, and the cursor after them."""

    made: Made
    cursor: Cursor


@dataclass(slots=True)
class GraphParts:
    """The parts of a graph that exist so far.

    `roles` has the roles of inputs and results by their paths. `readers` maps an input to whether indices are read from
    it, and the call that reads it first. `blocks` maps the identity of a definition to the parameters that some use of
    it has read.
    """

    inputs: list[Input] = field(default_factory=list)
    nodes: dict[Path, Node] = field(default_factory=dict)
    roles: dict[Path, Role] = field(default_factory=dict)
    readers: dict[Path, tuple[bool, ast.Call]] = field(default_factory=dict)
    assertions: list[Assertion] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    blocks: dict[int, tuple[Defined, set[str]]] = field(default_factory=dict)


class Walk(Protocol):
    """Unfolds statements and steps.

    `shapes` are the shapes that replace those of inputs; the first input has the key None. `labels` keeps the labels in
    the bodies of blocks, and `reads_map_sizes` whether they mention sizes of a map, by the identities of their
    definitions. `origin` is the statement that is unfolded.
    """

    main: Source
    shapes: Mapping[str | None, Shape]
    problems: Problems
    budget: Budget
    evaluator: Evaluator
    binder: Binder
    parts: GraphParts
    labels: dict[int, frozenset[str]]
    origin: Origin | None
    reads_map_sizes: dict[int, bool]

    def afresh(self, problems: Problems, limits: Limits) -> "Walk":
        """Return a walk that unfolds a part of the net apart from everything else."""

    def body(self, statements: tuple[ast.Statement, ...], scope: Scope, cursor: Cursor) -> Unfolded:
        """Unfold the statements of a body."""

    def statement(self, statement: ast.Statement, scope: Scope, cursor: Cursor, below: Below) -> tuple[Scope, Unfolded]:
        """Unfold a statement, and return the scope of the statements `below` with the result."""

    def chain(self, chain: ast.Chain, scope: Scope, cursor: Cursor) -> Unfolded:
        """Unfold the steps of a chain."""

    def step(self, step: ast.Step, scope: Scope, cursor: Cursor) -> Unfolded:
        """Unfold a step with its repetitions."""

    def unit(self, step: ast.Step, label: ast.Name | None, scope: Scope, cursor: Cursor) -> Unfolded:
        """Unfold a step once."""

    def labels_in(self, unit: ast.Braces | ast.Numbered | ast.Towers, scope: Scope) -> set[str]:
        """Return the labels of the children of a container."""

    def place(
        self, bound: Bound, path: Path, inputs: tuple[Tensor, ...], scope: Scope, cursor: Cursor, *, labelled: bool
    ) -> Unfolded:
        """Add the node of an operator to the graph; its output becomes the stream."""


def stopped(cursor: Cursor) -> Unfolded:
    """Return the result of a step that made nothing because of a mistake."""
    return Unfolded([], cursor.error())


def single(walk: Walk, cursor: Cursor, span: Span) -> Tensor | None:
    """Return the stream, or None where there is none; several streams are reported."""
    stream = cursor.stream
    if isinstance(stream, Tensor):
        return stream
    if isinstance(stream, Bundle):
        help = "merge them with `concat` or `add`"
        walk.problems.report(codes.SEVERAL_STREAMS, span, f"{len(stream.tensors)} streams flow here", help=help)
    return None
