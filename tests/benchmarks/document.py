"""What was measured, as Markdown: one section per part, replaced on its own."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_HEAD = """# Benchmarks

Every figure is a ratio within one run, since machines differ and drift: what a tool takes as a
multiple of what it cannot avoid. `python -m tests.benchmarks` measures all of it again and writes
this page (`pip install -e ".[bench]"` has the peers); `--only`, `--models` and `--rounds` make it
short. Within a process the seconds are those of the processor; ± is the median distance from the
median. A tool that fails on a model is left out there, and the failure stands below.
"""
_PACKAGES = (
    "torch torchvision torchinfo torchview torchlens torchscan fvcore ptflops calflops".split()
)


@dataclass(frozen=True)
class Section:
    """One part of the page."""

    title: str
    text: str


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right of the first column.

    >>> print(table(("model", "ratio"), [("lenet", "1.2")]))
    | model | ratio |
    |---|---:|
    | lenet | 1.2 |
    """
    lines = [list(head), ["---", *["---:"] * (len(head) - 1)]]
    marks = [f"| {' | '.join(line)} |" for line in (lines[0], *rows)]
    return "\n".join([marks[0], f"|{'|'.join(lines[1])}|", *marks[1:]])


def failures(causes: Iterable[tuple[str, str]]) -> str:
    """What failed and why, one line each cause with everything that failed so."""
    by_cause: dict[str, list[str]] = {}
    for what, cause in causes:
        by_cause.setdefault(cause, []).append(what)
    if not by_cause:
        return ""
    lines = [f"- {_some(whats)}: {cause}" for cause, whats in by_cause.items()]
    return "\n".join(["", "Failures:", "", *lines])


def _some(whats: list[str]) -> str:
    more = f" and {len(whats) - 3} more" if len(whats) > 3 else ""
    return ", ".join(whats[:3]) + more


def dated(section: Section, rounds: int) -> Section:
    """With the day, the rounds and the load of the machine while it was measured."""
    day = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    note = f"*{day}, {rounds} rounds, load {os.getloadavg()[0]:.1f}.*"
    return Section(section.title, f"{section.text.strip()}\n\n{note}")


def write(sections: Sequence[Section], path: Path) -> None:
    """Put these sections in the place of those of the same title; the others stay."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    parts = re.split(r"^## (.*)\n", before, flags=re.MULTILINE)[1:]
    known = dict(zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True))
    known |= {section.title: section.text for section in sections}
    path.write_text(page([Section(*each) for each in known.items()]), encoding="utf-8")


def page(sections: Sequence[Section]) -> str:
    """The whole page."""
    body = [f"## {section.title}\n\n{section.text}" for section in sorted(sections, key=_number)]
    return "\n\n".join([_HEAD.strip(), _machine(), *body]) + "\n"


def _number(section: Section) -> int:
    return int(section.title.partition(".")[0])


def _machine() -> str:
    versions = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Machine: {_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}; one thread. Versions: {versions}."
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.*)", info.read_text()) if info.exists() else None
    return found[1] if found else platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
