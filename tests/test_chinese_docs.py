"""Chinese pages have the blocks of the English ones, but for comments; every how-to has a page.

What the blocks print is tested on the English pages. Most show what is printed in Chinese, which is
tested here. After a change of an English page or of a translation,
``python -m tests.test_chinese_docs`` writes what differs anew.
"""

from __future__ import annotations

import operator
import os
import re
import tempfile
from pathlib import Path

import pytest
import yaml

from tests.test_readme import Page, comparable, inside

DOCS = Path(__file__).parents[1] / "docs"
CHINESE = DOCS / "zh"
#: English page → Chinese page; those of single errors, and the written ones, have tests of
#: their own.
PAIRS = {
    DOCS.parent / "README.md": DOCS.parent / "README.zh-CN.md",
    **{
        DOCS / page.relative_to(CHINESE): page
        for page in sorted(CHINESE.rglob("*.md"))
        if page not in (CHINESE / "terms.md", CHINESE / "reference" / "commands.md")
        and (page.parent.name != "errors" or page.name == "index.md")
    },
}
#: The Chinese pages that show what is printed in Chinese.
IN_CHINESE = [
    DOCS.parent / "README.zh-CN.md",
    *(
        CHINESE / f"{name}.md"
        for name in (
            *("index", "tutorial", "formulas", "explain", "annotate", "inspect"),
            *("sizes", "receptive-field", "check", "compare"),
        )
    ),
]
EACH = pytest.mark.parametrize(
    ("english", "chinese"), PAIRS.items(), ids=[page.stem for page in PAIRS]
)
BLOCK = re.compile(r"^(?P<fence>`{3,}).*?^(?P=fence)$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"(^|\s+)#\s.*$", re.MULTILINE)


def blocks(page: Path) -> list[str]:
    return [match[0] for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]


def bare(block: str, *, outputs: bool = True) -> str:
    """A block without its comments, which are translated, and without what differs in every run."""
    if not outputs and block.startswith("```console"):
        block = "\n".join(line for line in block.splitlines() if line.startswith("$ "))
    return comparable(_COMMENT.sub("", block))


def bares(page: Path, chinese: Path) -> list[str]:
    return [bare(block, outputs=chinese not in IN_CHINESE) for block in blocks(page)]


class Printed(Page):
    """A page of whose blocks only those that show what is printed are run."""

    def _block(self, mark: str, language: str, body: str) -> str:
        is_run = mark.startswith("file: ") or language == "console"
        return super()._block(mark, language, body) if is_run else body

    def _within_a_sentence(self, line: str) -> None:
        """Held to the English page."""


def prose(page: Path) -> str:
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def how_tos() -> list[str]:
    """The pages in the navigation's How to."""
    text = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    nav = yaml.load(text, yaml.BaseLoader)["nav"]
    entries = next(
        entry["How to"] for entry in nav if isinstance(entry, dict) and "How to" in entry
    )
    return [page for entry in entries for page in entry.values()]


def test_every_how_to_has_a_chinese_page() -> None:
    assert [page for page in how_tos() if not (CHINESE / page).exists()] == []


@EACH
def test_the_blocks_are_those_of_the_english_page(english: Path, chinese: Path) -> None:
    assert bares(chinese, chinese) == bares(english, chinese)


@pytest.mark.parametrize("page", IN_CHINESE, ids=lambda page: page.stem)
def test_the_page_shows_what_is_printed_in_chinese(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNSHAPE_LANG", "zh")
    with inside(tmp_path):
        shown = Printed(page)
        shown.run()
    assert not shown.wrong, "\n\n".join(shown.wrong)


@EACH
def test_no_command_in_a_sentence_is_another(english: Path, chinese: Path) -> None:
    there, here = (
        {" ".join(code.split()) for code in re.findall(r"`(cnnshape [^`]+)`", prose(page))}
        for page in (english, chinese)
    )
    assert here <= there


@EACH
def test_there_is_a_chinese_section_for_each(english: Path, chinese: Path) -> None:
    if english.name != "README.md":  # whose translation has a list of terms as well
        levels = [re.findall(r"^#+ ", prose(page), re.MULTILINE) for page in (english, chinese)]
        assert levels[0] == levels[1]


@EACH
def test_the_two_pages_name_each_other(english: Path, chinese: Path) -> None:
    there, back = os.path.relpath(chinese, english.parent), os.path.relpath(english, chinese.parent)
    assert english.read_text(encoding="utf-8").split("\n")[2] == f"English | [中文]({there})"
    assert chinese.read_text(encoding="utf-8").split("\n")[2] == f"[English]({back}) | 中文"


@pytest.mark.parametrize("page", sorted(CHINESE.rglob("*.md")), ids=lambda page: page.stem)
def test_links_lead_to_chinese_pages_where_there_are(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+\.md)", prose(page).split("\n", 3)[-1]):
        target = (page.parent / link).resolve()
        assert target.exists(), link
        assert target not in PAIRS, link


def main() -> None:
    """Copy the blocks that differ from those of the English pages, and print in Chinese."""
    for english, chinese in PAIRS.items():
        wanted, shown = blocks(english), blocks(chinese)
        if len(wanted) != len(shown):
            print(f"{chinese}: {len(shown)} blocks, {len(wanted)} in English")
            continue
        alike = map(operator.eq, bares(english, chinese), bares(chinese, chinese))
        kept = iter([s if same else w for s, w, same in zip(shown, wanted, alike, strict=True)])
        text = BLOCK.sub(lambda _, kept=kept: next(kept), chinese.read_text(encoding="utf-8"))
        chinese.write_text(text, encoding="utf-8")
    os.environ["CNNSHAPE_LANG"] = "zh"
    for page in IN_CHINESE:
        with tempfile.TemporaryDirectory() as folder, inside(Path(folder)):
            text = Printed(page).run()
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
