"""A tensor that cannot take the shape, or that is asked for axes it has not."""

from __future__ import annotations

import re

from cnnshape.analysis.messages.table import Fix, Found, Number, Row, Shape, shape_group, sizes_of
from cnnshape.messages import say


def _numbers(found: Found) -> Found:
    """How many numbers the written sizes make, ``-1`` left out."""
    known = [size for size in sizes_of(found["shape"]) if size != -1]
    count = 1
    for size in known:
        count *= size
    whole = len(known) < len(sizes_of(found["shape"]))
    return {
        "resized": _resized(found),
        "written": Shape(known) if not whole else "×".join(_shown(found["shape"])),
        "why": say("{total} is not divisible by {known}", total=found["n"], known=count)
        if whole
        else say("that would be {known}", known=count),
    }


def _shown(value: object) -> list[str]:
    return ["?" if size == -1 else str(size) for size in sizes_of(value)]


def _resized(found: Found) -> str:
    """Two written sizes, the second worked out anew: that of a batch that is flattened."""
    sizes = sizes_of(found["shape"])
    call = re.match(r"(?P<tensor>.+)\.(?P<call>view|reshape)\([^()]*\)$", found["expression"])
    if len(sizes) != 2 or sizes[1] < 1 or call is None:
        return ""
    rows, tensor = sizes[0], call["tensor"]
    if rows < 1:
        return f"{tensor}.{call['call']}({tensor}.size(0), -1)"
    return "" if found["n"] % rows else f"{tensor}.{call['call']}({rows}, {found['n'] // rows})"


def _reshaped(expression: str) -> str:
    if expression.count(".view(") == 1:
        return expression.replace(".view(", ".reshape(")
    return say("{change} instead of {call}", change="reshape", call="view")


def _sum(found: Found) -> Found:
    return {
        "sum": sum(sizes_of(found["parts"])),
        "plus": " + ".join(map(str, sizes_of(found["parts"]))),
    }


