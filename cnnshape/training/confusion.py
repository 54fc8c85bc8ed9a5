"""The confusion matrix, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cnnshape.training import style
from cnnshape.training.results import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_confusion(evaluation: Evaluation, title: str, path: Path) -> None:
    """Draw ``evaluation.confusion`` to ``path``: rows are true classes, columns predicted ones.

    Right answers are blue, wrong ones orange, each the darker the larger its part of the
    row; zeros are left empty.
    """
    grid, names = evaluation.confusion, evaluation.classes
    count = len(grid)
    cell = 0.46 if count <= 12 else 0.3
    margin = 0.5 + 0.085 * max(len(name) for name in names)
    side = cell * count
    width, height = side + margin + 0.45, side + margin + 1.05
    with style.figure(max(width, 4.2), height) as drawing:
        total = max(width, 4.2)
        axes = drawing.add_axes((margin / total, margin / height, side / total, side / height))
        drawing.text(0.25 / total, 1 - 0.32 / height, title, size=13, weight="bold", va="center")
        drawing.text(
            0.25 / total, 1 - 0.62 / height, f"test {evaluation}", size=10, color=style.GREY,
            va="center",
        )  # fmt: skip
        size = 9.5 if count <= 12 else 6.5
        for row, counts in enumerate(grid):
            whole = sum(counts)
            for column, number in enumerate(counts):
                if number == 0:
                    continue
                shade = _tile(axes, column, row, number / whole)
                axes.text(
                    column, row, str(number), ha="center", va="center", size=size,
                    color=style.PAPER if shade > 0.45 else style.INK,
                )  # fmt: skip
        axes.set_xlim(-0.5, count - 0.5)
        axes.set_ylim(count - 0.5, -0.5)
        for line in range(count + 1):
            axes.axhline(line - 0.5, color=style.FAINT, linewidth=0.7, zorder=0)
            axes.axvline(line - 0.5, color=style.FAINT, linewidth=0.7, zorder=0)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, pad=4)
        turn = 0 if max(len(name) for name in names) <= 2 else 90
        axes.set_xticks(range(count), names, size=size, rotation=turn)
        axes.set_yticks(range(count), names, size=size)
        axes.set_xlabel("predicted", size=9.5, labelpad=6)
        axes.set_ylabel("true", size=9.5, labelpad=6)
        style.save_figure(drawing, path)


def _tile(axes: Axes, column: int, row: int, part: float) -> float:
    """Colour one cell; returns how dark it is, 0…1."""
    from matplotlib.patches import Rectangle

    right = row == column
    colour = style.CONVOLUTION if right else style.POOLING
    # Even a single mistake among many pictures should be seen.
    shade = part if right else min(1.0, 0.25 + 1.5 * part)
    axes.add_patch(
        Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, alpha=shade, linewidth=0)
    )
    return shade
