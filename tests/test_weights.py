"""Weights are copied by name or in order, and only where all of them fit."""

import pytest
import torch
from torch import nn

import archdsl


def net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))


def renamed(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"_other.{number}": tensor for number, tensor in enumerate(state.values()) if tensor.dim()}


def same(one: nn.Module, other: nn.Module) -> bool:
    images = torch.randn(2, 3, 4, 4)
    return torch.equal(one.eval()(images), other.eval()(images))


def test_weights_are_loaded_by_their_names_in_any_order() -> None:
    one, other = net(), net()
    archdsl.load_weights(one, dict(reversed(other.state_dict().items())))
    assert same(one, other)


def test_weights_are_loaded_in_their_order_whatever_they_are_called() -> None:
    one, other = net(), net()
    other(torch.randn(8, 3, 4, 4))
    assert not same(one, other)
    archdsl.load_weights(one, renamed(other.state_dict()), by="order")
    assert same(one, other)


def test_weights_take_the_type_of_the_module() -> None:
    one, other = net().double(), net()
    archdsl.load_weights(one, other.state_dict())
    assert all(weight.dtype == torch.float64 for weight in one.parameters())
    torch.testing.assert_close(one.get_parameter("0.weight"), other.get_parameter("0.weight").double())


def test_weights_that_do_not_fit_change_nothing() -> None:
    one = net()
    before = {name: tensor.clone() for name, tensor in one.state_dict().items()}
    given = {"0.weight": torch.zeros(4, 3, 3, 3), "3.weight": torch.zeros(5, 16), "head.bias": torch.zeros(())}
    with pytest.raises(archdsl.WeightsError) as caught:
        archdsl.load_weights(one, given)
    lines = str(caught.value).splitlines()
    assert lines[0] == "the weights do not fit Sequential:"
    assert lines[1] == "  3.weight: the module has 2x16, the weights have 5x16"
    assert lines[2] == "  0.bias: missing in the weights"
    assert lines[-1] == "  and 3 more"
    assert caught.value.differences[-1] == "head.bias: unexpected, the module has no such entry"
    assert all(torch.equal(tensor, before[name]) for name, tensor in one.state_dict().items())


def test_an_order_that_goes_apart_says_where() -> None:
    given = renamed(net().state_dict())
    given["_other.0"] = torch.zeros(4, 3, 1, 1)
    with pytest.raises(
        archdsl.WeightsError, match=r"0.weight <- _other.0: the module has 4x3x3x3, the weights have 4x3x1x1"
    ):
        archdsl.load_weights(net(), given, by="order")
    with pytest.raises(archdsl.WeightsError, match=r"3.bias: missing"):
        archdsl.load_weights(net(), dict(list(renamed(net().state_dict()).items())[:-1]), by="order")
    with pytest.raises(ValueError, match="not 'shape'"):
        archdsl.load_weights(net(), {}, by="shape")  # type: ignore[arg-type]
