"""The parameters that the code of a class can use: which stay open, and which become numbers."""

from collections.abc import Iterable, Set
from dataclasses import dataclass, field, replace
from typing import NamedTuple, assert_never

from archdsl.base.guards import Guard
from archdsl.base.items import is_item, owner_of
from archdsl.base.pyexpr import Composite, Expr, mapped
from archdsl.base.pynumbers import traced_numbers
from archdsl.base.source import Span
from archdsl.base.substitution import evaluated, substituted
from archdsl.base.symbolic import TracedFloat, TracedInt, is_traced, parameters_of
from archdsl.base.traces import Applied, factors_of
from archdsl.ir.answers import Answers
from archdsl.ir.graph import Container, CountedGraph, Node
from archdsl.ops.base import ForwardOnly, Functional, Submodule
from archdsl.ops.initialisers import Initialiser
from archdsl.target.reserved import MODULE_ATTRIBUTES

_NOTHING: frozenset[str] = frozenset()


@dataclass(slots=True)
class ClassParameters:
    """The parameters of a model, or of one use of a block.

    Attributes:
        values: Their values, by name.
        fixed: The parameters that become numbers in the code.
        meanings: The values of a block's parameters as its caller computes them.
        guards: The conditions on the parameters that elaboration and the code of operators demanded.
        attributes: The attributes that store parameters whose own names would hide a submodule or a method.
        map_sizes: The parameters that are sizes of a block's input. In comments they are numbers if no code reads them.
        renamed: Names of numbers that became lists, with the item that is meant.
    """

    values: dict[str, int | float]
    fixed: set[str] = field(default_factory=set)
    meanings: dict[str, int | float] = field(default_factory=dict)
    guards: tuple[Guard, ...] = ()
    map_sizes: frozenset[str] = _NOTHING
    attributes: dict[str, str] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)

    def copied(self) -> "ClassParameters":
        """Return a copy for another class that has the same parameters, and may fix others of them."""
        return replace(self, fixed=set(self.fixed), attributes=dict(self.attributes))

    def expression(self, expr: Expr) -> Expr:
        """Return an expression of the constructor, with the fixed parameters as numbers."""
        return mapped(expr, self.number) if self.fixed or self.renamed else expr

    def number(self, expr: Expr) -> Expr:
        """Return a fixed parameter as a number, anything else as it is."""
        return evaluated(expr, self._environment("")) if is_traced(expr) else expr

    def guard(self, guard: Guard) -> Guard:
        """Return a guard with the items of lists in place of the numbers that became lists."""
        if not self.renamed:
            return guard
        items = {name: own(item, self.values[item]) for name, item in self.renamed.items()}
        return substituted(guard, items)

    def evaluated(self, number: int) -> int:
        """Return a number that another use of the same block computed, as this use computes it."""
        return evaluated(number, self._named({name: own(name, value) for name, value in self.values.items()}))

    def fixing(self, names: Iterable[str], span: Span) -> list[Guard]:
        """Return the guards that say that parameters have the values of this use."""
        return [Guard("==", ((own(name, self.values[name]), self.values[name]),), span) for name in sorted(names)]

    def as_attribute(self, expr: Expr) -> Expr:
        """Return a number as `forward` computes it, where open parameters are attributes of the module."""
        return evaluated(expr, self._environment("self.")) if is_traced(expr) else expr

    def attribute(self, name: str) -> str:
        """Return the attribute of the module that stores a parameter; an item of a list is one of the attribute."""
        owner = owner_of(name)
        return self.attributes.get(owner, owner) + name[len(owner) :]

    def hide(self, names: Iterable[str], taken: Set[str]) -> None:
        """Store parameters whose names are attributes of the module already under similar names."""
        for name in sorted({*map(owner_of, names)}):
            free = f"{self.attribute(name)}_"
            while free in taken or free in self.values:
                free = f"{free}_"
            self.attributes[name] = free

    def _environment(self, prefix: str) -> dict[str, int | float]:
        name_of = self.attribute if prefix else str
        return self._named(
            {
                name: value if name in self.fixed else own(prefix + name_of(name), value)
                for name, value in self.values.items()
            }
        )

    def _named(self, found: dict[str, int | float]) -> dict[str, int | float]:
        return found | {name: found[item] for name, item in self.renamed.items()} if self.renamed else found


def class_parameters(graph: CountedGraph) -> dict[tuple[str, ...], ClassParameters]:
    """Return the parameters of the model and of each use of a block, by path."""
    root = ClassParameters({p.name: _plain(p.value) for p in graph.parameters if is_traced(p.value)})
    root.guards = graph.graph.guards
    found: dict[tuple[str, ...], ClassParameters] = {}
    _enter(graph.root, root, found, {})
    return found


