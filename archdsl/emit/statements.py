"""The Python statements that generated code is made of, and their printer."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias, assert_never

from archdsl.base.pyexpr import Expr, Infix, mapped, structure
from archdsl.base.pylogic import negated
from archdsl.base.pyprint import INDENT, WIDTH, flat, lines
from archdsl.base.records import record


@record(frozen=True, slots=True)
class Assign:
    """An assignment: `target: annotation = value  # comment`, or with another operator `target += value`.

    The comment is left out where the line has no room for it.
    """

    target: Expr
    value: Expr
    annotation: Expr = None
    operator: str = "="
    comment: str = ""


@record(frozen=True, slots=True)
class Declare:
    """A variable without a value: `target: annotation`."""

    target: Expr
    annotation: Expr


@record(frozen=True, slots=True)
class Evaluate:
    """An expression as a statement, usually a call."""

    expr: Expr


@record(frozen=True, slots=True)
class Return:
    """`return value`."""

    value: Expr


@record(frozen=True, slots=True)
class Raise:
    """`raise error`."""

    error: Expr


@record(frozen=True, slots=True)
class Assert:
    """`assert test`."""

    test: Expr


@record(frozen=True, slots=True)
class Branch:
    """A test and the statements that run if it holds; None is the test of an `else`."""

    test: Expr
    body: "tuple[Statement, ...]"


@record(frozen=True, slots=True)
class If:
    """`if`, with an `elif` for each further branch."""

    branches: tuple[Branch, ...]


@record(frozen=True, slots=True)
class For:
    """A `for` loop over one or more variables."""

    variables: tuple[str, ...]
    iterable: Expr
    body: "tuple[Statement, ...]"


@record(frozen=True, slots=True)
class Comment:
    """A comment on a line of its own."""

    text: str


@record(frozen=True, slots=True)
class Parameter:
    """A parameter of a function, with its default if it has one."""

    name: str
    annotation: Expr
    default: Expr = None
    has_default: bool = False


@record(frozen=True, slots=True)
class Function:
    """A method of a class.

    The parameters of an exploded one have a line each, whatever their number.
    """

    name: str
    parameters: tuple[Parameter, ...]
    keyword_only: tuple[Parameter, ...]
    result: Expr
    body: "tuple[Statement, ...]"
    exploded: bool = False


Statement: TypeAlias = Assign | Declare | Evaluate | Return | Raise | Assert | If | For | Comment


def branch(test: Expr, *body: Statement) -> Branch:
    """Return a branch; an `if` that is its whole body becomes a part of its test."""
    if len(body) == 1 and isinstance(body[0], If) and len(body[0].branches) == 1:
        inner = body[0].branches[0]
        return Branch(_conjunction(test, inner.test), inner.body)
    return Branch(test, body)


def _conjunction(left: Expr, right: Expr) -> Infix:
    if isinstance(right, Infix) and right.symbol == "and":
        return Infix(_conjunction(left, right.left), "and", right.right)
    return Infix(left, "and", right)


def under(statements: Iterable[tuple[Expr, Statement]]) -> Iterator[Statement]:
    """Yield statements under their tests: neighbours with one test share an `if`, and opposite ones an `else`.

    Conjunctions are nested where neighbours share their first part.
    """
    return _under([(_conjuncts(test), statement) for test, statement in statements])


def _joined(tests: list[Expr]) -> Expr:
    """Return the conjunction of tests."""
    first, *rest = tests
    for each in rest:
        first = Infix(first, "and", each)
    return first


def _conjuncts(test: Expr) -> list[Expr]:
    if isinstance(test, Infix) and test.symbol == "and":
        return [*_conjuncts(test.left), *_conjuncts(test.right)]
    return [] if test is None else [test]


def _under(statements: list[tuple[list[Expr], Statement]]) -> Iterator[Statement]:
    at = 0
    while at < len(statements):
        tests, statement = statements[at]
        if not tests:
            yield statement
            at += 1
            continue
        test, *_ = tests
        true, false, end = _run(statements, at, test)
        if len(tests) > 1 and (run := _run(statements, at, _joined(tests), whole=True))[1]:
            # The opposite of a conjunction is one test.
            test, (true, false, end) = _joined(tests), run
        at = end
        made = [branch(test, *_under(true))]
        otherwise = tuple(_under(false))
        if len(otherwise) == 1 and isinstance(otherwise[0], If):
            made += otherwise[0].branches
        elif otherwise:
            made.append(Branch(None, otherwise))
        yield If(tuple(made))


_Tested: TypeAlias = list[tuple[list[Expr], Statement]]


def _run(statements: _Tested, at: int, test: Expr, *, whole: bool = False) -> tuple[_Tested, _Tested, int]:
    """Return the statements from a place on that are under a test, those under its opposite, and the place behind.

    The test is the first part of the conjunctions, or all of each.
    """
    sides: dict[Hashable, _Tested] = {structure(test): [], structure(negated(test)): []}
    true, false = sides.values()
    while at < len(statements) and statements[at][0]:
        tests, statement = statements[at]
        first, rest = (_joined(tests), []) if whole else (tests[0], tests[1:])
        if structure(first) not in sides:
            break
        sides[structure(first)].append((rest, statement))
        at += 1
    return true, false, at


def bodies(statement: Statement) -> Iterator[tuple[Statement, ...]]:
    """Yield the statements within a statement."""
    if isinstance(statement, If):
        yield from (each.body for each in statement.branches)
    elif isinstance(statement, For):
        yield statement.body


def expressions(statements: tuple[Statement, ...]) -> Iterator[Expr]:
    """Yield the expressions of statements, annotations and those of inner statements included."""
    for each in statements:
        match each:
            case Assign():
                yield each.target
                yield each.value
                if each.annotation is not None:
                    yield each.annotation
            case Declare():
                yield each.target
                yield each.annotation
            case Evaluate(only) | Return(only) | Raise(only) | Assert(only) | For(_, only):
                yield only
            case If():
                yield from (branch.test for branch in each.branches)
            case Comment():
                pass
            case _:
                assert_never(each)
        for body in bodies(each):
            yield from expressions(body)


def expressions_of_function(function: Function) -> Iterator[Expr]:
    """Yield the expressions of a function: annotations, defaults and those of its body."""
    for each in (*function.parameters, *function.keyword_only):
        yield each.annotation
        yield each.default
    yield function.result
    yield from expressions(function.body)


def changed(statement: Statement, change: Callable[[Expr], Expr]) -> Statement:
    """Return a statement with `change` applied to every part of its expressions."""

    def inside(body: tuple[Statement, ...]) -> tuple[Statement, ...]:
        return tuple(changed(each, change) for each in body)

    match statement:
        case Assign():
            return replace(statement, target=mapped(statement.target, change), value=mapped(statement.value, change))
        case Declare():
            return replace(statement, target=mapped(statement.target, change))
        case Evaluate():
            return Evaluate(mapped(statement.expr, change))
        case Return():
            return Return(mapped(statement.value, change))
        case Raise():
            return Raise(mapped(statement.error, change))
        case Assert():
            return Assert(mapped(statement.test, change))
        case If():
            return If(tuple(Branch(mapped(each.test, change), inside(each.body)) for each in statement.branches))
        case For():
            return For(statement.variables, mapped(statement.iterable, change), inside(statement.body))
        case Comment():
            return statement
        case _:
            assert_never(statement)


def key(statement: Statement) -> Hashable:
    """Return a key that is equal for two statements if and only if they print alike."""
    own = tuple(map(structure, expressions((statement,))))
    shape = tuple(tuple(map(key, body)) for body in bodies(statement))
    extra = (statement.operator, statement.comment) if isinstance(statement, Assign) else ()
    variables = statement.variables if isinstance(statement, For) else ()
    text = statement.text if isinstance(statement, Comment) else ""
    return (type(statement), own, shape, extra, variables, text)


def printed(statement: Statement, indent: int) -> list[str]:
    """Return the lines of a statement, broken as `ruff format` breaks them, at `indent` columns."""
    pad = " " * indent
    match statement:
        case Assign():
            return _assignment(statement, indent)
        case Declare():
            return [f"{pad}{flat(statement.target)}: {flat(statement.annotation)}"]
        case Evaluate():
            return lines(statement.expr, prefix="", indent=indent)
        case Return():
            return lines(statement.value, prefix="return ", indent=indent)
        case Raise():
            return lines(statement.error, prefix="raise ", indent=indent)
        case Assert():
            return lines(statement.test, prefix="assert ", indent=indent)
        case For():
            head = f"for {', '.join(statement.variables)} in "
            return [*lines(statement.iterable, prefix=head, indent=indent, suffix=":"), *_body(statement.body, indent)]
        case Comment():
            return [f"{pad}# {statement.text}"]
        case If():
            return [
                line
                for number, each in enumerate(statement.branches)
                for line in (*_head(each.test, number, indent), *_body(each.body, indent))
            ]  # fmt: skip
        case _:
            assert_never(statement)


def _head(test: Expr, number: int, indent: int) -> list[str]:
    if test is None:
        return [f"{' ' * indent}else:"]
    return lines(test, prefix="elif " if number else "if ", indent=indent, suffix=":")


def _body(body: tuple[Statement, ...], indent: int) -> list[str]:
    return [line for each in body for line in printed(each, indent + INDENT)]


def _assignment(statement: Assign, indent: int) -> list[str]:
    annotation = "" if statement.annotation is None else f": {flat(statement.annotation)}"
    prefix = f"{flat(statement.target)}{annotation} {statement.operator} "
    made = lines(statement.value, prefix=prefix, indent=indent)
    comment = f"  # {statement.comment}" if statement.comment else ""
    if len(made[-1]) + len(comment) <= WIDTH:
        made[-1] += comment
    return made


def printed_function(function: Function) -> list[str]:
    """Return the lines of a method, indented as in its class."""
    result = f" -> {flat(function.result)}:"
    pad, inner = " " * INDENT, " " * (2 * INDENT)
    shown = ["self", *map(_parameter, function.parameters)]
    shown += ["*", *map(_parameter, function.keyword_only)] if function.keyword_only else []
    inside = ", ".join(shown)
    body = _body(function.body, INDENT)
    line = f"{pad}def {function.name}({inside}){result}"
    if len(line) <= WIDTH and not function.exploded:
        return [f"{line}", *body]
    fits = len(inside) + len(inner) <= WIDTH and not function.exploded
    rows = [inside] if fits else [f"{each}," for each in shown]
    return [f"{pad}def {function.name}(", *(f"{inner}{row}" for row in rows), f"{pad}){result}", *body]


def _parameter(parameter: Parameter) -> str:
    default = f" = {flat(parameter.default)}" if parameter.has_default else ""
    return f"{parameter.name}: {flat(parameter.annotation)}{default}"
