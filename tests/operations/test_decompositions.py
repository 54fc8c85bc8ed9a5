"""Decompositions and solutions of matrices, held against torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnshape.operations.decompositions import DECOMPOSITIONS
from tests.operations.draws import shape
from tests.operations.judge import judge

linalg = torch.linalg
SQUARE = [
    torch.inverse, linalg.inv, linalg.inv_ex, torch.matrix_exp, linalg.det, torch.logdet,
    linalg.slogdet, linalg.cond, linalg.eig, linalg.eigh, linalg.eigvals, linalg.eigvalsh,
    linalg.cholesky, linalg.cholesky_ex, torch.cholesky_inverse,
]  # fmt: skip
ANY = [
    linalg.pinv, torch.pinverse, linalg.matrix_rank, linalg.svd, torch.svd, linalg.svdvals,
    linalg.qr, linalg.lu, linalg.lu_factor, linalg.lu_factor_ex, torch.geqrf,
]  # fmt: skip


def filled(*sizes: int) -> torch.Tensor:
    """Matrices that can be inverted, decomposed and taken the root of."""
    return torch.eye(sizes[-2], sizes[-1]).expand(sizes).contiguous()


def named(function: Any) -> str:
    return function.__name__


@pytest.mark.parametrize("function", SQUARE, ids=named)
@settings(max_examples=10)
@given(data=st.data())
def test_of_square_matrices(function: Any, data: st.DataObject) -> None:
    *lead, n = shape(data.draw, (1, 3), (1, 3))
    judge(lambda x: function(filled(*x.shape)), torch.zeros(*lead, n, n), name=named(function),
          by="sizes")  # fmt: skip


@pytest.mark.parametrize("function", ANY, ids=named)
@settings(max_examples=10)
@given(data=st.data())
def test_of_any_matrices(function: Any, data: st.DataObject) -> None:
    sizes = shape(data.draw, (2, 4), (1, 3))
    judge(lambda x: function(filled(*x.shape)), torch.zeros(sizes), name=named(function),
          by="sizes")  # fmt: skip


@settings(max_examples=20)
@given(data=st.data())
def test_narrow_and_complete_ones(data: st.DataObject) -> None:
    x = torch.rand(shape(data.draw, (2, 4), (1, 3)))
    judge(linalg.svd, x, full_matrices=False, by="sizes")
    judge(linalg.qr, x, "complete", by="sizes")


@settings(max_examples=20)
@given(data=st.data())
def test_solutions(data: st.DataObject) -> None:
    lead, n, k = shape(data.draw, (0, 2), (1, 3)), *(data.draw(st.integers(1, 3)) for _ in "nk")
    a = torch.eye(n).expand(*lead, n, n).contiguous()
    judge(lambda a, b: linalg.solve(filled(*a.shape), b), a, torch.zeros(*lead, n, k),
          name="linalg_solve", by="sizes")  # fmt: skip
    judge(lambda a, b: linalg.solve(filled(*a.shape), b), a, torch.zeros(n), name="linalg_solve",
          by="sizes")  # fmt: skip
    judge(lambda a, b: linalg.solve_ex(filled(*a.shape), b), a, torch.zeros(n, k),
          name="linalg_solve_ex", by="sizes")  # fmt: skip
    judge(lambda a, b, upper, left: linalg.solve_triangular(filled(*a.shape), b, upper=upper,
                                                            left=left),
          a, torch.zeros(k, n), name="linalg_solve_triangular", by="sizes", upper=True,
          left=False)  # fmt: skip


def test_a_solution_has_seen_the_matrix() -> None:
    a = torch.rand(2, 3, 3)
    judge(linalg.solve, a, torch.rand(2, 3, 4), by="gradient", exact=False)
    judge(linalg.inv, a, by="gradient", exact=False)


def test_nobody_has_counted_what_they_cost() -> None:
    assert {entry.macs for entry in DECOMPOSITIONS} == {None}
