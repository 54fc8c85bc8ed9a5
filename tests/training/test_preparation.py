"""Normalisation and augmentation, by hand and against torch's own."""

from __future__ import annotations

import pytest
import torch

from cnnshape.training.preparation import Preparation, draws


def plain(augmentation="none", background=0.0) -> Preparation:
    return Preparation((0.0,), (1.0,), (background,), augmentation)


def picture(*points: tuple[int, int]) -> torch.Tensor:
    page = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    for row, column in points:
        page[0, 0, row, column] = 255
    return page


def test_normalisation_by_hand() -> None:
    prepare = Preparation((0.25, 0.5, 0.0), (0.5, 0.25, 1.0), (0.0,) * 3)
    images = torch.tensor([0, 255, 51], dtype=torch.uint8).view(1, 3, 1, 1)
    # (0 − 0.25)/0.5, (1 − 0.5)/0.25, (0.2 − 0)/1
    assert prepare(images).flatten().tolist() == pytest.approx([-0.5, 2.0, 0.2])


def test_zero_draws_leave_the_picture_alone() -> None:
    page = torch.randint(0, 256, (2, 1, 28, 28), dtype=torch.uint8)
    for kind in ("affine", "shift"):
        moved = plain(kind)(page, torch.zeros(2, 4))
        torch.testing.assert_close(moved, plain()(page), atol=1e-4, rtol=0)


def test_a_shift_moves_by_two_pixels_at_most() -> None:
    # grid_sample reads from where the picture moves to: +1 reads two pixels further right.
    moved = plain("shift")(picture((14, 14)), torch.tensor([[0.0, 0.0, 1.0, 0.0]]))
    assert moved[0, 0].argmax().item() == 14 * 28 + 12
    assert moved.max().item() == pytest.approx(1.0, abs=1e-4)
    moved = plain("shift")(picture((14, 14)), torch.tensor([[0.0, 0.0, 0.0, -1.0]]))
    assert moved[0, 0].argmax().item() == 16 * 28 + 14


def test_what_comes_in_from_outside_is_background() -> None:
    page = torch.full((1, 1, 28, 28), 204, dtype=torch.uint8)
    moved = plain("affine", background=0.8)(page, torch.tensor([[1.0, 1.0, 1.0, 1.0]]))
    torch.testing.assert_close(moved, torch.full_like(moved, 0.8), atol=1e-5, rtol=0)


def test_a_flip_mirrors_about_half() -> None:
    page = picture((3, 5)).expand(2, -1, -1, -1)
    moved = plain("flip")(page, torch.tensor([[0.5, 0, 0, 0], [-0.5, 0, 0, 0]]))
    assert moved[0, 0, 3, 22] == 1
    assert moved[1, 0, 3, 5] == 1


def test_what_happens_to_a_picture_does_not_depend_on_its_batch() -> None:
    pages = torch.randint(0, 256, (9, 1, 28, 28), dtype=torch.uint8)
    random = draws("affine", 9, seed=0, epoch=1)
    assert random is not None
    prepare = plain("affine")
    together = prepare(pages, random)
    alone = torch.cat([prepare(pages[i : i + 1], random[i : i + 1]) for i in range(9)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_draws_are_new_in_each_epoch_and_within_range() -> None:
    first, second = (draws("affine", 500, seed=0, epoch=epoch) for epoch in (1, 2))
    assert first is not None
    assert second is not None
    assert not torch.equal(first, second)
    assert first.abs().max() <= 1
    assert draws("none", 500, seed=0, epoch=1) is None
