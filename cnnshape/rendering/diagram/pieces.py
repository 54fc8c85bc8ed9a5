"""A view cut into pieces that stand beside each other, like a text in columns.

Where a cut goes through an arrow, a letter stands at both ends of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import pairwise

from cnnshape.rendering.diagram.boxes import BoxGraph, Frame, boxes_of
from cnnshape.rendering.diagram.choose_depth import View

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: What it costs to cut a frame, and one more arrow, in points of width that are saved elsewhere.
_FRAME, _ARROW = 60.0, 40.0
#: What the names of letters begin with where an arrow comes from another piece.
LINK = "from/"
#: A folded block or a loop is never cut.
NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Link:
    """Arrows from one box that a cut goes through: a letter at both ends."""

    letter: str
    tail: int
    heads: tuple[int, ...]


@dataclass(frozen=True)
class Piece:
    """A part of a view that is laid out by itself.

    Attributes:
        root: its boxes and frames.
        leaving: arrows that end in another piece.
        entering: arrows that begin in another piece, with the heads that are in this one.
    """

    root: Frame
    leaving: tuple[Link, ...] = ()
    entering: tuple[Link, ...] = ()


def cut(view: View, places: Sequence[int]) -> tuple[Piece, ...]:
    """The pieces between the cuts; each place is a number of boxes in the order they ran."""
    order = list(boxes_of(view.root))
    bounds = [0, *places, len(order)]
    parts = [frozenset(order[start:stop]) for start, stop in pairwise(bounds)]
    links = _links(view.graph, parts)
    seen: set[int] = set()
    pieces: list[Piece] = []
    for part in parts:
        root = _part(view.root, part, seen)
        leaving = tuple(link for link in links if link.tail in part)
        entering = (
            replace(link, heads=tuple(head for head in link.heads if head in part))
            for link in links
            if link.tail not in part
        )
        pieces.append(Piece(root, leaving, tuple(link for link in entering if link.heads)))
    return tuple(pieces)


def _links(graph: BoxGraph, parts: Sequence[AbstractSet[int]]) -> list[Link]:
    where = {key: number for number, part in enumerate(parts) for key in part}
    links: list[Link] = []
    for tail in sorted(graph.boxes):
        heads = tuple(head for head in sorted(graph.after[tail]) if where[head] != where[tail])
        if heads:
            number = len(links)
            letter = _LETTERS[number % 26] + (str(number // 26) if number >= 26 else "")
            links.append(Link(letter, tail, heads))
    return links


def _part(frame: Frame, keys: AbstractSet[int], seen: set[int]) -> Frame:
    """The part of a frame that a piece has; ``seen`` are the frames that were begun before."""
    items = []
    for item in frame.items:
        if not isinstance(item, Frame):
            items += [item] if item in keys else []
        elif not keys.isdisjoint(boxes_of(item)):
            items.append(_part(item, keys, seen))
    continued = id(frame) in seen
    seen.add(id(frame))
    return replace(frame, items=items, continued=continued)


def prices(view: View) -> list[float]:
    """What a cut before each box costs; the first is the picture's own beginning."""
    order = list(boxes_of(view.root))
    place = {key: number for number, key in enumerate(order)}
    cut_arrows = [0] * len(order)
    found = [0.0] * len(order)
    for tail, number in place.items():
        heads = [place[head] for head in view.graph.after[tail]]
        for between in range(number + 1, max(heads, default=0) + 1):
            cut_arrows[between] += 1
        for head in heads:
            for between in range(head, number + 1):  # an arrow that leads back
                found[between] = NEVER
    for first, last, whole in _spans(view.root, place):
        for between in range(first + 1, last + 1):
            found[between] += NEVER if whole else _FRAME
    return [price + _ARROW * arrows for price, arrows in zip(found, cut_arrows, strict=True)]


def _spans(frame: Frame, place: dict[int, int]) -> Iterator[tuple[int, int, bool]]:
    """First and last box of every frame, and whether it stays whole."""
    for item in frame.items:
        if isinstance(item, Frame):
            places = [place[key] for key in boxes_of(item)]
            yield min(places), max(places), len(item.repeats) > 1 or item.turns > 1
            yield from _spans(item, place)
