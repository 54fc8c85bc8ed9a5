"""Convolution and pooling: channels, dimensions, windows that do not fit."""

from __future__ import annotations

from cnnshape.analysis.diagnose.wording import AXES
from cnnshape.analysis.messages.place import Place
from cnnshape.analysis.messages.table import Fix, Found, Row, shape_group, sizes_of
from cnnshape.messages import say

_CONV = (
    rf"weight of size {shape_group('weight')}, expected input ?{shape_group('input')} to have "
    r"(?P<n>\d+) channels, but got (?P<k>\d+) channels"
)


def _conv(found: Found) -> Found:
    weight = sizes_of(found["weight"])
    kernel = weight[2:]
    same = kernel[0] if len(set(kernel)) == 1 else f"({', '.join(map(str, kernel))})"
    groups = int(found.get("groups") or 1)
    return {
        "kind": f"Conv{len(kernel)}d",
        "o": weight[0],
        "made": weight[1],
        "kernel": same,
        "grouped": f", groups={groups}" if groups > 1 else "",
        "moved": ", ".join(map(str, (0, len(kernel) + 1, *range(1, len(kernel) + 1)))),
    }


def _channels_last(found: Found, _place: Place) -> bool:
    shape = sizes_of(found["input"])
    # Where the side before it is as long, it is a picture that happens to be so wide.
    turned = len(shape) >= 4 and shape[-1] == found["n"] not in (shape[1], shape[-2])
    return turned and found["groups"] == 1


def _steps_last(found: Found, _place: Place) -> bool:
    shape = sizes_of(found["input"])
    return len(shape) == 3 and shape[-1] == found["n"] and found["groups"] == 1


def _groups_divide(found: Found, _place: Place) -> bool:
    return found["k"] % int(found["groups"]) == 0


def _axes(found: Found) -> Found:
    """Which axes a layer for so many dimensions takes: the middle of `N×C×H×W` and its rank."""
    axes = int(found["d"])
    return {
        "axes": AXES[axes],
        "rank": axes + 2,
        "low": axes + 1,
        "plain": AXES[axes].removeprefix("N×"),
    }


_WINDOW = r"(?P<size>[\d x]+)"

