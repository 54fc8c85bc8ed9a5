"""The options of every command that runs a MODEL: what goes in, where and how it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def model_options(command: Command) -> Command:
    """MODEL, ``-i/--input``, ``--device``, ``--dtype``, ``--train/--eval`` and ``--weights``.

    The command receives ``model``, ``inputs``, ``device``, ``dtype``, ``training`` and ``weights``.
    """
    for decorate in (
        click.option(
            "--weights",
            metavar="FILE",
            type=click.Path(dir_okay=False),
            help="Load a state dict into the model first.",
        ),
        click.option(
            "--train/--eval",
            "training",
            default=False,
            help="Mode of the model during the pass.  [default: eval]",
        ),
        click.option("--dtype", metavar="DTYPE", help="Floating dtype to run in, e.g. bfloat16."),
        click.option(
            "--device",
            metavar="DEVICE",
            default="auto",
            show_default=True,
            help="auto, meta (no memory), cpu, cuda, cuda:1 or mps.",
        ),
        click.option(
            "-i",
            "--input",
            "inputs",
            multiple=True,
            metavar="SHAPE",
            help="Shape of an input: 1,1,28,28; 1,128:int64; mask=1,128:bool. Repeatable.",
        ),
        click.argument("model", metavar="MODEL"),
    ):
        command = decorate(command)
    return command
