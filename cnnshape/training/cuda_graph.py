"""One training step recorded as a CUDA graph and replayed: no launch overhead per kernel.

Small networks on a GPU spend their time launching kernels. A recorded step runs the
same kernels on the same memory, so each batch is copied into fixed tensors first. Steps
of another size (the last of an epoch) run as they would without a graph.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnshape.training.batches import Batch
from cnnshape.training.step import StepResult, TrainingStep

Recorder = Callable[[Callable[[], StepResult]], tuple[Callable[[], object], StepResult]]

_WARM_UP = 3


def record_on_cuda(run: Callable[[], StepResult]) -> tuple[Callable[[], object], StepResult]:
    """Record ``run``; returns what replays it, and the tensors that it then fills.

    Warms up on a side stream first, as "CUDA Graphs" in the documentation of PyTorch asks.
    """
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(_WARM_UP):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = run()
    return graph.replay, result


@dataclass(frozen=True, slots=True)
class _Recording:
    """Fixed tensors, and what computes on them."""

    batch: Batch
    random: Tensor | None
    whole: int
    replay: Callable[[], object]
    result: StepResult


class GraphedStep:
    """A :class:`TrainingStep` whose full-size steps are replayed from a recording."""

    def __init__(self, step: TrainingStep, record: Recorder = record_on_cuda) -> None:
        self._step = step
        self._record = record
        self._recording: _Recording | None = None

    def __call__(self, batch: Batch, random: Tensor | None, whole: int) -> StepResult:
        """As :class:`TrainingStep`, to which it also falls back."""
        chosen = None if random is None else random.index_select(0, batch.indices)
        if self._recording is None:
            self._recording = self._recorded(batch, chosen, whole)
        recording = self._recording
        if whole != recording.whole:
            return self._step(batch, random, whole)
        recording.batch.images.copy_(batch.images)
        recording.batch.labels.copy_(batch.labels)
        if recording.random is not None and chosen is not None:
            recording.random.copy_(chosen)
        recording.replay()
        return StepResult(recording.result.loss.clone(), recording.result.correct.clone())

    def _recorded(self, batch: Batch, chosen: Tensor | None, whole: int) -> _Recording:
        """Record a step of this batch's size; weights and optimizer are as before afterwards."""
        rows = torch.arange(len(batch.labels), device=batch.labels.device)
        fixed = Batch(rows, batch.images.clone(), batch.labels.clone())
        random = None if chosen is None else chosen.clone()
        model, optimizer = self._step.model, self._step.optimizer
        assert isinstance(model, nn.Module)
        weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        state = _optimizer_tensors(optimizer)
        before = [tensor.clone() for tensor in state]
        replay, result = self._record(lambda: self._step(fixed, random, whole))
        with torch.no_grad():
            for name, tensor in model.state_dict().items():
                tensor.copy_(weights[name])
            after = _optimizer_tensors(optimizer)
            if before:
                for tensor, old in zip(after, before, strict=True):
                    tensor.copy_(old)
            else:
                # Torch's optimizers begin with zeros: moments, momentum and step count.
                for tensor in after:
                    tensor.zero_()
        return _Recording(fixed, random, whole, replay, result)


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [
        value
        for parameter in optimizer.state.values()
        for value in parameter.values()
        if isinstance(value, Tensor)
    ]
