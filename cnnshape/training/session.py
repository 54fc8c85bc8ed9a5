"""Everything a run needs and that does not change while it runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from cnnshape.errors import DataError, UsageError
from cnnshape.loading.network import build_network
from cnnshape.loading.spec import parse_spec
from cnnshape.training.batches import Batches, place
from cnnshape.training.checkpoint import TrainingState
from cnnshape.training.config import TrainingConfig
from cnnshape.training.datasets import Splits, Statistics, statistics
from cnnshape.training.distributed import Processes
from cnnshape.training.optimizers import initialize, make_optimizer
from cnnshape.training.preparation import Preparation
from cnnshape.training.sampling import split_validation
from cnnshape.training.step import (
    GraphedStep,
    StepResult,
    TrainingStep,
    best_memory_format,
    make_scaler,
)
from cnnshape.training.trial import Fit, try_network

Step = Callable[..., StepResult]


@dataclass(frozen=True, slots=True)
class Data:
    """A data set, split and described, before anything is placed on a device.

    Attributes:
        splits: training and test pictures.
        train: indices into the training pictures that are trained on.
        validation: those that choose the best epoch.
        statistics: what the model is told about its pictures.
        fit: how the network and the pictures go together.
    """

    splits: Splits
    train: Tensor
    validation: Tensor
    statistics: Statistics
    fit: Fit

    def preparation(self, config: TrainingConfig) -> Preparation:
        """Bytes to what the model takes, with the configured augmentation."""
        return Preparation(
            self.statistics.mean,
            self.statistics.std,
            self.statistics.background,
            config.augmentation,
        )


def load_session_data(
    config: TrainingConfig, note: Callable[[str], None] = lambda _text: None
) -> Data:
    """Load, fit, split and describe the data of ``config``, and hold the network against them.

    Raises:
        DataError: the data are missing, damaged, or too few.
        CnnshapeError: a subclass says why the network cannot be trained on them.
    """
    splits, fit = try_network(config, note)
    train, validation = split_validation(splits.train.labels, config.validation, config.seed)
    if config.validation > 0 and len(validation) == 0:
        raise DataError(
            f"{config.data} has {len(train)} training pictures, too few to keep "
            f"{100 * config.validation:g} % for validation: give --validation 0"
        )
    found = statistics(splits.train)
    if not config.normalize:
        zeros, ones = (tuple(value for _ in found.mean) for value in (0.0, 1.0))
        found = dataclasses.replace(found, mean=zeros, std=ones)
    return Data(splits, train, validation, found, fit)


@dataclass(frozen=True, slots=True)
class Session:
    """A run, ready to go.

    Attributes:
        config: every setting.
        folder: the run folder.
        processes: who computes, and where.
        data: what is trained and measured on.
        train_batches: hands out training and validation pictures.
        test_batches: hands out test pictures.
        where: in one line, where the pictures are.
        step: trains on one batch.
        prepare: bytes to normalised pictures.
        memory_format: how pictures are laid out in memory.
        least: pictures that a batch needs, over all processes.
    """

    config: TrainingConfig
    folder: Path
    processes: Processes
    data: Data
    train_batches: Batches
    test_batches: Batches
    where: str
    step: Step
    prepare: Preparation
    memory_format: torch.memory_format
    least: int = 1


def prepare_session(
    config: TrainingConfig, data: Data, folder: Path, processes: Processes
) -> tuple[Session, TrainingState]:
    """Build model, optimizer and batches on this process's device; nothing is trained yet.

    The model's weights depend on ``config.seed`` only.
    """
    device = processes.device
    torch.manual_seed(config.seed)
    spec, classes = parse_spec(config.model), len(data.splits.classes)
    model = build_network(spec, classes, data.fit.shape, seed=config.seed)
    initialize(model, config.initialization)
    model.to(device).train()
    memory_format = best_memory_format(model, data.fit.shape)
    graphed = config.cuda_graph and device.type == "cuda" and processes.world == 1
    state = TrainingState(
        model,
        make_optimizer(model, config, capturable=graphed),
        make_scaler(config.amp, device),
    )
    train_batches, where = place(data.splits.train, device, config.placement, config.workers)
    test_batches, _ = place(data.splits.test, device, config.placement, config.workers)
    prepare = data.preparation(config)
    step = TrainingStep(
        model=_replicated(model, data.fit, processes),
        optimizer=state.optimizer,
        scaler=state.scaler,
        prepare=prepare,
        memory_format=memory_format,
        label_smoothing=config.label_smoothing,
        amp=config.amp,
        world=processes.world,
    )
    session = Session(
        config=config,
        folder=folder,
        processes=processes,
        data=data,
        train_batches=train_batches,
        test_batches=test_batches,
        where=where,
        step=GraphedStep(step) if graphed else step,
        prepare=prepare,
        memory_format=memory_format,
        least=least_batch(data, processes),
    )
    return session, state


def least_batch(data: Data, processes: Processes) -> int:
    """Pictures that a batch needs for every process to have as many as the network does."""
    return 1 if data.fit.least == 1 else data.fit.least * processes.world


def check_batches(config: TrainingConfig, data: Data, processes: Processes) -> None:
    """Make sure that a batch has as many pictures as the network needs.

    Raises:
        UsageError: it has fewer.
    """
    least = least_batch(data, processes)
    for what, given in (
        ("--batch-size", config.batch_size),
        ("training pictures:", len(data.train)),
    ):
        if given < least:
            raise UsageError(
                f"{what} {given}: {config.model} cannot be trained on single pictures, as its "
                f"batch norm needs more than one value, so {least} are needed at least"
            )


def _replicated(model: nn.Module, fit: Fit, processes: Processes) -> Callable[[Tensor], object]:
    if processes.world == 1:
        return model
    ids = [processes.device.index] if processes.device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=ids, find_unused_parameters=fit.unused)
