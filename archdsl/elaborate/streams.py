"""The tensors that flow from step to step."""

from typing import TypeAlias

from archdsl.base.records import record
from archdsl.base.role import BY_POSITION, Role
from archdsl.base.shape import Shape
from archdsl.ir.graph import Path


@record(frozen=True, slots=True)
class Tensor:
    """The output of a step, or an input. Its sizes are traced to the parameters of the block that reads it."""

    source: Path
    shape: Shape
    role: Role = Role.PLAIN

    def __str__(self) -> str:
        return f"a tensor of {self.shape}"


@record(frozen=True, slots=True)
class Bundle:
    """Several tensors that flow side by side, such as the outputs of the towers of a `group`."""

    tensors: tuple[Tensor, ...]

    def __str__(self) -> str:
        return f"{len(self.tensors)} streams of " + ", ".join(str(tensor.shape) for tensor in self.tensors)


Stream: TypeAlias = Tensor | Bundle
# Names of the language for the sizes of the stream.
STREAM_NAMES = frozenset({*BY_POSITION, "shape"})
