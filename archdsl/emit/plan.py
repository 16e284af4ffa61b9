"""Plans modules: all names and lines are decided here; the template only lays them out."""

from collections.abc import Mapping
from collections.abc import Sequence as Many
from dataclasses import field

from archdsl.base.pyexpr import Expr, Item, Ref, Sequence, union
from archdsl.base.pynumbers import names_of
from archdsl.base.pyprint import INDENT
from archdsl.base.records import record
from archdsl.emit import documentation
from archdsl.emit.class_draft import ClassDraft, ForwardStep
from archdsl.emit.classes import Class
from archdsl.emit.constructor import constructor
from archdsl.emit.forward import forward
from archdsl.emit.fused import fused
from archdsl.emit.imports import imports_of
from archdsl.emit.module_classes import TENSOR, ModuleClasses
from archdsl.emit.notes import note_of_forms, notes_of
from archdsl.emit.pipeline_tables import tables_of
from archdsl.emit.statements import (
    Assign,
    Declare,
    Function,
    Statement,
    expressions,
    expressions_of_function,
    printed,
    printed_function,
)
from archdsl.emit.support import NUMBERS, PIPELINE, PLACING, PUBLIC, TOWERS, definition, needed
from archdsl.ir.graph import CheckedGraph, CountedGraph, Path
from archdsl.passes.lowering import LoweredGraph
from archdsl.passes.pipeline_stages import PipelineStage

_FLAG = Item(Ref("Final"), Ref("bool"))


@record(frozen=True, slots=True)
class ClassPlan:
    """A class as the template lays it out."""

    name: str
    base: str
    doc: tuple[str, ...]
    declared: tuple[str, ...]
    init: tuple[str, ...]
    forward: tuple[str, ...]


@record(frozen=True, slots=True)
class ModulePlan:
    """A module as the template lays it out: the variables of the template are these fields."""

    title: str
    facts: str
    imports: tuple[str, ...]
    exported: tuple[str, ...]
    support: tuple[str, ...]
    outputs: tuple[tuple[str, ...], ...]
    classes: tuple[ClassPlan, ...]
    tables: tuple[str, ...] = ()


@record(frozen=True, slots=True)
class Computed:
    """The variable of a statement of `forward`, and the step that it computes, relative to the class.

    In a merged class, `others` has the steps in uses with other steps, by the paths of these.
    """

    path: Path
    variable: str
    others: Mapping[Path, Path] = field(default_factory=dict)

    def in_use(self, owner: Path) -> Path:
        """Return the path of the step in a use of the class."""
        return (*owner, *self.others.get(owner, self.path))


@record(frozen=True, slots=True)
class GeneratedModule:
    """The plan of a module, and which step each statement of `forward` computes into which variable, by class.

    `notes` say which line fixed each parameter of the model that the constructor does not take.
    """

    plan: ModulePlan
    statements: dict[str, tuple[Computed | None, ...]]
    outputs: tuple[str, ...]
    notes: tuple[str, ...] = ()


def plan(graph: LoweredGraph) -> GeneratedModule:
    """Plan the module that computes a graph."""
    extra = ("fused_state",) if graph.fused else ()
    return _planned(graph, (graph,), _facts(graph), fused(graph.fused), extra)


def plan_stages(graph: CheckedGraph, stages: Many[PipelineStage]) -> GeneratedModule:
    """Plan a module with one class for each pipeline stage of a graph, and a function that sets up the schedule."""
    facts = f"{_facts(graph)}\nSplit into {len(stages)} pipeline stages; `pipeline` sets up their schedule."
    graphs = [stage.graph for stage in stages]
    return _planned(graph, graphs, facts, tables_of(graph, stages), PIPELINE, as_tuples=True)


def plan_towers(graph: CheckedGraph, towers: Many[LoweredGraph]) -> GeneratedModule:
    """Plan a module with one class for each tower of a graph, each for a process of its own."""
    facts = (
        f"{_facts(graph)}\nOne class for each of {len(towers)} processes; `own_tower` constructs that of this process."
    )
    names = Sequence(tuple(Ref(each.name) for each in towers), "(")
    kind = Item(Ref("tuple"), (Item(Ref("type"), Ref("nn.Module")), Ref("...")))
    return _planned(graph, towers, facts, [Assign(Ref("TOWERS"), names, kind)], TOWERS)


def _facts(graph: CountedGraph) -> str:
    return f"{graph.params:,} parameters, {graph.macs:,} multiply-accumulates per sample."


@record(frozen=True, slots=True)
class _Methods:
    """The methods of a class; one whose steps its parent runs has no `forward`."""

    init: Function
    forward: Function | None

    def expressions(self) -> list[Expr]:
        """Return the expressions of all methods."""
        methods = (self.init, self.forward) if self.forward else (self.init,)
        return [expr for each in methods for expr in expressions_of_function(each)]


