"""Running the training commands in this process, on one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from cnnshape.cli.main import run

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Iterator[Call]:
    """Run ``cnnshape`` with arguments; returns exit code, stdout, stderr."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def invoke(*arguments: str | Path) -> tuple[int, str, str]:
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    yield invoke
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three epochs."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    torch.set_num_threads(1)
    assert run(["train", "lenet", "--epochs", "3", "--seed", "1", "-q", "-o", str(folder)]) == 0
    return folder
