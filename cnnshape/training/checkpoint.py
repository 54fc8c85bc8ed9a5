"""Writing a run folder's files, each of them whole or not at all."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from cnnshape.errors import OutputError
from cnnshape.files import write_atomic
from cnnshape.loading.run_folder import BEST, LAST, METRICS
from cnnshape.training.results import EpochRecord
from cnnshape.training.state import TrainingState


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


def repair(folder: Path, state: TrainingState) -> bool:
    """Bring the folder's other files in line with ``last.pt`` after a kill.

    Returns:
        Whether ``best.pt`` is there as it should be; False if it was lost by other means.
    """
    for left in folder.glob(".*.*.????????"):  # .last.pt.k3x9_a1b: files that a kill cut off
        left.unlink(missing_ok=True)
    best_is_now = state.best_epoch == state.epoch and state.batch == 0
    if best_is_now and state.history:
        save_checkpoint(folder / BEST, state.best_checkpoint())
    save_metrics(folder, state.history)
    return state.best_epoch is None or (folder / BEST).is_file()
