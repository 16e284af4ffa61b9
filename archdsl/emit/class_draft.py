"""One class in the making: what its constructor sets and what its `forward` does, before equal classes are one."""

from dataclasses import dataclass, field, replace

from archdsl.base.pyexpr import Expr, Infix, Ref, ValueRef, mapped
from archdsl.base.shape import Shape
from archdsl.base.symbolic import evaluated
from archdsl.emit.scope import Scope, names_in
from archdsl.emit.statements import Statement, expressions
from archdsl.ir.graph import ChildNaming, Container, Node, Output, Path, Use


@dataclass(frozen=True, slots=True)
class Entry:
    """A submodule that the constructor makes: an attribute of this name, or a number in an `nn.Sequential`."""

    name: str
    module: Expr
    optional: bool = False


@dataclass(frozen=True, slots=True)
class ForwardStep:
    """A statement of `forward`: `variable = expr`, or with `over` the variable that is added to.

    `path` is what it computes. `expr` has a `ValueRef` for each value. `device` is where a Move leads to.
    """

    path: Path
    value: Path
    expr: Expr
    reads: tuple[Path, ...]
    shape: Shape
    label: str = ""
    tower: str = ""
    is_part: bool = False
    over: Path | None = None
    optional: bool = False
    in_training: bool = False
    device: str = ""


@dataclass(slots=True)
class ClassDraft:
    """The class of one container: a block in one use, the model, or a submodule that is no plain sequence.

    `name` is what the class would be called if no other one were, `given` are the shapes of a model's inputs, `starts`
    say how the weights of each entry start. A class that is placed makes its parts on several devices; `anchors` are
    the buffers that tell where those of them are that none of its weights lies on.
    """

    container: Container
    scope: Scope
    number: int
    name: str
    arguments: list[tuple[str, Path]]
    is_placed: bool = False
    outputs: tuple[Output, ...] = ()
    given: dict[Path, Shape] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    initialisation: list[tuple[str, Statement]] = field(default_factory=list)
    steps: list[ForwardStep] = field(default_factory=list)
    variables: dict[Path, str] = field(default_factory=dict)
    aliases: dict[Path, Path] = field(default_factory=dict)
    anchors: dict[str, str] = field(default_factory=dict)

    @property
    def is_numbered(self) -> bool:
        """Whether it is an `nn.Sequential` with a `forward` of its own."""
        return self.container.kind is ChildNaming.NUMBERED

    def written(self, expr: Expr) -> Expr:
        """Return an expression of `forward` with variables for values, and attributes for parameters."""

        def change(part: Expr) -> Expr:
            return Ref(self.variables[part.path]) if isinstance(part, ValueRef) else self.scope.as_attribute(part)

        return mapped(expr, change)

    @property
    def applied(self) -> frozenset[str]:
        """The parameters that `forward` reads, so that the constructor has to keep them."""
        return frozenset[str]().union(*(names_in(each.expr) for each in self.steps))

    @property
    def mentions(self) -> frozenset[str]:
        """The parameters that its code mentions."""
        made = (names_in(entry.module) for entry in self.entries)
        code = tuple(statement for _, statement in self.initialisation)
        return self.applied.union(*made, *map(names_in, expressions(code)))

    def initialising(self, *, optional: bool) -> list[Statement]:
        """Return the statements that initialise the weights of submodules that are, or are not, optional."""
        chosen = {entry.name for entry in self.entries if entry.optional}
        return [statement for name, statement in self.initialisation if (name in chosen) == optional]

    def origin(self, path: Path) -> Path:
        """Return the value that a step passes on."""
        return origin_of(path, self.aliases)

    def shape_of(self, path: Path) -> Shape:
        """Return the shape of a value that comes in or goes out, as the class itself sees it."""
        found = self.given.get(path) or _shape_in(self.container, path)
        assert found is not None
        return found

    def results(self) -> tuple[Path, ...]:
        """Return the values that go out."""
        return tuple(output.path for output in self.outputs) or (self.container.output,)


def resolved(step: ForwardStep, alias: dict[Path, Path], *, optional: bool) -> ForwardStep:
    """Return a step that reads what others only pass on from where it comes."""

    def change(part: Expr) -> Expr:
        return ValueRef(origin_of(part.path, alias)) if isinstance(part, ValueRef) else part

    over = origin_of(step.over, alias) if step.over else None
    return replace(
        step,
        expr=mapped(step.expr, change),
        reads=tuple(origin_of(path, alias) for path in step.reads),
        over=over,
        optional=optional,
    )


def plainly_added(step: ForwardStep) -> ForwardStep:
    """Return `z = x + y` for `y += x`, and other steps as they are."""
    if step.over is None:
        return step
    return replace(step, expr=Infix(step.expr, "+", ValueRef(step.over)), over=None)


def _shape_in(container: Container, path: Path) -> Shape | None:
    """Return the shape that a value has for those in a container who make or read it."""
    for child in container.children:
        if isinstance(child, Node):
            if child.path == path:
                return child.shape
            if path in child.sources:
                return child.inputs[child.sources.index(path)]
            continue
        if child.output == path:
            return child.shape
        if child.source == path:
            return child.input
        found = _shape_in(child, path)
        if found is not None:
            return _outside(child.use, found) if child.use else found
    if path == container.source:
        return container.input
    return container.shape if path == container.output else None


def _outside(use: Use, shape: Shape) -> Shape:
    """Return a shape in a block as it is for those who use the block."""
    given = {argument.name: argument.value for argument in use.arguments}
    return Shape(tuple(evaluated(size, given) for size in shape.dims))  # type: ignore[arg-type]


def origin_of(path: Path, alias: dict[Path, Path]) -> Path:
    """Return the value that others only pass on."""
    while path in alias:
        path = alias[path]
    return path
