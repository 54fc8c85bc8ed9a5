"""The README shows what the commands print.

After a change that is meant: ``python -m tests.test_readme`` writes the blocks anew.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import tempfile
from pathlib import Path

import pytest

from cnnshape.cli.main import run

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(
    r"<!-- console -->\n```console\n\$ cnnshape (?P<command>.*)\n(?P<shown>[^`]*?)```"
)
FILE = re.compile(r"<!-- file: (?P<name>\S+) -->\n```python\n(?P<text>.*?)```", re.DOTALL)
WIDTH = 96


def printed(command: str, folder: Path) -> str:
    """What a command prints, started in a folder with the README's files."""
    for match in FILE.finditer(README.read_text(encoding="utf-8")):
        (folder / match["name"]).write_text(match["text"], encoding="utf-8")
    out = io.StringIO()
    columns, here = os.environ.get("COLUMNS"), Path.cwd()
    os.environ["COLUMNS"] = str(WIDTH)
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            run(shlex.split(command))
    finally:
        os.chdir(here)
        os.environ["COLUMNS"] = columns or "100"
    return "\n".join(line.rstrip() for line in out.getvalue().strip("\n").split("\n")) + "\n"


def comparable(text: str) -> str:
    """Times differ from run to run, and so does what torch itself says."""
    text = re.sub(r"\d+(\.\d+)? m?s\b", "N ms", text)
    return re.sub(r"RuntimeError: .*", "RuntimeError: …", text)


BLOCKS = list(BLOCK.finditer(README.read_text(encoding="utf-8")))


@pytest.mark.parametrize("match", BLOCKS, ids=lambda match: match["command"])
def test_the_readme_shows_what_is_printed(match, tmp_path):
    assert comparable(printed(match["command"], tmp_path)) == comparable(match["shown"])


def rewrite() -> None:
    def block(match: re.Match[str]) -> str:
        with tempfile.TemporaryDirectory() as folder:
            shown = printed(match["command"], Path(folder))
        return f"<!-- console -->\n```console\n$ cnnshape {match['command']}\n{shown}```"

    README.write_text(BLOCK.sub(block, README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    rewrite()
