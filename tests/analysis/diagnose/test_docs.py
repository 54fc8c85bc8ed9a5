"""The pages in docs/errors: one for every kind, and every example says what the page shows."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
from pathlib import Path

import pytest

from cnnshape.analysis.diagnose.diagnosis import KINDS
from tests.analysis.diagnose.case import CASES

DOCS = Path(__file__).parents[3] / "docs" / "errors"
#: Wordings of torch differ between versions, and are shown on the pages as they were in one.
_MESSAGE = re.compile(r"^\w*(Error|Exit|Exception)\b")


def test_every_kind_has_a_page_and_every_page_a_kind():
    pages = {path.stem for path in DOCS.glob("*.md")} - {"index"}
    assert pages == set(KINDS)


def test_the_index_names_every_page():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    for kind, title in KINDS.items():
        assert f"[{title}]({kind}.md)" in index


def test_the_kinds_of_the_broken_models_are_known():
    assert {case.kind for case in CASES} <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_page(kind, tmp_path, monkeypatch):
    text = (DOCS / f"{kind}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {KINDS[kind]}\n\n`{kind}`\n")
    code, shown = re.search(r"```python\n(.+?)```\n\n```text\n(.+?)```", text, re.DOTALL).groups()
    if "from PIL" in code:
        pytest.importorskip("PIL")
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "88")
    out, err = io.StringIO(), io.StringIO()
    redirected = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
    with redirected[0], redirected[1], contextlib.suppress(Exception):
        runpy.run_path("example.py")
    told = out.getvalue() if out.getvalue().strip() else err.getvalue()
    assert _comparable(told) == _comparable(shown)


def _comparable(text):
    """The lines without the indent and without what torch itself says."""
    kept, skipping = [], False
    for line in text.splitlines():
        stripped = line.strip()
        skipping = bool(_MESSAGE.match(stripped)) or (skipping and bool(stripped))
        if not skipping and stripped:
            kept.append(stripped)
    return kept
