"""TikZ: the same picture as the SVG, which Graphviz itself writes; pdflatex takes it."""

from __future__ import annotations

import re
import shutil
import subprocess
from math import hypot
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from torch import nn

from cnnshape.models.lenet import LeNet
from cnnshape.rendering.diagram import Drawing, draw_options, draw_report
from cnnshape.rendering.diagram.painted_scene import read_scene
from cnnshape.rendering.diagram.svg_scene import Curve, Group, Scene, Shape, Words
from cnnshape.rendering.diagram.tikz import tikz
from cnnshape.rendering.escape import latex
from tests.rendering.diagram.models import Broken, Hostile, Tower, report_of

SVG = "{http://www.w3.org/2000/svg}"
NODE = re.compile(
    r"\\node\[(anchor=base, )?text=.*\n +at \(([\d.]+),([\d.]+)\) \{(.*)\};$", re.MULTILINE
)
TEXT = re.compile(r"\\narrowed\{([\d.]+)bp\}\{(.*)\}")
STYLES = ("graph", "blocks", "tree")


def draw(model: nn.Module, *shape: int, **options: object) -> Drawing:
    return draw_report(report_of(model, shape), draw_options(**options))


def lenet(**options: object) -> Drawing:
    return draw(LeNet(), 1, 1, 28, 28, **options)


Place = tuple[str, float, float]


def in_tikz(source: str) -> list[Place]:
    """Every text with its left end."""
    scale = float(re.search(r"x=([\d.]+)bp", source)[1])  # type: ignore[index]
    found: list[Place] = []
    for middle, x, y, content in NODE.findall(source):
        width, text = TEXT.fullmatch(content).groups()  # type: ignore[union-attr]
        found.append((text, float(x) - (float(width) / scale / 2 if middle else 0), float(y)))
    return found


def in_svg(root: ET.Element) -> list[Place]:
    """The same in the SVG: Graphviz moves its whole picture by a translation."""
    moved = next((g.get("transform", "") for g in root.iter(f"{SVG}g")), "")
    shift = re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", moved)
    dx, dy = map(float, shift.groups()) if shift else (0.0, 0.0)
    found: list[Place] = []
    for text in root.iter(f"{SVG}text"):
        left = float(text.get("x", "")) + dx
        if text.get("text-anchor") == "middle":
            left -= float(text.get("textLength", "0")) / 2
        words = (text.text or "").replace("\N{NO-BREAK SPACE}", " ")
        found.append((latex(words), left, float(text.get("y", "")) + dy))
    return found


def unlike(expected: list[Place], found: list[Place]) -> list[Place]:
    """What stands in one list only, or two points or more from its place in the other."""
    left = list(found)
    missing: list[Place] = []
    for text, x, y in expected:
        there = [one for one in left if one[0] == text and hypot(one[1] - x, one[2] - y) < 2]
        if there:
            left.remove(there[0])
        else:
            missing.append((text, x, y))
    return missing + left


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("fit", ["", "300x400"])
def test_every_text_of_the_svg_stands_at_its_place_once(style: str, fit: str):
    drawing = lenet(style=style, fit=fit)
    expected = in_svg(ET.fromstring(drawing.svg()))
    assert len(expected) > 20
    assert unlike(expected, in_tikz(drawing.tikz())) == []


@pytest.mark.parametrize("style", STYLES)
def test_every_shape_of_the_svg_is_drawn_once(style: str):
    drawing = draw(Tower(2), 1, 3, 8, 8, style=style)
    root = ET.fromstring(drawing.svg())
    closed = opened = 0
    for tag in ("polygon", "path", "ellipse"):
        for shape in root.iter(SVG + tag):
            closed += shape.get("fill") != "none"
            opened += shape.get("fill") == "none"
    closed -= style != "blocks"  # Graphviz paints the page as a polygon
    source = drawing.tikz()
    assert len(re.findall(r"^\\fill(?:draw)?\[", source, re.MULTILINE)) == closed
    assert len(re.findall(r"^\\draw\[", source, re.MULTILINE)) == opened


def unbalanced(source: str) -> int:
    bare = re.sub(r"(?m)%.*$", "", source.replace("\\\\", "").replace("\\%", ""))
    bare = bare.replace("\\{", "").replace("\\}", "")
    return bare.count("{") - bare.count("}")


@pytest.mark.parametrize("style", STYLES)
def test_names_that_tex_would_interpret_are_escaped(style: str):
    source = draw(Hostile(), 1, 3, 4, 4, style=style, expand=True).tikz()
    shown = {text for text, _, _ in in_tikz(source)}
    for name in Hostile.NAMES:
        assert any(latex(name) in text for text in shown), name
    assert unbalanced(source) == 0
    assert "\\begin{tikzpicture}" in source
    assert source.endswith("\\end{tikzpicture}\n")


def test_letters_that_pdflatex_does_not_have_are_said_at_its_head():
    hostile = draw(Hostile(), 1, 3, 4, 4, expand=True)
    assert "\\setsansfont{a font that has them}" in hostile.tikz()
    assert "lualatex" not in lenet(show="shapes,params,macs,receptive-field,formula").tikz()


@pytest.mark.parametrize("theme", ["light", "dark", "mono"])
def test_every_color_is_defined_once_and_used(theme: str):
    source = lenet(theme=theme, style="blocks").tikz()
    names = re.findall(r"\\definecolor\{(\w+)\}", source)
    used = re.findall(r"(?:fill|draw|text)=(shape\w+)", source)
    assert sorted(names) == sorted(set(used))
    assert ("shape1B1E24" in names) is (theme == "dark")


