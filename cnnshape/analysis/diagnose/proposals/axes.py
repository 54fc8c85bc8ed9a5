"""An axis moved, added or removed, where the wanted number stands elsewhere in the shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from cnnshape.analysis.accounts import entry_of
from cnnshape.analysis.diagnose.axis_origin import step_back
from cnnshape.analysis.diagnose.edits import AfterCall, Step
from cnnshape.analysis.diagnose.failing import Failing, Operand, Sizes
from cnnshape.analysis.diagnose.rules.fitting import clash
from cnnshape.analysis.diagnose.size_history import story
from cnnshape.analysis.diagnose.source_call import CallText, at_call
from cnnshape.analysis.diagnose.suggest import before_call, change_input
from cnnshape.analysis.report import Suggestion

Fits = Callable[[Sizes], bool]

#: The widest tensors whose axes are moved about.
_MOST_AXES = 6
#: Of a sequence's axes any two may be exchanged.
_FEW_AXES = 3
#: As many ways for one tensor are proposed.
_MOST = 3


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The axes of a tensor arranged in another way, and the shape that it then has.

    ``back`` undoes it on a result with as many axes; None where an axis came or went.
    """

    template: str
    steps: tuple[Step, ...]
    shape: Sizes
    back: str | None = None


def arrangements(shape: Sizes) -> Iterator[Arrangement]:
    """Every way with one axis put in, left out, or two exchanged; the batch stays first.

    >>> [a.template.format(x="x") for a in arrangements((4, 1, 7))][:3]
    ['x.squeeze(1)', 'x.unsqueeze(1)', 'x.unsqueeze(2)']
    """
    rank = len(shape)
    if not 0 < rank <= _MOST_AXES:
        return
    for axis in range(1, rank):
        if shape[axis] == 1:
            after = (*shape[:axis], *shape[axis + 1 :])
            yield Arrangement(f"{{x}}.squeeze({axis})", (Step("squeeze", (axis,)),), after)
    for axis in range(1, rank + 1):
        place = -1 if axis == rank else axis
        after = (*shape[:axis], 1, *shape[axis:])
        yield Arrangement(f"{{x}}.unsqueeze({place})", (Step("unsqueeze", (place,)),), after)
    if rank > _FEW_AXES:
        yield _permuted(shape, (0, rank - 1, *range(1, rank - 1)))
    for a, b in combinations(range(1, rank), 2):
        if rank <= _FEW_AXES or b == a + 1:  # of a picture's, none is exchanged over another
            yield _turned(shape, a, b)
    if rank > _FEW_AXES:
        yield _permuted(shape, (0, *range(2, rank), 1))
    if rank > 1:
        yield _turned(shape, 0, 1)


def _turned(shape: Sizes, a: int, b: int) -> Arrangement:
    after = list(shape)
    after[a], after[b] = shape[b], shape[a]
    return Arrangement(
        f"{{x}}.transpose({a}, {b})",
        (Step("transpose", (a, b)),),
        tuple(after),
        f"{{y}}.transpose({a}, {b})",
    )


def _permuted(shape: Sizes, order: tuple[int, ...]) -> Arrangement:
    inside = ", ".join(map(str, order))
    inverse = ", ".join(str(order.index(axis)) for axis in range(len(order)))
    return Arrangement(
        f"{{x}}.permute({inside})",
        (Step("permute", order),),
        tuple(shape[axis] for axis in order),
        f"{{y}}.permute({inverse})",
    )


def in_other_order(failing: Failing) -> Iterator[Suggestion]:
    """The failing call's tensor with its axes as the call wants them, where that can be told."""
    for operand, fits in _wanted(failing):
        if fits(operand.shape) or _made(failing, operand):
            continue
        ways = (*arrangements(operand.shape), *_last_state(failing, operand))
        for one in [one for one in ways if fits(one.shape)][:_MOST]:
            yield _where_it_belongs(failing, operand, one)


def _made(failing: Failing, operand: Operand) -> bool:
    """Whether a layer, or a joining of such, made the size that stands where it is looked at.

    Then it is the number that is wrong, and another axis has the wanted one by chance.
    """
    axis = -1
    if failing.name in ("conv", "conv_transpose"):
        axis = -(failing.dims or 0) - 1
    elif failing.name in ("batch_norm", "instance_norm"):
        axis = 1
    elif failing.name != "linear" and failing.operation is not None:
        return False
    there = -operand.rank <= axis < operand.rank
    return there and story(failing.trace, operand.value.id, axis).made


def _last_state(failing: Failing, operand: Operand) -> Iterator[Arrangement]:
    """The state of a recurrent network's last layer, where that of all layers was passed on."""
    if operand.rank != 3 or not _counts_layers(failing, operand):
        return
    batch, features = operand.shape[1:]
    yield Arrangement("{x}[-1]", (Step("item", (-1,)),), (batch, features))
    steps = (Step("item", (-1,)), Step("unsqueeze", (1,)))
    yield Arrangement("{x}[-1].unsqueeze(1)", steps, (batch, 1, features))


