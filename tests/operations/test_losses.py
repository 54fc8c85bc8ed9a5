"""Losses and distances, held against torch: sizes, origins, and what is counted."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnnshape.operations import Operand, account, macs
from cnnshape.operations.axes import AxisOf
from tests.operations.draws import axis, shape, tensor
from tests.operations.judge import judge

REDUCTIONS = st.sampled_from(("none", "mean", "sum"))
aten = torch.ops.aten


@pytest.mark.filterwarnings("ignore:reduction. .mean. divides")
@pytest.mark.parametrize(
    "loss",
    [F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.soft_margin_loss, F.kl_div,
     F.hinge_embedding_loss, F.poisson_nll_loss],
    ids=lambda loss: loss.__name__,
)  # fmt: skip
@settings(max_examples=12)
@given(data=st.data())
def test_losses_of_positions(loss: Any, data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 3), (1, 3))
    target = x.long() if loss is F.soft_margin_loss else x.clone()
    judge(loss, x, target, reduction=data.draw(REDUCTIONS), by="gradient", exact=False)
    judge(loss, x, target, by="gradient", exact=False)


@settings(max_examples=20)
@given(data=st.data())
def test_losses_of_positions_with_more_tensors(data: st.DataObject) -> None:
    x, how = tensor(data.draw, (1, 3), (1, 3)), data.draw(REDUCTIONS)
    weight = nn.Parameter(torch.ones(x.shape[-1]))
    judge(F.binary_cross_entropy, x, x.clone(), weight, reduction=how, by="sizes")
    judge(F.binary_cross_entropy_with_logits, x, x.clone(), weight, reduction=how, by="gradient",
          exact=False)  # fmt: skip
    judge(F.margin_ranking_loss, x, x.clone(), x.sign(), reduction=how, by="gradient", exact=False)
    judge(F.gaussian_nll_loss, x, x.clone(), x + 1, reduction=how, by="sizes")


@pytest.mark.filterwarnings("ignore:size_average and reduce")
def test_older_and_lower_ways_to_say_how_a_loss_is_reduced() -> None:
    x, y = torch.zeros(2, 3), torch.zeros(2, 3)
    assert judge(F.mse_loss, x, y, reduce=False, by="gradient").sizes == ((2, 3),)
    assert judge(F.mse_loss, x, y, size_average=False, by="gradient").sizes == ((),)
    assert judge(aten.mse_loss, x, y, 0, by="gradient").sizes == ((2, 3),)
    assert judge(aten.mse_loss.default, x, y, 1, by="gradient").sizes == ((),)
    assert judge(aten.binary_cross_entropy, x, y, None, 0, by="sizes").sizes == ((2, 3),)


@settings(max_examples=20)
@given(data=st.data())
def test_losses_of_rows_and_vectors(data: st.DataObject) -> None:
    x, how = torch.zeros(shape(data.draw, (2, 2), (2, 3))), data.draw(REDUCTIONS)
    classes = torch.zeros(len(x), dtype=torch.int64)
    judge(F.multi_margin_loss, x, classes, reduction=how, by="gradient", exact=False)
    judge(F.multilabel_margin_loss, x, x.long(), reduction=how, by="gradient", exact=False)
    judge(F.multilabel_soft_margin_loss, x, x.long(), reduction=how, by="gradient", exact=False)
    judge(F.triplet_margin_loss, x, x.clone(), x.clone(), reduction=how, by="gradient", exact=False)
    judge(F.triplet_margin_with_distance_loss, x, x.clone(), x.clone(), reduction=how,
          by="gradient", exact=False)  # fmt: skip
    judge(F.cosine_embedding_loss, x, x.clone(), classes + 1, reduction=how, by="gradient",
          exact=False)  # fmt: skip


@settings(max_examples=20)
@given(data=st.data())
def test_losses_of_classes(data: st.DataObject) -> None:
    sizes, how = shape(data.draw, (2, 4), (1, 3)), data.draw(REDUCTIONS)
    x, target = torch.zeros(sizes), torch.zeros(sizes[:1] + sizes[2:], dtype=torch.int64)
    judge(F.cross_entropy, x, target, reduction=how, by="gradient", exact=False)
    judge(F.cross_entropy, x, x.clone(), reduction=how, by="gradient", exact=False)
    judge(F.nll_loss, x, target, reduction=how, by="gradient", exact=False)
    assert (
        account("cross_entropy", (Operand.of(0, 2, 3, 8), Operand.of(1, 2, 7))).needs[1].right == 7
    )
    judge(F.cross_entropy, torch.zeros(3), torch.tensor(1), reduction=how, by="gradient",
          exact=False)  # fmt: skip


@pytest.mark.parametrize("reduction", [0, 1, 2])
def test_kernels_of_losses_of_classes(reduction: int) -> None:
    x, target = torch.zeros(2, 3), torch.tensor([1, 2])
    judge(aten.cross_entropy_loss, x, target, None, reduction, by="gradient", exact=False)
    judge(aten.nll_loss_nd, x, target, None, reduction, by="gradient", exact=False)
    judge(aten.nll_loss_forward, x, target, None, reduction, -100, by="sizes")
    picture, places = torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 4, dtype=torch.int64)
    judge(aten.nll_loss2d_forward, picture, places, None, reduction, -100, by="sizes")


@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_ctc_loss(reduction: str) -> None:
    x, lengths = torch.zeros(6, 2, 4), torch.tensor([6, 6])
    targets = torch.tensor([[1, 2], [2, 3]])
    judge(F.ctc_loss, x, targets, lengths, lengths // 3, reduction=reduction, by="gradient",
          exact=False)  # fmt: skip


@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_a_loss_that_holds_a_linear_layer(reduction: str) -> None:
    x, weight, target = torch.zeros(2, 3), torch.zeros(5, 3), torch.tensor([1, 4])
    known = judge(F.linear_cross_entropy, x, nn.Parameter(weight), target, reduction=reduction,
                  by="gradient", exact=False)  # fmt: skip
    (need,) = known.needs
    assert need.name == "in_features"
    operands = (Operand.of(0, 2, 3), Operand.of(1, 5, 3), Operand.of(2, 2))
    assert macs("linear_cross_entropy", operands) == 2 * 3 * 5
    grid = (Operand.of(0, 2, 3), Operand.of(1, 5, 4, 3), Operand.of(2, 2))
    assert account("linear_cross_entropy", grid) is None


# ---- likeness and distance ----------------------------------------------------------------


@settings(max_examples=20)
@given(data=st.data())
def test_likeness_and_distance(data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 3), (2, 3))
    y, keep = torch.zeros(x.shape[-1:]), data.draw(st.booleans())
    judge(F.cosine_similarity, x, x.clone(), axis(data.draw, x.ndim), by="gradient", exact=False)
    judge(F.cosine_similarity, x, y, dim=-1, by="gradient", exact=False)
    judge(F.pairwise_distance, x, x.clone(), keepdim=keep, by="gradient")
    judge(torch.dist, x, x.clone(), by="gradient")


@pytest.mark.filterwarnings("ignore:cov")
@settings(max_examples=20)
@given(data=st.data())
def test_covariance_is_a_product_of_a_matrix_with_itself(data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 2), (1, 3))
    judge(torch.cov, x, by="sizes")
    judge(torch.corrcoef, x, by="sizes")
    rows, observations = (1, *x.shape)[-2:]
    assert macs("cov", (Operand.of(0, *x.shape),)) == rows * rows * observations


def test_distances_of_all_pairs() -> None:
    judge(F.pdist, torch.rand(4, 3), by="sizes")
    assert account("pdist", (Operand(0, (None, 3), (4, 3)),)).sizes == ((None,),)
    assert macs("pdist", (Operand.of(0, 4, 3),)) is None


def test_one_row_against_itself_is_a_variance() -> None:
    found = account("cov", (Operand.of(0, 1, 5),))
    assert found is not None
    assert found.results == ((),)
    assert [(end.axes, end.how) for end in found.ended] == [
        ((AxisOf(0, 0),), "reduced"), ((AxisOf(0, 1),), "contracted"),
    ]  # fmt: skip
