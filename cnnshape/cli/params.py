"""``cnnshape params``: every parameter, buffer and hook of a model."""

from __future__ import annotations

import click

from cnnshape.cli.completing import models
from cnnshape.cli.options import output_options, trust_option, weights_option
from cnnshape.cli.output import show
from cnnshape.cli.progress import waiting
from cnnshape.errors import UsageError
from cnnshape.files import check_target
from cnnshape.formats import choose_format
from cnnshape.messages import say
from cnnshape.rendering.writer import LIST_FORMATS, ListFormat


@click.command("params", short_help="Every parameter, buffer and hook, with its first values.")
@click.argument("model", metavar="MODEL", shell_complete=models)
@weights_option
@trust_option
@click.option(
    "--values",
    metavar="N",
    type=click.IntRange(min=0),
    default=6,
    show_default=True,
    help="How many values of each tensor to show.",
)
@click.option("--tree", is_flag=True, help="As text: the modules, their parameters and shares.")
@click.option(
    "-d", "--depth", type=click.IntRange(min=0), metavar="N", help="How deep the tree is shown."
)
@output_options(*LIST_FORMATS)
def command(
    *,
    model: str,
    weights: str | None,
    trust_pickle: bool,
    values: int,
    tree: bool,
    depth: int | None,
    format_: str | None,
    output: str | None,
    quiet: bool,
) -> int:
    r"""Show what MODEL registers: parameters, buffers, hooks.

    The model is built on the CPU and not run. Shared tensors are listed once with their other
    names, uninitialised lazy ones are named as such. A file of weights (.safetensors, .pt, .pth,
    .bin, an index of several) is listed without a model, from its header.

    \b
    cnnshape params lenet
    cnnshape params torchvision:resnet18 -o resnet18-parameters.csv
    cnnshape params net.py:Net --weights net.pt --values 3
    cnnshape params timm:vit_base_patch16_224 --tree --depth 2
    cnnshape params model.safetensors
    """
    chosen: ListFormat = choose_format(output, format_, LIST_FORMATS)
    if tree and chosen != "table":
        message = (
            f"--tree is drawn as text, not as {chosen}, which lists every tensor: leave it out"
        )
        raise UsageError(message)
    check_target(output)
    with waiting(say("building {model} …", model=model), quiet):
        from cnnshape.api.params import params

        report = params(
            model,
            weights=weights,
            values=values,
            trust_pickle=trust_pickle,
            tree=tree,
            depth=depth,
        )
    show(lambda width, color: report.to_text(chosen, width, color), output, quiet)
    return 0
