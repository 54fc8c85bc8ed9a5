"""Loss functions, which are modules too: predictions and targets that do not belong together."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Operand, Sizes
from cnnshape.analysis.diagnose.rules.fitting import candidates, clash
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import on_argument
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
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
    scores, target = failing.operand(), failing.operand("target")
    if scores is None or target is None or not scores.shape:
        return None
    shape, given = scores.shape, target.shape
    batched = scores.rank > 1
    classes = shape[:2][-1]
    expected = (shape[0], *shape[2:]) if batched else ()
    if given == expected:
        return _values(failing, scores, target, classes)
    if given == shape and target.value.dtype not in _INTEGERS:
        return None
    found = tuple(_target_candidates(failing, target.value, shape, given))
    if given and batched and given[0] != shape[0]:
        sentence = say(
            "{predictions} ({shape}) and {targets} ({given}) do not belong together",
            predictions=plural(shape[0], "prediction"),
            shape=times(shape),
            targets=plural(given[0], "target"),
            given=times(given),
        )
        return Diagnosis("loss.batch", sentence, (), found)
    sentence = say(
        "for scores of {shape} ({classes} in dimension {dim}) the targets must have "
        "the shape {expected}, not {given}",
        shape=times(shape),
        classes=plural(classes, "class", "classes"),
        dim=1 if batched else 0,
        expected=times(expected),
        given=times(given),
    )
    return Diagnosis("loss.target_shape", sentence, (), found)


def _values(failing: Failing, scores: Operand, target: Operand, classes: int) -> Diagnosis | None:
    dtype = target.value.dtype
    if dtype not in ("int64", "uint8"):
        sentence = say("class numbers must be int64, but {dtype} arrives", dtype=dtype)
        steps = (Step("to", ("int64",)),)
        candidate = on_argument(failing, "target", "{x}.long()", steps, (dtype, "int64"))
        return Diagnosis("dtype.target", sentence, (), (candidate,))
    span = failing.failure.ranges.get(target.value.id)
    if span is None or (span[0] >= 0 and span[1] < classes):
        return None
    bad = span[1] if span[1] >= classes else span[0]
    sentence = say(
        "there are scores for {classes} classes (0 to {last}), but the target {target} arrives",
        classes=classes,
        last=classes - 1,
        target=bad,
    )
    found: list[Suggestion] = []
    if span[0] >= 1 and span[1] == classes:
        steps = (Step("shift", (-1,)),)
        found.append(on_argument(failing, "target", "{x} - 1", steps, (None, None)))
    if span[0] >= 0:
        made = other_inputs(failing, scores.value, min(scores.rank - 1, 1), span[1] + 1)
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
        yield on_argument(failing, "target", text, steps, change)
    if wanted == shape and target.dtype in _INTEGERS:
        steps = (Step("argmax", (1,)),)
        yield on_argument(failing, "target", "{x}.argmax(dim=1)", steps, change)
    if rank >= 3 and wanted == shape[:-1]:
        # N×L×C, as language models give it.
        after = [shape[0], shape[-1], *shape[1:-1]]
        text, step = "{x}.transpose(1, 2)", Step("transpose", (1, 2))
        if rank > 3:
            text, step = "{x}.movedim(-1, 1)", Step("movedim", (-1, 1))
        yield on_argument(failing, "input", text, (step,), (list(shape), after))
    if rank == 2 and len(wanted) > 1 and prod(wanted) == shape[0] != wanted[0]:
        # The scores of all steps in one list, the targets still in rows.
        steps = (Step("flatten"),)
        yield on_argument(failing, "target", "{x}.flatten()", steps, (list(wanted), [shape[0]]))
    if rank == 1 and wanted == (1,):
        steps = (Step("unsqueeze", (0,)),)
        now = (list(shape), [1, *shape])
        yield on_argument(failing, "input", "{x}.unsqueeze(0)", steps, now)


def alike(failing: Failing) -> Diagnosis | None:
    """Predictions and targets of one shape and dtype."""
    first, second = failing.operand(), failing.operand("target")
    if first is None or second is None:
        return None
    if first.shape != second.shape:
        sentence = say(
            "predictions {shape} and targets {given} must have the same shape",
            shape=times(first.shape),
            given=times(second.shape),
        )
        found = tuple(_made_alike(failing, first, second))
        if first.rank != second.rank or first.rank < 3:
            return Diagnosis("loss.shapes", sentence, (), found)
        stories = [story(failing.trace, first.value.id, axis) for axis in range(1, first.rank)]
        derivation = (*start_line(failing.trace, stories), *lines(stories))
        return Diagnosis("loss.shapes", sentence, derivation, found)
    wanted, dtype = first.value.dtype, second.value.dtype
    if dtype in _INTEGERS:
        sentence = say(
            "predictions are {dtype}, but the targets are {given}", dtype=wanted, given=dtype
        )
        steps = (Step("to", (wanted,)),)
        candidate = on_argument(failing, "target", "{x}.float()", steps, (dtype, wanted))
        return Diagnosis("dtype.target", sentence, (), (candidate,))
    return None


def _made_alike(failing: Failing, first: Operand, second: Operand) -> Iterator[Suggestion]:
    shape, wanted = first.shape, second.shape
    now = (list(shape), list(wanted))
    if shape == (*wanted, 1):
        steps = (Step("squeeze", (-1,)),)
        yield on_argument(failing, "input", "{x}.squeeze(-1)", steps, now)
        steps = (Step("unsqueeze", (-1,)),)
        yield on_argument(failing, "target", "{x}.unsqueeze(-1)", steps, (now[1], now[0]))
        return
    found = clash([shape, wanted])
    if found is not None:
        # An autoencoder's output, say, that is smaller than the picture it began with.
        yield from candidates(CallText(failing), first, second, found[2])
