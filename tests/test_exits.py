"""A model cannot end the program that looks at it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from torch import nn

import cnnshape
from cnnshape.errors import ModelConstructionError

real = os._exit


class Ends(nn.Module):
    def __init__(self, deed):
        super().__init__()
        self.deed = deed

    def forward(self, x):
        self.deed()
        return x


@pytest.mark.parametrize(
    "deed", [lambda: os._exit(0), lambda: os.execv(sys.executable, ["python", "--version"])]
)
def test_a_forward_that_ends_the_program_fails(deed):
    report = cnnshape.inspect(Ends(deed), (1, 4))
    assert report.error is not None
    assert "Ends.forward is stopped: os." in report.error.diagnosis
    assert "would end the whole program" in report.error.diagnosis
    line = deed.__code__.co_firstlineno
    assert report.to_dict()["error"]["source"].endswith(f"test_exits.py:{line}")
    assert os._exit is real


def test_a_process_of_the_forward_may_end():
    def forks():
        child = os.fork()
        if child == 0:
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7

    assert cnnshape.inspect(Ends(forks), (1, 4)).error is None


FILE = """
import os
from os import _exit
from torch import nn

class Net(nn.Module):
    def forward(self, x):
        _exit(0)

class Builds(nn.Module):
    def __init__(self):
        super().__init__()
        os._exit(0)
"""


def test_check_fails_where_the_model_ends_the_program(tmp_path):
    file = tmp_path / "net.py"
    file.write_text(FILE)
    command = [sys.executable, "-m", "cnnshape", "check", f"{file}:Net", "-i", "1,4"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "would end the whole program" in done.stdout
    assert "0 ok, 1 failed" in done.stdout


def test_a_constructor_that_ends_the_program(tmp_path):
    file = tmp_path / "net.py"
    file.write_text(FILE)
    with pytest.raises(ModelConstructionError, match=r"os\._exit\(0\) would end the whole"):
        cnnshape.inspect(f"{file}:Builds", (1, 4))
    assert os._exit is real
