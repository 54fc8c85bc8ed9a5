"""What the training commands print: accuracy, confusion matrix, predictions."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cnnshape.errors import CnnshapeError
from cnnshape.loading.run_folder import read_run
from cnnshape.messages import joined, say, translated
from cnnshape.rendering.escape import visible
from cnnshape.rendering.palette import TERMINAL, TERMINAL_BAD, TERMINAL_DIM
from cnnshape.words import counted, plural

if TYPE_CHECKING:
    from pathlib import Path

    from cnnshape.training.prediction import Prediction
    from cnnshape.training.results import Evaluation, RunResult

_MOST_CLASSES = 12
"""Classes up to which the confusion matrix fits into 80 columns."""


def stderr_console() -> Console:
    """Where progress and notes go."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def stdout_console() -> Console:
    """Where results go."""
    return Console(highlight=False, markup=False, emoji=False)


def to_json(value: Any) -> str:
    """JSON for people and programs alike."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    # A row of numbers stays a row.
    return re.sub(r"\[\s+([\d\s.,e+-]+?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)


def print_result(result: RunResult, format_: str, *, quiet: bool = False) -> None:
    """A run's end: accuracy with counts, confusion matrix, what was written."""
    if format_ == "json":
        click.echo(to_json(result.to_dict()))
        return
    told = stderr_console()
    if result.test is None:
        if quiet:
            told.print(
                translated(to_go_on(result.folder)),
                soft_wrap=True,
            )
        return
    console = stdout_console()
    print_evaluation(result.test, console, confusion=not quiet)
    print_chance(result.test)
    if quiet:
        console.print(
            Text(translated(say("run {folder}", folder=visible(str(result.folder)))), TERMINAL_DIM),
            soft_wrap=True,
        )
        return
    console.print()
    written = ("best.pt", "curves.svg", "confusion.svg", "mistakes.png")
    there = [name for name in written if (result.folder / name).is_file()]
    best = say("best epoch {best} of {epochs}", best=result.best_epoch, epochs=len(result.history))
    if result.stopped_early:
        best = say("{best}, stopped early", best=best)
    folder, files = visible(str(result.folder)), ", ".join(there)
    text = say("{best}; {folder} holds {files}", best=best, folder=folder, files=files)
    console.print(Text(translated(text), TERMINAL_DIM), soft_wrap=True)


def to_go_on(folder: Path) -> str:
    """What to type to resume a run."""
    return say("to go on: cnnshape train --resume {run}", run=run_argument(folder))


def as_argument(path: Path) -> str:
    """A path as it is typed into a shell."""
    return visible(shlex.quote(str(path)))


def run_argument(folder: Path) -> str:
    """A run folder as it is typed, with what lets the code that it names run."""
    try:
        trust = " --trust-code" if read_run(folder).names_code else ""
    except CnnshapeError:  # whoever uses it is told
        trust = ""
    return as_argument(folder) + trust


def print_chance(test: Evaluation) -> None:
    """Say that a network has learned nothing, where that is so."""
    if not test.at_chance:
        return
    most, share = test.most_frequent
    always = visible(test.classes[most] if test.classes else str(most))
    text = say(
        "no better than chance: always guessing {label} is right for {percent} %; "
        "try another --lr, or more --epochs",
        label=always,
        percent=f"{100 * share:.1f}",
    )
    stderr_console().print(Text(translated(text), TERMINAL_BAD), soft_wrap=True)


def print_evaluation(evaluation: Evaluation, console: Console, *, confusion: bool) -> None:
    """The accuracy line, and the confusion matrix if asked for."""
    console.print(Text(translated(str(evaluation)), "bold"))
    if confusion and evaluation.correct < evaluation.total:
        console.print()
        few = len(evaluation.classes) <= _MOST_CLASSES
        console.print(_matrix(evaluation) if few else _worst_pairs(evaluation))


def _matrix(evaluation: Evaluation) -> Table:
    table = Table(
        box=None,
        padding=(0, 1),
        title=translated(say("rows: true class · columns: predicted")),
        title_justify="left",
        title_style=TERMINAL_DIM,
        header_style=TERMINAL_DIM,
    )
    table.add_column("", style=TERMINAL_DIM, justify="right", max_width=12, no_wrap=True)
    for name in evaluation.classes:
        table.add_column(_short(name), justify="right", no_wrap=True)
    table.add_column("right", justify="right", style=TERMINAL_DIM)
    for row, (name, counts) in enumerate(
        zip(evaluation.classes, evaluation.confusion, strict=True)
    ):
        cells = [_cell(number, row == column) for column, number in enumerate(counts)]
        whole = sum(counts)
        part = f"{100 * counts[row] / whole:.1f} %" if whole else ""
        table.add_row(_short(name, 12), *cells, part)
    return table


