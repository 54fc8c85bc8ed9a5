"""The file of a sweep: whole lines, read back as they were written."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnshape.errors import OutputError, UsageError
from cnnshape.rendering.escape import visible
from cnnshape.sweeping.results import RowFile, read_rows, rows_text
from cnnshape.sweeping.row import COLUMNS, Row

FULL = Row(
    "torchvision:resnet18",
    ("1,3,224,224", "mask=1,8:bool", "size=(16, 16)", "[3,8,8],[3,9,9]"),
    usual_input=False,
    device="meta",
    params=11_689_512,
    trainable_params=11_689_512,
    macs=1_814_073_344,
    output=((1, 1000), (), ("u0", 4)),
    match=22,
    mismatch=0,
    uncovered=1,
    seconds=0.25,
    package="torchvision 0.29.1",
    torch="2.14.1",
    date="2026-01-31",
)
BARE = Row("a, \"b\".py:Net(x='y')", status="killed", error="the system killed it, SIGKILL")


@pytest.fixture(params=["csv", "jsonl"])
def path(request, tmp_path):
    return tmp_path / f"zoo.{request.param}"


def test_rows_come_back(path):
    file = RowFile(path)
    file.add(FULL)
    RowFile(path).add(BARE)  # another one goes on
    assert read_rows(path) == [FULL, BARE]
    assert path.read_text() == rows_text([FULL, BARE], path.suffix[1:])


text = st.text().map(visible)


@given(
    st.builds(
        Row,
        model=text.filter(bool),
        input=st.lists(text).map(tuple),
        usual_input=st.booleans(),
        status=st.sampled_from(["ok", "failed", "no_input", "timeout", "memory", "killed"]),
        params=st.none() | st.integers(0),
        error=text,
        seconds=st.none() | st.floats(0, 1e6),
    )
)
def test_any_text_comes_back(row):
    with tempfile.TemporaryDirectory() as folder:
        for name in ("zoo.csv", "zoo.jsonl"):
            path = Path(folder) / name
            path.write_text(rows_text([row], path.suffix[1:]), encoding="utf-8")
            assert read_rows(path) == [row]
            assert len(path.read_bytes().split(b"\n")) == (3 if "csv" in name else 2)


def test_what_others_read(tmp_path):
    """As ``csv`` and ``json`` see them; no cell is a formula for a spreadsheet."""
    rows = [FULL, Row("=cmd|x", status="failed", error="@no -\nsuch")]
    file = tmp_path / "zoo.csv"
    file.write_text(rows_text(rows, "csv"))
    with file.open(newline="") as stream:
        first, second = csv.DictReader(stream)
    assert tuple(first) == COLUMNS
    assert (first["params"], first["output"]) == ("11689512", "1x1000 () u0x4")
    assert (second["model"], second["error"][0]) == ("'=cmd|x", "'")
    line = json.loads(rows_text([FULL], "jsonl"))
    assert line["output"] == [[1, 1000], [], ["u0", 4]]
    assert (line["macs"], line["usual_input"]) == (1_814_073_344, False)


def test_half_a_line_is_taken_off(path):
    RowFile(path).add(FULL)
    whole = path.read_bytes()
    for cut in (1, 30, len(whole) - 1):
        path.write_bytes(whole + whole[-cut - 1 : -1])
        assert read_rows(path) == [FULL]
        RowFile(path).add(BARE)
        assert read_rows(path) == [FULL, BARE]


def test_half_a_heading(tmp_path):
    path = tmp_path / "zoo.csv"
    path.write_text("model,inp")
    assert read_rows(path) == []
    RowFile(path).add(FULL)
    assert read_rows(path) == [FULL]


def test_files_that_were_put_together(path):
    path.write_text(rows_text([FULL], path.suffix[1:]) + rows_text([BARE], path.suffix[1:]))
    assert read_rows(path) == [FULL, BARE]


@pytest.mark.parametrize("content", ["my notes\n", "my notes", "name,age\nx,3\n", "[1, 2]\n"])
def test_another_file_is_left_alone(path, content):
    path.write_text(content)
    with pytest.raises(UsageError, match="is no result of a sweep"):
        read_rows(path)
    assert path.read_text() == content


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("false", "no"),
        ("11689512", "many"),
        ("eval", "neither"),
        ("ok", "fine"),
        ("0.25", "[]"),
    ],
)
def test_a_damaged_line_is_named(path, old, new):
    kind = path.suffix[1:]
    path.write_text(rows_text([BARE], kind) + rows_text([FULL], kind).replace(old, new))
    with pytest.raises(UsageError, match=f"line {4 if kind == 'csv' else 2} of .*zoo"):
        read_rows(path)


def test_where_nothing_can_be_written(tmp_path):
    with pytest.raises(OutputError, match="no folder"):
        RowFile(tmp_path / "no" / "zoo.csv")
    with pytest.raises(OutputError, match=r"use one of .*\.jsonl"):
        RowFile(tmp_path / "zoo.xlsx")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OutputError, match="folder"):
        RowFile(tmp_path / "folder.csv")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
def test_a_full_disk():
    from cnnshape.sweeping.lines import GrowingFile

    file = object.__new__(GrowingFile)
    file._path = Path("/dev/full")
    with pytest.raises(OutputError, match="No space left"):
        file.add("a line")
