"""Why a model raised, on stderr, for commands whose result is something else than a table."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnshape.analysis.report import ErrorReport


def tell_error(error: ErrorReport, name: str) -> None:
    """The panel that ``inspect`` shows below its table."""
    from cnnshape.rendering.failure import print_error

    print_error(error, name, sys.stderr)
