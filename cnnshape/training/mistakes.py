"""The mistakes a model was surest of, as a picture."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from cnnshape.training import style
from cnnshape.training.examples import Examples
from cnnshape.training.results import Evaluation


def draw_mistakes(evaluation: Evaluation, test: Examples, title: str, path: Path) -> bool:
    """Draw the worst mistakes to ``path``, the surest first.

    Returns:
        Whether there was a mistake to draw.
    """
    shown = evaluation.mistakes
    if not shown:
        return False
    images = test.read(torch.tensor([mistake.index for mistake in shown]))
    columns = min(5, max(3, len(shown)))
    rows = math.ceil(len(shown) / columns)
    # Each picture is an inch wide, with its caption below.
    width, height = 0.5 + 1.3 * columns, 1.05 + 1.62 * rows
    wrong = evaluation.total - evaluation.correct
    with style.figure(width, height) as drawing:
        drawing.text(0.25 / width, 1 - 0.32 / height, title, size=13, weight="bold", va="center")
        count = f"the {len(shown)} surest of {wrong} mistakes" if wrong > len(shown) else (
            f"all {wrong} mistakes" if wrong > 1 else "the only mistake"
        )  # fmt: skip
        drawing.text(
            0.25 / width, 1 - 0.62 / height, f"{count}: true → predicted", size=10,
            color=style.GREY, va="center",
        )  # fmt: skip
        for place, (mistake, image) in enumerate(zip(shown, images, strict=True)):
            row, column = divmod(place, columns)
            left = 0.35 + 1.3 * column
            bottom = height - 0.95 - 1.62 * row - 1.1
            axes = drawing.add_axes((left / width, bottom / height, 1.1 / width, 1.1 / height))
            picture = image.permute(1, 2, 0).squeeze(-1).numpy()
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_color(style.LIGHT)
            names = evaluation.classes
            axes.set_xlabel(
                f"{_short(names[mistake.label])} → {_short(names[mistake.predicted])}",
                size=10, color=style.INK, labelpad=3,
            )  # fmt: skip
            axes.text(
                0.5, -0.295, f"{_percent(mistake.probability)} sure", size=8.5, ha="center",
                va="center", color=style.POOLING, transform=axes.transAxes,
            )  # fmt: skip
        style.save_figure(drawing, path)
    return True


def _percent(probability: float) -> str:
    """Never rounded up to a certainty the model does not have."""
    return f"{min(99, math.floor(100 * probability))} %"


def _short(name: str) -> str:
    return name if len(name) <= 9 else f"{name[:8]}…"
