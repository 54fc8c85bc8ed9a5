"""Interrupted runs go on as if nothing had happened; damaged ones say what is wrong."""

from __future__ import annotations

import errno
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from cnnshape.errors import DataError, RunFolderError, WeightsError
from cnnshape.loading.run_folder import load_run, read_run
from cnnshape.training import Observer, configure, evaluate, resume, train
from cnnshape.training.run_folder import locked
from tests.training.runs import (
    Interrupter,
    assert_same_weights,
    checkpoint,
    environment,
    metrics,
    short,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody interrupts."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(short(), output=str(folder))
    return folder


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


@pytest.mark.parametrize("place", [(1, 1), (1, 21), (2, 7), (3, 20), (3, 21)])
def test_ctrl_c_at_any_batch(whole: Path, here: Path, place: tuple[int, int]) -> None:
    result = train(short(), output="run", observer=Interrupter(*place))
    last_batch = place == (3, 21)
    assert result.interrupted is not last_batch
    if not last_batch:
        saved = checkpoint(here / "run")
        at = (saved["epoch"] + 1, saved["batch"])
        assert at == (place if place[1] < 21 else (place[0] + 1, 0))
        assert not (here / "run" / "result.json").exists()
    again = resume("run")
    assert not again.interrupted
    assert_same_weights(whole, here / "run")
    assert_same_weights(whole, here / "run", "best.pt")
    assert metrics(whole) == metrics(here / "run")
    results = [json.loads((f / "result.json").read_text())["test"] for f in (whole, here / "run")]
    assert results[0] == results[1]


def test_interrupted_again_and_again(whole: Path, here: Path) -> None:
    train(short(), output="run", observer=Interrupter(1, 5))
    for place in ((1, 6), (2, 1), (2, 2), (3, 3)):
        assert resume("run", observer=Interrupter(*place)).interrupted
    resume("run")
    assert_same_weights(whole, here / "run")
    assert metrics(whole) == metrics(here / "run")


def test_with_another_number_of_threads_it_is_still_the_same(whole: Path, here: Path) -> None:
    train(short(), output="run", observer=Interrupter(2, 4))
    torch.set_num_threads(2)
    resume("run")
    assert torch.get_num_threads() == 2
    assert_same_weights(whole, here / "run")


def test_ctrl_c_puts_the_handlers_back(here: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    train(short(epochs=1), output="run", observer=Interrupter(1, 2))
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


INT, TERM = signal.SIGINT, signal.SIGTERM


@pytest.mark.parametrize("pair", [(INT, INT), (INT, TERM), (TERM, INT)])
def test_a_second_ctrl_c_interrupts_at_once(here: Path, pair: tuple[int, int]) -> None:
    class Impatient(Observer):
        def batch(self, progress):
            for number in pair:
                signal.raise_signal(number)

    with pytest.raises(KeyboardInterrupt):
        train(short(), output="run", observer=Impatient())
    assert not (here / "run" / "last.pt").exists()


def test_sigterm_told_twice_is_one_request(here: Path) -> None:
    """A supervisor tells every process, and a launcher that it tells passes it on."""

    class Supervised(Observer):
        def batch(self, progress):
            for number in (TERM, TERM):
                signal.raise_signal(number)

    assert train(short(), output="run", observer=Supervised()).interrupted
    assert checkpoint(here / "run")["batch"] == 1


def test_killed_between_two_writes(whole: Path, here: Path) -> None:
    """last.pt is written first; whatever else a kill left behind is brought in line."""
    train(short(), output="run", observer=Interrupter(2, 21))
    run = here / "run"
    best = checkpoint(run)["best_epoch"]
    assert best == 2
    (run / "best.pt").unlink()
    (run / "metrics.jsonl").write_text("half a li")
    (run / ".last.pt.abc_12_x").write_bytes(b"half a checkpoint")
    (run / ".curves.svg.k3x9_a1b").write_bytes(b"half a checkpoint")
    resume("run")
    assert_same_weights(whole, run)
    assert_same_weights(whole, run, "best.pt")
    assert metrics(whole) == metrics(run)
    assert not (run / ".last.pt.abc_12_x").exists()
    assert not (run / ".curves.svg.k3x9_a1b").exists()


def test_killed_before_the_first_checkpoint(whole: Path, here: Path) -> None:
    train(short(), output="run", observer=Interrupter(1, 1))
    (here / "run" / "last.pt").unlink()
    resume("run")
    assert_same_weights(whole, here / "run")


def test_killed_before_the_test_accuracy(whole: Path, copy: Path, pictures: None) -> None:
    (copy / "result.json").unlink()
    (copy / "curves.svg").unlink()
    result = resume(copy)
    assert result.test is not None
    assert (copy / "curves.svg").is_file()
    assert_same_weights(whole, copy)


def test_a_finished_run_is_left_unchanged(copy: Path) -> None:
    before = {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in copy.iterdir()}
    result = resume(copy)
    after = {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in copy.iterdir()}
    assert before == after
    assert result.test is not None
    assert result.test.total == 360
    assert len(result.history) == 3


class Notes(Observer):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


DAMAGES = {
    "gone": lambda best: best.unlink(),
    "damaged": lambda best: best.write_bytes(best.read_bytes()[:1000]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_lost_best_checkpoint(here: Path, damage: str) -> None:
    train(short(), output="run", observer=Interrupter(3, 4))
    DAMAGES[damage](here / "run" / "best.pt")
    notes = Notes()
    result = resume("run", observer=notes)
    best = Path("run/best.pt")
    assert notes.texts == [f"{best} is {damage}: the best epoch is chosen anew from here"]
    assert result.best_epoch == checkpoint(here / "run", "best.pt")["epoch"] == 3


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_finished_run_without_its_best_checkpoint(copy: Path, damage: str) -> None:
    """What is said of a damaged best.pt is done: --resume writes one anew."""
    assert checkpoint(copy, "best.pt")["epoch"] == 3
    state = checkpoint(copy)
    state["best_epoch"] = 2  # the third is then what is left
    torch.save(state, copy / "last.pt")
    result = json.loads((copy / "result.json").read_text())
    (copy / "result.json").write_text(json.dumps({**result, "best_epoch": 2}))
    DAMAGES[damage](copy / "best.pt")
    with pytest.raises(RunFolderError, match=r"`cnnshape train --resume .*` writes it anew"):
        evaluate(copy)
    notes = Notes()
    again = resume(copy, observer=notes)
    assert notes.texts == [
        f"{copy / 'best.pt'} is {damage}: the weights of epoch 3, the last, take its place"
    ]
    assert again.test is not None
    assert again.best_epoch == 3
    assert evaluate(copy).correct == evaluate(copy, weights="last").correct == again.test.correct
    assert resume(copy, observer=notes).best_epoch == 3
    assert len(notes.texts) == 1


def test_a_damaged_last_checkpoint_is_deleted_and_the_run_begins_again(
    whole: Path, copy: Path
) -> None:
    (copy / "result.json").unlink()
    (copy / "last.pt").write_bytes(b"PK")
    with pytest.raises(RunFolderError, match=r"last\.pt is damaged .*; delete it and `cnn"):
        resume(copy)
    (copy / "last.pt").unlink()
    resume(copy)
    assert_same_weights(whole, copy)
    assert_same_weights(whole, copy, "best.pt")
    assert metrics(whole) == metrics(copy)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("name", ["last.pt", "metrics.jsonl", ".lock", "curves.svg"])
def test_nothing_is_written_outside_the_run_folder(copy: Path, tmp_path: Path, name: str) -> None:
    (copy / "result.json").unlink()
    (copy / name).unlink(missing_ok=True)
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    (copy / name).symlink_to(precious)
    with pytest.raises(RunFolderError, match=rf"{name} is a link, and going on would write to"):
        resume(copy)
    assert precious.read_bytes() == b"mine"


def test_a_finished_run_does_not_need_its_last_checkpoint(copy: Path) -> None:
    (copy / "last.pt").write_bytes(b"PK")
    assert resume(copy).test is not None
    with pytest.raises(RunFolderError, match=r"its best weights are in best\.pt; train again"):
        evaluate(copy, weights="last")


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": "x"}, {"epoch": -1}, {"epoch": 2}, {"epoch": 3.0}, {"batch": "x"}, {"batch": 2},
        {"history": []}, {"history": [{}]}, {"best_epoch": 4}, {"best_epoch": "x"}, {"seconds": ""},
        {"sums": {"loss": "x"}}, {"sums": {"loss": 1.0, "seen": 5}}, {"finished": "no"}, {"rng": 5},
        {"optimizer": None},
    ],
)  # fmt: skip
def test_a_checkpoint_that_was_tampered_with(copy: Path, change: dict[str, Any]) -> None:
    (copy / "result.json").unlink()
    torch.save({**checkpoint(copy), **change}, copy / "last.pt")
    with pytest.raises(RunFolderError, match=r"last\.pt was not written by this version"):
        resume(copy)


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda run: (run / "config.json").unlink(), RunFolderError, r"holds no config\.json"),
        (
            lambda run: (run / "config.json").write_text("{"),
            RunFolderError,
            r"config\.json is damaged",
        ),
        (
            lambda run: (run / "config.json").write_text("[1]"),
            RunFolderError,
            "it is no JSON object",
        ),
        (
            lambda run: edit(run, lambda c: c.update(format=2, cnnshape="9.0")),
            RunFolderError,
            r"written by cnnshape 9\.0 \(run format 2\).*pip install --upgrade cnnshape",
        ),
        (lambda run: edit(run, lambda c: c.pop("format")), RunFolderError, "no format number"),
        (lambda run: edit(run, lambda c: c.pop("data")), RunFolderError, "no entry 'data'"),
        (
            lambda run: edit(run, lambda c: c["model"].update(name="alexnet")),
            RunFolderError,
            "a run of the model 'alexnet', which this version does not have; it has lenet,",
        ),
        (
            lambda run: edit(run, lambda c: c["training"].update(colour=1)),
            RunFolderError,
            "cannot be continued: unknown training setting 'colour'",
        ),
        (
            lambda run: edit(run, lambda c: c["training"].update(epochs="many")),
            RunFolderError,
            "cannot be continued: a training setting is of the wrong type",
        ),
        *(
            (
                lambda run, name=name, value=value: edit(
                    run, lambda c: c["training"].update({name: value})
                ),
                RunFolderError,
                rf"a training setting is of the wrong type \({name} is {value!r}\)",
            )
            for name, value in {
                "root": 5, "data": None, "model": 5, "recipe": 1, "epochs": True,
                "batch_size": 2.5, "lr": "0.1", "normalize": "no", "seed": 1.5, "workers": None,
                "device": None, "patience": 1.5, "cuda_graph": 1,
            }.items()
        ),
        *(
            (
                lambda run, name=name, value=value: edit(
                    run, lambda c: c["data"].update({name: value})
                ),
                RunFolderError,
                message,
            )
            for name, value, message in (
                ("std", [0.0], r"0\.0 where a positive number belongs"),
                ("std", [float("nan")], "nan where a finite number belongs"),
                ("mean", [float("inf")], "inf where a finite number belongs"),
                ("extent", "large", "could not convert string to float: 'large'"),
                ("extent", None, "float"),
                ("extent", -1, "-1 where a positive number belongs"),
            )
        ),
        (
            lambda run: edit(run, lambda c: c["model"].update(input_shape=[1e400, 28, 28])),
            RunFolderError,
            "cannot convert float infinity to integer",
        ),
        (
            lambda run: edit(run, lambda c: c.update(environment=None)),
            RunFolderError,
            "a part that is no JSON object",
        ),
        (
            lambda run: edit(run, lambda c: c["data"].update(mean=[0.1, 0.2])),
            RunFolderError,
            "2 values for 1 channels",
        ),
        (
            lambda run: edit(run, lambda c: c["model"].update(input_shape=[1, 32, 32])),
            RunFolderError,
            "lenet does not take pictures of 1×32×32",
        ),
        (lambda run: edit(run, lambda c: c["data"].pop("name")), RunFolderError, "entry 'name'"),
        (
            lambda run: (run / "last.pt").write_bytes((run / "last.pt").read_bytes()[:1000]),
            RunFolderError,
            r"last\.pt is damaged .*delete it and `cnnshape train --resume .*` begins again",
        ),
        (
            lambda run: (run / "last.pt").write_bytes(b""),
            RunFolderError,
            r"last\.pt is damaged",
        ),
        (
            lambda run: edit(run, rename_to_mlp),
            WeightsError,
            r"the weights in .*last\.pt are those of another model than MLP: it lacks",
        ),
        (
            lambda run: edit(run, lambda c: c["data"].update(fingerprint="0-0")),
            DataError,
            "the pictures of digits are not those that .* began with",
        ),
    ],
)  # fmt: skip
def test_folders_that_cannot_be_continued(copy: Path, damage, error, message: str) -> None:
    (copy / "result.json").unlink()
    damage(copy)
    with pytest.raises(error, match=message):
        resume(copy)


