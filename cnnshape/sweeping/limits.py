"""How many models are looked at at once, and what each may take."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass

from cnnshape.errors import UsageError
from cnnshape.loading.machine_memory import physical_memory
from cnnshape.sweeping.isolation import Limits

_UNITS = {"": 1, "m": 10**6, "g": 10**9, "t": 10**12, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([mgt]?i?)b?", re.IGNORECASE)
#: What a process needs that has torch imported and does nothing, with some room.
_LEAST_MEMORY = 500_000_000
#: The part of a machine's memory that a sweep takes.
_SHARE = 0.9


def parse_memory(text: str) -> int:
    """An amount of memory in bytes.

    Raises:
        UsageError: it is none, or less than importing torch takes.

    >>> parse_memory("4GB"), parse_memory("1.5 GiB")
    (4000000000, 1610612736)
    """
    match = _AMOUNT.fullmatch(text.strip())
    unit = _UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise UsageError(f"{text!r} is no amount of memory: write 4GB or 512MB")
    amount = int(float(match[1]) * unit)
    if amount < _LEAST_MEMORY:
        raise UsageError(
            f"a memory limit of {text} is too little: torch itself takes 0.3 GB, give 500MB or more"
        )
    return amount


@dataclass(frozen=True, slots=True)
class Room:
    """How many models at once, what each may take, and why there are not as many as asked for."""

    jobs: int
    limits: Limits
    note: str = ""


def room(
    jobs: int | None, seconds: float | None, memory: int | None, machine: Machine | None = None
) -> Room:
    """What this machine has room for.

    Args:
        jobs: models at once; None for one on each core.
        seconds: that each may take; None for as long as it takes.
        memory: bytes that each may take; None for an equal share.
        machine: other figures than those of this machine.

    Raises:
        UsageError: a number is not positive.

    >>> small = Machine(cores=4, memory=10 * 10**9)
    >>> room(None, 60, None, small)
    Room(jobs=4, limits=Limits(seconds=60, memory=2250000000), note='')
    >>> room(None, 60, 4 * 10**9, small).note
    '2 at once, not 4: 4 GB each is what the memory of 10 GB has room for'
    """
    machine = machine or this_machine()
    if jobs is not None and jobs < 1:
        raise UsageError(f"jobs is how many models are looked at at once, not {jobs}")
    if seconds is not None and not 0 < seconds < float("inf"):
        raise UsageError(f"a time limit is a number of seconds, not {seconds:g}")
    wanted = jobs or machine.cores
    found, note = wanted, ""
    if wanted > machine.cores:
        found = machine.cores
        note = f"{found} at once, not {wanted}: one for each core"
    if memory is not None and machine.memory is not None:
        fitting = max(1, int(machine.memory * _SHARE) // memory)
        if fitting < found:
            found = fitting
            note = (
                f"{found} at once, not {wanted}: {memory / 1e9:.3g} GB each is what the memory of "
                f"{machine.memory / 1e9:.3g} GB has room for"
            )
    if memory is None and machine.memory is not None and sys.platform != "win32":
        memory = int(machine.memory * _SHARE) // found
    return Room(found, Limits(seconds, memory), note)


@dataclass(frozen=True, slots=True)
class Machine:
    """Cores that this process may use, and bytes of memory; None where the system does not say."""

    cores: int
    memory: int | None


def this_machine() -> Machine:
    """The machine that this process runs on."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux knows of single processes
        cores = os.cpu_count() or 1
    return Machine(cores, physical_memory())
