"""Every broken model: the right place, the right reason, and suggestions that work."""

from __future__ import annotations

import copy
from functools import cache

import pytest
import torch

from cnnshape.analysis.build import build_report
from cnnshape.experiments.attempt import Setup
from cnnshape.experiments.search_fixes import try_suggestions
from cnnshape.tracing.execute import Inputs, record
from tests.analysis.diagnose import (  # noqa: F401 - they register their cases
    calls,
    intentions,
    layers,
    names,
    operations,
    pictures,
    questions,
    sequences,
)
from tests.analysis.diagnose.as_told import corrected
from tests.analysis.diagnose.case import CASES, Case

#: Correct diagnoses whose suggestions a test cannot carry out by itself, with the reason.
BY_HAND = {
    "SubclassOfLinear": "the author's own constructor is called",
}
#: Nothing that could be tried: a return statement is missing, or a whole method.
NOTHING_TO_TRY = {"ForgottenReturn", "MaskOfAttention", "ForwardInsideInit", "NoForwardAtAll"}

by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@cache
def diagnosis_of(case: Case, device: str = "cpu"):
    torch.manual_seed(0)
    model = case.build()
    inputs = Inputs(copy.deepcopy(case.inputs), dict(case.keywords))
    recorded = record(model, inputs, device=device, mode=case.mode)
    report = build_report(recorded.trace, exception=recorded.exception)
    assert report.error is not None, "it is not broken"
    return try_suggestions(
        report.error, report.trace, Setup(model, inputs, device, case.mode), budget=30
    )


def test_there_are_enough_of_them():
    assert len(CASES) >= 60
    asked = [case for case in CASES if case.build.__module__.endswith("questions")]
    assert len(asked) >= 15
    assert all(case.build.__doc__ for case in asked)


@by_name
def test_place_reason_and_numbers(case):
    error = diagnosis_of(case)
    assert (error.path, error.kind) == (case.path, case.kind)
    for number in case.numbers:
        assert number in error.diagnosis, error.diagnosis
    if case.fix is not None:
        assert error.suggestions[0].text == case.fix


@by_name
def test_first_suggestion_makes_it_run(case):
    error = diagnosis_of(case)
    if case.name in NOTHING_TO_TRY:
        assert not any(suggestion.verified for suggestion in error.suggestions)
        return
    first = error.suggestions[0]
    assert first.verified
    assert first.runs
    if case.name not in BY_HAND:
        run_as_told(case, first)


@by_name
def test_no_verified_suggestion_is_wrong(case):
    for suggestion in diagnosis_of(case).suggestions[1:]:
        assert suggestion.verified, suggestion.text
        if case.name not in BY_HAND and suggestion.runs:
            run_as_told(case, suggestion)


def test_the_branch_joined_last_is_made_wider():
    """6 + 10 arrive where 20 are expected, so the second branch is to make 14."""
    case = next(case for case in CASES if case.name == "StepsMadeOfTwoBranches")
    texts = [suggestion.text for suggestion in diagnosis_of(case).suggestions]
    assert "nn.Linear(in_features=5, out_features=14)" in texts


def run_as_told(case, suggestion):
    torch.manual_seed(0)
    model, inputs, keywords = corrected(
        case.build, copy.deepcopy(case.inputs), dict(case.keywords), suggestion.to_dict()
    )
    if suggestion.text != "model.eval() before the call":
        model.train(case.mode == "train")
    model(*inputs, **keywords)


@pytest.mark.parametrize("case", [c for c in CASES if c.meta], ids=lambda case: case.name)
def test_meta_says_the_same(case):
    real, meta = diagnosis_of(case), diagnosis_of(case, "meta")
    assert (meta.path, meta.kind, meta.diagnosis) == (real.path, real.kind, real.diagnosis)
    # Without memory nobody sees that examples see each other: there more may be left.
    told = {(s.text, s.verified) for s in meta.suggestions}
    assert {(s.text, s.verified) for s in real.suggestions} <= told


@pytest.mark.parametrize("case", CASES[::4], ids=lambda case: case.name)
def test_the_model_is_as_it_was(case):
    model = case.build().train(case.mode == "train")
    before = {
        path: (type(m), dict(vars(m)), dict(m._parameters), dict(m._buffers), dict(m._modules))
        for path, m in model.named_modules()
    }
    values = {name: p.detach().clone() for name, p in model.state_dict().items()}
    inputs = Inputs(copy.deepcopy(case.inputs), dict(case.keywords))
    recorded = record(model, inputs, mode=case.mode)
    report = build_report(recorded.trace)
    try_suggestions(report.error, report.trace, Setup(model, inputs, "cpu", case.mode), budget=30)
    after = dict(model.named_modules())
    assert list(after) == list(before)
    for path, (cls, attributes, parameters, buffers, modules) in before.items():
        module = after[path]
        assert type(module) is cls
        assert vars(module).keys() == attributes.keys()
        assert all(vars(module)[k] is v for k, v in attributes.items())
        for registry, kept in (
            ("_parameters", parameters),
            ("_buffers", buffers),
            ("_modules", modules),
        ):
            now = getattr(module, registry)
            assert list(now) == list(kept)
            assert all(now[k] is kept[k] for k in kept)
    assert all(torch.equal(values[name], p) for name, p in model.state_dict().items())
