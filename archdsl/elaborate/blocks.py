"""Uses of blocks, macros and models: arguments are bound, and the body unfolds with names of its own.

In a block the sizes of its numbers and of the stream's channels go by the block's own names, so that every use of it
computes them in the same way and one class can serve all uses. What comes out is put back into the caller's terms.
"""

import re
from typing import TYPE_CHECKING

from archdsl.base.shape import Shape
from archdsl.base.symbolic import TracedFloat, TracedInt, evaluated
from archdsl.diag import codes
from archdsl.diag.model import Label, Problems
from archdsl.elaborate import diagnostics as judging
from archdsl.elaborate.ast_queries import labels
from archdsl.elaborate.binding import WORDS
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.naming import child_name
from archdsl.elaborate.scopes import Children, Names, Site
from archdsl.elaborate.streams import Defined, Tensor
from archdsl.elaborate.suggestions import suggestion
from archdsl.elaborate.values import HOLE, untraced
from archdsl.ir.graph import Argument, ChildNaming, Container, Use, dotted
from archdsl.syntax import ast

if TYPE_CHECKING:
    from archdsl.elaborate.steps import Made, Steps

# What sizes of a stream are called in a block: those of the first axis, and in a sequence those of the last one.
_AXES = {1: {0: "features"}, 2: {0: "channels", 1: "features"}, 3: {0: "channels"}, 4: {0: "channels"}}


def call(steps: "Steps", call: ast.Call, callee: Defined, label: ast.Name | None, site: Site) -> "Made":
    """Return what the call of a block, macro or model unfolds to."""
    values = bind(steps, call, callee.definition, callee)
    if callee.definition.kind == "macro" and label:
        help = "label the steps in it, or make it a block"
        steps.problems.report(codes.LABEL_ON_GROUP, label.span, help=help)
    if values is None:
        steps.names.hole = True
        return []
    with steps.bounds.nested(call.span):
        if callee.definition.kind == "macro":
            return _expand(steps, callee, values, site)
        return _use(steps, call, callee, values, label, site)


def bind(
    steps: "Steps", call: ast.Call, definition: ast.Definition, callee: Defined, *, partly: bool = False
) -> dict[str, object] | None:
    """Return the values of a definition's parameters, or None after reporting what is wrong with the arguments.

    Defaults see the parameters before them. With `partly`, parameters that no argument is given for are left out.
    """
    known = [param.name.text for param in definition.params]
    given: dict[str, object] = {}
    sound = True
    for number, arg in enumerate(call.args):
        value = steps.evaluator.value(arg.value, words=WORDS, blocks=True)
        name = arg.name.text if arg.name else known[number] if number < len(known) else None
        if name not in known or name in given:
            _report_argument(steps, definition, arg, known, again=name in given)
            sound = False
            continue
        sound = sound and value is not HOLE
        given[name] = value
    missing = [param.name.text for param in definition.params if param.default is None and param.name.text not in given]
    if missing and not partly:
        names = " and ".join(f"`{name}`" for name in missing)
        help = f"write `{definition.name.text}({', '.join(missing)}, …)`"
        steps.problems.report(codes.NO_ARGUMENT_FOR_BLOCK, call.span, f"needs {names}", help=help)
        sound = False
    if not sound:
        return None
    return given if partly else _with_defaults(steps, definition, callee, given)


def _with_defaults(
    steps: "Steps", definition: ast.Definition, callee: Defined, given: dict[str, object]
) -> dict[str, object] | None:
    names = Names({}, definitions=callee.library.names, pinned=steps.names.pinned, meanings=steps.names.meanings)
    for param in definition.params:
        name = param.name.text
        if name in given:
            names.values[name] = given[name]
        elif param.default is not None:
            value = Evaluator(names, steps.problems, steps.bounds.limits).value(param.default, words=WORDS, blocks=True)
            if value is HOLE:
                return None
            names.values[name] = value
    return names.values


def _report_argument(
    steps: "Steps", definition: ast.Definition, arg: ast.Argument, known: list[str], *, again: bool
) -> None:
    name = definition.name.text
    takes = ", ".join(f"`{each}`" for each in known) or "no arguments"
    if again:
        steps.problems.report(codes.GIVEN_TWICE, arg.span, f"`{name}` takes {takes}")
        return
    near = suggestion(arg.name.text, known) if arg.name else None
    help = near if near and near.startswith("did") else None
    span = arg.name.span if arg.name else arg.span
    steps.problems.report(codes.NO_ARGUMENT_FOR_BLOCK, span, f"`{name}` takes {takes}", help=help)


def _used(steps: "Steps", callee: Defined) -> set[str]:
    return steps.used.setdefault(id(callee.definition), (callee, set()))[1]


def _expand(steps: "Steps", callee: Defined, values: dict[str, object], site: Site) -> "Made":
    """Return what a macro unfolds to: its steps become children of the caller."""
    outer = steps.names
    names = Names(
        values,
        definitions=callee.library.names,
        stream=outer.stream,
        hole=outer.hole,
        used=_used(steps, callee),
        pinned=outer.pinned,
        meanings=outer.meanings,
        referred=outer.referred,
        device=outer.device,
        tower=outer.tower,
    )
    definition = callee.definition
    with steps.within(names, f"in the macro {definition.name.text}"):
        inner = Site(site.path, site.children, callee.library.defaults_of(definition))
        made = steps.body(definition.body, inner)
    outer.stream, outer.hole = names.stream, names.hole
    return made


