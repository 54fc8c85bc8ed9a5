"""``cnnshape draw``: an architecture diagram."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnnshape.cli.completing import layers
from cnnshape.cli.options import model_options
from cnnshape.cli.output import tell_error
from cnnshape.cli.progress import waiting
from cnnshape.errors import OutputError, UsageError
from cnnshape.messages import say, translated

if TYPE_CHECKING:
    from cnnshape.loading.inputs import ModelInputs
    from cnnshape.rendering.diagram import Drawing

_DEFAULT_SHOW = "shapes,params"


@click.command("draw", short_help="Draw the architecture: svg, png, pdf, html, tikz, dot.")
@model_options
@click.option(
    "-o", "--output", metavar="FILE", help="Where to; the suffix decides. - prints DOT, or -f."
)
@click.option(
    "-f", "--format", "format_", metavar="FORMAT", help="svg, png, pdf, html, tikz, dot or mmd."
)
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
    "--collapse",
    multiple=True,
    metavar="PATH",
    shell_complete=layers,
    help="Do not open this module. Repeatable.",
)
@click.option(
    "--only",
    metavar="PATH",
    default="",
    shell_complete=layers,
    help="Draw this module alone.",
)
@click.option(
    "--fit",
    metavar="PAGE",
    default="",
    help="Fit a page: a4, letter, slide, column or a size such as 400x300.",
)
@click.option(
    "--legend", is_flag=True, help="Below it: what its colours, lines, signs and figures mean."
)
@click.option(
    "--field",
    metavar="LAYER[Y,X]",
    shell_complete=layers,
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
    inputs: ModelInputs | None,
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
    fit: str,
    legend: bool,
    field: str | None,
    image: str | None,
    quiet: bool,
    **run: Any,
) -> int:
    r"""Run MODEL once and draw what it did.

    Repeated blocks are folded, and as many levels are opened as stay readable: about 60 boxes.

    \b
    cnnshape draw lenet -o lenet.svg
    cnnshape draw torchvision:resnet18 -o resnet18.png --theme dark
    cnnshape draw net.py:Net -i 8,3,32,32 --style blocks -o net.pdf
    cnnshape draw torchvision:densenet121 --only features.denseblock1 -o block.svg
    cnnshape draw lenet -o lenet.tex --fit column
    cnnshape draw lenet -o - -f mmd
    cnnshape draw lenet --field C2[4,4] -o field.png

    FILE may end in .svg, .png, .pdf, .html (to pan and zoom), .tex (TikZ, for \input), .dot, .gv or
    .mmd (Mermaid). Exit code 1 if the model raises; the picture then ends at the failing layer,
    in red.
    """
    if field is not None:
        _refuse_what_shapes_a_diagram(click.get_current_context())
        file = _field_file(output)
        with waiting(say("drawing a field of {model} …", model=model), quiet):
            from cnnshape.api.fields import draw_field

            trusted = {name: run[name] for name in ("weights", "trust_pickle")}
            drawn = draw_field(model, inputs, field, file, image=image, **trusted)
        if not quiet:
            click.echo(f"{drawn.title}\n{translated(say('wrote {path}', path=file))}", err=True)
        return 0
    if image is not None:
        raise UsageError("--image goes with --field, as in --field C2[4,4] --image photo.png")
    # Everything that can be wrong with the request is found before the model is loaded.
    chosen = _format(output, format_)
    from cnnshape.rendering.diagram.draw_options import draw_options

    options = draw_options(
        style=style,
        depth=depth,
        direction=direction,
        show=show,
        theme=theme,
        expand=expand,
        collapse=collapse,
        only=only,
        fit=fit,
        legend=legend,
    )
    with waiting(say("drawing {model} …", model=model), quiet):
        from cnnshape.api.inspecting import inspect
        from cnnshape.rendering.diagram import draw_report

        report = inspect(model, inputs, **run)
        drawing = draw_report(report, options)
        content = None if output == "-" else drawing.write(output or "", chosen)
    if output == "-":
        _print(drawing, chosen)
    elif not quiet:
        click.echo(translated(say("wrote {path}", path=content)), err=True)
    if not quiet:
        for note in drawing.notes:
            click.echo(translated(note), err=True)
    if report.error is None:
        return 0
    tell_error(report.error, report.class_name)
    return 1


def _format(output: str | None, format_: str | None) -> str:
    from cnnshape.files import check_target
    from cnnshape.rendering.diagram.drawing import FORMATS, format_named, format_of

    if output is None:
        raise UsageError("where to? give a file with -o, as in -o net.svg, or -o - to print DOT")
    named = None if format_ is None else format_named(format_)
    if output == "-":
        return named or "dot"
    chosen = named or format_of(output)
    meant = Path(output).suffix[1:].lower()
    if meant in FORMATS and format_named(meant) != chosen and {meant, chosen} != {"dot", "gv"}:
        raise UsageError(
            f"{output} is {meant} by its suffix and {chosen} by -f {format_}: leave one out"
        )
    check_target(output)
    return chosen


def _print(drawing: Drawing, format_: str) -> None:
    content = drawing.render_as(format_)
    if format_ in ("png", "pdf") and sys.stdout.isatty():
        raise OutputError(f"a terminal cannot show {format_}; redirect it or use -o FILE")
    click.echo(content, nl=False)


# ---- --field: the region of the input that one unit depends on --------------------------

_FIELD_FORMATS = ("svg", "png", "pdf")
_FIELD_OPTIONS = frozenset(
    {"model", "inputs", "field", "image", "output", "weights", "trust_pickle", "quiet"}
)


def _refuse_what_shapes_a_diagram(context: click.Context) -> None:
    """Options that would be ignored beside ``--field``."""
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "")
        if option.name not in _FIELD_OPTIONS and given is click.core.ParameterSource.COMMANDLINE:
            raise UsageError(f"{option.opts[-1]} shapes a diagram: leave it out beside --field")


def _field_file(output: str | None) -> str:
    if output is None or output == "-":
        raise UsageError("--field is drawn into a file: give one, as in -o field.png")
    if Path(output).suffix[1:].lower() not in _FIELD_FORMATS:
        raise OutputError(f"cannot draw a field to {output}; use .svg, .png or .pdf")
    return output