def rename_to_mlp(content: dict[str, Any]) -> None:
    content["model"]["name"] = content["training"]["model"] = "mlp"


def edit(run: Path, change) -> None:
    content = json.loads((run / "config.json").read_text())
    change(content)
    (run / "config.json").write_text(json.dumps(content))


def test_missing_folder() -> None:
    with pytest.raises(RunFolderError, match="there is no run folder 'no/such/run'"):
        read_run("no/such/run")


def test_weights_of_other_sizes(copy: Path) -> None:
    content = checkpoint(copy, "best.pt")
    content["model"]["OUT.weight"] = torch.zeros(47, 84)
    torch.save(content, copy / "best.pt")
    with pytest.raises(WeightsError, match=r"OUT\.weight is 47×84 there, the model needs 10×84"):
        load_run(copy)


def test_a_checkpoint_cannot_run_code(copy: Path) -> None:
    class Trap:
        def __reduce__(self):
            return print, ("code from a checkpoint",)

    torch.save({"model": Trap()}, copy / "best.pt")
    with pytest.raises(RunFolderError, match=r"best\.pt is damaged or is not a checkpoint"):
        load_run(copy)


def test_a_run_without_a_finished_epoch(here: Path) -> None:
    train(short(), output="run", observer=Interrupter(1, 3))
    with pytest.raises(RunFolderError, match=r"holds no best\.pt: not one epoch has finished"):
        evaluate("run")


