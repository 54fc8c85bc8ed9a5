"""A script run in this process as ``python SCRIPT ARGS`` runs it."""

from __future__ import annotations

import importlib.machinery
import io
import os
import sys
import traceback
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from cnnshape.errors import UsageError
from cnnshape.loading.user_code import find_file
from cnnshape.messages import say

#: What a process ends with that Ctrl-C ended.
_INTERRUPTED = 130


def read_script(file: str) -> tuple[Path, CodeType]:
    """The script's absolute path, symbolic links kept as Python keeps them, and its code.

    Raises:
        ModelNotFoundError: there is no such file.
        UsageError: it cannot be read, or is no Python.
    """
    if not Path(file).is_file():
        find_file(file)
        raise UsageError(say("{file} is no file", file=file))
    path = Path(os.path.abspath(file))  # noqa: PTH100 - `absolute` leaves `..` in
    try:
        with io.open_code(str(path)) as script:
            return path, compile(script.read(), str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        place = say(", line {line}", line=error.lineno) if error.lineno else ""
        raise UsageError(
            say(
                "{file}{place}: {message}, so it cannot be run",
                file=file,
                place=place,
                message=error.msg,
            )
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UsageError(
            say("{file} is no Python that can be run: {reason}", file=file, reason=error)
        ) from error
    except OSError as error:
        raise UsageError(
            say("{file} cannot be read: {reason}", file=file, reason=error.strerror or error)
        ) from error


@contextmanager
def as_main(path: Path, argv: Sequence[str]) -> Generator[dict[str, Any]]:
    """Names for a script to run in: ``__main__``'s, also to the processes that it starts.

    Inside the block ``sys.argv``, the first folder of ``sys.path`` and the look of warnings are
    those of the script; afterwards everything is as before.
    """
    module = ModuleType("__main__")
    loader = importlib.machinery.SourceFileLoader("__main__", str(path))
    vars(module).update(__file__=str(path), __loader__=loader, __cached__=None)
    before = sys.modules["__main__"], sys.argv, sys.path[:], warnings.showwarning
    sys.modules["__main__"] = module
    sys.argv = list(argv)
    if not getattr(sys.flags, "safe_path", False):
        sys.path[:1] = [str(path.resolve().parent)]
    warnings.showwarning = getattr(warnings, "_showwarning_orig", warnings.showwarning)
    try:
        yield vars(module)
    finally:
        sys.modules["__main__"], sys.argv, sys.path[:], warnings.showwarning = before


def leave_as_python_does(error: BaseException) -> int:
    """Print what Python prints where a script ends with ``error``; the status that it leaves."""
    if isinstance(error, SystemExit):
        return _exit_status(error.code)
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except Exception:  # noqa: BLE001 - the script's own hook
        traceback.print_exception(error)
    return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1


def _exit_status(code: object) -> int:
    """The status that ``sys.exit(code)`` leaves.

    >>> [_exit_status(code) for code in (None, 0, 3, 2**70)]
    [0, 0, 3, 255]
    """
    if code is None:
        return 0
    if isinstance(code, int):
        return int(code) if abs(code) < 2**31 else 255
    print(code, file=sys.stderr)
    return 1
