"""The room that a text takes on a terminal, and where a line of it may be broken.

>>> cells("卷积"), cells("é")
(4, 1)
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

#: What tables are made of, beside ASCII; saves looking up every × and → one by one.
_NARROW = re.compile("[\x20-\u02ff→│├└✓✗…−⌊⌋⌈⌉]*")
#: A line may be broken at a space, and on both sides of a Chinese character, but not before a mark
#: that closes or after one that opens.
_IDEOGRAPH = "\u3400-\u9fff"
MAY_BREAK = re.compile(
    rf"(?<= )(?! )|(?<=[{_IDEOGRAPH}，。；：、！？）」])(?=[^ ，。；：、！？）」])"
    rf"|(?<=[^ （「])(?=[{_IDEOGRAPH}（「])"
)


@lru_cache(maxsize=4096)
def cells(text: str) -> int:
    """The room a text takes on a terminal: two cells for a wide character, none for an accent."""
    if text.isascii() or _NARROW.fullmatch(text):
        return len(text)
    return sum(_cell(character) for character in text)


def _cell(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def filled(text: str, room: int | None, breaks: re.Pattern[str] = MAY_BREAK) -> list[str]:
    """Lines of at most ``room`` cells; what cannot be broken and is wider has one of its own.

    >>> filled("conv1 expects 8 channels", 14), filled("conv1 需要 8 个通道。", 14)
    (['conv1 expects', '8 channels'], ['conv1 需要 8', '个通道。'])
    """
    lines = [""]
    for piece in breaks.split(text):
        longer = lines[-1] + piece
        if room is None or not lines[-1] or cells(longer.rstrip(" ")) <= room:
            lines[-1] = longer
        else:
            lines.append(piece)
    return [line.rstrip(" ") for line in lines]
