"""The syntax tree with its spans: expressions first, then steps, statements and files.

Most nodes are named tuples, because a frozen dataclass takes several times as long to define and to construct; nodes
of different kinds are never compared. Nodes that contain statements, and so themselves, are plain classes: type
checkers do not terminate on recursive named tuples, which they compare item by item.
"""

from dataclasses import dataclass, is_dataclass
from typing import NamedTuple, TypeAlias

from archdsl.base.source import Source, Span


class Literal(NamedTuple):
    """A number, a string, `true`, `false` or `none`."""

    value: int | float | str | bool | None
    span: Span


class Name(NamedTuple):
    """A name, in an expression or as a definition."""

    text: str
    span: Span


class Display(NamedTuple):
    """A list `[a, b]`, or a tuple `(a, b)`, also written `3x1`."""

    items: "tuple[Expr, ...]"
    is_list: bool
    span: Span


class Unary(NamedTuple):
    """`-a` or `not a`."""

    symbol: str
    operand: "Expr"
    span: Span


class Binary(NamedTuple):
    """A binary operation such as `a + b`, including `and` and `or`."""

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


class Range(NamedTuple):
    """`first..last` within a computed label."""

    first: "Expr"
    last: "Expr"


class Computed(NamedTuple):
    """A name with expressions: `layer{i + 1}`, or `layer{1..n}` for several names."""

    parts: "tuple[str | Expr | Range, ...]"
    span: Span


class Reference(NamedTuple):
    """`@label`: the output of the step with this label."""

    label: "Name | Computed"
    span: Span


Expr: TypeAlias = Literal | Name | Display | Unary | Binary | Comparison | Conditional | Index | Apply | Reference
Label: TypeAlias = Name | Computed


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
    """A shape as it was written, with the role of its axes if that stands before it."""

    dims: tuple[Dim, ...]
    span: Span
    role: Name | None = None


class Call(NamedTuple):
    """An operator and its arguments."""

    name: Name
    args: tuple[Argument, ...]
    span: Span


@dataclass(eq=False, repr=False)
class Braces:
    """`{ … }`: a submodule whose children are named by their labels."""

    body: "tuple[Statement, ...]"
    span: Span


@dataclass(eq=False, repr=False)
class Numbered:
    """`[ … ]`: a submodule whose children are numbered."""

    body: "tuple[Statement, ...]"
    span: Span


@dataclass(eq=False, repr=False)
class Group:
    """`( … )`: grouped steps, without a level of names."""

    chain: "Chain"
    span: Span


@dataclass(eq=False, repr=False)
class Merge:
    """`concat { … }`: a merging operator and its branches, all of which begin with the stream."""

    call: Call
    body: "tuple[Statement, ...]"
    span: Span


@dataclass(eq=False, repr=False)
class Residual:
    """`residual { … } project { … }`: the sum of the stream and the output of the body."""

    body: "tuple[Statement, ...]"
    project: "tuple[Statement, ...] | None"
    span: Span


@dataclass(eq=False, repr=False)
class On:
    """`on gpu1 { … }`: steps that run on a device."""

    place: Label
    body: "tuple[Statement, ...]"
    span: Span


@dataclass(eq=False, repr=False)
class Towers:
    """`group tower{0..1} on gpu{0..1} { … }`: towers: parallel copies of the body, one for each name."""

    name: Label
    place: Label | None
    body: "tuple[Statement, ...]"
    span: Span


class Share(NamedTuple):
    """`share @label`: another application of a module, with the same weights."""

    reference: Reference
    span: Span


Unit: TypeAlias = Call | Braces | Numbered | Group | Merge | Residual | On | Towers | Reference | Share


@dataclass(eq=False, repr=False)
class Step:
    """One step of a chain: `[label:] unit [* times] [if condition] [:: shape]`."""

    label: Label | None
    unit: Unit
    times: Expr | None
    condition: Expr | None
    shape: ShapeOf | None
    span: Span


@dataclass(eq=False, repr=False)
class Chain:
    """Steps joined by `->`, each of which reads the output of the one before."""

    steps: tuple[Step, ...]
    span: Span


class Input(NamedTuple):
    """`input name: shape`."""

    name: Name
    shape: ShapeOf
    span: Span


@dataclass(eq=False, repr=False)
class Output:
    """`output name: chain [when training]`: an output of the model with its own chain."""

    chain: Chain
    when_training: bool
    span: Span


class Devices(NamedTuple):
    """`devices gpu0, gpu1`: the names of the devices of the model."""

    names: tuple[Label, ...]
    span: Span


@dataclass(eq=False, repr=False)
class For:
    """`for i, n in list { … }`: the body once for each item."""

    names: tuple[Name, ...]
    items: Expr
    body: "tuple[Statement, ...]"
    span: Span


@dataclass(eq=False, repr=False)
class If:
    """`if test { … } else { … }`."""

    test: Expr
    body: "tuple[Statement, ...]"
    otherwise: "tuple[Statement, ...]"
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


Statement: TypeAlias = Input | Output | Devices | For | If | Set | Assert | Chain | Broken


class Parameter(NamedTuple):
    """A parameter of a model or block, and its default."""

    name: Name
    default: Expr | None
    span: Span


@dataclass(eq=False, repr=False)
class Definition:
    """`model`, `block` or `macro`, with its parameters and documentation; `is_inline` where it is written with `=`."""

    kind: str
    name: Name
    params: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    doc: tuple[str, ...]
    is_inline: bool
    span: Span


class Import(NamedTuple):
    """`import "file"`, or `from "file" import names`."""

    path: Literal
    names: tuple[Name, ...]
    span: Span


Item: TypeAlias = Definition | Import | Set | Broken


# The nodes that are plain classes; the others are tuples.
CONTAINERS: tuple[type, ...] = tuple(
    each
    for each in tuple(globals().values())
    if isinstance(each, type) and is_dataclass(each) and each.__module__ == __name__
)


class File(NamedTuple):
    """A whole file."""

    source: Source
    items: tuple[Item, ...]

    @property
    def definitions(self) -> tuple[Definition, ...]:
        """The models, blocks and macros of the file, in order."""
        return tuple(item for item in self.items if isinstance(item, Definition))

    @property
    def models(self) -> tuple[Definition, ...]:
        """The models of the file, in order."""
        return tuple(item for item in self.definitions if item.kind == "model")
