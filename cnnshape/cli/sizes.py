"""``cnnshape sizes``: which input sizes a model accepts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from cnnshape.cli.completing import models
from cnnshape.cli.options import (
    dtype_option,
    input_option,
    mode_option,
    output_options,
    trust_option,
    weights_option,
)
from cnnshape.cli.output import show
from cnnshape.cli.progress import waiting
from cnnshape.errors import UsageError
from cnnshape.files import check_target
from cnnshape.formats import choose_format
from cnnshape.messages import say

if TYPE_CHECKING:
    from cnnshape.loading.inputs import ModelInputs

_FORMATS = ("table", "json")
#: Longer numbers are no sizes, and reading one of thousands of digits is refused by Python.
_DIGITS = 18


class Seconds(click.FloatRange):
    """A length of time; ``nan`` is none, though no number is larger or smaller."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Read the number."""
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        return seconds


@click.command("sizes", short_help="Which input sizes the model accepts.")
@click.argument("model", metavar="MODEL", shell_complete=models)
@input_option(
    "Shape of an input, with letters for what may vary: 1,1,H,W; or an option of forward: "
    "scale=2.5. Repeatable."
)
@click.option(
    "--range",
    "limits",
    metavar="LOW:HIGH",
    default="1:256",
    show_default=True,
    help="The smallest and the largest size to try, at most 100,000 sizes.",
)
@click.option("--why", is_flag=True, help="Name the layer that refuses the first size outside.")
@click.option("--fit", metavar="64x64", help="What to change so that the model takes this size.")
@click.option(
    "--time-limit",
    type=Seconds(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Stop trying after this time.",
)
@mode_option
@dtype_option
@weights_option
@trust_option
@output_options(*_FORMATS)
def command(
    *,
    model: str,
    inputs: ModelInputs | None,
    limits: str,
    why: bool,
    fit: str | None,
    time_limit: float,
    format_: str | None,
    output: str | None,
    quiet: bool,
    **run: Any,
) -> int:
    r"""Find the input sizes that MODEL accepts, by trying them without memory.

    Give a letter for every size that may vary; the same letter is the same size.

    \b
    cnnshape sizes lenet -i 1,1,H,W
    cnnshape sizes torchvision:vgg16 -i 1,3,S,S --range 1:300
    cnnshape sizes net.py:UNet -i 1,3,H,W --why
    cnnshape sizes lenet -i 1,1,H,W --fit 64x64

    Exit code 1 if nothing in the range is accepted, or nothing was found to make --fit's size fit.
    """
    chosen = choose_format(output, format_, _FORMATS)
    check_target(output)
    within = _limits(limits)
    if inputs is None:
        raise UsageError(say("sizes needs an input with letters for what may vary: -i 1,1,H,W"))
    with waiting(say("trying sizes of {model} …", model=model), quiet) as tell:
        from cnnshape.api.sizing import sizes

        accepted = sizes(
            model,
            inputs,
            range=within,
            why=why,
            fit=fit,
            time_limit=time_limit,
            progress=tell,
            **run,
        )
    show(lambda width, color: accepted.to_text(chosen, width, color), output, quiet)
    fitted = accepted.fit
    return 1 if fitted is not None and not (fitted.accepted or fitted.changes) else 0


def _limits(text: str) -> tuple[int, int]:
    low, colon, high = text.partition(":")
    if not colon or not low.strip().isdigit() or not high.strip().isdigit():
        raise UsageError(say("--range {text}: give LOW:HIGH, as in 1:256", text=text))
    if max(len(low.strip()), len(high.strip())) > _DIGITS:
        raise UsageError(
            say(
                "--range {text}…: sizes have at most {digits} digits",
                text=text[:40],
                digits=_DIGITS,
            )
        )
    return int(low), int(high)
