"""Kill training with SIGKILL at random moments, resume, and compare with a run left alone.

    OMP_NUM_THREADS=1 python tests/benchmarks/training_kills.py [--kills 30] [--seed 0]

Each run is killed up to five times, at moments drawn at random between its start and a third
of the time that training takes, then resumed to its end. Weights and optimizer of
``last.pt`` and ``best.pt``, every figure of ``metrics.jsonl`` and the test result must be those
of the uninterrupted run, bit for bit. Also checked after each kill: whatever checkpoint is there
can be read, and at most one epoch was lost. Exit code 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

MODELS = ("lenet", "basic-cnn", "mlp")
EPOCHS = 40


def command(*arguments: str) -> list[str]:
    """The command line as a user starts it."""
    return [sys.executable, "-m", "cnnshape", "train", *arguments, "-q"]


def new_run(model: str, folder: Path) -> list[str]:
    """A run whose every part has a state that resuming must restore."""
    return command(model, "--epochs", str(EPOCHS), "--seed", "5", "-o", str(folder))


def finished_epochs(folder: Path) -> int:
    """By the checkpoint; reading it also proves that it is whole."""
    last = folder / "last.pt"
    return torch.load(last, weights_only=True)["epoch"] if last.exists() else 0


def content(folder: Path) -> tuple[Any, ...]:
    """Everything that must not depend on interruptions."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        del row["seconds"], row["examples_per_second"]
    result = json.loads((folder / "result.json").read_text())["test"]
    return rows, result


def same_tensors(one: Any, other: Any) -> bool:
    """Bit for bit, through dictionaries and lists."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_tensors(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same_tensors, one, other))
    return one == other


def same_runs(one: Path, other: Path) -> bool:
    """Checkpoints, metrics and result."""
    for name in ("last.pt", "best.pt"):
        first, second = (torch.load(folder / name, weights_only=True) for folder in (one, other))
        for key in ("model", "optimizer", "epoch"):
            if not same_tensors(first[key], second[key]):
                print(f"  {name}: {key} differs")
                return False
    return content(one) == content(other)


def wait_for_config(folder: Path, process: subprocess.Popen[bytes]) -> float:
    """Seconds until training begins; kills are drawn from what comes after."""
    began = time.monotonic()
    while not (folder / "config.json").exists() and process.poll() is None:
        time.sleep(0.005)
    return time.monotonic() - began


def main() -> int:
    """Kill until the number is reached; 1 if a run differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    kills, runs, wrong, lost_most = 0, 0, 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        start, train = {}, {}
        for model in MODELS:
            process = subprocess.Popen(new_run(model, root / model), stdout=subprocess.DEVNULL)
            start[model] = wait_for_config(root / model, process)
            began = time.monotonic()
            assert process.wait() == 0
            train[model] = time.monotonic() - began
        while kills < options.kills:
            model = MODELS[runs % len(MODELS)]
            folder = root / f"{model}-{runs}"
            process = subprocess.Popen(new_run(model, folder), stdout=subprocess.DEVNULL)
            wait_for_config(folder, process)
            earliest = 0.0
            for _ in range(5):
                if kills >= options.kills:
                    break
                time.sleep(earliest + chance.uniform(0.0, train[model] / 3))
                # Resumed runs may be killed while they read their checkpoint, too.
                earliest = 0.7 * start[model]
                before = finished_epochs(folder)
                process.send_signal(signal.SIGKILL)
                if process.wait() != -signal.SIGKILL:
                    break  # it had finished
                kills += 1
                after = finished_epochs(folder)
                lost_most = max(lost_most, max(0, before - after))
                print(f"kill {kills:>2}: {model}, {after}/{EPOCHS} epochs saved", flush=True)
                process = subprocess.Popen(
                    command("--resume", str(folder)), stdout=subprocess.DEVNULL
                )
            if process.wait() != 0:
                print(f"  {folder.name} could not be resumed")
                wrong += 1
            elif not same_runs(root / model, folder):
                print(f"  {folder.name} differs from the uninterrupted run")
                wrong += 1
            runs += 1
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print(
        f"{kills} kills in {runs} runs ({threads} threads): {runs - wrong} runs identical, {wrong} "
        f"differ; a kill took back at most {lost_most} saved epochs"
    )
    return 1 if wrong or lost_most else 0


if __name__ == "__main__":
    raise SystemExit(main())
