"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cnnshape.cli.completing import models

if TYPE_CHECKING:
    from cnnshape.loading.inputs import ModelInputs

Command = TypeVar("Command", bound=Callable[..., Any])


def _read_inputs(
    _ctx: click.Context, _option: click.Parameter, texts: Sequence[str]
) -> ModelInputs | None:
    from cnnshape.loading.inputs import from_texts

    return from_texts(texts)


def _read_mode(_ctx: click.Context, _option: click.Parameter, training: bool) -> str:
    return "train" if training else "eval"


def input_option(help: str) -> Callable[[Command], Command]:
    """``-i/--input``, as ``inputs``: None if there is none."""
    return click.option(
        "-i",
        "--input",
        "inputs",
        multiple=True,
        callback=_read_inputs,
        metavar="SHAPE",
        help=help,
    )


weights_option = click.option(
    "--weights",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Load a state dict into the model first.",
)
trust_option = click.option(
    "--trust-pickle",
    is_flag=True,
    help="Unpickle a model saved whole; that runs whatever its file says.",
)
trust_code_option = click.option(
    "--trust-code",
    is_flag=True,
    help="Run the code that a run folder names (net.py:Net) as its network.",
)
mode_option = click.option(
    "--train/--eval",
    "mode",
    default=False,
    callback=_read_mode,
    help="Mode of the model during the pass.  [default: eval]",
)
dtype_option = click.option(
    "--dtype", metavar="DTYPE", help="Floating dtype to run in, e.g. bfloat16."
)
device_option = click.option(
    "--device",
    metavar="DEVICE",
    default="auto",
    show_default=True,
    help="auto, meta (no memory), cpu, cuda, cuda:1 or mps.",
)

exact_option = click.option(
    "--exact",
    is_flag=True,
    help="On meta run every function of torch, also those whose size is known beforehand.",
)


def model_options(command: Command) -> Command:
    """What every command has that runs a MODEL: what goes in, where and how it runs.

    The command receives ``model``, ``inputs``, and ``device``, ``mode``, ``dtype``, ``weights``,
    ``trust_pickle`` and ``exact``, which are called so by the public functions as well.
    """
    for decorate in (
        trust_option,
        weights_option,
        exact_option,
        mode_option,
        dtype_option,
        device_option,
        input_option(
            "Shape of an input: 1,1,28,28; 1,128:int64; mask=1,128:bool. Or an option of forward, "
            "a literal with its name: 'mode=\"train\"', scale=2.5, 'size=(16,16)'. Repeatable."
        ),
        click.argument("model", metavar="MODEL", shell_complete=models),
    ):
        command = decorate(command)
    return command


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
