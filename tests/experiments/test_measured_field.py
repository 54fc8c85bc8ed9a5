"""The measured receptive field, and through it the one read off the graph."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from cnnshape.analysis.receptive_field import receptive_fields
from cnnshape.api.fields import measured_fields
from cnnshape.experiments.measured_field import measured_notes
from cnnshape.tracing.execute import Inputs, record
from tests.experiments import networks

#: The middle, and places off it on either axis, borders included.
UNITS = ((0.5,), (0.2, 0.7), (0.0, 0.999))


def statuses(model: nn.Module, *shape: int, units: Any = UNITS) -> set[str]:
    """Per axis, over all layers; what the picture cuts off on both sides is left out."""
    found = measured_fields(model, shape, units=units, every_layer=True)
    assert found
    return {
        status
        for field in found
        for status in field.axes
        if not (status == "inconclusive" and "cut off" in field.reason)
    }


def test_lenet_is_confirmed():
    fields = {f.path: f for f in measured_fields("lenet", (1, 1, 28, 28), every_layer=True)}
    assert fields["C1"].status == fields["C2"].status == fields["S2"].status == "equal"
    # The unit in the middle of S1 is 7: rows 7·2 − 2 to 17.
    assert fields["S1"].measured == ((12, 17), (12, 17))
    # C3 sees the whole picture, which any larger field would as well.
    assert fields["C3"].status == "inconclusive"
    assert "cut off by the picture on both sides" in fields["C3"].reason


def test_unet_off_centre_and_at_the_borders():
    assert statuses(networks.UNet(), 1, 3, 192, 48) == {"equal"}
    assert statuses(networks.UNet(), 1, 3, 48, 192) == {"equal"}


class Chain(nn.Module):
    """Layers one after another, with a skip around the second half where the sizes allow it."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        middle = x
        for place, layer in enumerate(self.layers):
            if place == len(self.layers) // 2:
                middle = x
            x = layer(x)
        if x.shape == middle.shape:
            x = x + middle
        return x


class Resize(nn.Module):
    def __init__(self, **how: Any) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, **self.how)


class Pad(nn.Module):
    def __init__(self, pads: tuple[int, ...], mode: str) -> None:
        super().__init__()
        self.pads, self.mode = pads, mode

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.pads, mode=self.mode)


