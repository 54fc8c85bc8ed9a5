"""A function called in a fresh process for each task, with limits: whatever happens to it is told.

The processes are Pebble's: it ends one that takes too long and tells how one ended that ended by
itself. (loky knows no time limit for a task, and a worker that is killed takes every waiting task
with it.) Where the system can, each is forked from a server that has torch imported: 0.06 s instead
of 2, and no task finds what another one left behind.

Memory is watched from inside, by the most that was resident. A limit on the address space
(RLIMIT_AS) would not do: torch maps 3.2 GB before it holds 0.3.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as OutOfTimeError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import islice
from os import _exit as exit_at_once  # a model may not call it, and has another one in its place
from os import devnull, dup2
from types import ModuleType
from typing import Any, Literal, TypeVar, cast

from pebble import ProcessExpired
from pebble.concurrent import process

from cnnshape.errors import CnnshapeError

Task = TypeVar("Task")
Result = TypeVar("Result")

#: Forking is safe where the server has no threads, which it is only sure not to have on Linux.
_CONTEXT = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
#: The statuses with which a process ends itself.
_TOOK_TOO_MUCH, _LEFT_ALONE = 213, 214
#: Seconds between two looks at the memory.
_WATCH = 0.05


@dataclass(frozen=True, slots=True)
class Limits:
    """What one task may take: seconds, and bytes of resident memory, that of torch included."""

    seconds: float | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """A task without a result, and the cause in a sentence."""

    status: Literal["timeout", "memory", "killed", "failed"]
    cause: str


class ProcessStartError(CnnshapeError):
    """No process can be started."""


def import_once(modules: Iterable[str], libraries: Iterable[str] = ()) -> None:
    """Have the server import what the processes need, if it does not run yet.

    Args:
        modules: what is there for certain.
        libraries: what may be missing or broken: they are imported here before, since the server
            would not survive it.
    """
    if _CONTEXT.get_start_method() == "forkserver":
        _CONTEXT.set_forkserver_preload([*modules, *_sound(libraries)])


def _sound(libraries: Iterable[str]) -> Iterator[str]:
    for name in libraries:
        with suppress(Exception):
            yield import_module(name).__name__


def isolated(function: Callable[[Task], Result], task: Task, limits: Limits) -> Result | Lost:
    """``function(task)`` in a fresh process; both, and the result, have to be picklable.

    What the function prints is not shown. What it raises is a cause as well.

    Raises:
        ProcessStartError: no process can be started.
    """
    return _outcome(_started(function, task, limits), limits)


def isolated_each(
    function: Callable[[Task], Result], tasks: Iterable[Task], limits: Limits, jobs: int
) -> Iterator[tuple[Task, Result | Lost]]:
    """Each task with its outcome as they end, so many at a time.

    Leaving the iterator early ends the processes.
    """
    waiting = iter(tasks)
    running: dict[Future[Result], Task] = {}
    try:
        while True:
            for task in islice(waiting, jobs - len(running)):
                running[_started(function, task, limits)] = task
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), _outcome(future, limits)
    finally:
        for future in running:
            future.cancel()


def _started(function: Callable[[Task], Result], task: Task, limits: Limits) -> Future[Result]:
    watched = partial(_watched, function, limits.memory)
    call = cast("Any", process)(timeout=limits.seconds, context=_CONTEXT)(watched)
    try:
        with _without_main(), _with_children():
            return cast("Future[Result]", call(task))
    except (OSError, EOFError) as error:
        raise ProcessStartError(f"no process can be started for a model: {error}") from error


def _outcome(future: Future[Result], limits: Limits) -> Result | Lost:
    try:
        return future.result()
    except ProcessExpired as end:
        return _expired(end.exitcode, limits)
    except OutOfTimeError:
        return Lost("timeout", f"took longer than {limits.seconds:g} s")
    except Exception as error:  # noqa: BLE001 - that of the function, or of pickling its result
        return Lost("failed", f"{type(error).__name__}: {error}")


def _expired(status: int, limits: Limits) -> Lost:
    """Why a process ended before its function did."""
    if status == _TOOK_TOO_MUCH:
        return Lost("memory", f"took more than {(limits.memory or 0) / 1e9:.3g} GB of memory")
    name = _name_of(-status)
    if name == "SIGKILL":
        return Lost(
            "killed", "the system killed its process (SIGKILL), as it does where memory runs out"
        )
    if status < 0:
        return Lost("killed", f"its process crashed ({name})")
    return Lost("killed", f"its process ended before it was done, with status {status}")


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@contextmanager
def _without_main() -> Generator[None]:
    """Start a process that does not import the caller's script, which would begin anew in it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _with_children() -> Generator[None]:
    """Start a process from a daemonic one, as the workers of a cluster are.

    Python refuses that because it would be left behind; ours end when they are left alone.
    """
    config: dict[str, Any] = cast("Any", multiprocessing.current_process())._config  # noqa: SLF001
    daemonic = config.pop("daemon", None)
    try:
        yield
    finally:
        if daemonic is not None:
            config["daemon"] = daemonic


# ---- in the process -----------------------------------------------------------------------


def _watched(function: Callable[[Task], Result], memory: int | None, task: Task) -> Result:
    """Call the function quietly, under watch."""
    most_resident()  # imports what it needs while there is one thread
    watch = threading.Thread(target=_watch, args=(memory,), daemon=True)
    watch.start()
    with open(devnull, "w") as nowhere:  # noqa: PTH123 - a name of the system, not a path
        for stream in (1, 2):
            dup2(nowhere.fileno(), stream)
    return function(task)


def _watch(memory: int | None) -> None:
    """End this process when it takes too much, or nobody is left who waits for it."""
    parent = multiprocessing.parent_process()
    while True:
        if parent is None or not parent.is_alive():
            exit_at_once(_LEFT_ALONE)
        if memory is not None and most_resident() > memory:
            exit_at_once(_TOOK_TOO_MUCH)
        time.sleep(_WATCH)


def most_resident() -> int:
    """The most bytes that were resident in this process; 0 on Windows, which does not count so.

    >>> most_resident() > 2**20
    True
    """
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
