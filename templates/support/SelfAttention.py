from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Multi-head self-attention with the weights of nn.MultiheadAttention.

    With fewer `kv_heads` than heads, several heads share keys and values, and
    `in_proj_weight` has fewer rows. Maps (N, time, features) to the same shape.
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
        if min(features, heads, kv_heads) < 1 or features % heads or heads % kv_heads:
            raise ValueError(f"cannot split {features} into {heads}, {kv_heads} heads")
        if not 0.0 <= dropout <= 1.0:
            raise ValueError(f"a dropout probability is from 0 to 1, not {dropout}")
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
        """Initialise weights as nn.MultiheadAttention does."""
        nn.init.xavier_uniform_(self.in_proj_weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                nn.init.zeros_(bias)

    def forward(self, x: Tensor) -> Tensor:
        projected = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        query, key, value = torch.split(projected, self.sizes, 2)
        mixed = F.scaled_dot_product_attention(
            self.by_head(query),
            self.by_head(key),
            self.by_head(value),
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.causal,
            enable_gqa=self.shared,
        )
        joined: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return joined

    def by_head(self, x: Tensor) -> Tensor:
        """Return (N, time, heads * head_size) as (N, heads, time, head_size)."""
        return torch.unflatten(x, 2, (-1, self.head_size)).transpose(1, 2)
