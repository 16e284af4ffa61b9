"""Loads published weights into a module: by their names, or in their order where their names are others."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor, nn

_SHOWN = 5
# A batch norm counts batches only for an average without momentum, and many published files have no such entry.
_COUNTER = "num_batches_tracked"
Entries: TypeAlias = "dict[str, Tensor]"
Pairs: TypeAlias = list[tuple[str, str]]


class WeightsError(ValueError):
    """Weights that do not fit a module; `differences` says where, a line each."""

    def __init__(self, module: str, differences: tuple[str, ...]) -> None:
        lines = [f"the weights do not fit {module}:", *differences[:_SHOWN]]
        if len(differences) > _SHOWN:
            lines.append(f"and {len(differences) - _SHOWN} more")
        super().__init__("\n  ".join(lines))
        self.differences = differences


def load_weights(
    module: "nn.Module", state_dict: "Mapping[str, Tensor]", *, by: Literal["name", "order"] = "name"
) -> None:
    """Copy weights into a module, each to the entry of its name, or with `by="order"` to the one in its place.

    The order is for weights with the names of other code: both sides are paired as they stand in their `state_dict`.
    It sees a wrong order only where shapes differ, so compare outputs with those of the code that the weights are from.
    Either way every entry must find its counterpart, in the same shape; only `num_batches_tracked` may lack one.
    Weights take the device and the type of the module. A module with fused towers takes those of the towers too.

    Raises WeightsError where they do not fit; the module is unchanged then.
    """
    own, given = _without_counters(module.state_dict()), _without_counters(state_dict)
    match by:
        case "name":
            given = _fused(module, given)
            pairs = [(name, name) for name in own if name in given]
        case "order":
            pairs = list(zip(own, given, strict=False))
        case _:
            raise ValueError(f'weights are loaded by "name" or by "order", not by {by!r}')
    differences = (*_of_other_shapes(own, given, pairs), *_without_counterpart(own, given, pairs))
    if differences:
        raise WeightsError(type(module).__name__, differences)
    for name, source in pairs:
        own[name].copy_(given[source])


def _fused(module: "nn.Module", state_dict: Entries) -> Entries:
    """Return weights as a module takes them, which says itself how towers became one in it."""
    fuse: Callable[[Entries], Entries] | None = getattr(type(module).__init__, "__globals__", {}).get("fused_state")
    return fuse(state_dict) if fuse else state_dict


def _without_counters(state_dict: "Mapping[str, Tensor]") -> Entries:
    return {name: tensor for name, tensor in state_dict.items() if name.rpartition(".")[2] != _COUNTER}


def _of_other_shapes(own: Entries, given: Entries, pairs: Pairs) -> Iterator[str]:
    for name, source in pairs:
        if own[name].shape != given[source].shape:
            place = name if name == source else f"{name} <- {source}"
            yield f"{place}: the module has {_sizes(own[name])}, the weights have {_sizes(given[source])}"


def _without_counterpart(own: Entries, given: Entries, pairs: Pairs) -> Iterator[str]:
    taken, used = {name for name, _ in pairs}, {source for _, source in pairs}
    for name in own:
        if name not in taken:
            yield f"{name}: missing in the weights"
    for name in given:
        if name not in used:
            yield f"{name}: unexpected, the module has no such entry"


def _sizes(tensor: "Tensor") -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"
