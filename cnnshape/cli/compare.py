"""``cnnshape compare``: two architectures side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cnnshape.cli.completing import models
from cnnshape.cli.options import (
    device_option,
    dtype_option,
    exact_option,
    input_option,
    mode_option,
    output_options,
    trust_option,
)
from cnnshape.cli.output import show
from cnnshape.cli.progress import waiting
from cnnshape.files import check_target
from cnnshape.formats import choose_format
from cnnshape.messages import say

if TYPE_CHECKING:
    from cnnshape.loading.inputs import ModelInputs
    from cnnshape.loading.run_options import Mode

_FORMATS = ("table", "json", "markdown", "html")


@click.command("compare", short_help="Two architectures side by side.")
@click.argument("model_a", metavar="MODEL_A", shell_complete=models)
@click.argument("model_b", metavar="MODEL_B", shell_complete=models)
@input_option("A shape, as for `cnnshape inspect`, for both models. Repeatable.")
@device_option
@dtype_option
@mode_option
@exact_option
@click.option(
    "--weights",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Say which tensors of a checkpoint fit which model.",
)
@trust_option
@click.option("--exit-code", is_flag=True, help="Exit with 1 if the models differ.")
@output_options(*_FORMATS)
def command(
    *,
    model_a: str,
    model_b: str,
    inputs: ModelInputs | None,
    device: str,
    dtype: str | None,
    mode: Mode,
    exact: bool,
    weights: str | None,
    trust_pickle: bool,
    exit_code: bool,
    format_: str | None,
    output: str | None,
    quiet: bool,
) -> int:
    r"""Show what differs between two models: layers added, removed, renamed, of other sizes.

    Layers are aligned by structure and by name. Either may be a MODEL, the JSON report of an
    earlier day, or code of your own at a git revision, which is taken out of the repository with
    all that it imports and run in a process of its own.

    \b
    cnnshape compare torchvision:resnet18 torchvision:resnet34
    cnnshape compare net.py:Net@main net.py:Net -i 1,3,224,224 -f markdown
    cnnshape compare torchvision:vgg16 torchvision:vgg16_bn -o diff.html
    cnnshape compare lenet.shapes.json net.py:LeNet --exit-code
    cnnshape compare net.py:Net net.py:Wider -i 1,3,32,32 --weights net.pt
    """
    chosen = choose_format(output, format_, _FORMATS)
    check_target(output)
    with waiting(say("comparing {first} with {second} …", first=model_a, second=model_b), quiet):
        from cnnshape.api.comparing import compare

        found = compare(
            model_a,
            model_b,
            inputs,
            weights=weights,
            device=device,
            mode=mode,
            dtype=dtype,
            trust_pickle=trust_pickle,
            exact=exact,
        )
    show(lambda width, color: found.to_text(chosen, width, color), output, quiet)
    failed = found.a.error is not None or found.b.error is not None
    return 1 if failed or (exit_code and not found.equal) else 0
