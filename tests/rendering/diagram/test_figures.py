"""A figure in a picture is the figure in the table's row of that name."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import torch
from torch import nn

from cnnshape.api.inspecting import inspect
from cnnshape.rendering.diagram.draw_options import DrawOptions, Style, parse_show
from cnnshape.rendering.diagram.drawing import draw_report
from cnnshape.rendering.row import Row, TableOptions
from cnnshape.rendering.rows import make_table
from cnnshape.rendering.units import amount_text
from tests.rendering.diagram.models import Tower, report_of

DOCS = Path(__file__).parents[3] / "docs"
SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"(?:\d+ ×|\d+ turns ·)? ?([\d,]+)")


def boxes_in(svg: str) -> Iterator[tuple[str, str, list[str]]]:
    """Every box's name, the path of the module it is named after, and its other texts."""
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        bold = [t.text or "" for t in group.findall(f".//{SVG}text[@font-weight='bold']")]
        tooltip = group.findtext(f"{SVG}title") or ""
        kinds = group.get("class", "").split()
        if "node" in kinds and "io" not in kinds and bold:
            texts = [t.text or "" for t in group.iter(f"{SVG}text")]
            yield bold[0], tooltip.partition("\n")[0].partition(":")[0], texts[len(bold) :]


def compare(svg: str, rows: dict[str, Row]) -> int:
    """How many figures there are, after each was held against the table's row."""
    compared = 0
    for name, path, texts in boxes_in(svg):
        numbers = [found[1] for text in texts if (found := NUMBER.fullmatch(text.strip()))]
        if name == path not in rows:  # the model itself, in a picture of its modules
            continue
        if numbers:
            assert numbers == [f"{rows[path].params:,}"], path
        for text in texts:
            if text.endswith(" MACs"):
                assert text == f"{amount_text(rows[path].macs or 0)} MACs", path
                compared += 1
        if numbers:  # of equal ones the figure is that of the first
            first = re.split(r" … |, ", name)[0]
            assert path == first or path.endswith(f".{first}"), (name, path)
        compared += len(numbers)
    return compared


def compare_tooltips(svg: str, rows: dict[str, Row]) -> int:
    """How many figures the tooltips have, after each was held against its row."""
    compared = 0
    for title in ET.fromstring(svg).iter(f"{SVG}title"):
        path = ""
        for line in (title.text or "").split("\n"):
            if not line.startswith("  "):
                path = line.partition(":")[0]
                continue
            if (found := re.match(r"  ([\d,]+) parameters?\b", line)) is not None:
                assert found[1] == f"{rows[path].params:,}", path
                compared += 1
            if (found := re.search(r"(\S+) MACs", line)) is not None:
                assert found[1] == amount_text(rows[path].macs or 0), path
                compared += 1
    return compared


def compare_sizes(svg: str, rows: dict[str, Row]) -> int:
    """How many sizes stand below feature maps, after each was held against the table's row."""
    compared = 0
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        lines = (group.findtext(f"{SVG}title") or "").split("\n")
        path = [line.partition(":")[0] for line in lines if ": " in line][-1:]
        texts = [t.text for t in group.findall(f"{SVG}text")]
        if path and path[0] in rows and rows[path[0]].outputs and len(texts) == 2:
            assert texts[1] == "×".join(map(str, rows[path[0]].outputs[0][1:])), path
            compared += 1
    return compared


def rows_of(report: object) -> dict[str, Row]:
    rows = make_table(report, TableOptions(expand=True)).rows  # pyright: ignore[reportArgumentType]
    found: dict[str, Row] = {}
    for row in rows:
        if row.role != "parameter" and row.role != "operation":
            found.setdefault(row.path, row)
    return found


class Projected(nn.Module):
    """A projection, which is a convolution with a norm, and an attention that holds a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), nn.BatchNorm2d(8))
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.project(x).flatten(2).transpose(1, 2)
        return self.attend(tokens, tokens, tokens)[0]


def test_a_box_named_after_a_container_counts_all_that_is_in_it() -> None:
    report = report_of(Projected(), (1, 3, 4, 4))
    svg = draw_report(report, DrawOptions(show=parse_show("params,macs"))).svg()
    boxes = {name: texts for name, _, texts in boxes_in(svg)}
    assert "40" in boxes["project"]  # 3 · 8 weights, and 8 + 8 of the norm
    assert "288" in boxes["attend"]  # 3 · 8 · 8 + 3 · 8 going in, 8 · 8 + 8 coming out


def test_a_block_that_repeats_has_the_figure_of_one() -> None:
    report = report_of(Tower(4), (1, 3, 8, 8))
    svg = draw_report(report, DrawOptions(collapse=("blocks.*",))).svg()
    ((name, path, texts),) = [box for box in boxes_in(svg) if "…" in box[0]]
    assert (name, path) == ("blocks.0 … 3", "blocks.0")
    assert "4 × 1,168" in texts  # 2 · 8·8·3·3 weights, and 8 + 8 of the norm


def test_every_figure_of_the_gallery_is_in_the_table(
    monkeypatch: pytest.MonkeyPatch, entry: tuple[str, str]
) -> None:
    name, command = entry
    monkeypatch.chdir(DOCS)
    words = shlex.split(command)
    given = [words[i + 1] for i, word in enumerate(words) if word == "-i"]
    rows = rows_of(inspect(words[0], tuple(given) or None))
    svg = (DOCS / "images" / f"{name}.svg").read_text("utf-8")
    assert compare_tooltips(svg, rows) >= (0 if "tree" in command else 2)
    if "blocks" in command:
        assert compare_sizes(svg, rows) >= 3
    else:
        assert compare(svg, rows) >= 2


WRONG = [
    (compare, "graph", ">4,672<", ">4,673<"),
    (compare_tooltips, "graph", "4,672 parameters", "4,673 parameters"),
    (compare_tooltips, "blocks", "4,672 parameters", "4,673 parameters"),
    (compare_sizes, "blocks", ">8×6×6<", ">8×6×7<"),
]


@pytest.mark.parametrize(("judge", "style", "right", "wrong"), WRONG)
def test_a_wrong_figure_would_be_seen(
    judge: Callable[[str, dict[str, Row]], int], style: Style, right: str, wrong: str
) -> None:
    report = report_of(Tower(4), (1, 3, 8, 8))
    svg = draw_report(report, DrawOptions(style=style, collapse=("blocks",))).svg()
    assert judge(svg, rows_of(report)) >= 1
    assert right in svg
    with pytest.raises(AssertionError):
        judge(svg.replace(right, wrong), rows_of(report))


def gallery() -> list[tuple[str, str]]:
    sys.path.insert(0, os.fspath(DOCS))
    try:
        import make_gallery  # pyright: ignore[reportMissingImports]
    finally:
        sys.path.pop(0)
    entries = [one for listed in make_gallery.SECTIONS.values() for one in listed]
    return [(one.name, one.command) for one in entries if one.verb == "draw" and not one.expected]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "entry" in metafunc.fixturenames:
        metafunc.parametrize("entry", gallery(), ids=lambda entry: entry[0])
