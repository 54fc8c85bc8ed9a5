"""``with explain()``, ``explain_error`` and ``inspect`` say the same of every broken model."""

from __future__ import annotations

import copy

import pytest
import torch

import cnnshape
from tests.analysis.diagnose import (  # noqa: F401 - they register their cases
    calls,
    layers,
    names,
    operations,
    pictures,
    questions,
    sequences,
)
from tests.analysis.diagnose.case import CASES


def made(case):
    torch.manual_seed(0)
    model = case.build().train(case.mode == "train")
    return model, copy.deepcopy(case.inputs), dict(case.keywords)


def said(error):
    tried = [(s.text, s.verified, s.runs) for s in error.suggestions]
    return error.path, error.kind, error.diagnosis, error.message, error.exception, tried


#: `inspect` refuses a call that the signature of `forward` forbids before anything runs.
RUNNABLE = [case for case in CASES if (case.kind, case.path) != ("forward.arguments", "")]


@pytest.mark.parametrize("case", RUNNABLE, ids=lambda case: case.name)
def test_the_same_is_said(case, capsys):
    model, inputs, keywords = made(case)
    with pytest.raises((Exception, SystemExit)), cnnshape.explain() as live:
        model(*inputs, **keywords)
    model, inputs, keywords = made(case)
    inspected = cnnshape.inspect(
        model, args=inputs, kwargs=keywords, mode=case.mode, device="cpu"
    ).error
    model, inputs, keywords = made(case)
    asked = cnnshape.explain_error(model, *inputs, **keywords).error
    assert said(live.error) == said(inspected)
    assert said(asked) == said(inspected)
