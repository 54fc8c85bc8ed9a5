"""Which line of the model's own code is running: the innermost frame outside torch and cnnshape."""

from __future__ import annotations

import sys
from functools import cache, lru_cache
from pathlib import Path
from types import CodeType, FrameType, TracebackType

import torch

from cnnshape.tracing.trace import Source, Span

_HIDDEN = (
    str(Path(torch.__file__).parent) + "/",
    str(Path(__file__).parent.parent / "tracing") + "/",
    str(Path(__file__).parent.parent / "experiments") + "/",
    str(Path(__file__).parent.parent / "interrupts.py"),
    str(Path(__file__).parent.parent / "exits.py"),
)


#: Cells of IPython, lines at Python's prompt from 3.13 on.
_TYPED = ("<ipython-input-", "<python-input-")

#: Above this file in the stack is whoever asked for the recording, and no line of the model.
_BOUNDARY = str(Path(__file__).parent / "execute.py")


@cache
def hides(filename: str) -> bool:
    """Whether a file is no part of the model: torch's, or one of those that record it."""
    normal = filename.replace("\\", "/")
    hidden = tuple(folder.replace("\\", "/") for folder in _HIDDEN)
    # What is typed at a prompt has a name in brackets as well, but is the user's own.
    made = filename.startswith("<") and not filename.startswith(_TYPED)
    return normal.startswith(hidden) or made


def caller(
    depth: int = 1, *, within: CodeType | None = None, known: Source | None = None
) -> Source | None:
    """The line that made the torch call now running; None if there is none.

    Args:
        depth: how many frames of the recorder itself are passed over.
        within: a function on the stack behind which the line is ``known`` from before, so that the
            stack of a deep network is not walked again for every operation.
        known: that line.
    """
    frame: FrameType | None = sys._getframe(depth)  # noqa: SLF001 - the one way to see the stack cheaply
    while frame is not None:
        code = frame.f_code
        if code is within:
            return known
        if code.co_filename == _BOUNDARY:
            return None
        if not hides(code.co_filename):
            return Source(
                code.co_filename, frame.f_lineno, code.co_name, _span(code, frame.f_lasti)
            )
        frame = frame.f_back
    return None


def innermost(traceback: TracebackType | None) -> Source | None:
    """The innermost line of a traceback outside torch and cnnshape."""
    found: Source | None = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not hides(code.co_filename):
            span = _span(code, traceback.tb_lasti)
            found = Source(code.co_filename, traceback.tb_lineno, code.co_name, span)
        traceback = traceback.tb_next
    return found


def _span(code: CodeType, instruction: int) -> Span | None:
    """The expression that an instruction belongs to."""
    spans = _spans(code)
    place = instruction // 2
    return spans[place] if 0 <= place < len(spans) else None


@lru_cache(maxsize=256)
def _spans(code: CodeType) -> tuple[Span | None, ...]:
    if sys.version_info < (3, 11):
        return ()
    return tuple(
        None
        if line is None or end_line is None or column is None or end_column is None
        else Span(line, column, end_line, end_column)
        for line, end_line, column, end_column in code.co_positions()
    )
