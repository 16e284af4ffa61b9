"""Vgg, made by archdsl from case.arch.

70,578 parameters, 1,761,920 multiply-accumulates per sample.
"""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Vgg"]


class Vgg(nn.Module):
    """The architecture Vgg.

    Source: case.arch, line 2.

    Shapes:
        image: (N, 3, 32, 32)
        returns: (N, classes)
    """

    def __init__(
        self,
        classes: int = 10,
        width: int = 8,
        rate: float = 0.4,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.features = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1, **factory),
            nn.BatchNorm2d(width, **factory),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, **factory),
            nn.BatchNorm2d(width, **factory),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1, **factory),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1, **factory),
            nn.ReLU(inplace=True),
            nn.AvgPool2d(3, 2, padding=1),
        )
        self.classifier = nn.Sequential(
            OrderedDict(
                fc1=nn.Linear(128 * width, 64, **factory),
                relu=nn.ReLU(inplace=True),
                dropout=nn.Dropout(p=rate),
                fc2=nn.Linear(64, classes, **factory),
                softmax=nn.Softmax(dim=1),
            ),
        )

    def forward(self, image: Tensor) -> Tensor:
        x: Tensor = self.features(image)  # 2 * width x 8 x 8
        x = x.flatten(1)  # 128 * width
        x = self.classifier(x)  # classes
        return x
