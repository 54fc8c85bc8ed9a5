"""``cnnshape predict``: the class of any picture, by a trained run."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cnnshape.cli.options import output_options
from cnnshape.cli.output import emit
from cnnshape.files import check_target
from cnnshape.formats import choose_format


@click.command("predict", short_help="Classify pictures with a trained run.")
@click.argument("run", metavar="RUN")
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
@click.option("--device", default="auto", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps.")
@output_options("table", "json")
def command(
    *,
    run: str,
    images: Sequence[str],
    top: int,
    crop: bool | None,
    invert: bool | None,
    device: str,
    format_: str | None,
    output: str | None,
    quiet: bool,
) -> int:
    r"""Say which class each IMAGE belongs to, a picture file or a folder of them.

    Pictures of any size and format are fitted to the network's input: scaled, cropped to
    their object where it is small, inverted where the training pictures are light on dark
    and this one is dark on light. What was done is told.

    \b
    cnnshape predict runs/lenet-digits seven.png
    cnnshape predict runs/lenet-digits scans/ --no-crop -f json
    """
    from cnnshape.cli.progress import waiting
    from cnnshape.cli.training_result import print_predictions, stdout_console, to_json

    as_json = choose_format(output, format_, ("table", "json")) == "json"
    check_target(output)
    with waiting(f"asking {run} …", quiet):
        from cnnshape.training import predict

        found = predict(run, images, device=device, crop=crop, invert=invert)
    if as_json and not (quiet and output is None):
        emit(to_json([one.to_dict() for one in found]), output)
    elif output is not None and output != "-":
        emit("\n".join(f"{one.image}\t{one.label}\t{one.probability:.6f}" for one in found), output)
    elif not quiet:
        print_predictions(found, top, stdout_console())
    return 0
