"""The figures of a run: curves, confusion matrix, worst mistakes."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from cnnshape.loading.run_folder import CURVES
from cnnshape.training import plotting
from cnnshape.training.examples import Examples
from cnnshape.training.observer import Observer, RunStart
from cnnshape.training.plotting import have_matplotlib
from cnnshape.training.results import EpochRecord, Evaluation, RunResult
from cnnshape.training.session import Data
from cnnshape.words import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes


CONFUSION = "confusion.svg"
MISTAKES = "mistakes.png"


def write_pictures(result: RunResult, data: Data, title: str) -> None:
    """Draw what can be drawn of ``result`` into its folder; nothing without matplotlib."""
    if not have_matplotlib():
        return
    draw_curves(result, title, result.folder / CURVES)
    if result.test is None:
        return
    draw_confusion(result.test, title, result.folder / CONFUSION)
    if not draw_mistakes(result.test, data.splits.test, title, result.folder / MISTAKES):
        (result.folder / MISTAKES).unlink(missing_ok=True)


class CurveKeeper(Observer):
    """Draws the curves of a long run now and then, for whoever looks before its end.

    Args:
        title: what stands above them.
        interval: seconds between two drawings; short runs are drawn at their end only.
    """

    def __init__(self, title: str, interval: float = 30.0) -> None:
        self._title = title
        self._interval = interval
        self._drawn = time.monotonic()
        self._folder = Path()
        self._history: list[EpochRecord] = []
        self._best: int | None = None

    def started(self, start: RunStart) -> None:
        """Take up what earlier sittings have finished."""
        self._folder = start.folder
        self._history = list(start.history)
        self._best = start.best_epoch
        self._drawn = time.monotonic()

    def epoch(self, record: EpochRecord, *, best: bool) -> None:
        """Draw, if it is time."""
        self._history.append(record)
        if best:
            self._best = record.epoch
        if time.monotonic() - self._drawn < self._interval or not have_matplotlib():
            return
        result = RunResult(self._folder, tuple(self._history), self._best, None)
        draw_curves(result, self._title, self._folder / CURVES)
        self._drawn = time.monotonic()


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    colour: str
    values: Sequence[float]


#: Up to so many epochs each has its tick.
_EVERY_EPOCH = 8


def draw_curves(result: RunResult, title: str, path: Path) -> None:
    """Draw the run's curves to ``path``; nothing is drawn before the first epoch has ended."""
    history = result.history
    if not history:
        return
    with plotting.figure(9.6, 3.9) as drawing:
        left, right = drawing.subplots(1, 2)
        drawing.subplots_adjust(left=0.055, right=0.875, top=0.71, bottom=0.135, wspace=0.52)
        drawing.text(0.022, 0.93, title, size=13, weight="bold", va="center")
        drawing.text(0.022, 0.855, _subtitle(result), size=10, color=plotting.GREY, va="center")
        # Without validation pictures the last epoch is the best by definition: no news.
        best = result.best_epoch if history[0].validation_loss is not None else None
        loss, accuracy = _lines(history, "loss", 1), _lines(history, "accuracy", 100)
        _panel(left, "cross-entropy loss", loss, "{:.3f}", best)
        _panel(right, "accuracy, %", accuracy, "{:.1f}", best)
        plotting.save_figure(drawing, path)


def _subtitle(result: RunResult) -> str:
    if result.test is None:
        return f"{counted(len(result.history), 'epoch')} so far"
    which = "" if result.best_epoch is None else f", with the weights of epoch {result.best_epoch}"
    return f"test {result.test}{which}"


def _lines(history: Sequence[EpochRecord], what: str, scale: float) -> list[_Line]:
    lines: list[_Line] = []
    for name, colour in (
        ("train", plotting.CONVOLUTION),
        ("validation", plotting.POOLING),
        ("test", plotting.LINEAR),
    ):
        values = [getattr(record, f"{name}_{what}") for record in history]
        if None not in values:
            lines.append(_Line(name, colour, [scale * value for value in values]))
    return lines


