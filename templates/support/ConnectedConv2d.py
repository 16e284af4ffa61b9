from collections import abc
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
        pixels = kernel_size[0] * kernel_size[1]
        self.fan_in = [len(row) * pixels for row in connect]
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.weight = nn.Parameter(torch.empty(len(source), 1, *kernel_size, **factory))
        # The device may be that of a surrounding `with torch.device(…)`.
        device = self.weight.device
        self.register_buffer("source", source.to(device), persistent=False)
        self.register_buffer("target", target.to(device), persistent=False)
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
        batch, _, height, width = maps.shape
        sums = maps.new_zeros(batch, len(self.fan_in), height, width)
        sums = sums.index_add(1, self.target, maps)
        return sums if self.bias is None else sums + self.bias[:, None, None]
