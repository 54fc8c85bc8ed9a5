"""``expand``, ``repeat`` and the pixel shuffle: sizes that cannot be made out of what is there."""

from __future__ import annotations

from cnnshape.analysis.diagnose.earlier_corrections import other_inputs
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.result import Diagnosis
from cnnshape.analysis.diagnose.rules.reshaping import wanted_sizes
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.suggest import CallText, new_input, set_arguments
from cnnshape.analysis.diagnose.wording import arrive, who
from cnnshape.analysis.report import Suggestion
from cnnshape.words import plural, times


def expand(failing: Failing) -> Diagnosis | None:
    """``expand`` enlarges axes of size 1 only; ``repeat`` needs a number per axis."""
    shape = failing.shape(failing.argument(0))
    wanted = wanted_sizes(failing)
    if shape is None or wanted is None:
        return None
    call = CallText(failing)
    operand = call.operand(0)
    if len(wanted) < len(shape):
        sentence = (
            f"{failing.name} of {operand} {times(shape)} needs at least {len(shape)} numbers, but "
            f"{plural(len(wanted), 'is', 'are')} given: {times(wanted)}"
        )
        fill = 1 if failing.name == "repeat" else -1
        inside = (*wanted, *(fill,) * (len(shape) - len(wanted)))
        if failing.name == "expand":
            inside = tuple(n if shape[a] in (1, n) or n == -1 else -1 for a, n in enumerate(inside))
        candidate = call.candidate(call.method(failing.name, inside), arguments=inside)
        return Diagnosis(f"{failing.name}.rank", sentence, (), (candidate,))
    if failing.name != "expand":
        return None
    lead = len(wanted) - len(shape)
    for axis, size in enumerate(shape):
        asked = wanted[lead + axis]
        if asked in (-1, size) or size == 1:
            continue
        sentence = (
            f"expand cannot make {asked} out of {size} in dimension {axis} of {operand} "
            f"{times(shape)}: only a dimension of size 1 can be expanded"
        )
        kept = tuple(
            n if a < lead or shape[a - lead] == 1 or n == shape[a - lead] else -1
            for a, n in enumerate(wanted)
        )
        found: list[Suggestion] = []
        if any(n not in (-1, s) for n, s in zip(kept[lead:], shape, strict=True)) or lead:
            found.append(call.candidate(call.method("expand", kept), arguments=kept))
        if asked % size == 0:
            repeats = tuple(
                n if a < lead else (n // shape[a - lead] if n != -1 else 1)
                for a, n in enumerate(wanted)
            )
            found.insert(
                0,
                call.candidate(
                    call.method("repeat", repeats), function="repeat", arguments=repeats
                ),
            )
        return Diagnosis("expand.size", sentence, (), tuple(found))
    return None


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
        tuple(c for c in found if c),
    )