def _counts_layers(failing: Failing, operand: Operand) -> bool:
    """Whether the first axis is that of the layers and directions of an LSTM, GRU or RNN."""
    at: tuple[int, int] | None = (operand.value.id, 0)
    while at is not None:
        operation, before = step_back(failing.trace, *at)
        entry = None if operation is None else entry_of(operation)
        if operation is not None and entry is not None and entry.family == "recurrent":
            return at[1] == 0 and at[0] != operation.outputs[0]
        at = before
    return False


def _where_it_belongs(failing: Failing, operand: Operand, one: Arrangement) -> Suggestion:
    """On the model's input, at the layer's call with its result turned back, or in the line."""
    if operand.input_name:
        change = (list(operand.shape), list(one.shape))
        return change_input(operand.input_name, one.template, one.steps, change)
    if not failing.module.builtin:
        return CallText(failing).on(operand.place, one.template)
    back = one.back if _keeps_axes(failing) else None
    called = at_call(failing, one.template, back)
    if called is not None:
        return called
    before = before_call(failing, one.template.format(x="x"), one.steps)
    if back is None:
        return before
    text = back.format(y=f"{failing.path}({before.text})")
    after = AfterCall(failing.path, one.steps)  # an exchange undoes itself
    return replace(before, text=text, edits=(*before.edits, after))


def _keeps_axes(failing: Failing) -> bool:
    """Whether what comes out has the axes of what goes in, so that it may be turned back."""
    return failing.entry is not None and failing.entry.family == "norm"


# ---- what the call wants --------------------------------------------------------------------


def _wanted(failing: Failing) -> Iterator[tuple[Operand, Fits]]:
    """Tensors of the failing call, each with the shapes that would do for it."""
    x = failing.operand() or failing.given_operand(0, "input")
    if x is None:
        return
    weight = failing.operand("weight")
    yield from _laid_over(failing)
    yield from _multiplied(failing)
    if failing.name in ("conv", "conv_transpose") and weight is not None:
        yield from _convolved(failing, x, weight.shape)
    elif failing.name in ("batch_norm", "instance_norm"):
        yield from _normalised(failing, x)
    elif failing.module.kind in ("LSTM", "GRU", "RNN"):
        size = failing.module.config.get("input_size")
        yield x, lambda shape: len(shape) == 3 and shape[-1] == size and size != 1
    elif failing.name == "linear" and weight is not None and x.rank == 3:
        features = weight.shape[1]
        fits = x.shape.count(features) == 1 and features > 1 and x.shape[-1] > 1
        yield x, lambda shape: fits and len(shape) == x.rank and shape[-1] == features


def _convolved(failing: Failing, x: Operand, weight: Sizes) -> Iterator[tuple[Operand, Fits]]:
    rank = (failing.dims or 0) + 2
    groups = failing.bound.get("groups", 1)
    channels = weight[0] if failing.name == "conv_transpose" else weight[1] * groups

    def fits(shape: Sizes) -> bool:
        room = all(size >= k for size, k in zip(shape[2:], weight[2:], strict=False))
        return len(shape) == rank and shape[1] == channels and (room or _padded(failing))

    # With one channel every new axis would do, and with the batch taken for channels none is sure.
    told = channels > 1 or x.rank == rank - 1
    if told and not (x.rank == rank - 1 and x.shape[0] == channels):
        yield x, fits


def _padded(failing: Failing) -> bool:
    return failing.argument("padding") not in (None, 0, (0,), (0, 0), (0, 0, 0))


def _normalised(failing: Failing, x: Operand) -> Iterator[tuple[Operand, Fits]]:
    features = failing.module.config.get("num_features")
    if isinstance(features, int) and features > 1:
        yield x, lambda shape: len(shape) == x.rank == _FEW_AXES and shape[1] == features


def _multiplied(failing: Failing) -> Iterator[tuple[Operand, Fits]]:
    """A vector per example as a matrix of one row or column, for products of stacks."""
    if failing.name != "bmm" or len(failing.operands) != 2:
        return
    left, right = failing.operands
    if left.rank == 2 and right.rank == 3:
        yield left, lambda s: len(s) == 3 and (s[0], s[2]) == right.shape[:2]
    elif left.rank == 3 and right.rank == 2:
        yield right, lambda s: len(s) == 3 and s[:2] == (left.shape[0], left.shape[2])


# ---- two tensors laid over each other -------------------------------------------------------


def _laid_over(failing: Failing) -> Iterator[tuple[Operand, Fits]]:
    """One of the operands as it goes into the others without making them larger."""
    family = "" if failing.entry is None else failing.entry.family
    if family not in ("arithmetic", "elementwise") or len(failing.operands) < 2:
        return
    for mine in failing.operands:
        others = [one.shape for one in failing.operands if one is not mine]
        if not mine.value.static and clash(others) is None:
            whole = _together(others)
            yield mine, lambda shape, whole=whole: _covers(whole, shape)


def _together(shapes: list[Sizes]) -> Sizes:
    """The shape of several tensors laid over each other."""
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(max(line) for line in zip(*padded, strict=True))


def _covers(whole: Sizes, part: Sizes) -> bool:
    """Whether ``part`` is broadcast over ``whole``: aligned from the end, no size of it larger."""
    pairs = zip(reversed(whole), reversed(part), strict=False)
    return len(part) == len(whole) and all(b in (a, 1) for a, b in pairs)
