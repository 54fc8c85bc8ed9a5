"""Curves, confusion matrix and mistakes: what stands in them, and that they are repeatable."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import matplotlib as mpl
import pytest
import torch

from cnnshape.training import configure, plotting, run_figures
from cnnshape.training.examples import ImageSet
from cnnshape.training.observer import RunStart
from cnnshape.training.results import EpochRecord, Evaluation, Mistake, RunResult
from cnnshape.training.run_figures import CurveKeeper, draw_confusion, draw_curves, draw_mistakes


def record(epoch: int, *, validation: bool = True) -> EpochRecord:
    loss, accuracy = 2.0 / epoch**2, 1 - 0.5 / epoch
    return EpochRecord(
        epoch=epoch,
        train_loss=loss,
        train_accuracy=accuracy,
        validation_loss=loss if validation else None,
        validation_accuracy=accuracy if validation else None,
        test_loss=None if validation else loss,
        test_accuracy=None if validation else accuracy,
        lr=0.1,
        examples_per_second=1000.0,
        seconds=1.0,
    )


def result(epochs: int, *, validation: bool = True, test: Evaluation | None = None) -> RunResult:
    history = tuple(record(epoch + 1, validation=validation) for epoch in range(epochs))
    return RunResult(Path("run"), history, epochs or None, test)


EVALUATION = Evaluation(
    loss=0.5,
    correct=7,
    total=10,
    confusion=((4, 1, 0), (0, 3, 0), (2, 0, 0)),
    mistakes=(Mistake(0, 0, 1, 0.999), Mistake(1, 2, 0, 0.6), Mistake(2, 2, 0, 0.5)),
    classes=("cat", "a very long name", '<dog> & "co"'),
)


def texts(path: Path) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text(encoding="utf-8"))


def test_curves_name_their_lines_and_the_best_epoch(tmp_path: Path) -> None:
    draw_curves(result(12, test=EVALUATION), "lenet on digits", tmp_path / "c.svg")
    found = texts(tmp_path / "c.svg")
    assert "lenet on digits" in found
    assert "test accuracy 70.00 % (7/10), with the weights of epoch 12" in found
    # 2/12² = 0.0139; 100·(1 − 0.5/12) = 95.8.
    for name in ("train 0.014", "validation 0.014", "train 95.8", "validation 95.8", "best: 12"):
        assert name in found


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_curves_of_few_epochs(tmp_path: Path, epochs: int) -> None:
    draw_curves(result(epochs, validation=False), "t", tmp_path / "c.svg")
    found = texts(tmp_path / "c.svg")
    assert f"{epochs} epoch{'s' if epochs > 1 else ''} so far" in found
    assert any(text.startswith("test ") for text in found)


def test_long_runs_are_drawn_now_and_then(tmp_path: Path) -> None:
    keeper = CurveKeeper("t", interval=0.0)
    start = RunStart(
        tmp_path, configure("lenet"), torch.nn.Linear(1, 1), (1, 28, 28), ("a",), 1, 1, 1, 1, "cpu",
        1, "", (record(1),), 1,
    )  # fmt: skip
    keeper.started(start)
    keeper.epoch(record(2), best=True)
    found = texts(tmp_path / "curves.svg")
    assert "2 epochs so far" in found
    keeper = CurveKeeper("t", interval=1e9)
    keeper.started(start)
    (tmp_path / "curves.svg").unlink()
    keeper.epoch(record(2), best=True)
    assert not (tmp_path / "curves.svg").exists()


def test_no_curves_before_the_first_epoch(tmp_path: Path) -> None:
    draw_curves(result(0), "t", tmp_path / "c.svg")
    assert not (tmp_path / "c.svg").exists()


def test_pictures_are_repeatable_and_leave_matplotlib_alone(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    for name in ("a.svg", "b.svg"):
        draw_curves(result(5), "t", tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert dict(mpl.rcParams) == before


def test_the_confusion_matrix_shows_every_count_but_zero(tmp_path: Path) -> None:
    draw_confusion(EVALUATION, "t", tmp_path / "c.svg")
    found = texts(tmp_path / "c.svg")
    assert [text for text in found if text.isdigit()] == ["4", "1", "3", "2"]
    assert {"predicted", "true", "cat", '&lt;dog&gt; &amp; "co"'} <= set(found)


def test_mistakes_say_what_was_taken_for_what(tmp_path: Path) -> None:
    pictures = ImageSet(torch.zeros(10, 1, 8, 8, dtype=torch.uint8), torch.zeros(10))
    assert draw_mistakes(EVALUATION, pictures, "t", tmp_path / "m.svg")
    found = texts(tmp_path / "m.svg")
    assert "all 3 mistakes: true → predicted" in found
    assert "cat → a very l…" in found
    # 99.9 % is not rounded to a certainty.
    assert [text for text in found if text.endswith("sure")] == [
        "99 % sure",
        "60 % sure",
        "50 % sure",
    ]


def test_counts_can_be_read_on_their_colour(tmp_path: Path) -> None:
    """White on the dark half of the shades, right or wrong."""
    found = Evaluation(0.1, 5, 20, ((5, 5), (10, 0)), (), ("a", "b"))
    draw_confusion(found, "t", tmp_path / "c.svg")
    drawn = (tmp_path / "c.svg").read_text(encoding="utf-8")
    dark = {
        n: "ffffff" in style for style, n in re.findall(r'<text style="([^"]*)"[^>]*>(\d+)', drawn)
    }
    assert dark == {"5": True, "10": True}


def test_names_in_any_script(tmp_path: Path) -> None:
    """Whether a font has them or not, nothing is warned of (warnings are errors here)."""
    pictures = ImageSet(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.zeros(2))
    names = Evaluation(0.1, 1, 2, ((1, 0), (1, 0)), (Mistake(1, 1, 0, 0.9),), ("犬", "\U000131a3"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_mistakes(names, pictures, "t", tmp_path / "m.png")
        draw_confusion(names, "t", tmp_path / "c.svg")
    assert "犬" in texts(tmp_path / "c.svg")


def test_a_dollar_is_a_dollar(tmp_path: Path) -> None:
    money = Evaluation(0.1, 1, 2, ((1, 0), (1, 0)), (Mistake(1, 1, 0, 0.9),), ("a$b$", "$\\frac$"))
    draw_confusion(money, "on folder:$x$", tmp_path / "c.svg")
    assert {"a$b$", "$\\frac$", "on folder:$x$"} <= set(texts(tmp_path / "c.svg"))
    draw_curves(result(3), "on folder:$x$", tmp_path / "d.svg")
    assert "on folder:$x$" in texts(tmp_path / "d.svg")


def test_no_mistakes_no_picture(tmp_path: Path) -> None:
    perfect = Evaluation(0.0, 10, 10, ((10,),), (), ("a",))
    pictures = ImageSet(torch.zeros(1, 1, 8, 8, dtype=torch.uint8), torch.zeros(1))
    assert not draw_mistakes(perfect, pictures, "t", tmp_path / "m.png")
    assert not (tmp_path / "m.png").exists()


def test_a_class_without_pictures(tmp_path: Path) -> None:
    empty_row = Evaluation(0.1, 1, 2, ((1, 0), (0, 0)), (), ("a", "b"))
    draw_confusion(empty_row, "t", tmp_path / "c.svg")


@pytest.mark.parametrize(("epochs", "ticks"), [(1, ["1"]), (2, ["1", "2"]), (3, ["1", "2", "3"])])
def test_few_epochs_have_whole_ticks(tmp_path: Path, epochs: int, ticks: list[str]) -> None:
    history = tuple(record(epoch + 1) for epoch in range(epochs))
    draw_curves(RunResult(tmp_path, history, None, None), "a title", tmp_path / "c.svg")
    words = re.findall(r"<text[^>]*>([^<]*)</text>", (tmp_path / "c.svg").read_text("utf-8"))
    before = words[: words.index("epoch")]
    assert [word for word in before if word in "12345"] == ticks
    assert f"{epochs} epoch{'s' if epochs > 1 else ''} so far" in words


def test_the_label_of_one_epoch_stands_beside_its_point() -> None:
    with plotting.figure(4, 3) as drawing:
        axes = drawing.subplots()
        axes.plot([1, 1], [3.0, 7.0], "o")
        low, high = (run_figures._height(axes, value) for value in (3.0, 7.0))
    # matplotlib leaves a twentieth of the range free at both ends.
    assert (low, high) == (pytest.approx(0.05 / 1.1, abs=1e-3), pytest.approx(1.05 / 1.1, abs=1e-3))


def test_a_result_shows_its_curves_in_a_notebook(tmp_path: Path) -> None:
    result = RunResult(tmp_path, (), None, None)
    assert result._repr_svg_() is None
    (tmp_path / "curves.svg").write_text("<svg/>", encoding="utf-8")
    assert result._repr_svg_() == "<svg/>"
