"""The names that somebody who mistyped one may have meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], limit: int = 3, cutoff: float = 0.6) -> list[str]:
    """Up to ``limit`` names from ``known`` that resemble ``name``, best first.

    ``cutoff`` is the least similarity, from 0 to 1. Case is ignored, and a prefix such as
    ``torchvision:`` does not count against a name.

    >>> nearest("lenett", ["mlp", "lenet", "lenet-d2l"])
    ['lenet', 'lenet-d2l']
    >>> nearest("resnet18", ["torchvision:resnet18"])
    ['torchvision:resnet18']
    """
    import difflib

    by_key: dict[str, str] = {}
    for other in known:
        by_key.setdefault(other.lower().rpartition(":")[2], other)
    keys = difflib.get_close_matches(name.lower(), list(by_key), n=limit, cutoff=cutoff)
    return [by_key[key] for key in keys]


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """``; did you mean a, b or c?``, or an empty text when nothing resembles ``name``.

    >>> did_you_mean("lenett", ["mlp", "lenet", "lenet-d2l"])
    '; did you mean lenet or lenet-d2l?'
    >>> did_you_mean("xyz", ["mlp"])
    ''
    """
    found = nearest(name, known, cutoff=cutoff)
    return f"; did you mean {one_of(found)}?" if found else ""


def one_of(names: list[str], word: str = "or") -> str:
    """Names joined as a person lists them.

    >>> one_of(["a"]), one_of(["a", "b"]), one_of(["a", "b", "c"], "and")
    ('a', 'a or b', 'a, b and c')
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"