def _conv(kernel: int, stride: int, padding: int, dilation: int, mode: str) -> nn.Module:
    padding = min(padding, kernel // 2 * dilation)
    return nn.Conv2d(2, 2, kernel, stride, padding, dilation, padding_mode=mode)


_KINDS = st.one_of(
    st.builds(
        _conv,
        *(st.integers(1, 4), st.integers(1, 3), st.integers(0, 3), st.integers(1, 2)),
        st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
    ),
    st.builds(
        # output_padding up to padding: beyond it are rows that see nothing at all, and a skip
        # around those is the one case where axes cannot be followed one by one.
        lambda k, s, p, o: nn.ConvTranspose2d(
            2, 2, k, min(s, k), min(p, k - 1), min(o, min(s, k) - 1, min(p, k - 1))
        ),
        *(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(0, 1)),
    ),
    st.builds(
        lambda k, s, d, c: nn.MaxPool2d(k, s, k // 2, d, ceil_mode=c),
        *(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.booleans()),
    ),
    st.builds(lambda k, s: nn.AvgPool2d(k, s), st.integers(1, 3), st.integers(1, 3)),
    st.builds(nn.AdaptiveAvgPool2d, st.tuples(st.integers(4, 9), st.integers(4, 9))),
    st.builds(
        lambda f, m: Resize(scale_factor=f, mode=m),
        st.sampled_from([2, 3, 0.5, 1.5]),
        st.sampled_from(["nearest", "bilinear", "bicubic", "area", "nearest-exact"]),
    ),
    st.builds(
        lambda size, m, a: Resize(size=size, mode=m, align_corners=a),
        st.tuples(st.integers(5, 17), st.integers(5, 17)),
        st.sampled_from(["bilinear", "bicubic"]),
        st.booleans(),
    ),
    st.builds(
        Pad,
        st.tuples(*(st.integers(0, 2),) * 4),
        st.sampled_from(["constant", "reflect", "replicate", "circular"]),
    ),
    st.just(nn.Sequential(nn.BatchNorm2d(2), nn.ReLU())),
)


def _runs(model: nn.Module, *shape: int) -> bool:
    try:
        with torch.no_grad():
            return model.eval()(torch.zeros(shape)).numel() > 0
    except (RuntimeError, ValueError):
        return False


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(st.lists(_KINDS, min_size=1, max_size=4))
def test_any_chain_of_layers_is_confirmed(layers: list[nn.Module]):
    """Every layer, three units, both axes: the graph and the gradients agree to the pixel."""
    model = Chain(layers)
    if _runs(model, 1, 2, 19, 23):
        assert statuses(model, 1, 2, 19, 23) <= {"equal"}


class After(nn.Module):
    """A convolution, then some operations of torch."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.function = function
        self.last = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.function(self.first(x)))


def _tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)


def _blocks(x: Tensor) -> Tensor:
    """Blocks of 4×7 positions in the batch, as windowed attention has them."""
    return x.view(1, 4, 3, 4, 2, 7).permute(0, 2, 4, 3, 5, 1).reshape(-1, 28, 4)


def _written(x: Tensor) -> Tensor:
    x = x.clone()
    x[:, 0] = x[:, 1]
    return x


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[:, :, 2:-3, 1::2],
        lambda x: x.narrow(2, 3, 7).unsqueeze(0)[0],
        lambda x: x.chunk(2, 3)[1],
        lambda x: torch.split(x, [5, 4, 3], 2)[1],
        lambda x: sum(x.split(7, 3)[1:]),
        lambda x: torch.tensor_split(x, (2, 7), 2)[1],
        lambda x: torch.stack([x, 2 * x], 1).flatten(1, 2),
        lambda x: torch.cat([x[:, :, ::2, ::2], x[:, :, 1::2, 1::2]], 1),
        lambda x: torch.hstack([x, x]),
        lambda x: _tokens(x).transpose(1, 2).reshape(1, 4, 12, 14),
        lambda x: _tokens(x) @ torch.ones(4, 4, dtype=x.dtype),
        _blocks,
        lambda x: _blocks(x).reshape(1, 3, 2, 4, 7, 4).permute(0, 5, 1, 3, 2, 4).reshape(x.shape),
        lambda x: torch.einsum("bchw,co->bohw", x, torch.ones(4, 2, dtype=x.dtype)),
        lambda x: torch.tensordot(x, torch.ones(4, 2, dtype=x.dtype), dims=([1], [0])),
        lambda x: F.unfold(x, (3, 5), padding=1, stride=2),
        lambda x: F.unfold(x, 3, padding=1).view(1, 36, 12, 14),
        lambda x: x.unfold(2, 4, 2),
        lambda x: F.pixel_shuffle(x, 2),
        lambda x: F.avg_pool2d(F.pixel_shuffle(x, 2), 3, 1),
        lambda x: F.max_pool2d(F.pixel_unshuffle(x, 2), 3, 1, 1),
        lambda x: x.repeat_interleave(3, 2),
        lambda x: F.conv2d(x, x.mean((2, 3)).view(1, 4, 1, 1)),
        lambda x: x.index_select(1, torch.tensor([2, 0])).expand(3, -1, -1, -1),
        lambda x: F.interpolate(x, scale_factor=0.7, mode="bilinear", recompute_scale_factor=True),
        lambda x: F.adaptive_max_pool2d(x, (None, 5)),
        lambda x: x + torch.zeros_like(x).mean(),
        lambda x: F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 2, -1, 3)),
        _written,
    ],
)
def test_where_operations_take_positions_is_confirmed(function: Any):
    """What the table says of axes, read as windows and places, is what gradients show."""
    found = measured_fields(After(function), (1, 3, 12, 14), units=UNITS, every_layer=True)
    assert {status for f in found if f.path == "last" for status in f.axes} == {"equal"}


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[:, :, [3, 1]].mean(3),
        lambda x: torch.cat([x, x], 2).mean(3),
        lambda x: F.glu(x, 3).mean(2),
        lambda x: F.fold(F.unfold(x, 3, padding=1), (12, 14), 3, padding=1),
        lambda x: F.conv2d(x, x[:, :, :3, :3]),
        lambda x: F.fractional_max_pool2d(x, 2, output_size=(5, 6)),
    ],
)
def test_what_cannot_be_followed_is_not_guessed(function: Any):
    """An axis is unknown, or an upper bound where all of it was averaged; never a window."""
    trace = record(After(function), Inputs((torch.zeros(1, 3, 12, 14),))).trace
    last = next(call.index for call in trace.calls if call.path == "last")
    field = receptive_fields(trace).get(last)
    assert field is None or all(axis in ("global", "unknown") for axis in field.axes)


def test_a_stride_larger_than_the_kernel_leaves_units_that_see_nothing():
    net = nn.Sequential(nn.ConvTranspose2d(1, 1, 1, stride=2))
    found = measured_fields(net, (1, 1, 6, 6), units=((0.0,), (0.1, 0.0)), every_layer=True)
    on_a_pixel, between = [field for field in found if field.path == "0"]
    assert (on_a_pixel.measured, on_a_pixel.status) == (((0, 0), (0, 0)), "equal")
    assert (between.measured, between.status) == ((None, None), "equal")


def test_a_wrong_field_is_called_different(monkeypatch: pytest.MonkeyPatch):
    """The comparison can fail: with a graph that forgets dilation it does."""
    from cnnshape.analysis.fields import windows

    monkeypatch.setattr(
        windows, "sliding", lambda kernel, stride, padding, _d=1: windows.transposed(kernel, 1)
    )
    found = measured_fields(nn.Sequential(nn.Conv2d(1, 1, 3, dilation=3)), (1, 1, 20, 20))
    assert {field.status for field in found} == {"different"}
    notes = measured_notes(found)
    assert notes[0].startswith("receptive fields measured by gradients: 0 equal, ")
    assert "gradients reach" in notes[1]


def test_attention_covers_everything():
    class Attend(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patch = nn.Conv2d(3, 8, 4, stride=4)
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            x = self.patch(x).flatten(2).transpose(1, 2)
            return self.attention(x, x, x, need_weights=False)[0]

    found = {f.path: f for f in measured_fields(Attend(), (1, 3, 16, 16), every_layer=True)}
    assert found["patch"].status == "equal"
    assert found["attention"].expected == ("global", "global")
    assert found["attention"].status == "equal"


class Unpooled(nn.Module):
    """SegNet's way up: every value may have been anywhere in its window."""

    def __init__(self, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.pool = nn.MaxPool2d(kernel, stride, padding, return_indices=True)
        self.unpool = nn.MaxUnpool2d(kernel, stride, padding)
        self.last = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        pooled, indices = self.pool(x)
        return self.last(self.unpool(pooled, indices, output_size=x.size()))


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 3, 0)])
def test_unpooling_is_confirmed(kernel: int, stride: int, padding: int):
    assert statuses(Unpooled(kernel, stride, padding), 1, 3, 33, 32) == {"equal"}


