"""Checked graph to module plan: every line and every name is decided here, and templates only lay them out."""

from collections.abc import Sequence as Many
from dataclasses import dataclass

from archdsl.base.pyexpr import WIDTH, Call, Expr, Ref, Repeat, Sequence, call, lines, mapped
from archdsl.elaborate.reserved import BUILT_IN, MODULE_GLOBALS, support_names
from archdsl.emit import documentation
from archdsl.emit.classes import ON, PROJECT, Class, classes, default_values, resolved
from archdsl.emit.dataflow import Dataflow
from archdsl.emit.draft import ClassDraft, Entry
from archdsl.emit.drafting import Drafts
from archdsl.emit.fused import fused
from archdsl.emit.initialisation import written
from archdsl.emit.repeats import repeated
from archdsl.emit.scope import names_in, scopes
from archdsl.emit.stages import tables_of
from archdsl.emit.support import PIPELINE, PLACING, TOWERS, defined, definition, imports, needed
from archdsl.ir.graph import CheckedGraph, CountedGraph, Path
from archdsl.passes.lowering import LoweredGraph
from archdsl.passes.pipeline_stages import PipelineStage
from archdsl.passes.transfers import Exchange

_BODY = 8
_PAD = " " * _BODY


@dataclass(frozen=True, slots=True)
class ClassPlan:
    """A class as the template lays it out."""

    name: str
    base: str
    doc: tuple[str, ...]
    init: tuple[str, ...]
    forward: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModulePlan:
    """What the template of a module lays out: its variables are these fields."""

    title: str
    facts: str
    imports: tuple[str, ...]
    exported: tuple[str, ...]
    support: tuple[str, ...]
    outputs: tuple[str, ...]
    classes: tuple[ClassPlan, ...]
    tables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a module, and for each class which step each line of `forward` computes into which variable."""

    module: ModulePlan
    statements: dict[str, tuple[tuple[Path, str], ...]]
    outputs: tuple[str, ...]


def plan(graph: LoweredGraph) -> Plan:
    """Return the plan of the module that computes a graph."""
    extra = ("fused_state",) if graph.fused else ()
    return _Planner((graph,)).plan(graph, _facts(graph), fused(graph.fused), extra)


def plan_stages(graph: CheckedGraph, stages: Many[PipelineStage]) -> Plan:
    """Return the plan of a module with a class for each stage of a graph's pipeline, and what runs them."""
    facts = f"{_facts(graph)}\nIn {len(stages)} stages of a pipeline, from `pipeline`."
    tables = tables_of(graph, stages)
    return _Planner([stage.graph for stage in stages], as_tuples=True).plan(graph, facts, tables, PIPELINE)


def plan_towers(graph: CheckedGraph, towers: Many[LoweredGraph]) -> Plan:
    """Return the plan of a module with a class for the process of each tower of a graph."""
    facts = f"{_facts(graph)}\nIn {len(towers)} processes, from `own_tower`."
    names = Sequence(tuple(Ref(each.name) for each in towers), "(")
    table = lines(names, prefix="TOWERS: tuple[type[nn.Module], ...] = ", indent=0)
    return _Planner(towers).plan(graph, facts, table, TOWERS)


def _facts(graph: CountedGraph) -> str:
    return f"{graph.params:,} parameters, {graph.macs:,} multiply-accumulates per sample."


