"""Epoch after epoch: train, measure, save; stop when done, asked to, or diverged."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from types import FrameType

import torch

from cnnshape.errors import TrainingDivergedError
from cnnshape.training.batches import at_once
from cnnshape.training.checkpoint import Sums, TrainingState, save_progress
from cnnshape.training.evaluation import Evaluator
from cnnshape.training.observer import BatchProgress, Observer
from cnnshape.training.optimizers import learning_rate, set_learning_rate
from cnnshape.training.preparation import draws
from cnnshape.training.results import EpochRecord, Evaluation
from cnnshape.training.sampling import epoch_batches, share
from cnnshape.training.session import Session


@dataclass(slots=True)
class StopRequest:
    """Whether somebody wants the run to stop.

    Attributes:
        wanted: set by the first Ctrl-C or SIGTERM.
    """

    wanted: bool = False


@contextlib.contextmanager
def listening() -> Generator[StopRequest]:
    """Turn the first Ctrl-C or SIGTERM into a request; a second one interrupts at once.

    But a SIGTERM may come twice, as where a supervisor tells both a process and its launcher,
    which passes it on.

    Outside the main thread signals cannot be listened to, and the request is never set.
    The handlers that stood there before are put back.

    >>> with listening() as stop:
    ...     signal.raise_signal(signal.SIGINT)
    ...     stop.wanted
    True
    """
    request = StopRequest()
    heard: set[int] = set()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def handle(number: int, frame: FrameType | None) -> None:
        heard.add(number)
        if request.wanted and signal.SIGINT in heard:
            signal.default_int_handler(number, frame)
        request.wanted = True

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            # None: a handler that was not installed from Python; it cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


_GO_ON, _STOP, _DIVERGED = 0, 1, 2

_GPU_INTERVAL = 20
"""Batches between two looks at a GPU's loss: each look makes the CPU wait for it."""


def train_epochs(
    session: Session, state: TrainingState, observer: Observer, stop: StopRequest
) -> bool:
    """Train until the run is finished or ``stop`` is wanted, saving after each epoch.

    Returns:
        Whether it was stopped; the position within the epoch is saved then.

    Raises:
        TrainingDivergedError: the loss is no longer finite; the checkpoints of the epochs
            before are kept.
    """
    while not state.finished:
        began = time.perf_counter()
        rate = _train_epoch(session, state, observer, stop)
        if rate is None:
            state.seconds += time.perf_counter() - began
            if session.processes.main:
                save_progress(session.folder, state)
            return True
        session.processes.same_buffers(state.model)
        measured = measure(session, state, validation=len(session.data.validation) > 0)
        if not math.isfinite(measured.loss):  # the epoch's last step was one too far
            raise _diverged(session, state, rate)
        seconds = time.perf_counter() - began
        state.seconds += seconds
        record = _record(session, state, measured, rate, seconds)
        best = _is_best(record, state)
        state.history.append(record)
        state.epoch, state.batch, state.sums = record.epoch, 0, Sums()
        if best:
            state.best_epoch = record.epoch
        _decide(session, state)
        if session.processes.main:
            save_progress(session.folder, state, new_best=best)
            observer.epoch(record, best=best)
        if not state.finished and session.processes.max(int(stop.wanted)):
            return True
    return False


def measure(session: Session, state: TrainingState, *, validation: bool) -> Evaluation:
    """The model on its validation pictures, or on the test pictures."""
    data = session.data
    evaluate = Evaluator(
        session.prepare,
        session.processes,
        data.splits.classes,
        session.config.amp,
        session.memory_format,
        at_once(data.fit.shape),
    )
    if validation:
        return evaluate(state.model, session.train_batches, data.validation)
    every = torch.arange(len(data.splits.test.labels))
    return evaluate(state.model, session.test_batches, every)


