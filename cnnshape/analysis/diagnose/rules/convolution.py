"""Convolutions: channels, dimensions, kernels that do not fit."""

from __future__ import annotations

from collections.abc import Iterator

from cnnshape.analysis.arguments import bind
from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import OUTPUTS
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.rules.missing_batch import unsqueeze_input
from cnnshape.analysis.diagnose.rules.windows import too_small
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import (
    before_call,
    change_input,
    new_input,
    own_layer,
    set_arguments,
    set_many,
    set_parameter,
)
from cnnshape.analysis.diagnose.wording import AXES, arrive, dims, who
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Module, Value
from cnnshape.words import plural, times

#: The layers that convolve.
CONVOLUTIONS = frozenset(
    f"{lazy}{name}{n}d"
    for lazy in ("", "Lazy")
    for name in ("Conv", "ConvTranspose")
    for n in (1, 2, 3)
)
TRANSPOSED = "conv_transpose"


def name_of(failing: Failing, layer: Module | None) -> str:
    """The failing layer, or the functional call."""
    if layer is not None and layer.path == failing.path:
        return who(failing.path, failing.module.type)
    function = failing.operation.name if failing.operation else "the call"
    return f"{function} in {failing.path}" if failing.path else function


def convolution(failing: Failing) -> Diagnosis | None:
    """``conv1d`` to ``conv3d`` and the transposed ones: the first condition that is broken."""
    value = failing.value(failing.argument(0, "input"))
    weight = failing.value(failing.argument(1, "weight"))
    if value is None or weight is None or failing.dims is None:
        return None
    shape, kernel = sizes(value), sizes(weight)
    if shape is None or kernel is None or len(kernel) != failing.dims + 2:
        return None
    layer = failing.layer(CONVOLUTIONS, failing.argument(1, "weight"))
    if len(shape) not in (failing.dims + 1, failing.dims + 2):
        return wrong_rank(failing, value, shape, layer)
    bound = bind(failing.operation) if failing.operation else None
    groups = (bound or {}).get("groups", 1)
    expected = kernel[0] if failing.name == TRANSPOSED else kernel[1] * groups
    if shape[-failing.dims - 1] != expected:
        return _channels(failing, value, weight, shape, kernel, expected, groups, layer)
    if failing.name == TRANSPOSED:
        return None
    return too_small(failing, value, shape, bound or {}, kernel[2:], layer)


# ---- channels -----------------------------------------------------------------------------


def _channels(
    failing: Failing,
    value: Value,
    weight: Value,
    shape: Sizes,
    kernel: Sizes,
    expected: int,
    groups: int,
    layer: Module | None,
) -> Diagnosis:
    assert failing.dims is not None
    axis = len(shape) - failing.dims - 1
    arriving = shape[axis]
    name = name_of(failing, layer)
    sentence = f"{name} expects {plural(expected, 'channel')}, but {arriving} {arrive(arriving)}"
    sentence += failing.which_call()
    channels_last = _channels_last(value, shape, expected, failing.dims)
    if channels_last is not None:
        order, after = channels_last
        return Diagnosis(
            "input.channels_last",
            f"{sentence}: {value.name} {times(shape)} has its {plural(expected, 'channel')} in "
            f"the last dimension, and PyTorch wants {'it' if expected == 1 else 'them'} "
            f"{'second' if axis else 'first'}",
            (),
            (
                change_input(
                    value.name or "x",
                    value.name or "x",
                    f"{value.name}.permute({', '.join(map(str, order))})",
                    (Step("permute", order),),
                    list(shape),
                    after,
                ),
            ),
        )
    if value.origin == "input" and len(shape) == failing.dims + 1 and shape[0] != expected:
        missing = _channel_axis_missing(failing, value, shape, expected)
        if missing is not None:
            return missing
    if axis and shape[0] == expected and arriving == 1 and value.origin == "input":
        # C×1×H×W: an unsqueeze in the wrong place.
        order = (1, 0, *range(2, len(shape)))
        candidate = change_input(
            value.name or "x",
            value.name or "x",
            f"{value.name}.transpose(0, 1)",
            (Step("transpose", (0, 1)),),
            list(shape),
            [shape[a] for a in order],
        )
        candidates = [candidate, *_channel_candidates(failing, value, shape, axis, expected, layer)]
        return Diagnosis("conv.in_channels", sentence, (), tuple(c for c in candidates if c))
    origin = story(failing.trace, value.id, axis)
    earlier = failing.earlier_call()
    found: list[Suggestion | None] = []
    if shape[-1] == expected and axis and layer is not None and layer.path == failing.path:
        # N×L×C, as linear layers and transformers have it.
        order = (0, len(shape) - 1, *range(1, len(shape) - 1))
        sentence += f": in {times(shape)} the {expected} are the last dimension"
        text = "x.transpose(1, 2)" if len(shape) == 3 else f"x.permute{order}"
        found.append(before_call(failing, text, (Step("permute", order),)))
        return Diagnosis("conv.in_channels", sentence, (), tuple(c for c in found if c))
    if earlier is not None and layer is not None:
        found.append(own_layer(failing, layer, _rebuilt(layer, arriving, groups)))
    elif layer is not None:
        found.append(set_many(layer, _rebuilt(layer, arriving, groups)))
    else:
        of_input = arriving if failing.name == TRANSPOSED else arriving // max(groups, 1)
        place = 0 if failing.name == TRANSPOSED else 1
        found.append(
            set_parameter(failing, weight, (*kernel[:place], of_input, *kernel[place + 1 :]))
        )
    found += _channel_candidates(failing, value, shape, axis, expected, layer)
    derivation = (*start_line(failing.trace, [origin]), *lines([origin]))
    return Diagnosis("conv.in_channels", sentence, derivation, tuple(c for c in found if c))


