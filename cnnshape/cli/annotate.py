"""``cnnshape annotate``: forward's source with the shapes beside each line."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from cnnshape.cli.options import model_options, output_options
from cnnshape.cli.output import show, tell_error
from cnnshape.cli.progress import waiting
from cnnshape.errors import MissingDependencyError, UsageError
from cnnshape.files import check_target
from cnnshape.formats import choose_format
from cnnshape.messages import say, translated
from cnnshape.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cnnshape.analysis.annotate import Annotations
    from cnnshape.loading.inputs import ModelInputs

_FORMATS = ("table", "json")


@click.command("annotate", short_help="forward's source with the shapes beside each line.")
@model_options
@click.option("--write", is_flag=True, help="Put the comments into the files, or renew them.")
@click.option("--check", is_flag=True, help="Exit with 1 if the files' comments are stale.")
@click.option(
    "--jaxtyping",
    is_flag=True,
    help="With --write or --check: the annotations of arguments and results, as in "
    'Float[Tensor, "n 6 h w"], in place of comments.',
)
@output_options(*_FORMATS)
def command(
    *,
    model: str,
    inputs: ModelInputs | None,
    write: bool,
    check: bool,
    jaxtyping: bool,
    format_: str | None,
    output: str | None,
    quiet: bool,
    exact: bool,
    **run: Any,
) -> int:
    r"""Show the source of MODEL's forward, and of what it calls, with the shapes of each line.

    Beside a line stands what it made of what: `6×28×28 → 6×14×14`. A line that ran several times
    has each result, or their range; one that did not run says so; the line that raised is marked.

    \b
    cnnshape annotate lenet
    cnnshape annotate net.py:Net -i N,3,H,W          # sizes as expressions
    cnnshape annotate net.py:Net -i 1,3,32,32 --write
    cnnshape annotate net.py:Net -i 1,3,32,32 --check
    cnnshape annotate net.py:Net -i N,3,H,W --jaxtyping --write
    """
    del exact  # no size of a line is told by a table alone
    if jaxtyping and not (write or check):
        raise UsageError("--jaxtyping writes annotations or checks them: add --write or --check")
    if jaxtyping and write and find_spec("jaxtyping") is None:
        raise MissingDependencyError(
            "--jaxtyping writes an import of jaxtyping, which is not installed: "
            "pip install jaxtyping"
        )
    if write and check:
        raise UsageError("--write renews the comments that --check finds stale: give one of them")
    chosen = choose_format(output, format_, _FORMATS)
    check_target(output)
    with waiting(say("running {model} line by line …", model=model), quiet):
        from cnnshape.api.annotating import annotate

        found = annotate(model, inputs, **run)
    if write or check:
        from cnnshape.rendering.annotate import with_comments
        from cnnshape.rendering.jaxtyping import with_types

        made = with_types if jaxtyping else with_comments
        return _in_files(found, made, write=write, quiet=quiet)
    show(lambda width, color: found.to_text(chosen, width, color), output, quiet)
    return 1 if found.error is not None else 0


def _in_files(
    found: Annotations,
    made: Callable[[Annotations], dict[Path, str]],
    *,
    write: bool,
    quiet: bool,
) -> int:
    """Write the files as ``made`` makes them, or say which of their lines are other ones."""
    if found.error is not None:
        tell_error(found.error, found.class_name)
        return 1
    from cnnshape.files import write_atomic
    from cnnshape.rendering.annotate import changed_lines

    stale = 0
    for file, text in made(found).items():
        lines = changed_lines(file, text)
        stale += len(lines)
        if write and lines:
            write_atomic(file, text.encode("utf-8"))
        if write and not quiet:
            written = say("{file}: {lines} written", file=file, lines=counted(len(lines), "line"))
            click.echo(translated(written), err=True)
        if not write and not quiet:
            for number, line in lines:
                click.echo(f"{file}:{number}: {line}")
    if stale and not write and not quiet:
        told = say("{lines} stale: --write renews them", lines=counted(stale, "line"))
        click.echo(translated(told), err=True)
    return int(bool(stale) and not write)
