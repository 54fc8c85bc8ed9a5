"""``--weights FILE``."""

from __future__ import annotations

import sys
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

from cnnshape.errors import MissingDependencyError, WeightsError
from cnnshape.loading.model import load
from cnnshape.loading.weights import load_weights, read_state_dict
from cnnshape.models.lenet import LeNet
from cnnshape.models.mlp import MLP


@pytest.fixture
def state() -> OrderedDict[str, torch.Tensor]:
    torch.manual_seed(3)
    return LeNet().state_dict()


def saved(folder: Path, content: object, name: str = "weights.pt") -> Path:
    torch.save(content, folder / name)
    return folder / name


def loads(path: Path, state: dict[str, torch.Tensor], spec: str = "lenet") -> None:
    own = load(spec, weights=path).module.state_dict()
    assert own.keys() == state.keys()
    assert all(torch.equal(own[name], state[name]) for name in state)


def refused(path: Path, spec: str = "lenet", **options: object) -> str:
    with pytest.raises(WeightsError) as error:
        load(spec, weights=path, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_plain_state_dict(tmp_path: Path, state) -> None:
    loads(saved(tmp_path, state), state)
    loads(saved(tmp_path, dict(state), "model.bin"), state)


@pytest.mark.parametrize("key", ["model", "state_dict", "model_state_dict"])
def test_state_dict_inside_a_checkpoint(tmp_path: Path, state, key: str) -> None:
    loads(saved(tmp_path, {key: state, "epoch": 3, "optimizer": {"lr": 0.1}}), state)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "model."])
def test_wrappers_prefixes(tmp_path: Path, state, prefix: str) -> None:
    loads(saved(tmp_path, {prefix + name: value for name, value in state.items()}), state)


def test_a_model_whose_own_names_begin_like_a_prefix(tmp_path: Path) -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = nn.Linear(2, 2)

    net, other = Outer(), Outer()
    load_weights(other, saved(tmp_path, net.state_dict()))
    assert torch.equal(net.model.weight, other.model.weight)


def test_safetensors(tmp_path: Path, state, monkeypatch: pytest.MonkeyPatch) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    path = tmp_path / "w.safetensors"
    safetensors.save_file(dict(state), path)
    loads(path, state)
    assert load("lenet", weights=path, budget=0).on_meta
    (tmp_path / "bad.safetensors").write_bytes(b"nonsense")
    assert "is not a safetensors file" in refused(tmp_path / "bad.safetensors")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(MissingDependencyError, match="pip install safetensors"):
        load("lenet", weights=path)


def test_on_meta_names_and_sizes_are_checked(tmp_path: Path, state) -> None:
    path = saved(tmp_path, state)
    loaded = load("lenet", weights=path, budget=0)
    assert loaded.on_meta
    assert all(p.is_meta for p in loaded.module.parameters())
    state["C1.weight"] = torch.zeros(6, 1, 3, 3)
    message = refused(saved(tmp_path, state), budget=0)
    assert "C1.weight is 6×1×3×3 in the file and 6×1×5×5 in the model" in message


def test_real_values_of_a_large_model_on_request(tmp_path: Path) -> None:
    net = MLP()
    path = saved(tmp_path, net.state_dict())
    assert load("mlp", weights=path, budget=1000).on_meta
    real = load("mlp", weights=path, budget=1000, real=True)
    assert torch.equal(real.module.linear_relu_stack[4].weight, net.linear_relu_stack[4].weight)


def test_misfits_are_named(tmp_path: Path, state) -> None:
    del state["F4.weight"]
    assert refused(saved(tmp_path, state)).endswith(
        "weights.pt does not fit LeNet: F4.weight is missing from the file"
    )
    del state["F4.bias"]
    state["fc.weight"] = torch.zeros(3)
    message = refused(saved(tmp_path, state))
    assert "2 keys are missing from the file, the first is F4.weight" in message
    assert message.endswith("; fc.weight is unknown to the model")
    wrong = {name: value[:1] for name, value in LeNet().state_dict().items()}
    assert refused(saved(tmp_path, wrong)).endswith(
        "C1.weight is 1×1×5×5 in the file and 6×1×5×5 in the model, and 9 more differ"
    )


def test_pickled_code_is_never_run(tmp_path: Path) -> None:
    message = refused(saved(tmp_path, LeNet()))
    assert "holds pickled Python objects" in message
    assert "torch.save(model.state_dict(), FILE)" in message


def test_files_that_are_no_weights(tmp_path: Path, state) -> None:
    assert "there is no weights file" in refused(tmp_path / "none.pt")
    assert "it is a folder" in refused(tmp_path)
    (tmp_path / "text.pt").write_text("hello")
    assert "is not a torch file" in refused(tmp_path / "text.pt") or "cannot be read" in refused(
        tmp_path / "text.pt"
    )
    (tmp_path / "empty.pt").write_bytes(b"")
    assert "cannot be read as a torch file" in refused(tmp_path / "empty.pt")
    path = saved(tmp_path, state)
    path.write_bytes(path.read_bytes()[:1000])
    assert "may be truncated" in refused(path)
    assert "holds a list" in refused(saved(tmp_path, [1, 2]))
    assert "'a' is no tensor" in refused(saved(tmp_path, {"a": 1}))


def test_reading_onto_meta_touches_no_values(tmp_path: Path) -> None:
    big = {"w": torch.zeros(10, 10)}
    read = read_state_dict(saved(tmp_path, big), device="meta")
    assert read["w"].is_meta
    assert read["w"].shape == (10, 10)


def test_batch_norm_counters_and_extra_state(tmp_path: Path) -> None:
    class Extra(nn.BatchNorm1d):
        def get_extra_state(self) -> object:
            return {"version": 2}

        def set_extra_state(self, state: object) -> None:
            self.extra = state

    other = Extra(3)
    load_weights(other, saved(tmp_path, Extra(3).state_dict()))
    assert other.extra == {"version": 2}
