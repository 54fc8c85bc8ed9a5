"""One step of training, pictures in, weights a little better; plain, or recorded on a GPU."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnshape.errors import DeviceError
from cnnshape.loading.network import refusal
from cnnshape.training.batches import Batch
from cnnshape.training.config import Amp
from cnnshape.training.preparation import Preparation
from cnnshape.training.scores import training_scores

_AUXILIARY = 0.3
"""Weight of an auxiliary classifier's loss: Szegedy et al., "Going Deeper with Convolutions"
(2015), section 5."""


class StepResult(NamedTuple):
    """What a step counted, still on the device so that nobody waits for it.

    Attributes:
        loss: sum of the pictures' cross-entropies, without label smoothing.
        correct: how many were classified rightly.
    """

    loss: Tensor
    correct: Tensor


@dataclass(slots=True)
class TrainingStep:
    """Forward, backward, optimizer, on this process's part of a batch.

    Attributes:
        model: the network, or its DistributedDataParallel wrapper.
        optimizer: over its parameters.
        scaler: of fp16 gradients; disabled otherwise.
        prepare: bytes to normalised pictures.
        memory_format: how the pictures are laid out in memory.
        label_smoothing: of the loss that is minimised.
        amp: mixed precision.
        world: how many processes share each batch.
    """

    model: Callable[[Tensor], object]
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    prepare: Preparation
    memory_format: torch.memory_format = torch.contiguous_format
    label_smoothing: float = 0.0
    amp: Amp = "off"
    world: int = 1

    def __call__(self, batch: Batch, random: Tensor | None, whole: int) -> StepResult:
        """Train on ``batch``.

        Args:
            batch: this process's part, possibly empty.
            random: the random numbers of the epoch's augmentation, by picture.
            whole: pictures in the batch over all processes.
        """
        empty = len(batch.labels) == 0
        if empty:
            # Every process must take part in averaging the gradients, and networks that
            # end in view(N, -1) cannot take zero pictures: one blank picture, weight zero.
            batch = _blank(batch)
        chosen = None if random is None else random.index_select(0, batch.indices)
        pictures = self.prepare(batch.images, chosen).contiguous(memory_format=self.memory_format)
        with autocast(self.amp, pictures.device):
            scores, *others = self._scores(pictures)
        scores = scores.float()
        # The sum over all processes divided by the whole batch: DistributedDataParallel
        # averages, hence × world. The same gradients as a single process computes.
        loss = self._loss(scores, batch.labels)
        minimised = loss
        for auxiliary in others:
            minimised = minimised + _AUXILIARY * self._loss(auxiliary.float(), batch.labels)
        weight = 0.0 if empty else self.world / whole
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(minimised * weight).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return self._count(scores.detach(), loss.detach(), batch.labels, empty=empty)

    def _scores(self, pictures: Tensor) -> tuple[Tensor, ...]:
        try:
            return training_scores(self.model(pictures))
        except (Exception, SystemExit) as error:
            raise refusal(self.model, pictures, error) from error

    def _loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(
            scores, labels, reduction="sum", label_smoothing=self.label_smoothing
        )

    def _count(self, scores: Tensor, loss: Tensor, labels: Tensor, *, empty: bool) -> StepResult:
        if empty:
            zero = torch.zeros((), device=scores.device)
            return StepResult(zero, zero)
        if self.label_smoothing:
            loss = F.cross_entropy(scores, labels, reduction="sum")
        return StepResult(loss, (scores.argmax(dim=1) == labels).sum())


def _blank(batch: Batch) -> Batch:
    _, *shape = batch.images.shape
    return Batch(
        batch.indices.new_zeros(1), batch.images.new_zeros(1, *shape), batch.labels.new_zeros(1)
    )


def autocast(amp: Amp, device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Mixed precision while scores are computed, or nothing."""
    if amp == "off":
        return contextlib.nullcontext()
    # No cache: each weight is used once per pass, and a CUDA graph could not record it.
    kind = torch.bfloat16 if amp == "bf16" else torch.float16
    return torch.autocast(device.type, kind, cache_enabled=False)


def make_scaler(amp: Amp, device: torch.device) -> torch.amp.GradScaler:
    """Scales fp16 gradients away from zero; does nothing in other precisions.

    Raises:
        DeviceError: fp16 training is asked for where torch has none.
    """
    if amp == "fp16" and device.type == "cpu":
        raise DeviceError("--amp fp16 needs a GPU; on the CPU use --amp bf16 or leave it out")
    return torch.amp.GradScaler(device.type, enabled=amp == "fp16")


def best_memory_format(model: nn.Module, shape: tuple[int, ...]) -> torch.memory_format:
    """Channels last where the network can take it: convolutions are then about 1.4 × as fast.

    A network that flattens with ``view`` refuses that layout; trying it once, in eval mode so that
    no batch norm counts it, tells. The model is converted in place if it can.
    """
    device = next(model.parameters()).device
    if device.type == "mps" or not any(isinstance(m, nn.Conv2d) for m in model.modules()):
        return torch.contiguous_format
    model.to(memory_format=torch.channels_last)
    pictures = torch.zeros((2, *shape), device=device).contiguous(memory_format=torch.channels_last)
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            model(pictures)
    except RuntimeError:
        model.to(memory_format=torch.contiguous_format)
        return torch.contiguous_format
    finally:
        model.train(training)
    return torch.channels_last


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
