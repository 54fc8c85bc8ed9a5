"""Measuring a model on labelled pictures, each counted exactly once over all processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnshape.errors import DataError
from cnnshape.loading.run_folder import load_run, read_run
from cnnshape.training.batches import MOST_AT_ONCE, Batch, Batches, at_once, place
from cnnshape.training.config import Amp
from cnnshape.training.datasets import load_data
from cnnshape.training.devices import choose_device
from cnnshape.training.distributed import Processes
from cnnshape.training.preparation import Preparation
from cnnshape.training.results import Evaluation, Mistake
from cnnshape.training.sampling import share
from cnnshape.training.scores import class_scores
from cnnshape.training.step import autocast

_WORST = 25
"""Mistakes that are kept for the picture of the worst."""


@dataclass(frozen=True, slots=True)
class Evaluator:
    """How pictures are measured.

    Attributes:
        prepare: bytes to normalised pictures, without augmentation.
        processes: each measures a slice of every batch; the counts are added up.
        classes: the classes' names.
        amp: mixed precision.
        memory_format: how the pictures are laid out in memory.
        at_once: pictures per forward pass.
    """

    prepare: Preparation
    processes: Processes
    classes: Sequence[str]
    amp: Amp = "off"
    memory_format: torch.memory_format = torch.contiguous_format
    at_once: int = MOST_AT_ONCE

    def __call__(
        self, model: nn.Module, batches: Batches, indices: Tensor, *, worst: bool = False
    ) -> Evaluation:
        """Measure ``model`` on the pictures at ``indices``, in eval mode, left as it was.

        Args:
            model: the network itself, not a wrapper of it.
            batches: where the pictures come from.
            indices: which of them, int64 on the CPU; the same in every process.
            worst: keep the mistakes the model was surest of.
        """
        processes, count = self.processes, len(self.classes)
        device = processes.device
        confusion = torch.zeros(count * count, dtype=torch.int64, device=device)
        loss = torch.zeros((), dtype=_sum_type(device), device=device)
        mistakes: list[Mistake] = []
        chunks = share(list(indices.split(self.at_once)), processes.rank, processes.world)
        training = model.training
        model.eval()
        try:
            with torch.inference_mode():
                for batch in batches.stream([chunk for chunk in chunks if len(chunk)]):
                    scores = self._scores(model, batch)
                    loss += F.cross_entropy(scores, batch.labels, reduction="sum")
                    predicted = scores.argmax(dim=1)
                    cells = batch.labels * count + predicted
                    confusion += torch.bincount(cells, minlength=count * count)
                    if worst:
                        mistakes += _mistakes(scores, predicted, batch.labels, batch.indices)
        finally:
            model.train(training)
        total_loss = float(processes.sum(loss))
        grid = processes.sum(confusion).view(count, count).cpu()
        everyone = [mistake for part in processes.gather(mistakes) for mistake in part]
        everyone.sort(key=lambda one: (-one.probability, one.index))
        total = int(grid.sum())
        return Evaluation(
            loss=total_loss / total,
            correct=int(grid.trace()),
            total=total,
            confusion=tuple(tuple(int(cell) for cell in row) for row in grid.tolist()),
            mistakes=tuple(everyone[:_WORST]),
            classes=tuple(self.classes),
        )

    def _scores(self, model: nn.Module, batch: Batch) -> Tensor:
        pictures = self.prepare(batch.images).contiguous(memory_format=self.memory_format)
        with autocast(self.amp, pictures.device):
            scores = class_scores(model, pictures, len(self.classes))
        return scores.float()


def _mistakes(scores: Tensor, predicted: Tensor, labels: Tensor, indices: Tensor) -> list[Mistake]:
    wrong = (predicted != labels).nonzero().flatten()
    sure = scores[wrong].softmax(dim=1).amax(dim=1)
    rows = zip(
        indices[wrong].tolist(),
        labels[wrong].tolist(),
        predicted[wrong].tolist(),
        sure.tolist(),
        strict=True,
    )
    return [Mistake(*row) for row in rows]


def _sum_type(device: torch.device) -> torch.dtype:
    """Double precision for sums, where the device has it."""
    return torch.float32 if device.type == "mps" else torch.float64


def evaluate(
    folder: str | Path,
    *,
    data: str | None = None,
    root: str | None = None,
    device: str = "auto",
    weights: str = "best",
    trust_code: bool = False,
) -> Evaluation:
    """Measure a run's model on test pictures: its own, or those of another data set.

    Args:
        folder: the run folder.
        data: another data set of the same classes.
        root: the folder that holds downloaded data sets, if it has moved.
        device: ``auto`` is CUDA, then MPS, then the CPU.
        weights: ``best`` or ``last``.
        trust_code: run the code that the folder names, where it names any.

    Raises:
        RunFolderError: the folder is no run, holds no such weights, or names code that is not
            trusted.
        DataError: the data are missing, damaged, or of other classes.
    """
    run = read_run(folder)
    model = load_run(folder, weights="last" if weights == "last" else "best", trust_code=trust_code)
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
    measure = Evaluator(
        Preparation(run.mean, run.std, run.background),
        Processes(0, 1, chosen),
        splits.classes,
        at_once=at_once(run.input_shape),
    )
    every = torch.arange(len(splits.test.labels))
    return measure(model.to(chosen), batches, every, worst=True)


def _summary(classes: tuple[str, ...]) -> str:
    few = ", ".join(classes[:3])
    return f"{len(classes)} classes ({few}{', …' if len(classes) > 3 else ''})"
