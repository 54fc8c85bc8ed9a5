"""The command as a process: its exit code, what it leaves on the streams, how it ends."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cnnshape.cli import version
from cnnshape.cli.main import run


def cnnshape(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    command = [sys.executable, "-m", "cnnshape", *arguments]
    return subprocess.run(command, text=True, encoding="utf-8", timeout=120, **options)


def test_the_first_of_version_and_help_counts(capsys: pytest.CaptureFixture[str]):
    assert run(["--version", "--help"]) == 0
    assert capsys.readouterr().out.startswith("cnnshape ")
    assert run(["--help", "--version"]) == 0
    assert capsys.readouterr().out.startswith("Usage")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("inspect", "lenet"), 0),
        (("inspect", "lenet", "-i", "1,1,9,9"), 1),
        (("inspect", "lenet", "-i", "1,1,9"), 1),
        (("inspect", "nix"), 2),
    ],
)
def test_the_exit_code_outlives_torch(arguments: tuple[str, ...], code: int):
    assert cnnshape(*arguments).returncode == code


def test_the_last_line_is_there_in_a_pipe():
    lines = cnnshape("inspect", "lenet").stdout.splitlines()
    assert lines[0].startswith("LeNet")
    assert lines[-1].lstrip().startswith("run on the CPU")


def test_exit_handlers_run_before_the_process_ends(tmp_path: Path):
    (tmp_path / "net.py").write_text(
        "import atexit\n"
        "from torch import nn\n"
        "atexit.register(lambda: open('left.txt', 'w').write('left'))\n"
        "Net = nn.Linear(4, 2)\n"
    )
    done = cnnshape("inspect", "net.py:Net", "-i", "1,4", cwd=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "left.txt").read_text() == "left"


def test_a_warning_is_one_line(tmp_path: Path):
    (tmp_path / "net.py").write_text(
        "import warnings\n"
        "from torch import nn\n"
        "class Net(nn.Linear):\n"
        "    def forward(self, x):\n"
        "        warnings.warn('this is\\n  old')\n"
        "        return super().forward(x)\n"
    )
    done = cnnshape(
        "inspect", "net.py:Net(in_features=4, out_features=2)", "-i", "1,4", cwd=tmp_path
    )
    assert done.returncode == 0
    assert done.stderr == f"warning: this is old ({tmp_path / 'net.py'}:5)\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    "arguments", [("formula", "conv", "--input", "28", "--kernel", "5"), ("inspect", "lenet")]
)
def test_a_full_disk_behind_stdout(arguments: tuple[str, ...]):
    with Path("/dev/full").open("w") as full:
        done = cnnshape(*arguments, stdout=full)
    assert done.returncode == 1
    assert done.stderr == "error: No space left on device\n"


def test_a_reader_that_leaves():
    with subprocess.Popen(
        [sys.executable, "-m", "cnnshape", "inspect", "lenet", "-f", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait() == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("inspect",), "missing argument 'MODEL' (see cnnshape inspect --help)"),
        (("inspct",), "no command 'inspct'; did you mean inspect? (see cnnshape --help)"),
        (("xyz",), "no command 'xyz' (see cnnshape --help)"),
        (("models", "-f", "xml"), "invalid value for '-f' / '--format': 'xml' is not one of"),
        (("check", "lenet", "--max-params", "-1"), "'-1' is no count; write 61706, 25M or 4.1G"),
    ],
)
def test_wrong_usage_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
):
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert sentence in err


def test_the_command_alone_shows_its_help(capsys: pytest.CaptureFixture[str]):
    run([])
    shown = "".join(capsys.readouterr())
    assert shown.startswith("Usage: cnnshape")
    assert "inspect" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors are POSIX's")
@pytest.mark.parametrize(
    ("closing", "code", "told"),
    [(">&-", 1, "error: standard output is closed\n"), ("2>&- >/dev/null", 0, ""),
     (">/dev/full", 1, "error: No space left on device\n")],
)  # fmt: skip
def test_a_stream_that_is_closed_or_full(closing: str, code: int, told: str) -> None:
    for command in ("formula conv --input 28 --kernel 5", "inspect lenet"):
        line = f"{shlex.quote(sys.executable)} -m cnnshape {command} {closing}"
        ended = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=120)
        assert (ended.returncode, ended.stderr) == (code, told)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_a_file_whose_name_is_no_utf_8(tmp_path: Path) -> None:
    name = os.fsdecode(b"net\xff.py")
    (tmp_path / name).write_text("import torch\nNet = torch.nn.ReLU\n")
    for options in (["-f", "json"], ["-f", "json", "-o", "net.json"], []):
        line = [sys.executable, "-m", "cnnshape", "inspect", f"{name}:Net", "-i", "1,3", *options]
        ended = subprocess.run(line, capture_output=True, cwd=tmp_path, timeout=120)
        assert ended.returncode == 0, ended.stderr
        told = ended.stdout or (tmp_path / "net.json").read_bytes()
        assert b"net\\udcff.py:Net" in told.replace(b"\\\\", b"\\")


def test_the_version_of_graphviz_is_what_dot_says(monkeypatch):
    said = SimpleNamespace(stderr="dot - graphviz version 12.2.1 (20241206.2353)\n", stdout="")
    monkeypatch.setattr(version.shutil, "which", lambda _name: "/usr/bin/dot")
    monkeypatch.setattr(version.subprocess, "run", lambda *_args, **_options: said)
    assert version.version_text().splitlines()[-1].split() == [
        "Graphviz", "12.2.1", "(20241206.2353)",
    ]  # fmt: skip
