"""Writing a file so that it is either the old one or the whole new one, and whether one can."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cnnshape.errors import OutputError


def write_atomic(path: str | os.PathLike[str], content: str | bytes) -> Path:
    """Write ``content`` to ``path`` through a temporary file in the same folder.

    Text is written as UTF-8 with ``\\n`` line ends on every system. A crash, a full
    disk or Ctrl-C leaves the file that stood there before.

    Raises:
        OutputError: the folder is missing or cannot be written to.

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> write_atomic(folder / "note.txt", "28 → 24").read_text(encoding="utf-8")
    '28 → 24'
    """
    target = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    if target.is_dir():
        raise OutputError(f"cannot write {target}: it is a folder; give a file name")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        # mkstemp makes private files; a result should be as readable as any other.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


def check_target(path: str | os.PathLike[str] | None) -> None:
    """Find out before any work whether a result could be written to ``path``.

    Raises:
        OutputError: its folder is missing or read-only, or it is a folder itself.
    """
    if path is None or os.fspath(path) == "-":
        return
    target = Path(path)
    folder = target.parent
    if target.is_dir():
        raise OutputError(f"cannot write {target}: it is a folder; give a file name")
    if not folder.is_dir():
        raise OutputError(f"cannot write {target}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"cannot write {target}: the folder {folder} is read-only")


def _umask() -> int:
    """The process's file mode mask; reading it means setting it for an instant."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
