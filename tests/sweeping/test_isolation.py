"""Tasks in processes of their own: what happens to one happens to no other, and is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cnnshape.sweeping.isolation import Limits, Lost, ProcessStartError, isolated, isolated_each
from tests.sweeping.work import work

AMPLE = Limits(seconds=60, memory=2 * 10**9)


@pytest.mark.parametrize(
    ("task", "status", "cause"),
    [
        ("kill:SIGKILL", "killed", "the system killed its process (SIGKILL)"),
        ("kill:SIGSEGV", "killed", "its process crashed (SIGSEGV)"),
        ("exit:0", "killed", "ended before it was done, with status 0"),
        ("exit:3", "killed", "ended before it was done, with status 3"),
        ("raise:no such layer", "failed", "ValueError: no such layer"),
    ],
)
def test_how_a_process_ended(task, status, cause):
    found = isolated(work, task, AMPLE)
    assert isinstance(found, Lost)
    assert found.status == status
    assert cause in found.cause


def test_one_that_takes_too_long():
    found = isolated(work, "sleep:300", Limits(seconds=0.3))
    assert found == Lost("timeout", "took longer than 0.3 s")


def test_one_that_takes_too_much_memory():
    limits = Limits(seconds=60, memory=800_000_000)
    found = isolated(work, "memory:1000000000", limits)
    assert found == Lost("memory", "took more than 0.8 GB of memory")
    assert isolated(work, "sleep:0.2", limits) == "sleep:0.2 done"


def test_the_others_go_on():
    tasks = ["sleep:0.01", "exit:9", "kill:SIGKILL", "raise:no", "sleep:0.02"]
    found = dict(isolated_each(work, tasks, AMPLE, jobs=2))
    assert set(found) == set(tasks)
    fine = {task for task, outcome in found.items() if not isinstance(outcome, Lost)}
    assert fine == {"sleep:0.01", "sleep:0.02"}


def test_each_has_a_process_of_its_own():
    pids = [pid for _, pid in isolated_each(work, ["pid:a", "pid:b", "pid:c"], AMPLE, jobs=1)]
    assert len({*pids, os.getpid()}) == 4


def test_none_finds_what_stands_in_this_process():
    assert "pytest" in sys.modules
    assert isolated(work, "imported:pytest", AMPLE) is False


def test_what_they_print_is_not_heard(capfd):
    assert isolated(work, "print:hello", AMPLE) == "print:hello done"
    assert capfd.readouterr() == ("", "")


def test_leaving_early_ends_them(tmp_path):
    file = tmp_path / "pid"
    outcomes = isolated_each(work, ["sleep:0", f"touch-and-sleep:{file}"], AMPLE, jobs=2)
    assert next(outcomes)[0] == "sleep:0"
    pid = process_in(file)
    outcomes.close()
    assert_ends(pid)


#: Where a script elsewhere finds the tests.
WITH_TESTS = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
SCRIPT = """
import sys
from cnnshape.sweeping.isolation import Limits, isolated
from tests.sweeping.work import work
print("script")
print(isolated(work, sys.argv[1], Limits()))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="processes are found out otherwise there")
def test_they_end_with_the_one_that_waits_for_them(tmp_path):
    script, file = tmp_path / "script.py", tmp_path / "pid"
    script.write_text(SCRIPT)
    waiting = subprocess.Popen([sys.executable, script, f"touch-and-sleep:{file}"], env=WITH_TESTS)
    pid = process_in(file)
    waiting.kill()
    waiting.wait()
    assert_ends(pid)


def test_a_script_is_not_run_anew_in_each(tmp_path):
    """It has no ``if __name__ == "__main__"``, as scripts of users have not."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, script, "sleep:0"],
        env=WITH_TESTS,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("script\nsleep:0 done\n", "")


def process_in(file: Path) -> int:
    for _ in range(600):
        if file.exists() and file.read_text():
            return int(file.read_text())
        time.sleep(0.05)
    raise AssertionError("it did not begin")


def assert_ends(pid: int) -> None:
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{pid}/stat").exists():
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "Z":  # ended, and nobody has asked how
                return
        time.sleep(0.05)
    raise AssertionError("it goes on")


def test_a_library_that_is_broken_does_not_end_the_server(tmp_path):
    (tmp_path / "broken_library.py").write_text("raise RuntimeError('no operator')")
    script = tmp_path / "script.py"
    script.write_text(
        "from cnnshape.sweeping.isolation import *\n"
        "from tests.sweeping.work import work\n"
        "import_once(['json'], ['broken_library', 'no_such_library', 'wave'])\n"
        "print([isolated(work, f'imported:{name}', Limits()) for name in ('json', 'wave')])\n"
    )
    done = subprocess.run(
        [sys.executable, script], env=WITH_TESTS, capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr) == ("[True, True]\n", "")


def test_where_no_process_can_be_started(monkeypatch):
    def refuse(*_):
        raise EOFError("unexpected EOF")

    monkeypatch.setattr("multiprocessing.context.ForkServerProcess._Popen", refuse)
    with pytest.raises(ProcessStartError, match="no process can be started for a model: unexp"):
        isolated(work, "sleep:0", AMPLE)
