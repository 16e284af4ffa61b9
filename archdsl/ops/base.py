"""The operator table: what an operator declares, and how it is found.

An operator is one class. Its fields are its arguments, its methods answer what the rest of the compiler asks; no other
module spells its name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag, auto
from typing import ClassVar, TypeAlias, TypeVar, dataclass_transform

from archdsl.base.pyexpr import Call, Expr, Ref
from archdsl.base.shape import Shape
from archdsl.ops.analysis import EVERYTHING, INPUT_SAVED, ITSELF, NOTHING_SAVED, InputDependence, Saved, Sums
from archdsl.ops.declared import Argument as Argument
from archdsl.ops.declared import Declared
from archdsl.ops.declared import arg as arg
from archdsl.ops.initialisers import Start
from archdsl.ops.reasons import Reason

FAMILIES = ("convolution", "linear", "pooling", "activation", "normalisation", "merge", "other")
INPUT = Ref("@")


@dataclass(frozen=True)
class Example:
    """A call of an operator with what must come out; documentation and test at once. `others` are further inputs."""

    call: str
    input: Shape
    output: Shape
    params: int = 0
    macs: int = 0
    others: tuple[Shape, ...] = ()


@dataclass(frozen=True)
class Submodule:
    """The operator holds parameters or buffers: it becomes a child of its module."""

    call: Call


@dataclass(frozen=True)
class Stateless:
    """The operator holds nothing: a function in `forward`, or a child where positions count.

    `function` has INPUT where the stream goes in, and `input_at(n)` where there are several streams; what merges is
    never a child, so it has no `module`. `in_place` says that both forms take `inplace=True`, `sums`
    that the last input can be added to.
    """

    module: Call | None
    function: Expr
    in_place: bool = False
    sums: bool = False


def input_at(number: int) -> Ref:
    """Return what stands for one of several inputs in the code of an operator."""
    return Ref(f"@{number}")


Emission: TypeAlias = Submodule | Stateless


class Trait(Flag):
    """What some operators have in common that warnings, or losses, are about."""

    CUTS = auto()  # a rectifier: what is below zero is lost
    SQUASHES = auto()  # an activation, element by element
    CENTRES = auto()  # takes off the mean of each channel, and with it a constant added before
    USES_BATCH_STATISTICS = auto()  # keeps a variance while training that it uses later
    DROPS = auto()  # leaves elements out while training only
    GIVES_PROBABILITIES = auto()  # what comes out is not negative and sums up to 1
    GIVES_DISTANCES = auto()  # the smallest of what comes out wins
    SLIDES = auto()  # weighs a window of the map
    PASSES_ON = auto()  # the result is the input
    MIXES_ALL = auto()  # every element of the result weighs every element of the input


class Op(Declared):
    """An operator with its arguments: pure rules from shapes to shapes, counts, code and words."""

    family: ClassVar[str]
    # What it is called among its family, where that is another word.
    kind: ClassVar[str] = ""
    examples: ClassVar[tuple[Example, ...]] = ()
    # Files of templates/support whose definitions the emitted code may call, those that others need first.
    support: ClassVar[tuple[str, ...]] = ()
    # Whether autograd needs this operator's own output: then nothing may be written over it.
    keeps_output: ClassVar[bool] = True
    # Whether the result is the input's own memory, looked at in another way.
    is_view: ClassVar[bool] = False
    # Whether the gradient of the result is that of the inputs as well, or holds theirs as parts.
    shares_gradient: ClassVar[bool] = False
    # Whether autograd copies the input first where the result is written over it.
    copies_in_place: ClassVar[bool] = False
    traits: ClassVar[Trait] = Trait(0)
    # Whether streams that lie behind each other along the first axis come out so, each as if it were alone.
    is_lanewise: ClassVar[bool] = False
    # Whether the result depends on chance while training.
    is_random: ClassVar[bool] = False

    def shape(self, x: Shape) -> Shape:
        """Return the shape that comes out; raise `ShapeError` where none does."""
        raise NotImplementedError

    def indices(self) -> int | None:
        """Return how many different indices the input may hold; None where the input is real numbers."""
        return None

    def params(self, x: Shape) -> int:
        """Return the number of trainable parameters."""
        return 0

    def entries(self, x: Shape) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Return what it has in the `state_dict`: names and sizes."""
        return tuple((start.parameter, start.dims) for start in self.starts(x))

    def fixed(self, x: Shape) -> int:
        """Return the number of values in the `state_dict` that are not trained."""
        return 0

    def macs(self, x: Shape, y: Shape) -> int:
        """Return the multiply-accumulates of convolutions and matrix products for one sample."""
        return 0

    def torch(self, x: Shape) -> Emission:
        """Return the code that computes the operator on an input of this shape."""
        raise NotImplementedError

    def starts(self, x: Shape) -> tuple[Start, ...]:
        """Return how the parameters start, those that an initialiser can be given for."""
        return ()

    def result(self, inputs: tuple[Shape, ...]) -> Shape:
        """Return the shape that comes out of all inputs; raise `ShapeError` where none does."""
        shape = self.shape(inputs[0])
        for start in self.starts(inputs[0]):
            start.require()
        return shape

    def emission(self, inputs: tuple[Shape, ...]) -> Emission:
        """Return the code that computes the operator on inputs of these shapes."""
        return self.torch(inputs[0])

    def title(self, x: Shape) -> str:
        """Return the few words that stand in a drawing."""
        return self.name.replace("_", " ").capitalize()

    def cell(self, x: Shape) -> str:
        """Return what stands in a table of stages, in the words of papers, without its steps."""
        return self.title(x)

    def steps(self, x: Shape) -> str:
        """Return the steps of its window, such as `2`; empty where it moves by one pixel or has none."""
        return ""

    def decides(self, x: Shape) -> tuple[int, ...]:
        """Return the numbers that decide which formula the sizes of the result follow: they cannot stay open."""
        return ()

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        """Return what the units of the result see of the inputs."""
        return EVERYTHING

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        """Return what a training keeps of it until its gradient is computed."""
        return NOTHING_SAVED if self.is_view else INPUT_SAVED

    def sums(self, x: Shape, y: Shape) -> Sums:
        """Return how its numbers come about."""
        return Sums()

    def fuse_parallel(self, lanes: int, inputs: tuple[Shape, ...]) -> "Op | None":
        """Return the operator for `lanes` streams of these shapes that lie behind each other along the first axis.

        It does to each what this one does; its weights are those of all, put together likewise. None: there is none.
        """
        return self if self.is_lanewise else None

    def fuse_shared_input(self, lanes: int, inputs: tuple[Shape, ...]) -> "Op | None":
        """Return the operator that puts the results of `lanes` such operators on the same stream behind each other.

        Its weights are those of all, put together along their first axis. None: there is none.
        """
        return None

    def advice(self, x: Shape) -> tuple[Reason, ...]:
        """Return what is allowed and yet probably not meant."""
        return ()


