"""How a training run looks: a live line on a terminal, plain lines where it is piped.

Everything here goes to stderr; the result belongs to stdout.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cnnshape.cli.sparkline import sparkline
from cnnshape.cli.training_result import run_argument, to_go_on
from cnnshape.messages import joined, say, translated
from cnnshape.rendering.escape import visible
from cnnshape.rendering.palette import TERMINAL, TERMINAL_DIM, TERMINAL_GOOD
from cnnshape.rendering.units import count, duration
from cnnshape.training.observer import BatchProgress, Observer, RunStart
from cnnshape.training.results import EpochRecord, RunResult
from cnnshape.words import counted

if TYPE_CHECKING:
    from cnnshape.analysis.report import Report

_LOG_INTERVAL = 30.0
"""Seconds between two lines about an epoch under way, where nothing can be overwritten."""

_SHORTEST_CURVE = 3
"""Epochs that a curve needs, and the cells that it takes at most."""
_CURVE = 56

_COLUMNS = (
    # heading, width, style
    ("epoch", 8, ""),
    ("train loss", 12, TERMINAL["convolution"]),
    ("train acc", 11, TERMINAL["convolution"]),
    ("{} loss", 12, TERMINAL["pooling"]),
    ("{} acc", 11, TERMINAL["pooling"]),
    ("pictures/s", 12, TERMINAL_DIM),
)


class TrainingDisplay(Observer):
    """Shows a run on ``console``: the inspect table, a line per epoch, what goes on now."""

    def __init__(self, console: Console, *, table: bool = True) -> None:
        self._console = console
        self._table = table
        self._live: Live | None = None
        self._start: RunStart | None = None
        self._began = 0.0
        self._logged = 0.0
        self._done = 0
        self._history: list[EpochRecord] = []
        self._measured = "val"

    def note(self, text: str) -> None:
        """A line of its own."""
        self._console.print(Text(text, TERMINAL_DIM), soft_wrap=True)

    def started(self, start: RunStart) -> None:
        """The model's table, what is trained on what, and the heading of the epochs."""
        self._start = start
        self._measured = "val" if start.validation else "test"
        if self._table:
            self._console.print(_inspect(start))
        self._describe(start)
        if len(start.history) < start.config.epochs:
            self._console.print(self._row([heading for heading, *_ in _COLUMNS], heading=True))
        self._history = list(start.history)
        for record in start.history[-3:]:
            self._print_epoch(record, best=False)
        self._began = self._logged = time.monotonic()
        if self._console.is_terminal:
            self._live = Live(
                console=self._console,
                transient=True,
                refresh_per_second=8,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def batch(self, progress: BatchProgress) -> None:
        """The live line, or now and then a plain one."""
        self._done += 1
        start = self._start
        if start is None:
            return
        if self._live is not None:
            self._live.update(_Now(self, start, progress))
        elif time.monotonic() - self._logged > _LOG_INTERVAL:
            self._logged = time.monotonic()
            self._console.print(self._now(start, progress), style=TERMINAL_DIM)

    def epoch(self, record: EpochRecord, *, best: bool) -> None:
        """The epoch's line, which stays."""
        self._logged = time.monotonic()
        self._history.append(record)
        self._print_epoch(record, best=best)

    def ended(self, result: RunResult) -> None:
        """The live line goes, its curves stay; how to continue, or what was written, is told."""
        self.close()
        self._console.print()
        if self._console.is_terminal and self._curves():
            self._console.print(*self._curves(), Text(), sep="\n")
        if result.interrupted:
            self._console.print(
                translated(
                    say(
                        "interrupted after {epochs}, everything saved",
                        epochs=counted(len(result.history), "epoch"),
                    )
                ),
                translated(to_go_on(result.folder)),
                sep="\n",
                soft_wrap=True,
            )

    def tell_next(self, result: RunResult) -> None:
        """What to type now, after a run that was trained in this sitting."""
        if self._start is not None and result.test is not None:
            self._console.print(
                translated(
                    say("to use it: cnnshape predict {run} IMAGE", run=run_argument(result.folder))
                ),
                soft_wrap=True,
            )

    def aborted(self) -> None:
        """A second Ctrl-C did not let the batch end; what was saved before is still there."""
        self.close()
        if self._start is not None:
            self._console.print(
                translated(say("stopped at once, what was saved before is kept")),
                translated(to_go_on(self._start.folder)),
                sep="\n",
                soft_wrap=True,
            )

    def close(self) -> None:
        """Take the live line away, also when something was raised."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _describe(self, start: RunStart) -> None:
        config = start.config
        train, test = count(start.train), count(start.test)
        pictures = (
            say(
                "{train} training, {validation} validation and {test} test pictures",
                train=train, validation=count(start.validation), test=test,
            )
            if start.validation
            else say("{train} training and {test} test pictures", train=train, test=test)
        )  # fmt: skip
        recipe = say(
            "{optimizer}, {epochs} of {batches} of {size}",
            optimizer=f"{config.optimizer}, lr {config.lr:g} {config.schedule}",
            epochs=counted(config.epochs, "epoch"),
            batches=counted(start.batches, "batch", "batches"), size=config.batch_size,
        )  # fmt: skip
        where: str = start.device
        if start.processes > 1:
            where = say("{device} × {number} processes", device=where, number=start.processes)
        lines: tuple[tuple[str, str], ...] = (
            ("data", joined(": ", (config.data, pictures))),
            ("", start.data_note),
            ("recipe", joined(": ", (config.recipe, recipe))),
            ("device", where),
            ("run", str(start.folder)),
        )
        for name, text in lines:
            if text:
                line = Text.assemble((f"  {name:<8}", TERMINAL_DIM), visible(translated(text)))
                self._console.print(line, soft_wrap=True)
        self._console.print()

    def _print_epoch(self, record: EpochRecord, *, best: bool) -> None:
        start = self._start
        assert start is not None
        loss = record.test_loss if record.validation_loss is None else record.validation_loss
        accuracy = (
            record.test_accuracy
            if record.validation_accuracy is None
            else record.validation_accuracy
        )
        cells = [
            f"{record.epoch}/{start.config.epochs}",
            f"{record.train_loss:.4f}",
            f"{100 * record.train_accuracy:.2f} %",
            "" if loss is None else f"{loss:.4f}",
            "" if accuracy is None else f"{100 * accuracy:.2f} %",
            count(round(record.examples_per_second)),
        ]
        # Without validation pictures every epoch is "the best", which says nothing.
        self._console.print(self._row(cells, best=best and start.validation > 0))

    def _row(self, cells: list[str], *, heading: bool = False, best: bool = False) -> Text:
        line = Text(" ")
        for cell, (_, width, style) in zip(cells, _COLUMNS, strict=True):
            text = cell.format(self._measured) if heading else cell
            line.append(f"{text:>{width}}", TERMINAL_DIM if heading else style)
        if best:
            line.append(translated(say("  best so far")), TERMINAL_GOOD)
        return line

    def _now(self, start: RunStart, progress: BatchProgress) -> Text:
        left = self._seconds_left(start, progress)
        return Text(
            f"  epoch {progress.epoch}/{start.config.epochs}"
            f" · batch {progress.batch}/{progress.batches}"
            f" · loss {progress.loss:.3f} · {100 * progress.accuracy:.1f} %"
            f" · {count(round(progress.examples_per_second))}/s"
            + ("" if left is None else f" · {duration(left)} left")
        )

    def _seconds_left(self, start: RunStart, progress: BatchProgress) -> float | None:
        """From the pace of this sitting, evaluation included."""
        finished = (progress.epoch - 1) * start.batches + progress.batch
        before = len(start.history) * start.batches
        if finished <= before:
            return None
        pace = (time.monotonic() - self._began) / (finished - before)
        return pace * (start.config.epochs * start.batches - finished)

    def live_line(self, start: RunStart, progress: BatchProgress) -> RenderableType:
        """The bar of the whole run above the numbers of now."""
        finished = (progress.epoch - 1) * start.batches + progress.batch
        total = start.config.epochs * start.batches
        bar = ProgressBar(
            total=total,
            completed=finished,
            width=min(66, self._console.width - 4),
            complete_style=TERMINAL["convolution"],
            finished_style=TERMINAL_GOOD,
        )
        indented = Table.grid()
        indented.add_row("  ", bar)
        return Group(Text(), *self._curves(), indented, self._now(start, progress))

    def _curves(self) -> list[Text]:
        """Loss and accuracy over the epochs so far, a line each."""
        if len(self._history) < _SHORTEST_CURVE:
            return []
        width = min(_CURVE, self._console.width - 34)
        return [
            Text.assemble(
                (f"  {f'{self._measured} {heading}':<11}", TERMINAL_DIM),
                (sparkline(_drawn(values, what), max(width, 8)), TERMINAL["pooling"]),
                (f"  {_form(values[0])} → {_form(values[-1])}", TERMINAL_DIM),
            )
            for heading, what in (("loss", "loss"), ("acc", "accuracy"))
            if (values := self._measured_values(what))
        ]

    def _measured_values(self, what: str) -> list[float]:
        part = "validation" if self._measured == "val" else "test"
        found = [getattr(record, f"{part}_{what}") for record in self._history]
        return [value for value in found if value is not None]


def _drawn(values: list[float], what: str) -> list[float]:
    """A loss by its logarithm, as its end would be flat beside its beginning otherwise."""
    return [math.log(value) for value in values] if what == "loss" and min(values) > 0 else values


def _form(value: float) -> str:
    return f"{value:.3f}"


class _Now:
    """Renders when the display refreshes, not at every batch."""

    def __init__(self, display: TrainingDisplay, start: RunStart, progress: BatchProgress) -> None:
        self._display, self._start, self._progress = display, start, progress

    def __rich__(self) -> RenderableType:
        return self._display.live_line(self._start, self._progress)


def _inspect(start: RunStart) -> Report | Text:
    """The model's table; training does not depend on it."""
    import cnnshape
    from cnnshape.errors import CnnshapeError

    try:
        return cnnshape.inspect(start.model, (1, *start.input_shape))
    except CnnshapeError as error:
        return Text(f"no table of the model: {error}", TERMINAL_DIM)
