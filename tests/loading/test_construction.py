"""Large models without memory, and everything around a constructor left as it was."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules import module as module_internals

from cnnshape.errors import ModelConstructionError
from cnnshape.loading import model as loading_model
from cnnshape.loading.construct import metered, quiet_randomness
from cnnshape.loading.meta import count_parameters, meta_copy, move_to_meta
from cnnshape.loading.model import LoadedModel, load

DECODER = Path(__file__).parent / "nets" / "decoder.py"


def load_text(folder: Path, body: str, **options: object) -> LoadedModel:
    """Load ``Net`` from a file whose constructor body is ``body``."""
    path = folder / "net.py"
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    path.write_text(
        "import torch\nfrom torch import nn\n"
        f"class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n{lines}"
        "    def forward(self, x):\n        return self.a(x)\n"
    )
    return load(f"{path}:Net", **options)


def devices(module: nn.Module) -> set[str]:
    return {t.device.type for t in (*module.parameters(), *module.buffers())}


def test_a_70_billion_parameter_decoder_takes_no_memory() -> None:
    code = f"""
import json, resource, torch
from cnnshape.loading.model import load
load("lenet")
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
loaded = load({str(DECODER)!r} + ":Decoder")
grown = peak() - before
out = loaded.module(torch.ones(1, 16, dtype=torch.int64, device="meta"))
print(json.dumps([grown, loaded.on_meta, list(out.shape),
                  sum(p.numel() for p in loaded.module.parameters())]))
