"""Windows and other sizes, held against torch under every name they have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from cnnshape.formulas.algebra import letter
from cnnshape.operations import TABLE, Operand, account, macs
from cnnshape.operations.windows import WINDOWS
from tests.operations.draws import Draw, number, shape
from tests.operations.judge import Run, judge
from tests.operations.letters import judge_letters, lettered

aten = torch.ops.aten


@dataclass
class Case:
    """A call of torch's own, and whether a number comes from all that the account allows."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    exact: bool = True
    name: str | None = None


def named(prefix: str, spatial: int) -> Any:
    """``F.conv2d`` for ``conv``."""
    return getattr(F, f"{prefix}{spatial}d")


def picture(draw: Draw, spatial: int, channels: int | None = None, low: int = 3) -> torch.Tensor:
    """A batch of pictures, or a picture alone, of so many spatial axes."""
    lead = (number(draw, 1, 2),) if draw(st.booleans()) else ()
    sizes = shape(draw, (spatial, spatial), (low, {1: 9, 2: 6, 3: 4}[spatial]))
    return torch.zeros(*lead, channels or number(draw, 1, 2), *sizes)


def one_or_each(draw: Draw, spatial: int, low: int, high: int) -> Any:
    """One number for all axes, or one for each."""
    if draw(st.booleans()):
        return number(draw, low, high)
    return shape(draw, (spatial, spatial), (low, high))


def parameter(*sizes: int) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.zeros(sizes))


