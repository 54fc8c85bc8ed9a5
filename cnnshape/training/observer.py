"""What a run tells while it goes on, for whoever wants to show it."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnshape.errors import MissingDependencyError
from cnnshape.training.config import TrainingConfig
from cnnshape.training.results import EpochRecord, RunResult

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class RunStart:
    """Told once, before the first batch.

    Attributes:
        folder: the run folder.
        config: every setting.
        model: the network, on its device.
        input_shape: channels, height, width of one picture.
        classes: the classes' names.
        train: pictures that are trained on.
        validation: pictures that choose the best epoch.
        test: pictures that are only measured on.
        batches: steps per epoch.
        device: in words.
        processes: how many train together.
        data_note: in one line, where the pictures are.
        history: epochs that earlier sittings have finished.
        best_epoch: the best of them, counted from 1.
    """

    folder: Path
    config: TrainingConfig
    model: nn.Module
    input_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    train: int
    validation: int
    test: int
    batches: int
    device: str
    processes: int
    data_note: str
    history: tuple[EpochRecord, ...]
    best_epoch: int | None = None


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """Told after a batch; on a GPU after every twentieth.

    Attributes:
        epoch: counted from 1.
        batch: finished batches of it.
        batches: batches it has.
        loss: mean over the epoch so far.
        accuracy: likewise, 0…1.
        examples_per_second: likewise.
    """

    epoch: int
    batch: int
    batches: int
    loss: float
    accuracy: float
    examples_per_second: float


class Observer:
    """Hears what happens and does nothing; a display overrides what it shows."""

    def note(self, text: str) -> None:
        """Something worth a line: a download, a repaired file."""

    def started(self, start: RunStart) -> None:
        """Training is about to begin, or to go on."""

    def batch(self, progress: BatchProgress) -> None:
        """A batch has been trained on."""

    def epoch(self, record: EpochRecord, *, best: bool) -> None:
        """An epoch has been trained and measured; ``best``: better than all before."""

    def ended(self, result: RunResult) -> None:
        """The run has ended, or was interrupted."""


class Observers(Observer):
    """Passes everything on to several."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def note(self, text: str) -> None:
        """To each of them."""
        for observer in self._observers:
            observer.note(text)

    def started(self, start: RunStart) -> None:
        """To each of them."""
        for observer in self._observers:
            observer.started(start)

    def batch(self, progress: BatchProgress) -> None:
        """To each of them."""
        for observer in self._observers:
            observer.batch(progress)

    def epoch(self, record: EpochRecord, *, best: bool) -> None:
        """To each of them."""
        for observer in self._observers:
            observer.epoch(record, best=best)

    def ended(self, result: RunResult) -> None:
        """To each of them."""
        for observer in self._observers:
            observer.ended(result)


class TensorBoardObserver(Observer):
    """Writes a scalar per number and epoch; a resumed run adds to what is there.

    Raises:
        MissingDependencyError: tensorboard is not installed.
    """

    def __init__(self) -> None:
        if importlib.util.find_spec("tensorboard") is None:
            raise MissingDependencyError(
                "--tensorboard needs the package tensorboard, which is not installed: "
                "pip install tensorboard"
            )
        self._writer: Any = None

    def started(self, start: RunStart) -> None:
        """Open the event file; events beyond the epochs that count are dropped."""
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(
            str(start.folder / "tensorboard"), purge_step=len(start.history) + 1
        )

    def epoch(self, record: EpochRecord, *, best: bool) -> None:
        """One point per curve."""
        del best
        for part in ("train", "validation", "test"):
            for what in ("loss", "accuracy"):
                value = getattr(record, f"{part}_{what}")
                if value is not None:
                    self._writer.add_scalar(f"{what}/{part}", value, record.epoch)
        self._writer.add_scalar("learning rate", record.lr, record.epoch)
        self._writer.add_scalar("pictures per second", record.examples_per_second, record.epoch)
        self._writer.flush()

    def ended(self, result: RunResult) -> None:
        """Close the event file."""
        del result
        self._writer.close()