def _rebuilt(layer: Module, arriving: int, groups: int) -> dict[str, int]:
    """The arguments for other channels; a depthwise layer stays one, as far as it can."""
    changes = {"in_channels": arriving}
    if groups > 1 and groups == layer.config.get("in_channels"):
        changes["groups"] = arriving
        out = layer.config.get("out_channels")
        if isinstance(out, int) and out % arriving:
            changes["out_channels"] = arriving * max(out // groups, 1)
    return changes


def _channels_last(
    value: Value, shape: Sizes, expected: int, spatial: int
) -> tuple[tuple[int, ...], list[int]] | None:
    """The permutation that brings H×W×C to C×H×W, if the last axis is what is expected."""
    if value.origin != "input" or shape[-1] != expected or spatial < 1:
        return None
    if len(shape) == spatial + 2:
        order = (0, len(shape) - 1, *range(1, len(shape) - 1))
    else:
        order = (len(shape) - 1, *range(len(shape) - 1))
    return order, [shape[a] for a in order]


def _channel_axis_missing(
    failing: Failing, value: Value, shape: Sizes, expected: int
) -> Diagnosis | None:
    """N×H×W instead of N×1×H×W: the batch was taken for the channels."""
    if expected != 1:
        return None
    name = name_of(failing, failing.module)
    candidate = unsqueeze_input(value, 1)
    return Diagnosis(
        "input.missing_channel",
        f"{name} expects 1 channel, but {shape[0]} {arrive(shape[0])}: {value.name} "
        f"{times(shape)} has no channel dimension, so its first {shape[0]} was taken for channels",
        (),
        (candidate,),
    )


def _channel_candidates(
    failing: Failing, value: Value, shape: Sizes, axis: int, expected: int, layer: Module | None
) -> Iterator[Suggestion | None]:
    """Another input, or another number of channels out of the layer before."""
    trace = failing.trace
    if value.origin == "input" and value.name:
        after = [expected if a == axis else n for a, n in enumerate(shape)]
        if shape[axis] == 1:
            sizes_text = ", ".join(str(expected) if a == axis else "-1" for a in range(len(shape)))
            yield change_input(
                value.name,
                value.name,
                f"{value.name}.expand({sizes_text})",
                (Step("expand", tuple(expected if a == axis else -1 for a in range(len(shape)))),),
                list(shape),
                after,
            )
        elif shape[axis] == 4 and expected == 3:
            yield change_input(
                value.name,
                value.name,
                f"{value.name}[:, :3]" if axis else f"{value.name}[:3]",
                (Step("narrow", (axis, 0, 3)),),
                list(shape),
                after,
            )
        else:
            yield new_input(value.name, shape, after)
        return
    origin = story(trace, value.id, axis)
    if origin.made and origin.notes:
        operation = trace.operations[origin.notes[0].operation]
        module = trace.module(trace.calls[operation.call].path)
        argument = OUTPUTS.get(module.kind)
        if argument and module.builtin and (layer is None or module.path != layer.path):
            yield set_arguments(module, {argument: expected})


# ---- dimensions ---------------------------------------------------------------------------


def wrong_rank(
    failing: Failing, value: Value, shape: Sizes, layer: Module | None
) -> Diagnosis | None:
    """Another number of dimensions than the layer takes."""
    assert failing.dims is not None
    wanted = failing.dims + 2
    name = name_of(failing, layer)
    unbatched = AXES[failing.dims].removeprefix("N×")
    sentence = (
        f"{name} takes {dims(wanted)} ({AXES[failing.dims]}), or {wanted - 1} without the batch "
        f"({unbatched}), but {dims(len(shape))} {arrive(len(shape))}: {times(shape)}"
    )
    return Diagnosis("conv.rank", sentence, (), tuple(_rank_candidates(failing, value, shape)))


def _rank_candidates(failing: Failing, value: Value, shape: Sizes) -> Iterator[Suggestion]:
    assert failing.dims is not None
    weight = failing.shape(failing.argument(1, "weight"))
    bound = bind(failing.operation) if failing.operation else None
    channels = weight[1] * (bound or {}).get("groups", 1) if weight else 1
    if weight and failing.name == TRANSPOSED:
        channels = weight[0]
    spatial = failing.dims
    made = _of_matrix(shape, spatial, channels) or _of_other(shape, spatial, channels)
    if made is None:
        return
    text, steps, after = made
    name = value.name or "x"
    if value.origin == "input":
        yield change_input(name, name, text.format(x=name), steps, list(shape), after)
        if steps == _FRAMES and failing.path and failing.module.kind in CONVOLUTIONS:
            # Its author may take the input's shape apart, and want the frames back afterwards.
            yield before_call(failing, "x.flatten(0, 1)", steps, path=_outermost(failing))
    elif failing.module.kind in CONVOLUTIONS:
        yield before_call(failing, text.format(x="x"), steps)
    else:
        call = CallText(failing)
        new = text.format(x=call.operand(0))
        yield call.candidate(call.with_operand(0, new, new), operands=((0, steps),))


#: N×T×C×H×W: every frame a picture of its own.
_FRAMES = (Step("flatten", (0, 1)),)
#: How a tensor becomes one that a convolution takes: the text, the steps, the shape it then has.
_Reshaped = tuple[str, tuple[Step, ...], list[int]]


def _of_matrix(shape: Sizes, spatial: int, channels: int) -> _Reshaped | None:
    """A matrix: a row per picture, a vector per picture, a row per signal."""
    if len(shape) != 2:
        return None
    side = _square(shape[1], channels) if spatial == 2 else None
    if side is not None:
        after = [shape[0], channels, side, side]
        inside = (-1, *after[1:])
        return f"{{x}}.view{inside}", (Step("reshape", inside),), after
    if shape[1] == channels:
        # One vector per picture: a picture of 1×1, as generators begin with.
        index = ", ".join(["None"] * spatial)
        return (
            f"{{x}}[:, :, {index}]",
            (Step("unsqueeze", (-1,)),) * spatial,
            [*shape, *(1,) * spatial],
        )
    if spatial == 1 and channels == 1:
        return "{x}.unsqueeze(1)", (Step("unsqueeze", (1,)),), [shape[0], 1, shape[1]]
    return None


def _of_other(shape: Sizes, spatial: int, channels: int) -> _Reshaped | None:
    """Dimensions of size 1 that are missing or too many, or frames of a video."""
    rank = len(shape)
    if rank == spatial and channels == 1:
        once = Step("unsqueeze", (0,))
        return "{x}.unsqueeze(0).unsqueeze(0)", (once, once), [1, 1, *shape]
    if rank == spatial and shape[0] % channels == 0 and rank > 1:
        return "{x}.unsqueeze(0)", (Step("unsqueeze", (0,)),), [1, *shape]
    if rank != spatial + 3:
        return None
    if 1 in shape[:2]:
        axis = 0 if shape[0] == 1 else 1
        after = [n for a, n in enumerate(shape) if a != axis]
        return f"{{x}}.squeeze({axis})", (Step("squeeze", (axis,)),), after
    after = [shape[0] * shape[1], *shape[2:]]
    return "{x}.flatten(0, 1)", _FRAMES, after


def _outermost(failing: Failing) -> str:
    """The path of the Sequential around the layer, as long as the layer is its first."""
    trace, call = failing.trace, failing.call
    path = failing.path
    while call is not None and call.parent is not None:
        call = trace.calls[call.parent]
        module = trace.module(call.path)
        if module.kind != "Sequential" or module.children[:1] != (path,) or not call.path:
            break
        path = call.path
    return path


def _square(pixels: int, channels: int) -> int | None:
    """The side of a square picture of that many numbers; of at least 8, to be believed."""
    if channels < 1 or pixels % channels:
        return None
    side = round((pixels // channels) ** 0.5)
    return side if side * side * channels == pixels and side >= 8 else None
