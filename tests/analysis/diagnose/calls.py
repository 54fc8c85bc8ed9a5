"""Broken models whose fault lies in a line of ``forward``."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tests.analysis.diagnose.case import broken


@broken((2, 3, 8), path="", kind="matmul.sizes", numbers=(8, 3), fix="q @ k.transpose(-2, -1)")
class Scores(nn.Module):
    def forward(self, x):
        q, k = x * 2, x + 1
        return q @ k


@broken((4, 6), (5, 3), path="", kind="matmul.sizes", numbers=(6, 5))
class ProductOfInputs(nn.Module):
    def forward(self, a, b):
        return torch.mm(a, b)


@broken(
    (4, 6),
    path="",
    kind="matmul.sizes",
    numbers=(6, 5),
    fix="weight = nn.Parameter(torch.empty(6, 3))",
)
class OwnWeight(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 3))

    def forward(self, x):
        return torch.matmul(x, self.weight)


@broken((2, 3, 4), (4, 5), path="", kind="matmul.rank", numbers=(3, 2), fix="torch.matmul(a, b)")
class BatchTimesMatrix(nn.Module):
    def forward(self, a, b):
        return torch.bmm(a, b)


@broken((2, 5, 8), (2, 5, 8), path="", kind="einsum.sizes", numbers=(8, 5))
class Einsum(nn.Module):
    def forward(self, a, b):
        return torch.einsum("bij,bjk->bik", a, b)


@broken((5, 8), (2, 8, 3), path="", kind="einsum.rank", numbers=(3, 2))
class EinsumWithoutBatch(nn.Module):
    def forward(self, a, b):
        return torch.einsum("bij,bjk->bik", a.repeat(1, 1), b[:1])


@broken((2, 8, 4, 4), path="", kind="view.size", numbers=(256, 2, 100), fix="x.view(x.size(0), -1)")
class FlattenedByHand(nn.Module):
    def forward(self, x):
        x = x.view(2, 100)
        return x.mean(1)


@broken((3, 8, 4, 4), path="", kind="view.size", numbers=(384, 2), fix="x.view(x.size(0), 8, 16)")
class BatchWrittenDown(nn.Module):
    def forward(self, x):
        return x.view(2, 8, 16)


@broken((2, 6, 8), path="", kind="view.stride", numbers=("2×8×6",), fix="y.reshape(2, -1)")
class ViewAfterTranspose(nn.Module):
    def forward(self, x):
        y = x.transpose(1, 2)
        return y.view(2, -1)


@broken((2, 12), path="", kind="expand.size", numbers=(24, 12), fix="x.repeat(1, 2)")
class Expanded(nn.Module):
    def forward(self, x):
        return x.expand(2, 24)


@broken((2, 5, 6), path="", kind="repeat.rank", numbers=(3, 1), fix="x.repeat(2, 1, 1)")
class Repeated(nn.Module):
    def forward(self, x):
        return x.repeat(2)


@broken((2, 5, 6), path="", kind="permute.rank", numbers=(4, 3), fix="x.unsqueeze(0)")
class PermutedForABatch(nn.Module):
    def forward(self, x):
        return x.permute(0, 2, 3, 1)


@broken((5, 6), path="", kind="dim.out_of_range", numbers=(2, "5×6"))
class TransposedForABatch(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 6)

    def forward(self, x):
        return self.fc(x).transpose(1, 2)


@broken(
    (4, 3),
    (4, 2, 3),
    path="",
    kind="cat.rank",
    numbers=(2, 3),
    fix="torch.cat([a.unsqueeze(1), b], dim=1)",
)
class JoinedWithASequence(nn.Module):
    def forward(self, a, b):
        return torch.cat([a, b], dim=1)


@broken((4, 3), (4, 5), path="", kind="cat.sizes", numbers=(3, 5), fix="torch.cat([a, b], dim=1)")
class JoinedAlongTheBatch(nn.Module):
    def forward(self, a, b):
        return torch.cat([a, b])


@broken(
    (4, 3),
    (4, 5),
    path="",
    kind="stack.sizes",
    numbers=("4×3", "4×5"),
    fix="torch.cat([a, b], dim=1)",
)
class Stacked(nn.Module):
    def forward(self, a, b):
        return torch.stack([a, b], dim=0)


@broken((2, 3, 8, 8), path="", kind="index.rank", numbers=(5, 4))
class TooManyIndices(nn.Module):
    def forward(self, x):
        return x[:, :, :, :, 0]


@broken((2, 3, 8, 8), path="", kind="index.out_of_range", numbers=(3, "-3 to 2"), fix="x[:, -1]")
class FourthChannel(nn.Module):
    def forward(self, x):
        return x[:, 3]


@broken((2, 10, 8), path="", kind="split.sizes", numbers=(9, 10), fix="x.split([4, 6], dim=1)")
class SplitWrongly(nn.Module):
    def forward(self, x):
        a, b = x.split([4, 5], dim=1)
        return torch.cat([a, b], 1)


@broken((3, 8, 8), path="", kind="input.rank", numbers=(4, "3×8×8"), fix="x.unsqueeze(0)")
class TakenApart(nn.Module):
    def forward(self, x):
        b, c, h, w = x.shape
        return x.view(b, c, h * w)


@broken((2, 16), path="", kind="input.rank", numbers=("shape[2]", "2×16"))
class ThirdSize(nn.Module):
    def __init__(self):
        super().__init__()
        self.side = 3

    def forward(self, x):
        return x.sum() / x.shape[2]


@broken(
    (3, 4), (5, 3, 4), path="", kind="broadcast.in_place", numbers=("3×4", "5×3×4"), fix="y = y + b"
)
class InPlace(nn.Module):
    def forward(self, a, b):
        y = a * 1
        y += b
        return y


@broken((1, 3, 32, 32), path="", kind="broadcast", numbers=(32, 30))
class ResidualWithoutPadding(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, x):
        return x + self.conv(x)


@broken((2, 4), path="", kind="broadcast", numbers=(4, 6))
class AddedVectors(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.b = nn.Linear(4, 6)

    def forward(self, x):
        return self.a(x) + self.b(x)


@broken((2, 5, 4), path="out", kind="output.tuple", numbers=("(output, weights)",))
class AttentionPassedOn(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.out = nn.Linear(4, 2)

    def forward(self, x):
        return self.out(self.attention(x, x, x))


@broken((2, 5, 4), path="", kind="output.tuple", numbers=("(output, (h, c))",))
class MeanOfAnLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 3)

    def forward(self, x):
        return self.lstm(x).mean(1)


@broken((2, 5), path="fc", kind="output.tuple", numbers=("a tuple",))
class PairPassedOn(nn.Module):
    class Pair(nn.Module):
        def forward(self, x):
            return x, x.mean()

    def __init__(self):
        super().__init__()
        self.pair = self.Pair()
        self.fc = nn.Linear(5, 2)

    def forward(self, x):
        return self.fc(self.pair(x))


@broken((2, 5), path="fc", kind="output.none", numbers=("None", "block"))
class ForgottenReturn(nn.Module):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(5, 5)

        def forward(self, x):
            self.fc(x)

    def __init__(self):
        super().__init__()
        self.block = self.Block()
        self.fc = nn.Linear(5, 2)

    def forward(self, x):
        return self.fc(self.block(x))


@broken(
    {"images": torch.zeros(2, 5)},
    path="",
    kind="input.missing_key",
    numbers=("'image'", "'images'"),
)
class MissingKey(nn.Module):
    def forward(self, batch):
        return batch["image"].mean()


@broken(
    np.zeros((2, 5)),
    path="",
    kind="input.numpy",
    numbers=("numpy",),
    fix="torch.as_tensor(x, dtype=torch.float32)",
    meta=False,
)
def array():
    return nn.Linear(5, 2)


@broken(
    np.zeros((2, 5)),
    path="0",
    kind="input.numpy",
    numbers=("numpy",),
    fix="torch.as_tensor(x, dtype=torch.float32)",
    meta=False,
)
def array_deeper():
    return nn.Sequential(nn.Linear(5, 2))


@broken([torch.zeros(2, 5)], path="fc", kind="input.list", numbers=("1 item",), fix="x[0]")
class ListOfTensors(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 2)

    def forward(self, x):
        return self.fc(x)


@broken(
    torch.zeros(2, 3, 8, 8, dtype=torch.uint8),
    path="0",
    kind="dtype.mismatch",
    numbers=("float32", "uint8"),
    fix="input.float()",
)
def bytes_into_convolution():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())


@broken(
    torch.ones(3, 4, dtype=torch.int64),
    path="",
    kind="dtype.integer",
    numbers=("int64",),
    fix="x.float()",
    meta=False,
)
class MeanOfIntegers(nn.Module):
    def forward(self, x):
        return x.mean()


@broken((2, 5), path="", kind="forward.arguments", numbers=("mask",), mask=(2, 5))
class UnexpectedKeyword(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 2)

    def forward(self, x):
        return self.fc(x)


@broken(
    (2, 5),
    path="fc",
    kind="forward.arguments",
    numbers=("1 argument", "2"),
    fix="the call with its first 1 argument only",
)
class TooManyArgumentsInside(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 2)

    def forward(self, x):
        return self.fc(x, x)


@broken(
    (2, 3, 40, 40),
    path="",
    kind="raised.own",
    numbers=("2×3×40×40",),
    fix="x of 2×3×32×32 instead of 2×3×40×40",
)
class AssertsItsSize(nn.Module):
    def __init__(self):
        super().__init__()
        self.image_size = 32

    def forward(self, x):
        assert x.shape[-1] == self.image_size, "wrong image size"
        return x.mean()


@broken((2, 4, 6), (2, 1, 6), path="", kind="attention.mask", numbers=("2×3",))
class MaskOfAttention(nn.Module):
    def forward(self, x, y):
        mask = torch.ones(2, 3, dtype=torch.bool, device=x.device)
        return F.scaled_dot_product_attention(x, x, x, attn_mask=mask)


@broken(
    (4, 3),
    torch.zeros(4, 1, dtype=torch.int64),
    path="",
    kind="loss.target_shape",
    numbers=("4×3", "4×1"),
    fix="target.squeeze(1)",
)
def targets_in_a_column():
    return nn.CrossEntropyLoss()


@broken(
    (4, 3),
    torch.tensor([1, 2, 3, 1]),
    path="",
    kind="loss.target_range",
    numbers=(3, "0 to 2"),
    fix="target - 1",
    meta=False,
)
def classes_from_one():
    return nn.CrossEntropyLoss()


@broken(
    (2, 7, 5),
    torch.zeros(2, 7, dtype=torch.int64),
    path="",
    kind="loss.target_shape",
    numbers=("2×7×5", "2×7"),
    fix="input.transpose(1, 2)",
)
def language_model_loss():
    return nn.CrossEntropyLoss()


@broken(
    (4, 1),
    torch.rand(4),
    path="",
    kind="loss.shapes",
    numbers=("4×1", "4"),
    fix="input.squeeze(-1)",
)
def binary_loss():
    return nn.BCEWithLogitsLoss()


@broken(
    (4, 3),
    torch.zeros(4),
    path="",
    kind="dtype.target",
    numbers=("int64", "float32"),
    fix="target.long()",
)
def float_classes():
    return nn.CrossEntropyLoss()


@broken((1, 3, 20, 20), path="fc", kind="linear.in_features", numbers=(50, 100))
class TwoErrors(nn.Module):
    """The first correction leads to the next error, which is corrected as well."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 11)
        self.fc = nn.Linear(50, 30)
        self.out = nn.Linear(40, 2)

    def forward(self, x):
        return self.out(self.fc(self.conv(x).flatten(1)))
