"""A decoder of 70.6 billion parameters, as language models of that size are built."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Causal attention, each key shared by a group of queries."""

    def __init__(self, width: int, heads: int, groups: int) -> None:
        super().__init__()
        self.size = width // heads
        self.q = nn.Linear(width, width, bias=False)
        self.k = nn.Linear(width, groups * self.size, bias=False)
        self.v = nn.Linear(width, groups * self.size, bias=False)
        self.o = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, L, width) → the same."""
        q, k, v = (
            layer(x).unflatten(-1, (-1, self.size)).transpose(1, 2)
            for layer in (self.q, self.k, self.v)
        )
        k, v = (each.repeat_interleave(q.shape[1] // k.shape[1], 1) for each in (k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention, then a gated linear unit, each around a normalisation."""

    def __init__(self, width: int, hidden: int, heads: int, groups: int) -> None:
        super().__init__()
        self.before = nn.RMSNorm(width)
        self.attention = Attention(width, heads, groups)
        self.after = nn.RMSNorm(width)
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, L, width) → the same."""
        x = x + self.attention(self.before(x))
        y = self.after(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Decoder(nn.Module):
    """128,256 · 8,192 twice, and 80 blocks of 855,654,400: 70,553,706,496 parameters."""

    def __init__(self, layers: int = 80) -> None:
        super().__init__()
        self.tokens = nn.Embedding(128_256, 8192)
        self.blocks = nn.Sequential(*(Block(8192, 28_672, 64, 8) for _ in range(layers)))
        self.norm = nn.RMSNorm(8192)
        self.head = nn.Linear(8192, 128_256, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, L) → the logits (N, L, 128256)."""
        return self.head(self.norm(self.blocks(self.tokens(tokens))))
