"""Small models whose parameters and multiply-accumulates were worked out by hand.

One MAC is one multiplication with its addition in a convolution, a linear layer or a product of
matrices; biases, activations and normalisation are not counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Case(NamedTuple):
    """A model, its input, and what is right."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    params: int
    macs: int


class Twice(nn.Module):
    """One layer used twice: its parameters are there once, its work is done twice."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 8) → the same."""
        return self.fc(self.fc(x))


class Tied(nn.Module):
    """Two layers that share a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(8, 8, bias=False)
        self.two = nn.Linear(8, 8, bias=False)
        self.two.weight = self.one.weight

    def forward(self, x: Tensor) -> Tensor:
        """(N, 8) → the same."""
        return self.two(self.one(x))


class Unused(nn.Module):
    """A layer that the forward pass leaves out: parameters, and no work."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(8, 4)
        self.left_out = nn.Linear(8, 100)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 8) → (N, 4)."""
        return self.used(x)


class Products(nn.Module):
    """Attention written out: two products of matrices, and no layer."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, L, 8) → the same."""
        return (x @ x.transpose(1, 2)).softmax(-1) @ x


class Einsum(nn.Module):
    """A parameter of its own, multiplied by ``einsum``."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(8, 4))

    def forward(self, x: Tensor) -> Tensor:
        """(N, L, 8) → (N, L, 4)."""
        return torch.einsum("nli,io->nlo", x, self.weight)


class SelfAttention(nn.Module):
    """The layer that torch has for it."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, L, 8) → the same."""
        return self.attention(x, x, x, need_weights=False)[0]


class Recurrent(nn.Module):
    """One layer of LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, L, 8) → (N, L, 4)."""
        return self.lstm(x)[0]


CASES: dict[str, Case] = {
    # 16·(3·3·3 + 1); 8·8 positions, each 16·3·3·3.
    "convolution": Case(lambda: nn.Conv2d(3, 16, 3, padding=1), (1, 3, 8, 8), 448, 27_648),
    # Each of 8 outputs sees 8/4 channels: 8·(2·3·3 + 1); 6·6·8·2·3·3.
    "groups": Case(lambda: nn.Conv2d(8, 8, 3, groups=4), (1, 8, 8, 8), 152, 5_184),
    # 4·2·2·2 + 2; each of 5·5 input positions meets the whole weight, 4·2·2·2 = 32.
    "transposed": Case(lambda: nn.ConvTranspose2d(4, 2, 2, 2), (1, 4, 5, 5), 34, 800),
    # 8·4 + 4; ten positions of 8·4.
    "linear on a sequence": Case(lambda: nn.Linear(8, 4), (2, 5, 8), 36, 320),
    # (8·8 + 8); 2·64.
    "used twice": Case(Twice, (1, 8), 72, 128),
    # 8·8 once; 2·64.
    "tied": Case(Tied, (1, 8), 64, 128),
    # 8·4 + 4 + 8·100 + 100; 8·4.
    "left out": Case(Unused, (1, 8), 936, 32),
    # 2 products of 5·5·8.
    "products": Case(Products, (1, 5, 8), 0, 400),
    # 8·4; 5·8·4.
    "einsum": Case(Einsum, (1, 5, 8), 32, 160),
    # 4·(8·8 + 8); 4·5·8·8 for the projections, 2·5·5·8 for the products.
    "attention": Case(SelfAttention, (1, 5, 8), 288, 1_680),
    # 4·4·(8 + 4) + 2·4·4; 5 steps of 4·4·(8 + 4).
    "LSTM": Case(Recurrent, (1, 5, 8), 224, 960),
}