def conv(draw: Draw) -> Case:
    spatial, groups = number(draw, 1, 3), number(draw, 1, 2)
    x = picture(draw, spatial, groups * number(draw, 1, 2))
    channels = x.shape[-spatial - 1]
    kernel = shape(draw, (spatial, spatial), (1, 3))
    weight = parameter(groups * number(draw, 1, 2), channels // groups, *kernel)
    given = {
        "stride": one_or_each(draw, spatial, 1, 3),
        "padding": one_or_each(draw, spatial, 0, 2),
        "dilation": one_or_each(draw, spatial, 1, 2),
        "groups": groups,
    }
    if draw(st.booleans()):
        given |= {"stride": 1, "padding": draw(st.sampled_from(["same", "valid"]))}
    bias = draw(st.sampled_from([None, parameter(weight.shape[0])]))
    return Case(named("conv", spatial), (x, weight, bias), given, exact=groups == 1)


def conv_transpose(draw: Draw) -> Case:
    spatial, groups = number(draw, 1, 3), number(draw, 1, 2)
    x = picture(draw, spatial, groups * number(draw, 1, 2), low=2)
    channels = x.shape[-spatial - 1]
    kernel = shape(draw, (spatial, spatial), (1, 3))
    weight = parameter(channels, number(draw, 1, 2), *kernel)
    stride = one_or_each(draw, spatial, 1, 3)
    given = {
        "stride": stride,
        "padding": one_or_each(draw, spatial, 0, 1),
        "output_padding": draw(st.sampled_from([0, stride if isinstance(stride, int) else 0]))
        and stride - 1,
        "dilation": one_or_each(draw, spatial, 1, 2),
        "groups": groups,
    }
    return Case(named("conv_transpose", spatial), (x, weight), given, exact=groups == 1)


def convolution(draw: Draw) -> Case:
    spatial, transposed = number(draw, 1, 2), draw(st.booleans())
    x = torch.zeros(1, 2, *shape(draw, (spatial, spatial), (3, 6)))
    weight = parameter(2, 2, *shape(draw, (spatial, spatial), (1, 3)))
    each = [[number(draw, low, 2)] * spatial for low in (1, 0, 1)]
    args = (x, weight, None, *each, transposed, [0] * spatial, 1)
    return Case(aten.convolution.default, args, {})


def convolution_mode(draw: Draw) -> Case:
    case = conv(draw)
    x, weight, bias = case.args
    dilation = [number(draw, 1, 2)] * (weight.dim() - 2)
    ones, word = [1] * (weight.dim() - 2), draw(st.sampled_from(["same", "valid"]))
    args = (x, weight, bias, ones, word, dilation, case.kwargs["groups"])
    return Case(aten._convolution_mode.default, args, {}, exact=case.exact)


def deform_conv(draw: Draw) -> Case:
    x, weight = torch.zeros(2, 3, 5, 6), parameter(4, 3, 2, 2)
    offset, mask = torch.zeros(2, 8, 4, 5), parameter(2, 4, 4, 5)
    scalars = (1, 1, 0, 0, 1, 1, 1, 1, draw(st.booleans()))
    function = torch.ops.torchvision.deform_conv2d
    args = (x, weight, offset, mask, parameter(4), *scalars)
    return Case(function, args, {}, exact=False, name="deform_conv2d")


def grid_sample(draw: Draw) -> Case:
    spatial = number(draw, 2, 3)
    grid = torch.zeros(2, *shape(draw, (spatial, spatial), (1, 3)), spatial)
    x = torch.zeros(2, 3, *shape(draw, (spatial, spatial), (2, 4)))
    return Case(F.grid_sample, (x, grid), {"align_corners": False}, exact=False)


def grid_sampler(name: str, spatial: int) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        x, grid = torch.zeros(2, 3, *[4] * spatial), torch.zeros(2, *[3] * spatial, spatial)
        return Case(getattr(aten, name).default, (x, grid, 0, 0, False), {}, exact=False)

    return case


def roi_align(draw: Draw) -> Case:
    x, boxes = torch.zeros(1, 2, 8, 8), torch.zeros(number(draw, 1, 3), 5, dtype=torch.int32)
    return Case(_roi_align, (x, boxes, 1.0, 2, 3), {}, exact=False, name="roi_align")


def roi_pool(draw: Draw) -> Case:
    x, boxes = torch.zeros(1, 2, 8, 8), torch.zeros(number(draw, 1, 3), 5, dtype=torch.int32)
    return Case(_roi_pool, (x, boxes, 1.0, 2, 3), {}, exact=False, name="roi_pool")


def _roi_align(x: torch.Tensor, boxes: torch.Tensor, *args: Any) -> torch.Tensor:
    return torch.ops.torchvision.roi_align(x, boxes.to(x.dtype), *args, 2, False)


def _roi_pool(x: torch.Tensor, boxes: torch.Tensor, *args: Any) -> Any:
    return torch.ops.torchvision.roi_pool(x, boxes.to(x.dtype), *args)


def conv_tbc(draw: Draw) -> Case:
    x = torch.zeros(number(draw, 3, 6), 2, 3)
    weight, bias = parameter(number(draw, 1, 3), 3, 4), parameter(4)
    return Case(torch.conv_tbc, (x, weight, bias, number(draw, 0, 2)), {})


def window_of(draw: Draw, spatial: int) -> dict[str, Any]:
    kernel = one_or_each(draw, spatial, 1, 3)
    return {
        "kernel_size": kernel,
        "stride": draw(st.sampled_from([None, one_or_each(draw, spatial, 1, 3)])),
        "ceil_mode": draw(st.booleans()),
    }


def max_pool(draw: Draw) -> Case:
    spatial = number(draw, 1, 3)
    given = window_of(draw, spatial)
    given["padding"] = 0 if given["kernel_size"] == 1 else draw(st.sampled_from([0, 1]))
    given["dilation"] = one_or_each(draw, spatial, 1, 2)
    given["return_indices"] = draw(st.booleans())
    return Case(named("max_pool", spatial), (picture(draw, spatial),), given, exact=False)


def max_pool_with_indices(draw: Draw) -> Case:
    spatial = number(draw, 2, 3)
    function = {2: aten.max_pool2d_with_indices, 3: aten.max_pool3d_with_indices}[spatial].default
    stride = [number(draw, 1, 2)] * spatial
    return Case(function, (picture(draw, spatial), [2] * spatial, stride), {}, exact=False)


def avg_pool(draw: Draw) -> Case:
    spatial = number(draw, 1, 3)
    given = window_of(draw, spatial)
    kernel = given["kernel_size"]
    given["padding"] = 0 if 1 in (kernel if isinstance(kernel, tuple) else (kernel,)) else 1
    return Case(named("avg_pool", spatial), (picture(draw, spatial),), given)


def lp_pool(draw: Draw) -> Case:
    spatial = number(draw, 1, 2)
    given = window_of(draw, spatial)
    if spatial == 1 and isinstance(given["kernel_size"], tuple):
        given["kernel_size"] = given["kernel_size"][0]  # torch itself takes no tuple
    return Case(named("lp_pool", spatial), (picture(draw, spatial), 2.0), given)


def output_size(draw: Draw, spatial: int) -> Any:
    sizes = st.lists(
        st.one_of(st.none(), st.integers(1, 7)), min_size=spatial, max_size=spatial
    ).map(tuple)
    return draw(st.one_of(st.integers(1, 7), sizes))


def adaptive_avg_pool(draw: Draw) -> Case:
    spatial = number(draw, 1, 3)
    size = output_size(draw, spatial) if spatial > 1 else number(draw, 1, 7)
    return Case(named("adaptive_avg_pool", spatial), (picture(draw, spatial), size), {})


def adaptive_max_pool(draw: Draw) -> Case:
    spatial = number(draw, 1, 3)
    size = output_size(draw, spatial) if spatial > 1 else number(draw, 1, 7)
    given = {"return_indices": draw(st.booleans())}
    function = named("adaptive_max_pool", spatial)
    return Case(function, (picture(draw, spatial), size), given, exact=False)


def adaptive_max_pool_with_indices(draw: Draw) -> Case:
    function = F.adaptive_max_pool2d_with_indices
    return Case(function, (picture(draw, 2), (number(draw, 1, 3), 2)), {}, exact=False)


def fractional_max_pool(draw: Draw) -> Case:
    spatial = number(draw, 2, 3)
    x = picture(draw, spatial, low=4)
    given: dict[str, Any] = {"return_indices": draw(st.booleans())}
    if draw(st.booleans()):
        given["output_size"] = shape(draw, (spatial, spatial), (1, 2))
    else:
        given["output_ratio"] = draw(st.sampled_from([(0.5,) * spatial, (0.5, 0.6, 0.7)[:spatial]]))
    return Case(named("fractional_max_pool", spatial), (x, 2), given, exact=False)


def fractional_max_pool_with_indices(draw: Draw) -> Case:
    x = picture(draw, 2)
    return Case(F.fractional_max_pool2d_with_indices, (x, 2, 2), {}, exact=False)


def max_unpool(draw: Draw) -> Case:
    spatial = number(draw, 1, 2)
    x, kernel = picture(draw, spatial), number(draw, 1, 3)
    stride = draw(st.sampled_from([None, number(draw, 1, 3)]))
    pooled, indices = named("max_pool", spatial)(x, kernel, stride, return_indices=True)
    given: dict[str, Any] = {"kernel_size": kernel, "stride": stride}
    size, whole = tuple(x.shape), x.ndim == spatial + 2
    given["output_size"] = draw(st.sampled_from([None, size if whole else None, size[-spatial:]]))
    function = named("max_unpool", spatial)
    if given["output_size"] is None:
        smallest = [(n - 1) * (stride or kernel) + kernel for n in pooled.shape[-spatial:]]
        assume(all(n >= m for n, m in zip(smallest, x.shape[-spatial:], strict=True)))
    return Case(function, (pooled, indices), given, exact=False)


MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def interpolate(draw: Draw) -> Case:
    spatial = number(draw, 1, 3)
    x = torch.zeros(1, 2, *shape(draw, (spatial, spatial), (2, 4)))
    modes = ["nearest", "nearest-exact", "area", MODES[spatial], *["bicubic"] * (spatial == 2)]
    given: dict[str, Any] = {"mode": draw(st.sampled_from(modes))}
    if draw(st.booleans()):
        given["size"] = one_or_each(draw, spatial, 1, 6)
    else:
        factors = st.sampled_from([0.5, 1.5, 2, 2.0, 0.75])
        given["scale_factor"] = draw(st.one_of(factors, st.tuples(*[factors] * spatial)))
    return Case(F.interpolate, (x,), given, exact=False)


def upsample(draw: Draw) -> Case:
    case = interpolate(draw)
    if case.kwargs["mode"] in ("nearest-exact", "area"):
        case.kwargs["mode"] = "nearest"
    case.function = F.upsample
    return case


def upsample_of_2(name: str) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        x = torch.zeros(1, 2, *shape(draw, (2, 2), (2, 4)))
        given = draw(st.sampled_from([{"size": (5, 3)}, {"scale_factor": 2}, {"scale_factor": 3}]))
        return Case(getattr(F, name), (x,), given, exact=False)

    return case


def pad(draw: Draw) -> Case:
    mode = draw(st.sampled_from(["constant", "reflect", "replicate", "circular"]))
    pairs = number(draw, 1, 2)
    x = picture(draw, 2) if mode == "constant" else torch.zeros(1, 2, *[4, 5][:pairs])
    amounts = shape(draw, (2 * pairs, 2 * pairs), (-1 if mode == "constant" else 0, 2))
    given = {} if mode == "constant" and draw(st.booleans()) else {"mode": mode}
    return Case(F.pad, (x, amounts), given)


def constant_pad_nd(draw: Draw) -> Case:
    amounts = shape(draw, (2, 2), (-1, 2))
    return Case(aten.constant_pad_nd.default, (picture(draw, 1), amounts, 0.0), {})


def one_sided(name: str, spatial: int) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        x = torch.zeros(1, 2, *[4] * spatial)
        amounts = shape(draw, (2 * spatial, 2 * spatial), (0, 2))
        return Case(getattr(aten, f"{name}{spatial}d").default, (x, amounts), {})

    return case


def circular(draw: Draw) -> Case:
    return Case(aten._pad_circular.default, (torch.zeros(1, 2, 4), shape(draw, (2, 2), (0, 2))), {})


def resampler(name: str, spatial: int) -> Callable[[Draw], Case]:
    """An operator of aten, whose overload ``vec`` takes either a size or factors."""

    def case(draw: Draw) -> Case:
        x = torch.zeros(1, 2, *shape(draw, (spatial, spatial), (2, 4)))
        corners = () if "nearest" in name else (False,)
        # With antialiasing and a result of one column torch 2.14 gives every row the first one's.
        factors = [1.5, 2.0] if name.endswith("_aa") else [0.5, 1.5, 2.0]
        least = 2 if name.endswith("_aa") else 1
        if draw(st.booleans()):
            args = (x, shape(draw, (spatial, spatial), (least, 5)), *corners, None)
        else:
            args = (x, None, *corners, [draw(st.sampled_from(factors))] * spatial)
        return Case(getattr(aten, name).vec, args, {}, exact=False)

    return case


def pooling_operator(name: str, spatial: int) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        sizes = shape(draw, (spatial, spatial), (1, 3))
        return Case(getattr(aten, name).default, (picture(draw, spatial), sizes), {}, exact=False)

    return case


def fractional_operator(name: str, spatial: int) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        x, samples = torch.zeros(1, 2, *[4] * spatial), parameter(1, 2, spatial)
        sizes = shape(draw, (spatial, spatial), (1, 2))
        args = (x, [2] * spatial, sizes, samples)
        return Case(getattr(aten, name).default, args, {}, exact=False)

    return case


def patches(draw: Draw, low: int = 1) -> dict[str, Any]:
    return {
        "kernel_size": one_or_each(draw, 2, low, 2),
        "dilation": one_or_each(draw, 2, 1, 2),
        "padding": one_or_each(draw, 2, 0, 1),
        "stride": one_or_each(draw, 2, 1, 2),
    }


def unfold(draw: Draw) -> Case:
    return Case(F.unfold, (picture(draw, 2),), patches(draw), exact=False)


def im2col(draw: Draw) -> Case:
    x = picture(draw, 2)
    return Case(aten.im2col.default, (x, [2, 2], [1, 1], [0, 1], [1, 2]), {}, exact=False)


def fold(draw: Draw) -> Case:
    x, given = picture(draw, 2), patches(draw)
    columns = F.unfold(x, **given)
    size = tuple(x.shape[-2:])
    return Case(F.fold, (columns, size), given, exact=False)


def col2im(draw: Draw) -> Case:
    given = ([2, 2], [1, 1], [0, 0], [1, 1])
    return Case(aten.col2im.default, (torch.zeros(1, 8, 6), [3, 4], *given), {}, exact=False)


def sliding_window(draw: Draw) -> Case:
    x = torch.zeros(shape(draw, (1, 3), (3, 6)))
    axis = number(draw, -x.ndim, x.ndim - 1)
    args = (x, axis, number(draw, 1, 3), number(draw, 1, 3))
    return Case(torch.Tensor.unfold, args, {}, name="sliding_window")


def pixel_shuffle(draw: Draw) -> Case:
    r, lead = number(draw, 1, 3), shape(draw, (0, 2), (1, 2))
    sizes = shape(draw, (2, 2), (1, 3))
    return Case(F.pixel_shuffle, (torch.zeros(*lead, r * r * number(draw, 1, 2), *sizes), r), {})


def pixel_unshuffle(draw: Draw) -> Case:
    r, lead = number(draw, 1, 3), shape(draw, (0, 2), (1, 2))
    h, w = shape(draw, (2, 2), (1, 2))
    x = torch.zeros(*lead, number(draw, 1, 2), r * h, r * w)
    return Case(F.pixel_unshuffle, (x, r), {})


def channel_shuffle(draw: Draw) -> Case:
    groups = number(draw, 1, 3)
    sizes = shape(draw, (1, 2), (1, 3))
    x = torch.zeros(2, groups * number(draw, 1, 3), *sizes)
    return Case(torch.channel_shuffle, (x, groups), {})


DRAWS: dict[str, Callable[[Draw], Case]] = {
    draw.__name__: draw
    for draw in (
        conv, conv_transpose, convolution, convolution_mode, conv_tbc, max_pool,
        max_pool_with_indices, avg_pool, lp_pool, adaptive_avg_pool, adaptive_max_pool,
        adaptive_max_pool_with_indices,
        fractional_max_pool, fractional_max_pool_with_indices, max_unpool, interpolate, upsample,
        pad, constant_pad_nd, unfold, im2col, fold, col2im, sliding_window, pixel_shuffle,
        pixel_unshuffle, channel_shuffle, grid_sample, roi_align, roi_pool,
    )
} | {
    "deform_conv2d": deform_conv,
    "upsample_nearest": upsample_of_2("upsample_nearest"),
    "upsample_bilinear": upsample_of_2("upsample_bilinear"),
    "grid_sampler": grid_sampler("grid_sampler", 2),
    "grid_sampler_2d": grid_sampler("grid_sampler_2d", 2),
    "grid_sampler_3d": grid_sampler("grid_sampler_3d", 3),
    "upsample_linear1d": resampler("upsample_linear1d", 1),
    "upsample_bilinear2d": resampler("upsample_bilinear2d", 2),
    "upsample_bicubic2d": resampler("upsample_bicubic2d", 2),
    "upsample_trilinear3d": resampler("upsample_trilinear3d", 3),
    "upsample_bilinear2d_aa": resampler("_upsample_bilinear2d_aa", 2),
    "upsample_bicubic2d_aa": resampler("_upsample_bicubic2d_aa", 2),
    "upsample_nearest_exact": resampler("_upsample_nearest_exact2d", 2),
    "reflection_pad": one_sided("reflection_pad", 2),
    "replication_pad": one_sided("replication_pad", 3),
    "pad_circular": circular,
    "adaptive_max_pool2d.default": pooling_operator("adaptive_max_pool2d", 2),
    "adaptive_max_pool3d.default": pooling_operator("adaptive_max_pool3d", 3),
    "fractional_max_pool2d.default": fractional_operator("fractional_max_pool2d", 2),
    "fractional_max_pool3d.default": fractional_operator("fractional_max_pool3d", 3),
}  # fmt: skip
#: What only moves numbers, so that each of them tells its own position.
MOVES = {
    "pad", "constant_pad_nd", "unfold", "im2col", "sliding_window", "pixel_shuffle",
    "pixel_unshuffle", "channel_shuffle",
}  # fmt: skip


def impossible(run: Run) -> bool:
    """Whether torch refuses the call, or gives nothing."""
    try:
        return not all(result.numel() for result in run())
    except RuntimeError:
        return True


@pytest.mark.parametrize("name", sorted(entry.name for entry in WINDOWS))
@settings(max_examples=12)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_entry_says_where_each_number_comes_from(name: str, data: st.DataObject) -> None:
    case = DRAWS[name](data.draw)
    assume(not impossible(Run(case.function, case.args, case.kwargs)))
    by = "positions" if name in MOVES else "gradient"
    judge(case.function, *case.args, **case.kwargs, by=by, exact=case.exact, name=case.name)


X = torch.zeros(2, 3, 8, 9)
SIGNAL = torch.zeros(2, 3, 8)
FILTERS = parameter(4, 3, 3, 2)


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (F.conv2d, (), {"input": X, "weight": FILTERS, "stride": (2,), "padding": (1,)}),
        (aten.conv2d.default, (X, FILTERS, None, [2, 1], [1, 0]), {}),
        (aten.conv2d.padding, (X, FILTERS, None, [1, 1], "same"), {}),
        (aten.conv1d.default, (SIGNAL, parameter(4, 3, 3)), {}),
        (aten.conv_transpose2d.input, (X, parameter(3, 4, 2, 2), None, [2, 2]), {}),
        (F.max_pool2d, (X, 2), {"stride": ()}),
        (F.max_pool2d, (X[0], (2,)), {}),
        (aten.max_pool2d.default, (X, [2, 2]), {}),
        (aten.avg_pool2d.default, (X, [2, 2], [2, 2], [1, 1], True), {}),
        (aten.adaptive_avg_pool2d.default, (X, [1, 1]), {}),
        (aten._adaptive_avg_pool2d.default, (X, [4, 4]), {}),
        (F.interpolate, (X,), {"size": 4}),
        (F.interpolate, (X,), {"scale_factor": (0.5, 2), "mode": "bilinear"}),
        (aten.upsample_nearest2d.vec, (X, None, [2.0, 2.0]), {}),
        (aten.upsample_nearest2d.vec, (X, [4, 4], None), {}),
        (aten.upsample_bilinear2d.vec, (X, None, False, [2.0, 2.0]), {}),
        (aten.upsample_bilinear2d.default, (X, [4, 5], True), {}),
        (F.pad, (X,), {"pad": (1, 1)}),
        (aten.pad.default, (X, [1, 1, 2, 0], "reflect"), {}),
        (aten.pixel_shuffle.default, (torch.zeros(1, 4, 2, 2), 2), {}),
        (aten.grid_sampler_2d.default, (X, torch.zeros(2, 4, 5, 2), 0, 0, False), {}),
    ],
)
def test_every_way_to_write_a_call_is_understood(function, args, kwargs) -> None:
    judge(function, *args, **kwargs, by="gradient", exact=False)


