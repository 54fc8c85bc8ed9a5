"""``cnnshape train`` from the command line: what is printed where, and with which exit code."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest
from PIL import Image

from cnnshape.cli.train import _without_nproc, command
from cnnshape.training.observer import BatchProgress
from tests.cli.training_runs import Call, call, trained

__all__ = ["call", "trained"]

NUMBER = re.compile(r"\d[\d,]*\.?\d*")


def test_what_a_run_shows(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call("train", "lenet", "--epochs", "2", "--seed", "1")
    assert code == 0
    # The result is on stdout: accuracy with counts, confusion matrix, what was written.
    lines = out.splitlines()
    assert re.fullmatch(r"accuracy \d\d\.\d\d % \(\d+/360\)", lines[0])
    assert "rows: true class · columns: predicted" in out
    assert sum(line.strip().endswith("%") for line in lines[1:]) == 10
    assert lines[-1].endswith(
        "runs/lenet-digits holds best.pt, curves.svg, confusion.svg, mistakes.png"
    )
    # The rest is on stderr: the table of inspect, what is trained how, a line per epoch.
    assert "61,706 parameters" in err
    assert re.search(r"C1 +Conv2d +1×28×28 → 6×28×28", err)
    plain = " ".join(err.split())
    for piece in (
        "data digits: 1,293 training, 144 validation and 360 test pictures",
        "pictures scaled from 8×8 to 28×28; 1.1 MiB of pictures in memory",
        "recipe default: adamw, lr 0.005 cosine, 2 epochs of 21 batches of 64",
        "device cpu (1 thread)",
        "run runs/lenet-digits",
        "epoch train loss train acc val loss val acc pictures/s",
    ):
        assert piece in plain
    rows = [line.split() for line in err.splitlines() if re.match(r" +\d/2 ", line)]
    assert [row[0] for row in rows] == ["1/2", "2/2"]
    assert rows[0][-3:] == ["best", "so", "far"]
    assert "\x1b" not in out + err


def test_json(call: Call, tmp_path: Path) -> None:
    code, out, _ = call("train", "mlp", "--epochs", "1", "-f", "json", "-o", tmp_path / "r")
    content = json.loads(out)
    assert code == 0
    assert content["epochs"] == content["best_epoch"] == 1
    assert content["test"]["total"] == 360
    assert content["folder"] == (tmp_path / "r").as_posix()
    assert len(content["history"]) == 1


def test_quiet(call: Call, tmp_path: Path) -> None:
    code, out, err = call("train", "lenet", "--epochs", "1", "-q", "-o", tmp_path / "r")
    assert (code, err) == (0, "")
    accuracy, where = out.splitlines()
    assert re.fullmatch(r"accuracy \d\d\.\d\d % \(\d+/360\)", accuracy)
    assert where == f"run {tmp_path / 'r'}"


def test_a_run_at_chance_says_so(call: Call, tmp_path: Path) -> None:
    code, _, err = call("train", "mlp", "--epochs", "1", "--lr", "1e-9", "-q", "-o", tmp_path / "r")
    assert code == 0
    # 37 of the 360 test pictures are fours, more than of any other class.
    assert "no better than chance: always guessing 4 is right for 10.3 %" in err


def test_the_end_says_what_to_type_next(call: Call, tmp_path: Path) -> None:
    _, _, err = call("train", "mlp", "--epochs", "1", "-o", tmp_path / "a run")
    assert f"to use it: cnnshape predict '{tmp_path / 'a run'}' IMAGE" in err.splitlines()


def test_help_groups_the_options(call: Call) -> None:
    _, out, _ = call("train", "--help")
    headings = [line for line in out.splitlines() if re.fullmatch(r"[A-Z][\w ]+:", line)]
    assert headings == ["Data:", "Training:", "Machine:", "The run:", "Options:"]
    assert out.index("Training:") < out.index("--lr X") < out.index("Machine:")


def test_every_option_reaches_the_config(call: Call, tmp_path: Path) -> None:
    options = {
        "epochs": 1, "batch_size": 200, "lr": 0.01, "optimizer": "sgd", "momentum": 0.5,
        "weight_decay": 0.001, "schedule": "step", "warmup": 0.2, "augmentation": "shift",
        "label_smoothing": 0.02, "validation": 0.2, "patience": 4, "seed": 9, "device": "cpu",
        "amp": "bf16", "placement": "loader", "workers": 0, "root": "elsewhere",
        "recipe": "default", "data": "digits",
    }  # fmt: skip
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    code, _, err = call(
        "train", "lenet", *arguments, "--init", "xavier", "-q", "-o", tmp_path / "r"
    )
    assert code == 0, err
    written = json.loads((tmp_path / "r" / "config.json").read_text())["training"]
    assert {name: written[name] for name in options} == options
    assert written["initialization"] == "xavier"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a network, as in `cnnshape train lenet`"),
        (("",), "the model is empty: give a bundled name (lenet)"),
        (("lenett",), "unknown model 'lenett'; did you mean lenet"),
        (("lenet", "--epochs", "0"), "--epochs 0: at least 1 is needed"),
        (("lenet", "--epochs", "many"), "'many' is not a valid integer"),
        (("lenet", "--data", "cifar"), "unknown data set 'cifar'"),
        (("lenet", "--device", "tpu"), "unknown device 'tpu'"),
        (("lenet", "--nproc", "0"), "--nproc 0: leave it out to train in one process"),
        (("lenet", "--nproc", "100000"), "--nproc 100000: this machine has"),
        (("--resume", "no/run"), "there is no run folder 'no/run'"),
        (("mlp", "--resume", "x"), "--resume takes the network from x: leave 'mlp' out"),
        (("--resume", "x", "--lr", "1"), "--resume goes on with the settings in x/config.json"),
        (("--resume", "x", "--init", "xavier"), "leave --init out"),
        (("lenet", "--colour"), "no such option"),
    ],
)
def test_wrong_usage(call: Call, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = call("train", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_missing_tensorboard_is_said_before_training(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cnnshape.training import observer

    monkeypatch.setattr(observer.importlib.util, "find_spec", lambda name: None)
    code, _, err = call("train", "lenet", "--tensorboard", "-q")
    assert code == 2
    assert "pip install tensorboard" in err


def test_a_diverging_run_is_exit_one(call: Call, tmp_path: Path) -> None:
    arguments = ("--optimizer", "sgd", "--lr", "1e9", "--epochs", "2")
    code, out, err = call("train", "lenet", *arguments, "-q", "-o", tmp_path / "r")
    assert (code, out) == (1, "")
    assert "error: the loss is no longer a finite number in epoch 1" in err


def test_ctrl_c_and_resume(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cnnshape.cli.training_display import TrainingDisplay

    def press(self: TrainingDisplay, progress: BatchProgress) -> None:
        if (progress.epoch, progress.batch) == (2, 3):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(TrainingDisplay, "batch", press)
    folder = tmp_path / "r"
    code, out, err = call("train", "lenet", "--epochs", "3", "-o", folder)
    assert (code, out) == (130, "")
    assert "interrupted after 1 epoch, everything saved" in err.splitlines()
    assert f"to go on: cnnshape train --resume {folder}" in err.splitlines()
    monkeypatch.undo()
    code, out, err = call("train", "--resume", folder)
    assert code == 0
    assert out.startswith("accuracy ")
    # What was finished before is shown again, then the rest.
    assert re.findall(r"^ +(\d)/3 ", err, re.MULTILINE) == ["1", "2", "3"]


def test_ctrl_c_twice_says_how_to_go_on(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cnnshape.cli.training_display import TrainingDisplay

    def press(self: TrainingDisplay, progress: BatchProgress) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(TrainingDisplay, "batch", press)
    code, out, err = call("train", "lenet", "--epochs", "1", "-o", tmp_path / "r")
    assert (code, out) == (130, "")
    assert f"to go on: cnnshape train --resume {tmp_path / 'r'}" in err


def test_names_in_brackets_are_names(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "[bold]"
    code, _, err = call("train", "lenet", "--epochs", "1", "-o", folder)
    assert code == 0
    assert f"run     {folder}" in err
    picture = tmp_path / "[red]seven:smile:.png"
    Image.new("L", (28, 28)).save(picture)
    code, out, _ = call("predict", folder, picture)
    assert code == 0
    assert "[red]seven:smile:.png" in "".join(out.split())


def test_escape_sequences_in_names_do_not_reach_the_terminal(call: Call, tmp_path: Path) -> None:
    for name in ("cat\x1b[31m", "dog\x07"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for index in range(10):
            shade = 40 * (name < "d") + 20 * index
            Image.new("L", (28, 28), shade).save(tmp_path / "pets" / name / f"{index}.png")
    folder, data = tmp_path / "r\x1b[2J", f"folder:{tmp_path / 'pets'}"
    code, out, err = call("train", "mlp", "--data", data, "--epochs", "1", "-o", folder)
    assert code == 0
    assert "\x1b" not in out + err
    assert "r\\x1b[2J" in out
    assert "r\\x1b[2J" in err
    code, out, _ = call("predict", folder, tmp_path / "pets" / "dog\x07" / "1.png")
    assert code == 0
    assert "\x1b" not in out
    assert "\x07" not in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--resume", "x" * 300),
        ("evaluate", "a/" * 3000),
        ("predict", "x" * 300, "y.png"),
        ("train", "lenet", "--data", "folder:" + "x" * 300),
        ("train", "lenet", "-o", "x" * 300),
    ],
)
def test_names_that_are_too_long(call: Call, arguments: tuple[str, ...]) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: File name too long")


def test_options_go_on_to_every_process() -> None:
    def arguments(*given: str) -> list[str]:
        with command.make_context("train", list(given)) as context:
            return _without_nproc(context)

    given = ("--nproc", "2", "--oversubscribe", "--debug", "--lr", "0.5", "--tensorboard", "-q")
    assert arguments("lenet", *given) == [
        "lenet", "--lr", "0.5", "--tensorboard", "--quiet", "--debug",
    ]  # fmt: skip


def test_resuming_a_finished_run_says_its_result(call: Call, trained: Path) -> None:
    before = (trained / "last.pt").stat().st_mtime_ns
    code, out, err = call("train", "--resume", trained)
    assert (code, err) == (0, "")
    assert out.startswith("accuracy ")
    assert (trained / "last.pt").stat().st_mtime_ns == before


def test_help_shows_examples_and_needs_no_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from cnnshape.cli.main import run; run(['train', '--help']);"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cnnshape train lenet-d2l --recipe d2l --data fashion-mnist" in done.stdout
    assert "d2l: SGD at 0.9" in done.stdout
