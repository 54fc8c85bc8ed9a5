"""docs/zh: every how-to has its Chinese page, with the blocks of the English one but for comments.

What the blocks print is tested on the English pages. After a change there, ``python -m
tests.test_chinese_docs`` copies what differs.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

DOCS = Path(__file__).parents[1] / "docs"
CHINESE = DOCS / "zh"
#: README, the tutorial and the pages of errors are run in both languages by their own tests.
PAGES = sorted(
    page.name
    for page in CHINESE.glob("*.md")
    if (DOCS / page.name).exists() and page.name != "tutorial.md"
)
BLOCK = re.compile(r"^(?P<fence>`{3,}).*?^(?P=fence)$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"(^|\s+)#\s.*$", re.MULTILINE)


def blocks(page: Path) -> list[str]:
    return [match[0] for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]


def bare(block: str) -> str:
    """A block without its comments, which are translated."""
    return _COMMENT.sub("", block)


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


@pytest.mark.parametrize("name", PAGES)
def test_the_blocks_are_those_of_the_english_page(name: str) -> None:
    assert [bare(b) for b in blocks(CHINESE / name)] == [bare(b) for b in blocks(DOCS / name)]


@pytest.mark.parametrize("name", PAGES)
def test_the_headings_are_as_many(name: str) -> None:
    levels = [
        re.findall(
            r"^#+ ", BLOCK.sub("", (folder / name).read_text(encoding="utf-8")), re.MULTILINE
        )
        for folder in (CHINESE, DOCS)
    ]
    assert levels[0] == levels[1]


@pytest.mark.parametrize("name", [*PAGES, "tutorial.md", "errors/index.md"])
def test_the_two_pages_name_each_other(name: str) -> None:
    up = "../" * (1 + name.count("/"))
    english, chinese = ((folder / name).read_text(encoding="utf-8") for folder in (DOCS, CHINESE))
    assert english.split("\n")[2] == f"English | [中文]({up[3:]}zh/{name})"
    assert chinese.split("\n")[2] == f"[English]({up}{name}) | 中文"


@pytest.mark.parametrize("page", sorted(CHINESE.rglob("*.md")), ids=lambda page: page.stem)
def test_links_lead_to_chinese_pages_where_there_are(page: Path) -> None:
    text = BLOCK.sub("", page.read_text(encoding="utf-8").split("\n", 3)[-1])
    for link in re.findall(r"\]\(([^)#:]+\.md)", text):
        target = (page.parent / link).resolve()
        assert target.exists(), link
        if target.is_relative_to(DOCS) and not target.is_relative_to(CHINESE):
            assert not (CHINESE / target.relative_to(DOCS)).exists(), link


def main() -> None:
    """Copy the blocks that differ from those of the English pages."""
    for name in PAGES:
        text = (CHINESE / name).read_text(encoding="utf-8")
        wanted, shown = blocks(DOCS / name), blocks(CHINESE / name)
        if len(wanted) != len(shown):
            print(f"{name}: {len(shown)} blocks, {len(wanted)} in English")
            continue
        kept = iter([s if bare(s) == bare(w) else w for s, w in zip(shown, wanted, strict=True)])
        text = BLOCK.sub(lambda _, kept=kept: next(kept), text)
        (CHINESE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
