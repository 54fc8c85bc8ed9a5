"""``cnnshape predict``: the class of any picture, by a trained run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from cnnshape.cli.completing import models
from cnnshape.cli.options import output_options, trust_code_option
from cnnshape.cli.output import emit
from cnnshape.errors import ModelNotFoundError, UsageError
from cnnshape.files import check_target
from cnnshape.formats import choose_format
from cnnshape.messages import say, translated


@click.command("predict", short_help="Classify pictures with a run or a model.")
@click.argument("model", metavar="RUN_OR_MODEL", shell_complete=models)
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("--top", type=click.IntRange(min=1), default=3, help="Classes to show.  [default: 3]")
@click.option(
    "--crop/--no-crop",
    default=None,
    help="Cut to the object, margin as in training.  [default: where it is much smaller]",
)
@click.option(
    "--invert/--no-invert",
    default=None,
    help="Exchange light and dark.  [default: where the backgrounds differ]",
)
@click.option("--weights", metavar="FILE", help="The state dict of a MODEL that is no run.")
@click.option(
    "--classes",
    metavar="NAMES|FILE",
    help="Its classes: cat,dog,bird, or a file with one a line.  [default: numbers]",
)
@click.option("-i", "--input", "input_", metavar="SHAPE", help="For models without a usual input.")
@trust_code_option
@click.option("--device", default="auto", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps.")
@output_options("table", "json")
def command(
    *,
    model: str,
    images: Sequence[str],
    top: int,
    crop: bool | None,
    invert: bool | None,
    weights: str | None,
    classes: str | None,
    input_: str | None,
    trust_code: bool,
    device: str,
    format_: str | None,
    output: str | None,
    quiet: bool,
) -> int:
    r"""Say which class each IMAGE belongs to, a picture file or a folder of them.

    Pictures of any size and format are fitted to the network's input: scaled, cropped to
    their object where it is small, inverted where the training pictures are light on dark
    and this one is dark on light. What was done is told.

    Any other MODEL takes --weights and --classes; its pictures are scaled, and nothing else.

    \b
    cnnshape predict runs/lenet-digits seven.png
    cnnshape predict runs/lenet-digits scans/ --no-crop -f json
    cnnshape predict net.py:Net dog.jpg --weights net.pt --classes cat,dog -i 1,3,64,64
    """
    from cnnshape.cli.progress import waiting
    from cnnshape.cli.training_result import print_predictions, stdout_console, to_json

    as_json = choose_format(output, format_, ("table", "json")) == "json"
    check_target(output)
    with waiting(say("asking {model} …", model=model), quiet):
        if _names_run(model):
            _refuse(model, weights=weights, classes=classes, input=input_)
            from cnnshape.training import predict

            found = predict(
                model, images, device=device, crop=crop, invert=invert, trust_code=trust_code
            )
        else:
            _refuse(model, crop=crop, invert=invert)
            from cnnshape.training.model_prediction import predict_with

            found = predict_with(
                model,
                images,
                weights=weights,
                classes=classes,
                input_shape=input_,
                device=device,
            )
    if as_json and not (quiet and output is None):
        emit(to_json([one.to_dict() for one in found]), output)
    elif output is not None and output != "-":
        emit("\n".join(f"{one.image}\t{one.label}\t{one.probability:.6f}" for one in found), output)
    elif not quiet:
        print_predictions(found, top, stdout_console())
    if weights is None and not quiet and not _names_run(model):
        guess = say("no --weights: {model} guesses with the weights it was built with", model=model)
        click.echo(translated(guess), err=True)
    return 0


def _names_run(text: str) -> bool:
    """Whether this is a run folder, or a path that can be nothing else."""
    from cnnshape.loading.run_folder import is_run_folder
    from cnnshape.loading.spec import parse_spec

    if is_run_folder(text) or Path(text).is_dir():
        return True
    try:
        parse_spec(text)
    except ModelNotFoundError:
        return "/" in text and ":" not in text
    return False


def _refuse(model: str, **options: object) -> None:
    """Options that have no meaning for what was named."""
    given = next((name for name, value in options.items() if value is not None), None)
    if given in ("crop", "invert"):
        raise UsageError(
            f"--{given} is for runs, which know their training pictures: {model} is none"
        )
    if given is not None:
        raise UsageError(f"--{given} is for models that are no run: {model} has its own")
