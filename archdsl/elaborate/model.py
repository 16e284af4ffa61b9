"""Unfolds a model of a file to a graph."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from archdsl.base.guards import recording
from archdsl.base.shape import Shape
from archdsl.diag import codes
from archdsl.diag.model import Label, Problems
from archdsl.elaborate import control, layout
from archdsl.elaborate.budget import OverBudget
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.definitions import Library
from archdsl.elaborate.labels import labels
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.parameters import ModelParameters, model_parameters
from archdsl.elaborate.roles import input_role
from archdsl.elaborate.scopes import Children, Labelled, Scope, UsageLog
from archdsl.elaborate.settings import SettingError, require_inputs, setting_value
from archdsl.elaborate.steps import Steps
from archdsl.elaborate.streams import Tensor
from archdsl.elaborate.values import ERROR, MaybeValue
from archdsl.elaborate.walk import Made, Unfolded, single
from archdsl.ir.graph import ChildNaming, Container, Graph, Input, Output, Parameter
from archdsl.syntax import ast
from archdsl.syntax.ast_queries import Below
from archdsl.target.reserved import free_output, why_no_label, why_no_output, why_no_parameter


def elaborate(
    library: Library,
    model: ast.Definition,
    problems: Problems,
    *,
    settings: Mapping[str, object] | None = None,
    shapes: Mapping[str | None, Shape] | None = None,
    limits: Limits = Limits(),  # noqa: B008
    inputs: list[Input] | None = None,
) -> Graph | None:
    """Return the graph of a model, or None after a mistake, which is reported here or was reported by the parser.

    The inputs that the model declares are appended to `inputs`, also after a mistake.

    `shapes` replace the shapes of inputs; the first input has the key None. The shapes that the model states are not
    checked then.

    Raises SettingError where `settings` names a parameter that the model does not have or gives it an object that is
    not a value of the language, and where `shapes` names an input that the model does not have.
    """
    steps = Steps(problems, limits, library.file.source, dict(shapes or {}))
    given = {name: setting_value(name, value) for name, value in (settings or {}).items()}
    try:
        usage = UsageLog()
        with recording(usage.guards):
            parameters = model_parameters(steps, model, library, given, usage)
            graph = _Unfolding(model, parameters, steps, bool(given)).graph() if parameters else None
    except OverBudget:
        return None
    finally:
        if inputs is not None:
            inputs += steps.parts.inputs
    return None if problems.has_errors else graph


@dataclass(slots=True)
class _Unfolding:
    """The unfolding of a model. `overridden` says that parameters have values from outside."""

    model: ast.Definition
    parameters: ModelParameters
    steps: Steps
    overridden: bool
    outputs: list[Output] = field(default_factory=list)
    dimensions: dict[str, MaybeValue] = field(default_factory=dict)
    begun: bool = False

    def graph(self) -> Graph | None:
        """Return the graph, or None after a mistake."""
        steps, body = self.steps, self.parameters.base.definition.body
        scope = self.parameters.scope
        scope = scope.within((), Children(numbered=False, labels=labels(body, scope.block).texts))
        made, cursor = self._statements(body, scope, Cursor())
        if not self._is_whole(body):
            return None
        stream = single(steps, cursor, self.model.name.span)
        if stream is None:
            return None
        self._check_inputs()
        inputs = steps.parts.inputs
        require_inputs(self.model.name.text, [given.name for given in inputs], steps.shapes)
        return Graph(
            name=self.model.name.text,
            doc=self.model.doc or self.parameters.base.definition.doc,
            source=self.model.name.span.source,
            span=self.model.span,
            parameters=self._parameters(),
            inputs=tuple(inputs),
            root=Container(
                (), ChildNaming.NAMED, tuple(made), self.model.span, inputs[0].path, inputs[0].shape,
                stream.source, stream.shape,
            ),
            assertions=tuple(steps.parts.assertions),
            outputs=self._named(Output("output", stream.source, stream.shape)),
            devices=tuple(steps.parts.devices),
            overridden=self.overridden or bool(steps.shapes),
            roles=steps.parts.roles,
            guards=tuple(self.parameters.usage.guards),
        )  # fmt: skip

    def _named(self, stream: Output) -> tuple[Output, ...]:
        """Return the outputs, the stream first: under its own name if a declared output is the same tensor."""
        given = [output for output in self.outputs if output.path == stream.path and not output.when_training]
        first = given[0] if given else stream
        return (first, *(output for output in self.outputs if output is not first))

    def _is_whole(self, body: tuple[ast.Statement, ...]) -> bool:
        """Return whether the model has an input and a step, and report it otherwise."""
        parts, problems = self.steps.parts, self.steps.problems
        name = self.model.name.span
        broken = any(isinstance(statement, ast.Broken) for statement in body)
        if not parts.inputs and not broken:
            if not any(isinstance(statement, ast.Input) for statement in body):
                problems.report(codes.NO_INPUT, name, help="begin with a line such as `input image: 3x32x32`")
            return False
        if not parts.nodes:
            if not broken and not problems.has_errors:
                problems.report(codes.NO_STEPS, name, help="write a step below the input")
            return False
        return True

    # statements of models only

    def _statements(self, body: tuple[ast.Statement, ...], scope: Scope, cursor: Cursor) -> Unfolded:
        made: Made = []
        for number, statement in enumerate(body):
            more: Made = []
            match statement:
                case ast.Input():
                    cursor = self._input(statement, scope, cursor)
                case ast.Devices():
                    self._devices(statement, scope, cursor)
                case ast.Output():
                    more = self._output(statement, scope, cursor)
                case ast.For() | ast.If():
                    more, cursor = control.unfolded(self.steps, statement, scope, cursor, self._statements)
                case ast.Chain():
                    self.begun = True
                    more, cursor = self.steps.chain(statement, scope, cursor)
                case ast.Set() | ast.Assert() | ast.Broken():
                    scope, (more, cursor) = self.steps.statement(statement, scope, cursor, Below(body, number + 1))
                case _:
                    assert_never(statement)
            made += more
            new = {name: size for name, size in self.dimensions.items() if name not in scope.values}
            scope = scope.with_values(new) if new else scope
        return Unfolded(made, cursor)

    def _input(self, statement: ast.Input, scope: Scope, cursor: Cursor) -> Cursor:
        """Declare an input; the first one becomes the stream."""
        inputs, problems = self.steps.parts.inputs, self.steps.problems
        if self.begun:
            problems.report(codes.INPUT_TOO_LATE, statement.span, help="move it to the top of the model")
            return cursor
        self.steps.budget.allow_names(len(inputs) + 1, statement.span, "inputs")
        name = statement.name
        sizes = self.steps.evaluator.sizes(statement.shape, scope, cursor)
        sizes = self._replaced(name.text, sizes) if sizes else sizes
        why = why_no_parameter(name.text)
        if why:
            problems.report(codes.RESERVED_NAME, name.span, why, help=f"call it `{name.text}_in`, for example")
        self._enter_dimensions(statement.shape, sizes)
        given = Input(name.text, Shape(sizes or (1,)), statement.span)
        role = input_role(problems, statement.shape)
        earlier = next((other for other in inputs if other.name == given.name), None)
        if earlier:
            first, help = (Label(earlier.span, "first here"),), f"call it `{name.text}_2`, for example"
            problems.report(codes.DEFINED_TWICE, name.span, secondary=first, help=help)
            return cursor
        if sizes and not self.steps.shapes and statement.shape.role is None:
            with recording(None):
                layout.warn_of_input(problems, given)
        tensor = Tensor(given.path, given.shape, role) if sizes else ERROR
        self.steps.parts.roles[given.path] = role
        scope.children.labelled[name.text] = Labelled(tensor, name.span)
        inputs.append(given)
        return cursor if len(inputs) > 1 else cursor.at(tensor)

    def _replaced(self, name: str, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the sizes of an input, or those that replace them.

        Raises SettingError where these have another number of axes.
        """
        shapes = self.steps.shapes
        shape = shapes.get(name, None if self.steps.parts.inputs else shapes.get(None))
        if shape is None:
            return sizes
        if shape.rank != len(sizes):
            raise SettingError(f"the input `{name}` has {len(sizes)} axes, and {shape} has {shape.rank}")
        return shape.dims

    def _enter_dimensions(self, shape: ast.ShapeOf, sizes: tuple[int, ...] | None) -> None:
        """Let expressions use the sizes that the input names."""
        seen: dict[str, Label] = {}
        for number, dim in enumerate(shape.dims):
            if dim.name is None:
                continue
            if dim.name.text in seen:
                first = (seen[dim.name.text],)
                self.steps.problems.report(codes.DEFINED_TWICE, dim.name.span, secondary=first)
            seen.setdefault(dim.name.text, Label(dim.name.span, "first here"))
            self.dimensions.setdefault(dim.name.text, sizes[number] if sizes else ERROR)

    def _devices(self, statement: ast.Devices, scope: Scope, cursor: Cursor) -> None:
        declared, problems = self.steps.parts.devices, self.steps.problems
        for label in statement.names:
            names = self.steps.evaluator.label_texts(label, scope, cursor) or []
            self.steps.budget.allow_names(len(declared) + len(names), label.span, "devices")
            for name in names:
                why = why_no_parameter(name)
                if why:
                    problems.report(codes.RESERVED_NAME, label.span, why, help="choose another name for the device")
                elif name in declared:
                    problems.report(codes.DEFINED_TWICE, label.span, f"`{name}` is already declared")
                else:
                    declared.append(name)

    def _output(self, statement: ast.Output, scope: Scope, cursor: Cursor) -> Made:
        """Unfold the chain of an output; the stream of the model does not change."""
        steps, problems = self.steps, self.steps.problems
        steps.budget.allow_names(len(self.outputs) + 1, statement.span, "outputs")
        chain = statement.chain
        first = chain.steps[0]
        texts = steps.evaluator.label_texts(first.label, scope, cursor) if first.label else None
        if first.label is None:
            problems.report(
                codes.BAD_OUTPUT, first.span, "this output has no name", help="write a label: `output aux: …`"
            )
        elif texts is not None and len(texts) != 1:
            label = f"one output cannot have {len(texts)} names"
            problems.report(codes.BAD_OUTPUT, first.label.span, label, help="write an `output` for each name")
        if texts is None or len(texts) != 1:
            return []
        is_reference = isinstance(first.unit, ast.Reference)
        if is_reference:
            chain = replace(chain, steps=(replace(first, label=None), *chain.steps[1:]))
        made, after = steps.chain(chain, scope, cursor)
        tensor = single(steps, after, statement.span)
        if tensor is None:
            return made
        if any(output.name == texts[0] for output in self.outputs) or texts[0] == "output":
            # Otherwise two steps have the same label, which is reported already.
            if is_reference or texts[0] == "output":
                label, help = f"there is already an output `{texts[0]}`", f"call it `{texts[0]}_2`, for example"
                problems.report(codes.BAD_OUTPUT, first.span, label, help=help)
            return made
        why = why_no_output(texts[0])
        # Otherwise the first step has this label, and it is reported there.
        if why and first.label and (is_reference or not why_no_label(texts[0])):
            help = f"call it `{free_output(texts[0])}`, for example"
            problems.report(codes.RESERVED_NAME, first.label.span, why, help=help)
        output = Output(texts[0], tensor.source, tensor.shape, statement.when_training, statement.span)
        self.outputs.append(output)
        return made

    # parameters and inputs that are not used

    def _check_inputs(self) -> None:
        for given in self.steps.parts.inputs[1:]:
            if given.name not in self.parameters.usage.referred and not self.steps.problems.has_errors:
                help = f"use it as `@{given.name}`, or remove it"
                self.steps.problems.report(codes.UNUSED_INPUT, given.span, help=help)

    def _parameters(self) -> tuple[Parameter, ...]:
        usage = self.parameters.usage
        found = []
        for name, param in self.parameters.declared.items():
            used = name in usage.read
            if not used:
                self._report_unused(param)
            value = self.parameters.values[name]
            default = self.parameters.defaults.get(name)
            found.append(Parameter(name, value, used, param.span, default, usage.opaque.get(name)))
        self._check_blocks()
        return tuple(found)

    def _check_blocks(self) -> None:
        """Warn of parameters of blocks that no use of the block reads."""
        for callee, read in self.steps.parts.blocks.values():
            if callee.library is self.parameters.base.library:
                for param in callee.definition.params:
                    if param.name.text not in read:
                        self._report_unused(param)

    def _report_unused(self, param: ast.Parameter) -> None:
        if not self.steps.problems.has_errors:
            help = "use it in a step, or remove it"
            self.steps.problems.report(codes.UNUSED_PARAMETER, param.name.span, help=help)
