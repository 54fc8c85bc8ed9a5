"""A size formula as a page: its numbers to change, its windows to step through, one to judge."""

from __future__ import annotations

from collections.abc import Mapping

from cnnshape.rendering.formula_picture.asked import Asked
from cnnshape.rendering.page.diagram_page import inline_svg
from cnnshape.rendering.page.formula_data import formula_data, rule_name
from cnnshape.rendering.page.page import Page, PageTheme
from cnnshape.rendering.palette import ThemeName

#: What the page begins with; the empty one is the system's.
_FIRST: Mapping[ThemeName, PageTheme] = {"light": "", "dark": "dark", "mono": "light"}


def formula_page(asked: Asked, theme: ThemeName = "light") -> str:
    """One self-contained HTML file that begins with what was asked for.

    Args:
        asked: the layer, its numbers, and the formula by hand.
        theme: ``light`` follows the system, ``dark`` begins dark.
    """
    picture = asked.picture("light").render("svg").decode("utf-8")
    start = {
        "rule": rule_name(asked.named),
        "rows": asked.rows,
        "formula": asked.expression or "",
    }
    return Page(
        template="formula.html",
        title=f"{asked.named.kind}: size formula",
        entry="formula/main.js",
        styles=("formula.css",),
        data={"formulas": formula_data(), "start": start},
        values={"picture": inline_svg(picture)},
        theme=_FIRST[theme],
    ).html()