def _train_epoch(
    session: Session, state: TrainingState, observer: Observer, stop: StopRequest
) -> float | None:
    """Train on what is left of the epoch under way.

    Returns:
        The last step's learning rate, or None if it was stopped before the epoch's end.
    """
    config, processes = session.config, session.processes
    device, epoch = processes.device, state.epoch + 1
    batches = epoch_batches(
        session.data.train, config.batch_size, config.seed, epoch, session.least
    )
    count = len(batches)
    random = draws(config.augmentation, len(session.data.splits.train.labels), config.seed, epoch)
    random = None if random is None else random.to(device)
    mine = share(batches[state.batch :], processes.rank, processes.world)
    # What an earlier sitting has counted is counted once, by the main process.
    before = state.sums if processes.main else Sums()
    precise = torch.float32 if device.type == "mps" else torch.float64
    loss = torch.tensor(before.loss, dtype=precise, device=device)
    correct = torch.tensor(before.correct, dtype=torch.int64, device=device)
    interval = _GPU_INTERVAL if device.type != "cpu" else 1
    began = time.perf_counter() - state.sums.seconds
    rate = 0.0
    for part in session.train_batches.stream(mine):
        whole = len(batches[state.batch])
        rate = learning_rate(
            state.epoch * count + state.batch,
            config.epochs * count,
            schedule=config.schedule,
            peak=config.lr,
            warmup=config.warmup,
        )
        set_learning_rate(state.optimizer, rate)
        result = session.step(part, random, whole)
        loss += result.loss
        correct += result.correct.to(torch.int64)
        state.batch += 1
        state.sums.seen += whole
        if state.batch % interval and state.batch < count:
            continue
        mean = float(loss) / state.sums.seen
        if processes.main:
            speed = state.sums.seen / (time.perf_counter() - began)
            accuracy = int(correct) / state.sums.seen
            observer.batch(BatchProgress(epoch, state.batch, count, mean, accuracy, speed))
        verdict = _verdict(session, mean, stop)
        if verdict == _DIVERGED:
            raise _diverged(session, state, rate)
        if verdict == _STOP and state.batch < count:
            _sum_up(session, state, loss, correct, time.perf_counter() - began)
            return None
    _sum_up(session, state, loss, correct, time.perf_counter() - began)
    return rate


def _sum_up(
    session: Session,
    state: TrainingState,
    loss: torch.Tensor,
    correct: torch.Tensor,
    seconds: float,
) -> None:
    state.sums.loss = float(session.processes.sum(loss))
    state.sums.correct = int(session.processes.sum(correct))
    state.sums.seconds = seconds


def _verdict(session: Session, loss: float, stop: StopRequest) -> int:
    """What all processes do now; the same in each of them."""
    own = _DIVERGED if not math.isfinite(loss) else _STOP if stop.wanted else _GO_ON
    return session.processes.max(own)


def _diverged(session: Session, state: TrainingState, rate: float) -> TrainingDivergedError:
    where = f"epoch {state.epoch + 1}, batch {state.batch}"
    if state.best_epoch is None:
        kept = "no epoch had finished, so there is nothing to keep"
    else:
        kept = f"best.pt keeps epoch {state.best_epoch}"
    smaller = f"{session.config.lr / 10:.3g}"
    return TrainingDivergedError(
        f"the loss is no longer a finite number in {where} (learning rate {rate:.3g}), "
        f"and training has stopped; {kept}. Try a smaller --lr, such as {smaller}"
    )


def _record(
    session: Session, state: TrainingState, measured: Evaluation, rate: float, seconds: float
) -> EpochRecord:
    sums = state.sums
    validation = len(session.data.validation) > 0
    return EpochRecord(
        epoch=state.epoch + 1,
        train_loss=sums.loss / sums.seen,
        train_accuracy=sums.correct / sums.seen,
        validation_loss=measured.loss if validation else None,
        validation_accuracy=measured.accuracy if validation else None,
        test_loss=None if validation else measured.loss,
        test_accuracy=None if validation else measured.accuracy,
        lr=rate,
        examples_per_second=round(sums.seen / max(sums.seconds, 1e-9), 1),
        seconds=round(seconds, 3),
    )


def _is_best(record: EpochRecord, state: TrainingState) -> bool:
    """Better validation accuracy than every epoch before, or as good with a smaller loss.

    Without validation pictures the latest epoch counts as the best: choosing by the test
    pictures would make their accuracy meaningless.
    """
    if record.validation_accuracy is None or record.validation_loss is None:
        return True
    if state.best_epoch is None:
        return True
    best = state.history[state.best_epoch - 1]
    assert best.validation_accuracy is not None
    assert best.validation_loss is not None
    return (record.validation_accuracy, -record.validation_loss) > (
        best.validation_accuracy,
        -best.validation_loss,
    )


def _decide(session: Session, state: TrainingState) -> None:
    """Whether another epoch follows."""
    patience = session.config.patience
    if patience is not None and state.best_epoch is not None:
        state.stopped_early = state.epoch - state.best_epoch >= patience
    state.finished = state.stopped_early or state.epoch >= session.config.epochs
