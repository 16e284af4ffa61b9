"""What flows: tensors, bundles of them, and the blocks that are passed around."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from archdsl.base.shape import Shape
from archdsl.ir.graph import Path
from archdsl.syntax import ast

if TYPE_CHECKING:
    from archdsl.elaborate.library import Library


@dataclass(frozen=True, slots=True)
class Tensor:
    """The result of a step, or an input; its sizes are traced to the names of the block that it is seen from."""

    source: Path
    shape: Shape

    def __str__(self) -> str:
        return f"a tensor of {self.shape}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Several tensors side by side, one for each lane of a group."""

    lanes: tuple[Tensor, ...]

    def __str__(self) -> str:
        return f"{len(self.lanes)} streams of " + ", ".join(str(lane.shape) for lane in self.lanes)


class Definitions(dict[str, "Defined"]):
    """What capitalised names mean in a file. `lost` are names that should come from a file that cannot be read.

    With `is_partial` any name may be lost: a whole file was to be imported, or a definition cannot be parsed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[str] = set()
        self.is_partial = False


Stream: TypeAlias = Tensor | Bundle


@dataclass(frozen=True, slots=True)
class Defined:
    """A block, macro or model, and the file that it sees."""

    definition: ast.Definition
    library: "Library"

    def __str__(self) -> str:
        return f"the {self.definition.kind} {self.definition.name.text}"
