from torch import Tensor, nn


class Times(nn.Module):
    """Multiplies by a fixed number (Szegedy et al. 2017)."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor
