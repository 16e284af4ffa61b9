"""Local variables of constructors, for numbers that a constructor computes several times."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial

from archdsl.base.pyexpr import Call, Conditional, Expr, OnlyIf, Ref, Repeat
from archdsl.base.pynumbers import names_of, traced_numbers, walk
from archdsl.base.pyprint import flat
from archdsl.base.symbolic import TracedInt, number_of
from archdsl.base.traces import (
    Applied,
    Operation,
    Polynomial,
    Quotient,
    Trace,
    added,
    constant,
    divided,
    factors_of,
    multiplied,
    names_of_trace,
    parts_of,
)
from archdsl.emit.class_parameters import names_in
from archdsl.emit.conditions import divisors
from archdsl.emit.statements import Assign, Evaluate, For, Statement, bodies, changed, expressions
from archdsl.target.reserved import why_no_parameter

# A number with several parameters, or with more characters, is worth a name if it is computed often enough.
_SHORT = 15
_LONG = 24
_OFTEN = 3
_CONSTANT = re.compile(r"\b\d+\b")
_CONVOLUTION = re.compile(r"nn\.Conv(Transpose)?\dd")


def with_locals(
    made: list[Statement], parameters: Collection[str], signatures: Mapping[str, Sequence[str]], taken: Collection[str]
) -> list[Statement]:
    """Return the statements of a constructor with local variables for numbers that they compute several times.

    A variable has the name of the argument that it becomes. Where several numbers become the same argument, the largest
    constant in each tells them apart: `out_40 = make_divisible(40 * width, 4)`.

    Args:
        made: The statements.
        parameters: The parameters of the constructor.
        signatures: The parameters of the generated classes.
        taken: Names that other statements of the constructor use.
    """
    if not any(map(names_in, expressions(tuple(made)))):
        return made
    assigned: list[Statement] = []
    used = {*taken, *parameters}.union(*map(names_of, expressions(tuple(made))))
    worthy = _worthy(made, frozenset(parameters) - {*_loop_variables(made)})
    names = _told_apart(_names(worthy, made, signatures))
    while worthy:
        trace = worthy.pop(0)
        name = next((each for each in names[trace] if each not in used and not why_no_parameter(each)), None)
        if name is None:
            continue
        used.add(name)
        local = TracedInt.parameter(name, 1).trace
        change = partial(_part, trace, local)
        made = [changed(each, change) for each in made]
        assigned.append(Assign(Ref(name), number_of(trace)))
        # The others may be computed from this one.
        renamed = {each: _replaced(each, trace, local) for each in worthy}
        names = {renamed[each]: names[each] for each in worthy}
        worthy = [renamed[each] for each in worthy]
    return [*assigned, *made]


def _loop_variables(made: Iterable[Statement]) -> Iterator[str]:
    """Yield the variables of loops, which hide parameters of the same name."""
    for each in made:
        if isinstance(each, For):
            yield from each.variables
        for body in bodies(each):
            yield from _loop_variables(body)
        for expr in expressions((each,)):
            yield from (part.variable for part in walk(expr) if isinstance(part, Repeat))


def _worthy(made: Sequence[Statement], parameters: frozenset[str]) -> list[Polynomial]:
    """Return the traces of the numbers that deserve a variable, the simple ones first.

    A number that has no value for some parameters is left where it is if only statements under tests compute it.
    """
    certain = {*_certain(made)}
    numbers = (each for expr in expressions(tuple(made)) if names_in(expr) for each in traced_numbers(expr))
    count = Counter(trace for number in numbers for trace in _polynomials(number.trace))
    found: dict[Polynomial, str] = {}
    for trace, times in count.items():
        names = names_of_trace(trace)
        if times > 1 and names and names <= parameters and (trace in certain or _has_value(trace)):
            text = flat(number_of(trace))
            is_often = times >= _OFTEN and (len(names) > 1 or len(text) > _SHORT)
            if text not in names and (is_often or len(text) > _LONG):
                found[trace] = text
    return sorted(found, key=lambda trace: (len(found[trace]), found[trace]))


def _certain(made: Iterable[Statement]) -> Iterator[Polynomial]:
    """Yield the integers that statements compute in any case."""
    for each in made:
        if isinstance(each, Assign | Evaluate):
            values = [*expressions((each,))]
            if not any(isinstance(part, Conditional | OnlyIf) for value in values for part in walk(value)):
                for value in values:
                    yield from (trace for number in traced_numbers(value) for trace in _polynomials(number.trace))


def _has_value(trace: Polynomial) -> bool:
    """Return whether a number can be computed for all values of its parameters."""
    powers = (each for each in factors_of(trace) if isinstance(each, Operation) and each.symbol == "**")
    return not any(divisors(number_of(trace))) and not any(powers)


def _polynomials(trace: Trace) -> Iterator[Polynomial]:
    """Yield the integers in a trace, itself among them."""
    parts: list[Quotient | Applied | Operation] = []
    if isinstance(trace, tuple):
        yield trace
        parts += [each for monomial, _ in trace for each in monomial if not isinstance(each, str)]
    elif not isinstance(trace, float | str):
        parts.append(trace)
    for part in parts:
        for each in parts_of(part):
            yield from _polynomials(each)


def _names(
    traces: Collection[Polynomial], made: Sequence[Statement], signatures: Mapping[str, Sequence[str]]
) -> dict[Polynomial, list[str]]:
    """Return names for numbers, from the arguments that they become: of layers, then of generated classes."""
    layers: dict[Polynomial, list[str]] = {trace: [] for trace in traces}
    own: dict[Polynomial, list[str]] = {trace: [] for trace in traces}
    calls = (part for expr in expressions(tuple(made)) for part in walk(expr)) if traces else ()
    for each in calls:
        if not isinstance(each, Call) or not isinstance(each.function, str):
            continue
        kind = "channels" if _CONVOLUTION.fullmatch(each.function) else "features"
        if (kind == "channels" or each.function == "nn.Linear") and len(each.args) > 1:
            _enter(layers, each.args[1], f"hidden_{kind}")
        names = signatures.get(each.function, ())
        for name, value in (*zip(names, each.args, strict=False), *(each.named if names else ())):
            _enter(own, value, name)
    # The sizes of inputs, such as `in_channels`, are those of this class.
    return {
        trace: [
            *layers[trace],
            *(name for name in own[trace] if not name.startswith("in_")),
            *(name.removeprefix("in_") for name in own[trace] if name.startswith("in_")),
        ]
        for trace in traces
    }


def _told_apart(names: Mapping[Polynomial, list[str]]) -> dict[Polynomial, list[str]]:
    """Return the names of numbers, with a constant behind those that several numbers could have."""
    wanted = Counter(name for each in names.values() for name in {*each})
    made: dict[Polynomial, list[str]] = {}
    for trace, own in names.items():
        constants = [int(each) for each in _CONSTANT.findall(flat(number_of(trace)))]
        common = [f"{name}_{max(constants)}" for name in own if wanted[name] > 1] if constants else own
        made[trace] = [*(name for name in own if wanted[name] == 1), *common]
    return made


def _enter(names: Mapping[Polynomial, list[str]], value: Expr, name: str) -> None:
    if isinstance(value, TracedInt) and value.trace in names:
        names[value.trace].append(name)


def _part(trace: Polynomial, local: Polynomial, part: Expr) -> Expr:
    """Return a part of an expression with a variable for a number."""
    if not isinstance(part, TracedInt):
        return part
    made = _replaced(part.trace, trace, local)
    return part if made is part.trace else TracedInt.make(part, made)


def _replaced(within: Polynomial, trace: Polynomial, local: Polynomial) -> Polynomial:
    """Return an integer with a variable for each integer in it that has a trace."""
    if within == trace:
        return local
    if trace not in _polynomials(within):
        return within
    total: Polynomial = ()
    for monomial, count in within:
        product = constant(count)
        for factor in monomial:
            made: Polynomial = (((factor,), 1),) if isinstance(factor, str) else _factor(factor, trace, local)
            product = multiplied(product, made)
        total = added(total, product, 1)
    return total


def _factor(factor: Quotient | Applied, trace: Polynomial, local: Polynomial) -> Polynomial:
    if isinstance(factor, Quotient):
        numerator, denominator = (_replaced(each, trace, local) for each in (factor.numerator, factor.denominator))
        return divided(numerator, factor.symbol, denominator)
    arguments = (_replaced(each, trace, local) if isinstance(each, tuple) else each for each in factor.arguments)
    return (((Applied(factor.function, tuple(arguments)),), 1),)
