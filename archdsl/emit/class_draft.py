"""Drafts of classes: the submodules and the `forward` of each container, before equal classes are merged."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from archdsl.base.guards import Guard
from archdsl.base.pyexpr import Attribute, Call, ClassRef, Composite, Expr, Infix, Ref, ValueRef, mapped, parts
from archdsl.base.pynumbers import walk
from archdsl.base.records import record
from archdsl.base.shape import Shape
from archdsl.emit.class_parameters import ClassParameters, names_in
from archdsl.emit.statements import Statement, expressions
from archdsl.ir.graph import ChildNaming, Container, Node, Output, Path
from archdsl.ir.origin import Choice
from archdsl.ir.uses import Argument
from archdsl.passes.transfers import PROCESS_GROUP, Exchange

# The argument of `forward` that a use leaves out, because other uses have the tensor only.
NO_TENSOR: Path = ("", "none")


@record(frozen=True, slots=True)
class Entry:
    """A submodule that the constructor creates: an attribute, or a numbered item of an `nn.ModuleList`.

    `test` is the condition of a submodule that only some uses of a merged class have. With `passes`, the others have an
    identity in its place.
    """

    name: str
    module: Expr
    passes: bool = False
    test: Expr = None


@record(frozen=True, slots=True)
class ForwardStep:
    """A statement of `forward`: `variable = expr`, or `variable += expr` if `over` is set.

    Attributes:
        path: The step of the graph that the statement computes.
        value: The tensor that it assigns; the output of a submodule has the path of the step that computes it.
        expr: The expression, with a `ValueRef` for each tensor.
        reads: The tensors that the expression reads.
        shape: The shape of the result, without the batch.
        label: A name for the variable; empty if the author gave none.
        tower: The tower of a group that the step is in; empty outside groups.
        is_merged: Whether the only reader of the result is a step with several inputs.
        over: The tensor that `+=` overwrites.
        passes: Whether the identity stands for the step in the uses of a merged class that lack it.
        in_training: Whether only training needs the result.
        device: The target device of a move.
        tests: The flags that are on, and those that are off, in the uses of a merged class that have the step. The name
            of an optional tensor stands for its presence.
    """

    path: Path
    value: Path
    expr: Expr
    reads: tuple[Path, ...]
    shape: Shape
    label: str = ""
    tower: str = ""
    is_merged: bool = False
    over: Path | None = None
    passes: bool = False
    in_training: bool = False
    device: str = ""
    tests: tuple[tuple[str, bool], ...] = ()


@dataclass(slots=True)
class ClassDraft:
    """The class of one container: the model, one use of a block, or a submodule that is not a plain sequence.

    Attributes:
        container: The container that the class computes.
        parameters: The parameters that its code can use.
        number: The position in the list of drafts.
        name: The preferred name of the class.
        arguments: The arguments of `forward`: names and tensors; `NO_TENSOR` if the use leaves one out.
        is_placed: Whether the class creates its submodules on several devices.
        outputs: The outputs of a model; empty for other classes.
        given: The shapes of a model's inputs.
        entries: The submodules that the constructor creates.
        positions: The number of each entry, by name.
        initialisation: Statements that initialise weights, each with the name of its entry.
        steps: The statements of `forward`.
        variables: The variable of each tensor.
        aliases: Tensors that a step returns unchanged, with the tensors that they equal.
        anchors: Buffers by device. Each marks a device on which the class has no weights of its own.
        guards: The conditions on the parameters under which the class is this one.
        whole: The statements of `forward` before optional ones share variables with others.
        whole_aliases: The aliases before that.
        operators: For each parameter of the block that is an operator, the constructor of its module.
        operator_types: Of a merged draft, the types of the arguments that are operators.
        open_tests: Of a merged draft, the tests that have both values among its uses.
        closed_tests: Of a merged draft, the tests on arguments without traces that have one value among its uses.
        opened: Of a merged draft, the guards of these tests in each draft that was merged, by number.
        forms: Of a merged draft, the form of each draft that was merged, by number.
        sides: Of a merged draft, for each step its number among the steps of each form that has it.
        probe: The number of the probe that it belongs to, None for a draft of the net.
        flags: Of a merged draft, the truth values that its code reads as attributes, with their tests.
        optional: The arguments of `forward` that some uses of the block leave out.
        present: For each parameter that is a tensor in some uses of the block, the size that is 0 where it is none.
        optional_sizes: The sizes of tensors that some uses of the block leave out.
        optional_numbers: The arguments that are numbers in some uses of the block, and None in others.
    """

    container: Container
    parameters: ClassParameters
    number: int
    name: str
    arguments: list[tuple[str, Path]]
    is_placed: bool = False
    outputs: tuple[Output, ...] = ()
    given: dict[Path, Shape] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    initialisation: list[tuple[str, Statement]] = field(default_factory=list)
    steps: list[ForwardStep] = field(default_factory=list)
    variables: dict[Path, str] = field(default_factory=dict)
    aliases: dict[Path, Path] = field(default_factory=dict)
    anchors: dict[str, str] = field(default_factory=dict)
    guards: tuple[Guard, ...] = ()
    whole: list[ForwardStep] = field(default_factory=list)
    whole_aliases: dict[Path, Path] = field(default_factory=dict)
    operators: dict[str, Expr] = field(default_factory=dict)
    open_tests: list[Expr] = field(default_factory=list)
    closed_tests: list[Expr] = field(default_factory=list)
    opened: dict[int, frozenset[tuple[object, ...]]] = field(default_factory=dict)
    forms: dict[int, int] = field(default_factory=dict)
    sides: list[dict[int, int]] = field(default_factory=list)
    probe: int | None = None
    flags: dict[str, Expr] = field(default_factory=dict)
    operator_types: dict[str, Expr] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    present: dict[str, str] = field(default_factory=dict)
    optional_sizes: tuple[str, ...] = ()

    @property
    def numbers_given(self) -> tuple[Argument, ...]:
        """The numbers that its caller gives to it; the sizes of a tensor that it leaves out are 0."""
        use = self.container.use
        assert use
        if not self.optional_sizes:
            return use.arguments
        known = {each.name for each in use.arguments}
        given = (replace(each, default=0) if each.name in self.optional_sizes else each for each in use.arguments)
        return (*given, *(Argument(name, 0, 0) for name in self.optional_sizes if name not in known))

    @property
    def absent_sizes(self) -> list[str]:
        """The sizes of the tensors that it leaves out."""
        known = {each.name for each in self.container.use.arguments} if self.container.use else set()
        return [name for name in self.optional_sizes if name not in known]

    optional_numbers: frozenset[str] = frozenset()

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The arguments of the block that are no numbers."""
        return self.container.use.choices if self.container.use else ()

    @property
    def definition(self) -> tuple[str, int] | None:
        """The place of the block that it is a use of, None for other submodules."""
        use = self.container.use
        return (use.span.source.name, use.span.start) if use else None

    @property
    def is_called(self) -> bool:
        """Whether a draft of the net or of a probe constructs its class; nothing constructs that of a probe itself."""
        return self.probe is None or len(self.container.path) > 1

    @property
    def bodies(self) -> tuple[tuple[str, str], ...]:
        """The names and keys of its arguments that shape its steps: blocks, and macros of several steps."""
        return tuple((each.body, each.text) for each in self.choices if each.body)

    @property
    def unit(self) -> tuple[object, ...] | None:
        """A key that is equal for uses of a block that can share a class, None for other submodules."""
        return (*self.definition, *self.bodies) if self.definition else None

    @property
    def is_numbered(self) -> bool:
        """Whether the class is an `nn.ModuleList`: its submodules are numbered, and no sequence."""
        return self.container.kind is ChildNaming.NUMBERED

    @property
    def takes_group(self) -> bool:
        """Whether the constructor takes the process group: the class or one that it creates gathers tensors."""
        return _gathers(self.container, runs=not self.container.inline)

    @property
    def gathers(self) -> bool:
        """Whether `forward` gathers the tensors of a process group."""
        return self.takes_group and any(part == PROCESS_GROUP for each in self.steps for part in walk(each.expr))

    def written(self, expr: Expr) -> Expr:
        """Return an expression of `forward` with variables for values, and attributes for parameters."""

        def change(part: Expr) -> Expr:
            return Ref(self.variables[part.path]) if isinstance(part, ValueRef) else self.parameters.as_attribute(part)

        if _calls_own(expr):
            return Call(expr.function, tuple([change(each) for each in expr.args]))
        return mapped(expr, change)

    @property
    def applied(self) -> frozenset[str]:
        """The parameters that `forward` reads. The constructor stores them as attributes."""
        return frozenset[str]().union(*(names_in(each.expr) for each in self.steps))

    @property
    def mentions(self) -> frozenset[str]:
        """The parameters that the code of the class reads."""
        tests = [*(entry.test for entry in self.entries), *self.flags.values()]
        made = (names_in(expr) for expr in (*(entry.module for entry in self.entries), *tests))
        code = tuple(statement for _, statement in self.initialisation)
        return self.applied.union(*made, *map(names_in, expressions(code)))

    def origin(self, path: Path) -> Path:
        """Return the tensor that a tensor is an alias of, or the tensor itself."""
        return origin_of(path, self.aliases)

    def origin_in_whole(self, path: Path) -> Path:
        """Return the tensor that a tensor is an alias of, where optional steps are no aliases."""
        return origin_of(path, self.whole_aliases)

    def shape_of(self, path: Path) -> Shape:
        """Return the shape of an argument or result of `forward`, in the parameters of this class."""
        found = self.known_shape(path)
        assert found is not None
        return found

    def known_shape(self, path: Path) -> Shape | None:
        """Return the shape of an argument or result of `forward`, None if no step reads or computes it."""
        return self.given.get(path) or _shape_in(self.container, path)

    def results(self) -> tuple[Path, ...]:
        """Return the tensors that `forward` returns."""
        return tuple(output.path for output in self.outputs) or (self.container.output,)


