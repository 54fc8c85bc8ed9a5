"""Operations that slide a window over the spatial axes, or give them another size.

The arithmetic is that of :mod:`cnnshape.formulas`; what it demands of its arguments becomes what
the operation needs of the sizes. Source: https://pytorch.org/docs/stable/nn.functional.html.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from cnnshape.formulas import axis_size
from cnnshape.formulas.algebra import Sum, Whole
from cnnshape.formulas.registry import axis_rule
from cnnshape.operations.axes import (
    Account,
    AxisOf,
    Broadcast,
    Chosen,
    Ended,
    Kept,
    Merged,
    Need,
    Origin,
    Part,
    Size,
    Windowed,
    Written,
    merged,
    over,
    times,
)
from cnnshape.operations.call import Call, Operand, Unfit
from cnnshape.operations.table import Table

WINDOWS = Table()
_FUNCTIONAL = "torch.nn.functional."

#: Arguments that a layer may be given one of for each axis.
_PER_AXIS = frozenset(
    "kernel_size stride padding dilation output_padding output_size output_ratio size "
    "scale_factor".split()
)


def along(
    rule: str, source: AxisOf, n: Size, arguments: Mapping[str, Any]
) -> tuple[Windowed, tuple[Need, ...]]:
    """One axis under a size rule, and what the rule needs of it.

    >>> origin, needs = along("max_pool", AxisOf(0, 2), 28, {"kernel_size": 2})
    >>> origin.size
    14
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    if given.get("padding") == "valid":
        given["padding"] = 0
    if rule == "adaptive_pool":
        given.setdefault("output_size", n)  # None keeps the size
    if n is None:
        return Windowed(source, None, rule, given), ()
    size = _size(rule, n, given)
    needs = _needs(rule, source, n, size, given) if isinstance(size, Sum) else ()
    return Windowed(source, size, rule, given), needs


def _size(rule: str, n: Whole, given: dict[str, Any]) -> Size:
    if rule == "upsample":
        given.pop("mode", None)
        factor = given.get("scale_factor")
        if factor is not None and isinstance(n, Sum):
            return scaled(n, float(factor))
    if rule == "max_unpool" and given.get("output_size") is not None:
        return given["output_size"]
    if rule == "fractional_pool" and given.get("output_size") is None:
        return None if isinstance(n, Sum) else int(n * float(given["output_ratio"]))
    return axis_size(rule, n, **given)


def _needs(
    kind: str, source: AxisOf, n: Whole, size: Sum, given: Mapping[str, Any]
) -> tuple[Need, ...]:
    """At least one position, and the conditions of the rule."""
    needs = [Need(size, ">=", 1, "", source)]
    rule, defaults = axis_rule(kind, **given)
    values = {**defaults, **given, "input": n}
    ordered = [values[name] for name in rule.names.values()]
    for condition in rule.conditions:
        try:
            left, right = condition.bounds(*ordered)
        except TypeError:
            continue  # a condition that compares cannot be written down
        if isinstance(left, Sum) or isinstance(right, Sum):
            needs.append(Need(right, ">=", left, "", source))  # pyright: ignore[reportArgumentType]
    return tuple(needs)


def scaled(size: Sum, factor: float) -> Sum | None:
    """``⌊size · factor⌋`` for a factor that is a ratio of small numbers; None otherwise.

    >>> from cnnshape.formulas.algebra import letter
    >>> scaled(letter("H"), 0.5), scaled(letter("H"), 2.0)
    (Sum('H//2'), Sum('2*H'))
    """
    ratio = Fraction(factor).limit_denominator(64)
    if not math.isclose(float(ratio), factor, rel_tol=1e-12):
        return None
    return (size * ratio.numerator) // ratio.denominator


def _slid(call: Call, rule: str, arguments: Mapping[str, Any]) -> tuple[list[Origin], list[Need]]:
    """The batch and channels of the input as they are, and its spatial axes under the rule."""
    x = call.tensor()
    axes = call.spatial or x.rank - 2
    lead = x.rank - axes
    if lead < 0:
        raise Unfit("too few axes")
    origins: list[Origin] = list(x.all_kept(0, lead))
    needs: list[Need] = []
    for axis in range(axes):
        each = {
            name: value[axis] if isinstance(value, tuple) and name in _PER_AXIS else value
            for name, value in arguments.items()
        }
        origin, more = along(rule, x.axis(lead + axis), x.sizes[lead + axis], each)
        origins.append(origin)
        needs += more
    return origins, needs


