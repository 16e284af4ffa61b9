"""The Python expressions that compute traced numbers."""

from collections.abc import Iterator
from functools import cache

from archdsl.base.functions import IN_PYTHON
from archdsl.base.items import is_item, number_of_item, owner_of
from archdsl.base.pyexpr import Call, Composite, Expr, Infix, Item, Prefix, Ref, parts
from archdsl.base.symbolic import TracedFloat, TracedInt, has_trace, is_traced
from archdsl.base.traces import Applied, Factor, Operation, Polynomial, Quotient, Trace

_NO_NAMES: frozenset[str] = frozenset()


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield an expression and all its parts; the operations of a traced number are parts of it."""
    if has_trace(expr):
        expr = arithmetic(expr.trace)
    yield expr
    for part in parts(expr):
        yield from walk(part)


def names_of(expr: Expr) -> frozenset[str]:
    """Return the names that an expression reads; of a dotted name the first part."""
    if isinstance(expr, Composite):
        try:
            return expr.kept_names
        except AttributeError:
            pass
    elif has_trace(expr):
        expr = arithmetic(expr.trace)
    name = expr.function if isinstance(expr, Call) else expr.name if isinstance(expr, Ref) else None
    found = _first_part(name) if isinstance(name, str) else _NO_NAMES
    for part in parts(expr):
        found |= names_of(part)
    if isinstance(expr, Composite):
        object.__setattr__(expr, "kept_names", found)
    return found


@cache
def _first_part(name: str) -> frozenset[str]:
    return frozenset((name.partition(".")[0],))


def traced_numbers(expr: Expr) -> Iterator[TracedInt | TracedFloat]:
    """Yield the traced numbers in an expression."""
    if is_traced(expr):
        yield expr
    for part in parts(expr):
        yield from traced_numbers(part)


def arithmetic(trace: Trace) -> Expr:
    """Return the expression that computes a traced number. Operations on floats keep their order."""
    match trace:
        case str():
            return parameter(trace)
        case float():
            return trace
        case Operation():
            return Infix(arithmetic(trace.left), trace.symbol, arithmetic(trace.right))
        case Applied():
            return _call(trace)
        case _:
            return _sum(trace)


def parameter(name: str) -> Expr:
    """Return a parameter as Python; those of a list are its items."""
    return Item(Ref(owner_of(name)), number_of_item(name)) if is_item(name) else Ref(name)


def _sum(trace: Polynomial) -> Expr:
    result: Expr = None
    for monomial, count in _positive_first(trace):
        factors: list[Expr] = [_factor(f) for f in monomial]
        if abs(count) != 1 or not factors:
            factors.insert(0, abs(count))
        term = factors[0]
        for factor in factors[1:]:
            term = Infix(term, "*", factor)
        if result is None:
            result = term if count > 0 else Infix(0, "-", term)
        else:
            result = Infix(result, "+" if count > 0 else "-", term)
    return 0 if result is None else result


def _positive_first(trace: Polynomial) -> Polynomial:
    """Return the terms of a sum with a positive one in front, if there is one: `a - b`, not `0 - b + a`."""
    first = next((term for term in trace if term[1] > 0), None)
    return trace if first is None else (first, *(term for term in trace if term is not first))


def _factor(factor: Factor) -> Expr:
    if isinstance(factor, Quotient):
        return Infix(_sum(factor.numerator), factor.symbol, _sum(factor.denominator))
    return arithmetic(factor)


def _call(trace: Applied) -> Expr:
    arguments = tuple(map(arithmetic, trace.arguments))
    if trace.function == "-":
        return Prefix("-", *arguments)
    return Call(IN_PYTHON.get(trace.function, trace.function), arguments)
