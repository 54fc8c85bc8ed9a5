"""Part 5: a language model of 70 billion parameters, the command beside building and running it."""

from __future__ import annotations

import statistics
from pathlib import Path

from tests.benchmarks.document import Section, failures, table
from tests.benchmarks.measure import Failure, commands_in_turn

_FILE = Path(__file__).with_name("decoder_model.py")
_TORCH = "import torch, os; os._exit(0)"
_BARE = f"""
import os, runpy, torch
Decoder = runpy.run_path({str(_FILE)!r})["Decoder"]
with torch.device("meta"):
    model = Decoder().eval()
    with torch.no_grad():
        model(torch.zeros(1, 128, dtype=torch.int64))
os._exit(0)
"""


def section(models: int, rounds: int) -> Section:
    """Run the command, building and running alone, and importing torch, in turn."""
    del models
    found = commands_in_turn(
        {
            "import torch": ("-c", _TORCH),
            "build and run": ("-c", _BARE),
            "cnnshape inspect": (
                *("-m", "cnnshape", "inspect", f"{_FILE}:Decoder"),
                *("-i", "1,128:int64", "--device", "meta"),
            ),
        },
        rounds,
    )
    failed = [(name, runs.cause) for name, runs in found.items() if isinstance(runs, Failure)]
    runs = {name: runs for name, runs in found.items() if not isinstance(runs, Failure)}
    cpu = {name: statistics.median(run.cpu for run in each) for name, each in runs.items()}
    wall = {name: statistics.median(run.wall for run in each) for name, each in runs.items()}
    peak = {
        name: statistics.median(run.peak for run in each) / 2**20 for name, each in runs.items()
    }
    goals = {"cnnshape inspect": "≤ 0.8 × build and run, ≤ 60 MiB above torch"}
    rows = [
        [
            f"`{name}`" if name.startswith("cnn") else name,
            f"{cpu[name]:.2f} s",
            f"{cpu[name] / cpu.get('build and run', cpu[name]):.2f}",
            f"{wall[name] / wall.get('build and run', wall[name]):.2f}",
            f"{peak[name] - peak.get('import torch', 0):+,.0f} MiB",
            goals.get(name, ""),
        ]
        for name in runs
    ]
    head = ("command", "processor", "ratio", "on the wall", "above torch", "goal")
    text = (
        "80 blocks of 8,192 features with grouped queries, on meta, 128 tokens; each a command of "
        "its own that leaves the process the same way.\n\n"
    )
    return Section("5. 70 billion parameters", text + table(head, rows) + "\n" + failures(failed))
