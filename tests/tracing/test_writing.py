"""Meta refuses to write where several elements are one number wherever the CPU does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import cnnshape
from cnnshape.tracing.execute import Inputs
from cnnshape.tracing.repeat import repeated

Write = Callable[[Tensor], Any]

WRITES: dict[str, Write] = {
    "add_": lambda x: x.add_(1),
    "+= a tensor": lambda x: x.__iadd__(torch.ones(3)),
    "*=": lambda x: x.__imul__(2),
    "copy_": lambda x: x.copy_(torch.ones(x.shape)),
    "out of add": lambda x: torch.add(x, 1, out=x),
    "out of cat": lambda x: torch.cat([torch.ones(1, 3)] * len(x), out=x),
    "relu in place": lambda x: F.relu(x, inplace=True),
    "celu in place": lambda x: F.celu(x, inplace=True),
    "dropout in place": lambda x: F.dropout(x, 0.5, training=True, inplace=True),
    "x[:] = a tensor": lambda x: x.__setitem__(slice(None), torch.ones(3)),
    "scatter_": lambda x: x.scatter_(0, torch.zeros(1, 3, dtype=torch.int64), 1.0),
    "normal_": lambda x: x.normal_(),
    # and what torch writes, expanded or not
    "x[0] = a number": lambda x: x.__setitem__(0, 1.0),
    "fill_": lambda x: x.fill_(1.0),
    "a row": lambda x: x[0].add_(1),
    "nothing": lambda x: x.to(torch.float32),
    "dropout that drops nothing": lambda x: F.dropout(x, 0.5, training=False, inplace=True),
}


class Writing(nn.Module):
    def __init__(self, write: Write, rows: int) -> None:
        super().__init__()
        self.write, self.rows = write, rows

    def forward(self, x: Tensor) -> Tensor:
        self.write(x.expand(self.rows, 3))
        return x


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_meta_says_what_the_cpu_says(write: Write, rows: int) -> None:
    model, said = Writing(write, rows), None
    try:
        model(torch.zeros(1, 3))
    except RuntimeError as error:
        said = str(error)
    on_meta = cnnshape.inspect(model, (1, 3), device="meta").error
    assert (None if on_meta is None else on_meta.message) == said


def test_the_call_that_is_refused_is_the_one_that_failed() -> None:
    error = cnnshape.inspect(Writing(WRITES["copy_"], 2), (1, 3), device="meta").error
    assert error is not None
    assert error.op == "copy"


@pytest.mark.parametrize(("rows", "doubtful"), [(1, False), (2, True)])
def test_a_pass_that_only_runs_says_that_a_real_one_might_not(rows: int, doubtful: bool) -> None:
    with repeated(Writing(WRITES["add_"], rows)) as attempt:
        assert attempt(Inputs((torch.zeros(1, 3),))).doubtful is doubtful
