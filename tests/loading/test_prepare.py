"""What loading hands over: a model and its inputs as one finished thing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from cnnshape.errors import InputError, UsageError
from cnnshape.loading.prepare import prepare
from cnnshape.loading.run_options import RunOptions


def test_a_name_brings_its_usual_input() -> None:
    prepared = prepare("lenet")
    assert prepared.spec == "lenet"
    assert prepared.inputs == prepared.usual
    (x,), keywords = prepared.arguments("cpu")
    assert (tuple(x.shape), keywords) == ((1, 1, 28, 28), {})
    assert torch.equal(x, prepared.arguments("cpu")[0][0])
    assert prepared.module(x).shape == (1, 10)
    wider = prepare("lenet", (4, 1, 28, 28))
    assert wider.arguments("meta")[0][0].shape == (4, 1, 28, 28)
    assert wider.usual == prepared.usual


def test_a_small_model_is_real_and_a_large_one_can_be_built_for_real(tmp_path: Path) -> None:
    small = prepare("lenet")
    assert small.rebuild is None
    assert small.real_module() is small.module
    file = tmp_path / "net.py"
    file.write_text("from torch import nn\ndef net(): return nn.Linear(26_000, 1_000)\n")
    large = prepare(f"{file}:net", (1, 26_000))
    assert large.module.weight.is_meta
    assert not large.real_module().weight.is_meta
    named = prepare(f"{file}:net", (1, 26_000), RunOptions(device="cpu"))
    assert not named.module.weight.is_meta


def test_a_module_in_hand_stays_as_it_is() -> None:
    net = nn.Linear(3, 2)
    prepared = prepare(nn.DataParallel(net), (1, 3))
    assert prepared.module is net
    assert prepared.spec == "Linear"
    assert prepared.usual is None
    half = prepare(net, (1, 3), RunOptions(dtype="float16"))
    assert half.module.weight.dtype == half.arguments("cpu")[0][0].dtype == torch.float16
    assert net.weight.dtype == torch.float32
    assert prepare(net.double(), (1, 3)).arguments("cpu")[0][0].dtype == torch.float64


def test_letters_wait_for_numbers() -> None:
    prepared = prepare("lenet", (1, 1, "H", "W"))
    assert prepared.inputs.letters == ("H", "W")
    with pytest.raises(InputError, match="the size H and W has no number"):
        prepared.arguments("meta")


def test_what_cannot_be_prepared_is_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"^a model is an nn\.Module or a name .*, not list$"):
        prepare([], (1, 3))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="weights= is for a model given by name"):
        prepare(nn.Linear(3, 2), (1, 3), RunOptions(weights="a.pt"))
    with pytest.raises(InputError, match=r"Linear needs an input shape; .* so try \(1, 3\)"):
        prepare(nn.Linear(3, 2))
    with pytest.raises(InputError, match=r"add it with -i x=SHAPE"):
        prepare("mlp", {})
