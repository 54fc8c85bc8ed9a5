"""The GitHub Action: its step run as the runner would, with a `gh` that keeps what it gets."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEP = ACTION["runs"]["steps"][0]

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not shutil.which("bash") or not shutil.which("git"),
    reason="the step is a script for bash",
)

NET = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(144, 3)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))
"""
#: Lists $EARLIER as what is there, and keeps the arguments and the body of each call.
GH = """\
#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$KEPT/calls"
for word in "$@"; do
  case "$word" in
    body=@*) cp "${word#body=@}" "$KEPT/body" ;;
    --jq) printf '%s' "$EARLIER" ;;
  esac
done
exit "${GH_STATUS:-0}"
"""
#: Stands for cnnshape where only the script is looked at.
TOLD = """\
#!/usr/bin/env bash
printf '%s|' "$@" >>"$KEPT/asked"
echo >>"$KEPT/asked"
case "$1" in
  check) echo '::error file=a%2Cb.py,line=3,title=cnnshape shape C1::1×4, 100%25 else```'
         echo 'why it raised' >&2; exit 1 ;;
  compare) echo "a **table**$LONG" ;;
esac
"""


@dataclass(frozen=True)
class Ran:
    status: int
    output: str
    kept: Path

    def read(self, name: str) -> str:
        file = self.kept / name
        return file.read_text(encoding="utf-8") if file.exists() else ""


def _program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    (folder / name).chmod(0o755)


def _git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with ``main``, and a clone of it in which net.py was changed."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    _git(origin, "init")
    (origin / "net.py").write_text(NET, encoding="utf-8")
    _git(origin, "add", ".")
    _git(origin, "commit", "-m", "one")
    _git(tmp_path, "clone", str(origin), "clone")
    _git(clone, "remote", "set-branches", "origin", "other")
    _git(clone, "update-ref", "-d", "refs/remotes/origin/main")  # as a checkout of depth 1
    changed = NET.replace("(1, 4, 3)", "(1, 8, 3)").replace("144", "288")
    (clone / "net.py").write_text(changed, encoding="utf-8")
    return clone


