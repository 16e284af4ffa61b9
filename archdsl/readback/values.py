"""The values that a generated module computes with, as the reader represents them."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

Path: TypeAlias = tuple[str, ...]
Sizes: TypeAlias = tuple[int, ...]
# A computation: its kind and its arguments in a fixed order, such as ("linear", 84, 10, True).
Step: TypeAlias = tuple[Any, ...]
Named: TypeAlias = tuple[tuple[str, Sizes], ...]

# The size of the batch axis. It is a prime number that no net has as a size, so no other axis can be taken for it.
BATCH = 1_000_003


class WrongModule(Exception):
    """The text of a module does not compute its graph, which is a bug in archdsl.

    Attributes:
        where: The place: a submodule, a statement of `forward`, a key of the `state_dict`.
        expected: The graph's answer.
        found: The text's answer.
    """

    def __init__(self, where: "Place | str", expected: str, found: str) -> None:
        super().__init__(f"{where}: expected {expected}, found {found}")
        self.where, self.expected, self.found = str(where), expected, found


@dataclass(slots=True)
class Place:
    """A method of the module and the line of the statement in work, 0 for none."""

    method: str
    line: int = 0

    def __str__(self) -> str:
        """Return the place for a message."""
        return f"{self.method}, line {self.line}" if self.line else self.method


class Unread(Exception):
    """The reader does not know a form of Python or an operation, so it cannot compare a part of the module."""


class Tensor(NamedTuple):
    """A tensor of `forward`.

    Attributes:
        number: The number of its value; equal values have one number.
        sizes: Its sizes, with the batch.
        memory: The number of the memory that holds it; views share that of their input.
        version: How often the memory had been overwritten when the tensor was computed.
    """

    number: int
    sizes: Sizes
    memory: int = -1
    version: int = 0


class Gathered(NamedTuple):
    """The tensors of all processes, before or after they are stacked along a new first axis."""

    part: Tensor
    is_stacked: bool = False


class Parameter(NamedTuple):
    """A parameter or buffer of a module, or a new tensor, with its sizes and the name of its device."""

    sizes: Sizes
    device: str | None = None


class Training:
    """The value of `self.training`, which dropouts pass on. It is true if the reader runs `forward` for training."""

    def __init__(self) -> None:
        self.on = True

    def __bool__(self) -> bool:
        return self.on


class Layer(NamedTuple):
    """The rule of a constructor: what its module computes, and its parameters and buffers in the `state_dict`.

    With `in_place`, its result overwrites its input.
    """

    steps: tuple[Step, ...]
    parameters: Named = ()
    buffers: Named = ()
    in_place: bool = False


@dataclass(slots=True, eq=False)
class Module:
    """An instance of a module class, as `__init__` leaves it.

    Attributes:
        kind: The name of its class, such as `nn.Conv2d`.
        line: The line of the call that made it.
        layer: The rule of its class; None for generated classes, containers and unknown classes.
        children: Its submodules in the order of registration.
        given: The arguments of `__init__`, with defaults.
        kept: Other attributes that `__init__` stores.
        anchors: Buffers that are not in the `state_dict`.
        device: The name of the device that its parameters are on, None for the default.
        path: Its place in the model.
        is_known: Whether the reader knows the class.
    """

    kind: str
    line: int
    layer: Layer | None = None
    children: "dict[str, Module]" = field(default_factory=dict)
    given: dict[str, object] = field(default_factory=dict)
    kept: dict[str, object] = field(default_factory=dict)
    anchors: dict[str, Parameter] = field(default_factory=dict)
    device: str | None = None
    path: Path = ()
    is_known: bool = True


def per_axis(value: int | Sizes, axes: int) -> Sizes:
    """Return an argument of PyTorch as one number for each axis."""
    return (value,) * axes if isinstance(value, int) else tuple(value)


def uniform(values: Sizes) -> int | Sizes:
    """Return one number if it is the same for all axes."""
    return values[0] if len(set(values)) == 1 else values


def shown(sizes: Sizes) -> str:
    """Return sizes for a message; the batch is written N."""
    return "(" + ", ".join("N" if size == BATCH else str(size) for size in sizes) + ")"


def stated(step: Step) -> str:
    """Return a computation for a message: `linear(84, 10, True)`."""
    kind, *arguments = step
    return f"{kind}({', '.join(map(str, arguments))})" if arguments else str(kind)
