"""Drafts the classes of a graph, inner classes first."""

from collections.abc import Iterator
from typing import assert_never

from archdsl.base.pyexpr import Attribute, Call, ClassRef, Expr, Item, Ref, Sequence, ValueRef, call, with_inputs
from archdsl.emit.class_draft import ClassDraft, Entry, ForwardStep, resolved
from archdsl.emit.class_parameters import ClassParameters, own
from archdsl.emit.dataflow import Dataflow
from archdsl.emit.initialisation import Initialisation
from archdsl.emit.naming import enter_variables
from archdsl.emit.order import PlacedStep, in_order, interleaved, runs_in
from archdsl.emit.placing import Placing
from archdsl.emit.statements import changed
from archdsl.ir.graph import ChildNaming, Container, Node, Output, Path, only_in_training
from archdsl.ops.base import ForwardOnly, Functional, Submodule
from archdsl.passes.transfers import is_move


class Drafter:
    """Drafts the classes of a graph, inner classes first.

    The drafts are appended to those in `made`. With `initialisation`, the graph is a part of the model that has it.
    """

    def __init__(
        self,
        flow: Dataflow,
        parameters: dict[Path, ClassParameters],
        made: list[ClassDraft] | None = None,
        initialisation: Initialisation | None = None,
    ) -> None:
        self.flow = flow
        self.parameters = parameters
        self.made: list[ClassDraft] = [] if made is None else made
        self.placing = Placing(flow.graph)
        self._calls: dict[tuple[int, tuple[Expr, ...]], tuple[Submodule, Call]] = {}
        self._keyed = frozenset(_keyed(flow.graph.root, flow))
        if initialisation is None:
            self.initialisation = Initialisation(flow.graph.root, parameters[()].values, self._has_class)
        else:
            self.initialisation = initialisation.of_part(self._has_class)

    def draft(self, container: Container, parameters: ClassParameters, outputs: tuple[Output, ...] = ()) -> ClassDraft:
        """Draft the class of a container, after the classes that it uses.

        Args:
            container: The container.
            parameters: The parameters that its code can use.
            outputs: The outputs of the graph if the container is the whole model.
        """
        arguments = self.flow.inputs(container)
        given = {}
        if outputs:
            given = {each.path: each.shape for each in self.flow.graph.inputs}
            arguments = [(given.name, given.path) for given in self.flow.graph.inputs]
        name = self.flow.graph.name if outputs else _class_name(container)
        draft = ClassDraft(container, parameters, -1, name, arguments, self.placing.spans(container), outputs, given)
        draft.guards = parameters.guards
        steps = self._children(draft, container, ())
        if any(towers for _, towers in steps):
            steps = in_order(interleaved(steps, self.flow), self.flow)
        if outputs:
            draft.initialisation += [("", changed(each, parameters.number)) for each in self.initialisation.of_model]
        if not container.inline:
            training = only_in_training(self.flow.graph.graph) if outputs else frozenset()
            for child, towers in steps:
                self._step(draft, child, towers, in_training=runs_in(child, training))
            self._settle(draft)
            enter_variables(draft)
        draft.number = len(self.made)
        self.made.append(draft)
        return draft

    def _children(self, draft: ClassDraft, container: Container, towers: tuple[str, ...]) -> list[PlacedStep]:
        """Enter the submodules of a container; return the steps of `forward` with the towers that they are in."""
        steps: list[PlacedStep] = []
        for child in container.children:
            if container is draft.container and not child.weights and self._is_module(child, container):
                expr = self.module(child, draft.parameters, draft.container)
                draft.positions[child.path[-1]] = len(draft.entries)
                draft.entries.append(Entry(child.path[-1], expr))
                self._initialise(draft, child)
            if isinstance(child, Container) and self.flow.is_inline(child):
                inner = towers if child.kind is ChildNaming.KEYED else (*towers, child.path[-1])
                steps += self._children(draft, child, inner)
            else:
                steps.append((child, towers))
        return steps

    def _initialise(self, draft: ClassDraft, child: Node | Container) -> None:
        """Enter the statements that initialise the weights of a submodule."""
        attribute = self._attribute(draft, child, ())
        direct = not draft.is_numbered and not child.optional
        made = self.initialisation.of_child(child, attribute, draft.parameters.values, direct=direct)
        draft.initialisation += [(child.path[-1], changed(each, draft.parameters.number)) for each in made]

    def _has_class(self, container: Container) -> bool:
        if container.kind is ChildNaming.KEYED:
            return False
        return container.use is not None or container.inline or not self.flow.is_chain(container)

    def _is_module(self, child: Node | Container, container: Container) -> bool:
        if isinstance(child, Container):
            return True
        return _is_module(child, is_numbered=container.kind is ChildNaming.NUMBERED)

    # modules

    def module(self, child: Node | Container, parameters: ClassParameters, owner: Container) -> Expr:
        """Return the expression that creates the module of a child, for the class of `owner`."""
        if isinstance(child, Node):
            return parameters.expression(self._operator(child, owner))
        if self._has_class(child):
            return self._class(child, parameters, owner)
        if self.flow.is_inline(child):
            made = [each for each in child.children if not each.weights and self._is_module(each, child)]
        else:
            made = list(child.children)
        modules = [self.module(each, parameters, owner) for each in made]
        if child.kind is ChildNaming.NUMBERED:
            return Call("nn.Sequential", tuple(modules))
        pairs = Sequence(
            tuple(Sequence((each.path[-1], module), "(") for each, module in zip(made, modules, strict=True)),
            "[",
            exploded=True,
        )
        return call("nn.ModuleDict" if self.flow.is_inline(child) else "nn.Sequential", call("OrderedDict", pairs))

    def _operator(self, node: Node, owner: Container) -> Call:
        emission = node.emission
        match emission:
            case Submodule():
                spread = self.placing.spread(node, owner)
                # Steps with one emission share the call. The emission is kept, so that its identity stays its own.
                key = id(emission), spread
                if key not in self._calls:
                    made = emission.call
                    self._calls[key] = emission, Call(made.function, made.args, made.named, spread)
                return self._calls[key][1]
            case Functional():
                in_place = emission.in_place and self.flow.may_all_overwrite(node, owner.path)
                return emission.module.with_named(inplace=True) if in_place else emission.module
            case ForwardOnly():
                raise AssertionError(f"{node.op.name} is never a submodule")
            case _:
                assert_never(emission)

    def _class(self, child: Container, parameters: ClassParameters, owner: Container) -> Call:
        """Return the call of a child's class, which has no name yet, with all arguments that it may need by name."""
        if child.use is None:
            inner = self.draft(child, parameters.copied())
            named = tuple((name, own(name, parameters.values[name])) for name in sorted(inner.mentions))
            arguments = tuple((name, parameters.expression(number)) for name, number in named)
        else:
            inner = self.draft(child, self.parameters[child.path])
            names = inner.mentions
            mentioned = [given for given in child.use.arguments if given.name in names]
            arguments = tuple((given.name, parameters.expression(given.value)) for given in mentioned)
        return Call(ClassRef(inner.number), (), arguments, self.placing.spread(child, owner))

    # forward

    def _step(self, draft: ClassDraft, child: Node | Container, towers: tuple[str, ...], *, in_training: bool) -> None:
        if isinstance(child, Container):
            reads = tuple(path for _, path in self.flow.inputs(child))
            expr: Expr = Call(self._attribute(draft, child, towers), tuple(map(ValueRef, reads)))
            over: Path | None = None
            target = child.output if child.output not in reads else child.path
        else:
            passed_on = self.flow.passed_on(child)
            if passed_on is not None and not self.flow.is_called(child):
                draft.steps.append(ForwardStep(child.path, child.path, ValueRef(passed_on), (), child.shape))
                return
            expr, over = self._applied(draft, child, towers)
            reads, target = child.sources, child.path
        device = (child.device or "") if is_move(child) else ""
        output = self.flow.outputs.get(target, "") if draft.outputs else ""
        is_merged = bool(output) or (isinstance(child, Container) and self._is_merged(target))
        draft.steps.append(
            ForwardStep(
                child.path,
                target,
                expr,
                reads,
                child.shape,
                label=output or _label(child),
                tower=towers[-1] if towers and not device and child.path not in self.flow.twins.values() else "",
                is_merged=is_merged,
                over=over,
                in_training=in_training,
                device=device,
            )
        )

    def _is_merged(self, path: Path) -> bool:
        """Return whether the only reader of a tensor is a step with several inputs."""
        return self.flow.readers[path] == 1 and path in self.flow.merged

    def _applied(self, draft: ClassDraft, node: Node, towers: tuple[str, ...]) -> tuple[Expr, Path | None]:
        """Return the expression of a node, and the tensor that it overwrites if it becomes `+=`."""
        emission = node.emission
        inputs = tuple(map(ValueRef, node.sources))
        if is_move(node):
            assert node.device
            return Call("move", (*inputs, self.placing.anchor(draft, node.device))), None
        if isinstance(emission, Submodule) or _is_module(node, is_numbered=draft.is_numbered):
            return Call(self._attribute(draft, node, towers), inputs), None
        function = emission.function
        within = draft.container.path
        if isinstance(emission, Functional) and emission.in_place and self.flow.may_overwrite(node.sources[0], within):
            assert isinstance(function, Call)
            function = function.with_named(inplace=True)
        adds = isinstance(emission, ForwardOnly) and emission.adds_in_place
        over = node.sources[-1] if adds and len(inputs) == 2 and inputs[0] != inputs[1] else None
        if over is not None and self.flow.may_overwrite(over, within) and over[: len(within)] == within:
            return inputs[0], over
        return draft.parameters.expression(with_inputs(function, inputs)), None

    def _attribute(self, draft: ClassDraft, child: Node | Container, towers: tuple[str, ...]) -> Expr:
        name = (child.weights or child.path)[-1]
        found: Expr = Ref("self")
        if draft.is_numbered and not towers:
            return Item(found, draft.positions[name])
        path = draft.container.path
        for part in (*child.path[len(path) : -1], name):
            found = Item(found, part) if path in self._keyed else Attribute(found, part)
            path = (*path, part)
        return found

    @staticmethod
    def _settle(draft: ClassDraft) -> None:
        """Let steps read the tensors that aliases stand for."""
        draft.aliases = {
            each.path: each.expr.path for each in draft.steps if isinstance(each.expr, ValueRef) and not each.reads
        }
        draft.whole_aliases = dict(draft.aliases)
        draft.whole = [each for each in draft.steps if each.reads]
        draft.steps = [resolved(each, draft.aliases) for each in draft.whole]