def _use(
    steps: "Steps", call: ast.Call, callee: Defined, values: dict[str, object], label: ast.Name | None, site: Site
) -> "Made":
    """Return the submodule that a block makes."""
    definition = callee.definition
    name = child_name(steps.problems, label, _snake(definition.name.text), site.children)
    before = steps.single(call.span)
    if before is None:
        return []
    entry = _Entry(steps, callee, values)
    names = entry.names(before)
    path = (*site.path, name)
    place = call.span.line if call.span.source is steps.main else f"{call.span.line} of {call.span.source.name}"
    with steps.within(names, f"in {dotted(path)}, called at line {place}"):
        children = Children(numbered=False, labels=labels(definition.body, names.blocks))
        body = _without_input(steps, call, definition) if definition.kind == "model" else definition.body
        made = steps.body(body, Site(path, children, callee.library.defaults_of(definition)))
        after = steps.single(call.span)
    if after is None:
        steps.names.hole = True
        return []
    result = Tensor(after.source, entry.outside(after.shape))
    steps.names.stream = result
    if not made:
        site.children.take_back()
        return []
    use = Use(definition.name.text, definition.doc, definition.span, entry.arguments(), entry.tensors())
    container = Container(
        path,
        ChildNaming.NAMED,
        tuple(made),
        call.span,
        before.source,
        before.shape,
        result.source,
        result.shape,
        use=use,
    )
    if label is None and not site.children.numbered and site.children.fixed is None and container.params:
        judging.unlabelled(steps, path, call)
    return [container]


def _without_input(steps: "Steps", call: ast.Call, model: ast.Definition) -> tuple[ast.Statement, ...]:
    """Return the body of a model that is a part of another one, after holding its input against the stream."""
    inputs = [statement for statement in model.body if isinstance(statement, ast.Input)]
    stream = steps.names.shape
    sizes = steps.evaluator.sizes(inputs[0].shape) if inputs else None
    if len(inputs) > 1:
        label = f"`{model.name.text}` has {len(inputs)} inputs, and one stream flows here"
        steps.problems.report(codes.NO_ARGUMENT_FOR_BLOCK, call.span, label)
        steps.names.hole = True
    elif sizes is not None and stream is not None and sizes != stream.dims:
        given = Shape(sizes)
        label = f"`{model.name.text}` takes {given}, and the stream is {stream}"
        steps.problems.report(
            codes.SHAPE_DIFFERS, call.span, label, secondary=(Label(inputs[0].span, "this is its input"),)
        )
        steps.names.hole = True
    return tuple(statement for statement in model.body if not isinstance(statement, ast.Input))


class _Entry:
    """What the names of a block stand for in one use of it: for its caller, and for the model."""

    def __init__(self, steps: "Steps", callee: Defined, values: dict[str, object]) -> None:
        self.steps = steps
        self.outer = steps.names
        self.callee = callee
        self.values = values
        self.caller: dict[str, int | float] = {}

    def names(self, stream: Tensor) -> Names:
        """Return the scope of the block's body, entered with this stream."""
        local = {name: self._local(name, value) for name, value in self.values.items()}
        entered = self._tensor("in", stream)
        meanings = {name: self.outer.meaning(value) for name, value in self.caller.items()}
        return Names(
            local,
            definitions=self.callee.library.names,
            stream=entered,
            used=_used(self.steps, self.callee),
            pinned=self.outer.pinned,
            meanings=meanings,
            device=self.outer.device,
            tower=self.outer.tower,
        )

    def _local(self, name: str, value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
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
        sizes = []
        axes = _AXES.get(tensor.shape.rank, {})
        for axis, size in enumerate(tensor.shape.dims):
            name = f"{prefix}_{axes[axis]}" if axis in axes else ""
            if not name or name in self.values:
                self.outer.pin(size)
                sizes.append(int(size))
                continue
            self.caller[name] = size
            sizes.append(TracedInt.parameter(name, int(size)))
        return Tensor(tensor.source, Shape(tuple(sizes)))

    def outside(self, shape: Shape) -> Shape:
        """Return a shape in the terms of the caller."""
        return Shape(tuple(evaluated(size, self.caller) for size in shape.dims))  # type: ignore[arg-type]

    def arguments(self) -> tuple[Argument, ...]:
        """Return the numbers that the block was given, those of the stream first."""
        given = sorted(self.caller, key=lambda name: name in self.values)
        return tuple(Argument(name, self.caller[name], self._default(name)) for name in given)

    def _default(self, name: str) -> int | float | None:
        """Return the default of a parameter if it is a number, or computed from the other parameters."""
        params = self.callee.definition.params
        default = next((param.default for param in params if param.name.text == name), None)
        if default is None:
            return None
        own = {each: self._named(each) for each in self.values if each != name}
        names = Names({each: value for each, value in own.items() if value is not None})
        value = Evaluator(names, Problems(), self.steps.bounds.limits).value(default)
        return value if isinstance(value, int | float) and not names.pinned else None

    def _named(self, name: str) -> int | float | None:
        """Return a number that the block was given, as the block itself calls it."""
        value = self.caller.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return TracedInt.parameter(name, int(value))
        return TracedFloat.parameter(name, value) if isinstance(value, float) else None

    def tensors(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return the tensors that the block was given as arguments, by their names."""
        return tuple((name, value.source) for name, value in self.values.items() if isinstance(value, Tensor))


def _snake(name: str) -> str:
    """Return what an unlabelled use of a block is called: `dense_layer` for DenseLayer."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def difference_is_settled(one: int, other: int) -> bool:
    """Whether two sizes are the same, or differ, whatever the parameters are that they are computed from."""
    difference = one - other
    if not isinstance(difference, TracedInt):
        return True
    if any(not isinstance(factor, str) for monomial, _ in difference.trace for factor in monomial):
        return False
    counts = [count for _, count in difference.trace]
    return all(count > 0 for count in counts) or all(count < 0 for count in counts)