class Merge(Op):
    """An operator that makes one stream of several; its rules take the shapes of all of them."""

    @property
    def free_axis(self) -> int | None:
        """The axis in which the streams may differ; None where they agree in all."""
        return None

    def shape(self, x: Shape) -> Shape:
        return self.result((x,))

    def torch(self, x: Shape) -> Emission:
        return self.emission((x,))

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        along_map = self.free_axis is not None and self.free_axis > 0 and y.rank > 2
        return EVERYTHING if along_map else ITSELF

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return NOTHING_SAVED


_TABLE: dict[str, type[Op]] = {}
_Class = TypeVar("_Class", bound=type[Op])


@dataclass_transform(kw_only_default=True, field_specifiers=(arg,))
def op(name: str, *, family: str, positional: int = 0) -> Callable[[_Class], _Class]:
    """Enter a class into the operator table under `name`; its first `positional` arguments need no name."""

    def enter(cls: _Class) -> _Class:
        if name in _TABLE:
            raise ValueError(f"the operator {name} is defined twice")
        if not cls.__doc__ or not cls.examples:
            raise ValueError(f"the operator {name} lacks a docstring or an example")
        if family not in FAMILIES:
            raise ValueError(f"the operator {name} has no known family: {family}")
        cls.family = family
        cls.declare(name, positional)
        _TABLE[name] = cls
        return cls

    return enter


def lookup(name: str) -> type[Op] | None:
    """Return the operator of this name, if there is one."""
    return _TABLE.get(name)


def all_ops() -> tuple[type[Op], ...]:
    """Return all operators, sorted by name."""
    return tuple(_TABLE[name] for name in sorted(_TABLE))
