from torch import Tensor, nn


class LaneByLane(nn.Module):
    """Applies a module to each lane of a stream, as if lanes were samples."""

    def __init__(self, module: nn.Module, lanes: int) -> None:
        super().__init__()
        self.module = module
        self.lanes = lanes

    def forward(self, x: Tensor) -> Tensor:
        x = self.module(lanes_as_samples(x, self.lanes))
        return samples_as_lanes(x, self.lanes)
