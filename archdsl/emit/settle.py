"""Decides which parameters of a model the generated constructor keeps."""

from archdsl.elaborate.reserved import MODULE_ATTRIBUTES
from archdsl.ir import CheckedGraph, Node, Parameter
from archdsl.ops.base import Stateless, Submodule
from archdsl.pyexpr import Call, Expr, Infix, Method, Sequence
from archdsl.symbolic import TracedFloat, TracedInt, evaluated, parameters_of


class Settled:
    """The parameters that stay open; all others become numbers in the code.

    A parameter is fixed where it decided about the structure, where it cannot be traced, and where the code of an
    operator does not mention it although an argument was computed from it.
    """

    def __init__(self, graph: CheckedGraph) -> None:
        parameters = graph.graph.parameters
        fixed = {parameter.name for parameter in parameters if parameter.pinned}
        for node in graph.nodes:
            mentioned = _names(emitted(node))
            for value in node.op.values.values():
                fixed |= parameters_of(value) - mentioned
        applied = frozenset().union(*(_names(function) for function in _functions(graph)))
        fixed |= applied & (MODULE_ATTRIBUTES | {child.path[0] for child in graph.root.children})
        self.open = tuple(p for p in parameters if p.used and p.name not in fixed)
        self.fixed = tuple(p for p in parameters if p.used and p.name in fixed)
        # `forward` reads these, so the constructor has to keep them.
        self.kept = tuple(p.name for p in self.open if p.name in applied)
        names = {p.name: p.name for p in self.open}
        self._names = _Meanings(parameters, names)
        self._attributes = _Meanings(parameters, {name: f"self.{name}" for name in names})

    def expression(self, expr: Expr) -> Expr:
        """Return an expression of the constructor, with the fixed parameters as numbers."""
        return self._names.put_into(expr) if self.fixed else expr

    def in_forward(self, expr: Expr) -> Expr:
        """Return an expression of `forward`, where open parameters are attributes."""
        return self._attributes.put_into(expr)


class _Meanings:
    """What the names of parameters stand for: another name, or for those that have none, the number."""

    def __init__(self, parameters: tuple[Parameter, ...], names: dict[str, str]) -> None:
        self.names = names
        self.numbers = {p.name: self._number(p) for p in parameters if isinstance(p.value, int)}

    def _number(self, parameter: Parameter) -> int:
        assert isinstance(parameter.value, int)
        value = int(parameter.value)
        return TracedInt.parameter(self.names[parameter.name], value) if parameter.name in self.names else value

    def put_into(self, expr: Expr) -> Expr:
        """Return the expression with every parameter as what it means."""
        match expr:
            case TracedInt():
                return evaluated(expr, self.numbers)
            case TracedFloat():
                name = self.names.get(expr.name)
                return TracedFloat.parameter(name, float(expr)) if name else float(expr)
            case tuple():
                return tuple(map(self.put_into, expr))
            case Call():
                named = tuple((name, self.put_into(value)) for name, value in expr.named)
                return Call(expr.function, tuple(map(self.put_into, expr.args)), named, expr.spread)
            case Method():
                return Method(self.put_into(expr.owner), expr.name, tuple(map(self.put_into, expr.args)))
            case Infix():
                return Infix(self.put_into(expr.left), expr.symbol, self.put_into(expr.right))
            case Sequence():
                return Sequence(tuple(map(self.put_into, expr.items)), expr.bracket, expr.exploded)
            case _:
                return expr


def _functions(graph: CheckedGraph) -> list[Expr]:
    """Return what `forward` itself applies."""
    steps = [child for child in graph.root.children if isinstance(child, Node)]
    emissions = [node.op.torch(node.input) for node in steps]
    return [emission.function for emission in emissions if isinstance(emission, Stateless)]


def emitted(node: Node) -> Expr:
    """Return the call that makes the operator's module, where its arguments show."""
    emission = node.op.torch(node.input)
    match emission:
        case Submodule():
            return emission.call
        case Stateless():
            return emission.module


def _names(expr: Expr) -> frozenset[str]:
    match expr:
        case Call():
            parts: tuple[Expr, ...] = (*expr.args, *(value for _, value in expr.named))
        case Method():
            parts = (expr.owner, *expr.args)
        case Infix():
            parts = (expr.left, expr.right)
        case Sequence():
            parts = expr.items
        case tuple():
            parts = expr
        case _:
            return parameters_of(expr)
    return frozenset().union(*map(_names, parts))
