"""A decoder of 70 billion parameters."""

from torch import Tensor, nn


class Block(nn.Module):
    """A gated block beside attention, as large language models have it."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width)
        self.attention = nn.MultiheadAttention(width, 64, batch_first=True, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.down(self.up(x).relu())


class Decoder(nn.Module):
    """80 blocks of 8,192 features."""

    def __init__(self, width: int = 8192, hidden: int = 36864, blocks: int = 80) -> None:
        super().__init__()
        self.words = nn.Embedding(32000, width)
        self.blocks = nn.ModuleList(Block(width, hidden) for _ in range(blocks))
        self.out = nn.Linear(width, 32000, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.words(tokens)
        for block in self.blocks:
            x = block(x)
        return self.out(x)
