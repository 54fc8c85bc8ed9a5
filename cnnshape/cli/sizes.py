"""``cnnshape sizes``: which input sizes a model accepts."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cnnshape.cli.common import output_options
from cnnshape.cli.progress import waiting
from cnnshape.cli.show import show
from cnnshape.errors import UsageError
from cnnshape.files import check_target
from cnnshape.rendering.writer import choose_format

_FORMATS = ("table", "json")


@click.command("sizes", short_help="Which input sizes the model accepts.")
@click.argument("model", metavar="MODEL")
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    metavar="SHAPE",
    help="Shape of an input, with letters for what may vary: 1,1,H,W. Repeatable.",
)
@click.option(
    "--range",
    "limits",
    metavar="LOW:HIGH",
    default="1:256",
    show_default=True,
    help="The smallest and the largest size to try.",
)
@click.option("--why", is_flag=True, help="Name the layer that refuses the first size outside.")
@click.option("--fit", metavar="64x64", help="What to change so that the model takes this size.")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Stop trying after this time.",
)
@click.option(
    "--train/--eval", "training", default=False, help="Mode of the model.  [default: eval]"
)
@click.option("--dtype", metavar="DTYPE", help="Floating dtype to run in, e.g. bfloat16.")
@click.option(
    "--weights", metavar="FILE", type=click.Path(dir_okay=False), help="Load a state dict first."
)
@output_options(*_FORMATS)
def command(
    *,
    model: str,
    inputs: Sequence[str],
    limits: str,
    why: bool,
    fit: str | None,
    time_limit: float,
    training: bool,
    dtype: str | None,
    weights: str | None,
    format_: str | None,
    output: str | None,
    quiet: bool,
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
    low, high = _limits(limits)
    with waiting(f"trying sizes of {model} …", quiet) as say:
        from cnnshape.api.sizing import sizes_spec

        accepted = sizes_spec(
            model,
            inputs,
            limits=(low, high),
            mode="train" if training else "eval",
            why=why,
            fit=fit,
            dtype=dtype,
            weights=weights,
            time_limit=time_limit,
            progress=say,
        )
    show(lambda width, color: accepted.to_text(chosen, width, color), output, quiet)
    fitted = accepted.fit
    return 1 if fitted is not None and not (fitted.accepted or fitted.changes) else 0


def _limits(text: str) -> tuple[int, int]:
    low, colon, high = text.partition(":")
    if not colon or not low.strip().isdigit() or not high.strip().isdigit():
        raise UsageError(f"--range {text}: give LOW:HIGH, as in 1:256")
    return int(low), int(high)
