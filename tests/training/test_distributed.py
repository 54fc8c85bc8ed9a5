"""Several processes: the same result as one, and what happens when one of them ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

from cnnshape.errors import CnnshapeError, DataError, DeviceError, UsageError
from cnnshape.training import evaluate, resume, train
from cnnshape.training.devices import choose_device
from cnnshape.training.distributed import agree, joined
from cnnshape.training.launch import _verdict, as_worker, launch
from tests.training.nets import write_nets, write_pictures
from tests.training.runs import checkpoint, environment, metrics, short

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available() or not torch.distributed.is_gloo_available(),
    reason="this torch cannot connect processes",
)

# 1293 training pictures are four batches of 323 and one of a single picture, of which the
# second process has none.
SETTINGS = ("--epochs", "3", "--seed", "1", "--batch-size", "323", "-q")

# Also on a machine of one core.
TWO = ("--nproc", "2", "--oversubscribe")


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_close_runs(one: Path, other: Path) -> None:
    """Equal to float tolerance: every number of every epoch, and the weights."""
    first, second = metrics(one), metrics(other)
    assert len(first) == len(second)
    for row, other_row in zip(first, second, strict=True):
        for key, value in row.items():
            if value is None:
                assert other_row[key] is None
                continue
            assert value == pytest.approx(other_row[key], rel=1e-4, abs=1e-5), key
    weights = checkpoint(other)["model"]
    for name, tensor in checkpoint(one)["model"].items():
        torch.testing.assert_close(tensor, weights[name], rtol=1e-2, atol=1e-3)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("alone") / "run"
    train(short(batch_size=323), output=str(folder))
    return folder


def test_two_processes_reach_what_one_reaches(alone: Path, here: Path) -> None:
    process = start("cnnshape", "train", "lenet", *SETTINGS, *TWO, "-o", "two")
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert out.count("accuracy") == 1
    assert_close_runs(alone, here / "two")
    results = [json.loads((f / "result.json").read_text())["test"] for f in (alone, here / "two")]
    assert [result["total"] for result in results] == [360, 360]
    assert [sum(map(sum, result["confusion"])) for result in results] == [360, 360]
    config = json.loads((here / "two" / "config.json").read_text())
    assert config["environment"]["processes"] == 2
    # A finished run is left as it is, whoever asks.
    assert resume(here / "two").test is not None


def test_an_error_is_told_once(alone: Path) -> None:
    process = start("cnnshape", "train", "lenet", *SETTINGS, *TWO, "-o", str(alone))
    _, err = process.communicate(timeout=240)
    assert process.returncode == 2
    assert err.count("error:") == 1
    assert "holds a run already" in err
    assert "Traceback" not in err


def test_one_process_is_no_group() -> None:
    with joined("cpu") as processes:
        assert (processes.rank, processes.world, processes.main) == (0, 1, True)
        assert processes.max(3) == 3
        assert processes.gather("x") == ["x"]
        assert processes.on_main(lambda: 5) == 5


def test_launching_one_process_makes_no_sense() -> None:
    with pytest.raises(UsageError, match="--nproc 1: leave it out to train in one process"):
        launch(1, [])


def test_more_processes_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand of them would take the machine down."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with pytest.raises(UsageError) as caught:
        launch(3, [])
    assert str(caught.value) == (
        "--nproc 3: this machine has 2 cores, and more processes than that slow each other down; "
        "--oversubscribe starts them all the same"
    )
    with pytest.raises(UsageError, match="there is no run folder 'no/run'"):
        launch(3, ["train", "--resume", "no/run"], oversubscribe=True)


def test_a_port_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for name, value in (
            ("RANK", "0"), ("WORLD_SIZE", "2"), ("LOCAL_RANK", "0"),
            ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", str(port)),
        ):  # fmt: skip
            monkeypatch.setenv(name, value)
        with pytest.raises(UsageError) as caught, joined("cpu"):
            pass
    text = str(caught.value)
    assert text.startswith(f"the port of 127.0.0.1:{port} is in use by another program")
    assert "--master-port" in text


def test_environment_that_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "two")
    with pytest.raises(UsageError, match="WORLD_SIZE is 'two', not a number"), joined("cpu"):
        pass


def test_processes_and_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda", local_rank=1, processes=2) == torch.device("cuda", 1)
    assert choose_device("cuda") == torch.device("cuda", 0)
    with pytest.raises(DeviceError, match="3 processes need a GPU each, and there are 2"):
        choose_device("cuda", 0, processes=3)
    with pytest.raises(DeviceError, match="several processes cannot share cuda:0"):
        choose_device("cuda:0", 0, processes=2)
    with pytest.raises(DeviceError, match="there is no cuda:5 on this machine, cuda:0 to cuda:1"):
        choose_device("cuda:5")


def test_the_launching_process_is_left_as_it_was(here: Path) -> None:
    """What its children raise is raised here, once; handlers and environment are put back."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers], dict(os.environ)
    with pytest.raises(UsageError, match=r"^there is no run folder 'no/run'; `cnnshape train` w"):
        launch(2, ["train", "--resume", "no/run"], oversubscribe=True)
    assert ([signal.getsignal(number) for number in numbers], dict(os.environ)) == before


