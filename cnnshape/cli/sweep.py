"""``cnnshape sweep``: many models, each in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Literal

import click

from cnnshape.cli.options import device_option, mode_option
from cnnshape.cli.output import show
from cnnshape.errors import CnnshapeError
from cnnshape.messages import say, translated

if TYPE_CHECKING:
    from cnnshape.api.sweeping import Plan
    from cnnshape.sweeping.row import Row


@click.command("sweep", short_help="Many models, each isolated: timm:*, files, a list.")
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    metavar="SHAPE",
    help="Input of the models; by default what each is usually run on. Repeatable.",
)
@mode_option
@device_option
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    help="Keep every row in FILE.csv or FILE.jsonl; the same command goes on where it ended.",
)
@click.option("--retry", is_flag=True, help="Look again at models that failed in FILE.")
@click.option(
    "--compare",
    metavar="FILE",
    help="Say what has changed since FILE.csv or FILE.jsonl; its models if none is named.",
)
@click.option("--shard", metavar="K/N", help="Only the K-th of N parts of the models.")
@click.option(
    "--time-limit",
    type=float,
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="For each model.",
)
@click.option(
    "--memory-limit",
    metavar="SIZE",
    help="For each model, as 4GB, with 0.3 GB of torch.  [default: an equal share]",
)
@click.option(
    "--jobs", type=int, metavar="N", help="Models at once, one a core.  [default: all cores]"
)
@click.option(
    "--scheduler", metavar="ADDRESS", help="Have it done by a Dask cluster: tcp://host:8786."
)
@click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice(("table", "json", "csv")),
    default="table",
    help="How to print the rows.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing on success.")
@click.option("--debug", is_flag=True, expose_value=False, hidden=True)
def command(
    *,
    patterns: tuple[str, ...],
    format_: Literal["table", "json", "csv"],
    quiet: bool,
    **settings: Any,
) -> int:
    r"""Inspect many models, each in a process of its own, and keep a row of each.

    \b
    cnnshape sweep "timm:*" -o zoo.csv
    cnnshape sweep "torchvision:resnet*" lenet net.py:Net -i 1,3,224,224
    cnnshape sweep "net.py:*" "hf:models/*" @models.txt -o zoo.jsonl
    cnnshape sweep --compare zoo.csv

    PATTERN is a MODEL in which * and ? may stand; `@FILE`, or `-` for standard input, is a list of
    them, one on each line, with an input behind it where it needs one. A model that fails, takes
    too long or too much memory, or ends its process has a row that says so. Ctrl-C loses no row.

    Exit code 1 if a model did not run; with --compare, if something has changed.
    """
    from cnnshape.api.sweeping import planned

    plan = planned(patterns, **settings)
    if plan.room.note and not quiet:
        click.echo(translated(plan.room.note), err=True)
    rows, end = _carried_out(plan, quiet)
    if isinstance(end, CnnshapeError) and not rows:
        raise end
    result = plan.result(rows)
    if not (quiet and result.ok):
        from cnnshape.sweeping.shown import shown

        kept = plan.output is not None
        show(lambda width, color: shown(result, format_, width, color, summary_only=kept))
    if isinstance(end, KeyboardInterrupt):
        click.echo(translated(_interrupted(plan)), err=True)
        return 130
    if end is not None:
        raise end
    return 0 if result.ok else 1


def _carried_out(plan: Plan, quiet: bool) -> tuple[list[Row], BaseException | None]:
    """The rows that there are, and what ended the sweep before its time."""
    from cnnshape.api.sweeping import carried_out

    rows: list[Row] = []
    with _progress(plan, quiet) as tell, closing(carried_out(plan)) as coming:
        try:
            for row in coming:
                rows.append(row)
                tell(row)
        except (KeyboardInterrupt, CnnshapeError) as end:
            return rows, end
    return rows, None


def _interrupted(plan: Plan) -> str:
    if plan.output is None:
        return say("interrupted")
    return say(
        "interrupted: every row that there is stands in {file}; the same command goes on",
        file=plan.output,
    )


@contextmanager
def _progress(plan: Plan, quiet: bool) -> Generator[Callable[[Row], None]]:
    """How far it is and how long the rest takes, on stderr where that is a terminal."""
    if quiet or not plan.todo or not sys.stderr.isatty():
        yield lambda _row: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    failed = 0
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as progress:
        bar = progress.add_task("", total=len(plan.todo) + len(plan.kept), completed=len(plan.kept))

        def tell(row: Row) -> None:
            nonlocal failed
            if row.status != "ok":
                failed += 1
                progress.console.print(Text(f"{row.model}: {row.error}", style="yellow"))
            progress.update(bar, advance=1, description=f"{failed} failed" if failed else "")

        yield tell
