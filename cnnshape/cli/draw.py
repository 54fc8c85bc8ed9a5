"""``cnnshape draw``: an architecture diagram."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cnnshape.cli.failure import tell_error
from cnnshape.cli.model_options import model_options
from cnnshape.cli.progress import waiting
from cnnshape.errors import OutputError, UsageError

if TYPE_CHECKING:
    from cnnshape.rendering.diagram import Drawing, DrawOptions
    from cnnshape.tracing.execute import Mode

_DEFAULT_SHOW = "shapes,params"


@click.command("draw", short_help="Draw the architecture: svg, png, pdf, dot, mermaid.")
@model_options
@click.option(
    "-o", "--output", metavar="FILE", help="Where to; the suffix decides. - prints DOT, or -f."
)
@click.option("-f", "--format", "format_", metavar="FORMAT", help="svg, png, pdf, dot or mmd.")
@click.option(
    "--style",
    type=click.Choice(("graph", "blocks", "tree")),
    default="graph",
    show_default=True,
    help="Data flow; feature maps as 3-d boxes; hierarchy of modules.",
)
@click.option(
    "-d", "--depth", type=click.IntRange(min=1), metavar="N", help="Open modules down to depth N."
)
@click.option(
    "--direction",
    type=click.Choice(("TB", "LR"), case_sensitive=False),
    metavar="[TB|LR]",
    help="From top to bottom or from left to right.",
)
@click.option(
    "--show",
    metavar="WHAT",
    default=_DEFAULT_SHOW,
    show_default=True,
    help="Any of shapes, params, macs, receptive-field, formula.",
)
@click.option(
    "--theme",
    type=click.Choice(("light", "dark", "mono")),
    default="light",
    show_default=True,
    help="Colours.",
)
@click.option("--expand", is_flag=True, help="Open everything and fold no repeats.")
@click.option(
    "--collapse", multiple=True, metavar="PATH", help="Do not open this module. Repeatable."
)
@click.option("--only", metavar="PATH", default="", help="Draw this module alone.")
@click.option(
    "--field",
    metavar="LAYER[Y,X]",
    help="Draw the input region that this unit depends on, as in C2[4,4], instead.",
)
@click.option(
    "--image",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="With --field: a picture to draw the region on.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing on success.")
@click.option("--debug", is_flag=True, expose_value=False, hidden=True)
def command(
    *,
    model: str,
    inputs: Sequence[str],
    device: str,
    dtype: str | None,
    training: bool,
    weights: str | None,
    output: str | None,
    format_: str | None,
    style: str,
    depth: int | None,
    direction: str | None,
    show: str,
    theme: str,
    expand: bool,
    collapse: tuple[str, ...],
    only: str,
    field: str | None,
    image: str | None,
    quiet: bool,
) -> int:
    r"""Run MODEL once and draw what it did.

    Repeated blocks are folded, and as many levels are opened as stay readable: about 60 boxes.

    \b
    cnnshape draw lenet -o lenet.svg
    cnnshape draw torchvision:resnet18 -o resnet18.png --theme dark
    cnnshape draw net.py:Net -i 8,3,32,32 --style blocks -o net.pdf
    cnnshape draw torchvision:densenet121 --only features.denseblock1 -o block.svg
    cnnshape draw lenet -o - -f mmd
    cnnshape draw lenet --field C2[4,4] -o field.png

    FILE may end in .svg, .png, .pdf, .dot, .gv or .mmd (Mermaid). Exit code 1 if the model
    raises; the picture then ends at the failing layer, in red.
    """
    if field is not None:
        from cnnshape.cli.field import draw_field, refuse_other_options

        refuse_other_options(click.get_current_context())
        return draw_field(model, inputs, field, output, image=image, weights=weights, quiet=quiet)
    if image is not None:
        raise UsageError("--image goes with --field, as in --field C2[4,4] --image photo.png")
    # Everything that can be wrong with the request is found before the model is loaded.
    chosen = _format(output, format_)
    options = _options(style, depth, direction, show, theme, expand, collapse, only)
    with waiting(f"drawing {model} …", quiet):
        from cnnshape.api import inspect_spec
        from cnnshape.rendering.diagram import draw_report

        mode: Mode = "train" if training else "eval"
        report = inspect_spec(model, inputs, device=device, mode=mode, dtype=dtype, weights=weights)
        drawing = draw_report(report, options)
        content = None if output == "-" else drawing.write(output or "", chosen)
    if output == "-":
        _print(drawing, chosen)
    elif not quiet:
        click.echo(f"wrote {content}", err=True)
    if not quiet:
        for note in drawing.notes:
            click.echo(note, err=True)
    if report.error is None:
        return 0
    tell_error(report.error, report.class_name)
    return 1


def _format(output: str | None, format_: str | None) -> str:
    from cnnshape.files import check_target
    from cnnshape.rendering.diagram.formats import format_named, format_of

    if output is None:
        raise UsageError("where to? give a file with -o, as in -o net.svg, or -o - to print DOT")
    named = None if format_ is None else format_named(format_)
    if output == "-":
        return named or "dot"
    chosen = named or format_of(output)
    check_target(output)
    return chosen


def _options(
    style: str,
    depth: int | None,
    direction: str | None,
    show: str,
    theme: str,
    expand: bool,
    collapse: tuple[str, ...],
    only: str,
) -> DrawOptions:
    from cnnshape.rendering.diagram.options import draw_options

    return draw_options(
        style=style,
        depth=depth,
        direction=direction,
        show=show,
        theme=theme,
        expand=expand,
        collapse=collapse,
        only=only,
    )


def _print(drawing: Drawing, format_: str) -> None:
    content = drawing.render_as(format_)
    if format_ in ("png", "pdf") and sys.stdout.isatty():
        raise OutputError(f"a terminal cannot show {format_}; redirect it or use -o FILE")
    click.echo(content, nl=False)
