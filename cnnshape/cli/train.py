"""``cnnshape train``: train a network for pictures, or go on with an interrupted run."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cnnshape.cli.completing import models
from cnnshape.cli.grouped import GroupedCommand
from cnnshape.cli.options import trust_code_option
from cnnshape.errors import UsageError
from cnnshape.messages import say
from cnnshape.training.config import (
    AMPS,
    AUGMENTATIONS,
    INITIALIZATIONS,
    OPTIMIZERS,
    PLACEMENTS,
    RECIPES,
    SCHEDULES,
)

if TYPE_CHECKING:
    from cnnshape.training.observer import Observer
    from cnnshape.training.results import RunResult

_EXECUTION = frozenset(
    ("device nproc oversubscribe format_ quiet resume debug tensorboard trust_code").split()
)
"""What may stand beside ``--resume``: it changes where a run is computed, not what."""


_GROUPS = {
    "Data": ("data", "root", "input", "validation", "augmentation"),
    "Training": (
        "recipe epochs batch_size lr optimizer momentum weight_decay schedule warmup "
        "label_smoothing initialization patience seed"
    ).split(),
    "Machine": (
        "device amp nproc oversubscribe placement workers cuda_graph"
    ).split(),
    "The run": ("output", "resume", "trust_code", "tensorboard", "format_", "quiet"),
}  # fmt: skip


@click.command(
    "train",
    cls=GroupedCommand,
    groups=_GROUPS,
    short_help="Train a network, or resume a run.",
)
@click.argument("model", required=False, metavar="MODEL", shell_complete=models)
@click.option(
    "--data",
    metavar="NAME",
    help="digits (no network needed), mnist, fashion-mnist, kmnist, emnist, emnist-letters, "
    "or folder:PATH with one folder of pictures per class.  [default: digits]",
)
@click.option("--root", metavar="DIR", help="Where downloaded data lie.  [default: data]")
@click.option(
    "-i",
    "--input",
    metavar="SHAPE",
    help="The picture that MODEL is given, as in 1,3,64,64.  [default: found out]",
)
@click.option(
    "--recipe",
    type=click.Choice(tuple(RECIPES)),
    help="Settings to begin from: "
    + "; ".join(f"{name}: {recipe.about}" for name, recipe in RECIPES.items())
    + ".  [default: default]",
)
@click.option("--epochs", type=int, metavar="N", help="Passes over the data; the schedule follows.")
@click.option("--batch-size", type=int, metavar="N", help="Pictures per step, all processes.")
@click.option("--lr", type=float, metavar="X", help="The schedule's highest learning rate.")
@click.option("--optimizer", type=click.Choice(OPTIMIZERS), help="Which optimizer.")
@click.option("--momentum", type=float, metavar="X", help="Of sgd.")
@click.option("--weight-decay", type=float, metavar="X", help="As torch's optimizers define it.")
@click.option("--schedule", type=click.Choice(SCHEDULES), help="How the learning rate changes.")
@click.option("--warmup", type=float, metavar="X", help="Part of the run in which it rises.")
@click.option(
    "--augmentation", type=click.Choice(AUGMENTATIONS), help="Random changes to pictures."
)
@click.option("--label-smoothing", type=float, metavar="X", help="Of the training loss.")
@click.option("--init", "initialization", type=click.Choice(INITIALIZATIONS), help="First weights.")
@click.option(
    "--validation", type=float, metavar="X", help="Part of the training pictures kept aside."
)
@click.option("--patience", type=int, metavar="N", help="Stop after N epochs without progress.")
@click.option("--seed", type=int, metavar="N", help="Of weights, order and augmentation.")
@click.option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps.  [default: auto]")
@click.option("--amp", type=click.Choice(AMPS), help="Mixed precision.")
@click.option(
    "--nproc", type=int, metavar="N", help="Train in N processes on this machine, one a core."
)
@click.option("--oversubscribe", is_flag=True, help="Allow --nproc more processes than cores.")
@click.option("--placement", type=click.Choice(PLACEMENTS), help="Pictures on the device, or not.")
@click.option("--workers", type=int, metavar="N", help="Processes that read pictures, one a core.")
@click.option("--cuda-graph", is_flag=True, default=None, help="Record the step on CUDA.")
@click.option("--tensorboard", is_flag=True, help="Write events for TensorBoard as well.")
@click.option("-o", "--output", metavar="RUN", help="The run folder.  [default: runs/MODEL-DATA]")
@click.option("--resume", metavar="RUN", help="Go on with the run in this folder.")
@trust_code_option
@click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice(["table", "json"]),
    help="How to print the result.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but the result.")
@click.option("--debug", is_flag=True, expose_value=False, hidden=True)
@click.pass_context
def command(
    context: click.Context,
    *,
    model: str | None,
    output: str | None,
    resume: str | None,
    trust_code: bool,
    nproc: int | None,
    oversubscribe: bool,
    tensorboard: bool,
    format_: str | None,
    quiet: bool,
    **settings: Any,
) -> int:
    r"""Train MODEL and write a run folder: weights, metrics, curves.

    \b
    cnnshape train lenet                            real digits, no network, seconds
    cnnshape train lenet --data mnist --epochs 5
    cnnshape train lenet-d2l --recipe d2l --data fashion-mnist
    cnnshape train mlp --data folder:pictures --nproc 2
    cnnshape train "net.py:Net(num_classes=3)" --data folder:pets -i 1,3,64,64
    cnnshape train "torchvision:resnet18(num_classes=3)" --data folder:pets
    cnnshape train --resume runs/lenet-digits

    Ctrl-C finishes the batch and saves; --resume goes on exactly. `cnnshape evaluate RUN`,
    `predict RUN IMAGE` and `features RUN IMAGE` use what was trained.

    MODEL is one of lenet, lenet-d2l, lenet-nopad, basic-cnn, mlp, which take as many classes as
    the data have, or torchvision:NAME, timm:NAME, FILE.py:Name or package.module:Name whose result
    is a number for each class. Naming a file runs it; a run folder whose config.json names one is
    used with --trust-code.
    """
    _check(context, model, resume)
    from cnnshape.training.launch import as_worker, launch

    if nproc is not None and nproc != 1:
        return launch(nproc, ["train", *_without_nproc(context)], oversubscribe=oversubscribe)

    def work() -> int:
        start = (
            _resumed(resume, settings, trust_code=trust_code)
            if resume is not None
            else _begun(model, output, settings)
        )
        return _show(start, tensorboard=tensorboard, format_=format_, quiet=quiet)

    return as_worker(work)


Start = Callable[["Observer"], "RunResult"]


def _begun(model: str | None, output: str | None, settings: dict[str, Any]) -> Start:
    """Settings that make no sense are refused here, before torch is imported."""
    from cnnshape.training.config import configure

    given = {name: value for name, value in settings.items() if value is not None}
    assert model is not None  # without a run to resume it is asked for
    config = configure(model, given.pop("data", "digits"), **given)

    def start(observer: Observer) -> RunResult:
        from cnnshape.training import train

        return train(config, output=output, observer=observer)

    return start


def _resumed(run: str, settings: dict[str, Any], *, trust_code: bool) -> Start:
    def start(observer: Observer) -> RunResult:
        from cnnshape.training import resume

        return resume(run, device=settings["device"], observer=observer, trust_code=trust_code)

    return start


def _show(start: Start, *, tensorboard: bool, format_: str | None, quiet: bool) -> int:
    """Run, and show how it goes on; in the first process of a run only."""
    from cnnshape.cli.progress import waiting
    from cnnshape.cli.training_display import TrainingDisplay
    from cnnshape.cli.training_result import print_result, stderr_console
    from cnnshape.training.observer import Observers, TensorBoardObserver

    main = os.environ.get("RANK", "0") == "0"
    display = TrainingDisplay(stderr_console()) if main and not quiet else None
    observers: list[Observer] = [] if display is None else [display]
    if tensorboard and main:
        observers.append(TensorBoardObserver())
    with waiting(say("starting …"), quiet or not main):
        importlib.import_module("cnnshape.training.run")  # with torch, which takes a while
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what a network prints is no result
            result = start(Observers(observers))
    except KeyboardInterrupt:
        if display is not None:
            display.aborted()
        raise
    finally:
        if display is not None:
            display.close()
    if main:
        print_result(result, format_ or "table", quiet=quiet)
    if display is not None:
        display.tell_next(result)
    return 130 if result.interrupted else 0


def _check(context: click.Context, model: str | None, resume: str | None) -> None:
    if resume is None:
        if model is None:
            raise UsageError("name a network, as in `cnnshape train lenet`, or a run with --resume")
        return
    if model is not None:
        raise UsageError(f"--resume takes the network from {resume}: leave {model!r} out")
    for name in context.params:
        if name not in _EXECUTION and _was_given(context, name):
            flag = "--init" if name == "initialization" else "--" + name.replace("_", "-")
            raise UsageError(
                f"--resume goes on with the settings in {resume}/config.json, so that the result "
                f"is that of an uninterrupted run: leave {flag} out, or train anew"
            )


def _was_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _without_nproc(context: click.Context) -> list[str]:
    """The arguments this command was called with, as a new command line."""
    arguments: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        value = context.params.get(name)
        if name in ("nproc", "oversubscribe") or not _was_given(context, name):
            continue
        if isinstance(parameter, click.Argument):
            arguments.append(str(value))
        elif isinstance(parameter, click.Option) and parameter.is_flag:
            arguments.append(parameter.opts[-1])
        else:
            arguments += [parameter.opts[-1], str(value)]
    return arguments
