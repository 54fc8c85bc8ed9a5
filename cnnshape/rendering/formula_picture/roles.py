"""What each position of a row is: an element, padding, left over, cut away, added."""

from __future__ import annotations

from typing import Literal

from cnnshape.formulas.windows import AxisWindows
from cnnshape.words import plural

Role = Literal["element", "padding", "left over", "beyond", "cut", "added", "missing"]


def role_at(axis: AxisWindows, position: int) -> Role:
    """What stands at a position of the row.

    >>> axis = AxisWindows(False, 8, 4, 2, 3, 1, 1, 1)
    >>> [role_at(axis, position) for position in (-1, 0, 7, 8)]
    ['padding', 'element', 'element', 'left over']
    """
    if axis.spreads:
        return _spread(axis, position)
    if axis.count < 1:
        end = axis.size + axis.after
        if position >= end:
            return "missing"
    elif position in axis.left_over:
        return "left over"
    elif position in axis.beyond:
        return "beyond"
    return "element" if 0 <= position < axis.size else "padding"


def _spread(axis: AxisWindows, position: int) -> Role:
    if not 0 <= position < axis.size:
        return "cut"
    if position >= axis.size - axis.added:
        return "added"
    return "left over" if position in axis.left_over else "element"


def remarks(axis: AxisWindows, kind: str, *, ceil_mode: bool) -> list[tuple[str, bool]]:
    """What is said of the row, and whether it is about something lost."""
    found: list[tuple[str, bool]] = []
    left = len(axis.left_over) if not axis.spreads or kind == "fold" else 0
    if left:
        them = "it" if left == 1 else "them"
        why = f"the floor rounds {them} away"
        if ceil_mode:
            why = "a window there would begin behind the input"
        if kind == "fold":
            why = f"no patch reaches {them}"
        found.append((f"{left} left over: {why}", True))
    if not axis.spreads and axis.beyond and axis.count > 0:
        count = plural(len(axis.beyond), "place")
        found.append((f"{count} beyond the edge: ceil_mode lets the last window go on", False))
    if axis.spreads and (axis.before or axis.after):
        found.append((_cut(axis.before, axis.after), True))
    if axis.added:
        found.append((f"output_padding adds {axis.added} at the end", False))
    return found


def _cut(before: int, after: int) -> str:
    if before == after:
        return f"padding cuts {before} away at both ends"
    ends = [(before, "at the start"), (after, "at the end")]
    return "padding cuts " + " and ".join(f"{n} away {where}" for n, where in ends if n)


def misfit(axis: AxisWindows) -> str:
    """That a window is larger than the padded row."""
    padded = max(0, axis.size + axis.before + axis.after)
    return f"the kernel spans {axis.span}, the padded input has {padded}"
