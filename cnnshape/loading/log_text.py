"""The end of a text: that of a file, however large, or of what is pasted."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from cnnshape.errors import UsageError
from cnnshape.messages import say
from cnnshape.words import did_you_mean

#: An error stands at the end, and its traceback is not longer than this.
MOST_BYTES = 2 * 2**20
#: A notebook can only be read as a whole, with its pictures.
_MOST_OF_A_NOTEBOOK = 64 * 2**20
_PIECE = 2**16
#: Of a text at most so many characters are none.
_BROKEN = 0.1
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def read_end(source: str) -> str:
    """The last megabytes of a file, or of standard input where ``source`` is ``-``.

    Raises:
        UsageError: there is no such file, it cannot be read, is empty, or holds no text.
    """
    notebook = source.endswith(".ipynb")
    try:
        most = _MOST_OF_A_NOTEBOOK if notebook else MOST_BYTES
        head, end = _standard_input() if source == "-" else _file(Path(source), most)
    except UsageError:
        raise
    except (OSError, ValueError) as error:
        raise UsageError(
            say("{file} cannot be read: {reason}", file=source, reason=_reason(error))
        ) from error
    text = end.decode(_UTF16.get(head[:2], "utf-8"), "replace")
    text = _errors_of_cells(text) if notebook else text
    named = say("standard input") if source == "-" else source
    if not text.strip():
        raise UsageError(
            say("{file} is empty: give a traceback, or a log that holds one", file=named)
        )
    if text.count("\0") + text.count("\ufffd") > _BROKEN * len(text):
        raise UsageError(
            say("{file} holds no text: give a traceback, or a log that holds one", file=named)
        )
    return text


def _errors_of_cells(text: str) -> str:
    """The tracebacks below a notebook's cells; the text as it is where it is no notebook."""
    try:
        cells = json.loads(text)["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", ())]
        return "\n\n".join("\n".join(output.get("traceback", ())) for output in outputs)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return text


def _file(path: Path, most: int) -> tuple[bytes, bytes]:
    if path.is_dir():
        raise UsageError(
            say("{path} is a folder: give a script, or a text that holds a traceback", path=path)
        )
    if not path.exists():
        near = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UsageError(
            say("there is no file {path}{hint}", path=path, hint=did_you_mean(path.name, near))
        )
    with path.open("rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return _stream(file)
        head = file.read(2)
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - most + size % 2))
        return head, file.read(most)


def _standard_input() -> tuple[bytes, bytes]:
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison] - closed by the caller
        raise UsageError(say("standard input is closed: give a file, or paste a traceback"))
    return _stream(sys.stdin.buffer)


def _stream(file: BinaryIO) -> tuple[bytes, bytes]:
    """Its beginning and its end, with never much more than the end in memory."""
    head = end = b""
    while piece := file.read(_PIECE):
        head = head or piece[:2]
        end = (end + piece)[-MOST_BYTES:]
    return head, end


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
