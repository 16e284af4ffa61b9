"""Traced numbers for other values of their parameters."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, overload

from archdsl.base.guards import Guard, Number, recording
from archdsl.base.symbolic import TracedFloat, TracedInt, applied, combined, is_traced, parameters_of
from archdsl.base.traces import Applied, Operation, Polynomial, Trace, parameters

# Values of parameters under which a trace is computed anew.
_TRIED = (1_000_003, 1, 2, 3, 7, 64)
NO_NUMBERS: Mapping[str, Number] = MappingProxyType({})


@overload
def evaluated(value: int, environment: Mapping[str, Number]) -> int: ...
@overload
def evaluated(value: Number, environment: Mapping[str, Number]) -> Number: ...
def evaluated(value: Number, environment: Mapping[str, Number]) -> Number:
    """Return the result of a trace for other values of the parameters, which may be traced themselves."""
    return _evaluated(value.trace, environment) if isinstance(value, TracedInt | TracedFloat) else value


def _evaluated(trace: Trace, environment: Mapping[str, Number]) -> Number:
    if isinstance(trace, tuple):
        return _sum_of(trace, environment)
    if isinstance(trace, Operation):
        return combined(trace.symbol, _evaluated(trace.left, environment), _evaluated(trace.right, environment))
    if isinstance(trace, Applied):
        return applied(trace.function, *[_evaluated(each, environment) for each in trace.arguments])
    return environment[trace] if isinstance(trace, str) else trace


def _sum_of(trace: Polynomial, environment: Mapping[str, Any]) -> int:
    total = 0
    for monomial, count in trace:
        term = count
        for factor in monomial:
            if isinstance(factor, str):
                term = term * environment[factor]
                continue
            if isinstance(factor, Applied):
                term = term * _evaluated(factor, environment)  # type: ignore[assignment]
                continue
            numerator = _sum_of(factor.numerator, environment)
            denominator = _sum_of(factor.denominator, environment)
            term = term * (numerator // denominator if factor.symbol == "//" else numerator % denominator)
        total = total + term
    return total


def replaced(number: Number, values: Mapping[str, Number], known: Mapping[str, Number] = NO_NUMBERS) -> Number:
    """Return a number with values in place of the names that have one; the values may be traced.

    `known` are numbers for the other names under which all operations have a result.
    """
    if not is_traced(number):
        return number
    names = dict(parameters(number.trace))
    if not names.keys() & values.keys():
        return number
    # Only the trace of the result counts, so without known numbers any will do for which no divisor is 0.
    for tried in _TRIED:
        environment = dict(values)
        for place, (name, is_float) in enumerate(names.items()):
            if name not in values:
                plain = known.get(name, tried + place / 7 if is_float else tried + place).real
                make = TracedFloat.parameter if is_float else TracedInt.parameter
                environment[name] = make(name, plain)  # type: ignore[arg-type]
        with suppress(ArithmeticError, ValueError):
            return evaluated(number, environment)
    return number


def substituted(guard: Guard, values: Mapping[str, Number], known: Mapping[str, Number] = NO_NUMBERS) -> Guard:
    """Return a guard with values in place of the names that have one; for `known`, see `replaced`."""
    pairs = tuple((replaced(left, values, known), replaced(right, values, known)) for left, right in guard.pairs)
    return guard._replace(pairs=pairs)


def outside(guard: Guard, meanings: Mapping[str, Number]) -> Iterator[Guard]:
    """Yield a guard of a block in the terms of its caller, unless it then holds for all values."""
    if parameters_of(guard.pairs) <= meanings.keys():
        log: list[Guard] = []
        with recording(log):
            made = substituted(guard, meanings)
        # A substitution that is too large to record fixes its operands.
        yield from (each._replace(span=guard.span, of_map=guard.of_map, what=guard.what) for each in log)
        if any(is_traced(number) for pair in made.pairs for number in pair):
            yield made
