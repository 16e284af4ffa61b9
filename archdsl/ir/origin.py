"""The origin of a step: the statements of the source around it, and the tests that decided that it exists.

Uses of a block unfold the same source, so steps of two uses with the same origin are one step of the block.
"""

from collections.abc import Callable, Iterator

from archdsl.base.guards import Guard
from archdsl.base.pyexpr import Expr
from archdsl.base.records import record
from archdsl.base.source import Span


@record(frozen=True, slots=True, eq=False)
class Test:
    """A test of the source that decided which steps exist.

    Attributes:
        span: Its place.
        value: Whether it held.
        guards: The conditions on traced numbers that its value demanded.
        written: Returns the test as Python over the names of the block, None if these cannot say it.
    """

    span: Span
    value: bool
    guards: tuple[Guard, ...]
    written: Callable[[], Expr]


@record(frozen=True, slots=True, eq=False)
class Origin:
    """A link in the chain of statements around a step, from the inner to the outer ones.

    Attributes:
        outer: The statement around it.
        span: The place of the statement.
        round: The number of the round, for a statement that is unfolded several times.
        test: The test that let it be unfolded, if there is one.
        argument: The parameter of the block that names the operator, where the callee is a parameter. Blocks and macros
            of several steps do not count: they shape the block.
        is_branch: Whether it is the branch of an `if`, whose other branch may have the same steps.
    """

    outer: "Origin | None"
    span: Span
    round: int = 0
    test: Test | None = None
    argument: str = ""
    is_branch: bool = False

    def up_to(self, end: "Origin | None") -> Iterator["Origin"]:
        """Yield the links from this one outwards, without `end` and those around it."""
        link: Origin | None = self
        while link is not None and link is not end:
            yield link
            link = link.outer


@record(frozen=True, slots=True)
class Tested:
    """A test in one use of a block, and the statement around it."""

    around: Origin | None
    test: Test


@record(frozen=True, slots=True)
class Choice:
    """A parameter of a block in one use whose value cannot be traced, such as a truth value.

    Attributes:
        name: The parameter.
        value: Its value.
        text: A text that is equal for equal values.
        alias: The parameter of the caller that the caller hands on.
        body: The name of a block, or of a macro of several steps; empty for other values.
        default: Its default, if that is a truth value or a string.
        is_default: Whether the block has the value as its default, for words and `none`.
    """

    name: str
    value: object
    text: str
    alias: str = ""
    body: str = ""
    default: bool | str | None = None
    is_default: bool = False

    @property
    def expr(self) -> Expr:
        """The value as Python, None if it has no such form."""
        return self.value if isinstance(self.value, bool | str) else None
