"""A busy machine must not change what is suggested: trials get all the time they need here."""

from __future__ import annotations

import pytest

from cnnshape.experiments import search_fixes


@pytest.fixture(autouse=True)
def all_the_time_in_the_world(monkeypatch):
    monkeypatch.setattr(search_fixes, "BUDGET", 60.0)
