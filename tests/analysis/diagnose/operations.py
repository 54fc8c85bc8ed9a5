"""Broken models that read, write, compare or take apart tensors in the wrong shapes."""

from __future__ import annotations

import torch
from torch import nn

from tests.analysis.diagnose.case import broken

LABELS = torch.tensor([1, 2, 0, 3])


@broken(
    (4, 10),
    LABELS[:, None],
    path="",
    kind="index.shape",
    numbers=("label[:, None] 4×1×1 has 3", "m_hot 4×10 has 2"),
    fix="label.squeeze(1)",
)
class ScatterOfAColumn(nn.Module):
    def forward(self, cosine, label):
        m_hot = torch.zeros_like(cosine)
        m_hot.scatter_(1, label[:, None], 0.5)
        return cosine + m_hot


@broken(
    (4, 10),
    LABELS,
    path="",
    kind="index.shape",
    numbers=("label 4 has 1", "zeros 4×10 has 2"),
    fix="zeros.scatter(1, label.unsqueeze(1), 1.0)",
)
class ScatterOfLabels(nn.Module):
    def forward(self, scores, label):
        zeros = torch.zeros_like(scores)
        return scores * zeros.scatter(1, label, 1.0)


@broken(
    (4, 8),
    LABELS,
    path="head",
    kind="index.shape",
    numbers=("label 4 has 1", "4×10 has 2"),
    fix="torch.gather(scores, 1, index=label.unsqueeze(1))",
)
class GatherByKeyword(nn.Module):
    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(8, 10)

        def forward(self, x, label):
            scores = self.fc(x)
            return torch.gather(scores, 1, index=label)

    def __init__(self):
        super().__init__()
        self.head = self.Head()

    def forward(self, x, label):
        return self.head(x, label)


@broken(
    (4, 8),
    (6, 8),
    torch.tensor([0, 1, 1, 3, 2, 0]),
    path="",
    kind="index.shape",
    numbers=("at 6 has 1", "x 4×8 has 2"),
    fix="x.index_add(0, at, rows)",
)
class ScatterAddOfRows(nn.Module):
    def forward(self, x, rows, at):
        return x.scatter_add(0, at, rows)


@broken(
    (4, 8),
    LABELS[:2, None],
    path="",
    kind="index.shape",
    numbers=("vector of positions", "2×1"),
    fix="at.squeeze(1)",
)
class SelectByAColumn(nn.Module):
    def forward(self, x, at):
        return x.index_select(0, at)


@broken(
    (2, 50, 15),
    path="",
    kind="assign.sizes",
    numbers=("table[:, 1::2] is 50×7", "50×8", "takes 7, and 8 come"),
    fix="table[:, 1::2] = torch.cos(turns)[:, : table.size(1) // 2]",
)
class OddPositions(nn.Module):
    def forward(self, x):
        n, width = x.shape[1:]
        turns = torch.arange(n, device=x.device)[:, None] * torch.arange(
            (width + 1) // 2, device=x.device
        )
        table = torch.zeros(n, width, device=x.device)
        table[:, 0::2] = torch.sin(turns)
        table[:, 1::2] = torch.cos(turns)
        return x + table


@broken(
    (4, 8),
    (4, 3, 1),
    path="",
    kind="assign.sizes",
    numbers=("out[:, :3] is 4×3", "4×3×1", "3 dimensions for 2"),
    fix="out[:, :3] = y.squeeze(2)",
)
class AssignedWithAnAxisTooMany(nn.Module):
    def forward(self, x, y):
        out = x * 1
        out[:, :3] = y
        return out


@broken(
    (4, 8),
    path="",
    kind="assign.sizes",
    numbers=("out[:, 2:5] is 4×3", "4×5", "takes 3, and 5 come"),
    fix="nn.Linear(in_features=8, out_features=3)",
)
class AssignedFromALayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        out = x * 1
        out[:, 2:5] = self.fc(x)
        return out


@broken(
    (5, 8),
    (3, 4),
    path="",
    kind="operation.shapes",
    numbers=("…×P×M", "M is 6 in self.embed(points) 5×6", "4 in centres 3×4"),
)
class Nearest(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(8, 6)

    def forward(self, points, centres):
        return torch.cdist(self.embed(points), centres)


@broken(
    (3, 8),
    path="",
    kind="operation.shapes",
    numbers=("3×6", "4×5", "they are 6 and 5"),
)
class AddedToAProduct(nn.Module):
    def __init__(self):
        super().__init__()
        self.bias, self.left = nn.Linear(8, 6), nn.Linear(8, 4)
        self.weight = nn.Parameter(torch.randn(4, 5))

    def forward(self, x):
        return torch.addmm(self.bias(x), self.left(x), self.weight)


@broken(
    (2, 4), (2, 4), path="", kind="dtype.mask", numbers=("mask 2×4", "float32"), fix="mask.bool()"
)
class FloatMask(nn.Module):
    def forward(self, x, mask):
        return x.masked_fill(mask, 0.0)


@broken(
    (2, 4),
    path="",
    kind="dtype.mask",
    numbers=("weight 2×4", "float32"),
    fix="torch.where(weight.bool(), x, 0.0)",
    meta=False,
)
class WhereOfNumbers(nn.Module):
    def forward(self, x):
        weight = x.relu()
        return torch.where(weight, x, 0.0)


@broken(
    (4, 8),
    path="",
    kind="unpack.count",
    numbers=("x.split(…) of 4×8 gives 3 tensors for 2 names",),
    fix="value, gate = x.split(4, dim=1)",
)
class SplitForTwo(nn.Module):
    def forward(self, x):
        value, gate = x.split(3, dim=1)
        return value * gate


@broken(
    (4, 9),
    path="gates",
    kind="unpack.count",
    numbers=("torch.chunk(…) of 4×9 gives 2 tensors for 3 names",),
    fix="q, k, v = torch.chunk(x, 3, -1)",
)
class ChunksForThree(nn.Module):
    class Gates(nn.Module):
        def forward(self, x):
            q, k, v = torch.chunk(x, 2, -1)
            return q * k * v

    def __init__(self):
        super().__init__()
        self.gates = self.Gates()

    def forward(self, x):
        return self.gates(x)


@broken(
    (4, 5, 8),
    path="",
    kind="unpack.count",
    numbers=("lstm returns (out, (h, c))",),
    fix="out, (h, c) = self.lstm(x)",
)
class StatesOfAnLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 6)

    def forward(self, x):
        out, h, c = self.lstm(x)
        return out + h + c


@broken(
    (2, 7, 8),
    torch.tensor([[0, 3, 6], [1, 2, 4]]),
    path="",
    kind="index.shape",
    numbers=("best 2×3 has 2", "hidden 2×7×16 has 3"),
    fix="hidden.gather(1, best.unsqueeze(-1).expand(-1, -1, hidden.size(-1)))",
)
class GatherOfRows(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(8, 16, batch_first=True)
        self.out = nn.Linear(16, 5)

    def forward(self, x, best):
        hidden, _ = self.rnn(x)
        return self.out(hidden.gather(1, best))


@broken(
    (2, 9, 8),
    path="",
    kind="operation.shapes",
    numbers=("at least k = 3 in dimension 2", "2×9×1"),
    fix="scores.topk(3, dim=1)",
)
class LargestOfOne(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(8, 1)

    def forward(self, x):
        scores = self.score(x)
        values, places = scores.topk(3)
        return values * places
