"""How a result, or why a model failed, reaches the reader."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

from cnnshape.messages import ENGLISH, in_language, readers_language, say, translated

if TYPE_CHECKING:
    from pathlib import Path

    from cnnshape.analysis.report import ErrorReport


def show(
    text: Callable[[int | None, bool], str], output: str | None = None, quiet: bool = False
) -> None:
    """Print what ``text(width, color)`` gives, or write it to ``output`` and say so on stderr.

    On a terminal it has the terminal's width and colours; in a file or a pipe it is plain.
    """
    if output is not None and output != "-":
        with language_of(output):
            path = _write(text(None, False), output)
        if not quiet:
            click.echo(translated(say("wrote {path}", path=path)), err=True)
        return
    if quiet:
        return
    from cnnshape.rendering.printing import terminal_colors, terminal_width

    content = text(terminal_width(), terminal_colors())
    # color=True: Click would otherwise take the colours out again where FORCE_COLOR asks for them.
    click.echo(content, nl=not content.endswith("\n"), color=True)


def language_of(output: str | None) -> AbstractContextManager[None]:
    """The reader's on stdout, and English in a file, which others read as well."""
    return in_language(readers_language() if output in (None, "-") else ENGLISH)


def emit(text: str, output: str | None = None) -> None:
    """Write ``text`` to the file ``output`` atomically, or to stdout where it is None or ``-``."""
    if output is None or output == "-":
        click.echo(text, nl=not text.endswith("\n"))
    else:
        _write(text, output)


def _write(text: str, output: str) -> Path:
    from cnnshape.files import write_atomic

    return write_atomic(output, text if text.endswith("\n") else text + "\n")


def label(word: str, color: str) -> str:
    """``error: ``, in colour, before what is told on stderr."""
    told = translated(word)
    colon = told.rstrip()
    return click.style(colon, fg=color, bold=color == "red") + told[len(colon) :]


def tell_error(error: ErrorReport, name: str) -> None:
    """Why a model raised, on stderr: the panel that ``inspect`` shows below its table."""
    from cnnshape.rendering.failure import print_error

    print_error(error, name, sys.stderr)
