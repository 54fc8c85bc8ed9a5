"""Numbers that are written in a ``view`` or ``reshape``, changed together so that they fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isqrt, prod

from cnnshape.analysis.diagnose.failing import Failing, Sizes
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.report import Suggestion

_NUMBER = re.compile(r"\d+")


def in_proportion(failing: Failing) -> Iterator[Suggestion]:
    """Two or more written sizes: ``view(-1, 14, 14)`` of 49 numbers each is ``view(-1, 7, 7)``.

    The batch is left as it is, and so is every size that is worked out.
    """
    if failing.name not in ("view", "reshape"):
        return
    call, x = CallText(failing), failing.operand()
    values, texts = [value for value, _ in call.given()], [text for _, text in call.given()]
    if x is None or x.rank < 2 or not values or values[0] not in (-1, x.shape[0]):
        return
    rest = values[1:]
    written = [axis for axis, text in enumerate(texts[1:]) if _NUMBER.fullmatch(text)]
    # `h // 7, 7` belong together: another 7 would be a window of another size.
    if -1 in rest or len(written) < 2 or any("//" in text for text in texts):
        return
    new = _scaled(rest, written, prod(x.shape[1:]))
    if new is not None and new != tuple(rest):
        yield call.shaped((values[0], *new))


def _scaled(sizes: list[int], free: list[int], total: int) -> Sizes | None:
    """The sizes with the free ones changed so that all multiply to ``total``.

    Equal ones at the end stay equal (height and width); else the first alone is changed.
    """
    last = [axis for axis in free if sizes[axis] == sizes[free[-1]]]
    others = prod(n for axis, n in enumerate(sizes) if axis not in last)
    if len(last) == 2 and others and total % others == 0:
        side = isqrt(total // others)
        if side * side * others == total and side:
            return tuple(side if axis in last else n for axis, n in enumerate(sizes))
    return None
