"""The model inside a wrapper."""

from __future__ import annotations

import sys

from torch import nn


def unwrap(module: nn.Module) -> nn.Module:
    """The module a user wrote, without ``torch.compile``, DataParallel, DDP or FSDP around it.

    A compiled model ignores hooks that are set later, and a parallel wrapper is a machine
    set-up, not an architecture.

    >>> net = nn.Linear(2, 2)
    >>> unwrap(nn.DataParallel(net)) is net
    True
    """
    while True:
        inner = _inner(module)
        if inner is None:
            return module
        module = inner


def _inner(module: nn.Module) -> nn.Module | None:
    # The modules are looked up, not imported: an instance exists only where they are loaded.
    for place, name, attribute in (
        ("torch._dynamo.eval_frame", "OptimizedModule", "_orig_mod"),
        ("torch.nn.parallel", "DataParallel", "module"),
        ("torch.nn.parallel", "DistributedDataParallel", "module"),
        ("torch.distributed.fsdp", "FullyShardedDataParallel", "module"),
        ("torch.optim.swa_utils", "AveragedModel", "module"),
    ):
        wrapper = getattr(sys.modules.get(place), name, None)
        if isinstance(wrapper, type) and isinstance(module, wrapper):
            inner = getattr(module, attribute, None)
            return inner if isinstance(inner, nn.Module) else None
    return None