class _Reads(NamedTuple):
    """The parameters that a step reads.

    Attributes:
        applied: Those in its expression in `forward`.
        unread: Those of each argument that its code does not read.
        unscripted: Those to which that expression applies functions that cannot be scripted.
    """

    applied: frozenset[str]
    unread: tuple[frozenset[str], ...]
    unscripted: frozenset[str]

    @staticmethod
    def of(node: Node) -> "_Reads":
        """Return the parameters that a step reads; equal steps read the same."""
        mentioned, applied = _mentions(node)
        # An initialiser never decides about the structure, and has no code where there are no weights.
        values = (each for each in node.op.values.values() if not isinstance(each, Initialiser))
        unread = tuple(filter(None, (parameters_of(each) - mentioned for each in values)))
        return _Reads(applied, unread, _unscripted(node) if applied else _NOTHING)


def _enter(
    container: Container,
    parameters: ClassParameters,
    found: dict[tuple[str, ...], ClassParameters],
    reads: dict[Answers, _Reads],
) -> None:
    found[container.path] = parameters
    attributes: set[str] = set()
    unscripted: set[str] = set()
    guards: list[Guard] = []
    for child in _children(container):
        if isinstance(child, Node):
            answers = child.answers
            read = reads.get(answers) or reads.setdefault(answers, _Reads.of(child))
            guards += child.guards
            for names in read.unread:
                guards += parameters.fixing(names, child.span)
            if read.applied and len(child.path) == len(container.path) + 1:
                attributes |= read.applied
                unscripted |= read.unscripted
    labels = {child.path[-1] for child in container.children}
    taken = MODULE_ATTRIBUTES | labels
    parameters.hide(taken.intersection(map(owner_of, attributes)), taken)
    lists = {owner_of(name) for name in unscripted if is_item(name)}
    unscripted |= {name for name in parameters.values if is_item(name) and owner_of(name) in lists}
    parameters.fixed |= unscripted
    parameters.guards += (*guards, *parameters.fixing(unscripted, container.span))
    for child in _children(container):
        if isinstance(child, Container) and child.use:
            values = {given.name: _plain(given.value) for given in child.use.arguments}
            meanings = {given.name: given.value for given in child.use.arguments}
            map_sizes = frozenset(given.name for given in child.use.arguments if given.of_map)
            inner = ClassParameters(values, meanings=meanings, guards=child.use.guards, map_sizes=map_sizes)
            _enter(child, inner, found, reads)


def _children(container: Container) -> list[Node | Container]:
    """Return the steps that can use the parameters of a container: all in its submodules, but not those in blocks."""
    found: list[Node | Container] = []
    for child in container.children:
        found.append(child)
        if isinstance(child, Container) and not child.use:
            found += _children(child)
    return found


def _plain(value: int | float) -> int | float:
    if isinstance(value, bool):
        return value
    return value.real


def own(name: str, number: int | float) -> int | float:
    """Return the value of a parameter as the parameter itself."""
    return TracedInt.parameter(name, number) if isinstance(number, int) else TracedFloat.parameter(name, number)


def _mentions(node: Node) -> tuple[frozenset[str], frozenset[str]]:
    """Return the parameters that the code of a node reads, and those that its expression in `forward` reads."""
    emission = node.emission
    match emission:
        case Submodule():
            return names_in(emission.call), frozenset()
        case Functional():
            applied = names_in(emission.function)
            return applied | names_in(emission.module), applied
        case ForwardOnly():
            applied = names_in(emission.function)
            return applied, applied
        case _:
            assert_never(emission)


# In TorchScript, `round` returns a float, and a function of Python takes no integer for a float.
_UNSCRIPTED = frozenset({"round", "make_divisible"})


def _unscripted(node: Node) -> frozenset[str]:
    """Return the parameters to which a node applies functions in `forward` that cannot be scripted."""
    emission = node.emission
    assert not isinstance(emission, Submodule)
    found = [
        number
        for number in traced_numbers(emission.function)
        if any(isinstance(each, Applied) and each.function in _UNSCRIPTED for each in factors_of(number.trace))
    ]
    return parameters_of(found)


def names_in(expr: Expr) -> frozenset[str]:
    """Return the parameters that an expression reads."""
    if not isinstance(expr, Composite):
        if isinstance(expr, TracedInt | TracedFloat):
            return parameters_of(expr)
        return _union(expr) if isinstance(expr, tuple) else _NOTHING
    try:
        return expr.kept_parameters
    except AttributeError:
        found = _union(expr.parts())
        object.__setattr__(expr, "kept_parameters", found)
        return found


def _union(exprs: tuple[Expr, ...]) -> frozenset[str]:
    found = _NOTHING
    for expr in exprs:
        found |= names_in(expr)
    return found
