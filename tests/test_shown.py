"""Every result shows itself: printed, by Rich, in Jupyter, in files."""

from __future__ import annotations

import html
import io
import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import nn

import cnnshape
from cnnshape.errors import OutputError
from cnnshape.shown import Shown

RESULTS: dict[str, tuple[Callable[[], Shown], str]] = {
    "inspect": (lambda: cnnshape.inspect("lenet"), "61,706"),
    "check": (lambda: cnnshape.check("lenet"), "7 ok, 0 failed"),
    "params": (lambda: cnnshape.params("lenet"), "61,706 parameters in 10 tensors"),
    "sizes": (lambda: cnnshape.sizes("lenet", (1, 1, "H", 28), range=(26, 33)), "H: 28…31"),
}


@pytest.fixture(scope="module", params=RESULTS)
def shown(request: pytest.FixtureRequest) -> tuple[Shown, str]:
    make, words = RESULTS[request.param]
    return make(), words


def test_print_rich_and_jupyter_show_the_same(shown: tuple[Shown, str]) -> None:
    result, words = shown
    assert words in str(result)
    assert result.to_text(width=100).splitlines()[0] in str(result).splitlines()[0]
    buffer = io.StringIO()
    Console(file=buffer, width=120).print(result)
    assert words in buffer.getvalue()
    bundle = result._repr_mimebundle_()
    assert words in bundle["text/plain"]
    assert bundle["text/html"].startswith("<pre")
    assert words in bundle["text/html"]


def test_prose_is_broken_in_jupyter_and_as_long_as_it_takes_in_a_text() -> None:
    accepted = cnnshape.sizes("lenet", (1, 1, "H", "W"), range=(26, 33))
    shown = html.unescape(re.sub("<[^>]*>", "", accepted._repr_mimebundle_()["text/html"]))
    assert max(map(len, shown.splitlines())) <= 100
    assert max(map(len, accepted.to_text().splitlines())) > 100
    assert shown.split() == accepted.to_text().split()


def test_save_writes_what_the_suffix_says(shown: tuple[Shown, str], tmp_path: Path) -> None:
    result, words = shown
    assert words in result.save(tmp_path / "result.txt").read_text(encoding="utf-8")
    saved = json.loads(result.save(tmp_path / "result.json").read_text(encoding="utf-8"))
    assert saved == json.loads(json.dumps(result.to_dict()))  # type: ignore[attr-defined]
    with pytest.raises(OutputError, match=r"\.xyz is no known format; use one of \.txt, \.json"):
        result.save(tmp_path / "result.xyz")


def test_a_result_survives_pickling_and_stays_frozen(shown: tuple[Shown, str]) -> None:
    result, words = shown
    again = pickle.loads(pickle.dumps(result))
    assert again == result
    assert words in str(again)
    with pytest.raises(AttributeError):
        result.spec = "another"  # type: ignore[attr-defined]


def test_a_check_is_saved_for_continuous_integration(tmp_path: Path) -> None:
    text = cnnshape.check(nn.Linear(4, 2), (1, 4)).save(tmp_path / "check.xml").read_text("utf-8")
    assert '<testsuite name="cnnshape check" tests="1" failures="0" errors="0">' in text


def test_making_a_result_imports_nothing_that_draws_it() -> None:
    code = (
        "import sys, cnnshape; cnnshape.inspect('lenet')\n"
        "print([name for name in sys.modules if name.startswith('cnnshape.rendering')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


ANSWERS: dict[str, tuple[Callable[[], object], str]] = {
    "evaluation": (lambda: cnnshape.formula("conv", input=28, kernel=5), "= 24"),
    "judgements": (lambda: cnnshape.formula("conv", "(W - F)/S + 1"), "conditional"),
    "judgement": (lambda: cnnshape.formula("conv", "W - F").judgements[0], "wrong"),
    "solutions": (
        lambda: cnnshape.formula("conv", input=28, kernel=5, output=28, solve="padding"),
        "padding = 2",
    ),
    "chain": (lambda: cnnshape.formula(layers="conv k5, pool 2", input=28), "12"),
    "worked": (lambda: cnnshape.formula("max_pool", matrix="1 2; 3 4", kernel=2), "4"),
    "explanation": (
        lambda: cnnshape.explain_error(nn.Linear(2, 2), torch.zeros(1, 3)),
        "expects 2 features, but 3 arrive",
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_are_shown_in_notebooks(name: str) -> None:
    make, words = ANSWERS[name]
    answer = make()
    bundle = answer._repr_mimebundle_(include=None, exclude=None)  # type: ignore[attr-defined]
    assert bundle["text/plain"] == str(answer)
    assert words in bundle["text/plain"]
    assert bundle["text/html"].startswith("<pre")
    text = re.sub(r"<[^>]*>", "", bundle["text/html"])
    assert html.unescape(text).split() == str(answer).split()
