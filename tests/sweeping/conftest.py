"""The server of fresh processes imports torch once for all tests of a run."""

from __future__ import annotations

import pytest

from cnnshape.sweeping.isolation import import_once


@pytest.fixture(autouse=True, scope="session")
def _imported() -> None:
    import_once(["torch", "cnnshape.api.inspecting"])
