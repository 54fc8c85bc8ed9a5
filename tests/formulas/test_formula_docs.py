"""Every example of docs/formulas.md, run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import cnnshape
from cnnshape import formulas
from cnnshape.cli.main import run

TEXT = (Path(__file__).parents[2] / "docs" / "formulas.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"```console\n\$ cnnshape (.*?)\n(.*?)```", TEXT, flags=re.DOTALL)
LINES = [
    line
    for block in re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    for line in block.splitlines()
    if "  # " in line
]


@pytest.mark.parametrize(("command", "printed"), CONSOLE, ids=[each[0] for each in CONSOLE])
def test_a_command_prints_what_the_page_shows(command, printed, capsys):
    run(shlex.split(command))
    captured = capsys.readouterr()
    assert captured.out + captured.err == printed


@pytest.mark.parametrize("line", LINES)
def test_a_call_gives_what_the_page_says(line):
    call, _, value = line.partition("  # ")
    result = eval(call, {"cnnshape": cnnshape, "formulas": formulas})
    assert repr(result) == value.split(", or with")[0].strip()


def test_the_page_has_examples():
    assert len(CONSOLE) >= 9
    assert len(LINES) >= 8
