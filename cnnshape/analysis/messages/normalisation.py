"""Normalisation: channels, dimensions, too few values."""

from __future__ import annotations

from cnnshape.analysis.diagnose.wording import dims
from cnnshape.analysis.messages.table import Fix, Found, Row, Shape, shape_group, sizes_of, worded
from cnnshape.messages import say


def _last_sizes(found: Found) -> Found:
    wanted = sizes_of(found["n"])
    last = Shape(sizes_of(found["input"])[-len(wanted) :])
    return {
        "last": last,
        "new": last[0] if len(last) == 1 else f"({', '.join(map(str, last))})",
        "dimensions": say("last dimension")
        if len(wanted) == 1
        else say("last {count} dimensions", count=len(wanted)),
    }


NORMALISATION = (
    Row(
        "batch_norm.num_features",
        r"running_mean should contain (?P<k>\d+) elements not (?P<n>\d+)",
        "{who} expects {n:channel}, but {k:arrive}",
        (Fix(worded("num_features={k} instead of {n}"), "num_features", "n", "k"),),
        layer=say("batch norm"),
    ),
    Row(
        "batch_norm.num_features",
        r"expected input's size at dim=1 to match num_features \((?P<n>\d+)\), but got: (?P<k>\d+)",
        "{who} expects {n:channel}, but {k:arrive}",
        (Fix(worded("num_features={k} instead of {n}"), "num_features", "n", "k"),),
        layer=say("instance norm"),
    ),
    Row(
        "batch_norm.rank",
        r"expected (?P<a>\d)D(?: or (?P<b>\d)D)? input \(got (?P<k>\d)D input\)",
        "{who} takes {takes}, but {k:arrive}",
        layer=say("norm layer"),
        more=lambda found: {
            "takes": say("{low} or {high} dimensions", low=found["a"], high=found["b"])
            if found["b"]
            else dims(found["a"])
        },
    ),
    Row(
        "batch_norm.single_value",
        rf"Expected more than 1 value per channel when training, got input size "
        rf"{shape_group('input')}",
        "{who} is in training mode and gets 1 value per channel ({input}): a variance needs at "
        "least 2",
        (Fix(worded("model.eval() before the call"), action="change_call"),),
        layer=say("batch norm"),
    ),
    Row(
        "instance_norm.single_value",
        rf"Expected more than 1 spatial element when training, got input size "
        rf"{shape_group('input')}",
        "{who} gets 1 value per channel ({input}): a variance needs at least 2",
        layer=say("instance norm"),
    ),
    Row(
        "layer_norm.normalized_shape",
        rf"Given normalized_shape={shape_group('n')}, expected input with shape .*?, but got "
        rf"input of "
        rf"size{shape_group('input')}",
        "{who} normalises {n} in the last dimension, but {last} arrive (of {input}): the {n} are "
        "its "
        "dimension {axis}",
        layer="LayerNorm",
        when=lambda found, _place: found["n"] in sizes_of(found["input"])[1:-1],
        more=lambda found: {
            "last": sizes_of(found["input"])[-1],
            "axis": sizes_of(found["input"]).index(found["n"], 1),
        },
    ),
    Row(
        "layer_norm.normalized_shape",
        rf"Given normalized_shape={shape_group('n')}, expected input with shape .*?, but got "
        rf"input of "
        rf"size{shape_group('input')}",
        "{who} normalises {n} in the {dimensions}, but {last} arrive (of {input})",
        (Fix(worded("normalized_shape={new} instead of {n}"), "normalized_shape", "n", "last"),),
        layer="LayerNorm",
        more=_last_sizes,
    ),
    Row(
        "group_norm.num_channels",
        rf"Expected weight to be a vector of size equal to the number of channels in input, but "
        rf"got "
        rf"weight of shape {shape_group('n')} and input of shape {shape_group('input')}",
        "{who} expects {n:channel}, but {k:arrive}",
        (Fix(worded("num_channels={k} instead of {n}"), "num_channels", "n", "k"),),
        layer="GroupNorm",
        more=lambda found: {"k": type(found["n"])(sizes_of(found["input"])[1])},
    ),
    Row(
        "group_norm.num_channels",
        rf"Expected number of channels in input to be divisible by num_groups, but got input of "
        rf"shape {shape_group('input')} and num_groups=(?P<groups>\d+)",
        "{who} parts its channels into {groups:group}, which do not divide the {k} of {input}",
        layer="GroupNorm",
        more=lambda found: {"k": sizes_of(found["input"])[1]},
    ),
    Row(
        "prelu.num_parameters",
        r"Found parameter numbers = (?P<n>\d+) and channel size = (?P<k>\d+)",
        "{who} has {n:slope} (num_parameters), but {k:arrive}",
        (Fix("nn.PReLU(num_parameters={k})", "num_parameters", "n", "k"),),
        layer="PReLU",
    ),
)
