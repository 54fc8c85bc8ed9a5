"""``cnnshape explain``: scripts that are run, and texts that are read."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from cnnshape.cli.main import run

NET = """\
import sys
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.fc = nn.Linear(100, 10)

    def forward(self, x):
        return self.fc(torch.flatten(torch.relu(self.conv(x)), 1))

if __name__ == "__main__":
    print("arguments", *sys.argv)
    Net()(torch.zeros(2, 1, 32, 32))
"""
SAID = "fc expects 100 features, but 7200 arrive"
TEXT = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x7200 and 100x10)\n"


@pytest.fixture
def explain(capsys, tmp_path, monkeypatch):
    """Run it in a folder of its own: status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, **files: str) -> tuple[int, str, str]:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        status = run(["explain", *arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return call


# ---- scripts ------------------------------------------------------------------------------


def test_a_model_that_raises(explain, tmp_path):
    status, out, err = explain("net.py", "--epochs", "3", "-f", "json", "--", "x", net=NET)
    assert status == 1
    assert out == "arguments net.py --epochs 3 -f json -- x\n"
    above, _, panel = err.partition("\n\n")
    lines = above.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == f'  File "{tmp_path / "net.py"}", line 16, in <module>'
    assert lines[-1].startswith("RuntimeError: mat1 and mat2")
    assert os.sep + "cnnshape" + os.sep not in above
    assert f"{SAID}: 8 channels × 30 × 30 after flatten" in panel
    assert "To fix (tried, runs):\n    · fc = nn.Linear(in_features=7200, out_features=10)" in panel


def test_what_python_prints_is_what_is_printed(explain, tmp_path):
    _, _, err = explain("net.py", net=NET)
    python = subprocess.run(
        [sys.executable, "net.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert err.startswith(python.stderr)


def test_the_process_is_as_it_was(explain):
    main, argv, path = sys.modules["__main__"], sys.argv, list(sys.path)
    shown, held = warnings.showwarning, list(argv)
    explain("net.py", net=NET)
    assert sys.modules["__main__"] is main
    assert sys.argv is argv
    assert sys.argv == held
    assert sys.path == path
    assert warnings.showwarning is shown


@pytest.mark.parametrize(
    ("ends", "status", "told"),
    [
        ("pass", 0, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit(7)", 7, ""),
        ("raise SystemExit('no data')", 1, "no data\n"),
        ("raise SystemExit(2**70)", 255, ""),
    ],
)
def test_the_status_of_the_script(explain, ends, status, told):
    assert explain("end.py", end=f"import torch\n{ends}\n") == (status, "", told)


def test_a_caught_error_is_the_scripts_own_affair(explain):
    caught = NET.replace(
        "    Net()(torch.zeros(2, 1, 32, 32))",
        "    try:\n        Net()(torch.zeros(2, 1, 32, 32))\n"
        "    except RuntimeError:\n        sys.exit({})",
    )
    assert explain("a.py", a=caught.format(0))[::2] == (0, "")
    status, _, err = explain("b.py", b=caught.format(3))
    assert status == 3
    assert SAID in err


def test_a_model_that_ends_the_process(explain):
    leaving = NET.replace("        return self.fc", "        sys.exit(0)\n        return self.fc")
    status, _, err = explain("net.py", net=leaving)
    assert status == 1
    assert "Net.forward ends the program: sys.exit(0)" in err


def test_what_the_model_prints_is_printed_once(explain):
    chatty = NET.replace(
        "    def forward(self, x):\n",
        "    def forward(self, x):\n"
        "        print('seen', x.shape)\n"
        "        sys.stderr.write('warned\\n')\n",
    )
    status, out, err = explain("net.py", net=chatty)
    assert status == 1
    assert out.count("seen") == 1
    assert err.count("warned\n") == 1
    assert "To fix (tried, runs):" in err


def test_a_model_with_effects_is_not_run_again(explain, tmp_path):
    writing = NET.replace(
        "    def forward(self, x):\n",
        "    def forward(self, x):\n"
        "        with open('seen.txt', 'a') as file:\n"
        "            file.write('seen\\n')\n",
    )
    status, _, err = explain("net.py", net=writing)
    assert status == 1
    assert (tmp_path / "seen.txt").read_text() == "seen\n"
    assert f"✗ {SAID}\n" in err
    assert "To fix (not tried):\n    · fc = nn.Linear(in_features=7200, out_features=10)" in err


def test_a_debugger_is_not_waited_for(tmp_path):
    (tmp_path / "net.py").write_text(
        NET.replace("        return self", "        breakpoint()\n        return self")
    )
    done = subprocess.run(
        [sys.executable, "-m", "cnnshape", "explain", "net.py"],
        cwd=tmp_path, input="continue\n", capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"✗ {SAID}" in done.stderr


def test_an_error_from_elsewhere(explain):
    status, out, err = explain("zero.py", zero="import torch\n1 / 0\n")
    assert (status, out) == (1, "")
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith("ZeroDivisionError: division by zero\n")


def test_a_layer_that_cannot_be_built(explain):
    bad = (
        "from torch import nn\n"
        "class Bad(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(3, 10, 3, groups=2)\n"
        "Bad()\n"
    )
    status, _, err = explain("bad.py", bad=bad)
    assert status == 1
    assert "nn.Conv2d(3, 10, 3, groups=2): in_channels = 3 is no multiple of groups = 2" in err


def test_a_loss_that_is_a_function_is_read(explain):
    loss = (
        "import torch\nimport torch.nn.functional as F\n"
        "F.cross_entropy(torch.zeros(8, 3), torch.zeros(6, dtype=torch.long))\n"
    )
    status, _, err = explain("loss.py", loss=loss)
    assert status == 1
    assert "8 predictions and 6 targets do not belong together" in err


def test_with_explain_in_the_script_is_not_said_twice(explain):
    if sys.version_info < (3, 11):
        pytest.skip("notes came with Python 3.11")
    within = NET.replace("    Net()(", "    with __import__('cnnshape').explain(): Net()(")
    status, _, err = explain("net.py", net=within)
    assert status == 1
    assert err.count(f"✗ {SAID}") == 1


def test_the_scripts_own_hook_prints_the_traceback(explain):
    hook = "import sys\nsys.excepthook = lambda kind, error, trace: print('hook', kind.__name__)\n"
    before = sys.excepthook
    try:
        status, out, _ = explain("hook.py", hook=hook + "1 / 0\n")
    finally:
        sys.excepthook = before
    assert (status, out) == (1, "hook ZeroDivisionError\n")


def test_json_leaves_stdout_to_the_result(explain):
    status, out, err = explain("-f", "json", "net.py", net=NET)
    assert err.startswith("arguments net.py\n")
    told = json.loads(out)
    assert (status, told["source"], told["ran"], told["status"]) == (1, "net.py", True, 1)
    assert told["error"]["kind"] == "linear.in_features"
    assert told["error"]["suggestions"][0]["verified"] is True


def test_a_file_for_the_result(explain, tmp_path):
    status, out, _ = explain("-o", "why.json", "net.py", net=NET)
    assert (status, out) == (1, "arguments net.py\n")
    assert json.loads((tmp_path / "why.json").read_text())["error"]["path"] == "fc"
    explain("-o", "why.txt", "net.py")
    assert SAID in (tmp_path / "why.txt").read_text(encoding="utf-8")
    assert explain("-f", "json", "ok.py", ok="x = 1\n")[1].endswith('"error": null\n}\n')


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("syntax", "def f(:\n", "syntax.py, line 1: invalid syntax, so it cannot be run"),
        ("nul", "x = 1\0\n", "nul.py"),
        ("indent", "if 1:\nx\n", "indent.py, line 2: expected an indented block"),
    ],
)
def test_what_is_no_python(explain, name, text, told):
    status, out, err = explain(f"{name}.py", **{name: text})
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {told}")
    assert err.count("\n") == 1


def test_a_script_that_is_not_there(explain):
    status, _, err = explain("nett.py", net=NET)
    assert status == 2
    assert err == "error: there is no file nett.py; did you mean net.py?\n"


def test_as_a_process(tmp_path: Path):
    """Standard input is the script's, its other processes find its ``__main__``, torch or not."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "helper.py").write_text("NAME = 'beside the script'\n")
    (tmp_path / "sub" / "main.py").write_text(
        "import multiprocessing, pickle, sys, helper\n"
        "class Kept: pass\n"
        "def work(n): return n * n, __name__\n"
        "if __name__ == '__main__':\n"
        "    print(input(), helper.NAME, sys.path[0] == sys.argv[1])\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.map(work, [3]))\n"
        "    print(type(pickle.loads(pickle.dumps(Kept()))) is Kept)\n"
        "    print('torch' in sys.modules)\n"
        "    sys.exit(5)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "cnnshape", "explain", "sub/main.py", str(tmp_path / "sub")],
        cwd=tmp_path, input="hello\n", capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "hello beside the script True",
        "[(9, '__mp_main__')]",
        "True",
        "False",
    ]
    assert done.returncode == 5


def test_ctrl_c(explain):
    status, _, err = explain("stop.py", stop="import torch\nraise KeyboardInterrupt\n")
    assert status == 130
    assert err.endswith("KeyboardInterrupt\n")


# ---- texts --------------------------------------------------------------------------------


def pasted(monkeypatch, text: str | bytes) -> None:
    content = text.encode() if isinstance(text, str) else text
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_a_pasted_message(explain, monkeypatch):
    pasted(monkeypatch, TEXT)
    status, out, err = explain("-")
    assert (status, err) == (1, "")
    assert out == (
        "  ✗ a Linear expects 100 features, but 7200 arrive\n"
        "  RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x7200 and 100x10)\n"
        "\n"
        "  To fix (not tried):\n"
        "    · nn.Linear(in_features=7200, out_features=10)\n"
        "\n"
        "  read from the text alone: nothing was run, nothing tried\n"
    )


def test_a_log(explain, tmp_path):
    (tmp_path / "train.log").write_text(f"epoch 1\n{TEXT}", encoding="utf-8")
    status, out, _ = explain("train.log")
    assert status == 1
    assert "7200 arrive" in out
    status, out, _ = explain("-f", "json", "train.log")
    told = json.loads(out)
    assert (told["ran"], told["status"]) == (False, None)
    assert [s["verified"] for s in told["error"]["suggestions"]] == [False]


def test_what_the_text_names_is_not_opened(explain, tmp_path):
    """The line is that of the text, whatever stands in a file of that name here."""
    (tmp_path / "net.py").write_text("SECRET = 1\n" * 9)
    (tmp_path / "tb.txt").write_text(
        f'Traceback (most recent call last):\n  File "{tmp_path / "net.py"}", line 3, in f\n'
        f"    [b]loss[/b] = a @ b\n{TEXT}"
    )
    _, out, _ = explain("tb.txt")
    assert "[b]loss[/b] = a @ b" in out
    assert "SECRET" not in out


def test_an_unknown_message(explain, tmp_path):
    (tmp_path / "a.txt").write_text("CustomError: [red]quota[/red] exceeded\n")
    status, out, _ = explain("a.txt")
    assert status == 1
    assert "CustomError, with a message that is none of torch's that are known here" in out
    assert "CustomError: [red]quota[/red] exceeded" in out
    assert "To fix" not in out


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("empty.txt", b"", "empty.txt is empty"),
        ("blank.txt", b" \n\n", "blank.txt is empty"),
        ("fine.txt", b"all is well\n", "no error is told of in fine.txt"),
        ("weights.pt", bytes(range(256)) * 40, "weights.pt holds no text"),
    ],
)
def test_texts_that_tell_nothing(explain, tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    status, out, err = explain(name)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {told}: give a traceback")
    assert err.count("\n") == 1


def test_what_cannot_be_read(explain, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "train.log").write_text(TEXT)
    assert explain("logs")[0] == 2
    assert explain("trian.log")[2] == "error: there is no file trian.log; did you mean train.log?\n"
    assert explain("a\0b")[0] == 2
    assert "leave the rest out" in explain("train.log", "--lr", "1")[2]


def test_text_of_windows(explain, tmp_path):
    (tmp_path / "a.log").write_bytes(b"\xff\xfe" + TEXT.replace("\n", "\r\n").encode("utf-16-le"))
    assert "7200 arrive" in explain("a.log")[1]


def test_a_notebook(explain, tmp_path):
    """Its tracebacks stand below the cells, with colours as escapes of JSON."""
    below = [{"output_type": "error", "traceback": ["\x1b[31mIn\x1b[0m", f"\x1b[31m{TEXT}"]}]
    cells = [{"cell_type": "code", "source": ["1 / 0"], "outputs": below}, {"source": ["x"]}]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    assert "7200 arrive" in explain("a.ipynb")[1]
    (tmp_path / "b.ipynb").write_text(json.dumps({"cells": []}))
    assert explain("b.ipynb")[0] == 2
    (tmp_path / "c.ipynb").write_text('{"cells": 3}')
    assert explain("c.ipynb")[0] == 2


def test_of_a_large_file_the_end_is_read(explain, tmp_path, monkeypatch):
    with (tmp_path / "large.log").open("wb") as file:
        file.write(b"ValueError: long ago\n" * 200_000)
        file.write(TEXT.encode())
    assert "7200 arrive" in explain("large.log")[1]
    pasted(monkeypatch, b"epoch\n" * 700_000 + TEXT.encode())
    assert "7200 arrive" in explain("-")[1]
