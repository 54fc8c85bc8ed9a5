"""What is refused in one sentence before anything runs, command by command."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from cnnshape.cli.main import cli, run


@pytest.fixture
def misuse(capsys, tmp_path, monkeypatch):
    """The sentence that a misused command says; nothing else is printed or written."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        code = run(arguments)
        out, err = capsys.readouterr()
        assert (code, out) == (2, "")
        assert sorted(tmp_path.rglob("*")) == before
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        return err.removeprefix("error: ")

    return call


@pytest.mark.parametrize(
    "command",
    [
        ("check", "lenet"),
        ("formula", "conv", "--input", "28", "--kernel", "5"),
        ("evaluate", "run"),
        ("predict", "run", "seven.jpg"),
        ("sizes", "lenet", "-i", "1,1,H,W"),
        ("params", "lenet"),
        ("models",),
        ("inspect", "lenet"),
    ],
    ids=lambda command: command[0],
)
def test_a_suffix_that_is_not_written(misuse, command):
    assert misuse(*command, "-o", "a.xls").startswith(".xls is no known format; use one of .txt,")
    if command[0] != "formula":  # which draws
        said = misuse(*command, "-o", "a.svg")
        assert said.startswith(".svg is a picture and this writes a table")
    assert misuse(*command, "-o", "table").startswith("table has no suffix")
    assert "there is no folder nowhere" in misuse(*command, "-o", "nowhere/a.json")


@pytest.mark.parametrize("kind", ["pixel_shuffle", "pixel_unshuffle"])
def test_pixels_are_shuffled_by_whole_numbers(misuse, kind):
    told = misuse("formula", kind, "--input", "6", "--factor", "1.5")
    assert told == f"the factor of {kind} must be a whole number, not 1.5\n"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("e.yaml", "C1: [1, 6, 28, 28]\nS2: [1, 6, 14, 14]\nC1: [1, 6, 24, 24]\n",
         "e.yaml: 'C1' stands there twice, again at line 3\n"),
        ("e.json", '{"C1": [1, 6, 28, 28], "C1": [1, 6, 24, 24]}',
         "e.json: 'C1' stands there twice\n"),
    ],
)  # fmt: skip
def test_a_key_that_stands_twice(misuse, name, text, told):
    Path(name).write_text(text)
    assert misuse("check", "lenet", "--expect", name) == told


@pytest.mark.parametrize(
    ("layer", "field"),
    [
        ('"C1"', "the row"),
        ('{"type": "Conv2d"}', "path"),
        ('{"path": ["C1"]}', "path"),
        ('{"path": "C1", "call": "first"}', "call"),
        ('{"path": "C1", "params": "many"}', "params"),
        ('{"path": "C1", "output_shapes": [[1, -6]]}', "output_shapes"),
        ('{"path": "C1", "output_shapes": {"a": 1}}', "output_shapes"),
    ],
)
def test_a_damaged_report(misuse, layer, field):
    Path("old.json").write_text(f'{{"schema": 1, "layers": [{layer}]}}')
    told = misuse("check", "lenet", "--expect", "old.json")
    assert told.startswith(f"old.json: {field} of layers[0] is not what a report has there")


@pytest.mark.parametrize("name", ["deep.json", "deep.yaml"])
def test_lists_without_end(misuse, name):
    Path(name).write_text("[" * 100_000)
    told = misuse("check", "lenet", "--expect", name)
    assert told == f"{name}: lists within lists without end are no shapes\n"


def test_weights_are_named_as_typed(misuse):
    assert misuse("inspect", "lenet", "--weights", "").startswith("weights '' names no file")
    address = "https://example.org/lenet.pt"
    assert misuse("inspect", "lenet", "--weights", address) == (
        f"nothing is downloaded: save {address} and give the file\n"
    )


@pytest.mark.parametrize(
    ("raised", "code"), [(click.FileError("a.txt"), 2), (click.ClickException("no"), 1)]
)
def test_what_click_raises_itself(monkeypatch, capsys, raised, code):
    def main(*_args, **_options):
        raise raised

    monkeypatch.setattr(cli, "main", main)
    assert run(["models"]) == code
    assert capsys.readouterr().err.startswith("Error: ")


def test_a_folder_is_no_file(misuse):
    Path("a.csv").mkdir()
    assert "File 'a.csv' is a directory" in misuse("params", "lenet", "-o", "a.csv")
    assert "File 'a.csv' is a directory" in misuse("params", "lenet", "--weights", "a.csv")
