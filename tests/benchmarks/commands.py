"""Part 3: commands beside what they cannot avoid, with the same way out of the process."""

from __future__ import annotations

import compileall
import statistics
from pathlib import Path

import cnnshape
from tests.benchmarks.document import Section, failures, table
from tests.benchmarks.measure import Failure, Run, commands_in_turn

#: cnnshape leaves by ``os._exit``, which spares torch's slow way out; so must the other.
_TORCH = ("-c", "import torch, os; os._exit(0)")
_NOTHING = ("-c", "pass")
#: What is measured: the command, what it is compared with, the goal.
PAIRS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "inspect lenet": (("inspect", "lenet"), _TORCH, "≤ 1.05"),
    "inspect lenet -i N,1,H,W": (("inspect", "lenet", "-i", "N,1,H,W"), _TORCH, "≤ 1.2"),
    'formula conv "(W-F+2P)/S+1"': (("formula", "conv", "(W-F+2P)/S+1"), _NOTHING, "≤ 8"),
    "formula conv --input 28 --kernel 5": (
        ("formula", "conv", "--input", "28", "--kernel", "5"),
        _NOTHING,
        "",
    ),
    "--help": (("--help",), _NOTHING, ""),
}


def section(models: int, rounds: int) -> Section:
    """Run each command in turn with what it is compared with."""
    del models
    # As an installed package is: compiled.
    compileall.compile_dir(Path(cnnshape.__file__).parent, quiet=1)
    rows: list[list[str]] = []
    failed: list[tuple[str, str]] = []
    for name, (words, other, goal) in PAIRS.items():
        found = commands_in_turn({"ours": ("-m", "cnnshape", *words), "other": other}, rounds)
        ours, theirs = found["ours"], found["other"]
        if isinstance(ours, Failure) or isinstance(theirs, Failure):
            failed += [(name, each.cause) for each in (ours, theirs) if isinstance(each, Failure)]
            continue
        beside = "import torch" if other is _TORCH else "python -c pass"
        rows.append(
            [
                f"`{name}`",
                f"`{beside}`",
                _ratio([run.cpu for run in ours], [run.cpu for run in theirs]),
                _ratio([run.wall for run in ours], [run.wall for run in theirs]),
                f"{_most(ours) - _most(theirs):+,.0f}",
                goal,
            ]
        )
    head = ("command", "beside", "processor", "wall", "MiB above", "goal")
    text = "The processor's seconds and those on the wall, the median of the pairs' ratios.\n\n"
    return Section("3. Commands", text + table(head, rows) + "\n" + failures(failed))


def _ratio(ours: list[float], theirs: list[float]) -> str:
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    middle = statistics.median(ratios)
    noise = statistics.median(abs(ratio - middle) for ratio in ratios)
    return f"{middle:.2f} ± {noise:.2f}"


def _most(runs: list[Run]) -> float:
    return statistics.median(run.peak for run in runs) / 2**20