def failed(rank: int, code: int, error_file: Path) -> Any:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

    return ChildFailedError("cnnshape", {rank: ProcessFailure(rank, 1, code, str(error_file))})


@pytest.mark.parametrize(
    ("error", "kind"), [(DataError("no “é”"), UsageError), (CnnshapeError("it %"), CnnshapeError)]
)
def test_a_process_hands_its_error_over(
    here: Path, monkeypatch: pytest.MonkeyPatch, error: CnnshapeError, kind: type
) -> None:
    def work() -> int:
        raise error

    with pytest.raises(type(error)):
        as_worker(work)
    monkeypatch.setenv("CNNSHAPE_PARENT", str(os.getppid()))
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(here / "error.json"))
    code = as_worker(work)
    assert code == error.exit_code
    with pytest.raises(kind) as caught:
        _verdict(failed(1, code, here / "error.json"), here)
    assert str(caught.value) == str(error)


def test_a_process_that_was_killed(here: Path) -> None:
    with pytest.raises(CnnshapeError) as caught:
        _verdict(failed(1, -9, here / "none"), here)
    assert str(caught.value) == (
        "process 1 of this run was killed by signal 9; "
        "the run continues from its last checkpoint with --resume"
    )


def test_a_process_that_broke_shows_its_traceback(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "run_x" / "attempt_0" / "1").mkdir(parents=True)
    (here / "run_x" / "attempt_0" / "1" / "stderr.log").write_text("Traceback …\n")
    assert _verdict(failed(1, 7, here / "none"), here) == 7
    assert capsys.readouterr().err == "Traceback …\n"


def attempt(store, world: int, late: int | None = None) -> set[str]:
    """One attempt of ``world`` processes, as threads; ``late`` joins after the others."""

    def member(rank: int) -> str:
        if rank == late:
            threading.Event().wait(0.15)
        return agree(store, rank, world, timeout=20)

    with ThreadPoolExecutor(world) as pool:
        return set(pool.map(member, range(world)))


@pytest.mark.parametrize("world", [1, 2, 5])
def test_everybody_gets_one_name_and_each_attempt_another(world: int) -> None:
    store = dist.HashStore()
    names = [attempt(store, world) for _ in range(4)]
    assert all(len(name) == 1 for name in names)
    assert len(set.union(*names)) == 4


@pytest.mark.parametrize("late", [0, 1, 2])
def test_tokens_of_a_killed_attempt_are_not_believed(late: int) -> None:
    store = dist.HashStore()
    # Two processes had joined, then all were killed.
    for rank in (1, 2):
        store.set(f"cnnshape/join/{rank}", "dead")
    store.set("cnnshape/join/offer/dead", "old")
    assert attempt(store, 3, late).isdisjoint({"old", "dead"})