def test_exported_names_are_understood_without_their_namespace() -> None:
    x, weight = Operand.of(0, 3, 8, 8), Operand.of(1, 4, 3, 3, 3)
    for name in ("conv2d", "conv2d.default", "aten.conv2d.default"):
        known = account(name, (x, weight))
        assert known is not None
        assert known.sizes == ((4, 6, 6),)  # a picture alone: the name says over how many axes


# ---- the size rules that judge a call -----------------------------------------------------

WEIGHT, WIDE = Operand.of(1, 6, 3, 3, 5), Operand.of(1, 3, 6, 3, 5)
IMAGE = Operand.of(0, 2, 3, 8, 9)


@pytest.mark.parametrize(
    ("name", "args", "kind", "arguments"),
    [
        ("conv2d", (IMAGE, WEIGHT, None, (2,), "same"), "conv",
         {"kernel_size": (3, 5), "stride": 2, "padding": "same", "dilation": 1, "groups": 1,
          "in_channels": 3, "out_channels": 6, "dims": 2}),
        ("conv_transpose2d", (IMAGE, WIDE, None, 2), "conv_transpose",
         {"kernel_size": (3, 5), "stride": 2, "padding": 0, "output_padding": 0, "dilation": 1,
          "groups": 1, "in_channels": 3, "out_channels": 6, "dims": 2}),
        ("max_pool2d", (IMAGE, 2, ()), "max_pool",
         {"kernel_size": 2, "stride": None, "padding": 0, "dilation": 1, "ceil_mode": False,
          "dims": 2}),
        ("avg_pool1d", (IMAGE, (2,)), "avg_pool",
         {"kernel_size": 2, "stride": None, "padding": 0, "ceil_mode": False, "dims": 1}),
        ("lp_pool2d", (IMAGE, 2.0, 3), "lp_pool",
         {"kernel_size": 3, "stride": None, "ceil_mode": False, "dims": 2}),
        ("adaptive_avg_pool2d", (IMAGE, (None, 7)), "adaptive_pool",
         {"output_size": (None, 7), "dims": 2}),
        ("fractional_max_pool2d", (IMAGE, 2, 3), "fractional_pool",
         {"kernel_size": 2, "output_size": 3, "output_ratio": None, "dims": 2}),
        ("max_unpool2d", (IMAGE, IMAGE, 2), "max_unpool",
         {"kernel_size": 2, "stride": None, "padding": 0, "output_size": None, "dims": 2}),
        ("interpolate", (IMAGE, None, 2), "upsample", {"scale_factor": 2, "mode": "nearest"}),
        ("upsample_nearest2d.vec", (IMAGE, None, (2, 3)), "upsample", {"scale_factor": (2, 3)}),
        ("pad", (IMAGE, (1, 2), "reflect"), "pad", {"padding": (1, 2), "mode": "reflect"}),
        ("reflection_pad2d", (IMAGE, (1, 2)), "pad", {"padding": (1, 2), "mode": "reflect"}),
        ("unfold", (IMAGE, 3), "unfold",
         {"kernel_size": 3, "dilation": 1, "padding": 0, "stride": 1}),
        ("fold", (IMAGE, (4, 4), 2), "fold",
         {"output_size": (4, 4), "kernel_size": 2, "dilation": 1, "padding": 0, "stride": 1}),
        ("pixel_shuffle", (IMAGE, 2), "pixel_shuffle", {"upscale_factor": 2}),
        ("pixel_unshuffle", (IMAGE, 2), "pixel_unshuffle", {"downscale_factor": 2}),
        ("channel_shuffle", (IMAGE, 3), "channel_shuffle", {"groups": 3}),
    ],
)  # fmt: skip
def test_the_rule_that_judges_a_call(name, args, kind, arguments) -> None:
    entry = TABLE.find(name)
    call = entry and entry.call(args, {}, name)
    assert entry is not None
    assert call is not None
    assert entry.sized(call) == (kind, arguments)


