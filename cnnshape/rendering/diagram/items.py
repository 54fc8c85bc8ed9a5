"""Frames and what stands inside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias, Union

#: A box by its key, or a frame around several.
Item: TypeAlias = Union[int, "Frame"]


@dataclass
class Frame:
    """A container that is drawn as a frame, or a group of neighbours that repeats.

    Attributes:
        call: the container's call; for a group of neighbours, the container that they are in.
        items: boxes and frames inside, in the order they ran.
        wrappers: container calls that hold nothing but this frame, outermost first.
        repeats: the calls (for a group: the names) of all equal ones that it stands for.
        group: it is not a container but a run of neighbours that repeats together.
    """

    call: int
    items: list[Item]
    wrappers: list[int] = field(default_factory=list[int])
    repeats: list[int] = field(default_factory=list[int])
    group: bool = False


def boxes_of(item: Item) -> Iterator[int]:
    """The keys of the boxes in ``item``, in the order they ran."""
    if isinstance(item, Frame):
        for inner in item.items:
            yield from boxes_of(inner)
    else:
        yield item