"""
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    grown, on_meta, shape, params = json.loads(done.stdout)
    unit = 1 if sys.platform == "darwin" else 1024
    assert on_meta
    assert shape == [1, 16, 128256]
    # Published for Llama 3 70B, whose sizes these are.
    assert params == 70_553_706_496
    assert grown * unit < 500e6


@pytest.mark.parametrize(("budget", "on_meta"), [(61_705, True), (61_706, False), (0, True)])
def test_budget_is_a_number_of_parameters(budget: int, on_meta: bool) -> None:
    loaded = load("lenet", budget=budget)
    assert loaded.on_meta is on_meta
    assert devices(loaded.module) == {"meta" if on_meta else "cpu"}
    assert count_parameters(loaded.module) == 61_706


def test_real_ignores_the_budget() -> None:
    loaded = load("mlp", budget=1000, real=True)
    assert not loaded.on_meta
    assert devices(loaded.module) == {"cpu"}


def test_buffers_follow_the_parameters(tmp_path: Path) -> None:
    body = "self.a = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 64, 7))"
    module = load_text(tmp_path, body, budget=100).module
    assert devices(module) == {"meta"}
    assert module.a[0].running_mean.shape == (3,)
    assert module(torch.empty(2, 3, 16, 16, device="meta")).shape == (2, 64, 10, 10)


@pytest.mark.parametrize("budget", [0, 50, 150, 10**9])
def test_tied_parameters_stay_tied(tmp_path: Path, budget: int) -> None:
    module = load_text(
        tmp_path,
        "self.a = nn.Linear(10, 10)\nself.b = nn.Linear(10, 10)\nself.b.weight = self.a.weight\n"
        "w = nn.Parameter(torch.empty(10, 10))\nself.c = nn.Linear(10, 10)\nself.c.weight = w\n"
        "self.w = w\nself.register_buffer('p', torch.zeros(3))\nself.register_buffer('q', self.p)",
        budget=budget,
    ).module
    assert module.b.weight is module.a.weight
    assert module.w is module.c.weight
    assert module.q is module.p
    assert count_parameters(module) == 100 + 100 + 30
    assert len(devices(module)) == 1


def test_requires_grad_strides_and_attributes_are_kept(tmp_path: Path) -> None:
    module = load_text(
        tmp_path,
        "self.a = nn.Conv2d(3, 8, 3)\nself.a.weight.requires_grad_(False)\n"
        "self.a.weight.note = 'mine'\nself.a.to(memory_format=torch.channels_last)\n"
        "self.small = nn.Parameter(torch.zeros(2, dtype=torch.float16))",
        budget=50,
    ).module
    assert module.a.weight.is_meta
    assert module.a.weight.note == "mine"
    assert not module.a.weight.requires_grad
    assert module.a.bias.requires_grad
    assert module.a.weight.is_contiguous(memory_format=torch.channels_last)
    assert module.small.dtype is torch.float16


@pytest.mark.parametrize("budget", [0, 100, 100_000])
def test_recurrent_weights_follow(tmp_path: Path, budget: int) -> None:
    module = load_text(tmp_path, "self.a = nn.LSTM(8, 8, num_layers=2)", budget=budget).module
    device = "meta" if budget < 100_000 else "cpu"
    out, _ = module(torch.empty(5, 1, 8, device=device))
    assert out.shape == (5, 1, 8)
    assert all(
        flat is own for flat, own in zip(module.a._flat_weights, module.a.parameters(), strict=True)
    )


@pytest.mark.parametrize("budget", [0, 1000, 33_951, 33_952, 10**9])
def test_copied_layers_are_counted(tmp_path: Path, budget: int) -> None:
    # The encoder's prototype layer is thrown away and counts in the end as if it never was.
    body = (
        "import copy\nself.a = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 2, 64), 3)\n"
        "tied = nn.Linear(64, 64)\nself.b = nn.ModuleList([tied, tied])\nself.b[1].weight.x = 1\n"
        "self.c = copy.deepcopy(self.b)\nself.lazy = copy.deepcopy(nn.LazyLinear(2))"
    )
    module = load_text(tmp_path, body, budget=budget).module
    # A layer: 4 · 32² + 4 · 32 of attention, 2 · 32 · 64 + 96 of linear layers, 128 of norms.
    assert count_parameters(module) == 3 * (4224 + 4192 + 128) + 2 * (64 * 64 + 64)
    assert module.c[0].weight is module.c[1].weight
    assert module.c[0].weight is not module.b[0].weight
    device = "meta" if budget < 33_952 else "cpu"
    assert devices(module) == {device}
    assert module(torch.empty(5, 1, 32, device=device)).shape == (5, 1, 32)


def test_a_small_part_of_a_huge_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "self.a = nn.ModuleList([nn.Linear(999, 999), nn.Linear(9, 9)])[1]"
    assert not load_text(tmp_path, body, budget=1000).on_meta
    # Unless building it for real would take too much on the way.
    monkeypatch.setattr(loading_model, "_TRANSIENT_BYTES", 10**6)
    assert load_text(tmp_path, body, budget=1000).on_meta


def test_copying_is_as_before_afterwards(tmp_path: Path) -> None:
    before = nn.Parameter.__deepcopy__
    load_text(tmp_path, "self.a = nn.Linear(200, 200)", budget=0)
    assert nn.Parameter.__deepcopy__ is before


def test_plain_lists_of_parameters_follow() -> None:
    net = nn.Linear(2, 2)
    net.kept = [net.weight, "text"]
    net.table = {"b": net.bias}
    move_to_meta(net)
    assert net.kept[0] is net.weight
    assert net.table["b"] is net.bias


@pytest.mark.parametrize(
    "body",
    [
        "self.a = nn.Linear(200, 200)\nself.scale = self.a.weight.max().item()",
        "self.a = nn.Linear(200, 200)\nself.n = self.a.weight.detach().numpy().shape",
        "self.a = nn.Linear(200, 200)\nif self.a.weight.sum() > 1e9: pass",
        "self.a = nn.Linear(200, 200)\nself.k = torch.zeros(200, 200).copy_(self.a.weight.data)",
        "self.a = nn.Linear(200, 200)\nself.a.weight.data = torch.eye(200)",
        "self.a = nn.Linear(200, 200)\nself.y = self.a(torch.zeros(1, 200)).shape",
        "self.a = nn.Linear(200, 200)\nself.rates = torch.linspace(0, 1, 5).tolist()",
    ],
)
def test_constructors_that_read_values(tmp_path: Path, body: str) -> None:
    loaded = load_text(tmp_path, body, budget=1000)
    assert loaded.on_meta
    assert devices(loaded.module) == {"meta"}
    assert ("needs real values" in loaded.note) is ("rates" not in body)
    # The numbers they read were real ones.
    if "scale" in body:
        assert 0 < loaded.module.scale <= 200**-0.5


def test_a_forward_pass_at_import_time(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "import torch\nfrom torch import nn\nnet = nn.Linear(200, 200)\n"
        "value = net(torch.zeros(1, 200)).sum().item()\n"
    )
    assert load(f"{path}:net", budget=1000).on_meta


def test_an_error_that_has_nothing_to_do_with_meta_is_reported_once(tmp_path: Path) -> None:
    body = (
        "import pathlib\nlog = pathlib.Path(r'%s')\n"
        "log.write_text(log.read_text() + 'x' if log.exists() else 'x')\n"
        "self.a = nn.Linear(200, 200)\nself.missing"
    ) % (tmp_path / "log")
    with pytest.raises(ModelConstructionError, match="AttributeError"):
        load_text(tmp_path, body, budget=1000)
    assert (tmp_path / "log").read_text() == "x"


def test_real_failure_is_what_is_reported(tmp_path: Path) -> None:
    body = "self.a = nn.Linear(200, 200)\nraise ValueError(f'on {self.a.weight.device}')"
    with pytest.raises(ModelConstructionError, match="on cpu"):
        load_text(tmp_path, body, budget=1000)


def test_a_model_larger_than_memory_that_needs_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading_model, "physical_memory", lambda: 2**20)
    body = "self.a = nn.Linear(2000, 2000)\nself.s = self.a.weight.sum().item()"
    with pytest.raises(ModelConstructionError, match="more memory than the"):
        load_text(tmp_path, body, budget=1000)
    with pytest.raises(ModelConstructionError, match="more memory than the"):
        load_text(tmp_path, "self.a = nn.Linear(2000, 2000)", real=True)


def test_lazy_parameters_survive(tmp_path: Path) -> None:
    body = "self.a = nn.LazyLinear(5)\nself.b = nn.Linear(100, 100)"
    module = load_text(tmp_path, body, budget=1000).module
    assert type(module.a).__name__ == "LazyLinear"
    assert module(torch.empty(2, 7, device="meta")).shape == (2, 5)
    small = load_text(tmp_path, body, budget=10**6).module
    assert small(torch.zeros(2, 7)).shape == (2, 5)


@pytest.mark.parametrize("fails", [False, True])
def test_hook_is_gone_and_randomness_is_as_before(tmp_path: Path, fails: bool) -> None:
    def draw() -> tuple[float, ...]:
        return random.random(), np.random.rand(), torch.rand(()).item()

    def seed() -> None:
        random.seed(5)
        np.random.seed(6)
        torch.manual_seed(7)

    seed()
    expected = draw()
    seed()
    body = "self.a = nn.Linear(200, 200)\nself.a.weight.max().item()\n"
    body += "import random, numpy\nrandom.random(); numpy.random.rand(); torch.manual_seed(1)\n"
    if fails:
        with pytest.raises(ModelConstructionError):
            load_text(tmp_path, body + "raise RuntimeError", budget=1000)
    else:
        load_text(tmp_path, body, budget=1000)
    assert draw() == expected
    assert not module_internals._global_parameter_registration_hooks
    assert not nn.Linear(200, 200).weight.is_meta


def test_construction_is_deterministic() -> None:
    torch.manual_seed(1)
    first = load("lenet").module.C1.weight
    torch.manual_seed(2)
    assert torch.equal(first, load("lenet").module.C1.weight)
    assert first.std() > 0.05


def test_default_device_of_the_process_does_not_matter() -> None:
    with torch.device("meta"):
        assert devices(load("lenet").module) == {"cpu"}
        assert torch.empty(1).is_meta


def test_other_threads_are_left_alone() -> None:
    from threading import Thread

    made: list[nn.Linear] = []
    with metered(budget=0):
        thread = Thread(target=lambda: made.append(nn.Linear(5, 5)))
        thread.start()
        thread.join()
    assert not made[0].weight.is_meta


def test_numpy_imported_inside_is_no_trouble() -> None:
    code = (
        "import sys\nsys.modules['numpy'] = None\n"
        "from cnnshape.loading.model import load\nload('lenet')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nested_quiet_randomness() -> None:
    with quiet_randomness():
        outer = torch.rand(2)
        with quiet_randomness():
            assert torch.equal(outer, torch.rand(2))
        assert not torch.equal(outer, torch.rand(2))


class TestMetaCopy:
    def test_leaves_the_model_alone(self) -> None:
        net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.LSTM(3, 3))
        net[0].weight.grad = torch.ones(3, 3)
        copy = meta_copy(net)
        assert devices(copy) == {"meta"}
        assert devices(net) == {"cpu"}
        assert copy[2]._flat_weights[0] is copy[2].weight_ih_l0

    def test_tensors_with_a_history(self) -> None:
        net = torch.nn.utils.weight_norm(nn.Linear(3, 3))
        net.cached = net.weight_v * 2
        assert meta_copy(net).weight_v.is_meta
        assert not net.weight_v.is_meta


def test_building_without_memory_imports_no_compiler():
    """``normal_`` on meta would: torch has it there as a reference written in Python."""
    code = (
        "import sys\n"
        "from torch import Tensor, nn\n"
        "from cnnshape.loading.construct import metered\n"
        "before = Tensor.normal_\n"
        "with metered(budget=0):\n"
        "    weight = nn.Embedding(10, 4).weight\n"
        "print(weight.is_meta, Tensor.normal_ is before, 'torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "False"]
