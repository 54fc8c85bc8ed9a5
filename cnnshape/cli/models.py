"""``cnnshape models``: what can be named as MODEL."""

from __future__ import annotations

import click

from cnnshape.cli.options import output_options
from cnnshape.cli.output import show
from cnnshape.cli.progress import waiting
from cnnshape.files import check_target
from cnnshape.formats import choose_format
from cnnshape.messages import say, translated
from cnnshape.rendering.writer import LIST_FORMATS, ListFormat


@click.command("models", short_help="What can be named as MODEL.")
@click.argument("pattern", required=False, metavar="[PATTERN]")
@output_options(*LIST_FORMATS)
def command(*, pattern: str | None, format_: str | None, output: str | None, quiet: bool) -> int:
    r"""List what can be named as MODEL: bundled networks, torchvision's, timm's, your own.

    PATTERN keeps the names that contain it; `timm:` lists all of timm. Exit code 1 if there is
    none.

    \b
    cnnshape models
    cnnshape models resnet
    cnnshape models timm:convnext -f json
    """
    chosen: ListFormat = choose_format(output, format_, LIST_FORMATS)
    check_target(output)
    with waiting(say("listing models …"), quiet):
        from cnnshape.loading.listing import CATALOGS, list_models

        # timm has over a thousand names: too many for a table that nobody narrowed down.
        overview = pattern is None and chosen == "table"
        listing = list_models(pattern, ("bundled", "torchvision") if overview else CATALOGS)
    from cnnshape.rendering.models import WRITER

    if listing.models or chosen != "table":
        show(lambda width, color: WRITER.text(listing, chosen, width, color), output, quiet)
    if listing.models:
        return 0
    for problem in listing.problems:
        click.echo(translated(problem), err=True)
    none = say(
        "no model name contains {pattern}; `cnnshape models` lists all", pattern=repr(pattern)
    )
    click.echo(translated(none), err=True)
    return 1
