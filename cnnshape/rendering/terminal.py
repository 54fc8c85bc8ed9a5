"""What stdout is: how wide a terminal, and whether it wants colours."""

from __future__ import annotations

import os
import shutil
import sys


def terminal_width() -> int | None:
    """The columns of the terminal that stdout is; None where it is a file or a pipe.

    A number in ``COLUMNS`` counts for both.
    """
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal():
        return shutil.get_terminal_size().columns
    return None


def terminal_colors() -> bool:
    """Whether stdout is a terminal that wants colours: https://no-color.org, ``FORCE_COLOR``."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))
