import torch.nn.functional as F
from torch import Tensor, nn


class Conv2dSame(nn.Conv2d):
    """Conv2d padded as TensorFlow's `same`: an odd zero goes behind the map."""

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for axis in (1, 0):
            extent = self.dilation[axis] * (self.kernel_size[axis] - 1) + 1
            size, stride = x.shape[2 + axis], self.stride[axis]
            total = max((-(-size // stride) - 1) * stride + extent - size, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))