def _keyed(container: Container, flow: Dataflow) -> Iterator[Path]:
    """Yield the paths of the `nn.ModuleDict`s, whose children are read by key."""
    for child in container.children:
        if isinstance(child, Container):
            if child.kind is ChildNaming.KEYED and flow.is_inline(child):
                yield child.path
            yield from _keyed(child, flow)


def _is_module(node: Node, *, is_numbered: bool) -> bool:
    """Return whether an operator becomes a submodule, because of its weights, number or label, and not a function."""
    emission = node.emission
    return isinstance(emission, Submodule) or (isinstance(emission, Functional) and (is_numbered or node.labelled))


def _class_name(container: Container) -> str:
    """Return the preferred name of a class: the name of its block, or the label of the submodule in camel case."""
    if container.use:
        return container.use.block
    label = next((part for part in reversed(container.path) if not part.isdigit()), "")
    if container.inline:
        label = label.rstrip("0123456789")
    return "".join(word[:1].upper() + word[1:] for word in label.split("_")) or "Layers"


def _label(child: Node | Container) -> str:
    """Return a name for the result of a step: its label; empty if it has only a number or its operator's name."""
    # A layer that is applied once more has a path such as `conv@2`.
    name = child.path[-1].replace("@", "_")
    is_automatic = name.isdigit() or (isinstance(child, Node) and _is_of_operator(name, child.op.name))
    return "" if is_automatic else name


def _is_of_operator(name: str, operator: str) -> bool:
    """Return whether a name is that of an operator, maybe with a number: `conv`, `conv_1`."""
    stem, _, number = name.rpartition("_")
    return name == operator or (stem == operator and number.isdigit())