def _panel(axes: Axes, title: str, lines: Sequence[_Line], form: str, best: int | None) -> None:
    count = len(lines[0].values)
    axes.set_title(title, loc="left", size=10.5, color=plotting.INK, pad=12)
    axes.grid(axis="y", color=plotting.FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel("epoch", size=9.5)
    axes.locator_params(axis="x", integer=True)
    if count <= _EVERY_EPOCH:
        axes.set_xticks(range(1, count + 1))
    # One epoch is a point in the middle.
    axes.set_xlim(*((1, count) if count > 1 else (0, 2)))
    for line in lines:
        axes.plot(
            range(1, count + 1),
            line.values,
            color=line.colour,
            linewidth=1.9,
            marker="o" if count < 3 else None,
            markersize=4,
            solid_capstyle="round",
            clip_on=False,
        )
    _scale(axes, lines)
    axes.tick_params(length=0, pad=5)
    if best is not None and count > 1:
        _mark_best(axes, lines, best)
    _name_lines(axes, lines, form)


def _scale(axes: Axes, lines: Sequence[_Line]) -> None:
    """Logarithmic where a loss falls so far that its end would be a flat line."""
    values = [value for line in lines for value in line.values]
    if min(values) <= 0 or max(values) > 20 or max(values) < 10 * min(values):
        return
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _mark_best(axes: Axes, lines: Sequence[_Line], best: int) -> None:
    axes.axvline(best, color=plotting.LIGHT, linewidth=0.9, linestyle=(0, (3, 3)), zorder=1)
    axes.annotate(
        f"best: {best}",
        (best, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        # At the end of the axis it would run into the lines' names.
        ha="right" if best > 0.85 * len(lines[0].values) else "center",
        size=8.5,
        color=plotting.GREY,
    )
    for line in lines:
        axes.plot(
            best,
            line.values[best - 1],
            "o",
            color=line.colour,
            markersize=5.5,
            markeredgecolor=plotting.PAPER,
            markeredgewidth=1.2,
            clip_on=False,
            zorder=4,
        )


def _name_lines(axes: Axes, lines: Sequence[_Line], form: str) -> None:
    """Write each line's name and last value at its end, apart from each other."""
    apart = 0.085
    ends = [(line, _height(axes, line.values[-1])) for line in lines]
    # From the lowest up, each label at its line's end or just above the one below.
    place = -float("inf")
    places: list[tuple[_Line, float]] = []
    for line, end in sorted(ends, key=lambda pair: pair[1]):
        place = max(end, place + apart)
        places.append((line, place))
    excess = max(0.0, places[-1][1] - 1)
    for line, at in places:
        axes.annotate(
            f"{line.name} {form.format(line.values[-1])}",
            (1, at - excess),
            xycoords="axes fraction",
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            size=9.5,
            color=line.colour,
            annotation_clip=False,
        )


def _height(axes: Axes, value: float) -> float:
    """Where ``value`` lies between the axis' lower end, 0, and its upper end, 1."""
    axes.get_ylim()  # matplotlib finds the ends only when they are asked for
    point = axes.transData.transform((1, value))
    return float(axes.transAxes.inverted().transform(point)[1])


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
    with plotting.figure(max(width, 4.2), height) as drawing:
        total = max(width, 4.2)
        axes = drawing.add_axes((margin / total, margin / height, side / total, side / height))
        drawing.text(0.25 / total, 1 - 0.32 / height, title, size=13, weight="bold", va="center")
        drawing.text(
            0.25 / total, 1 - 0.62 / height, f"test {evaluation}", size=10, color=plotting.GREY,
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
                    color=plotting.PAPER if shade > 0.45 else plotting.INK,
                )  # fmt: skip
        axes.set_xlim(-0.5, count - 0.5)
        axes.set_ylim(count - 0.5, -0.5)
        for line in range(count + 1):
            axes.axhline(line - 0.5, color=plotting.FAINT, linewidth=0.7, zorder=0)
            axes.axvline(line - 0.5, color=plotting.FAINT, linewidth=0.7, zorder=0)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, pad=4)
        turn = 0 if max(len(name) for name in names) <= 2 else 90
        axes.set_xticks(range(count), names, size=size, rotation=turn)
        axes.set_yticks(range(count), names, size=size)
        axes.set_xlabel("predicted", size=9.5, labelpad=6)
        axes.set_ylabel("true", size=9.5, labelpad=6)
        plotting.save_figure(drawing, path)


def _tile(axes: Axes, column: int, row: int, part: float) -> float:
    """Colour one cell; returns how dark it is, 0…1."""
    from matplotlib.patches import Rectangle

    right = row == column
    colour = plotting.CONVOLUTION if right else plotting.POOLING
    # Even a single mistake among many pictures should be seen.
    shade = part if right else min(1.0, 0.25 + 1.5 * part)
    axes.add_patch(
        Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, alpha=shade, linewidth=0)
    )
    return shade


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
    with plotting.figure(width, height) as drawing:
        drawing.text(0.25 / width, 1 - 0.32 / height, title, size=13, weight="bold", va="center")
        count = f"the {len(shown)} surest of {wrong} mistakes" if wrong > len(shown) else (
            f"all {wrong} mistakes" if wrong > 1 else "the only mistake"
        )  # fmt: skip
        drawing.text(
            0.25 / width, 1 - 0.62 / height, f"{count}: true → predicted", size=10,
            color=plotting.GREY, va="center",
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
            axes.spines[:].set_color(plotting.LIGHT)
            names = evaluation.classes
            axes.set_xlabel(
                f"{_short(names[mistake.label])} → {_short(names[mistake.predicted])}",
                size=10, color=plotting.INK, labelpad=3,
            )  # fmt: skip
            axes.text(
                0.5, -0.295, f"{_percent(mistake.probability)} sure", size=8.5, ha="center",
                va="center", color=plotting.POOLING, transform=axes.transAxes,
            )  # fmt: skip
        plotting.save_figure(drawing, path)
    return True


def _percent(probability: float) -> str:
    """Never rounded up to a certainty the model does not have."""
    return f"{min(99, math.floor(100 * probability))} %"


def _short(name: str) -> str:
    return name if len(name) <= 9 else f"{name[:8]}…"
