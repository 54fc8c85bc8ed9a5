"""README, the tutorial and their translations show what the commands print.

Every block behind ``<!-- console -->`` is run, in the order of its page, in one folder that has the
page's files as they stand by then. After a change that is meant: ``python -m tests.test_readme``
writes the blocks anew.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cnnshape.cli.main import run

ROOT = Path(__file__).parents[1]
PAGES = [
    page
    for name in (
        "README.md",
        "README.zh-CN.md",
        "docs/index.md",
        "docs/tutorial.md",
        "docs/zh/tutorial.md",
    )
    if (page := ROOT / name).exists()
]
PART = re.compile(
    r"<!-- console -->\n```console\n\$ cnnshape (?P<command>[^\n]*)\n(?P<shown>[^`]*?)```"
    r"|<!-- file: (?P<name>\S+) -->\n```python\n(?P<text>.*?)```",
    re.DOTALL,
)
WIDTH = 96


def printed(command: str) -> str:
    """What a command prints in the current folder."""
    out = io.StringIO()
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(WIDTH)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            run(shlex.split(command))
    finally:
        os.environ["COLUMNS"] = columns or "100"
    text = out.getvalue().strip("\n")
    return "\n".join(line.rstrip() for line in text.split("\n")) + "\n" if text else ""


def comparable(text: str) -> str:
    """Times differ from run to run, and so does what torch itself says."""
    text = re.sub(r"\d+(\.\d+)? m?s\b", "N ms", text)
    return re.sub(r"RuntimeError: .*", "RuntimeError: …", text)


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    here = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)


def each_command(text: str) -> Iterator[re.Match[str]]:
    """The commands of a page, with its files written as they come."""
    for part in PART.finditer(text):
        if part["name"]:
            Path(part["name"]).write_text(part["text"], encoding="utf-8")
        else:
            yield part


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_page_shows_what_is_printed(page: Path, tmp_path: Path) -> None:
    with inside(tmp_path):
        commands = 0
        for part in each_command(page.read_text(encoding="utf-8")):
            shown = printed(part["command"])
            assert comparable(shown) == comparable(part["shown"]), part["command"]
            commands += 1
    assert commands


def rewrite(page: Path) -> None:
    """Write the blocks of a page anew."""
    text = page.read_text(encoding="utf-8")
    new: list[str] = []
    place = 0
    with tempfile.TemporaryDirectory() as folder, inside(Path(folder)):
        for part in each_command(text):
            block = f"$ cnnshape {part['command']}\n{printed(part['command'])}"
            new += [text[place : part.start()], f"<!-- console -->\n```console\n{block}```"]
            place = part.end()
    page.write_text("".join([*new, text[place:]]), encoding="utf-8")


def main(write: Callable[[Path], None] = rewrite) -> None:
    for page in PAGES:
        write(page)


if __name__ == "__main__":
    main()
