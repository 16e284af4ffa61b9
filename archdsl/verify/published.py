"""Compares the module of a net with a published model: weights, counts, normalisations and outputs."""

from collections import Counter
from dataclasses import dataclass
from math import inf
from typing import Any

from archdsl.ir.graph import CheckedGraph
from archdsl.python.api import module_class
from archdsl.verify.references import Output, Reference, state

# Published numbers have 10 digits; float64 rounding errors are smaller.
TOLERANCE = 1e-8


@dataclass(frozen=True, slots=True)
class Property:
    """A property that is compared: its name, the text that shows the result, and whether it is equal."""

    name: str
    shown: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of a net with a published model."""

    reference: Reference
    properties: tuple[Property, ...]

    @property
    def ok(self) -> bool:
        """Whether all properties are equal."""
        return all(each.ok for each in self.properties)

    def as_data(self) -> dict[str, object]:
        """Return the comparison as plain data."""
        found = {each.name.lower(): {"value": each.shown, "ok": each.ok} for each in self.properties}
        return {"name": self.reference.name, "source": self.reference.source, "ok": self.ok, **found}


def compare(graph: CheckedGraph, reference: Reference) -> Comparison:
    """Construct the module of a net and compare it with a published model."""
    import torch

    net = module_class(graph)(dtype=torch.float64)
    return Comparison(reference, (*_state(net, reference), *_layers(net, reference), *_results(net, reference)))


def _state(net: Any, reference: Reference) -> list[Property]:
    """Compare the `state_dict`, so that published weights can be loaded."""
    items = (
        (key, tuple(tensor.shape), "float32" if tensor.is_floating_point() else str(tensor.dtype).split(".")[-1])
        for key, tensor in net.state_dict().items()
    )
    ours, published = state(items), reference.state
    params = sum(weight.numel() for weight in net.parameters())
    buffers = sum(1 for _ in net.buffers())
    return [
        _equality("Keys", ours.keys == published.keys),
        _equality("Order", ours.order == published.order),
        _equality("Shapes", ours.shapes == published.shapes and buffers == reference.buffers),
        _count("Parameters", params, reference.params),
    ]


def _layers(net: Any, reference: Reference) -> list[Property]:
    """Compare settings without effect on the outputs: batch norm momentum and dropout rates."""
    from torch.nn.modules.batchnorm import _BatchNorm
    from torch.nn.modules.dropout import _DropoutNd

    norms = Counter(
        f"{type(module).__name__} eps={module.eps} momentum={module.momentum}"
        for module in net.modules()
        if isinstance(module, _BatchNorm)
    )
    dropouts = [
        (path, type(module).__name__, module.p)
        for path, module in net.named_modules()
        if isinstance(module, _DropoutNd)
    ]
    return [_equality("Norms", norms == reference.norms), _equality("Dropouts", dropouts == list(reference.dropouts))]


def _results(net: Any, reference: Reference) -> list[Property]:
    """Compare the multiply-accumulates of an evaluation, and the outputs in all modes."""
    from torch.utils.flop_counter import FlopCounterMode

    from archdsl.verify.fingerprint import outputs

    differences = []
    macs = 0
    for mode, published in reference.outputs.items():
        with FlopCounterMode(display=False) as counter:
            ours = outputs(net, reference.batch, mode)
        macs = macs or counter.get_total_flops() // (2 * reference.batch[0])
        is_same = set(ours) == {output.name for output in published}
        differences += [_difference(ours[output.name], output) for output in published] if is_same else [inf]
    worst = max(differences)
    return [
        _count("MACs", macs, reference.macs),
        Property("Outputs", "differ in shape" if worst == inf else f"{worst:.1e}", worst <= TOLERANCE),
    ]


def _difference(ours: Any, published: Output) -> float:
    """Return the largest relative difference: to the value or to the standard deviation, whichever is larger."""
    if tuple(ours.shape) != published.shape:
        return inf
    found = [*ours.flatten(1)[:, :8].flatten().tolist(), ours.mean().item(), ours.std(correction=0).item()]
    wanted = [*published.first, published.mean, published.std]
    pairs = zip(found, wanted, strict=True)
    differences = [abs(one - other) / max(abs(other), published.std) for one, other in pairs]
    return max(difference if difference == difference else inf for difference in differences)


def _equality(name: str, ok: bool) -> Property:  # noqa: FBT001
    return Property(name, "ok" if ok else "differ", ok)


def _count(name: str, ours: int, published: int) -> Property:
    return Property(name, f"{ours:,}" if ours == published else f"{ours:,}, not {published:,}", ours == published)
