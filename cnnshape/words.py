"""Small words of sentences: nouns in number, places, articles, lists, sizes, names that resemble.

>>> f"{ordinal(3)} call: {plural(2, 'axis', 'axes')} of {times((6, 28, 28))}, {listed('HW')}"
'3rd call: 2 axes of 6×28×28, H and W'
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from cnnshape.messages import Said, say

#: Initials that are read letter by letter and begin with the sound of a vowel.
_SPELLED = ("LSTM", "RNN")


def plural(number: int, noun: str, many: str | None = None) -> Said:
    """A size and its noun, or its verb; the digits stand as in source code.

    >>> plural(1, "channel"), plural(7200, "feature"), plural(2, "axis", "axes")
    ('1 channel', '7200 features', '2 axes')
    >>> plural(1, "is", "are"), plural(3, "is", "are")
    ('1 is', '3 are')
    """
    return say("{number} {noun}", number=number, noun=_form(number, noun, many))


def counted(number: int, noun: str, many: str | None = None) -> Said:
    """How many there are of something; the digits stand in groups of three.

    >>> counted(1, "layer"), counted(1200, "layer"), counted(2, "box", "boxes")
    ('1 layer', '1,200 layers', '2 boxes')
    """
    return say("{number} {noun}", number=f"{number:,}", noun=_form(number, noun, many))


def _form(number: int, noun: str, many: str | None) -> Said:
    """The noun in number; catalogues know it in the singular."""
    return Said(noun if number == 1 else many or f"{noun}s", noun)


def ordinal(number: int) -> Said:
    """A place in a row of things.

    >>> [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 21, 112)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '21st', '112th']
    """
    teen = number % 100 in (11, 12, 13)
    suffix = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return Said(f"{number}{suffix}", "{number}th", {"number": number})


def with_article(noun: str) -> Said:
    """A noun or the name of a class with its article.

    A name that begins with U is mostly said like *you*: a UNet, a UserDict.

    >>> with_article("Conv2d"), with_article("Embedding"), with_article("LSTM")
    ('a Conv2d', 'an Embedding', 'an LSTM')
    """
    vowel = noun[:1].lower() in tuple("aeio") or noun.startswith(_SPELLED)
    return Said(f"{'an' if vowel else 'a'} {noun}", "a {noun}", {"noun": noun})


def listed(items: Iterable[str], last: Literal["and", "or"] = "and") -> str:
    """Things as a person lists them.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"], "or")
    ('a', 'a and b', 'a, b or c')
    """
    *before, end = list(items) or [""]
    if not before:
        return end
    first = before[0]
    for item in before[1:]:
        first = say("{first}, {second}", first=first, second=item)
    if last == "and":
        return say("{first} and {second}", first=first, second=end)
    return say("{first} or {second}", first=first, second=end)


def times(sizes: Iterable[object], scalar: str = "()") -> str:
    """Sizes as people write them; ``scalar`` where there is none.

    >>> times((6, 28, 28)), times(("N", 10)), times(()), times((), "a scalar")
    ('6×28×28', 'N×10', '()', 'a scalar')
    """
    return "×".join(map(str, sizes)) or scalar


def nearest(name: str, known: Iterable[str], limit: int = 3, cutoff: float = 0.6) -> list[str]:
    """Up to ``limit`` names from ``known`` that resemble ``name``, best first.

    ``cutoff`` is the least similarity, from 0 to 1. Case is ignored, and a prefix such as
    ``torchvision:`` does not count against a name.

    >>> nearest("lenett", ["mlp", "lenet", "lenet-d2l"])
    ['lenet', 'lenet-d2l']
    >>> nearest("resnet18", ["torchvision:resnet18"])
    ['torchvision:resnet18']
    """
    import difflib  # only a mistyped name needs it

    by_key: dict[str, str] = {}
    for other in known:
        by_key.setdefault(other.lower().rpartition(":")[2], other)
    keys = difflib.get_close_matches(name.lower(), list(by_key), n=limit, cutoff=cutoff)
    return [by_key[key] for key in keys]


def did_you_mean(name: str, known: Iterable[str], limit: int = 3, cutoff: float = 0.6) -> str:
    """``; did you mean a, b or c?``, or an empty text when nothing resembles ``name``.

    >>> did_you_mean("lenett", ["mlp", "lenet", "lenet-d2l"])
    '; did you mean lenet or lenet-d2l?'
    >>> did_you_mean("xyz", ["mlp"])
    ''
    """
    found = nearest(name, known, limit, cutoff)
    return say("; did you mean {names}?", names=listed(found, "or")) if found else ""
