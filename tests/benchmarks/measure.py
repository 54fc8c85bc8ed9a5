"""Timing: functions in turn within one process, a function in a process of its own, commands."""

from __future__ import annotations

import gc
import os
import pickle
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

#: The most of the processor's seconds that one call of a tool may take.
LONGEST = 60


@dataclass(frozen=True)
class Timing:
    """What several runs took, in seconds."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one of the runs."""
        return statistics.median(self.seconds)

    @property
    def noise(self) -> float:
        """How far the runs lie from their median, in the middle, as a part of it."""
        middle = self.median
        return statistics.median(abs(each - middle) for each in self.seconds) / middle


@dataclass(frozen=True)
class Failure:
    """Why there is no figure."""

    cause: str


def failure(error: BaseException) -> Failure:
    """An exception in one line."""
    words = " ".join(str(error).split())
    text = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return Failure(text if len(text) <= 120 else f"{text[:119]}…")


@contextmanager
def limited(seconds: float = LONGEST) -> Generator[None]:
    """Raise ``TimeoutError`` in what takes more of the processor's seconds."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"took longer than {seconds:g} s")

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def in_turn(jobs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing | Failure]:
    """The processor seconds of each job: all once to warm up, then in turn, each round rotated.

    What raises or takes too long while it warms up is a failure, and does not run again.
    """
    found: dict[str, Timing | Failure] = {}
    taken: dict[str, list[float]] = {}
    for name, job in jobs.items():
        try:
            with limited():
                job()
            taken[name] = []
        except Exception as error:
            found[name] = failure(error)
    gc.collect()
    gc.freeze()  # nobody pays for looking through what was there before
    names = list(taken)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            gc.collect()
            started = time.process_time()
            jobs[name]()
            taken[name].append(time.process_time() - started)
    gc.unfreeze()
    return found | {name: Timing(tuple(seconds)) for name, seconds in taken.items()}


def alone(function: Callable[..., Any], *arguments: object, timeout: float) -> Any:
    """What a function returns in a fresh process, or the ``Failure`` that kept it from returning.

    Some tools patch torch for good, and some end the process: neither shall reach another.
    """
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.worker"],
            input=pickle.dumps((function, arguments)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Failure(f"took longer than {timeout:g} s")
    if ran.returncode:
        return Failure(f"the process ended with {ran.returncode}")
    return pickle.loads(ran.stdout)


def spent() -> float:
    """The processor seconds of this process and of those that it started."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def growth(function: Callable[[], object]) -> int:
    """How much more memory this process had at its peak during a call than before it, in bytes.

    ``ru_maxrss`` would not do: it cannot be reset, and a child inherits that of its parent.
    """
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = _status("VmRSS")
    function()
    return _status("VmHWM") - before


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) * 1024


class Run(NamedTuple):
    """One run of a command: seconds on the wall and of the processor, the most memory in bytes."""

    wall: float
    cpu: float
    peak: int


def command(*words: str, timeout: float = 600) -> Run | Failure:
    """Run Python with these arguments; any exit code of 0 or 1 is an answer.

    The caller keeps out of the way: it must be small, or its own memory would be the peak.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    assert process.stderr is not None
    stopped: list[bool] = []

    def stop(*_: object) -> None:
        stopped.append(True)
        os.killpg(process.pid, signal.SIGKILL)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, timeout)
    try:
        told = process.stderr.read().decode(errors="replace").strip()
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        process.stderr.close()
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if stopped:
        return Failure(f"took longer than {timeout:g} s")
    if process.returncode not in (0, 1) or "Traceback" in told:
        return Failure(told.splitlines()[-1][:120] if told else f"exit code {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def commands_in_turn(
    commands: Mapping[str, Sequence[str]], rounds: int, timeout: float = 600
) -> dict[str, list[Run] | Failure]:
    """Run commands in turn, all once to warm up (the first run may have to compile)."""
    found: dict[str, list[Run] | Failure] = {}
    for turn in range(rounds + 1):
        for name, words in commands.items():
            runs = found.setdefault(name, [])
            if isinstance(runs, Failure):
                continue
            run = command(*words, timeout=timeout)
            if isinstance(run, Failure):
                found[name] = run
            elif turn:
                runs.append(run)
    return found
