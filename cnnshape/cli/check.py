"""``cnnshape check``: pass or fail."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from cnnshape.cli.completing import expected
from cnnshape.cli.options import model_options, output_options
from cnnshape.cli.output import emit, language_of, tell_error
from cnnshape.errors import UsageError
from cnnshape.files import check_target
from cnnshape.formats import choose_format

if TYPE_CHECKING:
    from typing import Literal

    from cnnshape.loading.inputs import ModelInputs

_FORMATS = ("table", "json", "junit", "github")
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}


class Budget(click.ParamType):  # pyright: ignore[reportMissingTypeArgument]
    """A whole number, also written ``25M`` or ``4.1G``."""

    name = "N"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read the number; anything else is a usage error that shows how."""
        if isinstance(value, int):
            return value
        text = str(value).replace(",", "").replace("_", "").strip().lower()
        match = re.fullmatch(r"(\d{1,30}(?:\.\d{1,30})?)([kmgbt]?)", text)
        if match is None:
            self.fail(f"{text[:40]!r} is no count; write 61706, 25M or 4.1G", param, ctx)
        return (
            round(float(match[1]) * _UNITS[match[2]])
            if "." in match[1]
            else (int(match[1]) * _UNITS[match[2]])
        )


@click.command("check")
@model_options
@click.option(
    "--expect",
    "expectations",
    multiple=True,
    metavar="PATH=SHAPE|FILE",
    shell_complete=expected,
    help="An expected output shape (C1=1,6,28,28; * for any size; with letters in -i also "
    "C2=N,16,H//2-4,W//2-4), a file of them, or the JSON report of an earlier day. Repeatable.",
)
@click.option(
    "--formula",
    "formulas",
    multiple=True,
    metavar="KIND=EXPRESSION",
    help='A size formula derived by hand, as in conv="(W + 2P - F)/S + 1", tested on every '
    'layer of that kind; linear="in_features = …" on what is flattened. Repeatable.',
)
@click.option("--max-params", type=Budget(), help="The most parameters allowed (25M works).")
@click.option("--max-macs", type=Budget(), help="The most multiply-accumulates allowed (4.1G).")
@click.option(
    "--annotations",
    is_flag=True,
    help='Hold annotations such as x: Float[Tensor, "n 6 h w"] in the source against the pass.',
)
@click.option("--brief", is_flag=True, help="Leave the `ok` lines out of the table.")
@output_options(*_FORMATS)
def command(
    *,
    model: str,
    inputs: ModelInputs | None,
    expectations: tuple[str, ...],
    formulas: tuple[str, ...],
    max_params: int | None,
    max_macs: int | None,
    format_: Literal["table", "json", "junit", "github"] | None,
    output: str | None,
    quiet: bool,
    brief: bool,
    annotations: bool,
    **run: Any,
) -> int:
    """Check a model: its size formulas, expected shapes, hand-derived formulas and budgets.

    One line per claim, `ok` or `FAIL`, failures first, and below each what follows from it; exit
    code 1 if any fails.

    \b
    cnnshape check lenet --expect C1=1,6,28,28 --max-params 70k
    cnnshape check lenet --formula conv="(W - F + 2P)/S + 1"
    cnnshape inspect lenet -o lenet.shapes.json       # today
    cnnshape check lenet --expect lenet.shapes.json   # tomorrow
    """
    from cnnshape.api.checking import check
    from cnnshape.loading.expectations import read_expectation

    chosen = choose_format(output, format_, _FORMATS)
    check_target(output)
    result = check(
        model,
        inputs,
        expect=[read_expectation(text) for text in expectations],
        formulas=[_formula(text) for text in formulas],
        max_params=max_params,
        max_macs=max_macs,
        annotations=annotations,
        **run,
    )
    if not (quiet and result.ok):
        with language_of(output):
            emit(replace(result, brief=brief).to_text(chosen), output)
    if result.error is not None and not quiet:
        tell_error(result.error, result.spec)
    return 0 if result.ok else 1


def _formula(text: str) -> tuple[str, str]:
    kind, equals, expression = text.partition("=")
    if not equals or not expression.strip():
        raise UsageError(f'--formula {text}: give KIND=EXPRESSION, as in conv="(W - F + 2P)/S + 1"')
    return kind.strip(), expression