class _Planner:
    """Plans the module of a model, or of the stages that it is cut into: a class for each, and one for each block."""

    def __init__(self, graphs: Many[LoweredGraph], *, as_tuples: bool = False) -> None:
        self.as_tuples = as_tuples
        self.graphs: dict[int, LoweredGraph] = {}
        self.drafts: list[ClassDraft] = []
        for graph in graphs:
            drafts = Drafts(Dataflow(graph), scopes(graph), self.drafts)
            root = drafts.draft(graph.root, drafts.scopes[()], graph.outputs)
            self.graphs[root.number] = graph
        names = {name for graph in graphs for name in (graph.name, self._result(graph))}
        self.classes = classes(self.drafts, self.graphs, MODULE_GLOBALS | BUILT_IN | support_names() | names)

    def _result(self, graph: LoweredGraph | None) -> str:
        """Return the type of what `forward` returns."""
        if graph is None or len(graph.outputs) == 1:
            return "Tensor"
        return "tuple[Tensor, ...]" if self.as_tuples else f"{graph.name}Output"

    def plan(self, graph: CountedGraph, facts: str, tables: Many[str] = (), extra: Many[str] = ()) -> Plan:
        """Return the plan; `tables` are lines at the end of the module, `extra` definitions beside those in use."""
        found = list({id(each): each for each in self.classes.values()}.values())
        planned = [self._class(each) for each in found]
        outputs = [line for each in self.graphs.values() for line in self._outputs(each)]
        code = "\n".join([*outputs, *(line for each in planned for line in (each.base, *each.init, *each.forward))])
        support = [*needed(self._may_need(), code), *map(definition, extra)]
        code = "\n".join([code, *support])
        module = ModulePlan(
            title=documentation.title(graph),
            facts=facts,
            imports=tuple(imports(code)),
            exported=tuple(self._exported(found, support)),
            support=tuple(support),
            outputs=tuple(outputs),
            classes=tuple(planned),
            tables=tuple(tables),
        )
        statements = {each.name: _traced(each.model) for each in found}
        return Plan(module, statements, tuple(output.name for output in graph.outputs))

    def _exported(self, found: list[Class], support: list[str]) -> list[str]:
        """Return the lines that say what a module defines: the models first."""
        models = [graph.name for graph in self.graphs.values()]
        results = [] if self.as_tuples else [self._result(graph) for graph in self.graphs.values()]
        names = [*models, *(name for name in results if name != "Tensor"), *(each.name for each in found)]
        exported = Sequence(tuple(dict.fromkeys([*names, *map(defined, support)])), "[")
        return lines(exported, prefix="__all__ = ", indent=0)

    def _may_need(self) -> list[str]:
        """Return the names of the definitions that the operators may need."""
        names = [name for graph in self.graphs.values() for node in graph.nodes for name in node.op.support]
        return [*names, *(PLACING if any(graph.devices for graph in self.graphs.values()) else [])]

    def _root(self, found: Class) -> LoweredGraph | None:
        """Return the graph whose own class this is."""
        return self.graphs.get(found.model.number)

    def _class(self, found: Class) -> ClassPlan:
        base = "nn.Sequential" if found.model.is_numbered else "nn.Module"
        forward = [] if found.model.container.inline else self._forward(found)
        root = self._root(found)
        return ClassPlan(
            found.name, base, tuple(documentation.of_class(found, root)), tuple(self._init(found)), tuple(forward)
        )

    # the constructor

    def _init(self, found: Class) -> list[str]:
        draft = found.model
        body = self._numbered(draft) if draft.is_numbered else self._assignments(found)
        kept = [f"{_PAD}self.{name} = {name}" for name in found.parameters if name in draft.applied]
        kept += [f"{_PAD}self.group = group"] if self._exchanges(found) else []
        factory = self._factory(found, body)
        body += self._starts(found)
        computed = self._computed(found)
        start = [*computed, *factory] if draft.is_numbered else [f"{_PAD}super().__init__()", *computed]
        body = [*start, *body, *kept] if draft.is_numbered else [*start, *kept, *factory, *body]
        anchors = [
            f'{_PAD}self.register_buffer("{name}", torch.empty(0, **{ON}["{device}"]), persistent=False)'
            for device, name in draft.anchors.items()
        ]
        return [*self._signature(found), *body, *anchors]

    def _factory(self, found: Class, body: list[str]) -> list[str]:
        """Return the line that says what all layers are made with, if the class makes any."""
        if found.model.is_placed:
            root = self._root(found)
            if root is None:
                return []
            made = call("factories", Ref("devices"), Sequence(tuple(root.devices), "("), Ref("dtype"))
            return lines(made, prefix=f"{ON} = ", indent=_BODY)
        made_with = f'{_PAD}factory: dict[str, Any] = {{"device": device, "dtype": dtype}}'
        return [made_with] if any("**factory" in line for line in body) else []

    def _starts(self, found: Class) -> list[str]:
        """Return the lines that start weights."""
        draft = found.model
        made = [line for code in draft.starting(optional=False) for line in written(code, _BODY)]
        inner = _BODY + 4 * found.flagged
        optional = [line for code in draft.starting(optional=True) for line in written(code, inner)]
        return [*made, *([f"{_PAD}if {PROJECT}:"] if optional and found.flagged else []), *optional]

    def _signature(self, found: Class) -> list[str]:
        draft = found.model
        defaults = self._defaults(found)
        params = []
        for name in found.parameters:
            kind = "int" if isinstance(draft.scope.values[name], int) else "float"
            if names_in(defaults.get(name)):
                params.append(f"{name}: {kind} | None = None")
            else:
                params.append(f"{name}: {kind}" + (f" = {defaults[name]!r}" if name in defaults else ""))
        return [
            "    def __init__(",
            "        self,",
            *(f"        {param}," for param in params),
            "        *,",
            *([f"        {PROJECT}: bool = False,"] if found.flagged else []),
            *(f"        {line}," for line in self._placing(found)),
            "    ) -> None:",
        ]

    def _exchanges(self, found: Class) -> bool:
        """Whether a class gets something from other processes."""
        root = self._root(found)
        return root is not None and any(isinstance(node.op, Exchange) for node in root.nodes)

    def _placing(self, found: Class) -> list[str]:
        """Return the parameters that say where the layers of a class are made, and of what type."""
        dtype = "dtype: torch.dtype | None = None"
        if not found.model.is_placed:
            group = ["group: dist.ProcessGroup | None = None"] if self._exchanges(found) else []
            return ["device: torch.device | str | None = None", dtype, *group]
        if self._root(found):
            return ["devices: Devices | None = None", dtype]
        return [f"{ON}: dict[str, dict[str, Any]]"]

    def _defaults(self, found: Class) -> dict[str, int | float]:
        return dict(found.model.scope.values) if self._root(found) else default_values(found)

    def _computed(self, found: Class) -> list[str]:
        """Return the lines that compute defaults from other parameters."""
        return [
            line
            for name, default in self._defaults(found).items()
            if names_in(default)
            for line in lines(default, prefix=f"{name} = ", indent=_BODY, suffix=f" if {name} is None else {name}")
        ]

    def _module(self, entry: Entry, draft: ClassDraft) -> Expr:
        expr = resolved(draft.scope.expression(entry.module), self.drafts, self.classes)
        return mapped(expr, _with_loops)

    def _numbered(self, draft: ClassDraft) -> list[str]:
        made = tuple(self._module(entry, draft) for entry in draft.entries)
        return lines(Call("super().__init__", repeated(made)), prefix="", indent=_BODY)

    def _assignments(self, found: Class) -> list[str]:
        draft = found.model
        made: list[str] = []
        open_if = False
        for entry in draft.entries:
            expr = self._module(entry, draft)
            optional = entry.optional and found.flagged
            if not optional:
                made += lines(expr, prefix=f"self.{entry.name} = ", indent=_BODY)
                open_if = False
                continue
            made.insert(
                _before_if(made) if open_if else len(made), f"{_PAD}self.{entry.name}: nn.Module = nn.Identity()"
            )
            if not open_if:
                made.append(f"{_PAD}if {PROJECT}:")
            made += lines(expr, prefix=f"self.{entry.name} = ", indent=_BODY + 4)
            open_if = True
        return made

    # the forward pass

    def _forward(self, found: Class) -> list[str]:
        draft = found.model
        result = self._result(self._root(found))
        given = [f"{name}: Tensor" for name, _ in draft.arguments]
        made = lines_of_signature(given, result, overrides=draft.is_numbered and len(given) > 1)
        returned = [draft.variables[draft.origin(path)] for path in draft.results()]
        unbound = set(returned) - {name for name, _ in draft.arguments}
        optional = self._in_training(draft)
        made += [f"{_PAD}{name}: Tensor | None = None" for name in optional]
        unbound -= set(optional)
        before = documentation.shape_of_input(found)
        in_training = False
        for statement in draft.statements:
            if statement.in_training and not in_training:
                made.append(f"{_PAD}if self.training:")
            in_training = statement.in_training
            variable = draft.variables[statement.value]
            sign = "+=" if statement.over else "="
            annotation = ": Tensor" if variable in unbound and not statement.over else ""
            unbound.discard(variable)
            written = lines(
                draft.written(statement.expr),
                prefix=f"{variable}{annotation} {sign} ",
                indent=_BODY + 4 * in_training,
            )
            comment = "" if statement.device else documentation.shape_after(found, statement)
            if comment and comment != before and len(written[-1]) + len(comment) + 4 <= WIDTH:
                written[-1] += f"  # {comment}"
            before = comment or before
            made += written
        if len(returned) > 1:
            values = [
                f"{name} if self.training else None" if output.when_training and name not in optional else name
                for name, output in zip(returned, draft.outputs, strict=True)
            ]
            parts = tuple(map(Ref, values))
            whole = Sequence(parts, "(") if self.as_tuples else Call(result, parts)
            return [*made, *lines(whole, prefix="return ", indent=_BODY)]
        return [*made, f"{_PAD}return {returned[0]}"]

    @staticmethod
    def _in_training(draft: ClassDraft) -> list[str]:
        """Return the variables of outputs that only training computes."""
        computed = {each.value for each in draft.statements if each.in_training}
        found = (draft.origin(output.path) for output in draft.outputs if output.when_training)
        return list(dict.fromkeys(draft.variables[path] for path in found if path in computed))

    def _outputs(self, graph: LoweredGraph) -> list[str]:
        """Return the class of what a model with several outputs returns."""
        if self.as_tuples or len(graph.outputs) == 1:
            return []
        first = f'    """What {graph.name} returns.'
        said = [f'{first}"""']
        if any(output.when_training for output in graph.outputs):
            said = [first, "", "    What only training computes is None in evaluation.", '    """']
        made = [f"class {self._result(graph)}(NamedTuple):", *said, ""]
        for output in graph.outputs:
            made.append(f"    {output.name}: Tensor" + (" | None" if output.when_training else ""))
        return made


