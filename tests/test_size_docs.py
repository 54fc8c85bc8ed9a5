"""The examples of docs/sizes.md and docs/receptive-field.md, run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import cnnshape
import cnnshape.api.fields
from cnnshape.cli.main import run

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {
    name: (DOCS / name).read_text(encoding="utf-8") for name in ("sizes.md", "receptive-field.md")
}
COMMANDS = [
    (command, printed)
    for text in PAGES.values()
    for block in re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    for command, printed in re.findall(
        r"\$ cnnshape (.*?)\n(.*?)(?=\$ cnnshape|\Z)", block, re.DOTALL
    )
]
BLOCKS = [
    block
    for text in PAGES.values()
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
]


@pytest.mark.parametrize(("command", "printed"), COMMANDS, ids=[each[0] for each in COMMANDS])
def test_a_command_prints_what_the_page_shows(
    command: str, printed: str, capsys: pytest.CaptureFixture[str]
):
    """Every line of the page stands in the output, in order; … leaves lines out."""
    assert run(shlex.split(command)) == 0
    lines = iter(capsys.readouterr().out.splitlines())
    for wanted in printed.splitlines():
        if wanted.strip() not in ("", "…"):
            assert any(line == wanted for line in lines), wanted


@pytest.mark.torchvision
@pytest.mark.parametrize("block", BLOCKS)
def test_python_gives_what_the_page_says(block: str):
    names = {"cnnshape": cnnshape}
    for line in block.splitlines():
        call, _, value = line.partition("  # ")
        if value:
            assert repr(eval(call, names)) == value
        else:
            exec(call, names)


def test_the_hand_table_is_right():
    """size + (K − 1)·stride, stride·S, offset − P·stride, as the page says."""
    rows = re.findall(
        r"^\| (\w+) \| (\d), (\d), (\d) \| .*?(\d+) \| (\d+) \| .*?(−?\d+) \|$",
        PAGES["receptive-field.md"],
        flags=re.MULTILINE,
    )
    assert [row[0] for row in rows] == ["C1", "S1", "C2", "S2", "C3"]
    report = cnnshape.inspect("lenet")
    size, stride, offset = 1, 1, 0
    for path, *numbers in rows:
        kernel, step, padding, *told = (int(n.replace("−", "-")) for n in numbers)
        size, offset = size + (kernel - 1) * stride, offset - padding * stride
        stride *= step
        assert told == [size, stride, offset]
        layer = report.layer(path)
        assert layer.receptive_field == (size, size)
        assert layer.receptive_field_stride == (stride, stride)
        assert layer.receptive_field_offset == (offset, offset)
