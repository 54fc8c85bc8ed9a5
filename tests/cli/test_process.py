"""The command as a process: its exit code, what it leaves on the streams, how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def cnnshape(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    command = [sys.executable, "-m", "cnnshape", *arguments]
    return subprocess.run(command, text=True, encoding="utf-8", timeout=120, **options)


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
