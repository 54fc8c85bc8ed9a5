"""The examples of docs/pytest.md, run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cnnshape
from cnnshape.integrations.pytest_plugin import DifferentSizesError
from cnnshape.integrations.shape_snapshot import snapshot_text

PAGE = (Path(__file__).parents[2] / "docs" / "pytest.md").read_text(encoding="utf-8")


def _block(mark: str) -> str:
    return re.search(rf"<!-- {re.escape(mark)} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)[1]


def test_the_page_shows_what_a_test_says(assert_shapes) -> None:
    names: dict[str, object] = {}
    exec(compile(_block("file: test_lenet.py"), "test_lenet.py", "exec"), names)
    with pytest.raises(DifferentSizesError) as raised:
        names["test_sizes"](assert_shapes)
    assert str(raised.value) + "\n" == _block("shown")


def test_the_page_shows_the_snapshot() -> None:
    report = cnnshape.inspect("lenet", ("N", 1, 28, 28))
    assert snapshot_text(report, "written by pytest --update-shapes") == _block("snapshot")