def _cell(number: int, right: bool) -> Text:
    if number == 0:
        return Text("·", TERMINAL_DIM)
    return Text(str(number), TERMINAL["convolution"] if right else f"bold {TERMINAL['pooling']}")


def _worst_pairs(evaluation: Evaluation) -> Table:
    """The most frequent confusions, where the whole matrix would not fit."""
    pairs = sorted(
        (
            (count, row, column)
            for row, counts in enumerate(evaluation.confusion)
            for column, count in enumerate(counts)
            if row != column and count
        ),
        key=lambda pair: -pair[0],
    )
    table = Table(
        box=None, padding=(0, 2), title=translated(say("most frequent confusions")),
        title_justify="left", title_style=TERMINAL_DIM, header_style=TERMINAL_DIM,
    )  # fmt: skip
    for heading in ("true", "predicted"):
        table.add_column(heading)
    table.add_column("pictures", justify="right")
    for count, row, column in pairs[:10]:
        names = (visible(evaluation.classes[place]) for place in (row, column))
        table.add_row(*names, str(count))
    return table


def print_predictions(predictions: Sequence[Prediction], top: int, console: Console) -> None:
    """A line per picture: its class, how sure, the next best, what was done to it."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=TERMINAL_DIM)
    table.add_column("image", overflow="fold")
    table.add_column("class", style="bold")
    table.add_column("probability", justify="right")
    if top > 1:
        table.add_column("then", style=TERMINAL_DIM)
    shared = {one.notes for one in predictions}
    if len(shared) > 1:
        table.add_column("picture", style=TERMINAL_DIM)
    for one in predictions:
        ranked = sorted(one.probabilities.items(), key=lambda pair: -pair[1])[1:top]
        others = ", ".join(f"{visible(name)} {percent(value)}" for name, value in ranked)
        sure = Text(percent(one.probability), TERMINAL_BAD if one.probability < 0.5 else "")
        cells = [visible(str(one.image)), visible(one.label), sure, *([others] if top > 1 else [])]
        table.add_row(*cells, *([_notes(one)] if len(shared) > 1 else []))
    console.print(table)
    if len(shared) == 1 and predictions[0].notes:
        notes = _notes(predictions[0])
        told = (
            say("the picture: {notes}", notes=notes)
            if len(predictions) == 1
            else say("every picture: {notes}", notes=notes)
        )
        console.print(Text(translated(told), TERMINAL_DIM), soft_wrap=True)
    _print_doubts(predictions, console)
    unsure = sum(one.probability < 0.5 for one in predictions)
    if unsure and len(predictions) > 1:
        told = say("{pictures} below 50 %", pictures=counted(unsure, "picture"))
        console.print(Text(translated(told), TERMINAL_DIM))


def _notes(one: Prediction) -> str:
    return translated(joined(say("; "), one.notes))


def _print_doubts(predictions: Sequence[Prediction], console: Console) -> None:
    """Which pictures are far from what was trained on, where a guess is worth little."""
    doubtful = [one for one in predictions if one.doubt]
    if not doubtful:
        return
    every = len(doubtful) == len(predictions)
    if len(predictions) == 1:
        which = say("the picture is unlike what was trained on")
    elif every:
        which = say("every picture is unlike what was trained on")
    else:
        pictures = plural(len(doubtful), "picture is", "pictures are")
        which = say("{pictures} unlike what was trained on", pictures=pictures)
    if len(doubtful) > 1:
        which = say("{unlike}, {image}", unlike=which, image=visible(str(doubtful[0].image)))
    told = say("{unlike}: {why}", unlike=which, why=doubtful[0].doubt)
    console.print(Text(translated(told), TERMINAL_BAD), soft_wrap=True)


def percent(probability: float) -> str:
    """Two digits after the point, never rounded to a certainty.

    >>> percent(0.99999), percent(0.5), percent(0.00001)
    ('>99.99 %', '50.00 %', '<0.01 %')
    """
    value = 100 * probability
    if value > 99.99:
        return ">99.99 %"
    return "<0.01 %" if value < 0.01 else f"{value:.2f} %"


def _short(name: str, length: int = 5) -> str:
    shown = visible(name)
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"
