"""The classes of a module, and the graphs that some of them compute."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from archdsl.base.pyexpr import Expr, Item, Ref
from archdsl.base.substitution import replaced
from archdsl.emit.class_draft import ClassDraft
from archdsl.emit.class_parameters import class_parameters
from archdsl.emit.classes import Class, classes, default_values
from archdsl.emit.dataflow import Dataflow
from archdsl.emit.drafter import Drafter
from archdsl.emit.probes.probing import may_probe, with_probes
from archdsl.emit.refusals import refuse
from archdsl.emit.taken import enter_parameters
from archdsl.ir.graph import Parameter
from archdsl.passes.lowering import LoweredGraph
from archdsl.target.reserved import BUILT_IN, CALLED, MODULE_GLOBALS, support_names

TENSOR = Ref("Tensor")
_TENSORS = Item(Ref("tuple"), (TENSOR, Ref("...")))


@dataclass(frozen=True, slots=True)
class ModuleClasses:
    """All classes of a module.

    Attributes:
        graphs: The graphs that have a class of their own, by the number of its draft.
        drafts: All drafts, inner classes first.
        by_draft: The class of each draft, by number.
        as_tuples: Whether graphs with several outputs return plain tuples.
        probes: The graphs of uses of blocks that no graph of the module has.
    """

    graphs: dict[int, LoweredGraph]
    drafts: list[ClassDraft]
    by_draft: dict[int, Class]
    as_tuples: bool
    probes: tuple[LoweredGraph, ...] = ()

    @staticmethod
    def of(graphs: Iterable[LoweredGraph], *, as_tuples: bool, probes: bool = False) -> "ModuleClasses":
        """Return the classes that compute some graphs: one for each graph and for each different block.

        Args:
            graphs: The graphs.
            as_tuples: Whether graphs with several outputs return plain tuples.
            probes: Whether classes may take what only their blocks take. There is one graph then.
        """
        drafts: list[ClassDraft] = []
        models: dict[int, LoweredGraph] = {}
        for graph in graphs:
            drafter = Drafter(Dataflow(graph), class_parameters(graph), drafts)
            root = drafter.draft(graph.root, drafter.parameters[()], graph.outputs)
            models[root.number] = graph
        made = ModuleClasses(models, drafts, {}, as_tuples)
        if probes and may_probe(graph, drafts):
            found = with_probes(drafts, drafter, made._settled)
            return ModuleClasses(models, found.drafts, found.by_draft, as_tuples, found.probes)
        return ModuleClasses(models, drafts, made._settled(drafts), as_tuples)

    def _settled(self, drafts: list[ClassDraft]) -> dict[int, Class]:
        """Return the class of each draft, by number, with its parameters and checks."""
        names = {name for graph in self.graphs.values() for name in (graph.name, self.output_class(graph))}
        taken = MODULE_GLOBALS | BUILT_IN | CALLED | support_names() | names
        made = classes(drafts, self.graphs, taken)
        enter_parameters(made)
        refuse(drafts, made, self.defaults)
        return made

    @property
    def distinct(self) -> list[Class]:
        """Each class once, inner classes first."""
        return list({id(each): each for each in self.by_draft.values()}.values())

    def graph_of(self, found: Class) -> LoweredGraph | None:
        """Return the graph that a class computes, None if it is a block or submodule."""
        return self.graphs.get(found.representative.number)

    def output_class(self, graph: LoweredGraph) -> str:
        """Return the name of the class of a graph's outputs; empty if it has none.

        It differs from the names of inputs, outputs and steps, after which `forward` names its variables.
        """
        if self.as_tuples or len(graph.outputs) == 1:
            return ""
        name = f"{graph.name}Output"
        names = {each.name for each in graph.inputs} | {each.name for each in graph.outputs}
        while name in names or any(name in node.path for node in graph.nodes):
            name = f"{name}s"
        return name

    def result(self, found: Class) -> Expr:
        """Return the type that the `forward` of a class returns."""
        graph = self.graph_of(found)
        if graph is None or len(graph.outputs) == 1:
            return TENSOR
        return _TENSORS if self.as_tuples else Ref(self.output_class(graph))

    def defaults(self, found: Class) -> Mapping[str, int | float | str | None]:
        """Return the defaults of a class's parameters. In the class of a graph, all of them have one."""
        graph = self.graph_of(found)
        if graph is None:
            return default_values(found)
        return {**_defaults(found, graph.parameters)}


def _defaults(found: Class, parameters: Iterable[Parameter]) -> dict[str, int | float]:
    """Return the defaults of the class of a model, computed from its arguments; other parameters have their default."""
    values, closed = found.representative.parameters.values, dict[str, int | float]()
    made: dict[str, int | float] = {}
    for each in parameters:
        if each.default is None:
            continue
        fixed = each.name in found.representative.parameters.fixed
        default = values[each.name] if fixed else replaced(each.default, closed, values)
        (made if each.name in found.parameters else closed)[each.name] = default
    return made