def _gathers(container: Container, *, runs: bool) -> bool:
    """Return whether a container has steps that gather tensors. Its own steps count only with `runs`."""
    return any(
        (runs and isinstance(child.op, Exchange))
        if isinstance(child, Node)
        else _gathers(child, runs=runs or not child.inline)
        for child in container.children
    )


def _calls_own(expr: Expr) -> TypeGuard[Call]:
    """Return whether an expression applies a submodule of `self` to tensors."""
    return (
        isinstance(expr, Call)
        and isinstance(expr.function, Attribute)
        and isinstance(expr.function.owner, Ref)
        and not expr.named
        and all(isinstance(each, ValueRef) for each in expr.args)
    )


def resolved(step: ForwardStep, alias: dict[Path, Path]) -> ForwardStep:
    """Return a step that reads the origin of each alias."""

    def change(part: Expr) -> Expr:
        return ValueRef(origin_of(part.path, alias)) if isinstance(part, ValueRef) else part

    if not alias:
        return step
    over = origin_of(step.over, alias) if step.over else None
    return replace(
        step,
        expr=mapped(step.expr, change),
        reads=tuple(origin_of(path, alias) for path in step.reads),
        over=over,
    )


def without_overwriting(step: ForwardStep) -> ForwardStep:
    """Return `z = x + y` for `y += x`, and any other step unchanged."""
    if step.over is None:
        return step
    return replace(step, expr=Infix(step.expr, "+", ValueRef(step.over)), over=None)


def _shape_in(container: Container, path: Path) -> Shape | None:
    """Return the shape of a tensor as the steps of a container see it, None if no step reads or computes it."""
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
            return child.use.outside(found) if child.use else found
    if path == container.source:
        return container.input
    return container.shape if path == container.output else None


def origin_of(path: Path, alias: dict[Path, Path]) -> Path:
    """Return the tensor at the end of a chain of aliases."""
    origin = path
    while origin in alias:
        origin = alias[origin]
    # The next look-up of the chain takes one step.
    while path != origin:
        alias[path], path = origin, alias[path]
    return origin


def constructions(expr: Expr) -> Iterator[tuple[Call, int]]:
    """Yield the calls in an expression that construct a generated class, each with the number of its draft."""
    if isinstance(expr, Call) and isinstance(expr.function, ClassRef):
        yield expr, expr.function.number
    for part in parts(expr):
        if isinstance(part, Composite | tuple):
            yield from constructions(part)
