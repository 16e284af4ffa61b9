from torch import Tensor, nn


class ScaledTanh(nn.Module):
    """`scaled_tanh` as a module."""

    def forward(self, x: Tensor) -> Tensor:
        return scaled_tanh(x)
