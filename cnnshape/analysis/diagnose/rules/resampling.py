"""Other sizes of a picture: interpolated, padded, shuffled out of channels, folded together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs
from cnnshape.analysis.diagnose.failing import Failing, Sizes, per_axis, sizes
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import new_input, present, set_arguments, unsqueeze_input
from cnnshape.analysis.diagnose.wording import arrive, dims, who
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Value
from cnnshape.words import plural, times

#: How many dimensions each mode takes.
_MODES = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}
_BY_RANK = {3: "linear", 4: "bilinear", 5: "trilinear"}


def interpolate(failing: Failing) -> Diagnosis | None:
    """The mode must fit the dimensions, the size the spatial ones, and something must be left."""
    value = failing.value(failing.argument(0, "input"))
    shape = None if value is None else sizes(value)
    if value is None or shape is None:
        return None
    name = who(failing.path, failing.module.type) if failing.module.builtin else "interpolate"
    mode = failing.argument(3, "mode", "nearest")
    if isinstance(mode, str) and _MODES.get(mode, len(shape)) != len(shape):
        return _mode(failing, value, shape, name, mode)
    size: Any = failing.argument(1, "size")
    if isinstance(size, tuple) and len(size) != len(shape) - 2:
        sentence = (
            f"{name} is given {plural(len(size), 'size')}, but {times(shape)} has "
            f"{plural(max(len(shape) - 2, 0), 'spatial dimension')}"
        )
        found: list[Suggestion] = []
        if value.origin == "input" and len(size) == len(shape) - 1:
            found.append(unsqueeze_input(value))
        if 0 < len(shape) - 2 < len(size):
            found += _sized(failing, tuple(size[-(len(shape) - 2) :]))
        return Diagnosis("interpolate.size", sentence, (), tuple(found))
    return _nothing_left(failing, value, shape, name)


def _sized(failing: Failing, size: tuple[int, ...]) -> Iterator[Suggestion]:
    if failing.module.builtin:
        candidate = set_arguments(failing.module, {"size": size})
        if candidate is not None:
            yield candidate
        return
    call = CallText(failing)
    positional = failing.operation is not None and len(failing.operation.args) > 1
    text = f"F.interpolate({call.operand(0)}, size={size})"
    yield call.candidate(text, overrides=((1 if positional else "size", size),))


def _mode(failing: Failing, value: Value, shape: Sizes, name: str, mode: str) -> Diagnosis:
    needed = _MODES[mode]
    sentence = (
        f"{name} in mode {mode!r} takes {dims(needed)}, but {len(shape)} {arrive(len(shape))}: "
        f"{times(shape)}"
    )
    found: list[Suggestion | None] = []
    if value.origin == "input" and len(shape) == needed - 1:
        found.append(unsqueeze_input(value))
    better = _BY_RANK.get(len(shape), "nearest")
    if failing.module.builtin and failing.module.kind.startswith("Upsampl"):
        found.append(set_arguments(failing.module, {"mode": better}))
    else:
        call = CallText(failing)
        text = f'F.interpolate({call.operand(0)}, …, mode="{better}")'
        found.append(call.candidate(text, overrides=(("mode", better),)))
    return Diagnosis("interpolate.mode", sentence, (), present(found))


def _nothing_left(failing: Failing, value: Value, shape: Sizes, name: str) -> Diagnosis | None:
    scale: Any = failing.argument(2, "scale_factor")
    if scale is None or len(shape) < 3:
        return None
    spatial = shape[2:]
    factors = scale if isinstance(scale, tuple) else (scale,) * len(spatial)
    if len(factors) != len(spatial) or not all(isinstance(f, int | float) for f in factors):
        return None
    after = [int(n * f) for n, f in zip(spatial, factors, strict=True)]
    if min(after) >= 1:
        return None
    sentence = (
        f"{name} scales {times(spatial)} by {', '.join(map(str, dict.fromkeys(factors)))}, which "
        f"leaves {times(after)}: nothing"
    )
    found: list[Suggestion | None] = []
    least = [-(-1 // f) for f in factors]
    larger = [max(n, int(m)) for n, m in zip(spatial, least, strict=True)]
    larger = [n if int(n * f) >= 1 else n + 1 for n, f in zip(larger, factors, strict=True)]
    if value.origin == "input" and value.name:
        found.append(new_input(value.name, shape, (*shape[:2], *larger)))
    if failing.module.builtin:
        smallest = max(1 / n for n in spatial)
        found.append(set_arguments(failing.module, {"scale_factor": smallest}))
    return Diagnosis("interpolate.empty", sentence, (), present(found))


# ---- padding ------------------------------------------------------------------------------


def pad(failing: Failing) -> Diagnosis | None:
    """Reflection cannot reach further than the picture, and numbers come in pairs."""
    value = failing.value(failing.argument(0, "input"))
    shape = None if value is None else sizes(value)
    amounts: Any = failing.argument(1, "pad")
    mode = failing.argument(2, "mode", "constant")
    if value is None or shape is None or not isinstance(amounts, tuple):
        return None
    if not all(type(n) is int for n in amounts):
        return None
    call = CallText(failing)
    name = who(failing.path, failing.module.type) if failing.module.builtin else "F.pad"
    if len(amounts) % 2:
        sentence = (
            f"{name} takes two numbers per dimension, the last dimension first, but "
            f"{len(amounts)} are given: {amounts}"
        )
        better = (*amounts, amounts[-1])
        text = f"F.pad({call.operand(0)}, {better})"
        candidate = call.candidate(text, overrides=((_place(failing), better),))
        return Diagnosis("pad.numbers", sentence, (), (candidate,))
    if len(amounts) > 2 * len(shape):
        sentence = (
            f"{name} pads {plural(len(amounts) // 2, 'dimension')}, but {times(shape)} has "
            f"{len(shape)}"
        )
        better = amounts[: 2 * len(shape)]
        text = f"F.pad({call.operand(0)}, {better})"
        candidate = call.candidate(text, overrides=((_place(failing), better),))
        return Diagnosis("pad.numbers", sentence, (), (candidate,))
    return _reach(failing, value, shape, amounts, str(mode), name)


def _place(failing: Failing) -> int | str:
    return 1 if failing.operation is not None and len(failing.operation.args) > 1 else "pad"


def _reach(
    failing: Failing, value: Value, shape: Sizes, amounts: tuple[int, ...], mode: str, name: str
) -> Diagnosis | None:
    for pair in range(len(amounts) // 2):
        axis = len(shape) - 1 - pair
        size, before, after = shape[axis], amounts[2 * pair], amounts[2 * pair + 1]
        most = {"reflect": size - 1, "circular": size}.get(mode)
        negative = size + before + after < 1
        if not negative and (most is None or max(before, after) <= most):
            continue
        if negative:
            sentence = f"{name} cuts {before} and {after} off {size}, which leaves nothing"
        else:
            sentence = (
                f"{name} pads dimension {axis} by {max(before, after)} in mode {mode!r}, but it "
                f"has {size}: at most {most} is possible"
            )
        found: list[Suggestion | None] = []
        item = story(failing.trace, value.id, axis)
        derivation = (*start_line(failing.trace, [item]), *lines([item]))
        if value.origin == "input" and value.name:
            need = 1 - before - after if negative else max(before, after) + (mode == "reflect")
            spatial = [
                max(n, need) if a >= len(shape) - len(amounts) // 2 else n
                for a, n in enumerate(shape)
            ]
            found.append(new_input(value.name, shape, spatial))
        if most is not None and failing.module.builtin:
            best = min(
                shape[len(shape) - 1 - p] - (mode == "reflect") for p in range(len(amounts) // 2)
            )
            found.append(set_arguments(failing.module, {"padding": best}))
        return Diagnosis("pad.size", sentence, derivation, present(found))
    return None


# ---- pixels out of channels ---------------------------------------------------------------


def pixel_shuffle(failing: Failing) -> Diagnosis | None:
    """The channels must be divisible by the square of the factor."""
    shape = failing.shape(failing.argument(0, "input"))
    factor = failing.argument(1, "upscale_factor", failing.argument(1, "downscale_factor"))
    if shape is None or not isinstance(factor, int) or factor < 1 or len(shape) < 3:
        return None
    name = who(failing.path, failing.module.type) if failing.path else failing.name
    value = failing.value(failing.argument(0, "input"))
    assert value is not None
    if failing.name == "pixel_unshuffle":
        bad = [n for n in shape[-2:] if n % factor]
        if not bad:
            return None
        sentence = f"{name} divides height and width by {factor}, but {times(shape[-2:])} arrives"
        better = [*shape[:-2], *(-(-n // factor) * factor for n in shape[-2:])]
        larger = value.origin == "input" and value.name
        inputs = (new_input(value.name, shape, better),) if larger and value.name else ()
        return Diagnosis("pixel_unshuffle.size", sentence, (), inputs)
    channels, square = shape[-3], factor * factor
    if channels % square == 0:
        return None
    sentence = (
        f"{name} needs a multiple of {factor}² = {square} channels, but {channels} "
        f"{arrive(channels)}"
    )
    item = story(failing.trace, value.id, len(shape) - 3)
    nearest = -(-channels // square) * square
    found: list[Suggestion | None] = list(other_inputs(failing, value, len(shape) - 3, nearest))
    layer = failing.layer({"PixelShuffle"})
    smaller = [f for f in range(factor - 1, 1, -1) if channels % (f * f) == 0]
    if layer is not None and smaller:
        found.append(set_arguments(layer, {"upscale_factor": smaller[0]}))
    return Diagnosis(
        "pixel_shuffle.channels",
        sentence,
        (*start_line(failing.trace, [item]), *lines([item])),
        present(found),
    )


def fold(failing: Failing) -> Diagnosis | None:
    """``fold`` needs as many columns as the windows of its output, each of the kernel's size."""
    value = failing.value(failing.argument(0, "input"))
    shape = None if value is None else sizes(value)
    if value is None or shape is None or len(shape) not in (2, 3):
        return None
    size, kernel = (
        per_axis(failing.argument(i, n), 2) for i, n in ((1, "output_size"), (2, "kernel_size"))
    )
    dilation = per_axis(failing.argument(3, "dilation", 1), 2)
    padding = per_axis(failing.argument(4, "padding", 0), 2, 0)
    stride = per_axis(failing.argument(5, "stride", 1), 2)
    window = kernel[0] * kernel[1]
    counts = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, d, p, s in zip(size, kernel, dilation, padding, stride, strict=True)
    ]
    columns = counts[0] * counts[1]
    name = who(failing.path, failing.module.type) if failing.module.builtin else "fold"
    if shape[-2] % window:
        sentence = (
            f"{name} puts windows of {times(kernel)} = {window} together, but {shape[-2]} channels "
            f"{arrive(shape[-2])}, which is no multiple of {window}"
        )
        wanted = [*shape[:-2], -(-shape[-2] // window) * window, shape[-1]]
    elif shape[-1] != columns:
        sentence = (
            f"{name} needs {times(counts)} = {columns} windows for an output of {times(size)}, but "
            f"{shape[-1]} {arrive(shape[-1])}"
        )
        wanted = [*shape[:-1], columns]
    else:
        return None
    found = (
        (new_input(value.name, shape, wanted),) if value.origin == "input" and value.name else ()
    )
    return Diagnosis("fold.size", sentence, (), found)
