"""The same promises on a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cnnshape.training import evaluate, resume, train
from tests.training.runs import Interrupter, checkpoint, metrics, short

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


def test_a_gpu_reaches_what_the_cpu_reaches(here: Path) -> None:
    result = train(short(device="cuda", epochs=6), output="gpu")
    assert result.test is not None
    assert result.test.accuracy >= 0.95
    assert evaluate("gpu", device="cpu").correct == result.test.correct
    first = metrics(here / "gpu")[0]
    train(short(device="cpu", epochs=6), output="cpu")
    assert first["train_loss"] == pytest.approx(metrics(here / "cpu")[0]["train_loss"], rel=0.02)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_recorded_steps_reach_what_plain_ones_reach(here: Path, optimizer: str) -> None:
    settings = {"device": "cuda", "optimizer": optimizer, "lr": 0.01}
    train(short(**settings), output="plain")
    train(short(**settings, cuda_graph=True), output="graph")
    for plain, graph in zip(metrics(here / "plain"), metrics(here / "graph"), strict=True):
        assert graph["train_loss"] == pytest.approx(plain["train_loss"], rel=0.05)


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_mixed_precision(here: Path, amp: str) -> None:
    result = train(short(device="cuda", amp=amp, epochs=6), output="r")
    assert result.test is not None
    assert result.test.accuracy >= 0.94


@pytest.mark.parametrize("graph", [False, True])
def test_resume(here: Path, graph: bool) -> None:
    settings = {"device": "cuda", "cuda_graph": graph}
    train(short(**settings), output="whole")
    train(short(**settings), output="parts", observer=Interrupter(2, 20))
    resume("parts")
    assert checkpoint(here / "parts")["epoch"] == 3
    last, other = (metrics(here / name)[-1] for name in ("whole", "parts"))
    assert last["train_loss"] == pytest.approx(other["train_loss"], rel=0.05)


def test_pictures_that_do_not_fit_come_through_a_loader(here: Path) -> None:
    train(short(device="cuda", epochs=1), output="memory")
    train(short(device="cuda", epochs=1, placement="loader", workers=2), output="loader")
    one, other = (metrics(here / name)[0] for name in ("memory", "loader"))
    assert one["train_loss"] == pytest.approx(other["train_loss"], rel=0.01)
