"""The memory of tensors: which share it, and which were overwritten."""

from collections.abc import Sequence

from archdsl.readback.values import Place, Tensor, WrongModule

# Functions whose result may be the input or a view of it, in training or in evaluation.
_VIEWS = frozenset(
    [
        "flatten",
        "reshape",
        "unflatten",
        "permute",
        "narrow",
        "to_samples",
        "to_towers",
        "identity",
        "move",
        "dropout",
        "channel_dropout",
        "alpha_dropout",
        "drop_path",
    ]
)


class Memory:
    """The memory that `forward` uses."""

    def __init__(self) -> None:
        self._versions: list[int] = []

    def new(self, tensor: Tensor) -> Tensor:
        """Return a tensor in memory of its own."""
        self._versions.append(0)
        return Tensor(tensor.number, tensor.sizes, len(self._versions) - 1, 0)

    def result(self, tensor: Tensor, kinds: Sequence[str], inputs: Sequence[Tensor]) -> Tensor:
        """Return the result of functions of these kinds, one after the other, in the memory that holds it."""
        if len(inputs) == 1 and _VIEWS.issuperset(kinds):
            return Tensor(tensor.number, tensor.sizes, inputs[0].memory, inputs[0].version)
        return self.new(tensor)

    def overwritten(self, tensor: Tensor, source: Tensor) -> Tensor:
        """Return a result that overwrites a tensor."""
        if source.memory < 0:
            return tensor
        self._versions[source.memory] += 1
        return tensor._replace(memory=source.memory, version=self._versions[source.memory])

    def require(self, tensors: Sequence[Tensor], where: Place | str) -> None:
        """Raise WrongModule if a tensor was overwritten since it was computed."""
        for each in tensors:
            if each.memory >= 0 and self._versions[each.memory] != each.version:
                raise WrongModule(where, "a tensor that no statement has overwritten", "one that was overwritten")
