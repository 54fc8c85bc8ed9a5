"""Weights before the first step, and the optimizer that changes them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cnnshape.training.config import Initialization, TrainingConfig


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
