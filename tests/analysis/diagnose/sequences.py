"""Broken models that people ask about: recurrent layers, attention, positions, masks.

Each was written for these tests; the question's title is the docstring.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tests.analysis.diagnose.case import broken


@broken(
    (6, 10, 8),
    path="lstm",
    kind="rnn.hidden_size",
    numbers=("4×6×16", "2×6×16", "2 layers · 2 directions"),
    fix="h0 = torch.zeros(4, x.size(0), 16)",
)
class StateOfABidirectionalLstm(nn.Module):
    """Expected hidden[0] size (4, 32, 64), got [2, 32, 64]"""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 16, num_layers=2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(32, 1)

    def forward(self, x):
        h0 = torch.zeros(2, x.size(0), 16)
        c0 = torch.zeros(2, x.size(0), 16)
        out, _ = self.lstm(x, (h0, c0))
        return self.fc(out[:, -1])


@broken(
    (6, 10, 8),
    path="lstm",
    kind="rnn.hidden_size",
    numbers=("2×10×16", "2×6×16"),
    fix="nn.LSTM(input_size=8, hidden_size=16, num_layers=2, batch_first=True)",
)
class StateForBatchFirst(nn.Module):
    """Expected hidden[0] size (2, 10, 64), got [2, 32, 64]"""

    def __init__(self):
        super().__init__()
        self.layers, self.hidden = 2, 16
        self.lstm = nn.LSTM(8, self.hidden, self.layers)

    def forward(self, x):
        h0 = torch.zeros(self.layers, x.size(0), self.hidden)
        c0 = torch.zeros(self.layers, x.size(0), self.hidden)
        return self.lstm(x, (h0, c0))[0]


@broken(
    (6, 10, 8),
    path="lstm",
    kind="rnn.hidden_size",
    numbers=("1×4×16", "1×6×16"),
    fix="h = torch.zeros(1, x.size(0), 16)",
)
class LastBatchIsSmaller(nn.Module):
    """Expected hidden size (1, 6, 16), got [1, 32, 16] on the last batch of an epoch"""

    def __init__(self):
        super().__init__()
        self.lstm = nn.GRU(8, 16, batch_first=True)

    def forward(self, x):
        h = torch.zeros(1, 4, 16)
        return self.lstm(x, h)[0]


@broken(
    (6, 10, 8),
    path="lstm",
    kind="rnn.hidden_size",
    numbers=("(h, c)", "1×6×16"),
    fix="h0 = (h0, torch.zeros_like(h0))",
)
class LstmWithAStateOfAGru(nn.Module):
    """IndexError: index 1 is out of bounds / forward() of LSTM after replacing a GRU"""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 16, batch_first=True)

    def forward(self, x):
        h0 = torch.zeros(1, x.size(0), 16)
        return self.lstm(x, h0)[0]


@broken(
    (3, 5, 8),
    path="decoder",
    kind="rnn.hidden_size",
    numbers=("1×3×16", "2×3×16"),
    fix="nn.LSTM(input_size=8, hidden_size=16, batch_first=True)",
)
class BothWaysIntoOne(nn.Module):
    """Expected hidden[0] size (1, 5, 32), got [2, 5, 32]: encoder bidirectional, decoder not"""

    def __init__(self):
        super().__init__()
        self.encoder = nn.LSTM(8, 16, batch_first=True, bidirectional=True)
        self.decoder = nn.LSTM(8, 16, batch_first=True)

    def forward(self, x):
        _, state = self.encoder(x)
        return self.decoder(x, state)[0]


@broken(
    (6, 10),
    path="lstm",
    kind="rnn.input_size",
    numbers=("6×10", 1, 10),
    fix="x.unsqueeze(-1)",
)
class SeriesOfNumbers(nn.Module):
    """input.size(-1) must be equal to input_size. Expected 1, got 10"""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 16, batch_first=True)
        self.fc = nn.Linear(16, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1])


@broken(
    (5, 7, 16),
    path="attention",
    kind="mha.mask",
    numbers=("7×5", "5×7"),
    fix="nn.MultiheadAttention(embed_dim=16, num_heads=4, batch_first=True)",
)
class PaddingMaskOfABatchFirst(nn.Module):
    """Expected key_padded_mask.shape[0] to be 32, but got 10"""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4)

    def forward(self, x):
        mask = torch.zeros(x.shape[:2], dtype=torch.bool)
        return self.attention(x, x, x, key_padding_mask=mask)[0]


@broken(
    (2, 20, 16),
    path="encoder.layers.0.self_attn",
    kind="mha.mask",
    numbers=("20×20", "16×16"),
    fix="mask of 20×20 instead of 16×16",
    meta=False,
)
class CausalMaskOfAnotherLength(nn.Module):
    """The shape of the 2D attn_mask is torch.Size([16, 16]), but should be (20, 20)"""

    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 1
        )
        self.register_buffer("mask", torch.full((16, 16), float("-inf")).triu(1))

    def forward(self, x):
        return self.encoder(x, mask=self.mask)


@broken(
    (2, 10, 16),
    (2, 7, 16),
    path="transformer",
    kind="mha.batch",
    numbers=("2×10×16", "2×7×16", "10 sequences"),
    fix="src.transpose(0, 1)",
)
class TransformerWithTheBatchFirst(nn.Module):
    """RuntimeError: the batch number of src and tgt must be equal"""

    def __init__(self):
        super().__init__()
        self.transformer = nn.Transformer(16, 4, 1, 1, 32)

    def forward(self, source, target):
        return self.transformer(source, target)


@broken(
    (3, 6, 16),
    path="",
    kind="broadcast",
    numbers=("3×4×6×6", "3×6"),
    fix="scores.masked_fill((mask == 0)[:, None, None, :], -1e9)",
)
class PaddingMaskOfScores(nn.Module):
    """The size of tensor a (4) must match the size of tensor b (20): masked_fill in attention"""

    def __init__(self):
        super().__init__()
        self.q, self.k = nn.Linear(16, 16), nn.Linear(16, 16)

    def forward(self, x):
        b, n, _ = x.shape
        mask = torch.ones(b, n)
        q = self.q(x).view(b, n, 4, 4).transpose(1, 2)
        k = self.k(x).view(b, n, 4, 4).transpose(1, 2)
        scores = q @ k.transpose(-2, -1)
        scores = scores.masked_fill(mask == 0, -1e9)
        return scores.softmax(-1)


@broken(
    (2, 60, 8),
    path="",
    kind="broadcast",
    numbers=(60, 50),
    fix="positions of 1×60×8 instead of 1×50×8",
)
class PositionsTooFew(nn.Module):
    """The size of tensor a (600) must match the size of tensor b (512): positional encoding"""

    def __init__(self):
        super().__init__()
        self.register_buffer("positions", torch.zeros(1, 50, 8))

    def forward(self, x):
        return x + self.positions[:, : x.size(1)]


@broken(
    (4, 10, 20),
    torch.zeros(4, 10, dtype=torch.int64),
    path="",
    kind="loss.target_shape",
    numbers=("4×10×7", "4×7", "4×10"),
    fix="F.cross_entropy(self.fc(x).transpose(1, 2), y)",
)
class LossOfEveryStep(nn.Module):
    """Expected target size [4, 7], got [4, 10]"""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(20, 7)

    def forward(self, x, y):
        return F.cross_entropy(self.fc(x), y)


@broken(
    torch.tensor([[3, 1, -1], [2, -1, -1]]),
    path="embedding",
    kind="embedding.index",
    numbers=(10, -1),
    fix="tokens + 1",
    meta=False,
)
class PaddingOfMinusOne(nn.Module):
    """IndexError: index out of range in self, with sentences padded by -1"""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 4)

    def forward(self, tokens):
        return self.embedding(tokens)


@broken(
    (2, 8),
    path="fc",
    kind="dtype.mismatch",
    numbers=("float32", "float64"),
    fix="self.fc((x * self.scale).float())",
)
class WeightsFromNumpy(nn.Module):
    """mat1 and mat2 must have the same dtype, but got Double and Float, though x is float"""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 2)
        self.register_buffer("scale", torch.ones(8, dtype=torch.float64))

    def forward(self, x):
        return self.fc(x * self.scale)


@broken(
    (2, 7, 12),
    path="decoder",
    kind="rnn.hidden_size",
    numbers=("1×2×20", "1×2×12"),
    fix="nn.Linear(in_features=12, out_features=20)",
)
class StateFromALinearLayer(nn.Module):
    """Expected hidden size (1, 2, 20), got [1, 2, 12]: a caption model's first state"""

    def __init__(self):
        super().__init__()
        self.start = nn.Linear(12, 12)
        self.decoder = nn.GRU(12, 20, batch_first=True)

    def forward(self, x):
        h = self.start(x[:, 0]).unsqueeze(0)
        return self.decoder(x, h)[0]


@broken(
    (4, 10, 8),
    torch.zeros(4, 10, dtype=torch.int64),
    path="",
    kind="loss.batch",
    numbers=(40, 4),
    fix="y.flatten()",
)
class TokensInOneList(nn.Module):
    """Expected input batch_size (40) to match target batch_size (4): a language model's loss"""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 20)

    def forward(self, x, y):
        return F.cross_entropy(self.fc(x).view(-1, 20), y)


@broken(
    (3, 5),
    path="lstm",
    kind="rnn.input_size",
    numbers=("20 features", "16 arrive", "3×1×16"),
    fix="nn.LSTM(input_size=16, hidden_size=4)",
)
class StepsMadeOfTwoBranches(nn.Module):
    """RuntimeError: input.size(-1) must be equal to input_size. Expected 20, got 16"""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(5, 6), nn.Linear(5, 10)
        self.lstm = nn.LSTM(20, 4)

    def forward(self, x):
        joined = torch.cat((self.left(x), self.right(x)), dim=1)
        return self.lstm(joined.unsqueeze(1))[0]
