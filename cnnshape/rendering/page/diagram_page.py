"""The diagram alone, as a page to pan and zoom."""

from __future__ import annotations

from collections.abc import Mapping

from cnnshape.rendering.page.page import Page, PageTheme
from cnnshape.rendering.palette import ThemeName

#: What the page begins with; the empty one is the system's.
_FIRST: Mapping[ThemeName, PageTheme] = {"light": "", "dark": "dark", "mono": "light"}


def diagram_page(name: str, svg: str, theme: ThemeName) -> str:
    """One self-contained HTML file around one picture.

    Args:
        name: the model's.
        svg: the picture in light colours, which the page repaints, or in ``mono``.
        theme: ``light`` follows the system, ``dark`` begins dark, ``mono`` stays as it is.
    """
    return Page(
        template="diagram.html",
        title=name,
        entry="diagram/main.js",
        styles=("diagram.css",),
        values={"name": name, "mono": theme == "mono", "picture": inline_svg(svg)},
        theme=_FIRST[theme],
    ).html()


def inline_svg(svg: str) -> str:
    """An SVG document as an element of a page: without its XML declaration."""
    return svg.partition("?>")[2].strip() if svg.startswith("<?xml") else svg
