"""Writing into a tensor changes every other tensor that looks at the same memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from cnnshape.tracing.execute import Inputs, record
from cnnshape.tracing.storage import may_overlap
from cnnshape.tracing.trace import Trace

Writing = Callable[[Tensor, Tensor], Tensor]


class Two(nn.Module):
    """Two layers, and a function that writes the second's result into the first's."""

    def __init__(self, function: Writing) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1), nn.ReLU()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.c(self.function(self.a(x), self.b(x)))


def into_the_base(a: Tensor, b: Tensor) -> Tensor:
    view = a[:, :1]
    a.add_(b)
    return view


def into_a_view(a: Tensor, b: Tensor) -> Tensor:
    a[:, :1].mul_(b[:, :1])
    return a


def into_an_overlapping_view(a: Tensor, b: Tensor) -> Tensor:
    one, two = a[:, :1], a[:, :2]
    one.mul_(b[:, :1])
    return two


def into_its_data(a: Tensor, b: Tensor) -> Tensor:
    a.data.add_(b)
    return a


def into_the_other_half(a: Tensor, b: Tensor) -> Tensor:
    left, right = a.chunk(2, dim=1)
    left.mul_(b[:, :2])
    return right


def into_something_else(a: Tensor, b: Tensor) -> Tensor:
    a.clone().add_(b)
    return a


def _depends(trace: Trace, value: int, layer: str) -> bool:
    """Whether the layer's result went into a value, through any number of operations."""
    call = next(call for call in trace.calls if call.path == layer)
    made = set(range(*call.operations))
    seen: set[int] = set()
    todo = [value]
    while todo:
        producer = trace.values[todo.pop()].producer
        if producer in made:
            return True
        if producer is not None and producer not in seen:
            seen.add(producer)
            todo += trace.operations[producer].inputs
    return False


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (into_the_base, True),
        (into_a_view, True),
        (into_an_overlapping_view, True),
        (into_its_data, True),
        (into_the_other_half, False),
        (into_something_else, False),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_who_sees_what_was_written(function: Writing, expected: bool, device: str):
    trace = record(Two(function), Inputs((torch.zeros(2, 3, 4, 4),)), device=device).trace
    assert trace.failure is None
    assert _depends(trace, trace.outputs[0].value, "b") is expected
    assert _depends(trace, trace.outputs[0].value, "a")


slices = st.builds(slice, st.integers(0, 6), st.integers(0, 6), st.sampled_from([None, 1, 2, 3]))


@given(rows=slices, columns=slices, other_rows=slices, other_columns=slices, turned=st.booleans())
def test_overlap_is_what_writing_shows(
    rows: slice, columns: slice, other_rows: slice, other_columns: slice, turned: bool
):
    memory = torch.zeros(6, 6)
    one = memory[rows, columns]
    other = (memory.T if turned else memory)[other_rows, other_columns]
    one.fill_(1)
    assert may_overlap(one, other) == bool(other.sum() > 0)
