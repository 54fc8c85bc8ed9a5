"""Layers without a rule, checked by what their operations do: sizes by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import cnnshape
from cnnshape.analysis.report import Layer
from cnnshape.operations import Account, register
from cnnshape.operations.axes import Written


class Do(nn.Module):
    """A layer of somebody's own."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *args):
        return self.function(self, *args)


def layer(module: nn.Module, *args) -> Layer:
    """The only row of a model of one layer."""
    report = cnnshape.inspect(module.eval(), args)
    assert report.error is None, report.error
    assert (report.totals.match, report.totals.mismatch, report.totals.uncovered) == (1, 0, 0)
    return next(row for row in report.layers if row.check is not None)


def weight(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.rand(shape))


X = torch.rand(2, 5, 8)

RECURRENT = [
    (nn.LSTM(8, 16), X, (2, 5, 16)),
    (nn.LSTM(8, 16, 2, bidirectional=True, batch_first=True), X, (2, 5, 32)),
    (nn.LSTM(8, 16, bidirectional=True, proj_size=3), X, (2, 5, 6)),
    (nn.LSTM(8, 16), X[0], (5, 16)),
    (nn.GRU(8, 16, 3, bidirectional=True), X, (2, 5, 32)),
    (nn.RNN(8, 16, nonlinearity="relu", batch_first=True), X, (2, 5, 16)),
    (nn.LSTMCell(8, 16), X[0], (5, 16)),
    (nn.GRUCell(8, 16), X[0], (5, 16)),
    (nn.RNNCell(8, 16), X[0, 0], (16,)),
]


@pytest.mark.parametrize(("module", "x", "shape"), RECURRENT)
def test_recurrent_layers(module, x, shape):
    assert layer(module, x).check.expected == shape


def test_a_packed_input_is_as_long_as_all_its_sequences():
    packed = pack_padded_sequence(X, torch.tensor([5, 3]), batch_first=True)
    assert layer(nn.GRU(8, 16, bidirectional=True), packed).check.expected == (8, 32)


def test_packing_inside_a_model():
    def forward(self, x):
        packed = pack_padded_sequence(x, torch.tensor([5, 3]), batch_first=True)
        return pad_packed_sequence(self.rnn(packed)[0], batch_first=True)[0]

    assert layer(Do(forward, rnn=nn.LSTM(8, 16)), X).check.expected == (8, 16)


BAGS = torch.tensor([1, 2, 4, 5, 4, 3, 2])
PICTURE = torch.rand(1, 18, 8, 8)
LAYERS = [
    (nn.EmbeddingBag(9, 4), (torch.zeros(3, 5, dtype=torch.long),), (3, 4)),
    (nn.EmbeddingBag(9, 4), (BAGS, torch.tensor([0, 2, 4])), (3, 4)),
    (nn.EmbeddingBag(9, 4, include_last_offset=True), (BAGS, torch.tensor([0, 2, 7])), (2, 4)),
    (nn.CosineSimilarity(dim=1), (X, X), (2, 8)),
    (nn.PairwiseDistance(keepdim=True), (X[0], X[0]), (5, 1)),
    (Do(lambda s, x: torch.einsum("bij,kj->bki", x, s.w), w=weight(7, 8)), (X,), (2, 7, 5)),
    (Do(lambda s, x: torch.addmm(s.b, x, s.w), w=weight(8, 7), b=weight(7)), (X[0],), (5, 7)),
    (Do(lambda s, x: torch.baddbmm(s.b, x, s.w), w=weight(2, 8, 7), b=weight(7)), (X,), (2, 5, 7)),
    (Do(lambda s, x: torch.fft.rfft2(x).abs()), (X,), (2, 5, 5)),
    (Do(lambda s, x: torch.fft.irfft(torch.fft.rfft(x, n=12))), (X,), (2, 5, 12)),
    # 1 + 64 / 4 frames of 16 / 2 + 1 frequencies.
    (Do(lambda s, x: torch.stft(x, 16, return_complex=True).abs()), (torch.rand(2, 64),),
     (2, 9, 17)),
    (Do(lambda s, x: x.unfold(2, 3, 2)), (X,), (2, 5, 3, 3)),
    (Do(lambda s, x: x.repeat_interleave(3, dim=1)), (X,), (2, 15, 8)),
    (Do(lambda s, x: x.repeat_interleave(torch.tensor([1, 2]), dim=0, output_size=3)), (X,),
     (3, 5, 8)),
    (Do(lambda s, x: F.one_hot(x, 12)), (torch.arange(5),), (5, 12)),
    (Do(lambda s, x: torch.zeros(6, 8).scatter_add(0, torch.zeros(5, 8, dtype=torch.long), x)),
     (X[0],), (6, 8)),
    (Do(lambda s, x: x.gather(1, torch.zeros(2, 3, 8, dtype=torch.long))), (X,), (2, 3, 8)),
    (Do(lambda s, x: x[:, 1:-1].mean(1)), (X,), (2, 8)),
]  # fmt: skip


