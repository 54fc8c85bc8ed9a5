"""Every rule against the real layer on the CPU: the size, and whether it is accepted at all.

A smaller version of ``tests/benchmarks/formulas_against_torch.py``.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnnshape import formulas
from cnnshape.errors import CnnshapeError
from tests.formulas.configurations import GENERATORS, by_torch, older_torch_differs


@pytest.mark.parametrize("kind", list(GENERATORS))
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(random=st.randoms(use_true_random=False))
def test_rule_is_the_layer(kind, random):
    configuration = GENERATORS[kind](random.randint)
    actual, message = by_torch(configuration)
    try:
        ours = formulas.derive(
            configuration.kind, configuration.shape, **configuration.arguments
        ).output
        reason = ""
    except CnnshapeError as error:
        ours, reason = None, str(error)
    if ours != actual and by_torch(configuration, torch.float64)[0] != actual:
        return  # torch's own backends differ here: float32 accepts what float64 refuses
    if ours != actual and older_torch_differs(configuration, ours, reason):
        return
    assert ours == actual, f"{configuration!r}: torch {actual} {message}, rule {ours} {reason}"


@pytest.mark.parametrize("kind", list(GENERATORS))
def test_the_configurations_are_worth_trying(kind):
    """Both outcomes occur, accepted ones often."""
    import random

    pick = random.Random(5).randint
    outcomes = [by_torch(GENERATORS[kind](pick))[0] for _ in range(150)]
    accepted = sum(outcome is not None for outcome in outcomes)
    assert accepted > 20
    assert accepted < 150 or kind == "embedding"
