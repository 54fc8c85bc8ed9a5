"""A file that grows by whole lines: what stands in it stays, and no line stands there by half."""

from __future__ import annotations

import os
from pathlib import Path

from cnnshape.errors import OutputError, UsageError
from cnnshape.files import check_target
from cnnshape.interrupts import held


def whole_lines(path: Path) -> tuple[list[str], str]:
    r"""The lines of a file, none if there is no file, and what stands behind the last of them.

    That is half a line: whoever wrote it was ended meanwhile.

    Raises:
        UsageError: the file cannot be read, or is no text.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "lines"
    >>> _ = file.write_text("one\ntwo\nthr")
    >>> whole_lines(file)
    (['one', 'two'], 'thr')
    """
    try:
        data = path.read_bytes()
        whole, _, rest = data.rpartition(b"\n")
        lines = whole.decode("utf-8").split("\n") if len(rest) < len(data) else []
    except FileNotFoundError:
        return [], ""
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read {path}: it is no text") from error
    return lines, rest.decode("utf-8", "replace")


class GrowingFile:
    """Lines are added to the end of a file, each at once and as a whole.

    Several processes on one machine may add to the same file.
    """

    def __init__(self, path: Path, heading: str = "") -> None:
        """Make the file, with a heading if it has none, and take off half a line at its end.

        Raises:
            OutputError: it cannot be written.
        """
        check_target(path)
        self._path = path
        self._cut()
        if heading and not self._size():
            self.add(heading)

    def add(self, line: str) -> None:
        """Add one line.

        Raises:
            OutputError: the disk is full, say; the file is then as before.
        """
        data = f"{line}\n".encode()
        try:
            with held(), self._path.open("ab", buffering=0) as file:
                before = file.seek(0, os.SEEK_END)
                if file.write(data) < len(data):
                    file.truncate(before)
                    raise self._refused("the disk is full")
        except OSError as error:
            raise self._refused(error.strerror) from error

    def _cut(self) -> None:
        try:
            with self._path.open("a+b") as file:
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
        except OSError as error:
            raise self._refused(error.strerror) from error

    def _size(self) -> int:
        return self._path.stat().st_size

    def _refused(self, reason: str | None) -> OutputError:
        return OutputError(f"cannot write {self._path}: {reason}")
