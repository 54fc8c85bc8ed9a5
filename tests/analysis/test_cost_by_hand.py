"""Parameters and MACs of small models that were worked out by hand."""

from __future__ import annotations

import pytest

import cnnshape
from tests.benchmarks.small_models import CASES


@pytest.mark.parametrize("name", CASES)
def test_a_small_model_costs_what_it_does_by_hand(name):
    case = CASES[name]
    totals = cnnshape.inspect(case.build(), case.shape).totals
    assert (totals.params, totals.macs) == (case.params, case.macs)
