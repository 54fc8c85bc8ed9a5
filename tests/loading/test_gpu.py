"""Loading beside a CUDA device."""

from __future__ import annotations

import pytest
import torch

from cnnshape.loading.construct import quiet_randomness
from cnnshape.loading.inputs import from_texts
from cnnshape.loading.model import load
from cnnshape.loading.run_options import parse_device, require
from cnnshape.loading.tensors import make_tensors
from cnnshape.training.devices import choose_device

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def test_the_same_values_as_on_the_cpu() -> None:
    specs = from_texts(["1,3,8,8", "2,3:int64", "4:uint8", "2:bool", "3:float16"])
    on_gpu, _ = make_tensors(specs, device="cuda")
    on_cpu, _ = make_tensors(specs)
    for gpu, cpu in zip(on_gpu, on_cpu, strict=True):
        assert gpu.is_cuda
        assert torch.equal(gpu.cpu(), cpu)


def test_generators_of_the_gpu_are_as_before() -> None:
    torch.rand(1, device="cuda")
    before = torch.cuda.get_rng_state()
    with quiet_randomness():
        torch.cuda.manual_seed(3)
        torch.rand(1, device="cuda")
    assert torch.equal(before, torch.cuda.get_rng_state())


def test_default_device_of_the_process_does_not_matter() -> None:
    torch.set_default_device("cuda")
    try:
        module = load("lenet").module
        (x,), _ = make_tensors(from_texts(["1,1,28,28"]))
    finally:
        torch.set_default_device(None)
    assert module(x).shape == (1, 10)


def test_names() -> None:
    assert str(require(parse_device("cuda:0"))) == "cuda:0"
    assert choose_device("auto").type == "cuda"
