"""Everything a run needs and that does not change while it runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from cnnshape.errors import DataError
from cnnshape.models.registry import BundledModel, find_bundled
from cnnshape.training.batches import Batches, place
from cnnshape.training.checkpoint import TrainingState
from cnnshape.training.config import TrainingConfig
from cnnshape.training.datasets import Splits, Statistics, load_data, statistics
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

Step = Callable[..., StepResult]


@dataclass(frozen=True, slots=True)
class Data:
    """A data set, split and described, before anything is placed on a device.

    Attributes:
        splits: training and test pictures.
        train: indices into the training pictures that are trained on.
        validation: those that choose the best epoch.
        statistics: what the model is told about its pictures.
        shape: channels, height, width of one picture.
    """

    splits: Splits
    train: Tensor
    validation: Tensor
    statistics: Statistics
    shape: tuple[int, int, int]

    def preparation(self, config: TrainingConfig) -> Preparation:
        """Bytes to what the model takes, with the configured augmentation."""
        return Preparation(
            self.statistics.mean,
            self.statistics.std,
            self.statistics.background,
            config.augmentation,
        )


def bundled(config: TrainingConfig) -> BundledModel:
    """The registry's entry of the model; the config has checked that there is one."""
    return cast("BundledModel", find_bundled(config.model))


def input_shape(model: BundledModel) -> tuple[int, int, int]:
    """Channels, height, width of one picture."""
    _, channels, height, width = model.usual_input
    return channels, height, width


def load_session_data(
    config: TrainingConfig, note: Callable[[str], None] = lambda _text: None
) -> Data:
    """Load, fit, split and describe the data of ``config``.

    Raises:
        DataError: the data are missing, damaged, or too few.
    """
    shape = input_shape(bundled(config))
    splits = load_data(config.data, config.root, shape, note)
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
    return Data(splits, train, validation, found, shape)


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


def prepare_session(
    config: TrainingConfig, data: Data, folder: Path, processes: Processes
) -> tuple[Session, TrainingState]:
    """Build model, optimizer and batches on this process's device; nothing is trained yet.

    The model's weights depend on ``config.seed`` only.
    """
    device = processes.device
    torch.manual_seed(config.seed)
    model = bundled(config).load_class()(num_classes=len(data.splits.classes))
    initialize(model, config.initialization)
    model.to(device).train()
    memory_format = best_memory_format(model, data.shape)
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
        model=_replicated(model, processes),
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
    )
    return session, state


def _replicated(model: nn.Module, processes: Processes) -> Callable[[Tensor], Tensor]:
    if processes.world == 1:
        return model
    ids = [processes.device.index] if processes.device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=ids)
