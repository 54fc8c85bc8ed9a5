"""How a warning of a library looks on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

import click

from cnnshape.cli.output import label
from cnnshape.messages import say

_PACKAGE = Path(__file__).parents[1]


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """In place of :func:`warnings.showwarning`: one line, with the place where it is the user's.

    torch warns from the innermost line of Python, which in a recorded pass is one of ours.
    """
    del category, file, line
    text = " ".join(str(message).split())
    source = Path(filename)
    theirs = _PACKAGE not in source.parents and "site-packages" not in source.parts
    place = f" ({filename}:{lineno})" if theirs else ""
    click.echo(f"{label(say('warning: '), 'yellow')}{text}{place}", err=True)
