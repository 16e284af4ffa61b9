from collections import abc
from typing import Any

import torch
from torch import Tensor, nn


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
        table = (2.0 * bits - 1.0).to(torch.empty(0, **factory))
        self.register_buffer("targets", table)

    def forward(self, x: Tensor) -> Tensor:
        return (x[:, None, :] - self.targets).square().sum(2)
