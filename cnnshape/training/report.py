"""The pictures of a run: curves, confusion matrix, worst mistakes."""

from __future__ import annotations

from cnnshape.loading.run_folder import CURVES
from cnnshape.training.results import RunResult
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
