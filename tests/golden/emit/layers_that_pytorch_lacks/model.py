"""LeNet5, made by archdsl from case.arch.

489 parameters, 138,572 multiply-accumulates per sample.
"""

from collections import abc
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "LeNet5",
    "ConnectedConv2d",
    "Conv2dSame",
    "Subsample",
    "scaled_tanh",
    "EuclideanRBF",
]


class ConnectedConv2d(nn.Module):
    """Conv2d with a table of connections between maps (LeCun et al. 1998, Table I).

    `connect` lists the input maps of each output map; `weight` has one kernel per
    connection. Maps (N, in_channels, H, W) to (N, len(connect), H', W').
    """

    source: Tensor
    target: Tensor

    def __init__(
        self,
        in_channels: int,
        connect: abc.Sequence[abc.Sequence[int]],
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        *,
        bias: bool = True,
        **factory: Any,
    ) -> None:
        super().__init__()
        if isinstance(kernel_size, int):
            kernel_size = (kernel_size, kernel_size)
        pairs = [(i, o) for o, row in enumerate(connect) for i in row]
        source, target = torch.tensor(pairs, device="cpu").T
        if not 0 <= int(source.min()) <= int(source.max()) < in_channels:
            raise ValueError(f"connect names a map beyond the {in_channels} input maps")
        device = factory.get("device")
        self.register_buffer("source", source.to(device), persistent=False)
        self.register_buffer("target", target.to(device), persistent=False)
        pixels = kernel_size[0] * kernel_size[1]
        self.fan_in = [len(row) * pixels for row in connect]
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.weight = nn.Parameter(torch.empty(len(source), 1, *kernel_size, **factory))
        self.bias = nn.Parameter(torch.empty(len(connect), **factory)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise weights as nn.Conv2d does, by the fan-in of each output map."""
        bound = torch.tensor(self.fan_in).rsqrt().to(self.weight)
        with torch.no_grad():
            self.weight.uniform_(-1, 1).mul_(bound[self.target][:, None, None, None])
            if self.bias is not None:
                self.bias.uniform_(-1, 1).mul_(bound)

    def forward(self, x: Tensor) -> Tensor:
        x = x.index_select(1, self.source)
        maps = F.conv2d(
            x,
            self.weight,
            None,
            self.stride,
            self.padding,
            self.dilation,
            len(self.weight),
        )
        sums = maps.new_zeros(maps.shape[0], len(self.fan_in), *maps.shape[2:])
        sums = sums.index_add(1, self.target, maps)
        return sums if self.bias is None else sums + self.bias[:, None, None]


class Conv2dSame(nn.Conv2d):
    """Conv2d with the `same` padding of TensorFlow: an odd zero is added at the end."""

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for axis in (1, 0):
            extent = self.dilation[axis] * (self.kernel_size[axis] - 1) + 1
            size, stride = x.shape[2 + axis], self.stride[axis]
            total = max((-(-size // stride) - 1) * stride + extent - size, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))


class Subsample(nn.Module):
    """The S layers of LeNet-5 (LeCun et al. 1998, section II.B).

    The mean of each window times a coefficient, plus a bias; both are learned, one per
    map. Maps (N, C, H, W) to (N, C, H', W').
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        **factory: Any,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        self.coefficient = nn.Parameter(torch.ones(channels, **factory))
        self.bias = nn.Parameter(torch.zeros(channels, **factory))

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(x, self.kernel_size, self.stride)
        return x * self.coefficient[:, None, None] + self.bias[:, None, None]


def scaled_tanh(x: Tensor) -> Tensor:
    """Return 1.7159 tanh(2x / 3) (LeCun et al. 1998, appendix A)."""
    return 1.7159 * torch.tanh(x * (2 / 3))


class EuclideanRBF(nn.Module):
    """Squared distances of a vector to fixed targets of +1 and -1.

    The output units of LeNet-5 (LeCun et al. 1998, section II.B, equation 7). `targets`
    is one string of `#` (+1) and `.` (-1) per unit, or (features, units) for random
    targets from a fixed seed. Maps (N, features) to (N, units).
    """

    targets: Tensor

    def __init__(
        self, targets: abc.Sequence[str] | tuple[int, int], **factory: Any
    ) -> None:
        super().__init__()
        if isinstance(targets[0], str):
            bits = torch.tensor([[cell == "#" for cell in str(row)] for row in targets])
        else:
            features, units = int(targets[0]), int(targets[1])
            seeded = torch.Generator("cpu").manual_seed(1998)
            bits = torch.randint(2, (units, features), generator=seeded, device="cpu")
        self.register_buffer("targets", (2.0 * bits - 1.0).to(**factory))

    def forward(self, x: Tensor) -> Tensor:
        return (x[:, None, :] - self.targets).square().sum(2)


class LeNet5(nn.Module):
    """The architecture LeNet5.

    Source: case.arch, line 1.

    Shapes:
        image: (N, 1, 32, 32)
        returns: (N, classes)
    """

    def __init__(
        self,
        classes: int = 2,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.c1 = nn.Conv2d(1, 6, 5, **factory)
        self.s2 = Subsample(6, 2, **factory)
        self.c3 = ConnectedConv2d(6, ((0, 1, 2), (1, 2, 3), (0, 5)), 5, **factory)
        self.s4 = Subsample(3, 2, **factory)
        self.c5 = Conv2dSame(3, 4, 3, stride=2, **factory)
        self.out = EuclideanRBF((36, classes), **factory)

    def forward(self, image: Tensor) -> Tensor:
        x: Tensor = self.c1(image)  # 6x28x28
        x = self.s2(x)  # 6x14x14
        x = scaled_tanh(x)
        x = self.c3(x)  # 3x10x10
        x = self.s4(x)  # 3x5x5
        x = scaled_tanh(x)
        x = self.c5(x)  # 4x3x3
        x = x.flatten(1)  # 36
        x = self.out(x)  # classes
        return x
