"""Messages provoked from torch itself, one call each: the kind, and the numbers by hand."""

from __future__ import annotations

import re
import traceback

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnshape.analysis.messages.explain_text import explain_text

zeros, whole, double, yes = torch.zeros, torch.int64, torch.float64, torch.bool


def state(*sizes):
    return tuple(zeros(size) for size in sizes)


CALLS = [
    ("conv.kernel_too_large", "9 kernel .* 4", lambda: nn.Conv1d(1, 1, 9)(zeros(1, 1, 4))),
    ("pad.size", "dimension 3 of 1×1×4×4",
     lambda: F.pad(zeros(1, 1, 4, 4), (5, 5, 5, 5), "reflect")),
    ("pool.too_small", "MaxPool1d", lambda: nn.MaxPool1d(9)(zeros(1, 1, 4))),
    ("pool.too_small", "1×4×4 .* 1×0×0", lambda: nn.AvgPool2d(9)(zeros(1, 1, 4, 4))),
    ("pool.rank", "4 dimensions, or 3", lambda: nn.MaxPool2d(2)(zeros(4, 4))),
    ("pool.rank", "2 dimensions arrive: 4×4", lambda: nn.AdaptiveAvgPool2d(2)(zeros(4, 4))),
    ("pool.padding", "half of its kernel", lambda: nn.AvgPool2d(2, padding=2)(zeros(1, 1, 4, 4))),
    ("batch_norm.rank", "2 or 3 dimensions, but 4", lambda: nn.BatchNorm1d(3)(zeros(2, 3, 4, 4))),
    ("batch_norm.rank", "5 dimensions, but 4", lambda: nn.BatchNorm3d(3)(zeros(2, 3, 4, 4))),
    ("instance_norm.single_value", "2×3×1×1", lambda: nn.InstanceNorm2d(3)(zeros(2, 3, 1, 1))),
    ("group_norm.num_channels", "2 groups, .* 5 of 2×5×3",
     lambda: nn.GroupNorm(2, 4)(zeros(2, 5, 3))),
    ("layer_norm.normalized_shape", "3×4 .* 4×3", lambda: nn.LayerNorm((3, 4))(zeros(2, 4, 3))),
    ("rnn.rank", "3 dimensions, or 2 .* 4", lambda: nn.LSTM(3, 4)(zeros(2, 3, 4, 5))),
    ("rnn.hidden_size", "1×5×4 .* 1×2×4",
     lambda: nn.LSTM(3, 4)(zeros(2, 5, 3), state((1, 2, 4), (1, 5, 4)))),
    ("rnn.hidden_size", "3 dimensions with an input of 3, but one of 2",
     lambda: nn.LSTM(3, 4)(zeros(2, 5, 3), state((1, 4), (1, 4)))),
    ("rnn.hidden_size", "4 features .* 5 arrive",
     lambda: nn.GRUCell(3, 4)(zeros(2, 3), zeros(2, 5))),
    ("rnn.input_size", "3 features per step .* 7", lambda: nn.GRU(3, 4)(zeros(2, 5, 7))),
    ("dtype.mismatch", "float32, but float64", lambda: nn.GRU(3, 4)(zeros(2, 5, 3, dtype=double))),
    ("mha.mask", "4×3×3, but 2×3×3",
     lambda: nn.MultiheadAttention(8, 2)(*state(*[(3, 2, 8)] * 3), attn_mask=zeros(2, 3, 3))),
    ("attention.length", "5×2×8 and values of 4×2×8",
     lambda: nn.MultiheadAttention(8, 2)(*state((3, 2, 8), (5, 2, 8), (4, 2, 8)))),
    ("mha.embed_dim", "8 features .* 6 arrive",
     lambda: nn.MultiheadAttention(8, 2)(*state(*[(3, 2, 6)] * 3))),
    ("attention.mask", "4 and 5 in dimension 3",
     lambda: F.scaled_dot_product_attention(*state(*[(2, 4, 8)] * 3), attn_mask=zeros(3, 5))),
    ("loss.target_shape", "1 dimension", lambda: F.cross_entropy(zeros(4, 3), zeros(4, 2))),
    ("loss.target_range", "class 7", lambda: F.cross_entropy(zeros(4, 3), torch.full((4,), 7))),
    ("loss.batch", "4 predictions and 6",
     lambda: F.cross_entropy(zeros(4, 3), zeros(6, dtype=whole))),
    ("dtype.target", "int64, but float32", lambda: F.nll_loss(zeros(4, 3), zeros(4))),
    ("dtype.target", "float32, but int64",
     lambda: F.binary_cross_entropy_with_logits(zeros(4), zeros(4, dtype=whole))),
    ("loss.shapes", "4×1 and targets 4", lambda: F.binary_cross_entropy(zeros(4, 1), zeros(4))),
    ("loss.shapes", "4 .* 5", lambda: F.mse_loss(zeros(4, 3), zeros(5, 3))),
    ("embedding.index", "fewer rows", lambda: nn.Embedding(3, 2)(torch.tensor([5]))),
    ("index.out_of_range", "beyond", lambda: zeros(2, 3).index_select(0, torch.tensor([5]))),
    ("dtype.index", "int64", lambda: nn.Embedding(3, 2)(zeros(2))),
    ("dtype.mismatch", "float32, but int64", lambda: nn.Linear(2, 2)(zeros(1, 2, dtype=whole))),
    ("dtype.mismatch", "float32, but float64",
     lambda: nn.Conv2d(1, 1, 1)(zeros(1, 1, 2, 2).double())),
    ("dtype.mismatch", "int64 and float32 meet",
     lambda: nn.ConvTranspose2d(1, 1, 1)(zeros(1, 1, 2, 2, dtype=whole))),
    ("dtype.integer", "int64", lambda: zeros(2, 3, dtype=whole).softmax(1)),
    ("dtype.integer", "int64", lambda: F.dropout(zeros(2, dtype=whole))),
    ("dtype.mask", "float32", lambda: zeros(2, 3).masked_fill(zeros(2, 3), 0)),
    ("linear.in_features", "5 features, but 4", lambda: nn.Linear(5, 2)(zeros(2, 3, 4))),
    ("matmul.sizes", "2×3 times 4×5 .* 3 numbers, .* 4",
     lambda: torch.mm(zeros(2, 3), zeros(4, 5))),
    ("matmul.sizes", "2×3 times 4", lambda: zeros(2, 3) @ zeros(4)),
    ("matmul.sizes", "2 numbers, the other 3", lambda: torch.dot(zeros(2), zeros(3))),
    ("matmul.sizes", "4 numbers, .* 5", lambda: torch.bmm(zeros(2, 3, 4), zeros(2, 5, 6))),
    ("matmul.batch", "2 matrices .* 3", lambda: torch.bmm(zeros(2, 3, 4), zeros(3, 4, 6))),
    ("matmul.rank", "matrix", lambda: torch.mm(zeros(2, 3, 4), zeros(4, 5))),
    ("einsum.sizes", "'j' is 4 in operand 1 .* 3",
     lambda: torch.einsum("ij,jk", zeros(2, 3), zeros(4, 5))),
    ("broadcast", "dimension 1 one has 3 and the other 4", lambda: zeros(2, 3) + zeros(2, 4)),
    ("broadcast.in_place", "2×3, .* 2×1", lambda: zeros(2, 1).add_(zeros(2, 3))),
    ("cat.sizes", "has 2 where tensor 1 .* has 3",
     lambda: torch.cat([zeros(2, 3), zeros(3, 4)], 1)),
    ("cat.rank", "2 and another 1", lambda: torch.cat([zeros(2, 3), zeros(2)], 0)),
    ("stack.sizes", "0 is 2 and entry 1 is 3", lambda: torch.stack([zeros(2), zeros(3)])),
    ("view.size", "6 numbers .* 4×2: that would be 8", lambda: zeros(2, 3).view(4, 2)),
    ("view.size", r"6 numbers .* 4×\?: 6 is not divisible by 4",
     lambda: zeros(2, 3).reshape(4, -1)),
    ("view.stride", "in one piece", lambda: zeros(2, 3).t().view(6)),
    ("unflatten.size", "10 .* 3×4: that would be 12",
     lambda: nn.Unflatten(1, (3, 4))(zeros(2, 10))),
    ("dim.out_of_range", "dimension 5 .* 2 dimensions", lambda: zeros(2, 3).squeeze(5)),
    ("permute.rank", "names 3 dimensions, .* 2", lambda: zeros(2, 3).permute(0, 2, 1)),
    ("expand.size", "of 3 cannot become 5", lambda: zeros(2, 3).expand(2, 5)),
    ("expand.rank", "2 dimensions, but gets 1", lambda: zeros(2, 3).expand(2)),
    ("repeat.rank", "fewer", lambda: zeros(2, 3).repeat(2)),
    ("split.sizes", r"2 \+ 2 = 4 of dimension 1, which has 5",
     lambda: zeros(2, 5).split([2, 2], 1)),
    ("index.out_of_range", "4 numbers from index 3 on", lambda: zeros(2, 5).narrow(1, 3, 4)),
    ("index.out_of_range", r"index 7 .* dimension 1, which has 5 \(0 to 4\)",
     lambda: zeros(2, 5)[0, 7]),
    ("index.rank", "2 dimensions", lambda: zeros(2, 5)[0, 0, 0]),
    ("index.mask", "3 .* 4", lambda: zeros(4)[zeros(3, dtype=yes)]),
    ("index.shape", "4×3 .* 2×3 in dimension 0",
     lambda: zeros(2, 3).gather(1, zeros(4, 3, dtype=whole))),
    ("interpolate.size", "4, but 4×4", lambda: F.interpolate(zeros(2, 3, 4), size=(4, 4))),
    ("interpolate.mode", "'bilinear' takes 4 .* 3",
     lambda: F.interpolate(zeros(2, 3, 4), size=8, mode="bilinear")),
    ("pad.numbers", "two numbers", lambda: F.pad(zeros(2, 3), (1,))),
    ("pixel_shuffle.channels", "4 channels, but 3", lambda: F.pixel_shuffle(zeros(1, 3, 2, 2), 2)),
    ("pixel_unshuffle.size", "height .* 2, but it is 3",
     lambda: F.pixel_unshuffle(zeros(1, 3, 3, 2), 2)),
    ("fold.size", "9 windows .* 8", lambda: F.fold(zeros(1, 4, 8), (4, 4), 2, stride=1)),
    ("operation.shapes", "2 .* 1×4×4×3",
     lambda: F.grid_sample(zeros(1, 1, 4, 4), zeros(1, 4, 4, 3))),
    ("operation.shapes", "3 and 4", lambda: torch.cdist(zeros(2, 3), zeros(2, 4))),
    ("glu.size", "3 arrive", lambda: F.glu(zeros(2, 3))),
    ("prelu.num_parameters", "3 slopes .* 4", lambda: nn.PReLU(3)(zeros(1, 4))),
    ("bilinear.in_features", "3 features in its input 2, but 4",
     lambda: nn.Bilinear(2, 3, 4)(zeros(1, 2), zeros(1, 4))),
    ("bilinear.sizes", "1 and 2", lambda: nn.Bilinear(2, 3, 4)(zeros(1, 2), zeros(2, 3))),
    ("conv_transpose.output_size", "20×20, .* 8×8 to 9×9",
     lambda: nn.ConvTranspose2d(1, 1, 2, stride=2)(zeros(1, 1, 4, 4), output_size=(20, 20))),
    ("output.none", "None arrives", lambda: nn.Conv2d(1, 1, 1)(None)),
    ("output.tuple", "a tuple", lambda: nn.Linear(4, 2)(nn.LSTM(3, 4)(zeros(2, 5, 3)))),
    ("device.mismatch", "cpu and on meta", lambda: nn.Linear(2, 2)(zeros(1, 2, device="meta"))),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "said", "call"), CALLS)
def test_a_message(kind, said, call):
    try:
        call()
    except Exception as error:
        text = "".join(traceback.format_exception(error))
    found = explain_text(text)
    assert found.kind == kind
    assert re.search(said, found.diagnosis), found.diagnosis
