"""Where ``auto`` runs a model, and what it says about it."""

from __future__ import annotations

import textwrap

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.errors import DeviceError, ModelFailedError
from cnnshape.experiments.run_pass import needs_values


def huge(*layers: nn.Module) -> nn.Module:
    """Layers behind 26 million parameters, built without memory."""
    with torch.device("meta"):
        return nn.Sequential(nn.Linear(26_000, 1_000, bias=False), *layers)


def test_a_small_model_runs_for_real():
    report = cnnshape.inspect(nn.Linear(4, 2), (1, 4))
    assert report.device == "cpu"
    assert report.reason == "a small model runs for real"


def test_a_large_model_runs_without_memory():
    report = cnnshape.inspect(huge(nn.Linear(1_000, 10)), (1, 26_000))
    assert report.device == "meta"
    assert "26,010,010 parameters are more than 25,000,000" in report.reason
    assert report.totals.macs == 26_000_000 + 10_000


def test_a_large_input_runs_without_memory():
    report = cnnshape.inspect(nn.Conv2d(3, 8, 3), (1, 3, 2000, 2000))
    assert report.device == "meta"
    assert "an input of 12,000,000 numbers" in report.reason
    assert report.outputs[0].shape == (1, 8, 1998, 1998)


def test_a_large_model_given_for_real_is_not_copied_and_keeps_its_values():
    model = nn.Linear(26_000, 1_000, bias=False)
    before = model.weight
    report = cnnshape.inspect(model, (1, 26_000))
    assert report.device == "meta"
    assert model.weight is before
    assert not model.weight.is_meta


class Masked(nn.Module):
    """Keeps the positive numbers: how many depends on their values."""

    def forward(self, x):
        return x[x > 0]


class Item(nn.Module):
    """Decides by a value."""

    def forward(self, x):
        return x + 1 if x.sum().item() > 1e9 else x


def test_a_large_model_built_in_memory_falls_back_to_the_cpu():
    model = nn.Sequential(nn.Linear(26_000, 1_000, bias=False), Masked())
    report = cnnshape.inspect(model, (1, 26_000))
    assert report.device == "cpu"
    assert report.error is None
    assert "needs real values" in report.reason


def test_a_small_model_on_meta_says_so():
    with torch.device("meta"):
        model = nn.Linear(4, 2)
    report = cnnshape.inspect(model, (1, 4))
    assert report.reason == "the model is on meta: sizes only, without memory"


def test_a_model_without_values_that_needs_some_fails_in_its_report():
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(4, 3), Item())
    report = cnnshape.inspect(model, (1, 4))
    assert report.device == "meta"
    assert report.error is not None
    assert report.error.path == "1"
    assert report.reason.endswith("needs real values, and the model has none")
    with pytest.raises(DeviceError, match="has no values to run with"):
        cnnshape.inspect(model, (1, 4), device="cpu")
    with pytest.raises(ModelFailedError, match="no size of N was accepted"):
        cnnshape.inspect(model, ("N", 4))


def test_an_explicit_device_is_honoured_without_fallback():
    report = cnnshape.inspect(nn.Sequential(Item()), (2, 3), device="meta")
    assert report.device == "meta"
    assert report.error is not None
    assert cnnshape.inspect(nn.Sequential(Item()), (2, 3), device="cpu").error is None


def test_a_device_that_is_not_there_is_one_sentence():
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceError, match=r"no cuda on this machine: .*; use --device cpu"):
        cnnshape.inspect("lenet", device="cuda")
    with pytest.raises(DeviceError, match="tpu"):
        cnnshape.inspect("lenet", device="tpu")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_is_honoured_and_left_alone():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    report = cnnshape.inspect(model, (1, 1, 8, 8), device="cuda")
    assert report.device.startswith("cuda")
    assert {str(p.device) for p in model.parameters()} == {"cpu"}
    moved = model.cuda()
    state = torch.cuda.get_rng_state()
    assert cnnshape.inspect(moved, (1, 1, 8, 8)).device == "cuda:0"
    assert torch.equal(torch.cuda.get_rng_state(), state)


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (RuntimeError("Tensor.item() cannot be called on meta tensors"), True),
        (NotImplementedError("Cannot copy out of meta tensor; no data!"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (1x4 and 5x2)"), False),
        (ValueError("my model wants 3 channels"), False),
        (None, False),
    ],
)
def test_limits_of_meta_are_told_from_errors_of_the_model(error, found):
    assert (needs_values(error) is not None) is found


def test_what_the_cpu_would_refuse_is_an_error_on_meta_too():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    x = torch.zeros(1, 4, dtype=torch.float64)
    report = cnnshape.inspect(model, x, device="meta")
    assert report.error is not None
    assert (report.error.path, report.error.op) == ("1", "linear")
    assert (
        report.error.message == "linear takes tensors of one dtype, but float64 and float32 arrive"
    )
    assert [layer.path for layer in report.layers] == ["", "0", "1"]
    with pytest.raises(cnnshape.CnnshapeError):
        report.raise_for_error()


DECODER = textwrap.dedent(
    """
    import torch
    import torch.nn.functional as F
    from torch import nn

    D, HEADS, KV, FEED, LAYERS, WORDS = 8192, 64, 8, 28672, 80, 128256

    class Norm(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(D))
        def forward(self, x):
            return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = Norm(), Norm()
            self.q = nn.Linear(D, D, bias=False)
            self.k = nn.Linear(D, D * KV // HEADS, bias=False)
            self.v = nn.Linear(D, D * KV // HEADS, bias=False)
            self.o = nn.Linear(D, D, bias=False)
            self.gate = nn.Linear(D, FEED, bias=False)
            self.up = nn.Linear(D, FEED, bias=False)
            self.down = nn.Linear(FEED, D, bias=False)
        def forward(self, x):
            b, n, _ = x.shape
            y = self.norm1(x)
            q = self.q(y).view(b, n, HEADS, -1).transpose(1, 2)
            k = self.k(y).view(b, n, KV, -1).transpose(1, 2)
            v = self.v(y).view(b, n, KV, -1).transpose(1, 2)
            a = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
            x = x + self.o(a.transpose(1, 2).reshape(b, n, D))
            y = self.norm2(x)
            return x + self.down(F.silu(self.gate(y)) * self.up(y))

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(WORDS, D)
            self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
            self.norm = Norm()
            self.head = nn.Linear(D, WORDS, bias=False)
        def forward(self, ids):
            x = self.embed(ids)
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))
    """
)


def test_seventy_billion_parameters_on_a_laptop(tmp_path):
    resource = pytest.importorskip("resource")
    file = tmp_path / "decoder.py"
    file.write_text(DECODER, encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = cnnshape.inspect(f"{file}:Decoder", "1,128:int64")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert report.error is None
    assert report.device == "meta"
    # Per block: q and o 8192², k and v 8192·1024, three feed-forward matrices, two norms.
    block = 2 * 8192**2 + 2 * 8192 * 1024 + 3 * 8192 * 28672 + 2 * 8192
    assert report.totals.params == 80 * block + 2 * 128256 * 8192 + 8192 == 70_553_706_496
    assert grown < 600 * 1024  # kilobytes, for 263 GiB of parameters
