"""The live display of a run on a terminal, and its plain lines elsewhere."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from cnnshape.cli import training_display
from cnnshape.cli.training_display import TrainingDisplay
from cnnshape.cli.training_result import percent, print_evaluation, print_predictions
from cnnshape.models.lenet import LeNet
from cnnshape.training import configure
from cnnshape.training.observer import BatchProgress, RunStart
from cnnshape.training.prediction import Prediction
from cnnshape.training.results import EpochRecord, Evaluation, RunResult


def start(validation: int = 144) -> RunStart:
    return RunStart(
        folder=Path("runs/lenet-digits"),
        config=configure("lenet", epochs=4),
        model=LeNet(),
        input_shape=(1, 28, 28),
        classes=tuple("0123456789"),
        train=1293,
        validation=validation,
        test=360,
        batches=21,
        device="cpu (2 threads)",
        processes=2,
        data_note="1.1 MiB of pictures in memory",
        history=(),
    )


RECORD = EpochRecord(2, 0.5845, 0.819, 0.2176, 0.9653, None, None, 0.003, 4241.4, 0.4)


def console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, force_terminal=terminal, width=80, no_color=True), stream


def test_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, stream = console(terminal=False)
    display = TrainingDisplay(plain, table=False)
    display.started(start())
    display.batch(BatchProgress(2, 13, 21, 0.642, 0.804, 4642.0))
    display.epoch(RECORD, best=True)
    monkeypatch.setattr(training_display, "_LOG_INTERVAL", -1.0)
    display.batch(BatchProgress(3, 13, 21, 0.642, 0.804, 4642.0))
    display.ended(RunResult(Path("run"), (RECORD,), 1, None, interrupted=True))
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert lines[4:8] == [
        "  run     runs/lenet-digits",
        "",
        "    epoch  train loss  train acc    val loss    val acc  pictures/s",
        "      2/4      0.5845    81.90 %      0.2176    96.53 %       4,241  best so far",
    ]
    # Between epochs a line now and then, as nothing can be overwritten.
    assert lines[8].startswith("  epoch 3/4 · batch 13/21 · loss 0.642 · 80.4 % · 4,642/s · ")
    assert lines[8].endswith(" left")
    assert lines[-2:] == [
        "interrupted after 1 epoch, everything saved",
        "to go on: cnnshape train --resume run",
    ]
    assert "cpu (2 threads) × 2 processes" in stream.getvalue()


def test_where_nothing_can_be_overwritten_there_is_a_line_every_half_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(training_display.time, "monotonic", lambda: now)
    plain, stream = console(terminal=False)
    display = TrainingDisplay(plain, table=False)
    display.started(start())
    for now in range(101):
        display.batch(BatchProgress(1, now, 101, 0.642, 0.804, 4642.0))
    assert re.findall(r"batch (\d+)/101", stream.getvalue()) == ["31", "62", "93"]


def test_on_a_terminal_the_last_line_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    live, stream = console(terminal=True)
    display = TrainingDisplay(live, table=False)
    display.started(start())
    display.batch(BatchProgress(2, 13, 21, 0.642, 0.804, 4642.0))
    display._live.refresh()
    display.epoch(RECORD, best=False)
    display.ended(RunResult(Path("run"), (RECORD,), 1, None))
    text = stream.getvalue()
    assert "━" in text
    assert "epoch 2/4 · batch 13/21 · loss 0.642 · 80.4 % · 4,642/s" in text
    assert "\x1b[2K" in text  # the line is erased again
    assert "81.90 %" in text
    assert display._live is None


def test_the_bar_and_the_time_left_are_of_the_whole_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """2 epochs of 21 batches and 13 more in 110 s: 2 s each for the 29 that are left."""
    plain, _ = console(terminal=False)
    display = TrainingDisplay(plain, table=False)
    display.started(start())
    progress = BatchProgress(3, 13, 21, 0.642, 0.804, 4642.0)
    monkeypatch.setattr(training_display.time, "monotonic", lambda: display._began + 110)
    assert display._seconds_left(start(), progress) == pytest.approx(58)
    bars = display.live_line(start(), progress).renderables[1].columns[1]
    assert [(bar.completed, bar.total) for bar in bars.cells] == [(55, 84)]


def test_nothing_breaks_when_training_never_starts() -> None:
    plain, stream = console(terminal=True)
    display = TrainingDisplay(plain)
    display.note("downloading mnist")
    display.batch(BatchProgress(1, 1, 21, 1.0, 0.1, 1.0))
    display.close()
    assert stream.getvalue() == "downloading mnist\n"


def test_without_validation_the_columns_say_test() -> None:
    plain, stream = console(terminal=False)
    display = TrainingDisplay(plain, table=False)
    display.started(start(validation=0))
    display.epoch(EpochRecord(1, 0.5, 0.8, None, None, 0.25, 0.9, 0.9, 100.0, 1.0), best=True)
    assert "test loss   test acc" in stream.getvalue()
    assert "90.00 %" in stream.getvalue()
    assert "best so far" not in stream.getvalue()


def test_a_matrix_too_wide_becomes_a_list_of_pairs() -> None:
    plain, stream = console(terminal=False)
    grid = [[0] * 20 for _ in range(20)]
    for index in range(20):
        grid[index][index] = 5
    grid[3][7], grid[8][2] = 2, 4
    names = tuple(f"class{index}" for index in range(20))
    found = Evaluation(0.1, 100, 106, tuple(map(tuple, grid)), (), names)
    print_evaluation(found, plain, confusion=True)
    lines = [line.split() for line in stream.getvalue().splitlines()]
    assert lines[0] == ["accuracy", "94.34", "%", "(100/106)"]
    assert lines[-4] == ["most", "frequent", "confusions"]
    assert lines[-3:] == [
        ["true", "predicted", "pictures"],
        ["class8", "class2", "4"],
        ["class3", "class7", "2"],
    ]


def test_percent() -> None:
    assert [percent(value) for value in (1.0, 0.12345, 0.0)] == [">99.99 %", "12.35 %", "<0.01 %"]


def test_the_next_best_classes_come_by_their_probability() -> None:
    plain, stream = console(terminal=False)
    probabilities = {"a": 0.1, "b": 0.6, "c": 0.05, "d": 0.25}
    print_predictions([Prediction(Path("x.png"), "b", 1, 0.6, probabilities, ())], 3, plain)
    assert stream.getvalue().splitlines()[1].split() == [
        "x.png", "b", "60.00", "%", "d", "25.00", "%,", "a", "10.00", "%",
    ]  # fmt: skip


def test_curves_stand_in_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    live, stream = console(terminal=True)
    display = TrainingDisplay(live, table=False)
    display.started(start())
    for loss in (0.9, 0.5, 0.1):
        record = dataclasses.replace(RECORD, validation_loss=loss, validation_accuracy=1 - loss)
        display.epoch(record, best=False)
    display.ended(RunResult(Path("run"), (RECORD,), 1, None))
    text = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", stream.getvalue())
    # ln 5 of ln 9 above the lowest: five of seven steps.
    assert "  val loss   █▆▁  0.900 → 0.100" in text
    assert re.search(r"val acc    ▁[▄▅]█  0\.100 → 0\.900", text)


def test_a_doubt_is_one_line_however_long() -> None:
    plain, stream = console(terminal=False)
    doubt = "twelve times as sharp, which is more than any picture that was trained on has"
    prediction = Prediction(Path("x.png"), "b", 1, 0.6, {"b": 0.6}, (), doubt)
    print_predictions([prediction], 1, plain)
    assert stream.getvalue().splitlines()[-1] == (
        f"the picture is unlike what was trained on: {doubt}"
    )
