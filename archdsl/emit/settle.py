"""Decides which parameters of a model the generated constructor keeps."""

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
        self.open = tuple(p for p in parameters if p.used and p.name not in fixed)
        self.fixed = tuple(p for p in parameters if p.used and p.name in fixed)
        self._environment = {p.name: _meant(p, fixed) for p in parameters if isinstance(p.value, int)}
        self._floats = {p.name: p.value for p in self.fixed if isinstance(p.value, float)}

    def expression(self, expr: Expr) -> Expr:
        """Return the expression with the fixed parameters as numbers."""
        if not self.fixed:
            return expr
        match expr:
            case TracedInt():
                return evaluated(expr, self._environment)
            case TracedFloat():
                return float(expr) if expr.name in self._floats else expr
            case tuple():
                return tuple(map(self.expression, expr))
            case Call():
                named = tuple((name, self.expression(value)) for name, value in expr.named)
                return Call(expr.function, tuple(map(self.expression, expr.args)), named, expr.spread)
            case Method():
                return Method(self.expression(expr.owner), expr.name, tuple(map(self.expression, expr.args)))
            case Infix():
                return Infix(self.expression(expr.left), expr.symbol, self.expression(expr.right))
            case Sequence():
                return Sequence(tuple(map(self.expression, expr.items)), expr.bracket, expr.exploded)
            case _:
                return expr


def _meant(parameter: Parameter, fixed: set[str]) -> int:
    assert isinstance(parameter.value, int)
    if parameter.name in fixed:
        return int(parameter.value)
    return TracedInt.parameter(parameter.name, int(parameter.value))


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