def _before_if(made: list[str]) -> int:
    """Return the place before the `if` that is open, where the lines for its other case stand."""
    return max(number for number, line in enumerate(made) if line == f"{_PAD}if {PROJECT}:")


def _with_loops(expr: Expr) -> Expr:
    """Return the call of an `nn.Sequential` with loops for what repeats in it."""
    if not isinstance(expr, Call) or expr.function not in ("nn.Sequential", "OrderedDict"):
        return expr
    if expr.function == "nn.Sequential":
        return Call(expr.function, repeated(expr.args), expr.named, expr.spread)
    (pairs,) = expr.args
    if not isinstance(pairs, Sequence):
        return expr
    items = repeated(pairs.items)
    if len(items) == 1 and isinstance(items[0], Repeat):
        only = items[0]
        return Call(expr.function, (Repeat(only.item, only.variable, only.count, bare=True),))
    named = tuple(item.items for item in items if isinstance(item, Sequence))
    if len(named) == len(items) and all(str(name).isidentifier() for name, _ in named):
        return Call(expr.function, (), tuple((str(name), module) for name, module in named))
    return Call(expr.function, (Sequence(items, pairs.bracket, pairs.exploded),))


def _traced(draft: ClassDraft) -> tuple[tuple[Path, str], ...]:
    start = len(draft.container.path)
    return tuple((each.path[start:], draft.variables[each.value]) for each in draft.statements)


def lines_of_signature(given: list[str], result: str, *, overrides: bool) -> list[str]:
    """Return the head of `forward`; `overrides` says that it takes more than the one of its base class."""
    # The `forward` of an `nn.Sequential` takes one tensor.
    remark = "  # type: ignore[override]" if overrides else ""
    params = ["self", *given]
    inside = ", ".join(params)
    line = f"    def forward({inside}) -> {result}:"
    if len(line) <= WIDTH:
        return [f"{line}{remark}"]
    fits = len(inside) + _BODY <= WIDTH
    rows = [inside] if fits else [f"{param}," for param in params]
    return [f"    def forward({remark}", *(f"{_PAD}{row}" for row in rows), f"    ) -> {result}:"]
