"""Tables as people read them, compared with files that somebody has looked at.

To write the files anew after a change that is meant to be seen, and then look at the difference:

    CNNSHAPE_UPDATE_GOLDEN=1 pytest tests/rendering/test_golden.py
    git diff tests/rendering/golden
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cnnshape.analysis.report import Report
from cnnshape.rendering.report import report_text
from cnnshape.rendering.row import TableOptions
from cnnshape.rendering.styled_text import cells
from tests.rendering import report_builder as build
from tests.rendering.report_builder import to_text

GOLDEN = Path(__file__).parent / "golden"

CASES: dict[str, tuple[Callable[[], Report], TableOptions]] = {
    "lenet": (build.lenet, TableOptions()),
    "lenet-formulas": (build.lenet, TableOptions(formulas=True)),
    "lenet-sorted": (build.lenet, TableOptions(sort="macs")),
    "resnet": (build.resnet_like, TableOptions()),
    "resnet-depth-1": (build.resnet_like, TableOptions(depth=1)),
    "resnet-expanded": (build.resnet_like, TableOptions(expand=True)),
    "failing": (build.failing, TableOptions()),
    "failing-diagnosed": (lambda: build.failing(diagnosed=True), TableOptions()),
    "symbolic": (build.symbolic, TableOptions()),
    "tangle": (build.tangle, TableOptions()),
}


def same_as_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("CNNSHAPE_UPDATE_GOLDEN"):
        path.write_text(text + "\n", encoding="utf-8", newline="\n")
    assert text + "\n" == path.read_text(encoding="utf-8"), f"see {path.name}"


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", CASES)
def test_table(name: str, width: int) -> None:
    make, options = CASES[name]
    text = to_text(make(), options, width=width)
    same_as_golden(f"{name}-{width}.txt", text)
    assert max(cells(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize("format", ["csv", "markdown", "latex"])
@pytest.mark.parametrize("name", ["lenet", "resnet", "failing"])
def test_other_formats(name: str, format: str) -> None:
    suffix = {"csv": "csv", "markdown": "md", "latex": "tex"}[format]
    text = report_text(CASES[name][0](), format)  # type: ignore[arg-type]
    same_as_golden(f"{name}.{suffix}", text)
