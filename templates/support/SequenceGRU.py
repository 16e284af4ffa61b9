from typing import Any

from torch import Tensor, nn


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
