"""A graph whose positions are all given, painted in the format that was asked for."""

from __future__ import annotations

import graphviz

from cnnshape.rendering.diagram.graphviz_process import paint
from cnnshape.rendering.diagram.paper import Page
from cnnshape.rendering.diagram.svg import Widths, finished


def painted(
    graph: graphviz.Digraph,
    format: str,
    about: tuple[str, str],
    widths: Widths,
    paper: Page | None = None,
) -> bytes:
    """What :func:`.paint` gives, made accessible as SVG; TikZ, which Graphviz does not write.

    Args:
        graph: with all its positions.
        format: ``svg``, ``png``, ``pdf`` or ``tex``.
        about: a title and a description of the picture.
        widths: how wide its texts were measured.
        paper: what it fills, if it was made to fit.

    Raises:
        LayoutError: Graphviz crashed or took too long.
    """
    if format == "tex":
        from cnnshape.rendering.diagram.painted_scene import painted_scene
        from cnnshape.rendering.diagram.tikz import tikz

        return tikz(painted_scene(graph, paper), *about).encode("utf-8")
    data = paint(graph, format)
    return finished(data, *about, widths) if format == "svg" else data
