"""The shapes that operations take, held against what torch accepts and refuses."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from cnnshape.operations import TABLE
from cnnshape.operations.expected import forms_by_name, misfit

#: How torch is called with the tensors of an entry, where that takes more than its name.
CALLS: dict[str, Any] = {
    "affine_grid": lambda theta: F.affine_grid(
        theta, (theta.shape[0], 1, *(4,) * (theta.shape[1]))
    ),
    "index_select": lambda i: torch.zeros(5, 2).index_select(0, i.long() * 0),
    "index_fill": lambda i: torch.zeros(5, 2).index_fill(0, i.long() * 0, 1.0),
    "index_add": lambda i: torch.zeros(5, 2).index_add(0, i.long() * 0, torch.zeros(i.numel(), 2)),
    "index_copy": lambda i: torch.zeros(5, 2).index_copy(
        0, i.long() * 0, torch.zeros(i.numel(), 2)
    ),
    "index_reduce": lambda i: torch.zeros(5, 2).index_reduce(
        0, i.long() * 0, torch.zeros(i.numel(), 2), "amax"
    ),
    "bucketize": lambda boundaries: torch.bucketize(torch.zeros(3), boundaries),
    "multinomial": lambda x: torch.multinomial(x.abs() + 1, 1),
    "bincount": lambda x: torch.bincount(x.long().abs()),
    "embedding_bag": lambda x: F.embedding_bag(
        x.long() * 0, torch.zeros(3, 2), *([torch.tensor([0])] if x.dim() == 1 else [])
    ),
    "local_response_norm": lambda x: F.local_response_norm(x, 2),
    "matrix_power": lambda x: torch.matrix_power(x, 2),
    "linalg_matrix_power": lambda x: torch.linalg.matrix_power(x, 2),
    "linalg_solve_triangular": lambda a, b: torch.linalg.solve_triangular(a, b, upper=True),
    "mT": lambda x: x.mT,
    "mH": lambda x: x.mH,
    "t": lambda x: x.t(),
    "grid_sample": lambda x, grid: F.grid_sample(x, grid, align_corners=False),
    # Whole matrices that are close to the unit, so that nothing else is wrong with them.
    "linalg_cholesky": lambda x: torch.linalg.cholesky(_near_unit(x)),
    "cholesky": lambda x: torch.linalg.cholesky(_near_unit(x)),
    "linalg_inv": lambda x: torch.linalg.inv(_near_unit(x)),
    "inverse": lambda x: torch.inverse(_near_unit(x)),
    "linalg_solve": lambda a, b: torch.linalg.solve(_near_unit(a), b),
    "matrix_exp": torch.matrix_exp,
}
SIZES = {"N": 4, "M": 5, "P": 6, "Q": 3, "R": 2, "C": 2, "D": 3, "H": 5, "W": 6, "L": 3, "K": 2}


def _near_unit(x: torch.Tensor) -> torch.Tensor:
    if x.dim() < 2 or x.shape[-1] != x.shape[-2]:
        return x
    return torch.eye(x.shape[-1]).expand(x.shape) + 0 * x


def call(name: str, tensors: list[torch.Tensor]) -> None:
    function = CALLS.get(name)
    for home in (torch, torch.linalg, F):
        if function is None:
            function = getattr(home, name.removeprefix("linalg_"), None)
            if name.startswith("linalg_") and home is torch:
                function = None
    assert function is not None, name
    function(*tensors)


def shape_of(form: str, lead: tuple[int, ...]) -> tuple[int, ...]:
    sizes = [int(c) if c.isdigit() else SIZES[c] for c in form.replace("*", "")]
    if form.endswith("*"):
        return (*sizes, *lead)
    return (*lead, *sizes) if form.startswith("*") else tuple(sizes)


EVERY = [(name, form) for name, forms in forms_by_name().items() for form in forms]


def test_every_operation_is_in_the_table():
    assert all(TABLE.find(name) is not None for name in forms_by_name())


@pytest.mark.parametrize(("name", "form"), EVERY, ids=lambda item: str(item)[:40])
@pytest.mark.parametrize("lead", [(), (2,)])
def test_what_fits_runs(name, form, lead):
    shapes = {argument: shape_of(letters, lead) for argument, letters in form.items()}
    assert misfit(name, shapes) is None
    call(name, [torch.randn(shape) for shape in shapes.values()])


@pytest.mark.parametrize(("name", "form"), EVERY, ids=lambda item: str(item)[:40])
def test_what_does_not_fit_is_refused(name, form):
    """One axis longer, some more or less: what is called a misfit is one for torch too."""
    shapes = {argument: shape_of(letters, (2,)) for argument, letters in form.items()}
    told = 0
    for argument, shape in shapes.items():
        longer = [(*shape[:i], n + 1, *shape[i + 1 :]) for i, n in enumerate(shape)]
        for other in (*longer, (*shape, 2), (*shape, 2, 2, 2), shape[1:], shape[:1]):
            changed = {**shapes, argument: other}
            if misfit(name, changed) is None:
                continue
            told += 1
            with pytest.raises((RuntimeError, ValueError, IndexError)):
                call(name, [torch.randn(one) for one in changed.values()])
    assert told


def test_equal_letters_are_equal_sizes():
    for one, other in product(range(1, 4), repeat=2):
        found = misfit("vdot", {"input": (one,), "other": (other,)})
        assert (found is None) == (one == other)


def test_an_unknown_operation_takes_anything():
    assert misfit("frobnicate", {"input": (1, 2, 3)}) is None


def test_a_stack_of_vectors_to_solve_for():
    assert misfit("linalg_solve", {"input": (2, 4, 4), "other": (2, 4)}) is None
    torch.linalg.solve(torch.eye(4).expand(2, 4, 4), torch.ones(2, 4))