@pytest.mark.parametrize(
    ("name", "args", "sizes"),
    [
        # 8 + 2·2 − (5 − 1) = 8, and (8 − 1)·2 − 2·1 + (4 − 1) + 1 = 16
        ("aten._convolution.default", (5, (1, 1), (2, 2), (1, 1), False, (0, 0), 1), (8, 9)),
        ("aten.convolution.default", (4, (2, 2), (1, 1), (1, 1), True, (0, 0), 1), (16, 18)),
        ("_convolution_mode.default", (5, (1, 1), "same", (1, 1), 1), (8, 9)),
    ],
)
def test_the_operators_behind_convolutions_have_their_rule(name, args, sizes) -> None:
    kernel, *settings = args
    entry = TABLE.find(name)
    assert entry is not None
    call = entry.call((IMAGE, Operand.of(1, 3, 3, kernel, kernel), None, *settings), {}, name)
    assert call is not None
    kind, arguments = entry.sized(call) or ("", {})
    transposed = any(setting is True for setting in settings)
    assert kind == ("conv_transpose" if transposed else "conv")
    assert arguments["dims"] == 2
    account = entry.account(call)
    assert account is not None
    assert account.sizes == ((2, 3, *sizes),)


def test_a_convolution_without_a_kernel_is_judged_by_no_rule() -> None:
    entry = TABLE.find("conv2d")
    assert entry is not None
    call = entry.call((IMAGE, Operand.of(1, 6, 3)), {}, "conv2d")
    assert call is not None
    assert entry.sized(call) is None
    assert entry.account(call) is None
    assert entry.count(call) is None