def test_the_model_is_not_touched():
    model = networks.UNet().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    measured_fields(model, (1, 3, 32, 32))
    assert model.training
    assert all(p.dtype == torch.float32 and p.requires_grad for p in model.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_model_that_does_not_run_in_double_precision_is_inconclusive():
    class Picky(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3)

        def forward(self, x: Tensor) -> Tensor:
            if x.dtype is not torch.float32:
                raise TypeError("float32 only")
            return self.conv(x)

    found = measured_fields(Picky(), (1, 1, 9, 9))
    assert {field.status for field in found} == {"inconclusive"}
    assert "does not run in double precision: float32 only" in found[0].reason


def test_max_pooling_becomes_the_same_windows():
    """The stand-in for a maximum looks at the same positions, whatever its geometry."""
    from cnnshape.experiments.linear_pass import LinearPass

    x = torch.rand(1, 2, 17, 15, dtype=torch.float64)
    for arguments in ({"stride": 3, "ceil_mode": True}, {"dilation": 2}, {"padding": 1}):
        pool = nn.MaxPool2d(3, **arguments)
        with LinearPass():
            averaged = pool(x)
        assert averaged.shape == pool(x).shape


@pytest.mark.slow
@pytest.mark.torchvision
@pytest.mark.parametrize(
    ("name", "long", "short"),
    [
        *(("alexnet", 300, 70), ("resnet18", 500, 40), ("mobilenet_v2", 540, 33)),
        *(("googlenet", 430, 33), ("squeezenet1_1", 300, 40), ("shufflenet_v2_x1_0", 500, 33)),
        *(("mnasnet1_0", 600, 33), ("regnet_x_400mf", 600, 33), ("densenet121", 400, 33)),
        *(("efficientnet_b0", 128, 40), ("convnext_tiny", 320, 32)),
    ],
)
def test_torchvision_on_both_axes(name: str, long: int, short: int):
    """A long picture for one axis, a wide one for the other, so that the fields fit."""
    for axis, shape in enumerate(((1, 3, long, short), (1, 3, short, long))):
        found = measured_fields(f"torchvision:{name}", shape, units=((0.5,), (0.3, 0.7)))
        told = [field.axes[axis] for field in found]
        assert "different" not in told
        assert told.count("equal") > len(told) / 2
