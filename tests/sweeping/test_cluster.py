"""The same work on a Dask cluster of two workers, one of which is killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cnnshape.errors import MissingDependencyError, UsageError
from cnnshape.sweeping.cluster import ClusterLostError, on_cluster
from cnnshape.sweeping.isolation import Limits, Lost
from tests.sweeping.work import work

pytest.importorskip("distributed")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")


#: Two workers in processes of their own, and a scheduler; it ends with its standard input.
CLUSTER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    pids = [worker.pid for worker in cluster.workers.values()]
    print(cluster.scheduler_address, *pids, flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True)
class Cluster:
    process: subprocess.Popen[str]
    address: str
    workers: tuple[int, ...]


@pytest.fixture
def cluster(tmp_path):
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    running = subprocess.Popen(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert running.stdout is not None
    address, *workers = running.stdout.readline().split()
    yield Cluster(running, address, tuple(map(int, workers)))
    running.kill()
    running.communicate()


def test_workers_do_the_work_and_one_that_is_killed_loses_nothing(cluster):
    tasks = ["pid:", "exit:9", "sleep:300", "sleep:1", *(f"sleep:0.0{n}" for n in range(6))]
    found = {}
    for task, outcome in on_cluster(work, tasks, Limits(seconds=8), cluster.address):
        found[task] = outcome
        if len(found) == 2:
            os.kill(cluster.workers[0], signal.SIGKILL)
    assert set(found) == set(tasks)
    lost = {task: outcome.status for task, outcome in found.items() if isinstance(outcome, Lost)}
    assert lost == {"exit:9": "killed", "sleep:300": "timeout"}
    assert found["pid:"] not in (os.getpid(), *cluster.workers)


def test_a_scheduler_that_goes_away(cluster, capfd):
    outcomes = on_cluster(work, ["sleep:0", *["sleep:20"] * 3], Limits(seconds=60), cluster.address)
    assert next(outcomes) == ("sleep:0", "sleep:0 done")
    cluster.process.kill()
    with pytest.raises(ClusterLostError, match=r"does not answer any more: 3 of 4 models"):
        next(outcomes)
    assert capfd.readouterr() == ("", "")


def test_no_scheduler_there(monkeypatch):
    monkeypatch.setattr("cnnshape.sweeping.cluster._PATIENCE", 0.3)
    for address in ("tcp://127.0.0.1:9", "nonsense", "no-such-host:8786"):
        with pytest.raises(UsageError, match="no scheduler answers at"):
            next(on_cluster(work, ["sleep:0"], Limits(), address))


def test_dask_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "cnnshape\[cluster\]"'):
        next(on_cluster(work, ["sleep:0"], Limits(), "tcp://127.0.0.1:8786"))