def test_two_processes_cannot_train_in_one_folder(copy: Path) -> None:
    (copy / "result.json").unlink()
    with locked(copy), pytest.raises(RunFolderError, match="another process is training in"):
        resume(copy)
    assert resume(copy).test is not None


def test_a_file_system_without_locks(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusing to train on a network drive at all would be worse than two writers."""

    def refuse(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "flock", refuse)
    (copy / "result.json").unlink()
    assert resume(copy).test is not None


def test_the_loading_room_reads_runs_as_models(whole: Path) -> None:
    from cnnshape.loading.model import load

    loaded = load(str(whole))
    assert loaded.class_name == "LeNet"
    weights = checkpoint(whole, "best.pt")["model"]
    for name, tensor in loaded.module.state_dict().items():
        assert torch.equal(tensor, weights[name])


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cnnshape", *arguments]


KILLED = ("train", "lenet", "--epochs", "6", "--seed", "3", "-q")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_at_some_moments_and_resumed(here: Path) -> None:
    """The short form of tests/benchmarks/training_kills.py."""
    train(configure("lenet", epochs=6, seed=3), output="whole")
    process = subprocess.Popen(command(*KILLED, "-o", "killed"), env=environment())
    deaths = 0
    for delay in (0.05, 0.4):
        wait_for(here / "killed" / "config.json", process)
        time.sleep(delay)
        process.kill()
        deaths += process.wait() == -signal.SIGKILL
        process = subprocess.Popen(command("train", "--resume", "killed", "-q"), env=environment())
    assert process.wait(timeout=120) == 0
    assert deaths >= 1
    assert_same_weights(here / "whole", here / "killed")
    assert_same_weights(here / "whole", here / "killed", "best.pt")
    assert metrics(here / "whole") == metrics(here / "killed")


def wait_for(file: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not file.exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file sizes are POSIX's")
def test_a_full_disk_leaves_the_old_checkpoint(here: Path) -> None:
    """A limit on the size of files makes every write of a checkpoint fail, as a full disk does."""
    train(short(), output="run", observer=Interrupter(2, 3))
    before = (here / "run" / "last.pt").read_bytes()
    code = (
        "import resource, sys; from cnnshape.cli.main import run;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        "sys.exit(run(['train', '--resume', 'run', '-q']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "'run/last.pt': File too large; the earlier last.pt is intact: make room" in done.stderr
    assert "cnnshape train --resume run" in done.stderr
    assert (here / "run" / "last.pt").read_bytes() == before
    assert not list((here / "run").glob(".last.pt.*"))
    resume("run")
