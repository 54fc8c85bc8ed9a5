"""Every operation of the table that fails is explained; torch says that it fails."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import cnnshape


class Calls(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def error_of(function, *inputs):
    given = (torch.randn(i) if isinstance(i, tuple) else i for i in inputs)
    return cnnshape.explain_error(Calls(function), *given).error


def I(*values):  # noqa: E743 - short, as there are many
    return torch.tensor(values)


SHAPES = [
    # scatter, gather: what reaches too far, with both sizes by name
    (lambda x, i: x.scatter(1, i, 1.0), [(4, 8), torch.zeros(5, 3).long()],
     "index.shape", "place of i 5×3, but in dimension 0 x 4×8 has only 4 of the 5"),
    (lambda x, i, s: x.scatter(1, i, s), [(4, 8), torch.zeros(4, 3).long(), (4, 2)],
     "index.shape", "in dimension 1 s 4×2 has only 2 of the 3"),
    (lambda x, i: torch.gather(x, 1, i), [(4, 8), torch.zeros(5, 2).long()],
     "index.shape", "in dimension 0 x 4×8 has only 4 of the 5"),
    (lambda x, i: x.scatter(1, i, 1.0), [(4, 8), torch.full((4, 3), 9)],
     "index.out_of_range", "index 9 is outside of dimension 1 of x 4×8"),
    (lambda x, i: x.scatter(1, i, 1.0), [(4, 8), torch.full((4, 12), 9)],
     "index.out_of_range", "index 9 is outside of dimension 1 of x 4×8"),
    (lambda x, i, s: x.scatter_add(0, i, s), [(4, 8), I(0, 1, 2), (3, 7)],
     "index.shape", "i 3 has 1 dimension"),
    (lambda x, i: torch.take_along_dim(x, i, 1), [(4, 8), torch.zeros(5, 2).long()],
     "index.shape", "dimension 0 is 5 and 4"),
    (lambda x, i, s: x.index_add(0, i, s), [(4, 8), I(0, 1, 2), (2, 8)],
     "index.shape", "s should be 3×8, but it is 2×8"),
    (lambda x, i, s: x.index_copy(1, i, s), [(4, 8), I(0, 1, 2), (4, 2)],
     "index.shape", "s should be 4×3, but it is 4×2"),
    (lambda x, i: x.index_fill(0, i, 1.0), [(4, 8), torch.zeros(3, 2).long()],
     "index.shape", "vector of positions, but i 3×2 has 2 dimensions"),
    (lambda x, i, j: x[i, j], [(4, 8), I(0, 1, 2), I(0, 1)],
     "index.shape", "the indices in x[…] are taken one with one, but are 3 and 2"),
    (lambda x: x[[0, 1, 4]], [(4, 8)], "index.out_of_range",
     "index 4 is outside of dimension 0 of x 4×8, which has 4 (0 to 3)"),
    (lambda x: x[:, [0, -9]], [(4, 8)], "index.out_of_range", "index -9 is outside of dimension 1"),
    (lambda x, i: x[i], [(4, 8), (2,)], "dtype.index", "the index, 2, is float32"),
    # masks
    (lambda x, m: x.masked_select(m), [(4, 8), torch.ones(4, 7).bool()],
     "index.mask", "the mask m 4×7 does not fit x 4×8"),
    (lambda x, m, s: x.masked_scatter(m, s), [(4, 8), torch.ones(4, 7).bool(), (4, 8)],
     "index.mask", "the mask m 4×7 does not fit x 4×8"),
    # the forms that an operation takes
    (lambda a, b: torch.outer(a, b), [(2, 3), (3,)],
     "operation.shapes", "outer takes N, but a 2×3 has 2 dimensions"),
    (lambda a: torch.diag(a), [(2, 3, 4)], "operation.shapes", "diag takes N or N×M"),
    (lambda a: torch.linalg.inv(a), [(3, 4)],
     "operation.shapes", "linalg.inv takes …×N×N, but input 3×4 has 3 and 4 for N"),
    (lambda a, b: torch.linalg.solve(a, b), [(3, 3), (4, 2)],
     "operation.shapes", "N is 3 in input 3×3 and 4 in other 4×2"),
    (lambda x, g: F.grid_sample(x, g), [(2, 3, 8, 8), (2, 4, 4, 3)],
     "operation.shapes", "grid N×P×Q×2, but g 2×4×4×3 has 3 instead of 2"),
    (lambda x, g: F.grid_sample(x, g), [(2, 3, 8, 8), (3, 4, 4, 2)],
     "operation.shapes", "N is 2 in x 2×3×8×8 and 3 in g 3×4×4×2"),
    (lambda x, b: torch.bucketize(x, b), [(4, 8), (2, 3)],
     "operation.shapes", "bucketize takes boundaries N, but b 2×3 has 2 dimensions"),
    (lambda x, w, b: F.linear(x, w, b), [(1, 3), (4, 3), (5,)],
     "operation.arguments", "linear refuses x 1×3, w 4×3 and b 5"),
    # what the axes of the result need
    (lambda x: x.topk(10), [(4, 8)], "operation.shapes", "at least k = 10 in dimension 1 of x 4×8"),
    (lambda x: (x > 0).topk(2), [(4, 8)], "operation.arguments", "k=2"),
    (lambda a, b: torch.inner(a, b), [(3, 5), (4, 6)], "operation.shapes", "they are 5 and 6"),
    (lambda a, b: torch.hstack([a, b]), [(2, 3), (3, 4)], "operation.shapes", "they are 2 and 3"),
    (lambda a, b: torch.vstack([a, b]), [(2, 3), (2, 4)], "operation.shapes", "they are 3 and 4"),
    (lambda a, b: torch.tensordot(a, b, dims=1), [(3, 4), (5, 2)],
     "operation.shapes", "they are 4 and 5"),
    (lambda x: torch.view_as_complex(x), [(4, 3)], "operation.shapes", "needs 2 in dimension 1"),
    (lambda x, y: x.view_as(y), [(4, 3), (4, 5)], "operation.shapes", "20 numbers, but 12 arrive"),
    # dimensions that are not there
    (lambda x: x.cumsum(2), [(4, 8)], "dim.out_of_range", "dimension 2, but x 4×8"),
    (lambda x: x.flip(2), [(4, 8)], "dim.out_of_range", "dimension 2, but x 4×8"),
    # what was given, with torch's reason
    (lambda x: torch.roll(x, (1, 2), (1,)), [(4, 8)],
     "operation.arguments", "roll refuses x 4×8, shifts=(1, 2) and dims=(1,)"),
    (lambda x: x.unfold(1, 9, 1), [(4, 8)], "operation.arguments", "size=9 and step=1"),
    (lambda x: x.kthvalue(9), [(4, 8)], "operation.arguments", "kthvalue refuses x 4×8 and k=9"),
    (lambda x: F.one_hot(x, 3), [I(1, 4)], "index.out_of_range", "(0 to 2), but 4 arrives"),
    (lambda x: F.one_hot(x, 3), [I(1, -4)], "index.out_of_range", "(0 to 2), but -4 arrives"),
    (lambda x: F.one_hot(x), [I(1, -4)], "index.out_of_range", "from 0 on, but -4 arrives"),
    (lambda x: x.chunk(0), [(4, 8)], "operation.arguments", "x 4×8 and chunks=0"),
    (lambda a, b: torch.cross(a, b), [(4, 2), (4, 2)], "operation.arguments", "a 4×2 and b 4×2"),
    (lambda x: torch.fft.rfft(x, n=0), [(4, 8)], "operation.arguments", "fft.rfft refuses"),
    (lambda x: torch.stft(x, 64, return_complex=True), [(4, 8)], "operation.arguments", "n_fft=64"),
    (lambda x: x.tril(), [(4,)], "operation.arguments", "tril refuses"),
    (lambda a: torch.meshgrid(a), [(4, 3)], "operation.arguments", "meshgrid refuses"),
    (lambda x: x.quantile(1.5), [(4, 3)], "operation.arguments", "q=1.5"),
    (lambda x: F.dropout(x, 2.0), [(4, 3)], "operation.arguments", "dropout refuses"),
    (lambda a, b: torch.einsum("bij,bjk->bil", a, b), [(2, 5, 8), (2, 8, 8)],
     "operation.arguments", "einsum refuses"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "inputs", "kind", "said"), SHAPES)
def test_what_it_takes_and_what_arrives(function, inputs, kind, said):
    error = error_of(function, *inputs)
    assert error.kind == kind
    assert said in error.diagnosis, error.diagnosis


def test_a_written_number_of_names_that_no_number_of_pieces_gives_has_no_correction():
    def taken(x):
        a, b, c = x.split(4, dim=1)
        return a + b + c

    error = error_of(taken, (4, 8))
    assert error.kind == "unpack.count"
    assert error.suggestions == ()


def test_rows_of_another_width_are_not_added():
    def added(x, rows, at):
        return x.scatter_add(0, at, rows)

    assert error_of(added, (4, 9), (3, 7), I(0, 1, 2)).suggestions == ()


def test_pieces_of_unequal_size_are_not_proposed():
    def taken(x):
        a, b = x.chunk(4, 1)
        return a, b

    error = error_of(taken, (4, 9))
    assert error.diagnosis.endswith("x.chunk(…) of 4×9 gives 3 tensors for 2 names")
    assert error.suggestions == ()


def test_a_tensor_taken_apart_by_mistake():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(8, 5)

        def forward(self, x):
            out, _ = self.fc(x)
            return out

    error = cnnshape.explain_error(Pair(), torch.randn(4, 8)).error
    assert error.kind == "unpack.count"
    assert error.diagnosis == (
        "fc returns one tensor, 4×5, which is taken apart along its first dimension: "
        "4 parts for 2 names"
    )
    assert error.suggestions == ()


def test_the_target_of_an_assignment_opens_the_story():
    def assigned(x):
        y = x.clone()
        y[0] = x[:, 0]
        return y

    error = error_of(assigned, (4, 8))
    assert error.derivation[0] == "target y[0] 8"
    assert "x[:, 0] of 4 does not fit into it: dimension 0 takes 8, and 4 come" in error.diagnosis


def test_an_index_beyond_the_target_names_the_target():
    def assigned(x):
        y = x.clone()
        y[:, 9] = 0
        return y

    error = error_of(assigned, (4, 8))
    assert error.kind == "index.out_of_range"
    assert "dimension 1 of y 4×8" in error.diagnosis


@pytest.mark.parametrize(
    ("function", "inputs", "kind"),
    [
        (lambda x, b: torch.bucketize(x, b), [(4, 8), (2, 3)], "operation.shapes"),
        (lambda x, i: x.index_select(0, i), [(4, 8), torch.zeros(3, 2).long()], "index.shape"),
        (lambda x: x.sort(3), [(4, 8)], "dim.out_of_range"),
        (lambda x: F.gumbel_softmax(x, dim=3), [(4, 8)], "dim.out_of_range"),
    ],
)
def test_what_meta_lets_pass_is_refused_there_as_well(function, inputs, kind):
    given = tuple(torch.randn(i) if isinstance(i, tuple) else i for i in inputs)
    real = cnnshape.inspect(Calls(function), args=given, device="cpu").error
    meta = cnnshape.inspect(Calls(function), args=given, device="meta").error
    assert real.kind == meta.kind == kind
    assert real.diagnosis == meta.diagnosis


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (nn.Conv2d(3, 8, 3, stride=0), "the Conv2d has a stride of 0, and it has to be at least 1"),
        (nn.Conv2d(3, 8, 3, padding=-1), "a padding of -1, and it has to be at least 0"),
        (nn.Conv2d(3, 8, 3, dilation=0), "a dilation of 0"),
        (nn.MaxPool2d(2, 0), "the MaxPool2d has a stride of 0"),
        (nn.AvgPool2d(0), "the AvgPool2d has a kernel_size of 0"),
    ],
)
def test_settings_that_no_size_fits(layer, said):
    error = cnnshape.explain_error(layer, torch.zeros(1, 3, 8, 8)).error
    assert error.kind == "init.size"
    assert said in error.diagnosis