def _planned(
    graph: CountedGraph,
    graphs: Many[LoweredGraph],
    facts: str,
    tables: Many[Statement],
    extra: Many[str],
    *,
    as_tuples: bool = False,
) -> GeneratedModule:
    """Plan the module of some graphs.

    Args:
        graph: The whole graph, which the module is named after.
        graphs: The graphs that get a class: the whole graph, or its stages or towers.
        facts: The text below the title.
        tables: Statements at the end of the module.
        extra: Functions for users of the module, from the support definitions.
        as_tuples: Whether classes with several outputs return plain tuples.
    """
    is_whole = len(graphs) == 1 and graphs[0] is graph
    module = ModuleClasses.of(graphs, as_tuples=as_tuples, probes=is_whole)
    methods = {each.name: _methods(each, module) for each in module.distinct}
    read = {name for each in methods.values() for expr in each.expressions() for name in names_of(expr)}
    read |= {name for expr in expressions(tuple(tables)) for name in names_of(expr)}
    read |= {"Final"} if any(each.representative.flags for each in module.distinct) else set()
    read |= {"NamedTuple"} if any(map(module.output_class, graphs)) else set()
    support = [*needed(_candidates([*graphs, *module.probes]), read), *map(definition, extra)]
    planned = ModulePlan(
        title=documentation.title(graph),
        facts=facts,
        imports=tuple(imports_of(read, (each for part in support for each in part.imports))),
        exported=tuple(printed(_exported(module, extra), 0)),
        support=tuple(each.source for each in support),
        outputs=tuple(_outputs(each, module) for each in graphs if module.output_class(each)),
        classes=tuple(_class(each, module, methods[each.name]) for each in module.distinct),
        tables=tuple(line for each in tables for line in printed(each, 0)),
    )
    statements = {each.name: _computed(each) for each in module.distinct}
    notes = dict.fromkeys(note for each in module.distinct for note in notes_of(each, module.graph_of(each)))
    notes |= dict.fromkeys(filter(None, map(note_of_forms, module.distinct)))
    return GeneratedModule(planned, statements, tuple(output.name for output in graph.outputs), tuple(notes))


def _methods(found: Class, module: ModuleClasses) -> _Methods:
    return _Methods(
        constructor(found, module), None if found.representative.container.inline else forward(found, module)
    )


def _class(found: Class, module: ModuleClasses, methods: _Methods) -> ClassPlan:
    return ClassPlan(
        found.name,
        "nn.ModuleList" if found.representative.is_numbered else "nn.Module",
        tuple(documentation.of_class(found, module.graph_of(found))),
        tuple(line for name in found.representative.flags for line in printed(Declare(Ref(name), _FLAG), INDENT)),
        tuple(printed_function(methods.init)),
        tuple(printed_function(methods.forward)) if methods.forward else (),
    )


def _candidates(graphs: Many[LoweredGraph]) -> list[str]:
    """Return the names of the support definitions that the code of graphs may call."""
    names = [name for graph in graphs for node in graph.nodes for name in node.op.support]
    return [*names, *NUMBERS, *(PLACING if any(graph.devices for graph in graphs) else [])]


def _exported(module: ModuleClasses, functions: Many[str]) -> Statement:
    """Return the statement of `__all__`: the models first, then the classes of their outputs, then functions."""
    graphs = module.graphs.values()
    names = [
        *(graph.name for graph in graphs),
        *filter(None, map(module.output_class, graphs)),
        *sorted(PUBLIC.intersection(functions)),
    ]
    return Assign(Ref("__all__"), Sequence(tuple(names), "["))


def _outputs(graph: LoweredGraph, module: ModuleClasses) -> tuple[str, ...]:
    """Return the lines of the class of a graph's outputs."""
    first = f'    """The outputs of {graph.name}.'
    doc = [f'{first}"""']
    if any(output.when_training for output in graph.outputs):
        doc = [first, "", "    Outputs that only training computes are None in evaluation.", '    """']
    fields = [
        Declare(Ref(output.name), union(TENSOR, None) if output.when_training else TENSOR) for output in graph.outputs
    ]
    head = f"class {module.output_class(graph)}(NamedTuple):"
    return (head, *doc, "", *(line for each in fields for line in printed(each, INDENT)))


def _computed(found: Class) -> tuple[Computed | None, ...]:
    """Return what the statements of `forward` compute, in the order of the text; None for a copy of a variable."""
    draft = found.representative
    if draft is not found.merged:
        return tuple(Computed(_relative(each, draft), draft.variables[each.value]) for each in draft.steps)
    made: list[Computed | None] = []
    for step, sides in zip(draft.steps, draft.sides, strict=True):
        if not sides:
            made.append(None)
            continue
        having = [member for member in found.members if draft.forms[member.number] in sides]
        steps = [_relative(each.whole[sides[draft.forms[each.number]]], each) for each in having]
        paths = {each.container.path: path for each, path in zip(having, steps, strict=True) if each.probe is None}
        made.append(Computed(steps[0], draft.variables[step.value], paths))
    return tuple(made)


def _relative(step: ForwardStep, draft: ClassDraft) -> Path:
    return step.path[len(draft.container.path) :]
