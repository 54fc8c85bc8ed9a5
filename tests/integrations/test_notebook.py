"""The notebook extension, in a shell of this process and in a real kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("IPython")
from IPython.core.interactiveshell import InteractiveShell

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, features=72):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.fc = nn.Linear(features, 3)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "cnnshape")
    yield shell
    shell.history_manager.end_session()


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    monkeypatch.setattr("IPython.display.display", found.append)
    return found


def test_the_cell_is_run_and_its_model_inspected(
    shell: InteractiveShell, displayed: list[Any]
) -> None:
    shell.run_cell_magic("cnnshape", "-i 1,1,8,8", NET + "\nnet = Net()\nafter = 3")
    assert shell.user_ns["after"] == 3
    (report,) = displayed
    assert report.class_name == "Net"
    assert report.layer("conv").output_shapes == ((1, 2, 6, 6),)


def test_a_class_is_built_where_the_cell_makes_no_instance(
    shell: InteractiveShell, displayed: list[Any]
) -> None:
    shell.run_cell_magic("cnnshape", "-i N,1,8,8", NET)
    assert displayed[0].outputs[0].shape == ("N", 3)


def test_a_model_can_be_named_by_an_expression(
    shell: InteractiveShell, displayed: list[Any]
) -> None:
    shell.run_cell_magic("cnnshape", "'Net(features=70)' -i 1,1,8,8 --train", NET)
    assert displayed[0].mode == "train"
    assert "expects 70 features, but 72 arrive" in displayed[0].error.diagnosis


@pytest.mark.parametrize(
    ("line", "cell", "words"),
    [
        ("-i 1,1,8,8", "x = 3", "the cell defines no model"),
        ("x -i 1,1,8,8", "x = 3", "x is no model but int"),
        ("-i 1,,8", "x = 3", "1,,8"),
        ("--frobnicate", "x = 3", "--frobnicate"),
        ("'", "x = 3", "No closing quotation"),
        ("", NET, "needs an input shape"),
        ("Net -i 1,1,8,8", NET.replace("features=72", "features"), "cannot be built without"),
    ],
)
def test_bad_input_is_one_sentence(
    shell: InteractiveShell, displayed: list[Any], line: str, cell: str, words: str
) -> None:
    from IPython.core.error import UsageError

    with pytest.raises(UsageError, match=words):
        shell.run_cell_magic("cnnshape", line, cell)
    assert not displayed


def test_a_cell_that_raises_is_not_inspected(
    shell: InteractiveShell, displayed: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell_magic("cnnshape", "-i 1,1,8,8", "class Odd: pass\n1 / 0")
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert not displayed


def test_an_error_of_a_model_is_explained_below_its_cell(
    shell: InteractiveShell, displayed: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell(NET + "\nNet(70)(torch.zeros(1, 1, 8, 8))")
    assert "mat1 and mat2 shapes cannot be multiplied" in capsys.readouterr().out
    (explanation,) = displayed
    assert "fc expects 70 features, but 72 arrive" in str(explanation)


@pytest.mark.parametrize("cell", ["1 / 0", "raise SystemExit(3)", "x = ", "import nowhere"])
def test_other_errors_are_shown_as_ever(
    shell: InteractiveShell, displayed: list[Any], cell: str
) -> None:
    shell.run_cell("import torch\nfrom torch import nn")
    shell.run_cell(cell)
    assert not displayed


def test_it_is_not_said_twice(shell: InteractiveShell, displayed: list[Any]) -> None:
    shell.run_cell(NET)
    shell.run_cell(
        "import cnnshape\nwith cnnshape.explain():\n    Net(70)(torch.zeros(1, 1, 8, 8))"
    )
    assert not displayed


def test_unloading_ends_it(shell: InteractiveShell, displayed: list[Any]) -> None:
    shell.run_line_magic("unload_ext", "cnnshape")
    shell.run_cell(NET + "\nNet(70)(torch.zeros(1, 1, 8, 8))")
    assert not displayed
    assert "cnnshape" not in shell.magics_manager.magics["cell"]


def test_a_notebook_is_executed_by_a_kernel(tmp_path: Path) -> None:
    """Everything as it is, in a process of its own: what stands under each cell."""
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    cells = [
        "%load_ext cnnshape",
        f"%%cnnshape -i 1,1,8,8\n{NET.strip()}",
        "Net(70)(torch.zeros(1, 1, 8, 8))",
        "import cnnshape\ncnnshape.draw(Net(), (1, 1, 8, 8))",
        "cnnshape.formula('conv', input=28, kernel=5)",
        "cnnshape.inspect(Net(70), (1, 1, 8, 8))",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client.NotebookClient(
        book, timeout=120, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    _, inspected, failed, drawn, answer, report = (cell.outputs for cell in book.cells)
    assert "1×8×8 → 2×6×6" in inspected[-1].data["text/plain"]
    assert [output.output_type for output in failed] == ["error", "display_data"]
    assert "in_features=72" in failed[1].data["text/plain"]
    # IPython counts the cell that a magic runs as the next one, in its own tracebacks too.
    place = "In[3]:11  return self.fc(self.conv(x).flatten(1))"
    assert place in failed[1].data["text/plain"]
    assert place in report[0].data["text/plain"]
    assert failed[1].data["text/html"].startswith("<pre")
    assert "<svg" in drawn[0].data["image/svg+xml"]
    assert drawn[0].data["text/plain"].startswith("diagram of Net")
    assert answer[0].data["text/html"].endswith(">24</span></pre>")