def test_somebody_who_never_comes() -> None:
    with pytest.raises(UsageError, match="1 of 2 processes have not come within the time allowed"):
        agree(dist.HashStore(), 0, 2, timeout=0.1)
    with pytest.raises(UsageError, match="the first process of this run has not come"):
        agree(dist.HashStore(), 1, 2, timeout=0.1)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_all_of_them_and_resume_goes_on(
    alone: Path, here: Path, number: signal.Signals
) -> None:
    settings = ("--epochs", "3", "--seed", "1", "--batch-size", "323")
    process = start("cnnshape", "train", "lenet", *settings, *TWO, "-o", "two")
    wait_for_epoch(here / "two", 1, process)
    process.send_signal(number)
    _, err = process.communicate(timeout=240)
    if process.returncode == 0:
        pytest.skip("the run was quicker than the signal")
    assert process.returncode == 130, err
    assert "to go on: cnnshape train --resume two" in err
    assert "Traceback" not in err
    # One process goes on with what two began.
    resume("two")
    assert_close_runs(alone, here / "two")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_children_end_with_a_killed_parent(here: Path) -> None:
    process = start(
        "cnnshape",
        "train",
        "lenet",
        "--epochs",
        "500",
        "-q",
        "--nproc",
        "2",
        "--oversubscribe",
        "-o",
        "r",
    )
    wait_for_epoch(here / "r", 1, process)
    children = children_of(process.pid)
    assert len(children) == 2
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while any(alive(child) for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # The lock went with them.
    process = start("cnnshape", "train", "--resume", "r", "-q")
    before = checkpoint(here / "r")["epoch"]
    wait_for_epoch(here / "r", before + 1, process)
    process.kill()
    process.communicate(timeout=60)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_a_second_ctrl_c_stops_all_of_them_at_once(here: Path) -> None:
    process = start(
        "cnnshape", "train", "lenet", "--epochs", "500", "--batch-size", "1293",
        "--augmentation", "none", *TWO, "-o", "r",
    )  # fmt: skip
    wait_for_epoch(here / "r", 1, process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "to go on: cnnshape train --resume r" in err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_process_ends_the_run_in_one_sentence(here: Path) -> None:
    process = start(
        "cnnshape",
        "train",
        "lenet",
        "--epochs",
        "500",
        "-q",
        "--nproc",
        "2",
        "--oversubscribe",
        "-o",
        "r",
    )
    wait_for_epoch(here / "r", 1, process)
    os.kill(children_of(process.pid)[-1], signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "with --resume" in err
    assert (err.count("error:"), err.count("\n")) == (1, 1), err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_elastic_restart_goes_on_from_the_last_checkpoint(here: Path) -> None:
    settings = ("--epochs", "12", "--seed", "1", "--batch-size", "323", "-q")
    process = start(
        "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "2",
        "-m", "cnnshape", "train", "lenet", *settings, "-o", "elastic",
    )  # fmt: skip
    wait_for_epoch(here / "elastic", 2, process)
    os.kill(children_of(process.pid)[-1], signal.SIGKILL)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "accuracy" in out
    train(short(epochs=12, batch_size=323), output="alone")
    assert_close_runs(here / "alone", here / "elastic")


def wait_for_epoch(run: Path, epoch: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 180
    while process.poll() is None:
        file = run / "metrics.jsonl"
        if file.exists() and len(file.read_text().splitlines()) >= epoch:
            return
        assert time.monotonic() < deadline
        time.sleep(0.02)


def children_of(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                found.append(int(entry.name))
    return sorted(found)


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_auto_is_the_best_device_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto") == torch.device("cuda", 0)
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.slow
def test_two_processes_train_a_network_with_a_batch_norm(here: Path) -> None:
    """Each needs two pictures of every batch, and has running statistics of its own."""
    write_nets(here)
    data = write_pictures(here / "pictures")
    settings = ("--data", data, "-i", "1,3,8,8", "--epochs", "2", "--validation", "0", "-q")
    process = start(
        "cnnshape", "train", "net.py:Spare", *settings, *TWO, "--batch-size", "4", "-o", "two"
    )
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    told = json.loads((here / "two" / "result.json").read_text())
    found = evaluate("two", trust_code=True)
    assert [list(row) for row in found.confusion] == told["test"]["confusion"]
    # What was measured in between is the network that was saved, not the second process's own.
    assert metrics(here / "two")[-1]["test_loss"] == pytest.approx(found.loss, rel=1e-5)
    few = (*settings, "--batch-size", "3", *TWO, "-o", "few")
    process = start("cnnshape", "train", "net.py:Spare", *few)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "--batch-size 3: net.py:Spare cannot be trained on single pictures" in err
    assert "so 4 are needed at least" in err
