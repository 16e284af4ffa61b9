"""AlexNet in two towers and the same net with groups: equal to the last bit, but for the normalisation."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_torch import net_of
from torch import Tensor, nn

from archdsl.driver import compile_source
from archdsl.syntax.loader import read


def nets(folder: Path, *, normalised: bool, whole: bool = False) -> tuple[nn.Module, nn.Module]:
    """Return the towers and the grouped form with the same weights, all of them -1, 0 or 1 if they are to be whole."""
    source = read("alexnet")
    if not normalised:
        source = replace(source, text=re.sub(r" -> lrn\(.*?\)", "", source.text))
    made = []
    for name in ("AlexNet_2012", "AlexNet_Grouped"):
        graph = compile_source(source, model=name).models[0]
        assert normalised == any(node.op.name == "lrn" for node in graph.nodes)
        made.append(net_of(graph, folder, device=None if name == "AlexNet_2012" and not whole else "meta").eval())
    towers, grouped = made
    if whole:
        weights = {key: torch.randint(-1, 2, each.shape).double() for key, each in towers.state_dict().items()}
        towers.load_state_dict(weights, assign=True)
    grouped.load_state_dict(grouped_weights(towers.state_dict()), assign=True)
    return towers, grouped


def grouped_weights(towers: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights for the grouped form: the maps of the first tower stand before those of the second one.

    A convolution with groups holds the windows of a tower in the rows of its group, so rows are all that is joined.
    """
    found = {key: weight for key, weight in towers.items() if not key.startswith("tower")}
    for key, weight in towers.items():
        if key.startswith("tower0."):
            found[key.removeprefix("tower0.")] = torch.cat((weight, towers[key.replace("tower0", "tower1")]))
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_without_normalisation_two_towers_equal_the_grouped_form(tmp_path: Path, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    towers, grouped = (net.to(dtype) for net in nets(tmp_path, normalised=False))
    images = torch.randn(2, 3, 227, 227, dtype=dtype)
    with torch.no_grad():
        assert torch.equal(towers(images), grouped(images))


def test_they_are_equal_in_whatever_order_sums_are_taken(tmp_path: Path) -> None:
    """Whole numbers that float64 holds are not rounded, so this does not depend on the kernels of a machine."""
    torch.manual_seed(0)
    towers, grouped = nets(tmp_path, normalised=False, whole=True)
    with torch.no_grad():
        images = torch.randint(-1, 2, (1, 3, 227, 227)).double()
        found = towers(images)
        assert torch.equal(found, grouped(images))
    assert torch.equal(found, found.round())
    assert 1e9 < found.abs().max() < 2**53


def test_the_normalisation_differs_next_to_the_border_between_the_towers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    towers, grouped = nets(tmp_path, normalised=True)
    given: dict[str, Tensor] = {}
    for net, names in ((towers, ("tower0.conv2", "tower1.conv2")), (grouped, ("conv2",))):
        for name in names:
            net.get_submodule(name).register_forward_pre_hook(
                lambda _, inputs, name=name: given.update({name: inputs[0]})
            )
    with torch.no_grad():
        images = 100 * torch.randn(1, 3, 227, 227)
        towers(images)
        grouped(images)
    apart = torch.cat((given["tower0.conv2"], given["tower1.conv2"]), 1) != given["conv2"]
    assert apart.flatten(2).any(2).nonzero()[:, 1].tolist() == [46, 47, 48, 49]
