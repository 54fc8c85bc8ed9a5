"""``curves.svg``: loss and accuracy over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnnshape.training import style
from cnnshape.training.results import EpochRecord, RunResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    colour: str
    values: Sequence[float]


def draw_curves(result: RunResult, title: str, path: Path) -> None:
    """Draw the run's curves to ``path``; nothing is drawn before the first epoch has ended."""
    history = result.history
    if not history:
        return
    with style.figure(9.6, 3.9) as drawing:
        left, right = drawing.subplots(1, 2)
        drawing.subplots_adjust(left=0.055, right=0.88, top=0.71, bottom=0.135, wspace=0.52)
        drawing.text(0.022, 0.93, title, size=13, weight="bold", va="center")
        drawing.text(0.022, 0.855, _subtitle(result), size=10, color=style.GREY, va="center")
        # Without validation pictures the last epoch is the best by definition: no news.
        best = result.best_epoch if history[0].validation_loss is not None else None
        loss, accuracy = _lines(history, "loss", 1), _lines(history, "accuracy", 100)
        _panel(left, "cross-entropy loss", loss, "{:.3f}", best)
        _panel(right, "accuracy, %", accuracy, "{:.1f}", best)
        style.save_figure(drawing, path)


def _subtitle(result: RunResult) -> str:
    if result.test is None:
        return f"{len(result.history)} epochs so far"
    which = "" if result.best_epoch is None else f", with the weights of epoch {result.best_epoch}"
    return f"test {result.test}{which}"


def _lines(history: Sequence[EpochRecord], what: str, scale: float) -> list[_Line]:
    lines: list[_Line] = []
    for name, colour in (
        ("train", style.CONVOLUTION),
        ("validation", style.POOLING),
        ("test", style.LINEAR),
    ):
        values = [getattr(record, f"{name}_{what}") for record in history]
        if None not in values:
            lines.append(_Line(name, colour, [scale * value for value in values]))
    return lines


def _panel(axes: Axes, title: str, lines: Sequence[_Line], form: str, best: int | None) -> None:
    count = len(lines[0].values)
    axes.set_title(title, loc="left", size=10.5, color=style.INK, pad=12)
    axes.grid(axis="y", color=style.FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel("epoch", size=9.5)
    axes.locator_params(axis="x", integer=True)
    if count > 1:
        axes.set_xlim(1, count)
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
    axes.axvline(best, color=style.LIGHT, linewidth=0.9, linestyle=(0, (3, 3)), zorder=1)
    axes.annotate(
        f"best: {best}",
        (best, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        # At the end of the axis it would run into the lines' names.
        ha="right" if best > 0.85 * len(lines[0].values) else "center",
        size=8.5,
        color=style.GREY,
    )
    for line in lines:
        axes.plot(
            best,
            line.values[best - 1],
            "o",
            color=line.colour,
            markersize=5.5,
            markeredgecolor=style.PAPER,
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
    point = axes.transData.transform((1, value))
    return float(axes.transAxes.inverted().transform(point)[1])
