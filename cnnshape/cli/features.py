"""``cnnshape features``: a picture beside a layer's feature maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cnnshape.cli.completing import layers, models
from cnnshape.cli.options import trust_code_option
from cnnshape.errors import UsageError
from cnnshape.messages import say, translated
from cnnshape.words import times

_LONGEST_TITLE = 100


@click.command("features", short_help="Draw what a layer makes of a picture.")
@click.argument("model", metavar="MODEL_OR_RUN", shell_complete=models)
@click.argument("image", metavar="[IMAGE]", required=False)
@click.option(
    "--layer",
    metavar="PATH",
    shell_complete=layers,
    help="The layer, as inspect names it; the first convolution. An empty PATH is the model.",
)
@click.option("--page", is_flag=True, help="Write a page in which the network computes.")
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="A .png, .svg or .pdf; a page is .html."
)
@click.option("-i", "--input", "input_", metavar="SHAPE", help="For models without a usual input.")
@click.option("--weights", metavar="FILE", help="Load a state dict into the model first.")
@trust_code_option
@click.option("--device", default="auto", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing on success.")
@click.option("--debug", is_flag=True, expose_value=False, hidden=True)
def command(
    *,
    model: str,
    image: str | None,
    layer: str | None,
    page: bool,
    output: str,
    input_: str | None,
    weights: str | None,
    trust_code: bool,
    device: str,
    quiet: bool,
) -> int:
    r"""Draw IMAGE beside the feature maps that one layer computes from it.

    The model is a trained run, or any MODEL, also one layer alone, which takes IMAGE as large as
    it is. Random weights give random maps; the picture says so.

    With --page, IMAGE may be left out: the page has twenty test pictures, and a place to draw.
    Every layer's maps follow the pen, and a unit that is pointed at is worked out number by
    number. For a plain chain of convolution, pooling, activation, norm and linear layers.

    \b
    cnnshape features runs/lenet-digits seven.png --layer C1 -o c1.png
    cnnshape features torchvision:resnet18 dog.jpg --layer layer1 -o layer1.svg
    cnnshape features "torch.nn:Conv2d(3,1,3)" dog.jpg -o conv.png
    cnnshape features net.py:conv dog.jpg -o conv.png
    cnnshape features runs/lenet-digits --page -o lenet.html
    """
    if page:
        if layer is not None:
            raise UsageError("--page shows every layer: leave --layer out")
        given = {"inputs": input_, "image": image, "weights": weights, "trust_code": trust_code}
        return _write_page(model, output, given, quiet=quiet)
    if image is None:
        raise UsageError("features needs an IMAGE; --page does without, and lets you draw one")
    from cnnshape.cli.progress import waiting
    from cnnshape.loading.run_folder import is_run_folder
    from cnnshape.rendering.styled_text import elide
    from cnnshape.training.features import draw_features, features_of
    from cnnshape.training.plotting import picture_format

    path, picture = Path(output), Path(image)
    picture_format(path)  # before the model is built, which may take its time
    with waiting(say("running {model} …", model=model), quiet):
        maps, notes = features_of(
            model,
            picture,
            layer=layer,
            input_shape=input_,
            weights=weights,
            device=device,
            trust_code=trust_code,
        )
        name = Path(model).name if is_run_folder(model) else model
        draw_features(maps, path, elide(f"{name}, {picture.name}", _LONGEST_TITLE))
    if not quiet:
        sizes = times(maps.output.shape)
        click.echo(f"{' '.join(maps.name.split())} {sizes} → {output}")
        for note in notes:
            click.echo(translated(note), err=True)
    return 0


def _write_page(model: str, output: str, given: dict[str, Any], *, quiet: bool) -> int:
    from cnnshape.api.live import check_page, features_page
    from cnnshape.cli.progress import waiting

    check_page(output)
    with waiting(say("running {model} …", model=model), quiet):
        notes = features_page(model, output, **given)
    if not quiet:
        click.echo(f"{model} → {output}")
        for note in notes:
            click.echo(translated(note), err=True)
    return 0
