"""Net, made by archdsl from case.arch.

2,336 parameters, 19,728 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net", "SequenceLSTM", "SequenceGRU", "SelfAttention"]


class SequenceLSTM(nn.LSTM):
    """nn.LSTM that gives all steps, or with `last` the last step of each direction.

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
    """nn.GRU that gives all steps, or with `last` the last step of each direction.

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


class SelfAttention(nn.Module):
    """Multi-head self-attention with the weights of nn.MultiheadAttention.

    With fewer `kv_heads`, several heads share keys and values, and `in_proj_weight` has
    as many rows less. Maps (N, time, features) to the same.
    """

    def __init__(
        self,
        features: int,
        heads: int,
        *,
        kv_heads: int | None = None,
        causal: bool = False,
        bias: bool = True,
        dropout: float = 0.0,
        **factory: Any,
    ) -> None:
        super().__init__()
        kv_heads = heads if kv_heads is None else kv_heads
        if features % heads or heads % kv_heads:
            raise ValueError(f"cannot split {features} into {heads}, {kv_heads} heads")
        self.head_size = features // heads
        self.sizes = [features, *[kv_heads * self.head_size] * 2]
        self.shared = kv_heads < heads
        self.causal = causal
        self.dropout = dropout
        rows = sum(self.sizes)
        self.in_proj_weight = nn.Parameter(torch.empty(rows, features, **factory))
        self.in_proj_bias = nn.Parameter(torch.empty(rows, **factory)) if bias else None
        self.out_proj = nn.Linear(features, features, bias=bias, **factory)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights as nn.MultiheadAttention does."""
        nn.init.xavier_uniform_(self.in_proj_weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                nn.init.zeros_(bias)

    def forward(self, x: Tensor) -> Tensor:
        projected = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        query, key, value = (
            part.reshape(*part.shape[:2], -1, self.head_size).transpose(1, 2)
            for part in torch.split(projected, self.sizes, 2)
        )
        mixed = F.scaled_dot_product_attention(
            query,
            key,
            value,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.causal,
            enable_gqa=self.shared,
        )
        joined: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return joined


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
        self.attn = SelfAttention(8, 2, **factory)
        self.norm = nn.LayerNorm(8, **factory)
        for name, parameter in self.last.named_parameters():
            if name.startswith("weight"):
                nn.init.xavier_uniform_(parameter)
        nn.init.normal_(self.attn.in_proj_weight, std=0.02)
        nn.init.normal_(self.attn.out_proj.weight, std=0.02)
        if self.attn.in_proj_bias is not None:
            nn.init.zeros_(self.attn.in_proj_bias)
        nn.init.zeros_(self.attn.out_proj.bias)
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
        x = self.attn(x)
        x = self.norm(x)
        return x
