"""A figure in a picture is the figure in the table's row of that name."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import torch
from torch import nn

from cnnshape.api.inspecting import inspect
from cnnshape.rendering.diagram.draw_options import DrawOptions, parse_show
from cnnshape.rendering.diagram.drawing import draw_report
from cnnshape.rendering.row import Row, TableOptions
from cnnshape.rendering.rows import make_table
from cnnshape.rendering.units import amount_text
from tests.rendering.diagram.models import report_of

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
        if numbers and not {"…", ","} & set(name):
            assert path == name or path.endswith(f".{name}")
        compared += len(numbers)
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


def test_every_figure_of_the_gallery_is_in_the_table(
    monkeypatch: pytest.MonkeyPatch, entry: tuple[str, str]
) -> None:
    name, command = entry
    monkeypatch.chdir(DOCS)
    words = shlex.split(command)
    given = [words[i + 1] for i, word in enumerate(words) if word == "-i"]
    report = inspect(words[0], tuple(given) or None)
    svg = (DOCS / "images" / f"{name}.svg").read_text("utf-8")
    assert compare(svg, rows_of(report)) >= 2


def gallery() -> list[tuple[str, str]]:
    sys.path.insert(0, os.fspath(DOCS))
    try:
        import make_gallery  # pyright: ignore[reportMissingImports]
    finally:
        sys.path.pop(0)
    entries = [one for listed in make_gallery.SECTIONS.values() for one in listed]
    drawn = [one for one in entries if "blocks" not in one.command and not one.expected]
    return [(one.name, one.command) for one in drawn]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "entry" in metafunc.fixturenames:
        metafunc.parametrize("entry", gallery(), ids=lambda entry: entry[0])
