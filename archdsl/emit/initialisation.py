"""Initialisation of weights: statements of constructors for weights that differ from PyTorch's defaults.

Layers of one class that are all initialised alike, in the whole model or in one `nn.Sequential`, share a loop over its
modules. Other layers have statements of their own, in the class that constructs them.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from copy import copy
from dataclasses import replace

from archdsl.base.pyexpr import Attribute, Expr, Infix, Item, Method, Ref, call, union
from archdsl.base.records import record
from archdsl.emit.class_parameters import names_in
from archdsl.emit.statements import Assert, Branch, Evaluate, For, If, Statement, branch, expressions, key
from archdsl.emit.support import definition
from archdsl.ir.graph import ChildNaming, Container, Node
from archdsl.ops.base import Functional, Submodule
from archdsl.ops.initialisers import InitialValue
from archdsl.target.reserved import support_names

_FEWEST = 3
_SELF = Ref("self")


class Initialisation:
    """The initialisation statements of a model's classes.

    Args:
        root: The model.
        taken: Names that loops cannot use.
        has_class: Whether a container becomes a class. Others are an `nn.Sequential` in the class around them.
    """

    def __init__(self, root: Container, taken: Iterable[str], has_class: Callable[[Container], bool]) -> None:
        self._has_class = has_class
        layers = list(_layers(root))
        self._settled, self.of_model = _shared(layers, _SELF, taken)
        self._alike = {each.key for each in layers if each.function in self._settled}

    def of_part(self, has_class: Callable[[Container], bool]) -> "Initialisation":
        """Return the initialisation of a part of the model that is not in its graph."""
        made = copy(self)
        made._has_class = has_class
        return made

    def fits(self, part: Container) -> bool:
        """Return whether the model initialises the layers of a part of it in the way that they ask for."""
        return all(each.function not in self._settled or each.key in self._alike for each in _layers(part))

    def of_child(
        self, child: Node | Container, attribute: Expr, taken: Iterable[str], *, direct: bool
    ) -> list[Statement]:
        """Return the statements for a submodule of a class.

        Args:
            child: The submodule.
            attribute: The expression that reads it in the class.
            taken: Names that loops cannot use.
            direct: Whether a type checker knows the type of the attribute.
        """
        path = (child.path[-1],)
        if isinstance(child, Node):
            return [] if _class_of(child) in self._settled else list(_of_layer(child, attribute, is_known=direct))
        if self._has_class(child):
            return []
        settled, made = self._settled, list[Statement]()
        if self._is_plain(child):
            settled, made = _shared(list(_layers(child)), attribute, taken, settled)
        for place, node in self._within(child, path):
            if _class_of(node) in settled:
                continue
            if direct and len(place) == 2 and child.kind is not ChildNaming.KEYED:
                name, is_item = place[-1], child.kind is ChildNaming.NUMBERED
                layer = Item(attribute, int(name)) if is_item else Attribute(attribute, name)
                made += _of_layer(node, layer, is_known=False)
            else:
                made += _of_inner_layer(node, ".".join(place))
        return made

    def _is_plain(self, container: Container) -> bool:
        """Return whether no submodule of it has a class, which would initialise its layers itself."""
        inner = (child for child in container.children if isinstance(child, Container))
        return all(not self._has_class(child) and self._is_plain(child) for child in inner)

    def _within(self, container: Container, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Node]]:
        """Yield the layers in an `nn.Sequential`, with their paths."""
        for child in container.children:
            place = (*path, child.path[-1])
            if isinstance(child, Node):
                if _class_of(child):
                    yield place, child
            elif not self._has_class(child):
                yield from self._within(child, place)


def _class_of(node: Node) -> str:
    """Return the class of a layer's module; empty if the layer has no parameters of its own."""
    emission = node.emission
    if not isinstance(emission, Submodule) or node.weights:
        return ""
    assert isinstance(emission.call.function, str)
    return emission.call.function


def _of_layer(node: Node, layer: Expr, *, is_known: bool) -> Iterator[Statement]:
    """Yield the statements that initialise one layer, `is_known` if a type checker knows its type."""
    values = [value for value in node.answers.initial_values if value.initialiser]
    if not is_known and values:
        yield Assert(call("isinstance", layer, Ref(_class_of(node))))
    if any(value.is_prefix for value in values):
        yield _by_name(values, layer, ())
        return
    for value in values:
        target = Attribute(layer, value.parameter)
        yield from _guarded(_fill(value, target), target if value.may_be_none else None)


def _of_inner_layer(node: Node, dotted: str) -> Iterator[Statement]:
    """Yield the statements that initialise a layer which no expression of a known type reads, given its path."""
    values = [value for value in node.answers.initial_values if value.initialiser]
    if any(value.is_prefix for value in values):
        yield _by_name(values, call("self.get_submodule", dotted), ())
        return
    for value in values:
        yield from _fill(value, call("self.get_parameter", f"{dotted}.{value.parameter}"))


