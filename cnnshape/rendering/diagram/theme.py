"""The colours of a picture: light, dark, or black and white."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from cnnshape.rendering.palette import (
    DARK,
    EDGE,
    EDGE_TEXT,
    FAILING_DARK,
    FAILING_LIGHT,
    LIGHT,
    Kind,
    KindStyle,
)

#: Helvetica or what stands in for it; :mod:`.fonts` brings one where the system has none.
FONT = "Helvetica,Arial,sans-serif"


@dataclass(frozen=True, slots=True)
class Theme:
    """Every colour that a picture uses.

    Attributes:
        page: the background.
        kinds: fill, line and text by kind of layer.
        failing: the layer that raised.
        edge: arrows. ``edge_text`` is the shapes beside them.
        muted: parameters, and what else is said quietly inside a box.
        frame_text: the titles of frames.
    """

    name: str
    page: str
    kinds: Mapping[Kind, KindStyle]
    failing: KindStyle
    edge: str
    edge_text: str
    muted: str
    frame_text: str

    def style(self, kind: Kind) -> KindStyle:
        """How a kind is drawn."""
        return self.kinds[kind]


_LIGHT = Theme("light", "#ffffff", LIGHT, FAILING_LIGHT, EDGE, EDGE_TEXT, EDGE_TEXT, EDGE_TEXT)
_DARK = Theme("dark", "#1b1e24", DARK, FAILING_DARK, "#7d8491", "#b4bac5", "#b4bac5", "#c6cbd4")


def _mono() -> Theme:
    """For print: kinds differ by their words alone, strips by a light grey."""
    kinds: dict[Kind, KindStyle] = {
        kind: KindStyle("#ffffff", "#333333", "#000000") for kind in get_args(Kind)
    }
    for kind in ("norm", "activation", "shape", "other"):
        kinds[kind] = KindStyle("#eeeeee", "#333333", "#000000")
    kinds["container"] = KindStyle("#fafafa", "#8c8c8c", "#000000")
    kinds["io"] = KindStyle("#222222", "#222222", "#ffffff")
    failing = KindStyle("#ffffff", "#000000", "#000000")
    return Theme("mono", "#ffffff", kinds, failing, "#555555", "#333333", "#444444", "#333333")


ThemeName = Literal["light", "dark", "mono"]
THEMES: Mapping[str, Theme] = {theme.name: theme for theme in (_LIGHT, _DARK, _mono())}
