"""Reshapes: the same numbers in the same order under another shape."""

from __future__ import annotations

from cnnshape.operations import Account
from cnnshape.operations.axes import Kept, Merged, Origin, Part
from cnnshape.rendering.live.call import Found, Given, Refused


def moved(given: Given) -> Found:
    """The same numbers in the same order under another shape."""
    account = given.accounts.of(given.operation)
    if account is None or not account.rearranges or not _in_order(account):
        raise Refused("changes the order of the numbers, which a page does not follow")
    return Found("reshape")


def _in_order(account: Account) -> bool:
    """Whether the axes of the result, taken apart, stand as those of the input do."""
    places = [
        (origin.source.axis, -_inner(origin))
        for origin in _leaves(account.results[0])
        if origin.size != 1
    ]
    return places == sorted(places)


def _inner(origin: Kept | Part) -> int:
    inner = origin.inner if isinstance(origin, Part) else 1
    return inner if isinstance(inner, int) else 1


def _leaves(origins: tuple[Origin, ...]) -> list[Kept | Part]:
    found: list[Kept | Part] = []
    for origin in origins:
        if isinstance(origin, Merged):
            found += _leaves(origin.parts)
        elif isinstance(origin, Kept | Part):
            found.append(origin)
        elif origin.size != 1:
            raise Refused("changes the order of the numbers, which a page does not follow")
    return found