def _run(clone: Path, cnnshape: str = TOLD, **given: str) -> Ran:
    """The step, with inputs of the action and variables of the runner."""
    tools, kept = clone.parent / "tools", clone.parent / "kept"
    kept.mkdir(exist_ok=True)
    _program(tools, "gh", GH)
    _program(tools, "cnnshape", cnnshape)
    inputs = {name: str(about.get("default", "")) for name, about in ACTION["inputs"].items()}
    inputs |= {name: text for name, text in given.items() if name in inputs}
    known = {f"inputs.{name}": text for name, text in inputs.items()}
    known |= {"github.base_ref": "main", "github.event.pull_request.number": "7"}
    known |= {"github.base_ref": given["base"]} if "base" in given else {}
    known |= {"github.event.pull_request.number": given["number"]} if "number" in given else {}
    filled = {
        name: re.sub(r"\$\{\{ (.*?) \}\}", lambda found: known[found[1]], text)
        for name, text in STEP["env"].items()
    }
    variables = {name: text for name, text in given.items() if name.isupper()}
    done = subprocess.run(
        ["bash", "-e", "-c", STEP["run"]],
        cwd=clone,
        env={
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_REPOSITORY": "some/where",
            "GITHUB_STEP_SUMMARY": str(kept / "summary"),
            "KEPT": str(kept),
            "EARLIER": "",
            "LONG": "",
            **filled,
            **variables,
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    return Ran(done.returncode, done.stdout + done.stderr, kept)


def test_no_text_of_anybody_is_part_of_the_shell() -> None:
    assert "${{" not in STEP["run"]
    assert "${{" not in (ROOT / "action" / "pull_request.sh").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_changed_model_is_checked_compared_and_commented(clone: Path) -> None:
    real = f'#!/bin/sh\nexec "{sys.executable}" -m cnnshape "$@"\n'
    ran = _run(
        clone,
        real,
        model="net.py:Net",
        input="1,1,8,8",
        check="--expect conv=1,4,6,6 --formula conv='W - F + 1'",
    )
    assert ran.status == 1
    assert "::error file=net.py,line=11,title=cnnshape shape conv::1×8×6×6" in ran.output
    body = ran.read("body")
    assert "cnnshape shape conv: 1×8×6×6, expected 1×4×6×6" in body
    assert "**net.py:Net@origin/main** → **net.py:Net**" in body
    # 4·(9 + 1) and 144·3 + 3 before, 8·(9 + 1) and 288·3 + 3 after
    assert "475 → 947 parameters" in body
    assert ran.read("summary") == body


def test_the_comment_is_made_once_and_then_renewed(clone: Path) -> None:
    ran = _run(clone, model="net.py:Net")
    assert "--method POST repos/some/where/issues/7/comments -F body=@" in ran.read("calls")
    ran = _run(clone, model="net.py:Net", EARLIER="41\n52\n")
    assert "--method PATCH repos/some/where/issues/comments/41 -F body=@" in ran.read("calls")
    assert ran.read("calls").count("POST") == 1


def test_each_model_has_its_own_mark(clone: Path) -> None:
    marks = {_run(clone, model=model).read("body").splitlines()[0] for model in ("a", "b")}
    assert len(marks) == 2
    assert all(re.fullmatch(r"<!-- cnnshape [0-9a-f]{40} -->", mark) for mark in marks)


def test_arguments_reach_it_one_by_one(clone: Path) -> None:
    ran = _run(
        clone,
        model="net.py:Net(a='$(touch x)')",
        input="1,1,8,8\n'mode=\"a b\"'; touch x\n",
        check="--formula conv=\"(W - F)/S + 1\" --max-params '$(touch x)' `touch x`",
    )
    check, compare = ran.read("asked").splitlines()
    inputs = "-i|1,1,8,8|-i|'mode=\"a b\"'; touch x|"
    assert check == (
        f"check|net.py:Net(a='$(touch x)')|{inputs}-f|github|"
        "--formula|conv=(W - F)/S + 1|--max-params|$(touch x)|`touch|x`|"
    )
    assert compare.startswith("compare|net.py:Net(a='$(touch x)')@origin/main|net.py:Net(a='")
    assert sorted(file.name for file in clone.iterdir()) == [".git", "net.py"]


def test_a_failed_check_is_quoted_and_is_the_exit_code(clone: Path) -> None:
    ran = _run(clone, model="net.py:Net")
    assert ran.status == 1
    said = ran.read("body").partition("```text\n")[2].partition("\n```\n")[0]
    assert said == "net.py:Net\ncnnshape shape C1: 1×4, 100% else` ` `\nwhy it raised"


def test_a_comparison_that_is_too_long_stands_in_the_summary(clone: Path) -> None:
    ran = _run(clone, model="net.py:Net", LONG="x" * 70_000)
    assert len(ran.read("body")) < 60_000
    assert "see the summary" in ran.read("body")
    assert len(ran.read("summary")) > 70_000


@pytest.mark.parametrize(
    ("given", "asked"),
    [({"compare": "false"}, 1), ({"base": ""}, 1), ({"base": "gone"}, 1), ({}, 2)],
)
def test_it_is_compared_where_there_is_a_base(
    clone: Path, given: dict[str, str], asked: int
) -> None:
    ran = _run(clone, model="net.py:Net", **given)
    assert len(ran.read("asked").splitlines()) == asked
    assert ("### cnnshape compare" in ran.read("body")) == (not given or "gone" in given.values())


def test_nothing_is_commented_without_a_pull_request(clone: Path) -> None:
    ran = _run(clone, model="net.py:Net", number="", base="")
    assert not ran.read("calls")
    assert "cnnshape shape C1" in ran.read("summary")


def test_a_token_that_may_not_write_is_a_warning(clone: Path) -> None:
    ran = _run(
        clone,
        "#!/bin/sh\necho ::notice title=cnnshape check::1 ok, 0 failed\n",
        model="a",
        GH_STATUS="1",
    )
    assert ran.status == 0
    assert "::warning::the comment could not be written" in ran.output


def test_quotes_that_do_not_close_end_it(clone: Path) -> None:
    ran = _run(clone, model="net.py:Net", check="--formula 'conv")
    assert ran.status != 0
    assert not ran.read("asked")
