"""What a run tells: epoch by epoch, and at its end. Plain values, no tensors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnshape.messages import say


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One line of ``metrics.jsonl``.

    Attributes:
        epoch: counted from 1.
        train_loss: mean cross-entropy over the epoch's training pictures, as they were
            when each batch was trained on; without label smoothing.
        train_accuracy: part of them that was classified rightly, 0…1.
        validation_loss: after the epoch, on the validation pictures; None without any.
        validation_accuracy: likewise, 0…1.
        test_loss: on the test pictures; only where there are no validation pictures.
        test_accuracy: likewise, 0…1.
        lr: the learning rate of the epoch's last step.
        examples_per_second: training pictures per second, evaluation not counted.
        seconds: what the epoch took, evaluation included.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    lr: float
    examples_per_second: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """As ``metrics.jsonl`` holds it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EpochRecord:
        """What :meth:`to_dict` made."""
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A picture that was classified wrongly.

    Attributes:
        index: its number in the data set.
        label: its class, as a number.
        predicted: the class it was taken for.
        probability: how sure the model was of that, 0…1.
    """

    index: int
    label: int
    predicted: int
    probability: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model measured on labelled pictures.

    Attributes:
        loss: mean cross-entropy.
        correct: pictures classified rightly.
        total: all pictures.
        confusion: ``confusion[label][predicted]`` counts pictures.
        mistakes: the wrong ones the model was surest of, the worst first.
        classes: the classes' names.
    """

    loss: float
    correct: int
    total: int
    confusion: tuple[tuple[int, ...], ...]
    mistakes: tuple[Mistake, ...] = ()
    classes: tuple[str, ...] = ()

    @property
    def accuracy(self) -> float:
        """Part of the pictures that was classified rightly, 0…1."""
        return self.correct / self.total

    @property
    def most_frequent(self) -> tuple[int, float]:
        """The class with the most pictures, and its part of them, 0…1."""
        sizes = [sum(row) for row in self.confusion]
        most = max(range(len(sizes)), key=sizes.__getitem__)
        return most, sizes[most] / self.total

    @property
    def at_chance(self) -> bool | None:
        """Whether it is no better than the most frequent class, by two standard deviations.

        None where the confusion of the classes is not known.

        >>> Evaluation(2.3, 12, 100, ((5, 45), (43, 7))).at_chance
        True
        >>> Evaluation(0.5, 70, 100, ((35, 15), (15, 35))).at_chance
        False
        >>> Evaluation(0.5, 70, 100, ()).at_chance is None
        True
        """
        if not self.confusion:
            return None
        if self.correct == self.total:
            return False
        share = self.most_frequent[1]
        deviation = (self.total * share * (1 - share)) ** 0.5
        return self.correct <= self.total * share + 2 * deviation

    def __str__(self) -> str:
        """As the command line prints it.

        >>> str(Evaluation(0.1, 351, 360, ()))
        'accuracy 97.50 % (351/360)'
        """
        return say(
            "accuracy {percent} % ({correct}/{total})",
            percent=f"{100 * self.accuracy:.2f}", correct=self.correct, total=self.total,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """As JSON: the fields, the accuracy, and whether it is at chance."""
        return {
            "accuracy": self.accuracy,
            "at_chance": self.at_chance,
            **dataclasses.asdict(self),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Evaluation:
        """What :meth:`to_dict` made, also after a round trip through JSON.

        >>> one = Evaluation(0.5, 1, 2, ((1, 0), (1, 0)), (Mistake(1, 1, 0, 0.9),), ("a", "b"))
        >>> Evaluation.from_dict(one.to_dict()) == one
        True
        """
        return cls(
            loss=values["loss"],
            correct=values["correct"],
            total=values["total"],
            confusion=_grid(values["confusion"]),
            mistakes=tuple(Mistake(**mistake) for mistake in values["mistakes"]),
            classes=tuple(values["classes"]),
        )


def _grid(rows: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in rows)


@dataclass(frozen=True, slots=True)
class RunResult:
    """A training run that has ended, or was interrupted.

    Attributes:
        folder: the run folder.
        history: one record per finished epoch.
        best_epoch: the epoch whose weights are in ``best.pt``, counted from 1; None before
            the first epoch has ended.
        test: those weights on the test pictures; None if the run was interrupted.
        interrupted: whether Ctrl-C ended it; :func:`cnnshape.training.resume` goes on.
        stopped_early: whether it ended because validation stopped getting better.
        seconds: time spent on training and evaluation, over all sittings.
    """

    folder: Path
    history: tuple[EpochRecord, ...]
    best_epoch: int | None
    test: Evaluation | None
    interrupted: bool = False
    stopped_early: bool = False
    seconds: float = 0.0

    def _repr_svg_(self) -> str | None:
        """The run's curves, as Jupyter shows them."""
        curves = self.folder / "curves.svg"
        return curves.read_text(encoding="utf-8") if curves.is_file() else None

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "folder": self.folder.as_posix(),
            "epochs": len(self.history),
            "best_epoch": self.best_epoch,
            "interrupted": self.interrupted,
            "stopped_early": self.stopped_early,
            "seconds": self.seconds,
            "test": None if self.test is None else self.test.to_dict(),
            "history": [record.to_dict() for record in self.history],
        }