# ---- multiply-accumulates -----------------------------------------------------------------

ONE_BY_ONE = ([1, 1], [0, 0], [1, 1])  # stride, padding, dilation


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (F.conv2d, (X, FILTERS), {"stride": 2, "padding": 1}),
        (F.conv2d, (torch.zeros(1, 4, 8, 8), parameter(8, 2, 3, 3)), {"groups": 2}),
        (F.conv1d, (SIGNAL, parameter(4, 3, 3)), {"padding": "same"}),
        (F.conv_transpose2d, (X, parameter(3, 4, 2, 2)), {"stride": 2}),
        (F.conv_transpose2d, (torch.zeros(1, 4, 5, 5), parameter(4, 3, 3, 3)), {"groups": 2}),
        (aten.convolution.default, (X, FILTERS, None, *ONE_BY_ONE, False, [0, 0], 1), {}),
        (aten.convolution.default, (X, parameter(3, 4, 2, 2), None, *ONE_BY_ONE, True, [0, 0], 1),
         {}),
        (F.max_pool2d, (X, 2), {}),
        (F.pad, (X, (1, 1)), {}),
    ],
)  # fmt: skip
def test_macs_are_half_of_the_flops_that_torch_counts(function, args, kwargs) -> None:
    run = Run(function, args, kwargs)
    with FlopCounterMode(display=False) as counter:
        run()
    name = getattr(function, "__name__", "")
    counted = macs(name, run.plain(args), run.plain(kwargs))
    assert counted is not None
    assert 2 * counted == counter.get_total_flops()