@pytest.mark.parametrize(("style", "page"), [(s, p) for s in STYLES for p in ("a4", "300x400")])
def test_a_page_is_filled(style: str, page: str):
    source = lenet(style=style, fit=page).tikz()
    scale = float(re.search(r"x=([\d.]+)bp", source)[1])  # type: ignore[index]
    corner = re.search(r"rectangle \(([\d.]+),([\d.]+)\)", source)
    assert corner is not None
    size = [float(length) * scale for length in corner.groups()]
    assert size == pytest.approx([595, 842] if page == "a4" else [300, 400], abs=0.5)
    sizes = [float(size) for size in re.findall(r"\\fontsize\{([\d.]+)bp\}", source)]
    assert min(sizes) >= 5.99


def test_a_frame_is_drawn_before_what_is_in_it():
    source = draw(nn.Sequential(Tower(2), nn.ReLU()), 1, 3, 8, 8, expand=True).tikz()
    about = [line for line in source.splitlines() if line.startswith("% ")]
    places = [about.index(f"% {words}") for words in
              ("0: Tower", "0.blocks.0: Residual", "0.stem: Conv2d 3×3, 3→8")]  # fmt: skip
    assert places == sorted(places)


def test_a_failing_layer_is_red():
    source = draw(Broken(), 1, 1, 28, 28).tikz()
    assert "fill=shapeFBE0E0" in source
    assert "It fails at fc." in source.splitlines()[0]


# ---- marks one by one ----------------------------------------------------------------------


def scene(*marks: Shape | Curve | Words, size: float = 100) -> Scene:
    return Scene(size, size, "#ffffff", groups=[Group("", "", marks)])


def written(*marks: Shape | Curve | Words) -> str:
    return tikz(scene(*marks), "", "").partition("(100,100);\n")[2]


def test_what_is_straight_in_a_curve_is_written_so():
    points = ((0, 0), (0, 0), (10, 0), (10, 0), (15, 0), (20, 5), (20, 10))
    assert "(0,0) -- (10,0) .. controls (15,0) and (20,5) .. (20,10);" in written(
        Curve(points, "#000000", bent=True)
    )


def test_dashes_and_shapes_without_a_line():
    assert "dash pattern=on 4bp off 3bp" in written(Curve(((0, 0), (9, 9)), "#000000", dashed=True))
    square = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0))
    assert written(Shape(square, "#ff0000", "#00ff00", width=0)).startswith("\\fill[fill=shapeFF")


def test_what_is_longer_than_tex_knows_is_drawn_smaller():
    words = Words("a", (0, 0), 10, "#000000", measured=10)
    source = tikz(scene(words, size=28000), "", "")
    assert "[x=0.5bp, y=-0.5bp" in source
    assert "\\fontsize{5bp}" in source
    assert "\\narrowed{5bp}{a}" in source


def test_a_circle_and_what_has_no_fill_are_read_from_graphviz():
    pen = [{"op": "c", "color": "#112233"}, {"op": "S", "style": "dashed"}]
    page = {"op": "P", "points": [[-10, -10], [-10, 90], [90, 90], [90, -10]]}
    found = read_scene(
        {
            "bgcolor": "#ffffff",
            "_draw_": [page],
            "objects": [
                {"_draw_": [*pen, {"op": "E", "rect": [40, 40, 10, 20]}], "id": "node"},
                {"_draw_": [*pen, {"op": "p", "points": [[0, 0], [9, 0], [9, 9]]}], "bb": "0"},
            ],
        }
    )
    frame, node = found.groups
    assert frame.marks == (
        Curve(((10, 90), (19, 90), (19, 81), (10, 90)), "#112233", dashed=True, width=1.0),
    )
    (circle,) = node.marks
    assert isinstance(circle, Shape)
    xs, ys = zip(*circle.points, strict=True)
    assert (min(xs), max(xs), min(ys), max(ys)) == (40, 60, 30, 70)
    assert circle.points[0] == circle.points[-1]


# ---- pdflatex itself -----------------------------------------------------------------------

PDFLATEX = shutil.which("pdflatex")
ALONE = (
    r"\pdfcompresslevel=0\pdfobjcompresslevel=0\documentclass{standalone}"
    r"\usepackage{amssymb,tikz}\begin{document}\input{picture.tex}\end{document}"
)


@pytest.mark.slow
@pytest.mark.skipif(PDFLATEX is None, reason="no pdflatex here")
@pytest.mark.parametrize("style", STYLES)
def test_pdflatex_draws_it_as_large_as_it_is(style: str, tmp_path: Path):
    names = [name for name in Hostile.NAMES if name.isascii()]
    net = nn.Sequential()
    for name in [*names, "größe α_β"]:
        net.add_module(name.replace(".", ""), nn.Conv2d(3, 3, 1))
    draw(net, 1, 3, 4, 4, style=style, fit="a4").write(tmp_path / "picture.tex")
    done = subprocess.run(
        [PDFLATEX or "", "-jobname=alone", "-interaction=nonstopmode", "-halt-on-error", ALONE],
        cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in done.stdout
    pdf = (tmp_path / "alone.pdf").read_bytes()
    size = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert size is not None
    assert [float(one) for one in size.groups()] == pytest.approx([595, 842], abs=0.5)
