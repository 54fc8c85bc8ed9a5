"""``cnnshape evaluate``."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.cli.training_runs import Call, call, trained

__all__ = ["call", "trained"]


def test_accuracy_with_counts(call: Call, trained: Path) -> None:
    code, out, err = call("evaluate", trained)
    assert (code, err) == (0, "")
    match = re.fullmatch(r"accuracy (\d\d\.\d\d) % \((\d+)/360\)\n", out)
    assert match is not None
    assert float(match[1]) == round(int(match[2]) / 3.6, 2)


def test_json(call: Call, trained: Path) -> None:
    code, out, _ = call("evaluate", trained, "-f", "json")
    content = json.loads(out)
    assert code == 0
    assert content["total"] == 360
    assert content["accuracy"] == content["correct"] / 360
    assert sum(map(sum, content["confusion"])) == 360
    # A row of the matrix stands on one line.
    assert len(re.findall(r"^ +\[[\d, ]+\],?$", out, re.MULTILINE)) == 10


def test_confusion(call: Call, trained: Path) -> None:
    _, out, _ = call("evaluate", trained, "--confusion")
    assert "columns: predicted" in out


def test_to_a_file(call: Call, trained: Path, tmp_path: Path) -> None:
    code, out, _ = call("evaluate", trained, "-o", tmp_path / "a.json")
    assert (code, out) == (0, "")
    assert json.loads((tmp_path / "a.json").read_text())["total"] == 360
    call("evaluate", trained, "-o", tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text().startswith("accuracy ")


def test_quiet(call: Call, trained: Path) -> None:
    assert call("evaluate", trained, "-q") == (0, "", "")


def test_wrong_usage(call: Call, trained: Path, tmp_path: Path) -> None:
    for arguments, message in (
        (("no/run",), "there is no run folder 'no/run'"),
        ((tmp_path,), "holds no config.json, so it is not a run of `cnnshape train`"),
        ((trained, "--data", "digts"), "unknown data set 'digts'; did you mean digits?"),
        ((trained, "--weights", "worst"), "'worst' is not one of"),
        ((trained, "-o", tmp_path / "no" / "a.json"), "cannot write"),
    ):
        code, out, err = call("evaluate", *arguments)
        assert (code, out) == (2, "")
        assert message in err
