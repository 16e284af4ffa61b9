from torch import Tensor, nn


class PerTower(nn.Module):
    """Applies a module to each tower of a stream, by treating towers as samples."""

    def __init__(self, module: nn.Module, towers: int) -> None:
        super().__init__()
        self.module = module
        self.towers = towers

    def forward(self, x: Tensor) -> Tensor:
        x = self.module(towers_as_samples(x, self.towers))
        return samples_as_towers(x, self.towers)
