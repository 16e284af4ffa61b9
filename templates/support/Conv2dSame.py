import torch.nn.functional as F
from torch import Tensor, nn


class Conv2dSame(nn.Conv2d):
    """Conv2d with the `same` padding of TensorFlow: an odd zero is added at the end."""

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for axis in (1, 0):
            extent = self.dilation[axis] * (self.kernel_size[axis] - 1) + 1
            size, stride = x.shape[2 + axis], max(self.stride[axis], 1)
            total = max((-(-size // stride) - 1) * stride + extent - size, 0)
            pads += [total // 2, total - total // 2]
        # TorchScript cannot call the `forward` of a base class.
        return F.conv2d(
            F.pad(x, pads),
            self.weight,
            self.bias,
            self.stride,
            0,
            self.dilation,
            self.groups,
        )
