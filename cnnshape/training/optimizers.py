"""Weights before the first step, the optimizer that changes them, and its learning rate."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from cnnshape.training.config import Initialization, Schedule, TrainingConfig


def initialize(model: nn.Module, how: Initialization) -> None:
    """Draw the weights anew as ``how`` says; biases keep torch's default.

    ``xavier`` is the uniform distribution of Glorot and Bengio, "Understanding the
    difficulty of training deep feedforward neural networks" (2010), bound
    √(6/(fan_in + fan_out)), for the weights of convolutions and linear layers.
    """
    if how == "default":
        return
    for module in model.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)


def make_optimizer(
    model: nn.Module, config: TrainingConfig, *, capturable: bool = False
) -> torch.optim.Optimizer:
    """The optimizer of ``config`` over all of the model's parameters.

    Args:
        model: on its training device already.
        config: names the optimizer and its settings.
        capturable: for a CUDA graph, whose learning rate must be a tensor on the device.
    """
    parameters = list(model.parameters())
    device = parameters[0].device
    # One kernel for all parameters, where torch has it.
    fused = device.type in ("cpu", "cuda", "mps")
    rate: float | Tensor = torch.tensor(config.lr, device=device) if capturable else config.lr
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            fused=fused,
        )
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    return kind(
        parameters,
        lr=rate,
        weight_decay=config.weight_decay,
        capturable=capturable,
        fused=fused,
    )


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load a state dict; a learning rate that is a tensor stays on the parameters' device."""
    optimizer.load_state_dict(state)
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"] = group["lr"].to(group["params"][0].device)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Let the next step use ``rate``."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


_FLOOR = 1e-3
"""Part of the highest rate that the falling schedules end at."""


def learning_rate(
    step: int, total: int, *, schedule: Schedule, peak: float, warmup: float = 0.0
) -> float:
    """The learning rate of step ``step`` (from 0) of ``total``.

    During the first ``warmup`` part of the run the rate rises linearly to ``peak``; after
    that ``constant`` stays there, ``linear`` and ``cosine`` fall to a thousandth of it
    (cosine: Loshchilov and Hutter, "SGDR", 2017, without restarts), ``step`` divides by
    ten at one half and at three quarters of what is left. ``onecycle`` is the cosine with
    a warm-up of at least 30 % (Smith, "Super-Convergence", 2018).

    >>> [round(learning_rate(s, 4, schedule="linear", peak=1.0), 3) for s in (0, 1, 3)]
    [1.0, 0.75, 0.251]
    >>> [learning_rate(s, 10, schedule="step", peak=1.0) for s in (0, 4, 5, 8)]
    [1.0, 1.0, 0.1, 0.01]
    """
    if schedule == "onecycle":
        warmup = max(warmup, 0.3)
    rising = math.ceil(warmup * total)
    if step < rising:
        return peak * (step + 1) / rising
    done = (step - rising) / max(1, total - rising)
    if schedule == "constant":
        return peak
    if schedule == "step":
        return peak * (1.0 if done < 0.5 else 0.1 if done < 0.75 else 0.01)
    left = 1 - done if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))
    return peak * (_FLOOR + (1 - _FLOOR) * left)
