"""The pages in docs/errors and docs/zh/errors: one for every kind, with what its example prints.

A Chinese page has the blocks of the English one, but what the example prints is in Chinese.
After a change of an English page or of a translated message, ``python -m
tests.analysis.diagnose.test_docs`` writes these blocks and the Chinese index anew.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import tempfile
from pathlib import Path

import pytest

from cnnshape.analysis.diagnose.diagnosis import KINDS
from cnnshape.experiments import search_fixes
from tests.analysis.diagnose.case import CASES

ROOT = Path(__file__).parents[3]
DOCS = {"en": ROOT / "docs" / "errors", "zh": ROOT / "docs" / "zh" / "errors"}
BLOCK = re.compile(r"```\w+\n.*?```\n", re.DOTALL)
#: Wordings of torch differ between versions, and are shown on the pages as they were in one.
_MESSAGE = re.compile(r"^\w*(Error|Exit|Exception)\b")
_ROW = re.compile(
    r"^\| \[(?P<title>[^\n]+)\]\((?P<kind>[\w.]+)\.md\) \| (?P<message>.*) \|$", re.MULTILINE
)


def page(language: str, kind: str) -> str:
    return (DOCS[language] / f"{kind}.md").read_text(encoding="utf-8")


def title(language: str, kind: str) -> str:
    return page(language, kind).partition("\n")[0].removeprefix("# ")


@pytest.mark.parametrize("language", DOCS)
def test_every_kind_has_a_page_and_every_page_a_kind(language):
    pages = {path.stem for path in DOCS[language].glob("*.md")} - {"index"}
    assert pages == set(KINDS)


@pytest.mark.parametrize("language", DOCS)
def test_the_index_names_every_page(language):
    index = page(language, "index")
    for kind in KINDS:
        assert f"[{title(language, kind)}]({kind}.md)" in index


def test_the_chinese_index_has_the_rows_of_the_english_one():
    rows = [[row[1:] for row in _ROW.findall(page(language, "index"))] for language in DOCS]
    assert rows[0] == rows[1]


def test_the_kinds_of_the_broken_models_are_known():
    assert {case.kind for case in CASES} <= set(KINDS)


def test_the_titles_are_those_of_the_kinds():
    assert {kind: title("en", kind) for kind in KINDS} == KINDS


@pytest.mark.parametrize("language", DOCS)
@pytest.mark.parametrize("kind", KINDS)
def test_page(kind, language, tmp_path, monkeypatch):
    text = page(language, kind)
    assert text.splitlines()[2].startswith(f"`{kind}` · [")
    messages, example, shown = BLOCK.findall(text)
    code = example.removeprefix("```python\n").removesuffix("```\n")
    if language != "en":
        assert [messages, example] == BLOCK.findall(page("en", kind))[:2]
    if "from PIL" in code:
        pytest.importorskip("PIL")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNNSHAPE_LANG", language)
    assert _comparable(printed(code)) == _comparable(shown.removeprefix("```text\n")[:-4])


def printed(code: str) -> str:
    """What an example prints, run as ``example.py`` in the current folder."""
    Path("example.py").write_text(code, encoding="utf-8")
    out, err = io.StringIO(), io.StringIO()
    redirected = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "88"
    try:
        with redirected[0], redirected[1], contextlib.suppress(Exception):
            runpy.run_path("example.py")
    finally:
        os.environ["COLUMNS"] = columns or "100"
    return out.getvalue() if out.getvalue().strip() else err.getvalue()


def _comparable(text):
    """The lines without the indent and without what torch itself says."""
    kept, skipping = [], False
    for line in text.splitlines():
        stripped = line.strip()
        skipping = bool(_MESSAGE.match(stripped)) or (skipping and bool(stripped))
        if not skipping and stripped:
            kept.append(stripped)
    return kept


def main() -> None:
    """Write the blocks of the Chinese pages and the rows of their index anew."""
    os.environ["CNNSHAPE_LANG"] = "zh"
    search_fixes.BUDGET = search_fixes._ENOUGH = 60.0  # as in the tests
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for kind in KINDS:
            messages, example, _ = BLOCK.findall(page("en", kind))
            told = printed(example.removeprefix("```python\n").removesuffix("```\n"))
            blocks = iter((messages, example, f"```text\n{_tidy(told)}\n```\n"))
            text = BLOCK.sub(lambda _, blocks=blocks: next(blocks), page("zh", kind))
            (DOCS["zh"] / f"{kind}.md").write_text(text, encoding="utf-8")
        os.chdir(here)
    rows = {row["kind"]: row["message"] for row in _ROW.finditer(page("en", "index"))}
    index = _ROW.sub(
        lambda row: f"| [{title('zh', row['kind'])}]({row['kind']}.md) | {rows[row['kind']]} |",
        page("zh", "index"),
    )
    (DOCS["zh"] / "index.md").write_text(index, encoding="utf-8")


def _tidy(text: str) -> str:
    """Without the common indent, and without spaces at the ends of lines."""
    lines = [line.rstrip() for line in text.strip("\n").split("\n")]
    indent = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return "\n".join(line[indent:] for line in lines)


if __name__ == "__main__":
    main()
