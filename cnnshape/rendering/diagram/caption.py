"""The words of one box, before any format has them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from cnnshape.rendering.palette import Kind


@dataclass(frozen=True, slots=True)
class Strip:
    """One thin line below a layer."""

    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Caption:
    """The words of one box.

    Attributes:
        title: the name, in bold.
        aside: what stands quietly at the right: parameters.
        lines: details below the title.
        strips: the followers.
        kind: the colour.
        sign: the sign of a merge, which then is all that the box says besides its strips.
        tooltip: everything known about the box, in lines.
        failed: the box is where the model raised.
        pill: an input or output.
    """

    title: str
    aside: str = ""
    lines: tuple[str, ...] = ()
    strips: tuple[Strip, ...] = ()
    kind: Kind = "other"
    sign: str = ""
    tooltip: str = ""
    failed: bool = False
    pill: bool = False


def wrapped(text: str) -> list[str]:
    """A message in a few short lines, so that it does not stretch its box."""
    lines = textwrap.wrap(" ".join(text.split()), 44)
    return lines if len(lines) <= 4 else [*lines[:4], "…"]
