"""Tokens laid out as a picture and pictures cut into patches, by ``view`` with wrong numbers."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt, prod

from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Sizes
from cnnshape.analysis.diagnose.suggest import CallText, new_input
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Value
from cnnshape.words import times

#: Tokens beside the patches of a picture: a class token, a distillation token.
_EXTRA = (1, 2)


def as_picture(call: CallText, shape: Sizes, wanted: Sizes) -> Iterator[Suggestion]:
    """``view(b, c, 8, 8)`` of 49 tokens: 7×7; of 65 tokens: without the class token."""
    if len(wanted) != 4 or wanted[2] != wanted[3] or wanted[2] < 1 or wanted[1] < 1:
        return
    batch = shape[0] if wanted[0] == -1 else wanted[0]
    tokens, rest = divmod(prod(shape), batch * wanted[1])
    if rest:
        return
    side = isqrt(tokens)
    if side * side == tokens:
        yield call.shaped((*wanted[:2], side, side))
    area = wanted[2] * wanted[3]
    for extra in _EXTRA:
        if tokens == area + extra and tokens in shape[1:]:
            axis = shape.index(tokens, 1)
            new = f"{call.operand(0)}[{':, ' * axis}{extra}:]"
            steps = (Step("narrow", (axis, extra, area)),)
            yield call.candidate(call.with_operand(0, new, new), operands=((0, steps),))


def in_patches(value: Value, shape: Sizes, wanted: Sizes) -> Iterator[Suggestion]:
    """``view(b, c, h // 8, 8, w // 8, 8)`` of 30×30: the next multiple of 8."""
    if value.origin != "input" or not value.name:
        return
    after: list[int] = []
    place = 0
    for size in shape:
        if place < len(wanted) and wanted[place] == size:
            after.append(size)
            place += 1
            continue
        first, second = (*wanted[place : place + 2], 0, 0)[:2]
        pairs = ((first, second), (second, first))
        patch = next((p for n, p in pairs if p > 1 and n == size // p), None)
        if patch is None:
            return
        after.append(-(-size // patch) * patch)
        place += 2
    if place == len(wanted) and after != list(shape):
        yield new_input(value.name, shape, after)


def undivided(shape: Sizes, wanted: Sizes) -> str:
    """``: its last 192 are not 3×5×12 = 180`` where all but one dimension agree."""
    same = 0
    while same < min(len(shape), len(wanted)) and shape[same] == wanted[same]:
        same += 1
    if same != len(shape) - 1 or -1 in wanted or len(wanted) <= len(shape):
        return ""
    parts = wanted[same:]
    return f", and the last {shape[-1]} are not {times(parts)} = {prod(parts)}"
