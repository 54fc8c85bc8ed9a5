"""The pictures of a run: curves, confusion matrix, worst mistakes."""

from __future__ import annotations

import time
from pathlib import Path

from cnnshape.loading.run_folder import CURVES
from cnnshape.training.observer import Observer, RunStart
from cnnshape.training.results import EpochRecord, RunResult
from cnnshape.training.session import Data
from cnnshape.training.style import have_matplotlib

CONFUSION = "confusion.svg"
MISTAKES = "mistakes.png"


def write_pictures(result: RunResult, data: Data, title: str) -> None:
    """Draw what can be drawn of ``result`` into its folder; nothing without matplotlib."""
    if not have_matplotlib():
        return
    from cnnshape.training.confusion import draw_confusion
    from cnnshape.training.curves import draw_curves
    from cnnshape.training.mistakes import draw_mistakes

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
        from cnnshape.training.curves import draw_curves

        result = RunResult(self._folder, tuple(self._history), self._best, None)
        draw_curves(result, self._title, self._folder / CURVES)
        self._drawn = time.monotonic()
