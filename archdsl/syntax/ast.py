"""What was written, with its places. Expressions first, then steps, statements and files."""

from dataclasses import dataclass
from typing import TypeAlias

from archdsl.source import Source, Span


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a string, `true`, `false` or `none`."""

    value: int | float | str | bool | None
    span: Span


@dataclass(frozen=True, slots=True)
class Name:
    """A name, in an expression or where one is given."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Display:
    """A list `[a, b]`, or a tuple `(a, b)`, which `3x1` is too."""

    items: "tuple[Expr, ...]"
    is_list: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    """`-a` or `not a`."""

    symbol: str
    operand: "Expr"
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """`a + b` and the like, `and` and `or` included."""

    left: "Expr"
    symbol: str
    right: "Expr"
    span: Span


@dataclass(frozen=True, slots=True)
class Comparison:
    """`a < b`, or a chain `a < b <= c`."""

    first: "Expr"
    rest: "tuple[tuple[str, Expr], ...]"
    span: Span


@dataclass(frozen=True, slots=True)
class Conditional:
    """`value if test else otherwise`."""

    value: "Expr"
    test: "Expr"
    otherwise: "Expr"
    span: Span


@dataclass(frozen=True, slots=True)
class Index:
    """`owner[position]`."""

    owner: "Expr"
    position: "Expr"
    span: Span


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of the language, applied: `min(a, b)`."""

    function: Name
    args: "tuple[Argument, ...]"
    span: Span


Expr: TypeAlias = Literal | Name | Display | Unary | Binary | Comparison | Conditional | Index | Apply


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a call, given by position or by name."""

    name: Name | None
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Dim:
    """One size of a shape, with a name if it has one."""

    name: Name | None
    value: Expr


@dataclass(frozen=True, slots=True)
class ShapeOf:
    """A shape as it was written."""

    dims: tuple[Dim, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """An operator and its arguments."""

    name: Name
    args: tuple[Argument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Braces:
    """`{ … }`: a submodule whose children are called by their labels."""

    body: "tuple[Statement, ...]"
    span: Span


@dataclass(frozen=True, slots=True)
class Numbered:
    """`[ … ]`: a submodule whose children are numbered."""

    body: "tuple[Statement, ...]"
    span: Span


@dataclass(frozen=True, slots=True)
class Group:
    """`( … )`: steps taken together, without a level of names."""

    chain: "Chain"
    span: Span


Unit: TypeAlias = Call | Braces | Numbered | Group


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a chain: `[label:] unit [* count] [:: shape]`."""

    label: Name | None
    unit: Unit
    count: Expr | None
    shape: ShapeOf | None
    span: Span


@dataclass(frozen=True, slots=True)
class Chain:
    """Steps that hand the stream on."""

    steps: tuple[Step, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Input:
    """`input name: shape`."""

    name: Name
    shape: ShapeOf
    span: Span


@dataclass(frozen=True, slots=True)
class Set:
    """`set conv(bias = false)`: defaults for the calls below."""

    settings: tuple[Call, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Assert:
    """`assert params == 61_706`."""

    test: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Broken:
    """A statement that could not be parsed; its problem is reported."""

    span: Span


Statement: TypeAlias = Input | Set | Assert | Chain | Broken


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a model and its default."""

    name: Name
    default: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Model:
    """`model Name(parameters) { … }` with its documentation."""

    name: Name
    params: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    doc: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class File:
    """A whole file."""

    source: Source
    items: tuple[Model | Set | Broken, ...]

    @property
    def models(self) -> tuple[Model, ...]:
        """The models of the file, in order."""
        return tuple(item for item in self.items if isinstance(item, Model))
