"""Net, made by archdsl from case.arch.

2,048 parameters, 16,128 multiply-accumulates per sample.
"""

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Net", "SequenceLSTM", "SequenceGRU"]


class SequenceLSTM(nn.LSTM):
    """nn.LSTM that returns all steps, or with `last` the last step of each direction.

    Maps (N, time, features) to (N, time, outputs), or to (N, outputs).
    """

    def __init__(
        self, features: int, hidden: int, *, last: bool = False, **options: Any
    ) -> None:
        super().__init__(features, hidden, batch_first=True, **options)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        steps, (hidden, _) = super().forward(x)
        if not self.last:
            return steps
        return hidden[-2 if self.bidirectional else -1 :].transpose(0, 1).flatten(1)


class SequenceGRU(nn.GRU):
    """nn.GRU that returns all steps, or with `last` the last step of each direction.

    Maps (N, time, features) to (N, time, outputs), or to (N, outputs).
    """

    def __init__(
        self, features: int, hidden: int, *, last: bool = False, **options: Any
    ) -> None:
        super().__init__(features, hidden, batch_first=True, **options)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        steps, hidden = super().forward(x)
        if not self.last:
            return steps
        return hidden[-2 if self.bidirectional else -1 :].transpose(0, 1).flatten(1)


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 3.

    Shapes:
        sequence: (N, 9, 8)
        returns: (N, 9, 8)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.rnns = nn.Sequential(
            SequenceLSTM(8, 8, **factory),
            SequenceLSTM(8, 4, bidirectional=True, **factory),
            SequenceLSTM(8, 8, **factory),
        )
        self.last = SequenceGRU(8, 8, **factory)
        self.norm = nn.LayerNorm(8, **factory)
        for name, parameter in self.last.named_parameters():
            if name.startswith("weight"):
                nn.init.xavier_uniform_(parameter)
        nn.init.ones_(self.norm.weight)
        nn.init.zeros_(self.norm.bias)
        for module in self.modules():
            if isinstance(module, SequenceLSTM):
                for name, parameter in module.named_parameters():
                    if name.startswith("weight"):
                        nn.init.orthogonal_(parameter)
                    elif name.startswith("bias"):
                        nn.init.zeros_(parameter)

    def forward(self, sequence: Tensor) -> Tensor:
        x: Tensor = self.rnns(sequence)
        x = self.last(x)
        x = self.norm(x)
        return x
