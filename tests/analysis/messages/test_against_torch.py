"""What is read from torch's real messages, held against the diagnosis of the very models."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
import traceback
from functools import cache

import pytest
import torch

from cnnshape.analysis.build import build_report
from cnnshape.analysis.diagnose.diagnosis import KINDS
from cnnshape.analysis.messages.explain_text import ROWS, explain_text
from cnnshape.tracing.execute import Inputs, record
from tests.analysis.diagnose import (  # noqa: F401 - they register their cases
    calls,
    layers,
    names,
    operations,
    pictures,
    questions,
    sequences,
)
from tests.analysis.diagnose.case import CASES, Case

#: What no message tells, and the kinds that it may be taken for.
LESS_IS_KNOWN = {
    "assign.sizes": {"expand.size", "expand.rank"},
    "input.missing_batch": {"linear.in_features"},
    "input.missing_channel": {"conv.in_channels"},
    "output.tuple": {"input.list"},
    "squeeze.batch": {"batch_norm.rank", "dim.out_of_range"},
    "view.batch": {"loss.batch", "cat.sizes", "matmul.batch"},
}

#: Layers that run as one function of torch: those inside are not called.
FUSED = {"TransformerWithWrongWidth": "encoder"}

#: Where a number of the sentence follows from others.
COMPUTED = re.compile("that would be|is not divisible by")

by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@cache
def known(case: Case):
    torch.manual_seed(0)
    inputs = Inputs(copy.deepcopy(case.inputs), dict(case.keywords))
    recorded = record(case.build(), inputs, mode=case.mode)
    return build_report(recorded.trace, exception=recorded.exception).error


@cache
def told(case: Case):
    """As when it fails in a script: real tensors on the CPU."""
    torch.manual_seed(0)
    model = case.build().train(case.mode == "train")
    try:
        with torch.no_grad():
            model(*copy.deepcopy(case.inputs), **case.keywords)
    except BaseException as error:
        return explain_text("".join(traceback.format_exception(error)))
    raise AssertionError("it is not broken")


@by_name
def test_the_kind_is_the_right_one_or_a_wider_one(case):
    found = told(case)
    # `operation.…` is what has no rule of its own: a message may know it better.
    if case.kind in {row.kind for row in ROWS} and not case.kind.startswith("operation."):
        wider = LESS_IS_KNOWN.get(case.kind, set())
        assert found.kind in {case.kind, None} | wider, found.diagnosis


def test_most_are_known():
    right = sum(told(case).kind == case.kind for case in CASES)
    assert right >= 0.9 * len(CASES)


@by_name
def test_the_layer_is_the_right_one_or_left_out(case):
    path = told(case).path
    assert path in ("", known(case).path, FUSED.get(case.name))


def test_most_layers_are_named():
    inside = [case for case in CASES if re.fullmatch(r"[a-z]\w*(\.[a-z]\w*)*", known(case).path)]
    named = [case for case in inside if told(case).path == known(case).path]
    assert len(named) >= 0.95 * len(inside)


@by_name
def test_no_number_is_made_up(case):
    """Every size of the sentence stands in the message or in the full diagnosis."""
    found = told(case)
    sentence = (found.diagnosis or "").replace(found.path or " ", "")
    given = f"{found.message} {known(case).diagnosis} {found.source and found.source.code}"
    small = {"0", "1", "2"}  # counted from 0; a variance needs 2
    made_up = set(re.findall(r"\d+", sentence)) - set(re.findall(r"\d+", given)) - small
    assert not made_up or COMPUTED.search(sentence), made_up


@by_name
def test_nothing_is_called_tried(case):
    for suggestion in told(case).suggestions:
        assert not suggestion.verified
        assert suggestion.runs is None


def test_the_kinds_of_the_tables_have_pages():
    assert {row.kind for row in ROWS} <= set(KINDS)


def test_torch_is_not_imported():
    code = (
        "import sys\n"
        "from cnnshape.analysis.messages.explain_text import explain_text\n"
        "explain_text('RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x7 and 9x4)')\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
