"""Loss functions, which are modules too: predictions and targets that do not belong together."""

from __future__ import annotations

from collections.abc import Iterator

from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.result import Candidate, Diagnosis
from cnnshape.analysis.diagnose.suggest import change_input
from cnnshape.analysis.diagnose.wording import plural, times
from cnnshape.tracing.trace import Value

_INTEGERS = ("int64", "int32", "int16", "int8", "uint8", "bool")
#: Losses of two tensors of one shape.
ALIKE = frozenset(
    "binary_cross_entropy binary_cross_entropy_with_logits mse_loss l1_loss smooth_l1_loss "
    "huber_loss kl_div".split()
)


def cross_entropy(failing: Failing) -> Diagnosis | None:
    """Class numbers N×… for scores N×C×…, or probabilities of the same shape."""
    scores = failing.value(failing.argument(0, "input"))
    target = failing.value(failing.argument(1, "target"))
    if scores is None or target is None:
        return None
    shape, wanted = sizes(scores), sizes(target)
    if not shape or wanted is None:
        return None
    rank = len(shape)
    batched = rank > 1
    classes = shape[:2][-1]
    expected = (shape[0], *shape[2:]) if batched else ()
    if wanted == expected:
        return _values(failing, target, classes)
    if wanted == shape and target.dtype not in _INTEGERS:
        return None
    found = tuple(_target_candidates(scores, target, shape, wanted))
    if wanted and batched and wanted[0] != shape[0]:
        sentence = (
            f"{plural(shape[0], 'prediction')} ({times(shape)}) and {plural(wanted[0], 'target')} "
            f"({times(wanted)}) do not belong together"
        )
        return Diagnosis("loss.batch", sentence, (), found)
    sentence = (
        f"for scores of {times(shape)} ({plural(classes, 'class').replace('classs', 'classes')} in "
        f"dimension {1 if batched else 0}) the targets must have the shape {times(expected)}, not "
        f"{times(wanted)}"
    )
    return Diagnosis("loss.target_shape", sentence, (), found)


def _values(failing: Failing, target: Value, classes: int) -> Diagnosis | None:
    if target.dtype not in ("int64", "uint8"):
        sentence = f"class numbers must be int64, but {target.dtype} arrives"
        name = target.name or "target"
        candidate = change_input(
            name, name, f"{name}.long()", (Step("to", ("int64",)),), target.dtype, "int64"
        )
        return Diagnosis("dtype.target", sentence, (), (candidate,))
    span = failing.facts.ranges.get(target.id)
    if span is None or (span[0] >= 0 and span[1] < classes):
        return None
    bad = span[1] if span[1] >= classes else span[0]
    sentence = (
        f"there are scores for {classes} classes (0 to {classes - 1}), but the target {bad} arrives"
    )
    found: tuple[Candidate, ...] = ()
    if span[0] >= 1 and span[1] == classes and target.name:
        shifted = change_input(
            target.name, target.name, f"{target.name} - 1", (Step("shift", (-1,)),), None, None
        )
        found = (shifted,)
    return Diagnosis("loss.target_range", sentence, (), found)


def _target_candidates(
    scores: Value, target: Value, shape: Sizes, wanted: Sizes
) -> Iterator[Candidate]:
    name, scored = target.name or "target", scores.name or "input"
    rank = len(shape)
    if rank > 1 and wanted == (shape[0], 1, *shape[2:]):
        yield change_input(
            name,
            name,
            f"{name}.squeeze(1)",
            (Step("squeeze", (1,)),),
            list(wanted),
            [shape[0], *shape[2:]],
        )
    if wanted == shape and target.dtype in _INTEGERS:
        yield change_input(
            name,
            name,
            f"{name}.argmax(dim=1)",
            (Step("argmax", (1,)),),
            list(wanted),
            [shape[0], *shape[2:]],
        )
    if rank == 3 and wanted == shape[:2]:
        # N×L×C, as language models give it.
        yield change_input(
            scored,
            scored,
            f"{scored}.transpose(1, 2)",
            (Step("transpose", (1, 2)),),
            list(shape),
            [shape[0], shape[2], shape[1]],
        )
    if rank == 1 and wanted == (1,):
        yield change_input(
            scored,
            scored,
            f"{scored}.unsqueeze(0)",
            (Step("unsqueeze", (0,)),),
            list(shape),
            [1, *shape],
        )


def alike(failing: Failing) -> Diagnosis | None:
    """Predictions and targets of one shape and dtype."""
    values = [
        failing.value(failing.argument(0, "input")),
        failing.value(failing.argument(1, "target")),
    ]
    first, second = values
    if first is None or second is None:
        return None
    shape, wanted = sizes(first), sizes(second)
    if shape is None or wanted is None:
        return None
    scored, name = first.name or "input", second.name or "target"
    if shape != wanted:
        sentence = (
            f"predictions {times(shape)} and targets {times(wanted)} must have the same shape"
        )
        found: list[Candidate] = []
        if shape == (*wanted, 1):
            found.append(
                change_input(
                    scored,
                    scored,
                    f"{scored}.squeeze(-1)",
                    (Step("squeeze", (-1,)),),
                    list(shape),
                    list(wanted),
                )
            )
            found.append(
                change_input(
                    name,
                    name,
                    f"{name}.unsqueeze(-1)",
                    (Step("unsqueeze", (-1,)),),
                    list(wanted),
                    list(shape),
                )
            )
        return Diagnosis("loss.shapes", sentence, (), tuple(found))
    if second.dtype in _INTEGERS:
        sentence = f"predictions are {first.dtype}, but the targets are {second.dtype}"
        candidate = change_input(
            name, name, f"{name}.float()", (Step("to", (first.dtype,)),), second.dtype, first.dtype
        )
        return Diagnosis("dtype.target", sentence, (), (candidate,))
    return None
