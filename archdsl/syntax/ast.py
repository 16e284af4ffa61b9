"""What was written, with its places. Expressions first, then steps, statements and files.

Named tuples, because a frozen dataclass takes several times as long to define and to make; two nodes of different
kinds are never compared.
"""

from typing import NamedTuple, TypeAlias

from archdsl.source import Source, Span


class Literal(NamedTuple):
    """A number, a string, `true`, `false` or `none`."""

    value: int | float | str | bool | None
    span: Span


class Name(NamedTuple):
    """A name, in an expression or where one is given."""

    text: str
    span: Span


class Display(NamedTuple):
    """A list `[a, b]`, or a tuple `(a, b)`, which `3x1` is too."""

    items: "tuple[Expr, ...]"
    is_list: bool
    span: Span


class Unary(NamedTuple):
    """`-a` or `not a`."""

    symbol: str
    operand: "Expr"
    span: Span


class Binary(NamedTuple):
    """`a + b` and the like, `and` and `or` included."""

    left: "Expr"
    symbol: str
    right: "Expr"
    span: Span


class Comparison(NamedTuple):
    """`a < b`, or a chain `a < b <= c`."""

    first: "Expr"
    rest: "tuple[tuple[str, Expr], ...]"
    span: Span


class Conditional(NamedTuple):
    """`value if test else otherwise`."""

    value: "Expr"
    test: "Expr"
    otherwise: "Expr"
    span: Span


class Index(NamedTuple):
    """`owner[position]`."""

    owner: "Expr"
    position: "Expr"
    span: Span


class Apply(NamedTuple):
    """A function of the language, applied: `min(a, b)`."""

    function: Name
    args: "tuple[Argument, ...]"
    span: Span


Expr: TypeAlias = Literal | Name | Display | Unary | Binary | Comparison | Conditional | Index | Apply


class Argument(NamedTuple):
    """An argument of a call, given by position or by name."""

    name: Name | None
    value: Expr
    span: Span


class Dim(NamedTuple):
    """One size of a shape, with a name if it has one."""

    name: Name | None
    value: Expr


class ShapeOf(NamedTuple):
    """A shape as it was written."""

    dims: tuple[Dim, ...]
    span: Span


class Call(NamedTuple):
    """An operator and its arguments."""

    name: Name
    args: tuple[Argument, ...]
    span: Span


class Braces(NamedTuple):
    """`{ … }`: a submodule whose children are called by their labels."""

    body: "tuple[Statement, ...]"
    span: Span


class Numbered(NamedTuple):
    """`[ … ]`: a submodule whose children are numbered."""

    body: "tuple[Statement, ...]"
    span: Span


class Group(NamedTuple):
    """`( … )`: steps taken together, without a level of names."""

    chain: "Chain"
    span: Span


Unit: TypeAlias = Call | Braces | Numbered | Group


class Step(NamedTuple):
    """One step of a chain: `[label:] unit [* times] [:: shape]`."""

    label: Name | None
    unit: Unit
    times: Expr | None
    shape: ShapeOf | None
    span: Span


class Chain(NamedTuple):
    """Steps that hand the stream on."""

    steps: tuple[Step, ...]
    span: Span


class Input(NamedTuple):
    """`input name: shape`."""

    name: Name
    shape: ShapeOf
    span: Span


class Set(NamedTuple):
    """`set conv(bias = false)`: defaults for the calls below."""

    settings: tuple[Call, ...]
    span: Span


class Assert(NamedTuple):
    """`assert params == 61_706`."""

    test: Expr
    span: Span


class Broken(NamedTuple):
    """A statement that could not be parsed; its problem is reported."""

    span: Span


Statement: TypeAlias = Input | Set | Assert | Chain | Broken


class Parameter(NamedTuple):
    """A parameter of a model and its default."""

    name: Name
    default: Expr | None
    span: Span


class Model(NamedTuple):
    """`model Name(parameters) { … }` with its documentation."""

    name: Name
    params: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    doc: tuple[str, ...]
    span: Span


class File(NamedTuple):
    """A whole file."""

    source: Source
    items: tuple[Model | Set | Broken, ...]

    @property
    def models(self) -> tuple[Model, ...]:
        """The models of the file, in order."""
        return tuple(item for item in self.items if isinstance(item, Model))
