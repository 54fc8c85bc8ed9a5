"""Where windows lie: real torch says which element each of them reads."""

from __future__ import annotations

import random

import pytest
import torch
from torch.nn import functional as F

from cnnshape.errors import UsageError
from cnnshape.formulas.roles import complete, named_rule
from cnnshape.formulas.size_evaluation import configured
from cnnshape.formulas.windows import AxisWindows, axis_windows


def windows(kind: str, ceil_mode: bool = False, **given: object) -> AxisWindows:
    named, rows = configured(kind, given, ceil_mode=ceil_mode)
    return axis_windows(named, rows[0])


def read(axis: AxisWindows) -> list[set[int]]:
    """For each window the elements of the row that it touches."""
    inside = range(max(axis.size, 0))
    return [{p for p in axis.window(i) if p in inside} for i in range(axis.count)]


def touched(table: torch.Tensor) -> list[set[int]]:
    """From a matrix (element of the row, window): for each window, where it is not 0."""
    return [set(column.nonzero().flatten().tolist()) for column in table.T]


def valid(kind: str, seed: int, ceil_mode: bool = False) -> dict[str, int]:
    """A configuration that the layer takes."""
    draw = random.Random(seed)
    named = named_rule(kind, ceil_mode=ceil_mode)
    ranges = {"input": (1, 14), "kernel": (1, 5), "stride": (1, 4), "padding": (0, 3)}
    ranges |= {"dilation": (1, 3), "output_padding": (0, 2), "output": (1, 9)}
    while True:
        row = {role: draw.randint(*ranges[role]) for role in named.roles}
        row = complete(named, row)
        if named.rule.broken(*named.values(row)) is None:
            return row


@pytest.mark.parametrize("seed", range(12))
def test_a_convolution_reads_its_windows(seed):
    row = valid("conv", seed)
    eye = torch.eye(row["input"])[:, None]
    ones = torch.ones(1, 1, row["kernel"])
    real = F.conv1d(eye, ones, None, row["stride"], row["padding"], row["dilation"])[:, 0]
    assert read(windows("conv", **row)) == touched(real)


@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
def test_same_padding_has_its_odd_element_behind(kernel):
    real = F.conv1d(torch.eye(7)[:, None], torch.ones(1, 1, kernel), padding="same")[:, 0]
    assert read(windows("conv", input=7, kernel=kernel, padding="same")) == touched(real)


@pytest.mark.parametrize("seed", range(12))
def test_a_transposed_convolution_writes_its_windows(seed):
    row = valid("conv_transpose", seed)
    eye = torch.eye(row["input"])[:, None]
    ones = torch.ones(1, 1, row["kernel"])
    steps = row["stride"], row["padding"], row["output_padding"]
    real = F.conv_transpose1d(eye, ones, None, *steps, 1, row["dilation"])[:, 0]
    axis = windows("conv_transpose", **row)
    assert axis.size == real.shape[1]
    assert read(axis) == touched(real.T)


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_a_pooling_reads_its_windows(seed, ceil_mode):
    row = valid("max_pool", seed, ceil_mode)
    eye = torch.eye(row["input"])[:, None]
    sizes = row["kernel"], row["stride"], row["padding"], row["dilation"], ceil_mode
    real = F.max_pool1d(eye, *sizes)[:, 0]
    assert read(windows("max_pool", ceil_mode, **row)) == touched(real.clamp(0))


@pytest.mark.parametrize("seed", range(12))
def test_an_adaptive_pooling_shares_the_row(seed):
    row = valid("adaptive_pool", seed)
    real = F.adaptive_avg_pool1d(torch.eye(row["input"])[:, None], row["output"])[:, 0]
    assert read(windows("adaptive_pool", **row)) == touched(real)


@pytest.mark.parametrize("seed", range(6))
def test_fold_adds_its_patches_where_unfold_read_them(seed):
    row = valid("fold", seed)
    size, window = (row["input"], 1), (row["kernel"], 1)
    sizes = {"stride": (row["stride"], 1), "padding": (row["padding"], 0)}
    sizes |= {"dilation": (row["dilation"], 1)}
    count = windows("fold", **row).count
    patches = torch.eye(count)[:, None].expand(-1, row["kernel"], -1)
    real = F.fold(patches, size, window, **sizes)[:, 0, :, 0]
    assert read(windows("fold", **row)) == touched(real.T)
    assert windows("unfold", **row).window(count - 1) == windows("fold", **row).window(count - 1)


def test_what_the_floor_leaves_over():
    # 7 elements, windows of 3 that are 3 apart: 0 1 2, 3 4 5, and 6 is left.
    assert list(windows("conv", input=7, kernel=3, stride=3).left_over) == [6]
    # Padded by 1 on both sides: -1 0 1, 2 3 4, 5 6 7, nothing is left.
    assert not windows("conv", input=7, kernel=3, stride=3, padding=1).left_over


def test_ceil_mode_goes_beyond_the_edge():
    axis = windows("max_pool", True, input=7, kernel=2)
    assert axis.count == 4
    assert list(axis.beyond) == [7]
    assert not axis.left_over


def test_a_kernel_that_does_not_fit_has_no_window():
    axis = windows("conv", input=5, kernel=9, padding=1)
    assert (axis.count, axis.row, list(axis.left_over)) == (0, range(-1, 6), [])


def test_huge_sizes_cost_nothing():
    assert windows("conv", input=10**11, kernel=3).window(10**10) == range(10**10, 10**10 + 3)


def test_a_kind_without_windows():
    with pytest.raises(UsageError, match=r"pixel_shuffle has no windows; conv, .* have"):
        windows("pixel_shuffle", input=4, factor=2)