CONVOLUTION = (
    Row(
        "input.channels_last",
        rf"Given groups=(?P<groups>\d+), {_CONV}",
        "{who} expects {n:channel}, but {k:arrive}: {input} has its {n} in the last dimension, and "
        "PyTorch wants them second",
        (Fix("x.permute({moved})", action="insert_before"),),
        layer=say("convolution"),
        when=_channels_last,
        more=_conv,
    ),
    Row(
        "conv.in_channels",
        rf"Given groups=(?P<groups>\d+), {_CONV}",
        "{who} expects {n:channel}, but {k:arrive}: in {input} the {n} are the last dimension",
        (Fix("x.transpose(1, 2)", action="insert_before"),),
        layer=say("convolution"),
        when=_steps_last,
        more=_conv,
    ),
    Row(
        "conv.in_channels",
        rf"Given groups=(?P<groups>\d+), {_CONV}",
        "{who} expects {n:channel}, but {k:arrive}",
        (Fix("nn.{kind}({k}, {o}, kernel_size={kernel}{grouped}, …)", "in_channels", "n", "k"),),
        layer=say("convolution"),
        when=_groups_divide,
        more=_conv,
    ),
    Row(
        "conv.in_channels",
        rf"Given groups=(?P<groups>\d+), {_CONV}",
        "{who} expects {n:channel}, but {k:arrive}",
        layer=say("convolution"),
    ),
    Row(
        "conv.in_channels",
        rf"Given transposed=(?P<transposed>\d), {_CONV}",
        "{who} expects {n:channel}, but {k:arrive}",
        (
            Fix(
                "nn.ConvTranspose{d}d({k}, {made}, kernel_size={kernel}, …)",
                "in_channels",
                "n",
                "k",
            ),
        ),
        layer=say("transposed convolution"),
        more=lambda found: {**_conv(found), "d": len(sizes_of(found["weight"])) - 2},
    ),
    Row(
        "conv.in_channels",
        r"Invalid channel dimensions",
        "{who} expects another number of channels than arrives",
        layer=say("convolution"),
    ),
    Row(
        "conv.rank",
        r"Expected \dD \(unbatched\) or \dD \(batched\) input to conv\w*?(?P<d>\d)d, but got "
        r"input of "
        rf"size: {shape_group('input')}",
        "{who} takes {rank} dimensions ({axes}), or {low} without the batch ({plain}), but "
        "{input:arrive}: {input}",
        layer=say("convolution"),
        more=_axes,
    ),
    Row(
        "conv.rank",
        r"Expected (?P<rank>\d)-dimensional input for \d-dimensional weight .*?, but got "
        rf"\d-dimensional input of size {shape_group('input')}",
        "{who} takes {rank} dimensions, but {input:arrive}: {input}",
        layer=say("convolution"),
    ),
    Row(
        "conv.rank",
        r"Expected (?P<low>\d)D \(unbatched\) or (?P<rank>\d)D \(batched\) input to conv",
        "{who} takes {rank} dimensions, or {low} without the batch",
        layer=say("convolution"),
    ),
    Row(
        "conv.kernel_too_large",
        rf"Calculated padded input size per channel: \({_WINDOW}\)\. Kernel size: "
        r"\((?P<kernel>[\d x]+)\)\. Kernel size can't be greater",
        "the {kernel} kernel of {who} does not fit into {size}, the padding included",
        layer=say("convolution"),
    ),
    Row(
        "conv_transpose.output_size",
        rf"requested an output size of {shape_group('asked')}, but valid sizes range from "
        rf"{shape_group('least')} to {shape_group('most')} \(for an input of "
        rf"{shape_group('given')}\)",
        "{who} is asked for an output of {asked}, but from {given} it can only make {least} to "
        "{most}",
        layer=say("transposed convolution"),
    ),
    Row(
        "conv_transpose.output_padding",
        r"output padding must be smaller than either stride or dilation(?:, but got "
        r"output_padding_(?:height|width|depth): (?P<pad>\d+) .*?stride_\w+: (?P<stride>\d+))?",
        "the output_padding of {who} must be smaller than its stride or its dilation",
        layer=say("transposed convolution"),
    ),
    Row(
        "pool.too_small",
        r"Given input size: \((?P<input>[\dx]+)\)\. Calculated output size: \((?P<out>[-\dx]+)\)\. "
        r"Output size is too small",
        "the window of {who} does not fit into the {input} that arrive: {out} would be left",
        layer=say("pooling layer"),
    ),
    Row(
        "pool.padding",
        r"pad(?:ding)? should be at most half of (?:effective )?kernel size(?:, but got "
        r"pad(?:ding)?=(?P<pad>\d+),? (?:and )?kernel_size=(?P<kernel>\d+))?",
        "{who} pads by more than half of its kernel",
        layer=say("pooling layer"),
    ),
    Row(
        "pool.rank",
        r"Expected (?P<low>\d)D(?: \(unbatched\))? or (?P<high>\d)D \(batch(?:ed| mode)\) "
        rf"(?:tensor for )?input, but got(?: input of size)?:? ?{shape_group('input')}",
        "{who} takes {high} dimensions, or {low} without the batch, but {input:arrive}: {input}",
        layer=say("pooling layer"),
    ),
    Row(
        "pool.rank",
        r"(?:adaptive_\w+\(\): )?Expected (?P<low>\d)D or (?P<high>\d)D tensor, but got:? "
        rf"{shape_group('input')}",
        "{who} takes {high} dimensions, or {low} without the batch, but {input:arrive}: {input}",
        layer=say("pooling layer"),
    ),
    Row(
        "pool.rank",
        r"non-empty (?P<low>\d)D or (?P<high>\d)D \(batch mode\) tensor expected for input",
        "{who} takes {high} dimensions, or {low} without the batch",
        layer=say("pooling layer"),
    ),
    Row(
        "pool.too_small",
        r"Invalid computed output size: (?P<out>-?\d+)|pool \w+ (?P<kernel>\d+) too large "
        r"relative to "
        r"input \w+ (?P<size>\d+)",
        "the window of {who} does not fit into what arrives",
        layer=say("pooling layer"),
    ),
    Row(
        "unpool.indices",
        rf"Expected shape of indices to be same as that of the input tensor "
        rf"\({shape_group('input')}\) "
        rf"but got indices tensor with shape: {shape_group('indices')}",
        "{who} gets {input} and indices of {indices}, but needs an index for every number",
        layer="MaxUnpool2d",
    ),
    Row(
        "fold.size",
        r"expected size of input's dimension (?P<d>\d) to match the calculated number of sliding "
        r"blocks .*?= (?P<n>\d+), but got input\.size\(\d\)=(?P<k>\d+)",
        "{who} puts {n:window} together in dimension {d}, but {k:arrive}",
        layer="Fold",
    ),
)
