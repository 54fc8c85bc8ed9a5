"""Wrappers looked through."""

from __future__ import annotations

import torch
from torch import nn

from cnnshape.loading.unwrap import unwrap


def test_wrappers() -> None:
    net = nn.Linear(2, 2)
    assert unwrap(net) is net
    assert unwrap(torch.compile(net)) is net
    assert unwrap(nn.DataParallel(net)) is net
    assert unwrap(nn.DataParallel(torch.compile(net))) is net
    averaged = torch.optim.swa_utils.AveragedModel(net)
    assert unwrap(averaged) is averaged.module


def test_a_model_with_an_attribute_called_module_is_no_wrapper() -> None:
    net = nn.Sequential()
    net.module = nn.Linear(2, 2)
    assert unwrap(net) is net


def test_distributed() -> None:
    import tempfile

    import torch.distributed as dist

    with tempfile.NamedTemporaryFile() as store:
        dist.init_process_group("gloo", init_method=f"file://{store.name}x", rank=0, world_size=1)
        try:
            net = nn.Linear(2, 2)
            assert unwrap(nn.parallel.DistributedDataParallel(net)) is net
        finally:
            dist.destroy_process_group()
