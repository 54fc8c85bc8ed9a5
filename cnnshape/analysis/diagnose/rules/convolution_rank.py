"""Convolutions given too many dimensions, or too few."""

from __future__ import annotations

from collections.abc import Iterator

from cnnshape.analysis.arguments import bind
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes
from cnnshape.analysis.diagnose.result import Diagnosis
from cnnshape.analysis.diagnose.rules.convolution_names import CONVOLUTIONS, TRANSPOSED, name_of
from cnnshape.analysis.diagnose.suggest import CallText, before_call, change_input
from cnnshape.analysis.diagnose.wording import AXES, arrive, dims
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Module, Value
from cnnshape.words import times


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
