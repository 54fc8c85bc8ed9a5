"""How wide a text is in Helvetica (the widths of its Adobe font metrics, in thousandths)."""

from __future__ import annotations

import unicodedata

_WIDTHS = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 "
    "556 556 556 278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 "
    "722 778 667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556 333 556 556 500 556 "
    "556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500 500 334 "
    "260 334 584"
)
_SIGNS = {"×": 584, "→": 1000, "−": 584, "·": 278, "…": 1000, "–": 556, "⧺": 700, "÷": 549}
_TABLE = {chr(32 + index): int(width) for index, width in enumerate(_WIDTHS.split())} | _SIGNS
_BOLD = 1.07


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of ``text`` in points.

    >>> round(text_width("C1", 12), 2), text_width("", 12)
    (15.34, 0.0)
    """
    total = sum(_TABLE.get(character) or _guess(character) for character in text)
    return total * size / 1000 * (_BOLD if bold else 1.0)


def _guess(character: str) -> int:
    """Ideographs are as wide as high; other letters are taken as middling ones."""
    return 1000 if unicodedata.east_asian_width(character) in "WF" else 600
