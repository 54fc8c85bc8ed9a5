"""The plugin as a user's own test run sees it: each test here runs pytest on a small project."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cnnshape
from cnnshape.integrations.pytest_plugin import _files

_NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, features=72, channels=2):
        super().__init__()
        self.conv = nn.Conv2d(1, channels, 3)
        self.fc = nn.Linear(features, 3)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))
"""


@pytest.fixture(scope="module", autouse=True)
def _everything_imported() -> None:
    """What a run inside this process imports is dropped behind it; half a package is not enough."""
    cnnshape.inspect("mlp", ("N", 1, 28, 28))
    cnnshape.check("mlp", expect={"flatten": (1, 784)})
    str(cnnshape.explain_error(torch.nn.Linear(2, 2), torch.zeros(1, 3)))


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("COLUMNS", "200")
    pytester.makepyfile(plugin_net=_NET)  # no other test has a module of this name
    pytester.syspathinsert()
    return pytester


def _run(project: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    project.makepyfile(test_net=f"import torch\nfrom plugin_net import Net\n{test}")
    return project.runpytest_inprocess("-p", "no:randomly", *options)


def test_shapes_that_are_as_expected_pass(project: pytest.Pytester) -> None:
    result = _run(
        project,
        """
def test_net(assert_shapes):
    assert_shapes(Net(), (1, 1, 8, 8), {"conv": (1, 2, 6, 6), "fc": (1, 3)})
    assert_shapes(Net(), (5, 1, 8, 8), {"conv": "*,2,6,6"})
""",
    )
    result.assert_outcomes(passed=1)


def test_another_shape_fails_with_both_sizes(project: pytest.Pytester) -> None:
    result = _run(
        project,
        """
import pytest
def test_net(assert_shapes):
    assert_shapes(Net(), (1, 1, 8, 8), {"conv": (1, 2, 8, 8), "fc": (1, 3)})
def test_kind(assert_shapes):
    with pytest.raises(AssertionError):
        assert_shapes(Net(), (1, 1, 8, 8), {"conv": (1, 2, 8, 8)})
""",
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*layer  expected  came out", "*conv   1×2×8×8   1×2×6×6"])
    assert "fc " not in result.stdout.str()


def test_a_path_that_is_no_layer_is_said(project: pytest.Pytester) -> None:
    result = _run(
        project,
        """
def test_net(assert_shapes):
    assert_shapes(Net(), (1, 1, 8, 8), {"cnov": (1, 2, 6, 6)})
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*UsageError: *cnov*conv*"])


def test_a_snapshot_is_written_held_and_told_apart(project: pytest.Pytester) -> None:
    test = """
def test_net(shapes_snapshot):
    shapes_snapshot(Net({arguments}), ("N", 1, 8, 8))
"""
    missing = _run(project, test.format(arguments=""))
    missing.assert_outcomes(failed=1)
    missing.stdout.fnmatch_lines(["*pytest --update-shapes writes it*"])
    assert not (project.path / "shapes").exists()
    _run(project, test.format(arguments=""), "--update-shapes").assert_outcomes(passed=1)
    file = project.path / "shapes" / "test_net.test_net.txt"
    assert file.read_text(encoding="utf-8") == (
        "# Net, written by pytest --update-shapes\n"
        "input   x       N×1×8×8\n"
        "conv    Conv2d  N×1×8×8 → N×2×6×6  20 parameters\n"
        "fc      Linear  N×72 → N×3         219 parameters\n"
        "output          N×3\n"
    )
    _run(project, test.format(arguments="")).assert_outcomes(passed=1)

    other = _run(project, test.format(arguments="144, 4"))
    other.assert_outcomes(failed=1)
    other.stdout.fnmatch_lines(
        [
            "*-  conv  Conv2d  N×1×8×8 → N×2×6×6  20 parameters",
            "*-  fc    Linear  N×72 → N×3         219 parameters",
            "*[+]  conv  Conv2d  N×1×8×8 → N×4×6×6  40 parameters",
            "*[+]  fc    Linear  N×144 → N×3        435 parameters",
        ]
    )
    assert "input " not in other.stdout.str()


def test_two_snapshots_of_one_test_are_two_files(project: pytest.Pytester) -> None:
    result = _run(
        project,
        """
import pytest
@pytest.mark.parametrize("size", ["8-8"])
def test_net(shapes_snapshot, size):
    shapes_snapshot(Net(), (1, 1, 8, 8))
    shapes_snapshot(Net(), (2, 1, 8, 8))
""",
        "--update-shapes",
    )
    result.assert_outcomes(passed=1)
    names = sorted(path.name for path in (project.path / "shapes").iterdir())
    assert names == ["test_net.test_net-8-8.2.txt", "test_net.test_net-8-8.txt"]


def test_a_model_that_raises_has_no_snapshot(project: pytest.Pytester) -> None:
    result = _run(
        project,
        """
def test_net(shapes_snapshot):
    shapes_snapshot(Net(70), (1, 1, 8, 8))
""",
        "--update-shapes",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*fc expects 70 features, but 72 arrive*"])
    assert not (project.path / "shapes").exists()


_FAILING = """
def test_net():
    Net(70)(torch.zeros(1, 1, 8, 8))
"""


def test_a_failing_forward_is_explained_below_the_test(project: pytest.Pytester) -> None:
    result = _run(project, _FAILING)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*RuntimeError: mat1 and mat2 shapes cannot be multiplied*",
            "*cnnshape explain*",
            "*fc expects 70 features, but 72 arrive*",
            "*in_features=72*",
        ]
    )


def test_explanations_can_be_left_out(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\ncnnshape_explain = false\n")
    result = _run(project, _FAILING)
    assert "cnnshape explain" not in result.stdout.str()


@pytest.mark.parametrize(
    "body",
    ["assert 1 == 2", "raise SystemExit(3)", "import pytest; pytest.fail('so')", "int('x')"],
)
def test_other_failures_are_told_as_ever(project: pytest.Pytester, body: str) -> None:
    result = _run(project, f"\ndef test_net():\n    Net()\n    {body}\n")
    result.assert_outcomes(failed=1)
    assert "cnnshape explain" not in result.stdout.str()


def test_a_run_outlives_a_model_that_prints_forks_and_exits(project: pytest.Pytester) -> None:
    result = _run(
        project,
        """
import os
class Odd(torch.nn.Module):
    def forward(self, x):
        print("printed by the model")
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        raise SystemExit("no more")

def test_odd():
    Odd()(torch.zeros(1))

def test_next():
    assert True
""",
    )
    result.assert_outcomes(passed=1, failed=1)
    assert result.outlines.count("printed by the model") == 1


def test_it_imports_nothing_heavy_until_it_is_used(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, cnnshape.integrations.pytest_plugin; "
        "print([m for m in ('torch', 'rich', 'graphviz', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_cases_that_look_alike_have_files_of_their_own() -> None:
    cases = ("1", "-1", "a-b", "a/b", "a:b", "a b", "a::b", "a.b")
    files = [next(_files(Path("t.py"), f"t.py::T::test[{case}]")).name for case in cases]
    assert files[:3] == ["t.T.test-1.txt", "t.T.test--1.txt", "t.T.test-a-b.txt"]
    assert len(set(files)) == len(cases)
