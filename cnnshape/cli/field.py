"""``cnnshape draw --field``: the region of the input that one unit depends on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from cnnshape.cli.progress import waiting
from cnnshape.errors import OutputError, UsageError

_FORMATS = ("svg", "png", "pdf")
_TAKEN = frozenset({"model", "inputs", "field", "image", "output", "weights", "quiet"})


def refuse_other_options(context: click.Context) -> None:
    """Refuse what shapes a diagram and would be ignored here.

    Raises:
        UsageError: such an option was given.
    """
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "")
        if option.name not in _TAKEN and given is click.core.ParameterSource.COMMANDLINE:
            raise UsageError(f"{option.opts[-1]} shapes a diagram: leave it out beside --field")


def draw_field(
    model: str,
    inputs: Sequence[str],
    unit: str,
    output: str | None,
    *,
    image: str | None,
    weights: str | None,
    quiet: bool,
) -> int:
    """Draw it, and say where it went and what it shows.

    Raises:
        UsageError: there is no file to write to, or the unit cannot be read.
        OutputError: the suffix is not one of a picture.
    """
    if output is None or output == "-":
        raise UsageError("--field is drawn into a file: give one, as in -o field.png")
    suffix = Path(output).suffix[1:].lower()
    if suffix not in _FORMATS:
        raise OutputError(f"cannot draw a field to {output}; use .svg, .png or .pdf")
    with waiting(f"drawing a field of {model} …", quiet):
        from cnnshape.api.fields import draw_field_spec

        drawn = draw_field_spec(model, inputs, unit, output, image=image, weights=weights)
    if not quiet:
        click.echo(drawn.title, err=True)
        click.echo(f"wrote {output}", err=True)
    return 0
