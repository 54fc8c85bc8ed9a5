"""The same work on a Dask cluster of two workers, one of which is killed in the middle."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from cnnshape.errors import MissingDependencyError, UsageError
from cnnshape.sweeping.cluster import ClusterLostError, on_cluster
from cnnshape.sweeping.isolation import Limits, Lost
from tests.sweeping.work import work

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")


@pytest.fixture
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as running:
        yield running


def test_workers_do_the_work_and_one_that_is_killed_loses_nothing(cluster):
    tasks = ["pid:", "exit:9", "sleep:300", "sleep:1", *(f"sleep:0.0{n}" for n in range(6))]
    found = {}
    for task, outcome in on_cluster(work, tasks, Limits(seconds=8), cluster.scheduler_address):
        found[task] = outcome
        if len(found) == 2:
            os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
    assert set(found) == set(tasks)
    lost = {task: outcome.status for task, outcome in found.items() if isinstance(outcome, Lost)}
    assert lost == {"exit:9": "killed", "sleep:300": "timeout"}
    assert found["pid:"] not in (os.getpid(), *(each.pid for each in cluster.workers.values()))


def test_a_scheduler_that_goes_away(cluster):
    address = cluster.scheduler_address
    outcomes = on_cluster(work, ["sleep:0", *["sleep:20"] * 3], Limits(seconds=60), address)
    assert next(outcomes) == ("sleep:0", "sleep:0 done")
    cluster.close()
    with pytest.raises(ClusterLostError, match=r"does not answer any more: 3 of 4 models"):
        next(outcomes)


def test_no_scheduler_there(monkeypatch):
    monkeypatch.setattr("cnnshape.sweeping.cluster._PATIENCE", 0.3)
    for address in ("tcp://127.0.0.1:9", "nonsense", "no-such-host:8786"):
        with pytest.raises(UsageError, match="no scheduler answers at"):
            next(on_cluster(work, ["sleep:0"], Limits(), address))


def test_dask_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'cnnshape\[cluster\]'"):
        next(on_cluster(work, ["sleep:0"], Limits(), "tcp://127.0.0.1:8786"))
