"""Net, made by archdsl from case.arch.

7,186 parameters, 297,344 multiply-accumulates per sample.
"""

from collections import OrderedDict
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net"]


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 1.

    Shapes:
        image: (N, 1, 28, 28)
        returns: (N, classes)
    """

    def __init__(
        self,
        classes: int = 10,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(1, 8, 3, padding=1, bias=False, **factory),
                norm1=nn.BatchNorm2d(8, **factory),
                relu=nn.ReLU(inplace=True),
                pool=nn.MaxPool2d(2),
            ),
        )
        self.body = nn.Sequential(
            nn.Conv2d(8, 16, 3, **factory),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, **factory),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        self.head = nn.Linear(128, classes, **factory)

    def forward(self, image: Tensor) -> Tensor:
        x: Tensor = self.features(image)  # 8x14x14
        x = self.body(x)  # 32x2x2
        x = x.flatten(1)  # 128
        x = F.dropout(x, training=self.training)
        x = self.head(x)  # classes
        return x
