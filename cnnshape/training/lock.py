"""One writer per run folder: a lock that the system lets go of when its holder dies."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator
from pathlib import Path

from cnnshape.errors import OutputError, RunFolderError

LOCK = ".lock"
"""The file that is locked; it stays, empty."""


@contextlib.contextmanager
def locked(folder: Path) -> Generator[None]:
    """Hold the folder's lock inside the block.

    Raises:
        RunFolderError: another process is training in this folder.
        OutputError: the folder cannot be written to.
    """
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error
    try:
        if not _try_lock(handle):
            raise RunFolderError(
                f"another process is training in {folder}: wait for it, or stop it first"
            )
        yield
    finally:
        os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            # A network file system without locks: two writers cannot be told apart there,
            # and refusing to train at all would be worse.
            return True
        return True
