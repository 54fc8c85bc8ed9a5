"""``--tensorboard``: the epochs as TensorBoard events, in the run folder's ``tensorboard/``."""

from __future__ import annotations

import importlib.util
from typing import Any

from cnnshape.errors import MissingDependencyError
from cnnshape.training.observer import Observer, RunStart
from cnnshape.training.results import EpochRecord, RunResult


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
