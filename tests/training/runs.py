"""What the tests of whole runs share."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import torch

from cnnshape.training import Observer, configure
from cnnshape.training.observer import BatchProgress

#: A run of a few tenths of a second: plain enough to be quick, with everything that a
#: resumed run has to restore (moments, schedule, augmentation, validation).
SHORT: dict[str, Any] = {"model": "lenet", "data": "digits", "epochs": 3, "seed": 1}


def short(**settings: Any) -> Any:
    """The configuration of a short run."""
    return configure(**{**SHORT, **settings})


def checkpoint(folder: Path, name: str = "last.pt") -> dict[str, Any]:
    """A checkpoint as a stranger would read it."""
    return torch.load(folder / name, weights_only=True)


def assert_same_weights(one: Path, other: Path, name: str = "last.pt") -> None:
    """Equal bit for bit: weights, optimizer, position."""
    first, second = checkpoint(one, name), checkpoint(other, name)
    assert first["epoch"] == second["epoch"]
    assert first["model"].keys() == second["model"].keys()
    for key, tensor in first["model"].items():
        assert torch.equal(tensor, second["model"][key]), key
    for number, state in first["optimizer"]["state"].items():
        for key, value in state.items():
            assert torch.equal(value, second["optimizer"]["state"][number][key])


def metrics(folder: Path) -> list[dict[str, Any]]:
    """``metrics.jsonl`` without what depends on the clock."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        del row["seconds"], row["examples_per_second"]
    return rows


class Interrupter(Observer):
    """Presses Ctrl-C after a certain batch."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.at = (epoch, batch)

    def batch(self, progress: BatchProgress) -> None:
        if (progress.epoch, progress.batch) == self.at:
            signal.raise_signal(signal.SIGINT)


def environment() -> dict[str, str]:
    """For processes that a test starts: one thread each."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
