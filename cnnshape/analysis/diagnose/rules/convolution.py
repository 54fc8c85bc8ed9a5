"""Convolutions: channels, dimensions, kernels that do not fit."""

from __future__ import annotations

from collections.abc import Iterator

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import OUTPUTS
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Operand, Sizes
from cnnshape.analysis.diagnose.rules.windows import too_small
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import (
    before_call,
    change_input,
    made_for,
    new_input,
    present,
    set_arguments,
    set_parameter,
    unsqueeze_input,
)
from cnnshape.analysis.diagnose.wording import AXES, arrive, dims, expects, who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import Said, say
from cnnshape.tracing.trace import Module
from cnnshape.words import plural, times

#: The layers that convolve.
CONVOLUTIONS = frozenset(
    f"{lazy}{name}{n}d"
    for lazy in ("", "Lazy")
    for name in ("Conv", "ConvTranspose")
    for n in (1, 2, 3)
)
TRANSPOSED = "conv_transpose"
_PAIR = 2


def name_of(failing: Failing, layer: Module | None) -> str:
    """The failing layer, or the functional call."""
    if layer is not None and layer.path == failing.path:
        return who(failing.path, failing.module.type)
    function = failing.operation.name if failing.operation else say("the call")
    if not failing.path:
        return function
    return say("{function} in {module}", function=function, module=failing.path)


def convolution(failing: Failing) -> Diagnosis | None:
    """``conv1d`` to ``conv3d`` and the transposed ones: the first condition that is broken."""
    x, weight = failing.operand(), failing.operand("weight")
    if x is None or weight is None or failing.dims is None or weight.rank != failing.dims + 2:
        return None
    layer = failing.layer(CONVOLUTIONS, failing.argument("weight"))
    if x.rank not in (failing.dims + 1, failing.dims + 2):
        return _wrong_rank(failing, x, weight, layer)
    if x.shape[-failing.dims - 1] != _channels_of(failing, weight):
        return _channels(failing, x, weight, layer)
    if failing.name == TRANSPOSED:
        return None
    return too_small(failing, x, weight.shape[2:], layer)


def _channels_of(failing: Failing, weight: Operand) -> int:
    """How many channels a convolution with that weight takes."""
    if failing.name == TRANSPOSED:
        return weight.shape[0]
    return weight.shape[1] * failing.bound.get("groups", 1)


# ---- channels -----------------------------------------------------------------------------


def _channels(failing: Failing, x: Operand, weight: Operand, layer: Module | None) -> Diagnosis:
    assert failing.dims is not None
    shape, expected = x.shape, _channels_of(failing, weight)
    axis = x.rank - failing.dims - 1
    arriving = shape[axis]
    name = name_of(failing, layer)
    sentence = expects(name, plural(expected, "channel"), arriving)
    sentence += failing.which_call()
    if x.input_name and shape[-1] == expected:
        return _channels_last(x, axis, sentence)
    unbatched = x.rank == failing.dims + 1
    if x.input_name and unbatched and expected == 1 != shape[0]:
        return _channel_axis_missing(failing, x)
    if x.input_name and axis and shape[0] == expected > _PAIR and arriving == 1:
        # C×1×H×W: an unsqueeze in the wrong place. A batch of two is more common than two channels.
        after = [shape[1], shape[0], *shape[2:]]
        steps = (Step("transpose", (0, 1)),)
        turned = change_input(x.input_name, "{x}.transpose(0, 1)", steps, (list(shape), after))
        found = (turned, *_channel_candidates(failing, x, axis, expected, layer))
        return Diagnosis("conv.in_channels", sentence, (), found)
    here = layer is not None and layer.path == failing.path
    if shape[-1] == expected and axis and here and (x.rank == 3 or x.input_name):
        # N×L×C, as linear layers and transformers have it.
        sentence += say(
            ": in {shape} the {expected} are the last dimension",
            shape=times(shape),
            expected=expected,
        )
        return Diagnosis("conv.in_channels", sentence)
    origin = story(failing.trace, x.value.id, axis)
    derivation = (*start_line(failing.trace, [origin]), *lines([origin]))
    found = present(
        (
            _as_it_arrives(failing, arriving, weight, layer),
            *_channel_candidates(failing, x, axis, expected, layer),
        )
    )
    return Diagnosis("conv.in_channels", sentence, derivation, found)


