"""Operations that move axes, held against torch."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.operations.judge import judge

shapes = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)


@given(shapes, st.data())
def test_flatten(shape, data):
    start = data.draw(st.integers(-len(shape), len(shape) - 1))
    end = data.draw(st.integers(start % len(shape), len(shape) - 1))
    judge(torch.flatten, torch.zeros(shape), start, end)


@given(shapes, st.data())
def test_permute(shape, data):
    order = data.draw(st.permutations(range(len(shape))))
    judge(torch.permute, torch.zeros(shape), order)
    judge(torch.Tensor.permute, torch.zeros(shape), *order)
