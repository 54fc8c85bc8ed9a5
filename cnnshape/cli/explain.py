"""``cnnshape explain``: run a script, or read a traceback, and say why a model raised."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from cnnshape.cli.options import output_options
from cnnshape.cli.output import emit, language_of, show, tell_error
from cnnshape.errors import UsageError
from cnnshape.files import check_target
from cnnshape.formats import choose_format
from cnnshape.messages import say, translated

if TYPE_CHECKING:
    from cnnshape.analysis.report import ErrorReport

_FORMATS = ("table", "json")


@click.command(
    "explain",
    short_help="Run a script, or read a traceback, and say why a model raised.",
    # Options behind the script are the script's.
    context_settings={"allow_interspersed_args": False},
)
@output_options(*_FORMATS)
@click.argument("source", metavar="SCRIPT|FILE|-")
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
def command(
    *,
    source: str,
    arguments: tuple[str, ...],
    format_: str | None,
    output: str | None,
    quiet: bool,
) -> int:
    r"""Run SCRIPT as `python SCRIPT ARGS` would, and explain what a model in it raises.

    The traceback is the usual one; below it stand the reason and the corrections, which were
    tried on the very model. The script needs no change. Its exit status is passed on; it is 1
    if a model raised.

    \b
    cnnshape explain train.py --epochs 3
    cnnshape explain -f json -o why.json train.py --epochs 3

    What does not end in .py is not run but read: a log, or with - what is pasted. The last
    error of a model in it is explained from its message alone, and nothing is tried.

    \b
    cnnshape explain train.log
    cnnshape explain - < train.log
    """
    as_json = choose_format(output, format_, _FORMATS) == "json"
    check_target(output)
    if source.endswith(".py"):
        return _run(source, arguments, as_json, output)
    return _read(source, arguments, as_json, output, quiet)


def _run(source: str, arguments: tuple[str, ...], as_json: bool, output: str | None) -> int:
    from contextlib import ExitStack, redirect_stdout

    from cnnshape.api.running import explain_script

    with ExitStack() as stack:
        if as_json and output in (None, "-"):
            stack.enter_context(redirect_stdout(sys.stderr))  # stdout is for the result alone
        ran = explain_script(source, arguments)
    error = None if ran.explanation is None else ran.explanation.error
    if as_json:
        emit(_json(source, error, status=ran.status), output)
    elif ran.explanation is not None and error is not None:
        if output not in (None, "-"):
            with language_of(output):
                emit(str(ran.explanation), output)
        else:
            click.echo(err=True)
            tell_error(error, ran.explanation.name)
    return ran.status


def _read(
    source: str, arguments: tuple[str, ...], as_json: bool, output: str | None, quiet: bool
) -> int:
    if arguments:
        raise UsageError(
            f"{source} is read, not run, as it does not end in .py: leave the rest out"
        )
    from cnnshape.analysis.messages.explain_text import explain_text
    from cnnshape.loading.log_text import read_end

    if source == "-" and sys.stdin is not None and sys.stdin.isatty():
        click.echo(translated(say("paste the traceback, then end with Ctrl-D")), err=True)
    error = explain_text(read_end(source))
    if error is None:
        named = "standard input" if source == "-" else source
        raise UsageError(
            f"no error is told of in {named}: give a traceback, or a log that holds one"
        )
    if as_json:
        emit(_json(source, error, status=None), output)
        return 1
    from cnnshape.rendering.printing import as_text
    from cnnshape.rendering.told import told_lines

    show(lambda width, color: as_text(told_lines(error, width), color), output, quiet)
    return 1


def _json(source: str, error: ErrorReport | None, status: int | None) -> str:
    from cnnshape.rendering.json_ import dump

    told = None if error is None else error.to_dict()
    ran = status is not None
    return dump({"schema": 1, "source": source, "ran": ran, "status": status, "error": told})
