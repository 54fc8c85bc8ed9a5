"""Waiting for a page. Playwright's own way evaluates a text inside it, which the page forbids."""

from __future__ import annotations

import time
from typing import Any


def until(tab: Any, expression: str, seconds: float = 30) -> None:
    """Come back when an expression holds in the page.

    Raises:
        AssertionError: it does not in this time.
    """
    end = time.monotonic() + seconds
    while not tab.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        tab.wait_for_timeout(50)