def test_macs_that_torch_does_not_count() -> None:
    """By hand: numbers of the result × numbers under the window."""
    x, weight = Operand.of(0, 10, 2, 3), Operand.of(1, 3, 3, 4)
    assert macs("conv_tbc", (x, weight, Operand.of(2, 4), 1)) == 10 * 2 * 4 * 3 * 3
    picture, filters, offset = (
        Operand.of(0, 2, 3, 5, 6), Operand.of(1, 4, 3, 2, 2), Operand.of(2, 2, 8, 4, 5)
    )  # fmt: skip
    scalars = (1, 1, 0, 0, 1, 1, 1, 1, False)
    bias = Operand.of(3, 4)
    args = (picture, filters, offset, offset, bias, *scalars)
    assert macs("deform_conv2d", args) == 2 * 4 * 4 * 5 * 3 * 2 * 2


# ---- sizes in letters ---------------------------------------------------------------------

H, W = letter("H"), letter("W")
RUN = {"N": 2, "H": 16, "W": 21}
OTHERS = tuple(
    {"N": n, "H": h, "W": w}
    for n, h, w in ((3, 16, 21), (4, 15, 22), (2, 32, 9), (2, 5, 6), (2, 3, 30), (2, 1, 2))
)
PICTURE = lettered("N", 4, "H", "W")


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (F.conv2d, (PICTURE, lettered(6, 4, 3, 5)), {"stride": 2, "padding": 1}),
        (F.conv2d, (PICTURE, lettered(6, 4, 3, 3)), {"padding": "same", "dilation": 2}),
        (F.conv2d, (PICTURE, lettered(6, 2, 2, 2)), {"padding": "valid", "groups": 2}),
        (F.conv_transpose2d, (PICTURE, lettered(4, 6, 3, 3)), {"stride": 2, "output_padding": 1}),
        (F.max_pool2d, (PICTURE, 3), {"stride": 2, "padding": 1}),
        (F.max_pool2d, (PICTURE, 2), {}),
        (F.avg_pool2d, (PICTURE, 2), {}),
        (F.lp_pool2d, (PICTURE, 2.0, 3), {}),
        (F.adaptive_avg_pool2d, (PICTURE, (None, 3)), {}),
        (F.interpolate, (PICTURE,), {"size": (7, 9)}),
        (F.interpolate, (PICTURE,), {"scale_factor": 0.5}),
        (F.interpolate, (PICTURE,), {"scale_factor": 2.0, "mode": "bilinear"}),
        (F.interpolate, (PICTURE,), {"size": (H * 2, W)}),
        (F.pad, (PICTURE, (1, 2, 0, 3)), {}),
        (F.pad, (PICTURE, (-2, -3)), {}),
        (F.pad, (PICTURE, (4, 2, 3, 3)), {"mode": "reflect"}),
        (F.pad, (PICTURE, (4, 2, 0, 0)), {"mode": "circular"}),
        (F.unfold, (PICTURE, 3), {"stride": 2, "padding": 1}),
        (F.pixel_shuffle, (PICTURE, 2), {}),
        (F.pixel_unshuffle, (lettered("N", 4, "H", H), 2), {}),
        (torch.channel_shuffle, (PICTURE, 2), {}),
    ],
)
def test_sizes_in_letters(function, args, kwargs) -> None:
    judge_letters(function, *args, **kwargs, run=RUN, others=OTHERS)


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (F.max_pool2d, (PICTURE, 3), {"stride": 2, "ceil_mode": True}),
        (F.avg_pool2d, (PICTURE, 2), {"ceil_mode": True}),
        (F.lp_pool2d, (PICTURE, 2.0, 3), {"ceil_mode": True}),
    ],
)
def test_sizes_in_letters_that_fakes_cannot_follow(function, args, kwargs) -> None:
    judge_letters(function, *args, **kwargs, run=RUN, others=OTHERS, by_fakes=False)


