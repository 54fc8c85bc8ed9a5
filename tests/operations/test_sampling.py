"""Operations that read at given places, held against torch and torchvision."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnshape.operations import Operand, account, macs
from tests.operations.draws import number
from tests.operations.judge import judge


@settings(max_examples=15)
@given(data=st.data())
def test_grid_sample(data: st.DataObject) -> None:
    n, c, h, w = (number(data.draw, 1, 3) for _ in range(4))
    x, grid = torch.zeros(n, c, 3, 4), torch.zeros(n, h, w, 2)
    for function in (F.grid_sample, torch.ops.aten.grid_sampler_2d):
        more = {"align_corners": False} if function is F.grid_sample else {}
        args = () if more else (0, 0, False)
        judge(function, x, grid, *args, by="gradient", exact=False, **more)
    volume, places = torch.zeros(n, c, 2, 3, 4), torch.zeros(n, 2, h, w, 3)
    judge(F.grid_sample, volume, places, align_corners=False, by="sizes")


@pytest.mark.parametrize("space", [(3, 4), (2, 3, 4)])
def test_affine_grid(space: tuple[int, ...]) -> None:
    theta = torch.zeros(2, len(space), len(space) + 1)
    judge(F.affine_grid, theta, (2, 3, *space), align_corners=False, by="gradient", exact=False)


@pytest.mark.torchvision
@pytest.mark.parametrize("name", ["roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool"])
def test_boxes(name: str) -> None:
    pytest.importorskip("torchvision")
    channels = 12 if name.startswith("ps") else 5
    x, boxes = torch.zeros(2, channels, 8, 9), torch.tensor([[0.0, 0, 0, 4, 4]] * 3)
    extra = {"roi_align": (2, False), "ps_roi_align": (2,)}.get(name, ())
    judge(getattr(torch.ops.torchvision, name), x, boxes, 1.0, 2, 3, *extra, name=name, by="sizes")


def test_sampling_counts_nothing() -> None:
    assert macs("grid_sample", (Operand.of(0, 1, 3, 8, 8), Operand.of(1, 1, 4, 4, 2))) == 0


def test_a_grid_needs_the_batch_of_its_picture() -> None:
    known = account("grid_sample", (Operand.of(0, 2, 3, 8, 8), Operand.of(1, 5, 4, 4, 2)))
    assert [(need.left, need.right) for need in known.needs] == [(2, 5)]


def test_a_list_of_boxes_does_not_tell_how_many() -> None:
    pictures, boxes = Operand.of(0, 2, 5, 8, 8), (Operand.of(1, 3, 4), Operand.of(2, 1, 4))
    assert account("roi_align", (pictures, boxes, 1.0, 2, 3)).sizes == ((None, 5, 2, 3),)


def test_boxes_pick_pictures_and_positions_but_keep_channels() -> None:
    found = account("roi_align", (Operand.of(0, 2, 3, 8, 9), Operand.of(1, 5, 5), 1.0, 7, 7))
    assert found is not None
    assert found.sizes == ((5, 3, 7, 7),)
    assert [(end.axes[0].axis, end.size) for end in found.ended if end.axes[0].tensor == 0] == [
        (0, 2), (2, 8), (3, 9),
    ]  # fmt: skip