def _picked(call: Call, *names: str) -> dict[str, Any]:
    """Some arguments; one number in a tuple stands for all axes, an empty stride for the kernel."""
    return {name: _for_all_axes(name, call[name]) for name in names}


def _for_all_axes(name: str, value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    items: tuple[Any, ...] = value
    if not items and name == "stride":
        return None
    return items[0] if len(items) == 1 else items


# ---- convolutions -------------------------------------------------------------------------

_CONV = "input weight bias=None stride=1 padding=0 dilation=1 groups=1"
_TRANSPOSED = "input weight bias=None stride=1 padding=0 output_padding=0 groups=1 dilation=1"


def _kernel(call: Call) -> Operand:
    weight = call.tensor("weight")
    if weight.rank < 3:
        raise Unfit("no kernel")
    return weight


def _conv_rule(call: Call) -> tuple[str, dict[str, Any]]:
    weight = _kernel(call)
    channels = times((weight.sizes[1], call["groups"]))
    return "conv", _picked(call, "stride", "padding", "dilation", "groups") | {
        "kernel_size": weight.sizes[2:],
        "in_channels": channels,
        "out_channels": weight.sizes[0],
        "dims": call.spatial or weight.rank - 2,
    }


@WINDOWS.add("conv", "convolution", _CONV, rule=_conv_rule, macs="filtered", dtypes="alike",
             source=_FUNCTIONAL + "conv2d")  # fmt: skip
def conv(call: Call) -> Account:
    """A window of all channels of a group for every filter."""
    _, arguments = _conv_rule(call)
    return _filtered(call, "conv", arguments)


def _conv_transpose_rule(call: Call) -> tuple[str, dict[str, Any]]:
    weight = _kernel(call)
    picked = _picked(call, "stride", "padding", "output_padding", "dilation", "groups")
    return "conv_transpose", picked | {
        "kernel_size": weight.sizes[2:],
        "in_channels": weight.sizes[0],
        "out_channels": times((weight.sizes[1], call["groups"])),
        "dims": call.spatial or weight.rank - 2,
    }


def _conv_transpose_macs(call: Call) -> Size:
    """Each input number is spread over the kernel and the output channels of its group."""
    return times((times(call.tensor().sizes), times(_kernel(call).sizes[1:])))


@WINDOWS.add("conv_transpose", "convolution", _TRANSPOSED, rule=_conv_transpose_rule,
             macs=_conv_transpose_macs, dtypes="alike",
             source=_FUNCTIONAL + "conv_transpose2d")  # fmt: skip
def conv_transpose(call: Call) -> Account:
    """Every position spread over the kernel."""
    _, arguments = _conv_transpose_rule(call)
    return _filtered(call, "conv_transpose", arguments)


def _filtered(call: Call, rule: str, arguments: dict[str, Any]) -> Account:
    """Other channels, and the spatial axes under the rule."""
    x, weight = call.tensor(), call.tensor("weight")
    expected, channels = arguments.pop("in_channels"), arguments.pop("out_channels")
    for name in ("dims", "groups"):
        arguments.pop(name)
    origins, needs = _slid(call, rule, arguments)
    at = x.rank - (call.spatial or x.rank - 2) - 1
    source = x.axis(at)
    origins[at] = Written(channels)
    contracted = Ended((source, weight.axis(1)), "contracted", x.sizes[at])
    needs.insert(0, Need(x.sizes[at], "==", expected, "in_channels", source))
    return Account((tuple(origins),), (contracted,), tuple(needs))


def _convolution_rule(call: Call) -> tuple[str, dict[str, Any]]:
    return _conv_transpose_rule(call) if call["transposed"] else _conv_rule(call)


def _convolution_macs(call: Call) -> Size:
    return _conv_transpose_macs(call) if call["transposed"] else _conv_macs(call)


def _conv_macs(call: Call) -> Size:
    return times((times(convolution(call).sizes[0]), times(_kernel(call).sizes[1:])))


@WINDOWS.add("convolution", "convolution",
             "input weight bias stride padding dilation transposed output_padding groups",
             rule=_convolution_rule, macs=_convolution_macs,
             source="torch.ops.aten.convolution")  # fmt: skip
def convolution(call: Call) -> Account:
    """The operator behind every convolution."""
    if call["transposed"]:
        return conv_transpose(call)
    return conv(call)


@WINDOWS.add("convolution_mode", "convolution",
             "input weight bias stride padding dilation groups", rule=_conv_rule, macs="filtered",
             source="torch.ops.aten._convolution_mode")  # fmt: skip
def convolution_mode(call: Call) -> Account:
    """The operator behind a convolution whose padding is a word."""
    return conv(call)


def _deform_macs(call: Call) -> Size:
    weight = call.tensor("weight")
    return times((times(deform_conv2d(call).sizes[0]), times(weight.sizes[1:])))


@WINDOWS.add("deform_conv2d", "convolution",
             "input weight offset mask bias stride_h stride_w pad_h pad_w dilation_h dilation_w "
             "groups offset_groups use_mask", macs=_deform_macs,
             source="torchvision.ops.deform_conv2d")  # fmt: skip
def deform_conv2d(call: Call) -> Account:
    """A convolution whose window is displaced at every position: there are as many as offsets."""
    x, weight, offset = call.tensor(), call.tensor("weight"), call.tensor("offset")
    batch = Broadcast((x.axis(0), offset.axis(0)), x.sizes[0])
    origins = (batch, Written(weight.sizes[0]), *_sampled(x, offset, (-2, -1)))
    contracted = Ended((x.axis(1), weight.axis(1)), "contracted", x.sizes[1])
    taps = Ended((offset.axis(1),), "reduced", offset.sizes[1])
    return Account((origins,), (contracted, taps))


def _sampled(x: Operand, places: Operand, axes: Sequence[int]) -> tuple[Origin, ...]:
    """The spatial axes of ``x``, read where some axes of another tensor say."""
    first = x.rank - len(axes)
    return tuple(
        Chosen(x.axis(first + a), places.sizes[at], places.axis(at)) for a, at in enumerate(axes)
    )


def _tbc_macs(call: Call) -> Size:
    weight = call.tensor("weight")
    return times((times(conv_tbc(call).sizes[0]), weight.sizes[0], weight.sizes[1]))


@WINDOWS.add("conv_tbc", "convolution", "input weight bias pad=0", macs=_tbc_macs)
def conv_tbc(call: Call) -> Account:
    """A convolution over time × batch × channels."""
    x, weight = call.tensor(), call.tensor("weight")
    each = {"kernel_size": weight.sizes[0], "padding": call["pad"]}
    steps, needs = along("conv", x.axis(0), x.sizes[0], each)
    contracted = Ended((x.axis(2), weight.axis(1)), "contracted", x.sizes[2])
    return Account(((steps, x.kept(1), Written(weight.sizes[2])),), (contracted,), needs)


# ---- pooling ------------------------------------------------------------------------------


def _pool_arguments(call: Call, *names: str) -> dict[str, Any]:
    return _picked(call, *names) | {"dims": call.spatial}


def _max_pool_rule(call: Call) -> tuple[str, dict[str, Any]]:
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    return "max_pool", _pool_arguments(call, *names)


def _avg_pool_rule(call: Call) -> tuple[str, dict[str, Any]]:
    return "avg_pool", _pool_arguments(call, "kernel_size", "stride", "padding", "ceil_mode")


def _lp_pool_rule(call: Call) -> tuple[str, dict[str, Any]]:
    return "lp_pool", _pool_arguments(call, "kernel_size", "stride", "ceil_mode")


def _adaptive_rule(call: Call) -> tuple[str, dict[str, Any]]:
    return "adaptive_pool", _pool_arguments(call, "output_size")


def _fractional_rule(call: Call) -> tuple[str, dict[str, Any]]:
    names = ("kernel_size", "output_size", "output_ratio")
    return "fractional_pool", {name: call[name] for name in names} | {"dims": call.spatial}


def _unpool_rule(call: Call) -> tuple[str, dict[str, Any]]:
    return "max_unpool", _pool_arguments(call, "kernel_size", "stride", "padding", "output_size")


def _pooled(call: Call, rule: str, arguments: dict[str, Any]) -> Account:
    """The numbers under the windows, and where they stood if that is asked for."""
    arguments.pop("dims")
    origins, needs = _slid(call, rule, arguments)
    indices = call.arguments.get("return_indices") or call.name.endswith(_ALWAYS_TELLS)
    return Account((tuple(origins),) * (2 if indices else 1), needs=tuple(needs))


#: Names that tell where a number stood without being asked; the operators of aten among them.
_ALWAYS_TELLS = ("_with_indices", "d.default")


@WINDOWS.add("max_pool max_pool_with_indices", "pooling",
             "input kernel_size stride=None padding=0 dilation=1 ceil_mode=False "
             "return_indices=False", rule=_max_pool_rule,
             source=_FUNCTIONAL + "max_pool2d")  # fmt: skip
def max_pool(call: Call) -> Account:
    """The largest number under the window, and where it stood."""
    return _pooled(call, *_max_pool_rule(call))


@WINDOWS.add("avg_pool", "pooling", "input kernel_size stride=None padding=0 ceil_mode=False",
             rule=_avg_pool_rule, dtypes="floating", source=_FUNCTIONAL + "avg_pool2d")  # fmt: skip
def avg_pool(call: Call) -> Account:
    """The mean under the window."""
    return _pooled(call, *_avg_pool_rule(call))


@WINDOWS.add("lp_pool", "pooling", "input norm_type kernel_size stride=None ceil_mode=False",
             rule=_lp_pool_rule, source=_FUNCTIONAL + "lp_pool2d")  # fmt: skip
def lp_pool(call: Call) -> Account:
    """A power mean under the window."""
    return _pooled(call, *_lp_pool_rule(call))


@WINDOWS.add("adaptive_avg_pool adaptive_max_pool adaptive_max_pool_with_indices "
             "adaptive_max_pool2d.default adaptive_max_pool3d.default", "pooling",
             "input output_size return_indices=False", rule=_adaptive_rule,
             dtypes="floating", source=_FUNCTIONAL + "adaptive_avg_pool2d")  # fmt: skip
def adaptive_pool(call: Call) -> Account:
    """As many windows as asked for, whatever arrives."""
    return _pooled(call, *_adaptive_rule(call))


@WINDOWS.add("fractional_max_pool fractional_max_pool_with_indices "
             "fractional_max_pool2d.default fractional_max_pool3d.default", "pooling",
             "input kernel_size output_size=None output_ratio=None return_indices=False",
             rule=_fractional_rule, source=_FUNCTIONAL + "fractional_max_pool2d")  # fmt: skip
def fractional_pool(call: Call) -> Account:
    """Windows at random distances."""
    return _pooled(call, *_fractional_rule(call))


@WINDOWS.add("max_unpool", "pooling",
             "input indices kernel_size stride=None padding=0 output_size=None",
             rule=_unpool_rule, source=_FUNCTIONAL + "max_unpool2d")  # fmt: skip
def max_unpool(call: Call) -> Account:
    """Every number back where a pooling took it from."""
    rule, arguments = _unpool_rule(call)
    asked = arguments.get("output_size")
    axes = call.spatial or 2
    if isinstance(asked, tuple):  # the whole shape, or its spatial part
        arguments["output_size"] = asked[len(asked) - axes :]  # pyright: ignore[reportUnknownArgumentType]
    return _pooled(call, rule, arguments)


# ---- other sizes --------------------------------------------------------------------------


def _interpolate_rule(call: Call) -> tuple[str, dict[str, Any]]:
    arguments = {name: call[name] for name in ("size", "scale_factor", "mode")}
    return "upsample", {k: v for k, v in arguments.items() if v is not None}


@WINDOWS.add("interpolate upsample", "resizing",
             "input size=None scale_factor=None mode='nearest' align_corners=None "
             "recompute_scale_factor=None antialias=False", rule=_interpolate_rule,
             dtypes="floating", source=_FUNCTIONAL + "interpolate")  # fmt: skip
def interpolate(call: Call) -> Account:
    """The spatial axes at another size, or so many times as large."""
    _, arguments = _interpolate_rule(call)
    details = ("mode", "align_corners", "recompute_scale_factor", "antialias")
    return _resized(call, arguments, {name: call[name] for name in details})


def _resized(call: Call, arguments: Mapping[str, Any], details: Mapping[str, Any]) -> Account:
    origins, needs = _slid(call, "upsample", arguments)
    told = (replace(o, details=details) if isinstance(o, Windowed) else o for o in origins)
    return Account((tuple(told),), needs=tuple(needs))


@WINDOWS.add("upsample_nearest upsample_nearest_exact", "resizing",
             "input size|output_size=None scale_factor|scale_factors=None",
             rule=lambda call: ("upsample", _asked(call)),
             source=_FUNCTIONAL + "upsample_nearest")  # fmt: skip
@WINDOWS.add("upsample_bilinear", "resizing", "input size=None scale_factor=None",
             rule=lambda call: ("upsample", _asked(call)),
             source=_FUNCTIONAL + "upsample_bilinear")  # fmt: skip
@WINDOWS.add("upsample_linear1d upsample_bilinear2d upsample_bicubic2d upsample_trilinear3d "
             "upsample_bilinear2d_aa upsample_bicubic2d_aa", "resizing",
             "input size|output_size align_corners scale_factor|scale_factors=None",
             rule=lambda call: ("upsample", _asked(call)),
             source="torch.ops.aten.upsample_bilinear2d")  # fmt: skip
def upsample(call: Call) -> Account:
    """An interpolation whose mode is in its name; ``F.upsample_bilinear`` aligns the corners."""
    mode, _, _ = call.spelled.removeprefix("upsample_").partition("2d")
    corners = call.arguments.get("align_corners", mode == "bilinear")
    details = {
        "mode": mode.replace("_", "-"),
        "align_corners": corners,
        "antialias": call.spelled.endswith("_aa"),
    }
    return _resized(call, _asked(call), details)


def _asked(call: Call) -> dict[str, Any]:
    """The size, or where none is given the factor."""
    name = "scale_factor" if call["size"] is None else "size"
    return _picked(call, name)


_PAD_MODES = {
    "reflection_pad": "reflect", "replication_pad": "replicate", "pad_circular": "circular",
}  # fmt: skip


def _pad_mode(call: Call) -> str:
    return call.arguments.get("mode") or _PAD_MODES.get(call.name, "constant")


def _pad_rule(call: Call) -> tuple[str, dict[str, Any]]:
    return "pad", {"padding": call["pad"], "mode": _pad_mode(call)}


@WINDOWS.add("pad", "padding", "input pad mode='constant' value=None", rule=_pad_rule,
             source=_FUNCTIONAL + "pad")  # fmt: skip
@WINDOWS.add("constant_pad_nd", "padding", "input pad", rule=_pad_rule, source=_FUNCTIONAL + "pad")
@WINDOWS.add("reflection_pad", "padding", "input pad|padding", rule=_pad_rule,
             source="torch.nn.ReflectionPad2d")  # fmt: skip
@WINDOWS.add("replication_pad", "padding", "input pad|padding", rule=_pad_rule,
             source="torch.nn.ReplicationPad2d")  # fmt: skip
@WINDOWS.add("pad_circular", "padding", "input pad|padding", rule=_pad_rule,
             source="torch.nn.CircularPad2d")  # fmt: skip
def pad(call: Call) -> Account:
    """Positions before and after the last axes; the amounts go from the last axis inwards."""
    x, amounts = call.tensor(), call.sizes("pad")
    mode = _pad_mode(call)
    origins: list[Origin] = list(x.all_kept())
    needs: list[Need] = []
    for index in range(len(amounts) // 2):
        axis = x.rank - 1 - index
        n, before, after = x.sizes[axis], amounts[2 * index], amounts[2 * index + 1]
        if before == 0 and after == 0:
            continue
        source = x.axis(axis)
        size = None if n is None else n + before + after
        given = {"before": before, "after": after, "mode": mode}
        origins[axis] = Windowed(source, size, "pad", given)
        if isinstance(n, Sum):
            needs.append(Need(size, ">=", 1, "", source))
            edge = {"reflect": 1, "circular": 0}.get(mode)
            if edge is not None:
                needs += [Need(n, ">=", amount + edge, "", source) for amount in (before, after)]
    return Account((tuple(origins),), needs=tuple(needs))


# ---- windows as an axis of their own ------------------------------------------------------


def _unfold_rule(call: Call) -> tuple[str, dict[str, Any]]:
    return "unfold", {n: call[n] for n in ("kernel_size", "dilation", "padding", "stride")}


@WINDOWS.add("unfold im2col", "resizing", "input kernel_size dilation=1 padding=0 stride=1",
             rule=_unfold_rule, source=_FUNCTIONAL + "unfold")  # fmt: skip
def unfold(call: Call) -> Account:
    """The numbers under every window as a column."""
    x = call.tensor()
    _, arguments = _unfold_rule(call)
    positions: list[Origin] = []
    needs: list[Need] = []
    for axis in range(2):
        each = {name: _pair(value)[axis] for name, value in arguments.items()}
        at = x.rank - 2 + axis
        origin, more = along("conv", x.axis(at), x.sizes[at], each)
        positions.append(origin)
        needs += more
    taps = tuple(Written(k) for k in _pair(arguments["kernel_size"]))
    column = merged((x.kept(-3), *taps))
    return Account(((*x.all_kept(0, -3), column, merged(positions)),), needs=tuple(needs))


def _fold_rule(call: Call) -> tuple[str, dict[str, Any]]:
    names = ("output_size", "kernel_size", "dilation", "padding", "stride")
    return "fold", {name: call[name] for name in names}


@WINDOWS.add("fold col2im", "resizing",
             "input output_size kernel_size dilation=1 padding=0 stride=1",
             rule=_fold_rule, source=_FUNCTIONAL + "fold")  # fmt: skip
def fold(call: Call) -> Account:
    """Columns laid back where an unfolding took them from, and added up."""
    x = call.tensor()
    kernel = times(_pair(call["kernel_size"]))
    channels = Part(x.axis(-2), over(x.sizes[-2], kernel), kernel)
    gone = Ended((x.axis(-1),), "reduced", x.sizes[-1])
    size = tuple(Written(n) for n in _pair(call["output_size"]))
    return Account(((*x.all_kept(0, -2), channels, *size),), (gone,))


def _pair(value: Any) -> tuple[Any, ...]:
    if isinstance(value, tuple):
        items: tuple[Any, ...] = value
        return items if len(items) == 2 else items * 2
    return (value, value)


@WINDOWS.add("sliding_window", "resizing", "input dimension|dim size step",
             source="torch.Tensor.unfold")  # fmt: skip
def sliding_window(call: Call) -> Account:
    """``Tensor.unfold``: windows over one axis, their numbers as a new last axis."""
    x = call.tensor()
    axis = call.axis("dimension", x.rank)
    each = {"kernel_size": call.size("size"), "stride": call.size("step")}
    windows, needs = along("conv", x.axis(axis), x.sizes[axis], each)
    inside = Written(call.size("size"))
    return Account(((*x.all_kept(0, axis), windows, *x.all_kept(axis + 1), inside),), needs=needs)


# ---- channels against space ---------------------------------------------------------------


@WINDOWS.add("pixel_shuffle", "shuffling", "input upscale_factor", source="torch.nn.PixelShuffle",
             rule=lambda call: ("pixel_shuffle",
                                {"upscale_factor": call["upscale_factor"]}))  # fmt: skip
def pixel_shuffle(call: Call) -> Account:
    """``r²`` channels become ``r × r`` positions of each."""
    x, r = call.tensor(), call.size("upscale_factor")
    c, h, w = (x.axis(axis) for axis in (-3, -2, -1))
    channels = Part(c, over(x.sizes[-3], r * r), r * r)
    rows = Merged((Kept(h, x.sizes[-2]), Part(c, r, r)), times((x.sizes[-2], r)))
    columns = Merged((Kept(w, x.sizes[-1]), Part(c, r, 1)), times((x.sizes[-1], r)))
    needs = (Need(x.sizes[-3], "==", times((channels.size, r * r)), "channels", c),)
    return Account(((*x.all_kept(0, -3), channels, rows, columns),), needs=needs)


@WINDOWS.add("pixel_unshuffle", "shuffling", "input downscale_factor",
             source="torch.nn.PixelUnshuffle",
             rule=lambda call: ("pixel_unshuffle",
                                {"downscale_factor": call["downscale_factor"]}))  # fmt: skip
def pixel_unshuffle(call: Call) -> Account:
    """``r × r`` positions become ``r²`` channels of each."""
    x, r = call.tensor(), call.size("downscale_factor")
    h, w = x.axis(-2), x.axis(-1)
    rows, columns = over(x.sizes[-2], r), over(x.sizes[-1], r)
    channels = merged((x.kept(-3), Part(h, r, 1), Part(w, r, 1)))
    needs = tuple(
        Need(n, "==", times((less, r)), "", axis)
        for n, less, axis in ((x.sizes[-2], rows, h), (x.sizes[-1], columns, w))
    )
    space = (Part(h, rows, r), Part(w, columns, r))
    return Account(((*x.all_kept(0, -3), channels, *space),), needs=needs)


@WINDOWS.add("channel_shuffle", "moving", "input groups", source="torch.nn.ChannelShuffle",
             rule=lambda call: ("channel_shuffle", {"groups": call["groups"]}))  # fmt: skip
def channel_shuffle(call: Call) -> Account:
    """The channels of all groups dealt out in turn."""
    x, groups = call.tensor(), call.size("groups")
    each = over(x.sizes[1], groups)
    channels = Merged((Part(x.axis(1), each, 1), Part(x.axis(1), groups, each)), x.sizes[1])
    return Account(((x.kept(0), channels, *x.all_kept(2)),))