def test_sizes_that_may_become_0_in_letters() -> None:
    """torch takes some of them; the rules want one position at least."""
    others = tuple(letters for letters in OTHERS if letters["H"] > 1)
    columns = lettered("N", 12, (H - 1) * (W - 1))
    judge_letters(F.fold, columns, (H, W), 2, run=RUN, others=others)
    judge_letters(F.conv_transpose2d, PICTURE, lettered(4, 6, 2, 2), None, 2, 1, run=RUN,
                  others=others)  # fmt: skip


def test_windows_over_one_axis_in_letters() -> None:
    x = lettered("N", "H", 3)
    judge_letters(torch.Tensor.unfold, x, 1, 4, 2, run=RUN, others=OTHERS, name="sliding_window")


def test_sizes_that_no_letter_tells_are_unknown() -> None:
    x = Operand(0, (H, 4, H, None), (16, 4, 16, 5))
    ratio = account("fractional_max_pool2d", (x, 2), {"output_ratio": 0.5})
    assert ratio is not None
    assert ratio.sizes == ((H, 4, None, None),)
    odd = account("interpolate", (x, None, 0.123456789))
    assert odd is not None
    assert odd.sizes == ((H, 4, None, None),)
    pooled = account("max_pool2d", (x, 2))
    assert pooled is not None
    assert pooled.sizes == ((H, 4, H // 2, None),)
    padded = account("pad", (x, (1, 1)))
    assert padded is not None
    assert padded.sizes == ((H, 4, H, None),)
