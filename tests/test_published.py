"""Nets of the gallery hold what torchvision 0.28 holds under the same keys, and compute the same from it.

The facts were taken from torchvision's modules, filled by `value`; nothing of torchvision is needed to check them.
"""

import math
from hashlib import sha256
from typing import NamedTuple
from zlib import crc32

import pytest
import torch
from torch import Tensor, nn

import archdsl


class Facts(NamedTuple):
    """Of a module of torchvision: a digest of its keys and shapes, and its first two outputs for the sample."""

    keys: str
    outputs: tuple[float, float]


FACTS = {
    "convnext_tiny": Facts("ddd0f74f783edf2b", (-0.5130407464, 1.358340294)),
    "efficientnet_b0": Facts("98a6d92c040c4bca", (0.4589299851, -0.1625110888)),
    "regnetx_400mf": Facts("c7de3b894954a638", (13.86508895, -27.61977504)),
    "regnety_400mf": Facts("d389f9d4cdd2b372", (0.3269510206, -0.2717739266)),
    "shufflenetv2_x1_0": Facts("c54ed350c00fa178", (-1.019143844, -0.3296564698)),
}


def key_of(key: str) -> str:
    """Return torchvision's key for ours; a label holds no `-`, and factors are parameters of a module of their own."""
    return key.replace("layer_scale.weight", "layer_scale")


def value(key: str, like: Tensor) -> Tensor:
    """Return what an entry is filled with, whatever module it belongs to."""
    if not like.is_floating_point():
        return torch.zeros_like(like)
    drawn = torch.randn(like.shape, generator=torch.Generator().manual_seed(crc32(key.encode())), dtype=like.dtype)
    if key.endswith("running_var"):
        return drawn.abs() + 0.5
    if "layer_scale" not in key and like.dim() > 1:
        return drawn * math.sqrt(1.5 / math.prod(like.shape[1:]))
    return drawn * 0.1 + key.endswith("weight")


def digest(state: dict[str, Tensor]) -> str:
    lines = sorted(f"{key} {tuple(tensor.shape)}" for key, tensor in state.items())
    return sha256("\n".join(lines).encode()).hexdigest()[:16]


def outputs(net: nn.Module) -> Tensor:
    """Fill the net and run it on the sample."""
    net.double().eval()
    for key, tensor in net.state_dict().items():
        tensor.copy_(value(key_of(key).replace("-", "_"), tensor))
    sample = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        made: Tensor = net(sample)[0, :2]
    return made


@pytest.mark.parametrize("name", FACTS)
def test_it_holds_and_computes_what_torchvision_does(name: str) -> None:
    net = archdsl.load(name)
    assert digest({key_of(key): tensor for key, tensor in net.state_dict().items()}) == FACTS[name].keys
    torch.testing.assert_close(outputs(net), torch.tensor(FACTS[name].outputs, dtype=torch.float64), rtol=1e-7, atol=0)
