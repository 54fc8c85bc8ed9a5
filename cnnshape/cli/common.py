"""Options that several commands share, and how a result reaches stdout or a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def output_options(*formats: str) -> Callable[[Command], Command]:
    """``-f``, ``-o``, ``-q`` and ``--debug``, for a command that prints a result."""

    def decorate(command: Command) -> Command:
        for option in (
            click.option("--debug", is_flag=True, expose_value=False, hidden=True),
            click.option("-q", "--quiet", is_flag=True, help="Print nothing on success."),
            click.option(
                "-o",
                "--output",
                type=click.Path(dir_okay=False),
                help="Write to FILE; the format comes from its suffix unless -f is given.",
            ),
            click.option(
                "-f",
                "--format",
                "format_",
                type=click.Choice(formats),
                help="How to print; a table by default.",
            ),
        ):
            command = option(command)
        return command

    return decorate


def emit(text: str, output: str | None = None) -> None:
    """Write ``text`` to the file ``output`` atomically, or to stdout where it is None or ``-``."""
    if output is None or output == "-":
        click.echo(text, nl=not text.endswith("\n"))
    else:
        from cnnshape.files import write_atomic

        write_atomic(output, text if text.endswith("\n") else text + "\n")
