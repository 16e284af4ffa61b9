"""Loads published weights into a module, matched by name or by order."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor, nn

_SHOWN = 5
# Batch normalisation uses this counter only without momentum, and many published files lack it.
_COUNTER = "num_batches_tracked"
Entries: TypeAlias = "dict[str, Tensor]"
Pairs: TypeAlias = list[tuple[str, str]]


class WeightsError(ValueError):
    """Weights do not fit a module; `differences` has a line for each entry that differs."""

    def __init__(self, module: str, differences: tuple[str, ...]) -> None:
        lines = [f"the weights do not fit {module}:", *differences[:_SHOWN]]
        if len(differences) > _SHOWN:
            lines.append(f"and {len(differences) - _SHOWN} more")
        super().__init__("\n  ".join(lines))
        self.differences = differences


def load_weights(
    module: "nn.Module", state_dict: "Mapping[str, Tensor]", *, by: Literal["name", "order"] = "name"
) -> None:
    """Copy weights into a module, and convert them to its devices and types.

    Every entry needs a counterpart of the same shape; only `num_batches_tracked` may lack one. A module with fused
    towers also accepts the weights of the separate towers.

    Args:
        module: The module to fill.
        state_dict: The weights.
        by: "name" matches entries by their keys. "order" matches them by their positions, for weights of other code
            with other keys; it detects a wrong order only where shapes differ, so compare outputs with the original.

    Raises:
        archdsl.WeightsError: The weights do not fit; the module is unchanged.
        ValueError: `by` is neither "name" nor "order".
    """
    own, given = _without_counters(module.state_dict()), _without_counters(state_dict)
    match by:
        case "name":
            given = _fused(module, given)
            pairs = [(name, name) for name in own if name in given]
        case "order":
            pairs = list(zip(own, given, strict=False))
        case _:
            raise ValueError(f'by must be "name" or "order", not {by!r}')
    differences = (*_of_other_shapes(own, given, pairs), *_without_counterpart(own, given, pairs))
    if differences:
        raise WeightsError(type(module).__name__, differences)
    for name, source in pairs:
        own[name].copy_(given[source])


def _fused(module: "nn.Module", state_dict: Entries) -> Entries:
    """Return weights with those of towers fused, if the module was built with fused towers."""
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
