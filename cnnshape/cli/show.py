"""A result, on stdout or in its file."""

from __future__ import annotations

from collections.abc import Callable

import click

from cnnshape.files import write_atomic


def show(
    text: Callable[[int | None, bool], str], output: str | None = None, quiet: bool = False
) -> None:
    """Print what ``text(width, color)`` gives, or write it to ``output`` and say so on stderr.

    On a terminal it has the terminal's width and colours; in a file or a pipe it is plain.
    """
    if output is not None and output != "-":
        content = text(None, False)
        path = write_atomic(output, content if content.endswith("\n") else content + "\n")
        if not quiet:
            click.echo(f"wrote {path}", err=True)
        return
    if quiet:
        return
    from cnnshape.rendering.printing import terminal_colors, terminal_width

    content = text(terminal_width(), terminal_colors())
    # color=True: Click would otherwise take the colours out again where FORCE_COLOR asks for them.
    click.echo(content, nl=not content.endswith("\n"), color=True)
