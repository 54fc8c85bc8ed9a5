"""What all tests of the diagnosis share."""

from __future__ import annotations

import pytest

from cnnshape.analysis.diagnose import dispatch
from cnnshape.experiments import search_fixes


@pytest.fixture(autouse=True)
def all_the_time_in_the_world(monkeypatch):
    """A busy machine must not change what is suggested: trials get the time they need here."""
    monkeypatch.setattr(search_fixes, "BUDGET", 60.0)
    monkeypatch.setattr(search_fixes, "_ENOUGH", 60.0)


@pytest.fixture(autouse=True)
def rules_that_may_not_fail(monkeypatch):
    """A rule that raises is passed over in use, which would hide its mistake from us."""
    rules_for, failed = dispatch.rules_for, []

    def watched(rule):
        def asked(failing):
            try:
                return rule(failing)
            except Exception as error:
                failed.append((rule.__name__, error))
                raise

        return asked

    monkeypatch.setattr(dispatch, "rules_for", lambda failing: map(watched, rules_for(failing)))
    yield
    assert not failed
