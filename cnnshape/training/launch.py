"""``--nproc N``: start N processes of the same command and wait for them.

They find each other through a file, so no port can be in use; the first one's output is
this command's output. Across machines, and for restarts, use ``torchrun``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import FrameType

from cnnshape.errors import UsageError
from cnnshape.training.distributed import STORE_VARIABLE

_PARENT_VARIABLE = "CNNSHAPE_PARENT"

_GRACE = 15.0
"""Seconds the others get to stop by themselves once one process has failed."""


def launch(processes: int, arguments: Sequence[str]) -> int:
    """Run ``python -m cnnshape`` with ``arguments`` in several processes.

    Ctrl-C or SIGTERM is passed on, and the processes save and stop; a second one kills them.

    Returns:
        The exit code: that of the first process, or of another one that failed.

    Raises:
        UsageError: fewer than two processes are asked for.
    """
    if processes < 2:
        raise UsageError(f"--nproc {processes}: leave it out to train in one process")
    with tempfile.TemporaryDirectory(prefix="cnnshape-") as scratch:
        children = [_start(rank, processes, arguments, Path(scratch)) for rank in range(processes)]
        try:
            codes = _wait(children)
        finally:
            for child in children:
                if child.poll() is None:
                    child.kill()
                    child.wait()
                if child.stdin is not None:
                    with contextlib.suppress(OSError):
                        child.stdin.close()
        return _verdict(codes, Path(scratch))


def _start(
    rank: int, processes: int, arguments: Sequence[str], scratch: Path
) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        STORE_VARIABLE: str(scratch / "store"),
        _PARENT_VARIABLE: "1",
    }
    # Without this each process takes every core, and together they are slower than one.
    threads = max(1, (os.cpu_count() or 1) // processes)
    environment.setdefault("OMP_NUM_THREADS", str(threads))
    output = None
    if rank > 0:
        output = (scratch / f"{rank}.log").open("wb")
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "cnnshape", *arguments],
            env=environment,
            # Held open by this process: when it ends, however it ends, the children notice.
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            # A group of their own, so that Ctrl-C reaches them once, from here.
            start_new_session=os.name == "posix",
        )
    finally:
        if output is not None:
            output.close()


def _wait(children: Sequence[subprocess.Popen[bytes]]) -> list[int | None]:
    deadline = float("inf")
    with _passing_on(children) as asked:
        while any(child.poll() is None for child in children) and asked() < 2:
            time.sleep(0.05)
            failed = any(child.poll() not in (None, 0) for child in children)
            if failed and deadline == float("inf"):
                deadline = time.monotonic() + _GRACE
            if time.monotonic() > deadline:
                break
    return [child.poll() for child in children]


@contextlib.contextmanager
def _passing_on(children: Sequence[subprocess.Popen[bytes]]) -> Generator[Callable[[], int]]:
    """Pass the first Ctrl-C or SIGTERM on; yields what tells how often it was asked to stop."""
    asked = 0

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked += 1
        # On Windows the console has told the children already.
        if asked == 1 and os.name == "posix":
            for child in children:
                if child.poll() is None:
                    child.send_signal(signal.SIGINT)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _verdict(codes: Sequence[int | None], scratch: Path) -> int:
    first = codes[0]
    if first is not None and first > 0:
        return first
    for rank, code in enumerate(codes):
        if code in (0, None):
            continue
        log = scratch / f"{rank}.log"
        if log.is_file():
            sys.stderr.write(log.read_text(encoding="utf-8", errors="replace"))
        if code < 0:
            sys.stderr.write(
                f"process {rank} of this run was killed by signal {-code}; "
                "the run continues from its last checkpoint with --resume\n"
            )
            return 1
        return code
    return 0 if all(code == 0 for code in codes) else 130


def watch_parent() -> None:
    """In a process started by :func:`launch`: end when the process that started it does.

    A killed parent would otherwise leave its children training in a folder that somebody
    resumes.
    """
    if os.environ.get(_PARENT_VARIABLE) != "1":
        return
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # The parent never writes; reading returns when its end of the pipe is closed.
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)
