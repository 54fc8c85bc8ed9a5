"""Measuring a model on labelled pictures, each counted exactly once over all processes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnshape.training.batches import Batches
from cnnshape.training.config import Amp
from cnnshape.training.distributed import Processes
from cnnshape.training.preparation import Preparation
from cnnshape.training.results import Evaluation, Mistake
from cnnshape.training.sampling import share
from cnnshape.training.step import autocast

_BATCH = 1024
"""Pictures per forward pass; without gradients there is room for many."""

_WORST = 25
"""Mistakes that are kept for the picture of the worst."""


def evaluate_batches(
    model: nn.Module,
    batches: Batches,
    indices: Tensor,
    prepare: Preparation,
    processes: Processes,
    *,
    classes: Sequence[str],
    amp: Amp = "off",
    memory_format: torch.memory_format = torch.contiguous_format,
    worst: bool = False,
) -> Evaluation:
    """Measure ``model`` on the pictures at ``indices``, in eval mode, left as it was.

    Args:
        model: the network itself, not a wrapper of it.
        batches: where the pictures come from.
        indices: which of them, int64 on the CPU; the same in every process.
        prepare: bytes to normalised pictures, without augmentation.
        processes: each measures a slice of every batch; the counts are added up.
        classes: the classes' names.
        amp: mixed precision.
        memory_format: how the pictures are laid out in memory.
        worst: keep the mistakes the model was surest of.
    """
    device = processes.device
    count = len(classes)
    confusion = torch.zeros(count * count, dtype=torch.int64, device=device)
    loss = torch.zeros((), dtype=_sum_type(device), device=device)
    mistakes: list[Mistake] = []
    chunks = share(list(indices.split(_BATCH)), processes.rank, processes.world)
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for batch in batches.stream([chunk for chunk in chunks if len(chunk)]):
                pictures = prepare(batch.images).contiguous(memory_format=memory_format)
                with autocast(amp, device):
                    scores = model(pictures)
                scores = scores.float()
                loss += F.cross_entropy(scores, batch.labels, reduction="sum")
                predicted = scores.argmax(dim=1)
                confusion += torch.bincount(
                    batch.labels * count + predicted, minlength=count * count
                )
                if worst:
                    mistakes += _mistakes(scores, predicted, batch.labels, batch.indices)
    finally:
        model.train(training)
    total_loss = float(processes.sum(loss))
    grid = processes.sum(confusion).view(count, count).cpu()
    everyone = [mistake for part in processes.gather(mistakes) for mistake in part]
    total = int(grid.sum())
    return Evaluation(
        loss=total_loss / total,
        correct=int(grid.trace()),
        total=total,
        confusion=tuple(tuple(int(cell) for cell in row) for row in grid.tolist()),
        mistakes=tuple(sorted(everyone, key=lambda one: (-one.probability, one.index))[:_WORST]),
        classes=tuple(classes),
    )


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
