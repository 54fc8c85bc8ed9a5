r"""A scene as TikZ: the same picture as the SVG, in the fonts of the paper that it is put into.

Texts are texts. One that is wider in the paper's font than it was measured becomes narrower, so
that none is cut or runs into its neighbour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnnshape.rendering.diagram.placement import Point
from cnnshape.rendering.diagram.svg_scene import Curve, Group, Mark, Scene, Shape, Words
from cnnshape.rendering.escape import latex, visible

#: TeX knows no length of 16,384 points or more, and a PDF no page of more than 14,400.
_LONGEST = 14000.0
_ALONE = (
    r"pdflatex -jobname=picture '\documentclass{standalone}\usepackage{helvet,amssymb,tikz}"
    r"\begin{document}\input{FILE.tex}\end{document}'"
)
_NARROWED = (
    r"\def\narrowed#1#2{\setbox0\hbox{#2}"
    r"\ifdim\wd0>#1\relax\resizebox{#1}{\height}{\box0}\else\box0\fi}"
)


def tikz(scene: Scene, title: str, description: str) -> str:
    r"""The scene as a ``tikzpicture``, with how to use it as comments at its head.

    Args:
        scene: the picture.
        title: what it shows.
        description: the same in a sentence or two.

    >>> box = Shape(((0, 0), (9, 0), (9, 9)), "#ff0000", "#000000")
    >>> scene = Scene(10, 10, "#ffffff", groups=[Group("C1", "C1: a_box", (box,))])
    >>> print(*tikz(scene, "A box", "Red.").splitlines()[-4:], sep="\n")
    % C1: a_box
    \filldraw[line width=0.9bp, fill=shapeFF0000, draw=shape000000]
      (0,0) -- (9,0) -- (9,9) -- cycle;
    \end{tikzpicture}
    """
    scale = _scale(scene)
    lines = [
        f"% {visible(title)}. {visible(description)}",
        r"% In a paper: \usepackage{amssymb,tikz} and \input{FILE.tex}. As a picture of its own:",
        f"% {_ALONE}",
        *_other_scripts(scene),
        rf"\begin{{tikzpicture}}[x={scale:.6g}bp, y=-{scale:.6g}bp, line join=round,",
        "  every node/.style={inner sep=0pt, outer sep=0pt, anchor=base west}]",
        *(_color(color) for color in _colors(scene)),
        _NARROWED,
        rf"\path[use as bounding box, fill={_name(scene.page)}]",
        f"  (0,0) rectangle {_at((scene.width, scene.height))};",
    ]
    for group in scene.groups:
        lines += _group(group, scale)
    return "\n".join([*lines, r"\end{tikzpicture}", ""])


def _scale(scene: Scene) -> float:
    """How large it is drawn: as its paper says, and never larger than TeX can."""
    paper = scene.width if scene.paper is None else scene.paper.width
    return min(paper, paper * _LONGEST / max(scene.width, scene.height)) / scene.width


def _other_scripts(scene: Scene) -> list[str]:
    """What to know of letters that pdflatex does not have."""
    texts = [mark.text for group in scene.groups for mark in group.marks if isinstance(mark, Words)]
    if all(ord(letter) < 0x180 for letter in latex("".join(texts))):
        return []
    said = r"use lualatex with \usepackage{fontspec} and \setsansfont{a font that has them}"
    return [f"% It has letters beyond Latin and Greek: {said}."]


# ---- colours ----------------------------------------------------------------------------


def _colors(scene: Scene) -> list[str]:
    found = {_name(scene.page): scene.page}
    for group in scene.groups:
        for mark in group.marks:
            found.update((_name(color), color) for color in _used(mark))
    return sorted(found.values())


def _used(mark: Mark) -> tuple[str, ...]:
    if isinstance(mark, Shape):
        return (mark.fill, mark.line) if mark.width else (mark.fill,)
    return (mark.color,)


def _name(color: str) -> str:
    return f"shape{color[1:7].upper()}"


def _color(color: str) -> str:
    return rf"\definecolor{{{_name(color)}}}{{HTML}}{{{color[1:7].upper()}}}"


# ---- marks ------------------------------------------------------------------------------


def _group(group: Group, scale: float) -> Iterator[str]:
    if group.tooltip:
        yield f"% {visible(group.tooltip.splitlines()[0])}"
    for mark in group.marks:
        yield _mark(mark, scale)


def _mark(mark: Mark, scale: float) -> str:
    if isinstance(mark, Words):
        return _words(mark, scale)
    width = f"line width={mark.width * scale:.3g}bp"
    if isinstance(mark, Curve):
        dashes = f", dash pattern=on {4 * scale:.3g}bp off {3 * scale:.3g}bp"
        look = f"{width}, draw={_name(mark.color)}{dashes if mark.dashed else ''}"
        return f"\\draw[{look}]\n  {_way(mark)};"
    fill = f"fill={_name(mark.fill)}"
    if not mark.width:
        return f"\\fill[{fill}]\n  {_way(mark)} -- cycle;"
    return f"\\filldraw[{width}, {fill}, draw={_name(mark.line)}]\n  {_way(mark)} -- cycle;"


def _words(mark: Words, scale: float) -> str:
    anchor = "anchor=base, " if mark.anchor == "middle" else ""
    size = mark.size * scale
    font = rf"\fontsize{{{size:.3g}bp}}{{{size * 1.2:.3g}bp}}\selectfont"
    weight = r"\bfseries" if mark.bold else ""
    return (
        rf"\node[{anchor}text={_name(mark.color)}, font=\sffamily{weight}{font}]"
        f"\n  at {_at(mark.at)} "
        rf"{{\narrowed{{{mark.width * scale:.4g}bp}}{{{latex(mark.text)}}}}};"
    )


def _way(mark: Shape | Curve) -> str:
    """The points as a path; what is straight in a curve is written so."""
    points = mark.points
    if not mark.bent:
        return " -- ".join(_at(point) for point in points)
    path = _at(points[0])
    for place in range(0, len(points) - 3, 3):
        start, first, second, end = points[place : place + 4]
        if first == start and second == end:
            path += "" if start == end else f" -- {_at(end)}"
        else:
            path += f" .. controls {_at(first)} and {_at(second)} .. {_at(end)}"
    return path


def _at(point: Sequence[float] | Point) -> str:
    x, y = (f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".") for value in point)
    return f"({x},{y})"
