"""How much memory this machine has."""

from __future__ import annotations

import os


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
