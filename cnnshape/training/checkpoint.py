"""What changes while a model is trained, and its way into checkpoints and back.

``last.pt`` alone decides where a run goes on. Whatever else the folder holds is derived
from it, so a kill between two writes cannot leave the folder in two minds.
"""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cnnshape.errors import OutputError, RunFolderError, WeightsError
from cnnshape.files import write_atomic
from cnnshape.loading.run_folder import BEST, LAST, METRICS, load_state, read_checkpoint
from cnnshape.training.optimizers import load_optimizer
from cnnshape.training.results import EpochRecord


@dataclass(slots=True)
class Sums:
    """Counts of the epoch under way, over all processes once it is saved."""

    loss: float = 0.0
    correct: int = 0
    seen: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class TrainingState:
    """A run between two batches.

    Attributes:
        model: the network itself, not a wrapper of it.
        optimizer: over the model's parameters.
        scaler: of fp16 gradients; disabled otherwise.
        epoch: finished epochs.
        batch: finished batches of the epoch under way.
        sums: what they counted.
        history: one record per finished epoch.
        best_epoch: the best of them, counted from 1.
        finished: whether no further epoch will be trained.
        stopped_early: whether that is because validation stopped getting better.
        seconds: time spent so far, over all sittings.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    epoch: int = 0
    batch: int = 0
    sums: Sums = field(default_factory=Sums)
    history: list[EpochRecord] = field(default_factory=list[EpochRecord])
    best_epoch: int | None = None
    finished: bool = False
    stopped_early: bool = False
    seconds: float = 0.0

    def to_checkpoint(self) -> dict[str, Any]:
        """Tensors and plain values, all that ``last.pt`` holds."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "epoch": self.epoch,
            "batch": self.batch,
            "sums": {
                "loss": self.sums.loss,
                "correct": self.sums.correct,
                "seen": self.sums.seen,
                "seconds": self.sums.seconds,
            },
            "history": [record.to_dict() for record in self.history],
            "best_epoch": self.best_epoch,
            "finished": self.finished,
            "stopped_early": self.stopped_early,
            "seconds": self.seconds,
            "rng": _random_state(self.model),
        }

    def best_checkpoint(self) -> dict[str, Any]:
        """What ``best.pt`` holds: the weights of this moment and where they come from."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
            "metrics": self.history[-1].to_dict(),
        }

    def restore(self, checkpoint: Mapping[str, Any], source: str) -> None:
        """Continue where ``checkpoint`` was written; the model's weights are loaded already.

        Raises:
            RunFolderError: it is not a checkpoint of such a run.
        """
        try:
            load_optimizer(self.optimizer, checkpoint["optimizer"])
            self.scaler.load_state_dict(checkpoint["scaler"])
            self.epoch = checkpoint["epoch"]
            self.batch = checkpoint["batch"]
            self.sums = Sums(**checkpoint["sums"])
            self.history = [EpochRecord.from_dict(record) for record in checkpoint["history"]]
            self.best_epoch = checkpoint["best_epoch"]
            self.finished = checkpoint["finished"]
            self.stopped_early = checkpoint["stopped_early"]
            self.seconds = checkpoint["seconds"]
            self._check()
            _set_random_state(self.model, checkpoint["rng"])
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            reason = f"no entry {error}" if isinstance(error, KeyError) else str(error)
            raise RunFolderError(
                f"{source} was not written by this version of `cnnshape train` ({reason}): "
                "train again"
            ) from error

    def _check(self) -> None:
        """Whether the counts can be those of a run between two batches."""
        counts = (self.epoch, self.batch, self.sums.seen, self.sums.correct, self.best_epoch or 0)
        if any(type(count) is not int or count < 0 for count in counts):
            raise ValueError("a count that is no whole number")
        if any(type(value) not in (int, float) for value in (self.sums.loss, self.seconds)):
            raise ValueError("a sum that is no number")
        if len(self.history) != self.epoch or self.epoch < (self.best_epoch or 0):
            known = f"a history of {len(self.history)}"
            raise ValueError(f"epoch {self.epoch}, the best {self.best_epoch}, with {known}")
        if type(self.finished) is not bool:
            raise ValueError(f"finished: {self.finished}")
        if (self.batch > 0) != (self.sums.seen > 0):
            raise ValueError(f"{self.batch} batches of {self.sums.seen} pictures")


def _random_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """For models that draw random numbers themselves, as dropout does."""
    device = next(model.parameters()).device
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def _set_random_state(model: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    device = next(model.parameters()).device
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
    elif device.type == "mps" and "mps" in state:
        torch.mps.set_rng_state(state["mps"])


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values to ``path``; what stood there stays until that is done.

    Raises:
        OutputError: the disk is full, or the folder cannot be written to; the earlier
            checkpoint is intact.
    """
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    try:
        write_atomic(path, buffer.getvalue())
    except OutputError as error:
        kept = f"; the earlier {path.name} is intact" if path.exists() else ""
        raise OutputError(
            f"{error}{kept}: make room, then `cnnshape train --resume {path.parent}`"
        ) from error


def save_progress(folder: Path, state: TrainingState, *, new_best: bool = False) -> None:
    """Write ``last.pt``, then what follows from it: ``best.pt`` and ``metrics.jsonl``."""
    save_checkpoint(folder / LAST, state.to_checkpoint())
    if new_best:
        save_checkpoint(folder / BEST, state.best_checkpoint())
    save_metrics(folder, state.history)


def save_metrics(folder: Path, history: Sequence[EpochRecord]) -> None:
    """Write ``metrics.jsonl`` anew, one object per epoch."""
    lines = [json.dumps(record.to_dict()) + "\n" for record in history]
    write_atomic(folder / METRICS, "".join(lines))


def repair(folder: Path, state: TrainingState) -> str:
    """Bring the folder's other files in line with ``last.pt`` after a kill.

    Returns:
        What was lost by other means, and what takes its place; usually nothing.
    """
    for left in folder.glob(".*.*.????????"):  # .last.pt.k3x9_a1b: files that a kill cut off
        left.unlink(missing_ok=True)
    save_metrics(folder, state.history)
    best = folder / BEST
    epoch_is_now = state.batch == 0 and state.epoch > 0
    if epoch_is_now and state.best_epoch == state.epoch:
        save_checkpoint(best, state.best_checkpoint())
    if state.best_epoch is None or holds_epoch(best, copy.deepcopy(state.model), state.best_epoch):
        return ""
    lost = f"{best} is {'damaged' if best.is_file() else 'gone'}"
    if not epoch_is_now:
        state.best_epoch = None
        return f"{lost}: the best epoch is chosen anew from here"
    state.best_epoch = state.epoch
    save_checkpoint(best, state.best_checkpoint())
    return f"{lost}: the weights of epoch {state.epoch}, the last, take its place"


def holds_epoch(file: Path, model: nn.Module, epoch: int | None) -> bool:
    """Whether ``file`` holds the weights of that epoch; ``model`` is one that they must fit."""
    try:
        content = read_checkpoint(file)
        load_state(model, content.get("model"), file)
    except (RunFolderError, WeightsError):
        return False
    return content.get("epoch") == epoch
