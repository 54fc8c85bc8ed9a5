"""``cnnshape evaluate``: a trained run on test pictures."""

from __future__ import annotations

import click

from cnnshape.cli.options import output_options, trust_code_option
from cnnshape.cli.output import emit
from cnnshape.files import check_target
from cnnshape.formats import choose_format
from cnnshape.messages import say


@click.command("evaluate", short_help="Measure a trained run on test pictures.")
@click.argument("run", metavar="RUN")
@click.option("--data", metavar="NAME", help="Another data set; the run's own by default.")
@click.option("--root", metavar="DIR", help="Where downloaded data lie, if they have moved.")
@click.option("--device", default="auto", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps.")
@click.option(
    "--weights", type=click.Choice(["best", "last"]), default="best", help="Of the best epoch."
)
@trust_code_option
@click.option("--confusion", is_flag=True, help="Show the confusion matrix as well.")
@output_options("table", "json")
def command(
    *,
    run: str,
    data: str | None,
    root: str | None,
    device: str,
    weights: str,
    trust_code: bool,
    confusion: bool,
    format_: str | None,
    output: str | None,
    quiet: bool,
) -> int:
    r"""Measure the run in folder RUN on its test pictures, or on those of another data set.

    \b
    cnnshape evaluate runs/lenet-digits
    cnnshape evaluate runs/lenet-mnist --confusion
    cnnshape evaluate runs/lenet-mnist --data digits -f json
    """
    from cnnshape.cli.progress import waiting
    from cnnshape.cli.training_result import print_chance, print_evaluation, stdout_console, to_json

    as_json = choose_format(output, format_, ("table", "json")) == "json"
    check_target(output)
    with waiting(say("measuring {run} …", run=run), quiet):
        from cnnshape.training import evaluate

        found = evaluate(
            run, data=data, root=root, device=device, weights=weights, trust_code=trust_code
        )
    text = to_json({"run": run, **found.to_dict()}) if as_json else str(found)
    if output is not None and output != "-":
        emit(text, output)
    elif quiet:
        return 0
    elif as_json:
        emit(text)
    else:
        print_evaluation(found, stdout_console(), confusion=confusion)
        print_chance(found)
    return 0
