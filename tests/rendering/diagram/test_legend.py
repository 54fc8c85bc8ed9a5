"""The legend says what occurs in the picture, and stands where nothing else does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.analysis.report import Report
from cnnshape.models.lenet import LeNet
from cnnshape.rendering.diagram.blocks_picture import BlocksPicture
from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.choose_depth import make_view
from cnnshape.rendering.diagram.dataflow import build_flow
from cnnshape.rendering.diagram.draw_options import DrawOptions, Style, parse_show
from cnnshape.rendering.diagram.drawing import draw_report, picture_of
from cnnshape.rendering.diagram.fitted_picture import FittedPicture
from cnnshape.rendering.diagram.legend import FAR, Entry, column_width, columns, graph_legend
from cnnshape.rendering.diagram.legend_label import NODE, legend_node
from cnnshape.rendering.diagram.paper import page_of
from cnnshape.rendering.palette import THEMES
from tests.rendering.diagram.judge import collisions
from tests.rendering.diagram.models import (
    Broken,
    Loop,
    Siamese,
    Tower,
    UNet,
    report_of,
)

SVG = "{http://www.w3.org/2000/svg}"


def lines_of(svg: str) -> list[str]:
    """The texts of the legend in a picture."""
    (legend,) = [g for g in ET.fromstring(svg).iter(f"{SVG}g") if g.get("id") == NODE]
    return [text.text or "" for text in legend.iter(f"{SVG}text")]


def entries_of(report: Report, show: str = "shapes,params", **options: Any) -> dict[str, Entry]:
    """What the legend of a data flow explains, by its words."""
    view = make_view(build_flow(report.trace), **options)
    found = graph_legend(view, Captions(view, report, parse_show(show)))
    return {entry.words: entry for entry in found}


def test_the_legend_of_a_picture() -> None:
    report = report_of(LeNet(), (1, 1, 28, 28))
    assert lines_of(draw_report(report, DrawOptions(legend=True)).svg()) == [
        "convolution", "pooling", "linear", "activation", "change of shape", "input, output",
        "what follows the layer at once", "1,234", "parameters of all that is in the box",
        "→", "a tensor; its size where it changes",
    ]  # fmt: skip


def test_only_what_occurs_is_explained() -> None:
    report = report_of(nn.Sequential(nn.Linear(4, 2)), (1, 4))
    assert list(entries_of(report, show="")) == ["linear", "input, output", "a tensor"]


PICTURES: list[tuple[type[nn.Module], list[tuple[int, ...]], str, str]] = [
    (Tower, [(1, 3, 8, 8)], "N ×", "equal ones, of which one is drawn"),
    (Tower, [(1, 3, 8, 8)], "+", "sum of several tensors"),
    (Siamese, [(1, 1, 9, 9)] * 2, "2nd call", "the same weights again, counted once"),
    (Siamese, [(1, 1, 9, 9)] * 2, "−", "difference of several tensors"),
    (Loop, [(2, 6, 4)], "N turns", "a loop: the same weights again"),
    (UNet, [(1, 3, 16, 16)], "concat", "several tensors one behind the other"),
]


@pytest.mark.parametrize(("network", "shapes", "sample", "words"), PICTURES)
def test_signs(
    network: type[nn.Module], shapes: Sequence[tuple[int, ...]], sample: str, words: str
) -> None:
    assert entries_of(report_of(network(), *shapes))[words].text == sample
    assert words not in entries_of(report_of(LeNet(), (1, 1, 28, 28)))


def test_lines_and_boxes() -> None:
    tower = entries_of(report_of(Tower(), (1, 3, 8, 8)))
    assert tower["a skip, past what lies between"].sample == "past"
    assert tower["a module and what is in it"].sample == "frame"
    two = entries_of(report_of(Siamese(), *[(1, 1, 9, 9)] * 2))
    assert "a skip, past what lies between" not in two  # two ways that meet, none past the other
    loop = entries_of(report_of(Loop(), (2, 6, 4)))
    assert loop["into the next turn of the loop"].sample == "dashed"
    closed = entries_of(report_of(Tower(), (1, 3, 8, 8)), collapse=("blocks",))
    assert closed["not opened: 1 module"].sample == "box"
    failed = entries_of(report_of(Broken(), (1, 1, 28, 28)))
    assert failed["here the model raised"].sample == "failed"
    assert "linear" not in failed  # the only one is red


def test_attention_and_recurrence_have_the_colour_of_linear_layers() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    assert "linear, attention" in entries_of(report_of(layer, (1, 5, 8)))
    net = nn.Sequential(nn.Embedding(9, 4), nn.GRU(4, 4))
    words = entries_of(report_of(net, torch.zeros(3, 2, dtype=torch.long)))
    assert "embedding, recurrent" in words


NETWORKS = {
    "LeNet": (LeNet, (1, 1, 28, 28)),
    "UNet": (UNet, (1, 3, 16, 16)),
    "Loop": (Loop, (2, 6, 4)),
}


@pytest.mark.parametrize("fit", ["", "300x400"])
@pytest.mark.parametrize("name", NETWORKS)
def test_it_stands_below_everything_and_on_the_page(name: str, fit: str) -> None:
    build, shape = NETWORKS[name]
    picture = picture_of(report_of(build(), shape), DrawOptions(legend=True, fit=fit))
    painted = json.loads(picture.paint("json"))
    assert collisions(painted) == []
    nodes = {node["name"]: node for node in painted["objects"] if "pos" in node}
    top = _middle(nodes[NODE])[1] + float(nodes[NODE]["height"]) * 36
    for other, node in nodes.items():
        if other != NODE and not other.startswith("corner/"):
            assert _middle(node)[1] - float(node["height"]) * 36 >= top
    frames = [thing["bb"].split(",") for thing in painted["objects"] if "bb" in thing]
    assert all(float(frame[1]) >= top for frame in frames)
    left, bottom, right, _ = map(float, painted["bb"].split(","))
    x, y = _middle(nodes[NODE])
    half = float(nodes[NODE]["width"]) * 36, float(nodes[NODE]["height"]) * 36
    assert left - 1 <= x - half[0]
    assert x + half[0] <= right + 1
    assert bottom - 1 <= y - half[1]


def _middle(node: dict[str, str]) -> tuple[float, float]:
    x, y = node["pos"].split(",")
    return float(x), float(y)


@pytest.mark.parametrize("fit", ["", "slide"])
@pytest.mark.parametrize("name", ["LeNet", "UNet"])
def test_below_feature_maps(name: str, fit: str) -> None:
    build, shape = NETWORKS[name]
    report = report_of(build(), shape)
    svg = draw_report(report, DrawOptions(style="blocks", legend=True, fit=fit)).svg()
    root = ET.fromstring(svg)
    words = lines_of(svg)
    assert {"convolution", "input", "C×H×W", "the step that leads to a map"} <= set(words)
    legend = {id(text) for g in root if g.get("id") == NODE for text in g.iter(f"{SVG}text")}
    heights: dict[bool, list[float]] = {True: [], False: []}
    for text in root.iter(f"{SVG}text"):
        heights[id(text) in legend].append(float(text.get("y", "0")))
        end = float(text.get("x", "0")) + float(text.get("textLength", "0"))
        assert id(text) not in legend or end <= float(root.get("viewBox", "").split()[2])
    assert min(heights[True]) > max(heights[False]) + 8
    assert max(heights[True]) < float(root.get("viewBox", "").split()[3])


def test_it_counts_when_a_page_is_fitted() -> None:
    report = report_of(LeNet(), (1, 1, 28, 28))

    def scale(style: Style, fit: str, *, legend: bool) -> float:
        picture = picture_of(report, DrawOptions(style=style, fit=fit, legend=legend))
        if isinstance(picture, BlocksPicture):
            return picture.scale_on(page_of(fit))
        assert isinstance(picture, FittedPicture)
        return picture.sheet.scale

    cases: tuple[tuple[Style, str], ...] = (("graph", "300x520"), ("blocks", "900x160"))
    for style, fit in cases:
        assert scale(style, fit, legend=True) < scale(style, fit, legend=False)


@pytest.mark.parametrize("theme", ["light", "dark", "mono"])
def test_samples_have_the_colours_of_the_theme(theme: str) -> None:
    report = report_of(LeNet(), (1, 1, 28, 28))
    source = draw_report(report, DrawOptions(legend=True, theme=theme)).source  # pyright: ignore[reportArgumentType]
    style = THEMES[theme].style("pooling")
    (node,) = [line for line in source.splitlines() if line.strip().startswith(f'"{NODE}"')]
    assert f'color="{style.line}" bgcolor="{style.fill}"' in node


def test_other_formats() -> None:
    drawing = draw_report(report_of(Tower(), (1, 3, 8, 8)), DrawOptions(legend=True))
    mermaid = drawing.mermaid()
    assert 'subgraph legend["Legend"]' in mermaid
    assert "1,234: parameters of all that is in the box" in mermaid
    assert "class stem" in mermaid
    assert ",legend_convolution convolution" in mermaid
    assert "not opened" not in drawing.source
    assert drawing.source.count("equal ones, of which one is drawn") == 1


def test_the_tree() -> None:
    drawing = draw_report(report_of(Tower(), (1, 3, 8, 8)), DrawOptions(style="tree", legend=True))
    assert {
        "convolution", "linear", "norm", "a module that holds others", "1,234", "N ×",
        "holds what stands at the right",
    } <= set(lines_of(drawing.svg()))  # fmt: skip
    assert "legend_signs" in drawing.mermaid()


def test_from_python(tmp_path: Path) -> None:
    cnnshape.draw("lenet", filename=tmp_path / "net.dot", legend=True)
    assert "change of shape" in (tmp_path / "net.dot").read_text("utf-8")


def test_columns_have_room() -> None:
    entries = [Entry("input, output", "box", "io"), Entry("norm", "box", "norm")] * 4
    for width in (100.0, 200.0, 500.0, 2000.0):
        parted = columns(entries, width)
        assert [entry for column in parted for entry in column] == entries
        assert len(parted) == 1 or sum(map(column_width, parted)) - FAR <= width
    assert columns([], 100.0) == []


def test_the_label_is_as_wide_as_its_columns_were_counted() -> None:
    entries = [Entry("parameters of all that is in the box", "text", text="1,234")] * 4
    node = legend_node(entries, THEMES["light"], 520.0)
    assert node.width == pytest.approx(sum(map(column_width, columns(entries, 520.0))), abs=40)
