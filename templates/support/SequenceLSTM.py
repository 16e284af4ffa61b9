from typing import Any

import torch
from torch import Tensor, nn


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
        # TorchScript cannot call the `forward` of a base class.
        directions = 2 if self.bidirectional else 1
        rows = directions * self.num_layers
        features = self.proj_size if self.proj_size > 0 else self.hidden_size
        hidden = x.new_zeros(rows, x.shape[0], features)
        cell = x.new_zeros(rows, x.shape[0], self.hidden_size)
        steps, hidden, _ = torch.lstm(
            x,
            [hidden, cell],
            self._flat_weights,  # type: ignore[arg-type]
            self.bias,
            self.num_layers,
            self.dropout,
            self.training,
            self.bidirectional,
            True,
        )
        if not self.last:
            return steps
        return hidden[-directions:].transpose(0, 1).flatten(1)