MOVING = (
    Row(
        "view.size",
        r"shape '\[(?P<shape>-?\d+(?:, -?\d+)*)\]' is invalid for input of size (?P<n>\d+)",
        "a tensor of {n:number} cannot become {written}: {why}",
        (Fix("{resized}", action="change_call"),),
        more=_numbers,
    ),
    Row(
        "view.stride",
        r"view size is not compatible with input tensor's size and stride",
        "the tensor is not laid out in one piece, so view cannot give it that shape without "
        "copying; reshape can",
        (Fix("{reshaped}", action="change_call"),),
        more=lambda found: {"reshaped": _reshaped(found["expression"])},
    ),
    Row(
        "unflatten.size",
        rf"unflatten: Provided sizes {shape_group('shape')} don't multiply up to the size of dim "
        r"(?P<d>-?\d+) \((?P<n>\d+)\)",
        "dimension {d} has {n} and cannot be split into {written}: {why}",
        more=_numbers,
    ),
    Row(
        "expand.size",
        r"The expanded size of the tensor \((?P<n>\d+)\) must match the existing size "
        r"\((?P<k>\d+)\) "
        r"at non-singleton dimension (?P<d>\d+)",
        "a dimension of {k} cannot become {n} (dimension {d} of the result): only a dimension of "
        "size 1 can be expanded",
    ),
    Row(
        "expand.rank",
        r"the number of sizes provided \((?P<k>\d+)\) must be greater or equal to the number of "
        r"dimensions in the tensor \((?P<n>\d+)\)",
        "expand needs a size for each of {n:dims}, but gets {k}",
    ),
    Row(
        "repeat.rank",
        r"Number of dimensions of repeat dims can not be smaller than number of dimensions of "
        r"tensor",
        "repeat needs a number for each dimension, and gets fewer",
    ),
    Row(
        "permute.rank",
        r"number of dimensions in the tensor input does not match the length of the desired "
        r"ordering "
        r"of dimensions(?: i\.e\. input\.dim\(\) = (?P<k>\d+) is not equal to len\(dims\) = "
        r"(?P<n>\d+))",
        "permute names {n:dims}, but its tensor has {k:dims}",
    ),
    Row(
        "pool.rank",
        r"Dimension out of range \(expected to be in range of \[-(?P<k>\d), \d\]",
        "{who} takes more dimensions than the {k} that arrive",
        when=lambda _found, place: "_pool" in place.operation,
    ),
    Row(
        "dim.out_of_range",
        r"Dimension out of range \(expected to be in range of \[(?P<low>-?\d+), "
        r"(?P<high>-?\d+)\], but "
        r"got (?P<d>-?\d+)\)",
        "dimension {d} is asked for, but the tensor has {rank:dims} ({low} to {high})",
        more=lambda found: {"rank": Number(found["high"] + 1)},
    ),
    Row(
        "pixel_shuffle.channels",
        r"divisible by the square of upscale_factor, but input\.size\(-3\)=(?P<k>\d+) is not "
        r"divisible "
        r"by (?P<n>\d+)",
        "{who} needs a multiple of {n:channel}, but {k:arrive}",
        layer="PixelShuffle",
    ),
    Row(
        "pixel_unshuffle.size",
        r"pixel_unshuffle expects (?P<side>\w+) to be divisible by downscale_factor, but "
        r"input\.size\(-?\d\)=(?P<k>\d+) is not divisible by (?P<n>\d+)",
        "{who} needs a {side} that is a multiple of {n}, but it is {k}",
        layer="PixelUnshuffle",
        more=lambda found: {"side": say("height") if found["side"] == "height" else say("width")},
    ),
    Row(
        "split.sizes",
        r"split_with_sizes expects split_sizes to sum exactly to (?P<n>\d+) \(input tensor's size "
        r"at "
        rf"dimension (?P<d>-?\d+)\), but got split_sizes={shape_group('parts')}",
        "split takes {plus} = {sum} of dimension {d}, which has {n}",
        more=_sum,
    ),
    Row(
        "glu.size",
        r"Halving dimension must be even, but dimension (?P<d>\d+) is size (?P<n>\d+)",
        "{who} halves dimension {d}, but {n:arrive}, which is odd",
        layer="GLU",
    ),
    Row(
        "pad.size",
        r"Padding size should be less than the corresponding input dimension, but got: padding "
        rf"\((?P<pad>\d+, \d+)\) at dimension (?P<d>\d+) of input {shape_group('input')}",
        "dimension {d} of {input} is padded by more than it has",
    ),
    Row(
        "pad.size", r"Padding value causes wrapping around", "the padding is larger than the tensor"
    ),
    Row(
        "pad.numbers",
        r"Padding length (?:must be divisible by 2|should be less than or equal to two times)",
        "F.pad takes two numbers for each dimension, the last one first",
    ),
    Row(
        "pad.numbers",
        r"Padding size (?P<n>\d+) is not supported for (?P<k>\d)D input tensor",
        "F.pad gets {n:number} for {k:dims}, which this mode does not take",
    ),
    Row(
        "operation.shapes",
        r"t\(\) expects a tensor with <= 2 dimensions, but self is (?P<k>\d)D",
        "t takes at most 2 dimensions, but {k:arrive}",
        (Fix("x.transpose(-2, -1)", action="change_call"),),
    ),
    Row(
        "operation.shapes",
        r"(?P<op>\w+): Expected (?P<n>\d)-D argument (?P<which>\w+), but got (?P<k>\d)-D",
        "{op} takes {n:dims} for {which}, but {k:arrive}",
    ),
    Row(
        "operation.shapes",
        r"X1 and X2 must have the same number of columns\. X1: (?P<a>\d+) X2: (?P<b>\d+)",
        "distances are measured between points of equally many numbers, but they have {a} and {b}",
    ),
    Row(
        "operation.shapes",
        r"expected grid to have size (?P<n>\d) in last dimension, but got grid with sizes "
        rf"{shape_group('k')}",
        "grid_sample takes {n} in the last dimension of its grid, which is {k}",
    ),
    Row(
        "operation.shapes",
        r"selected index k out of range",
        "more are asked for than there are in that dimension",
    ),
    Row(
        "operation.shapes",
        r"repeats must have the same size as input along dim, but got repeats\.size\(0\) = "
        r"(?P<k>\d+) "
        r"and input\.size\(0\) = (?P<n>\d+)",
        "repeat_interleave has {k:count} for {n}: there must be one for each",
    ),
    Row(
        "interpolate.empty",
        r"Input and output sizes should be greater than 0, but got input \((?P<a>[^)]+)\) output "
        r"\((?P<b>[^)]+)\)",
        "what is left after scaling is nothing: {a} becomes {b}",
    ),
    Row(
        "interpolate.mode",
        r"Got (?P<k>\d)D input, but (?P<mode>\w+) mode needs (?P<n>\d)D input",
        "mode '{mode}' takes {n:dims}, but {k:arrive}",
    ),
    Row(
        "interpolate.size",
        r"Input and output must have the same number of spatial dimensions, but got input with "
        r"spatial "
        r"dimensions of \[(?P<k>[\d, ]+)\] and output size of [\[(](?P<n>[\d, ]+)[\])]",
        "a size is needed for each spatial dimension of {k}, but {n} is given",
    ),
)
