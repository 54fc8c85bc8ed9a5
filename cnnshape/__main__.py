"""``python -m cnnshape`` and the ``cnnshape`` command."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import warnings
from typing import Any

from cnnshape.cli.main import run


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    # What is imported lives to the end; looking it through for garbage is 6 % of importing torch.
    gc.set_threshold(50_000)
    outcome: list[int] = []
    # What is registered first runs last: after every exit handler that torch and others add.
    atexit.register(_leave, outcome)
    warnings.showwarning = _show_warning
    outcome.append(run())
    raise SystemExit(outcome[0])


def _show_warning(*warning: Any, **options: Any) -> None:
    from cnnshape.cli.warning import show_warning  # not before there is one: pathlib takes time

    show_warning(*warning, **options)


def _leave(outcome: list[int]) -> None:
    """End the process here if torch is loaded, everything being written and closed by now.

    Taking torch's libraries down one by one lasts a quarter as long as importing them, and now
    and then aborts in the threads that a process group leaves behind.
    """
    if not outcome or "torch" not in sys.modules:
        return
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # pyright: ignore[reportUnnecessaryComparison] - closed by the caller
                stream.flush()
    except (OSError, ValueError):  # full or closed: Python says so in its own words
        return
    os._exit(outcome[0])


if __name__ == "__main__":
    main()
