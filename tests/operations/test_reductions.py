"""Reductions, what runs along an axis, and diagonals, held against torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnshape.formulas.algebra import letter
from cnnshape.operations import TABLE, Operand, account
from cnnshape.operations.axes import AxisOf, Ended, Kept, Windowed
from cnnshape.operations.reductions import REDUCTIONS
from tests.operations.draws import Draw, axes, axis, number, tensor
from tests.operations.judge import faces, judge
from tests.operations.letters import judge_letters, lettered

# ---- over some axes, or all ---------------------------------------------------------------

#: How each is measured: by the gradient, of some numbers only where the extreme alone counts.
SEVERAL = {
    **dict.fromkeys("sum nansum mean nanmean logsumexp".split(), ("gradient", True)),
    **dict.fromkeys("amax amin std var std_mean var_mean".split(), ("gradient", False)),
    **dict.fromkeys("any all count_nonzero".split(), ("variation", False)),
}
ONE = {
    "prod": ("gradient", True),
    **dict.fromkeys("max min median nanmedian".split(), ("gradient", False)),
    **dict.fromkeys("argmax argmin aminmax".split(), ("variation", False)),
}


def keeping(draw: Draw, name: str) -> dict[str, bool]:
    return {} if name == "count_nonzero" else {"keepdim": draw(st.booleans())}


@pytest.mark.parametrize("name", sorted(SEVERAL))
@settings(max_examples=12)
@given(data=st.data())
def test_reductions_over_some_axes(name: str, data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 3), (2, 3) if name[:3] in ("std", "var") else (1, 3))
    chosen = axes(data.draw, x.ndim, 1)
    by, exact = SEVERAL[name]
    for function in faces(name):
        if name != "logsumexp":
            judge(function, x, by=by, exact=exact)
        judge(function, x, chosen, by=by, exact=exact)
        judge(function, x, dim=chosen[0], by=by, exact=exact, **keeping(data.draw, name))


@pytest.mark.parametrize("name", sorted(ONE))
@settings(max_examples=12)
@given(data=st.data())
def test_reductions_over_one_axis(name: str, data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 3), (1, 3))
    by, exact = ONE[name]
    for function in faces(name):
        judge(function, x, by=by, exact=exact)
        dim, keep = axis(data.draw, x.ndim), data.draw(st.booleans())
        judge(function, x, dim=dim, keepdim=keep, by=by, exact=exact)


@settings(max_examples=20)
@given(data=st.data())
def test_the_larger_of_two_tensors(data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 3), (1, 3))
    y = torch.zeros(x.shape[number(data.draw, 0, x.ndim) :])
    judge(torch.max, x, y, by="gradient", exact=False)
    judge(torch.Tensor.min, x, other=y, by="gradient", exact=False)


@pytest.mark.filterwarnings("ignore:at::")
@settings(max_examples=20)
@given(data=st.data())
def test_norms(data: st.DataObject) -> None:
    x = tensor(data.draw, (2, 4), (1, 3))
    chosen, keep = axes(data.draw, x.ndim, 1), data.draw(st.booleans())
    one, other = data.draw(st.permutations(range(x.ndim)))[:2]
    judge(torch.norm, x, by="gradient")
    judge(torch.Tensor.norm, x, 2, chosen, keep, by="gradient")
    judge(torch.linalg.norm, x, 2, chosen[0], keep, by="gradient")
    judge(torch.linalg.vector_norm, x, 2, chosen, keep, by="gradient")
    judge(torch.linalg.vector_norm, x, dim=chosen, keepdim=keep, by="gradient")
    judge(torch.linalg.matrix_norm, x, by="gradient")
    judge(torch.linalg.matrix_norm, x, "fro", (one, other - x.ndim), keep, by="gradient")
    judge(torch.nuclear_norm, x, (one, other), keep, by="sizes")
    judge(torch.frobenius_norm, x, (one, other), keep, by="gradient")
    judge(torch.norm_except_dim, x, 2, number(data.draw, -1, x.ndim - 1), by="gradient")


@settings(max_examples=20)
@given(data=st.data())
def test_one_position_of_an_axis(data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 3), (1, 3))
    dim, keep = axis(data.draw, x.ndim), data.draw(st.booleans())
    judge(torch.mode, x, dim, keep, by="gradient", exact=False)
    judge(torch.mode, x, by="gradient", exact=False)
    judge(torch.kthvalue, x, 1, dim, keep, by="gradient", exact=False)
    judge(torch.quantile, x, 0.5, dim, keepdim=keep, by="gradient", exact=False)


@settings(max_examples=20)
@given(data=st.data())
def test_quantiles_are_the_first_axis(data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 3), (1, 3))
    some = torch.tensor([0.1, 0.5, 0.9])
    judge(torch.nanquantile, x, some, axis(data.draw, x.ndim), by="sizes")


@pytest.mark.parametrize("function", [torch.std, torch.var])
def test_a_boolean_in_the_place_of_axes_is_no_axis(function: Any) -> None:
    x = torch.rand(2, 3)
    judge(function, x, True, by="gradient", exact=False)
    judge(function, x, (1,), True, True, by="gradient", exact=False)


@settings(max_examples=20)
@given(data=st.data())
def test_sums_to_a_size(data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 4), (1, 3))
    kept = x.shape[number(data.draw, 0, x.ndim) :]
    sizes = [1 if data.draw(st.booleans()) else n for n in kept] or [1]
    judge(torch.Tensor.sum_to_size, x, sizes, by="gradient")
    judge(torch.Tensor.sum_to_size, x, *sizes, by="gradient")


@settings(max_examples=20)
@given(data=st.data())
def test_counts_and_areas(data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 3), (2, 3))
    dim = axis(data.draw, x.ndim)
    judge(torch.histc, x, 4, by="sizes")
    judge(torch.trapezoid, x, dim=dim, by="gradient")
    judge(torch.cumulative_trapezoid, x, dim=dim, by="gradient", exact=False)
    judge(torch.diff, x, 1, dim, by="gradient")
    judge(torch.diff, x, 1, dim, x.clone(), by="sizes")
    judge(torch.diff, x, dim=dim, append=x.clone(), by="sizes")


def test_what_was_reduced_is_told_axis_by_axis() -> None:
    known = account("mean", (Operand.of(0, 2, 8, 5, 5), (2, 3)))
    assert known.ended == (
        Ended((AxisOf(0, 2),), "reduced", 5),
        Ended((AxisOf(0, 3),), "reduced", 5),
    )
    assert not known.rearranges
    assert account("mean", (Operand.of(0, 2, 8, 1, 1), (2, 3))).rearranges


# ---- along an axis that goes on -----------------------------------------------------------


def gumbel_softmax(x: torch.Tensor, dim: int) -> torch.Tensor:
    """With the same noise every time."""
    torch.manual_seed(0)
    return F.gumbel_softmax(x, dim=dim)


@settings(max_examples=20)
@given(data=st.data())
def test_softmax(data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 4), (1, 3))
    dim = axis(data.draw, x.ndim)
    for name in ("softmax", "log_softmax"):
        for function in faces(name):
            judge(function, x, dim, by="gradient", exact=False)
    judge(F.softmin, x, dim=dim, by="gradient", exact=False)
    judge(torch.special.softmax, x, dim, by="gradient", exact=False)
    judge(torch.ops.aten._softmax, x, dim, False, by="gradient", exact=False)
    judge(gumbel_softmax, x, dim=dim, by="gradient", exact=False)


@pytest.mark.filterwarnings("ignore:Implicit dimension")
@pytest.mark.parametrize("rank", range(5))
def test_softmax_over_no_named_axis(rank: int) -> None:
    judge(F.softmax, torch.zeros([2, 3, 2, 3][:rank]), by="gradient", exact=False)


@pytest.mark.parametrize("name", "cumsum cumprod logcumsumexp cummax cummin".split())
@settings(max_examples=12)
@given(data=st.data())
def test_of_all_so_far(name: str, data: st.DataObject) -> None:
    x = tensor(data.draw, (0, 3), (1, 3))
    dim = axis(data.draw, max(x.ndim, 1))
    for function in faces(name):
        judge(function, x, dim, by="gradient", exact=False)


@settings(max_examples=20)
@given(data=st.data())
def test_in_order(data: st.DataObject) -> None:
    x = tensor(data.draw, (0, 3), (1, 3))
    dim = axis(data.draw, max(x.ndim, 1))
    judge(torch.sort, x, dim, by="gradient", exact=False)
    judge(torch.sort, x, by="gradient", exact=False)
    judge(torch.argsort, x, dim, by="sizes")
    judge(torch.msort, x, by="gradient", exact=False)
    k = number(data.draw, 1, x.shape[dim] if x.ndim else 1)
    judge(torch.topk, x, k, dim, by="gradient", exact=False)


# ---- diagonals ----------------------------------------------------------------------------


@settings(max_examples=30)
@given(data=st.data())
def test_diagonals(data: st.DataObject) -> None:
    x = tensor(data.draw, (2, 4), (1, 4))
    one, other = data.draw(st.permutations(range(x.ndim)))[:2]
    reach = x.shape[one], x.shape[other]
    offset = number(data.draw, -reach[0], reach[1])
    judge(torch.diagonal, x, offset, one, other - x.ndim, exact=False)
    judge(torch.Tensor.diagonal, x, exact=False)
    judge(torch.linalg.diagonal, x, dim1=one, dim2=other, exact=False)


@settings(max_examples=30)
@given(data=st.data())
def test_laid_along_a_diagonal(data: st.DataObject) -> None:
    x, offset = tensor(data.draw, (1, 3), (1, 3)), number(data.draw, -2, 2)
    one, other = data.draw(st.permutations(range(x.ndim + 1)))[:2]
    judge(torch.diag_embed, x, offset, one, other - x.ndim - 1, exact=False)
    judge(torch.diag_embed, x, exact=False)
    judge(torch.diagflat, x, exact=False)
    vector = x.flatten()
    judge(torch.diag, vector, offset)
    judge(torch.diagflat, vector, offset)


def test_diag_and_trace_of_a_matrix() -> None:
    x = torch.zeros(3, 4)
    judge(torch.diag, x, 1, exact=False)
    judge(torch.trace, x, by="gradient", exact=False)
    assert account("diagflat", (Operand.of(0, 2, 2), 1)) is None


# ---- sizes in letters, names --------------------------------------------------------------

H, W = letter("H"), letter("W")
RUN, OTHERS = {"N": 2, "H": 14, "W": 21}, ({"N": 3, "H": 20, "W": 9}, {"N": 1, "H": 7, "W": 7})
PICTURE = lettered("N", 3, "H", "W")


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (torch.mean, (PICTURE, (2, 3))),
        (torch.amax, (PICTURE, -1, True)),
        (torch.cumsum, (PICTURE, 2)),
        (torch.topk, (PICTURE, 2, 3)),
        (torch.diff, (PICTURE, 2, 3)),
        (torch.diagonal, (lettered("N", "H", "H"), 0, 1, 2)),
        (torch.diagonal, (lettered("N", "H", "W"), 0, 1, 2)),
        (torch.diagonal, (lettered("N", 100, "W"), 1, 1, 2)),
        (torch.diag_embed, (lettered("N", "H"), 2)),
    ],
)
def test_sizes_in_letters(function: Any, args: tuple[Any, ...]) -> None:
    judge_letters(function, *args, run=RUN, others=OTHERS, by_fakes=False)


def test_unknown_sizes_stay_unknown() -> None:
    x = Operand(0, (None, 3), (4, 3))
    assert account("diagonal", (x,)).sizes == ((None,),)
    assert account("diagonal", (Operand(0, (3, None), (3, 4)),)).sizes == ((None,),)
    assert account("diag_embed", (Operand(0, (None,), (4,)), 1)).sizes == ((None, None),)
    assert account("diff", (x, 1, 0, x)).sizes == ((None, 3),)


def test_reductions_count_nothing() -> None:
    assert {entry.macs for entry in REDUCTIONS} == {0}
    assert TABLE.find("softmax").family == "activation"
    assert TABLE.find("mean").family == "reduction"


def test_axes_by_name_are_not_understood() -> None:
    assert account("sum", (Operand.of(0, 2, 3), "N")) is None
    assert account("max", (Operand.of(0, 2, 3), 1)).results[0] == (Kept(AxisOf(0, 0), 2),)


def test_one_answer_of_all_positions():
    x = torch.ones(2, 3, dtype=torch.bool)
    for function in (torch._is_all_true, torch._is_any_true):
        assert judge(function, x, by="sizes").sizes == ((),)


def test_neighbours_subtracted_are_a_window_of_two() -> None:
    found = account("diff", (Operand.of(0, 3, 6),))
    assert found is not None
    kept, window = found.results[0]
    assert (kept, window.size) == (Kept(AxisOf(0, 0), 3), 5)
    assert isinstance(window, Windowed)
    assert window.source == AxisOf(0, 1)
