"""A finished run on test pictures."""

from __future__ import annotations

from pathlib import Path

import torch

from cnnshape.errors import DataError
from cnnshape.loading.run_folder import load_run, read_run
from cnnshape.training.batches import place
from cnnshape.training.datasets import load_data
from cnnshape.training.devices import choose_device
from cnnshape.training.distributed import Processes
from cnnshape.training.evaluation import evaluate_batches
from cnnshape.training.preparation import Preparation
from cnnshape.training.results import Evaluation


def evaluate(
    folder: str | Path,
    *,
    data: str | None = None,
    root: str | None = None,
    device: str = "auto",
    weights: str = "best",
) -> Evaluation:
    """Measure a run's model on test pictures: its own, or those of another data set.

    Args:
        folder: the run folder.
        data: another data set of the same classes.
        root: the folder that holds downloaded data sets, if it has moved.
        device: ``auto`` is CUDA, then MPS, then the CPU.
        weights: ``best`` or ``last``.

    Raises:
        RunFolderError: the folder is no run, or holds no such weights.
        DataError: the data are missing, damaged, or of other classes.
    """
    run = read_run(folder)
    model = load_run(folder, weights="last" if weights == "last" else "best")
    chosen = choose_device(device)
    splits = load_data(
        data or run.data_name, root or str(run.settings.get("root", "data")), run.input_shape
    )
    if splits.classes != run.classes:
        raise DataError(
            f"{splits.name} has {_summary(splits.classes)}, but {run.folder} was trained on "
            f"{_summary(run.classes)}: an accuracy would mean nothing"
        )
    batches, _ = place(splits.test, chosen, "auto")
    return evaluate_batches(
        model.to(chosen),
        batches,
        torch.arange(len(splits.test.labels)),
        Preparation(run.mean, run.std, run.background),
        Processes(0, 1, chosen),
        classes=splits.classes,
        worst=True,
    )


def _summary(classes: tuple[str, ...]) -> str:
    few = ", ".join(classes[:3])
    return f"{len(classes)} classes ({few}{', …' if len(classes) > 3 else ''})"
