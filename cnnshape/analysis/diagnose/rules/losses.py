"""Loss functions, which are modules too: predictions and targets that do not belong together."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.rules.fitting import candidates, clash
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import on_argument
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Value
from cnnshape.words import plural, times

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
        return _values(failing, scores, target, classes)
    if wanted == shape and target.dtype not in _INTEGERS:
        return None
    found = tuple(_target_candidates(failing, target, shape, wanted))
    if wanted and batched and wanted[0] != shape[0]:
        sentence = (
            f"{plural(shape[0], 'prediction')} ({times(shape)}) and {plural(wanted[0], 'target')} "
            f"({times(wanted)}) do not belong together"
        )
        return Diagnosis("loss.batch", sentence, (), found)
    sentence = (
        f"for scores of {times(shape)} ({plural(classes, 'class', 'classes')} in "
        f"dimension {1 if batched else 0}) the targets must have the shape {times(expected)}, not "
        f"{times(wanted)}"
    )
    return Diagnosis("loss.target_shape", sentence, (), found)


def _values(failing: Failing, scores: Value, target: Value, classes: int) -> Diagnosis | None:
    if target.dtype not in ("int64", "uint8"):
        sentence = f"class numbers must be int64, but {target.dtype} arrives"
        steps = (Step("to", ("int64",)),)
        change = (target.dtype, "int64")
        candidate = on_argument(failing, 1, "target", "{x}.long()", steps, change)
        return Diagnosis("dtype.target", sentence, (), (candidate,))
    span = failing.failure.ranges.get(target.id)
    if span is None or (span[0] >= 0 and span[1] < classes):
        return None
    bad = span[1] if span[1] >= classes else span[0]
    sentence = (
        f"there are scores for {classes} classes (0 to {classes - 1}), but the target {bad} arrives"
    )
    found: list[Suggestion] = []
    if span[0] >= 1 and span[1] == classes:
        steps = (Step("shift", (-1,)),)
        found.append(on_argument(failing, 1, "target", "{x} - 1", steps, (None, None)))
    if span[0] >= 0:
        axis = min(len(scores.shape) - 1, 1)
        made = [c for c in other_inputs(failing, scores, axis, span[1] + 1) if c]
        found += [c for c in made if c.action == "set_argument"]
    return Diagnosis("loss.target_range", sentence, (), tuple(found))


def _target_candidates(
    failing: Failing, target: Value, shape: Sizes, wanted: Sizes
) -> Iterator[Suggestion]:
    rank = len(shape)
    expected = [shape[0], *shape[2:]]
    change = (list(wanted), expected)
    if rank > 1 and wanted == (shape[0], 1, *shape[2:]):
        text, steps = "{x}.squeeze(1)", (Step("squeeze", (1,)),)
        if target.dtype not in _INTEGERS:
            text, steps = f"{text}.long()", (*steps, Step("to", ("int64",)))
        yield on_argument(failing, 1, "target", text, steps, change)
    if wanted == shape and target.dtype in _INTEGERS:
        steps = (Step("argmax", (1,)),)
        yield on_argument(failing, 1, "target", "{x}.argmax(dim=1)", steps, change)
    if rank >= 3 and wanted == shape[:-1]:
        # N×L×C, as language models give it.
        after = [shape[0], shape[-1], *shape[1:-1]]
        text, step = "{x}.transpose(1, 2)", Step("transpose", (1, 2))
        if rank > 3:
            text, step = "{x}.movedim(-1, 1)", Step("movedim", (-1, 1))
        yield on_argument(failing, 0, "input", text, (step,), (list(shape), after))
    if rank == 2 and len(wanted) > 1 and prod(wanted) == shape[0] != wanted[0]:
        # The scores of all steps in one list, the targets still in rows.
        steps = (Step("flatten"),)
        yield on_argument(failing, 1, "target", "{x}.flatten()", steps, (list(wanted), [shape[0]]))
    if rank == 1 and wanted == (1,):
        steps = (Step("unsqueeze", (0,)),)
        now = (list(shape), [1, *shape])
        yield on_argument(failing, 0, "input", "{x}.unsqueeze(0)", steps, now)


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
    if shape != wanted:
        sentence = (
            f"predictions {times(shape)} and targets {times(wanted)} must have the same shape"
        )
        found = list(_made_alike(failing, first, second, shape, wanted))
        derivation: tuple[str, ...] = ()
        if len(shape) == len(wanted) >= 3:
            axes = range(1, len(shape))
            stories = [story(failing.trace, first.id, axis) for axis in axes]
            derivation = (*start_line(failing.trace, stories), *lines(stories))
        return Diagnosis("loss.shapes", sentence, derivation, tuple(found))
    if second.dtype in _INTEGERS:
        sentence = f"predictions are {first.dtype}, but the targets are {second.dtype}"
        steps = (Step("to", (first.dtype,)),)
        change = (second.dtype, first.dtype)
        candidate = on_argument(failing, 1, "target", "{x}.float()", steps, change)
        return Diagnosis("dtype.target", sentence, (), (candidate,))
    return None


def _made_alike(
    failing: Failing, first: Value, second: Value, shape: Sizes, wanted: Sizes
) -> Iterator[Suggestion]:
    now = (list(shape), list(wanted))
    if shape == (*wanted, 1):
        steps = (Step("squeeze", (-1,)),)
        yield on_argument(failing, 0, "input", "{x}.squeeze(-1)", steps, now)
        steps = (Step("unsqueeze", (-1,)),)
        yield on_argument(failing, 1, "target", "{x}.unsqueeze(-1)", steps, (now[1], now[0]))
        return
    found = clash([shape, wanted])
    if found is not None:
        # An autoencoder's output, say, that is smaller than the picture it began with.
        call = CallText(failing)
        yield from candidates(failing, call, (0, first, shape), (1, second, wanted), found[2])
