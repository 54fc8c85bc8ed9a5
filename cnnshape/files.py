"""Writing a file so that it is either the old one or the whole new one, and whether one can."""

from __future__ import annotations

import os
import re
import stat
import tempfile
import tokenize
from pathlib import Path

from cnnshape.errors import OutputError
from cnnshape.interrupts import held


def write_atomic(path: str | os.PathLike[str], content: str | bytes) -> Path:
    """Write ``content`` to ``path`` through a temporary file in the same folder.

    Text is written as UTF-8 with ``\\n`` line ends on every system. A crash, a full
    disk or Ctrl-C leaves the file that stood there before. Links are followed, the file's mode is
    kept, and a device or a pipe is written through.

    Raises:
        OutputError: the folder is missing or cannot be written to.

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> write_atomic(folder / "note.txt", "28 → 24").read_text(encoding="utf-8")
    '28 → 24'
    """
    target = Path(path)
    # A name of a file that is no UTF-8 has marks in it that cannot be written.
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    if _is_special(target):
        return _written_through(target, data)
    with held():  # or the temporary file would stay
        _replace(Path(os.path.realpath(target)), data, path)  # a link points on to where it did
    return Path(path)


def _replace(target: Path, data: bytes, path: str | os.PathLike[str]) -> None:
    """Put a new file in the place of ``target``; ``path`` is how the user called it."""
    mode = _mode(target)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except (OSError, ValueError) as error:
        raise _refused(path, error) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        temporary.chmod(mode)
        temporary.replace(target)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _is_special(target: Path) -> bool:
    """Whether there is something that is neither a file nor a folder: a device, a pipe.

    Raises:
        OutputError: it is a folder, or no name that a file can have.
    """
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        raise _refused(target, error) from error
    if stat.S_ISDIR(mode):
        raise OutputError(f"cannot write {target}: it is a folder; give a file name")
    return not stat.S_ISREG(mode)


def _written_through(target: Path, data: bytes) -> Path:
    """Write into a device or a pipe, which renaming a file over it would replace."""
    try:
        with target.open("wb") as stream:
            stream.write(data)
    except OSError as error:
        raise _refused(target, error) from error
    return target


def _refused(path: str | os.PathLike[str], error: Exception) -> OutputError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return OutputError(f"cannot write {os.fspath(path)!r}"[:120] + f": {reason or error}")


def _mode(target: Path) -> int:
    """The permissions that the file has; of a new one, those of any other result.

    ``mkstemp`` makes private files.
    """
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:
        return 0o666 & ~_umask()


def check_target(path: str | os.PathLike[str] | None) -> None:
    """Find out before any work whether a result could be written to ``path``.

    Raises:
        OutputError: its folder is missing or read-only, or it is a folder itself.
    """
    if path is None or os.fspath(path) == "-":
        return
    target = Path(path)
    if _is_special(target):
        return  # written through, whatever its folder allows
    folder = target.parent
    if not folder.is_dir():
        raise OutputError(f"cannot write {target}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"cannot write {target}: the folder {folder} is read-only")


def _umask() -> int:
    """The process's file mode mask; reading it means setting it for an instant."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def python_text(path: str | os.PathLike[str]) -> str | None:
    """A file of Python in UTF-8, its line ends and a mark at its beginning as they are.

    None where it cannot be read, has another encoding, or line ends that only Python knows.
    """
    try:
        data = Path(path).read_bytes()
        encoding = tokenize.detect_encoding(iter(data.splitlines(keepends=True)).__next__)[0]
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError, SyntaxError):
        return None
    is_plain = encoding.startswith("utf-8") and "\r" not in text.replace("\r\n", "")
    return text if is_plain else None


def python_lines(text: str) -> list[str]:
    r"""The lines of a file with their ends, where Python ends them.

    >>> python_lines("a\x0c\r\nb")
    ['a\x0c\r\n', 'b']
    """
    return [line for line in re.split(r"(?<=\n)", text) if line]
