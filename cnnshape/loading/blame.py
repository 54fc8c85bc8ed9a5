"""What the user's code raises while a model is loaded, told in one sentence."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Generator
from pathlib import Path

from cnnshape.errors import CnnshapeError, ModelConstructionError
from cnnshape.messages import say


@contextlib.contextmanager
def blame_user_code(what: str, path: Path | None) -> Generator[None]:
    """Turn whatever the user's code raises inside the block into one sentence.

    Errors of cnnshape itself and Ctrl-C pass. The original is the new error's cause.

    Raises:
        ModelConstructionError: with the type, the place and the message of what was raised.
    """
    try:
        yield
    except (CnnshapeError, KeyboardInterrupt):
        raise
    except SystemExit as error:
        raise ModelConstructionError(
            say(
                "{what} called sys.exit({code}) while it was loaded; put what a script runs below "
                '`if __name__ == "__main__":`',
                what=what,
                code="" if error.code is None else repr(error.code),
            )
        ) from error
    except BaseException as error:
        raise ModelConstructionError(
            say(
                "{what} raised {error}{place}: {message}",
                what=what,
                error=type(error).__name__,
                place=_place(error, path),
                message=safe_message(error),
            )
        ) from error


def _place(error: BaseException, path: Path | None) -> str:
    """`` (net.py, line 3)``: the last line of the traceback that is in the user's file."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return say(" ({file}, line {line})", file=Path(error.filename).name, line=error.lineno)
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if path is not None and Path(f.filename) == path]
    here = Path(__file__).parent
    other = [
        f for f in frames if Path(f.filename).parent != here and not f.filename.startswith("<")
    ]
    for frame in (own or other)[-1:]:
        return say(" ({file}, line {line})", file=Path(frame.filename).name, line=frame.lineno)
    return ""


def safe_message(error: BaseException) -> str:
    r"""The first line of an error's text, whatever its ``__str__`` does.

    >>> safe_message(ValueError("too\nlong"))
    'too'
    """
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:  # noqa: BLE001 - an exception whose str() raises must not raise here
        return "(its message cannot be shown)"
    lines = text.strip().splitlines()
    return lines[0] if lines else "(no message)"