def _fill(value: InitialValue, target: Expr) -> tuple[Statement, ...]:
    """Return the statements that initialise a parameter."""
    assert value.initialiser
    row = () if value.zero_row is None else (Evaluate(call("nn.init.zeros_", Item(target, value.zero_row))),)
    return (Evaluate(value.initialiser.call(target)), *row)


def _guarded(statements: tuple[Statement, ...], target: Expr) -> tuple[Statement, ...]:
    """Return the statements under the condition that the target, if there is one to test, is not None."""
    if target is None or not statements:
        return statements
    return (If((branch(Infix(target, "is not", None), *statements),)),)


def _by_name(values: list[InitialValue], owner: Expr, taken: Iterable[str]) -> Statement:
    """Return the loop over the parameters of a layer that has several of each kind."""
    name, parameter = _free("name", taken), _free("parameter", taken)
    cases = [
        branch(Method(Ref(name), "startswith", (value.parameter,)), *_fill(value, Ref(parameter))) for value in values
    ]
    return For((name, parameter), Method(owner, "named_parameters"), (If(tuple(cases)),))


def _free(variable: str, taken: Iterable[str]) -> str:
    return f"each_{variable}" if variable in taken else variable


@record(frozen=True, slots=True)
class _Layer:
    """A module of the generated code: its class, how its parameters are initialised, and whether it is in a block."""

    function: str
    values: tuple[InitialValue, ...]
    in_block: bool = False

    @property
    def key(self) -> Hashable:
        """A key that is equal for layers whose parameters are initialised alike."""
        return self.function, tuple(replace(each, dims=()) for each in self.values)


def _layers(container: Container, *, in_block: bool = False) -> Iterator[_Layer]:
    """Yield the modules in a container, at any depth, that are no containers."""
    for child in container.children:
        if isinstance(child, Container):
            if not child.weights:
                yield from _layers(child, in_block=in_block or child.use is not None)
        elif made := _class_of(child):
            yield _Layer(made, child.answers.initial_values, in_block)
        elif isinstance(child.emission, Functional) and container.kind is ChildNaming.NUMBERED:
            assert isinstance(child.emission.module.function, str)
            yield _Layer(child.emission.module.function, (), in_block)


def _shared(
    found: list[_Layer], owner: Expr, taken: Iterable[str], before: frozenset[str] = frozenset()
) -> tuple[frozenset[str], list[Statement]]:
    """Return the classes whose layers are all initialised alike, and the loop over modules that initialises them.

    Args:
        found: All layers.
        owner: The expression whose modules the loop visits.
        taken: Names that the loop cannot use.
        before: Classes that an outer loop initialises.
    """
    variable = _free("module", taken)
    cases: dict[Hashable, tuple[tuple[Statement, ...], list[str]]] = {}
    settled = set(before)
    for function in dict.fromkeys(layer.function for layer in found):
        family = _family(function, found)
        code = _in_loop(family, variable, taken) if family and function not in settled else ()
        if code:
            cases.setdefault(tuple(map(key, code)), (code, []))[1].append(function)
            settled |= {layer.function for layer in family}
    branches = tuple(_of_classes(variable, *case) for case in cases.values())
    loop = For((variable,), Method(owner, "modules"), (If(branches),))
    return frozenset(settled), [loop] if branches else []


def _of_classes(variable: str, code: tuple[Statement, ...], functions: list[str]) -> Branch:
    return branch(call("isinstance", Ref(variable), union(*map(Ref, functions))), *code)


def _family(function: str, found: list[_Layer]) -> list[_Layer]:
    """Return the layers that `isinstance` finds for a class; none if it would also find a part of another layer."""
    used = dict.fromkeys(layer.function for layer in found)
    support = {name: definition(name) for name in used if name in support_names()}
    if any(function in each.calls for each in support.values()):
        return []
    kin = {function, *(name for name, each in support.items() if function in each.bases)}
    return [layer for layer in found if layer.function in kin]


def _in_loop(family: list[_Layer], variable: str, taken: Iterable[str]) -> tuple[Statement, ...]:
    """Return the statements that initialise each of these layers; none if the layers are not initialised alike."""
    if len(family) < _FEWEST:
        return ()
    names = dict.fromkeys(value.parameter for layer in family for value in layer.values)
    made: list[Statement] = []
    alike: list[InitialValue] = []
    for name in names:
        values = [value for layer in family for value in layer.values if value.parameter == name]
        target = Attribute(Ref(variable), name)
        codes = [_fill(value, target) if value.initialiser else () for value in values]
        if len({tuple(map(key, code)) for code in codes}) > 1:
            return ()
        guarded = values[0].may_be_none or len(values) < len(family)
        made += _guarded(codes[0], target if guarded else None)
        alike += [values[0]] if values[0].initialiser else []
    if any(map(names_in, expressions(tuple(made)))) and any(layer.in_block for layer in family):
        return ()
    return (_by_name(alike, Ref(variable), taken),) if any(value.is_prefix for value in alike) else tuple(made)
