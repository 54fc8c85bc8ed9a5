"""The examples of docs/explain.md, run."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from cnnshape.cli.main import run

PAGE = (Path(__file__).parents[1] / "docs" / "explain.md").read_text(encoding="utf-8")
FILES = re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"<!-- run -->\n```console\n\$ cnnshape (.*?)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[each[0] for each in COMMANDS])
def test_a_command_prints_what_the_page_shows(command, shown, tmp_path, monkeypatch, capsys):
    for name, text in FILES:
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    # Whoever has begun to train on several processes has torch's own hook, which names the rank.
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    assert run(shlex.split(command)) == 1
    out, err = capsys.readouterr()
    lines = iter((out + err).splitlines())
    for line in shown.splitlines():
        if line.strip() != "…":
            assert line in lines, line
