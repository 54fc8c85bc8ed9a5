"""``cnnshape inspect``: shapes, parameters, MACs and the size check, layer by layer."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from cnnshape.cli.options import model_options, output_options
from cnnshape.cli.output import show
from cnnshape.cli.progress import waiting
from cnnshape.errors import UsageError
from cnnshape.files import check_target
from cnnshape.formats import choose_format
from cnnshape.messages import say
from cnnshape.rendering.row import TableOptions
from cnnshape.rendering.writer import FORMATS, Format

if TYPE_CHECKING:
    from cnnshape.analysis.report import Report
    from cnnshape.loading.inputs import ModelInputs

#: A key that LaTeX takes as it is.
_LABEL = re.compile(r"[A-Za-z0-9:._/-]+")


@click.command("inspect", short_help="Shapes, parameters, MACs and size check per layer.")
@model_options
@click.option(
    "-d", "--depth", type=click.IntRange(min=0), metavar="N", help="Sum up modules below depth N."
)
@click.option("--columns", metavar="NAMES", help="Columns, separated by commas; see above.")
@click.option("--sort", metavar="NAME", help="A flat list, the largest in this column first.")
@click.option("--expand", is_flag=True, help="Write repeated blocks out one by one.")
@click.option(
    "--receptive-field",
    "receptive_field",
    type=click.Choice(("measured",)),
    help="Hold the receptive fields against gradients.",
)
@click.option("--time", is_flag=True, help="Measure how long each layer takes.")
@click.option("--memory", is_flag=True, help="Count the memory that training and serving need.")
@click.option(
    "--optimizer", metavar="NAME", help="Of that training: sgd, adamw, …  [default: adam]"
)
@click.option("--formulas", is_flag=True, help="Show how each size is computed.")
@click.option("--patterns", is_flag=True, help="Show what each reshape does, as einops writes it.")
@click.option("--caption", metavar="TEXT", help="Caption of a table in LaTeX.")
@click.option("--label", metavar="KEY", help="Its label, as in tab:lenet.")
@output_options(*FORMATS)
def command(
    *,
    model: str,
    inputs: ModelInputs | None,
    depth: int | None,
    columns: str | None,
    sort: str | None,
    expand: bool,
    formulas: bool,
    patterns: bool,
    caption: str | None,
    label: str | None,
    format_: str | None,
    output: str | None,
    quiet: bool,
    **run: Any,
) -> int:
    r"""Run MODEL once and show every layer: shapes, parameters, MACs, size check.

    The size check computes each layer's output by its formula and compares it with what came
    out.

    \b
    cnnshape inspect lenet
    cnnshape inspect torchvision:resnet18 -i 1,3,224,224 -d 2
    cnnshape inspect net.py:Net -i 8,3,32,32 --sort macs
    cnnshape inspect lenet -o lenet.json
    cnnshape inspect lenet -i N,1,H,W -o lenet.html

    \b
    Columns: layer, type, input, output, dtype, kernel, stride, padding, dilation,
    groups, window, params, params-share, trainable, macs, macs-share,
    backward-macs, memory, activations, gradients, optimizer, saved, inference-peak,
    time, receptive-field, check, formula, source, row, depth, call.

    FILE may end in .html (a page for a browser: diagram, table, search, sizes that move),
    .json, .csv, .md, .tex or .txt. Exit code 1 if the model raises; the table then ends at
    the failing layer.
    """
    # Everything that can be wrong with the request is found before the model is loaded.
    chosen: Format = choose_format(output, format_, FORMATS)
    check_target(output)
    options = replace(
        _options(depth, columns, sort, expand, formulas),
        patterns=patterns,
        caption=_for_latex("--caption", caption, chosen),
        label=_label(_for_latex("--label", label, chosen)),
    )
    run |= dict.fromkeys(_measured(options), True)
    with waiting(say("inspecting {model} …", model=model), quiet):
        from cnnshape.api.inspecting import inspect

        report = inspect(model, inputs, **run)
    from cnnshape.rendering.report import report_text

    show(lambda width, color: report_text(report, chosen, options, width, color), output, quiet)
    _tell_failure(report, seen=chosen == "table" and output in (None, "-") and not quiet)
    return 1 if report.error is not None else 0


def _options(
    depth: int | None, columns: str | None, sort: str | None, expand: bool, formulas: bool
) -> TableOptions:
    from cnnshape.rendering.columns import column, parse_columns

    names = None if columns is None else tuple(each.name for each in parse_columns(columns))
    by = None if sort is None else column(sort).name
    return TableOptions(depth=depth, columns=names, sort=by, expand=expand, formulas=formulas)


def _for_latex(option: str, text: str | None, chosen: Format) -> str:
    """What only a table in LaTeX has."""
    if text is not None and chosen != "latex":
        raise UsageError(f"{option} is for a table in LaTeX: add -f latex, or -o net.tex")
    return text or ""


def _label(key: str) -> str:
    """The key of a label, if it can be one."""
    if key and not _LABEL.fullmatch(key):
        raise UsageError(
            f"--label takes letters, digits and : . _ / - alone, as in tab:lenet, not {key!r}"
        )
    return key


def _measured(options: TableOptions) -> set[str]:
    """What has to be measured for the columns that were chosen."""
    from cnnshape.rendering.columns import column

    names = (*(options.columns or ()), *([options.sort] if options.sort else []))
    return {column(name).measured for name in names} - {""}


def _tell_failure(report: Report, seen: bool) -> None:
    """A failure in one line on stderr, where the result does not tell it to a person."""
    if report.error is not None and not seen:
        from cnnshape.cli.main import say_error
        from cnnshape.rendering.failure import one_line

        say_error(one_line(report))
