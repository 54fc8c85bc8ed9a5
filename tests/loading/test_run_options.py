"""Where and how to run: devices, modes, dtypes."""

from __future__ import annotations

import pytest
import torch

from cnnshape.errors import DeviceError, UsageError
from cnnshape.loading.run_options import Device, parse_device, require, run_options


@pytest.mark.parametrize(
    ("text", "device", "shown"),
    [
        ("auto", Device("auto"), "auto"),
        ("meta", Device("meta"), "meta"),
        ("CPU ", Device("cpu"), "cpu"),
        ("cpu:0", Device("cpu"), "cpu"),
        ("cuda", Device("cuda"), "cuda"),
        ("cuda:3", Device("cuda", 3), "cuda:3"),
        ("mps:0", Device("mps"), "mps"),
    ],
)
def test_names(text: str, device: Device, shown: str) -> None:
    assert parse_device(text) == device
    assert str(parse_device(text)) == shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gpu", "unknown device 'gpu'"),
        ("cudo", "did you mean cuda?: use auto, meta, cpu, cuda, cuda:N or mps"),
        ("cuda:x", "unknown device 'cuda:x'"),
        ("cuda:-1", "unknown device"),
        ("", "unknown device ''"),
        ("cpu:1", "there is only one device cpu"),
    ],
)
def test_unknown(text: str, words: str) -> None:
    with pytest.raises(DeviceError) as error:
        parse_device(text)
    assert words in str(error.value)


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=r"there is no cuda:1 on this machine: .*--device cpu"):
        require(Device("cuda", 1))
    with pytest.raises(DeviceError, match="there is no mps device"):
        require(Device("mps"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(
        DeviceError, match="there is no cuda:2 on this machine: it has cuda:0 to cu"
    ):
        require(Device("cuda", 2))
    assert require(Device("cuda", 1)) == Device("cuda", 1)


def test_options_are_read_into_canonical_names() -> None:
    options = run_options(device=torch.device("cpu"), mode="train", dtype=torch.bfloat16)
    assert (options.device, options.mode, options.dtype) == ("cpu", "train", "bfloat16")
    assert options.real
    assert not run_options(device="meta", dtype="half").real
    assert run_options(dtype="half").dtype == "float16"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mode": "test"}, "mode takes 'eval' or 'train', not 'test'"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
        ({"dtype": "int64"}, "--dtype takes a floating dtype for the model, not int64"),
        ({"dtype": "float31"}, "unknown dtype 'float31'"),
    ],
)
def test_options_that_cannot_be(given: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError) as error:
        run_options(**given)
    assert words in str(error.value)
