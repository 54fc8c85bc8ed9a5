"""How large a model may be before it is built without memory, and how much memory there is."""

from __future__ import annotations

import os

PARAMETER_BUDGET = 25_000_000
"""Parameters up to which a model is built for real (100 MB in float32).

A real forward pass of such a model takes well under a second, and only real execution
catches everything; anything larger is built on the meta device.
"""

TRANSIENT_BYTES = 2_000_000_000
"""Memory that building a small model may take in between, for parts that it throws away."""


def physical_memory() -> int | None:
    """Bytes of memory in this machine, or None where the system does not say.

    >>> memory = physical_memory()
    >>> memory is None or memory > 2**26
    True
    """
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows, or a system without the name
        return None
