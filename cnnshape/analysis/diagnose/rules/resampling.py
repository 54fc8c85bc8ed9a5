"""Other sizes of a picture: interpolated, padded, shuffled out of channels, folded together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs
from cnnshape.analysis.diagnose.failing import Failing, Operand, per_axis
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import new_input, present, set_arguments, unsqueeze_input
from cnnshape.analysis.diagnose.wording import arrive, dims, who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.words import plural, times

#: How many dimensions each mode takes.
_MODES = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}
_BY_RANK = {3: "linear", 4: "bilinear", 5: "trilinear"}


def interpolate(failing: Failing) -> Diagnosis | None:
    """The mode must fit the dimensions, the size the spatial ones, and something must be left."""
    x = failing.operand()
    if x is None:
        return None
    name = who(failing.path, failing.module.type) if failing.module.builtin else "interpolate"
    mode = failing.argument("mode")
    if isinstance(mode, str) and _MODES.get(mode, x.rank) != x.rank:
        return _mode(failing, x, name, mode)
    size: Any = failing.argument("size")
    if isinstance(size, tuple) and len(size) != x.rank - 2:
        sentence = say(
            "{function} is given {sizes}, but {shape} has {dims}",
            function=name,
            sizes=plural(len(size), "size"),
            shape=times(x.shape),
            dims=plural(max(x.rank - 2, 0), "spatial dimension"),
        )
        found: list[Suggestion | None] = []
        if x.value.origin == "input" and len(size) == x.rank - 1:
            found.append(unsqueeze_input(x.value))
        if 0 < x.rank - 2 < len(size):
            found.append(_sized(failing, tuple(size[-(x.rank - 2) :])))
        return Diagnosis("interpolate.size", sentence, (), present(found))
    return _nothing_left(failing, x, name)


def _sized(failing: Failing, size: tuple[int, ...]) -> Suggestion | None:
    if failing.module.builtin:
        return set_arguments(failing.module, {"size": size})
    call = CallText(failing)
    text = f"F.interpolate({call.operand(0)}, size={size})"
    return call.candidate(text)


def _mode(failing: Failing, x: Operand, name: str, mode: str) -> Diagnosis:
    needed = _MODES[mode]
    sentence = say(
        "{function} in mode {mode!r} takes {dims}, but {arriving} {arrive}: {shape}",
        function=name,
        mode=mode,
        dims=dims(needed),
        arriving=x.rank,
        arrive=arrive(x.rank),
        shape=times(x.shape),
    )
    found: list[Suggestion | None] = []
    if x.value.origin == "input" and x.rank == needed - 1:
        found.append(unsqueeze_input(x.value))
    better = _BY_RANK.get(x.rank, "nearest")
    if failing.module.builtin and failing.module.kind.startswith("Upsampl"):
        found.append(set_arguments(failing.module, {"mode": better}))
    else:
        call = CallText(failing)
        text = f'F.interpolate({call.operand(0)}, …, mode="{better}")'
        found.append(call.candidate(text))
    return Diagnosis("interpolate.mode", sentence, (), present(found))


def _nothing_left(failing: Failing, x: Operand, name: str) -> Diagnosis | None:
    scale: Any = failing.argument("scale_factor")
    if scale is None or x.rank < 3:
        return None
    spatial = x.shape[2:]
    factors = scale if isinstance(scale, tuple) else (scale,) * len(spatial)
    if len(factors) != len(spatial) or not all(isinstance(f, int | float) for f in factors):
        return None
    after = [int(n * f) for n, f in zip(spatial, factors, strict=True)]
    if min(after) >= 1:
        return None
    sentence = say(
        "{function} scales {shape} by {factors}, which leaves {after}: nothing",
        function=name,
        shape=times(spatial),
        factors=", ".join(map(str, dict.fromkeys(factors))),
        after=times(after),
    )
    found: list[Suggestion | None] = []
    least = [-(-1 // f) for f in factors]
    larger = [max(n, int(m)) for n, m in zip(spatial, least, strict=True)]
    larger = [n if int(n * f) >= 1 else n + 1 for n, f in zip(larger, factors, strict=True)]
    if x.input_name:
        found.append(new_input(x.input_name, x.shape, (*x.shape[:2], *larger)))
    if failing.module.builtin:
        smallest = max(1 / n for n in spatial)
        found.append(set_arguments(failing.module, {"scale_factor": smallest}))
    return Diagnosis("interpolate.empty", sentence, (), present(found))


# ---- padding ------------------------------------------------------------------------------


def pad(failing: Failing) -> Diagnosis | None:
    """Reflection cannot reach further than the picture, and numbers come in pairs."""
    x = failing.operand()
    amounts: Any = failing.argument("pad")
    if x is None or not isinstance(amounts, tuple) or not all(type(n) is int for n in amounts):
        return None
    name = who(failing.path, failing.module.type) if failing.module.builtin else "F.pad"
    if len(amounts) % 2:
        sentence = say(
            "{function} takes two numbers per dimension, the last dimension first, but "
            "{count} are given: {numbers}",
            function=name,
            count=len(amounts),
            numbers=amounts,
        )
        better = (*amounts, amounts[-1])
        return Diagnosis("pad.numbers", sentence, (), (_padded_by(failing, better),))
    if len(amounts) > 2 * x.rank:
        sentence = say(
            "{function} pads {dims}, but {shape} has {rank}",
            function=name,
            dims=plural(len(amounts) // 2, "dimension"),
            shape=times(x.shape),
            rank=x.rank,
        )
        better = amounts[: 2 * x.rank]
        return Diagnosis("pad.numbers", sentence, (), (_padded_by(failing, better),))
    return _too_far(failing, x, amounts, name)


def _padded_by(failing: Failing, amounts: tuple[int, ...]) -> Suggestion:
    call = CallText(failing)
    text = f"F.pad({call.operand(0)}, {amounts})"
    return call.candidate(text)


def _too_far(failing: Failing, x: Operand, amounts: tuple[int, ...], name: str) -> Diagnosis | None:
    mode = str(failing.argument("mode"))
    for pair in range(len(amounts) // 2):
        axis = x.rank - 1 - pair
        size, before, after = x.shape[axis], amounts[2 * pair], amounts[2 * pair + 1]
        most = {"reflect": size - 1, "circular": size}.get(mode)
        negative = size + before + after < 1
        if not negative and (most is None or max(before, after) <= most):
            continue
        least = max(before, after) + (mode == "reflect")
        sentence = say(
            "{function} pads dimension {axis} by {amount} in mode {mode!r}, but it has "
            "{size}: at most {most} is possible",
            function=name,
            axis=axis,
            amount=max(before, after),
            mode=mode,
            size=size,
            most=most,
        )
        if negative:
            least = 1 - before - after
            sentence = say(
                "{function} cuts {before} and {after} off {size}, which leaves nothing",
                function=name,
                before=before,
                after=after,
                size=size,
            )
        padded = x.shape[x.rank - len(amounts) // 2 :]
        found: list[Suggestion | None] = []
        if x.input_name:
            larger = (*x.shape[: x.rank - len(padded)], *(max(n, least) for n in padded))
            found.append(new_input(x.input_name, x.shape, larger))
        if most is not None and failing.module.builtin:
            best = min(padded) - (mode == "reflect")
            found.append(set_arguments(failing.module, {"padding": best}))
        item = story(failing.trace, x.value.id, axis)
        derivation = (*start_line(failing.trace, [item]), *lines([item]))
        return Diagnosis("pad.size", sentence, derivation, present(found))
    return None


# ---- pixels out of channels ---------------------------------------------------------------


def pixel_shuffle(failing: Failing) -> Diagnosis | None:
    """The channels must be divisible by the square of the factor; back, height and width by it."""
    x = failing.operand()
    factor = failing.argument("upscale_factor") or failing.argument("downscale_factor")
    if x is None or not isinstance(factor, int) or factor < 1 or x.rank < 3:
        return None
    name = who(failing.path, failing.module.type) if failing.path else failing.name
    if failing.name == "pixel_unshuffle":
        return _unshuffle(x, factor, name)
    channels, square = x.shape[-3], factor * factor
    if channels % square == 0:
        return None
    sentence = say(
        "{layer} needs a multiple of {factor}² = {square} channels, but {channels} {arrive}",
        layer=name,
        factor=factor,
        square=square,
        channels=channels,
        arrive=arrive(channels),
    )
    found: list[Suggestion | None] = []
    nearest = -(-channels // square) * square
    for wanted in dict.fromkeys((*_for_another_factor(channels, square), nearest)):
        found += other_inputs(failing, x.value, x.rank - 3, wanted)
    layer = failing.layer({"PixelShuffle"})
    smaller = [f for f in range(factor - 1, 1, -1) if channels % (f * f) == 0]
    if layer is not None and smaller:
        found.append(set_arguments(layer, {"upscale_factor": smaller[0]}))
    item = story(failing.trace, x.value.id, x.rank - 3)
    derivation = (*start_line(failing.trace, [item]), *lines([item]))
    return Diagnosis("pixel_shuffle.channels", sentence, derivation, present(found))


def _for_another_factor(channels: int, square: int) -> Iterator[int]:
    """As many as make the same picture: 27 for a factor of 3, where 12 were made for one of 2."""
    for factor in (2, 3, 4):
        made, rest = divmod(channels, factor * factor)
        if made and not rest:
            yield made * square


def _unshuffle(x: Operand, factor: int, name: str) -> Diagnosis | None:
    picture = x.shape[-2:]
    if not any(n % factor for n in picture):
        return None
    sentence = say(
        "{layer} divides height and width by {factor}, but {shape} arrives",
        layer=name,
        factor=factor,
        shape=times(picture),
    )
    larger = (*x.shape[:-2], *(-(-n // factor) * factor for n in picture))
    found = (new_input(x.input_name, x.shape, larger),) if x.input_name else ()
    return Diagnosis("pixel_unshuffle.size", sentence, (), found)


def fold(failing: Failing) -> Diagnosis | None:
    """``fold`` needs as many columns as the windows of its output, each of the kernel's size."""
    x = failing.operand()
    if x is None or x.rank not in (2, 3):
        return None
    shape = x.shape
    size, kernel, dilation, padding, stride = (
        per_axis(failing.argument(name), 2)
        for name in ("output_size", "kernel_size", "dilation", "padding", "stride")
    )
    window = kernel[0] * kernel[1]
    counts = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, d, p, s in zip(size, kernel, dilation, padding, stride, strict=True)
    ]
    columns = counts[0] * counts[1]
    name = who(failing.path, failing.module.type) if failing.module.builtin else "fold"
    if shape[-2] % window:
        sentence = say(
            "{layer} puts windows of {kernel} = {window} together, but {channels} channels "
            "{arrive}, which is no multiple of {window}",
            layer=name,
            kernel=times(kernel),
            window=window,
            channels=shape[-2],
            arrive=arrive(shape[-2]),
        )
        wanted = [*shape[:-2], -(-shape[-2] // window) * window, shape[-1]]
    elif shape[-1] != columns:
        sentence = say(
            "{layer} needs {counts} = {columns} windows for an output of {shape}, but "
            "{number} {arrive}",
            layer=name,
            counts=times(counts),
            columns=columns,
            shape=times(size),
            number=shape[-1],
            arrive=arrive(shape[-1]),
        )
        wanted = [*shape[:-1], columns]
    else:
        return None
    found = (new_input(x.input_name, shape, wanted),) if x.input_name else ()
    return Diagnosis("fold.size", sentence, (), found)