@pytest.mark.parametrize(("module", "args", "shape"), LAYERS)
def test_layers_that_are_followed(module, args, shape):
    assert layer(module, *args).check.expected == shape


def test_grouped_products():
    def forward(self, x):
        return F.grouped_mm(x, self.w, offs=torch.tensor([4, 16], dtype=torch.int32))

    experts = Do(forward, w=nn.Parameter(torch.rand(2, 8, 24).bfloat16()))
    assert layer(experts, torch.rand(16, 8).bfloat16()).check.expected == (16, 24)


def test_torchvision_operators():
    ops = pytest.importorskip("torchvision.ops", exc_type=ImportError)
    boxes = torch.tensor([[0, 0, 0, 4, 4.0], [0, 1, 1, 5, 5]])
    for module, shape in (
        (ops.RoIAlign(7, 1.0, 2), (2, 18, 7, 7)),
        (ops.RoIPool((3, 2), 1.0), (2, 18, 3, 2)),
        (ops.PSRoIPool(3, 1.0), (2, 2, 3, 3)),
        (ops.PSRoIAlign(3, 1.0, 2), (2, 2, 3, 3)),
    ):
        assert layer(module, PICTURE, boxes).check.expected == shape
    bent = ops.DeformConv2d(18, 5, 3)
    assert layer(bent, PICTURE, torch.zeros(1, 18, 6, 6)).check.expected == (1, 5, 6, 6)


class Own(nn.Linear):
    """Named for a rule that its forward does not follow."""

    def forward(self, x):
        return (x @ self.weight.t()).mean(1)


def test_a_subclass_is_checked_by_what_it_does():
    check = layer(Own(8, 6), X).check
    assert check.expected == (2, 6)
    assert check.substitution == "t: 8 × 6; matmul: 2 × 5 × 6; mean: 2 × 6"


def test_the_story_of_a_size():
    check = layer(Do(lambda s, x: torch.cat([x, x[:, ::2]], 1).reshape(2, 64)), X).check
    assert check.substitution == (
        "getitem: 2 × (5 → 3) × 8; cat: 2 × (5 + 3 = 8) × 8; reshape: 2 × (8·8 = 64)"
    )


@pytest.mark.parametrize(
    "function",
    [
        lambda s, x: x.nonzero(),
        lambda s, x: x[x > 0.5],
        lambda s, x: F.one_hot(x.long()),
        lambda s, x: x.repeat_interleave(torch.tensor([1, 2]), dim=0),
        lambda s, x: torch.from_numpy(x.numpy()[:, :2].copy()),  # nobody sees it
    ],
)
def test_sizes_that_nobody_can_tell_stay_uncovered(function):
    report = cnnshape.inspect(Do(function), X)
    assert (report.totals.match, report.totals.mismatch, report.totals.uncovered) == (0, 0, 1)


def test_a_false_account_is_a_mismatch():
    library = torch.library.Library("cnnshape_followed", "DEF")
    library.define("twice(Tensor x) -> Tensor")
    library.impl("twice", lambda x: torch.cat([x, x]), "CPU")
    register("cnnshape_followed::twice", "input", lambda call: Account(((Written(9),),)), macs=0)
    report = cnnshape.inspect(Do(lambda s, x: torch.ops.cnnshape_followed.twice(x)), X[0, 0])
    check = report.layers[0].check
    assert (check.status, check.expected, report.layers[0].output_shapes) == (
        "mismatch", (9,), ((16,),),
    )  # fmt: skip


def test_letters_stand_in_the_story():
    report = cnnshape.inspect(nn.Sequential(Do(lambda s, x: x[:, ::2].sum(2))), "N,6,L")
    assert report.layers[1].check.substitution == "getitem: N × (6 → 3) × L; sum: N × 3"
    assert report.layers[1].check.expected == ("N", 3)
