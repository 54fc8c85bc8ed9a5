"""Pictures that fit a page: nothing touches, nothing is cut off, nothing is too small."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import torch
from torch import Tensor, nn

from cnnshape.analysis.report import Report
from cnnshape.cli.main import run as cnnshape
from cnnshape.errors import UsageError
from cnnshape.rendering.diagram.blocks_parts import Plan, Setting
from cnnshape.rendering.diagram.blocks_picture import blocks_picture
from cnnshape.rendering.diagram.blocks_plan import plan_of
from cnnshape.rendering.diagram.choose_depth import make_view
from cnnshape.rendering.diagram.dataflow import build_flow
from cnnshape.rendering.diagram.draw_options import DrawOptions, Style
from cnnshape.rendering.diagram.drawing import picture_of
from cnnshape.rendering.diagram.fitted_picture import FittedPicture
from cnnshape.rendering.diagram.graphviz_process import run
from cnnshape.rendering.diagram.paper import page_of
from cnnshape.rendering.diagram.pieces import NEVER, cut, prices
from cnnshape.rendering.diagram.u_shape import u_shape
from cnnshape.rendering.fonts import text_width
from tests.rendering.diagram.judge import collisions
from tests.rendering.diagram.models import Tower, report_of

SVG = "{http://www.w3.org/2000/svg}"


class Halving(nn.Module):
    """A small U-Net: two levels down, two up, each beside what was there on the way down."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, width, 3, padding=1)
        self.down1 = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.down2 = nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1)
        self.up1 = nn.ConvTranspose2d(4 * width, 2 * width, 2, stride=2)
        self.mix1 = nn.Conv2d(4 * width, 2 * width, 3, padding=1)
        self.up2 = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.mix2 = nn.Conv2d(2 * width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.first(x)
        b = self.down1(a)
        c = self.down2(b)
        b = self.mix1(torch.cat([b, self.up1(c)], 1))
        return self.mix2(torch.cat([a, self.up2(b)], 1))


class Long(nn.Module):
    """Twelve layers in a row, of which the second feeds the last as well."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(n, n + 1, 3, padding=1) for n in range(1, 13))

    def forward(self, x: Tensor) -> Tensor:
        first = x = self.layers[0](x)
        for layer in self.layers[1:]:
            x = layer(x)
        return torch.cat([x, first], 1)


def halving() -> Report:
    return report_of(Halving(), (1, 1, 32, 32))


def long() -> Report:
    return report_of(Long(), (1, 1, 8, 8))  # twelve boxes that nothing can be folded of


def tower() -> Report:
    return report_of(Tower(), (1, 3, 32, 32))


CASES = [
    *((make, page, "graph") for make in (halving, long, tower) for page in ("a4", "column")),
    (long, "slide", "graph"),
    *((make, page, "blocks") for make in (halving, long) for page in ("letter", "slide")),
    (tower, "400x500", "blocks"),
]


@pytest.mark.parametrize(("make", "page", "style"), CASES)
def test_nothing_touches_is_cut_off_or_too_small(
    make: Callable[[], Report], page: str, style: Style
) -> None:
    picture = picture_of(make(), DrawOptions(fit=page, style=style))
    if style == "graph":
        assert collisions(json.loads(run(picture.digraph().source, "json", engine="nop2"))) == []
    size = page_of(page)
    root = ET.fromstring(picture.paint("svg"))
    width, height = (
        float((root.get(side) or "").removesuffix("pt")) for side in ("width", "height")
    )
    assert (width, height) == (size.width, size.height)
    for left, right, baseline, letters in texts(root, width):
        assert letters >= 5.99
        assert left >= size.margin - 1
        assert right <= width - size.margin + 1
        assert size.margin <= baseline <= height - size.margin


def texts(root: ET.Element, width: float) -> Iterator[tuple[float, float, float, float]]:
    """Left and right end, base line and size of every text, in points of the page."""
    view = [float(number) for number in (root.get("viewBox") or "").split()]
    scale = width / view[2]
    dx, dy, inner = 0.0, 0.0, 1.0
    group = root.find(f"{SVG}g")
    turned = re.findall(
        r"(\w+)\(([^)]*)\)", (group.get("transform") or "") if group is not None else ""
    )
    for name, given in turned:
        numbers = [float(number) for number in given.replace(",", " ").split()]
        if name == "translate":
            dx, dy = numbers
        if name == "scale":
            inner = numbers[0]
    for text in root.iter(f"{SVG}text"):
        size = float(text.get("font-size") or 0) * inner * scale
        long = text_width(text.text or "", size, bold=text.get("font-weight") == "bold")
        x, y = (float(text.get(axis) or 0) for axis in "xy")
        left = (x + dx) * inner * scale - (long / 2 if text.get("text-anchor") == "middle" else 0)
        yield left, left + long, (y + dy) * inner * scale, size


def test_a_page_is_known_by_its_name_or_its_size() -> None:
    assert (page_of("A4").width, page_of("A4").height) == (595, 842)
    assert page_of("slide").width / page_of("slide").height == pytest.approx(16 / 9)
    assert page_of("2x3in").height == 216
    assert page_of("25.4x50.8mm").width == pytest.approx(72)
    for wrong in ("a5", "400", "0x10", "10 by 20", "-3x4"):
        with pytest.raises(UsageError):
            DrawOptions(fit=wrong)


@pytest.mark.parametrize("style", ["graph", "blocks", "tree"])
def test_of_a_page_too_small_the_smallest_that_would_do_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], style: str
) -> None:
    def draw(fit: str) -> int:
        return cnnshape(
            ["draw", "lenet", "--style", style, "--fit", fit, "-o", f"{tmp_path}/x.svg"]
        )

    assert draw("60x40") == 2
    said = capsys.readouterr().err
    assert "--fit 60x40" in said
    assert "6 points" in said
    smallest = re.search(r"(\d+x\d+) \(points\)", said)
    assert smallest is not None
    assert draw(smallest[1]) == 0


def test_a_cut_has_a_letter_at_both_ends_of_every_arrow() -> None:
    view = make_view(build_flow(long().trace))
    first, second, third = cut(view, [4, 9])
    # The main path goes on from piece to piece, and the first layer feeds the concatenation.
    assert [link.letter for link in first.leaving] == ["A", "B"]
    assert [link.letter for link in second.entering] == ["B"]
    assert [link.letter for link in second.leaving] == ["C"]
    assert [link.letter for link in third.entering] == ["A", "C"]


def test_a_folded_block_is_never_cut() -> None:
    view = make_view(build_flow(tower().trace))
    whole = [price == NEVER for price in prices(view)]
    # Before the input, the stem, the block's first layer, its second and its sum, the mean, the
    # head and the output.
    assert whole == [False, False, False, True, True, False, False, False]


def plan(report: Report, room: float | None = None) -> Plan:
    picture = blocks_picture(build_flow(report.trace), report, DrawOptions(style="blocks"))
    return plan_of(picture._course, Setting(room=room))  # pyright: ignore[reportPrivateUsage]


def test_an_encoder_and_decoder_stand_in_a_u() -> None:
    found = plan(halving())
    heights: dict[float, list[str]] = {}
    for slot in found.slots:
        heights.setdefault(slot.axis, []).append(slot.map.name)
    rows = [heights[axis] for axis in sorted(heights)]
    assert [row[0] for row in rows] == ["x", "down1", "down2"]
    assert [row[-1] for row in rows] == ["mix2", "mix1", "down2"]


class Deep(nn.Module):
    """A U-Net of depth 4 that pools, and convolves twice, by modules of their own."""

    def __init__(self) -> None:
        super().__init__()
        widths = [32, 64, 128, 256, 512]
        before = [3, *widths]
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.Conv2d(o, o, 3, padding=1))
            for i, o in zip(before, widths, strict=False)
        )
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * o, o, 2, 2) for o in widths[:-1])
        self.mix = nn.ModuleList(nn.Conv2d(2 * o, o, 3, padding=1) for o in widths[:-1])
        self.head = nn.Conv2d(32, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for down in self.down[:-1]:
            skips.append(down(x))
            x = self.pool(skips[-1])
        x = self.down[-1](x)
        for level in reversed(range(4)):
            x = self.mix[level](torch.cat([skips[level], self.up[level](x)], 1))
        return self.head(x)


def test_a_wide_one_is_made_smaller_and_stays_a_u() -> None:
    found = plan(report_of(Deep(), (1, 3, 64, 64)))
    rows: dict[float, list[str]] = {}
    for slot in found.slots:
        rows.setdefault(slot.axis, []).append(slot.map.name)
    assert [rows[axis][0] for axis in sorted(rows)] == ["x", "pool", "pool", "pool", "pool"]
    assert rows[max(rows)] == ["pool", "down.4"]


@pytest.mark.parametrize("room", [None, 500.0])
def test_every_skip_of_feature_maps_is_an_arrow(room: float | None) -> None:
    found = plan(long(), room)
    assert len({slot.axis for slot in found.slots}) > 1 or room is None
    (skip,) = [way for way in found.ways if len(way.points) > 2 and not way.dashed]
    first = next(slot for slot in found.slots if slot.map.name == "layers.0")
    last = next(slot for slot in found.slots if slot.map.joins)
    assert first.left < skip.points[0][0] < first.right
    assert last.left < skip.points[-1][0] < last.right


def test_a_graph_of_an_encoder_and_decoder_is_a_u() -> None:
    picture = picture_of(halving(), DrawOptions())
    root = ET.fromstring(picture.paint("svg"))
    at: dict[str, tuple[float, float]] = {}
    for group in root.iter(f"{SVG}g"):
        spots = [(float(t.get("x") or 0), float(t.get("y") or 0)) for t in group.iter(f"{SVG}text")]
        if group.get("class", "").startswith("node") and spots:
            at[group.get("id", "")] = spots[0]
    down = [at[name] for name in ("first", "down1", "down2")]
    up = [at[name] for name in ("down2", "up1", "up2")]
    assert [y for _, y in down] == sorted(y for _, y in down)  # y grows downwards
    assert [y for _, y in up] == sorted((y for _, y in up), reverse=True)
    assert max(x for x, _ in down[:2]) < down[2][0] < min(x for x, _ in up[1:])
    source = picture.digraph().source  # what is written as DOT has no positions
    assert "pos=" not in source


@pytest.mark.parametrize("make", [long, tower, lambda: report_of(nn.Linear(3, 2), (1, 3))])
def test_other_networks_are_no_u(make: Callable[[], Report]) -> None:
    assert u_shape(make_view(build_flow(make().trace))) is None


@pytest.mark.parametrize(("page", "points"), [("slide", (960, 540)), ("a4", (595, 842))])
def test_a_pdf_has_the_box_of_its_page(page: str, points: tuple[int, int], tmp_path: Path) -> None:
    file = tmp_path / "net.pdf"
    assert cnnshape(["draw", "lenet", "--fit", page, "-o", str(file), "-q"]) == 0
    found = re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", file.read_bytes())
    assert found is not None
    assert [float(number) for number in found.groups()] == pytest.approx(points, abs=1)


def test_a_wide_page_has_the_levels_of_a_u_from_left_to_right() -> None:
    picture = picture_of(report_of(Deep(), (1, 3, 64, 64)), DrawOptions(fit="slide"))
    assert isinstance(picture, FittedPicture)
    rows: dict[int, list[str]] = {}
    for name, rect in picture.sheet.placement.nodes.items():
        rows.setdefault(round(rect.center[1]), []).append(name)
    levels = [rows[y] for y in sorted(rows, reverse=True)]
    assert levels[0] == ["input/x", "down.0.0", "up.0", "cat.4", "mix.0", "head", "output"]
    assert levels[3] == ["pool@3", "down.3.0", "up.3", "cat", "mix.3"]
    assert levels[4] == ["pool@4", "down.4.0"]
    assert not any(name.startswith("from/") for row in levels for name in row)
    assert collisions(json.loads(run(picture.digraph().source, "json", engine="nop2"))) == []