def _as_it_arrives(
    failing: Failing, arriving: int, weight: Operand, layer: Module | None
) -> Suggestion | None:
    """The layer made for the channels that arrive; the weight, where there is no layer."""
    groups = failing.bound.get("groups", 1)
    if layer is None:
        first, second, *kernel = weight.shape
        if failing.name == TRANSPOSED:
            return set_parameter(weight.value, (arriving, second, *kernel))
        return set_parameter(weight.value, (first, arriving // max(groups, 1), *kernel))
    return made_for(failing, layer, _rebuilt(layer, arriving, groups))


def _rebuilt(layer: Module, arriving: int, groups: int) -> dict[str, int]:
    """The arguments for other channels; a depthwise layer stays one, as far as it can."""
    changes = {"in_channels": arriving}
    if groups > 1 and groups == layer.config.get("in_channels"):
        changes["groups"] = arriving
        out = layer.config.get("out_channels")
        if isinstance(out, int) and out % arriving:
            changes["out_channels"] = arriving * max(out // groups, 1)
    return changes


def _channels_last(x: Operand, axis: int, sentence: Said) -> Diagnosis:
    """H×W×C instead of C×H×W."""
    name, shape, last = x.input_name or "x", x.shape, x.rank - 1
    order = (0, last, *range(1, last)) if axis else (last, *range(last))
    after = [shape[a] for a in order]
    steps = (Step("permute", order),)
    template = f"{{x}}.permute({', '.join(map(str, order))})"
    if order == (0, 2, 1):
        steps, template = (Step("transpose", (1, 2)),), "{x}.transpose(1, 2)"
    return Diagnosis(
        "input.channels_last",
        sentence
        + say(
            ": {name} {shape} has its {channels} in the last dimension, and PyTorch wants {them} "
            "second"
            if axis
            else ": {name} {shape} has its {channels} in the last dimension, and PyTorch wants "
            "{them} first",
            name=name,
            shape=times(shape),
            channels=plural(shape[-1], "channel"),
            them=Said("it" if shape[-1] == 1 else "them", "them"),
        ),
        (),
        (change_input(name, template, steps, (list(shape), after)),),
    )


def _channel_axis_missing(failing: Failing, x: Operand) -> Diagnosis:
    """N×H×W instead of N×1×H×W: the batch was taken for the channels."""
    name, batch = name_of(failing, failing.module), x.shape[0]
    return Diagnosis(
        "input.missing_channel",
        say(
            "{layer} expects {expected}, but {arriving} {arrive}: {input} {shape} has no channel "
            "dimension, so its first {arriving} was taken for channels",
            layer=name,
            expected=plural(1, "channel"),
            arriving=batch,
            arrive=arrive(batch),
            input=x.input_name,
            shape=times(x.shape),
        ),
        (),
        (unsqueeze_input(x.value, 1),),
    )


def _channel_candidates(
    failing: Failing, x: Operand, axis: int, expected: int, layer: Module | None
) -> Iterator[Suggestion]:
    """Another input, or another number of channels out of the layer before."""
    if x.input_name:
        yield _other_channels(x.input_name, x.shape, axis, expected)
        return
    trace = failing.trace
    origin = story(trace, x.value.id, axis)
    if origin.made and origin.notes:
        operation = trace.operations[origin.notes[0].operation]
        module = trace.module(trace.calls[operation.call].path)
        argument = OUTPUTS.get(module.kind)
        if argument and module.builtin and (layer is None or module.path != layer.path):
            yield from present([set_arguments(module, {argument: expected})])


def _other_channels(name: str, shape: Sizes, axis: int, expected: int) -> Suggestion:
    """Grey as colour, colour without its alpha, or an input of other channels."""
    after = [expected if a == axis else n for a, n in enumerate(shape)]
    change = (list(shape), after)
    if shape[axis] == 1:
        inside = tuple(expected if a == axis else -1 for a in range(len(shape)))
        template = f"{{x}}.expand({', '.join(map(str, inside))})"
        return change_input(name, template, (Step("expand", inside),), change)
    if shape[axis] == 4 and expected == 3:
        template = "{x}[:, :3]" if axis else "{x}[:3]"
        return change_input(name, template, (Step("narrow", (axis, 0, 3)),), change)
    return new_input(name, shape, after)


# ---- dimensions ---------------------------------------------------------------------------


def _wrong_rank(failing: Failing, x: Operand, weight: Operand, layer: Module | None) -> Diagnosis:
    """Another number of dimensions than the layer takes."""
    assert failing.dims is not None
    wanted = failing.dims + 2
    name = name_of(failing, layer)
    unbatched = AXES[failing.dims].removeprefix("N×")
    sentence = say(
        "{layer} takes {wanted} ({axes}), or {fewer} without the batch ({unbatched}), but "
        "{arriving} {arrive}: {shape}",
        layer=name,
        wanted=dims(wanted),
        axes=AXES[failing.dims],
        fewer=wanted - 1,
        unbatched=unbatched,
        arriving=dims(x.rank),
        arrive=arrive(x.rank),
        shape=times(x.shape),
    )
    return Diagnosis("conv.rank", sentence, (), tuple(_rank_candidates(failing, x, weight)))


def _rank_candidates(failing: Failing, x: Operand, weight: Operand) -> Iterator[Suggestion]:
    assert failing.dims is not None
    channels = _channels_of(failing, weight)
    made = _of_matrix(x.shape, failing.dims, channels) or _of_other(x.shape, failing.dims, channels)
    if made is None:
        return
    template, steps, after = made
    convolves = failing.module.kind in CONVOLUTIONS
    if x.value.origin == "input":
        yield change_input(x.value.name or "x", template, steps, (list(x.shape), after))
        if steps == _FRAMES and failing.path and convolves:
            # Its author may take the input's shape apart, and want the frames back afterwards.
            yield before_call(failing, "x.flatten(0, 1)", steps, path=_outermost(failing))
    elif convolves:
        yield before_call(failing, template.format(x="x"), steps)
    else:
        yield CallText(failing).on(0, template)


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
