"""Operations that move, merge and split axes."""

from __future__ import annotations

from cnnshape.experiments.symbolic.reading import argument, as_tuple, first, numbers_of
from cnnshape.experiments.symbolic.state import Dims, Sizes, times
from cnnshape.experiments.symbolic.window_rules import filled
from cnnshape.tracing.trace import Operation


def view_sizes(op: Operation, sizes: Sizes) -> list[Dims] | None:
    """``view`` and ``reshape``, with -1 for what is left."""
    shape = numbers_of(op, sizes, 1, "shape", "size")
    if any(isinstance(n, str) for n in shape):
        return None  # view(dtype)
    return [filled(op, sizes, times(*first(op, sizes)), shape)]


def permute_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """The axes in another order."""
    given = first(op, sizes)
    return [tuple(given[d] for d in numbers_of(op, sizes, 1, "dims"))]


def transpose_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """Two axes exchanged."""
    given = list(first(op, sizes))
    one, other = argument(op, sizes, 1, "dim0"), argument(op, sizes, 2, "dim1")
    if op.name in ("T", "t", "mT", "H", "mH", "adjoint"):
        one, other = -2, -1
    if len(given) > 1:
        given[one], given[other] = given[other], given[one]
    return [tuple(given)]


def movedim_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """Some axes moved to other places."""
    given = first(op, sizes)
    sources = as_tuple(argument(op, sizes, 1, "source"))
    targets = as_tuple(argument(op, sizes, 2, "destination"))
    rank = len(given)
    moved = {t % rank: s % rank for s, t in zip(sources, targets, strict=True)}
    rest = iter(d for d in range(rank) if d not in moved.values())
    return [tuple(given[moved[d] if d in moved else next(rest)] for d in range(rank))]


def squeeze_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """Axes of size 1 left out."""
    value = op.inputs[0]
    given, numbers = sizes.of_value(value), sizes.numbers(value)
    chosen = [d % len(given) for d in numbers_of(op, sizes, 1, "dim") if isinstance(d, int)]
    gone = [d for d in (chosen or range(len(given))) if numbers[d] == 1]
    for d in gone:
        sizes.demand(op, given[d], "==", 1)
    return [tuple(n for d, n in enumerate(given) if d not in gone)]


def unsqueeze_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """An axis of size 1 put in."""
    given = first(op, sizes)
    at = int(argument(op, sizes, 1, "dim")) % (len(given) + 1)
    return [(*given[:at], 1, *given[at:])]


def expand_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """Axes of size 1 repeated; -1 keeps a size."""
    given = first(op, sizes)
    shape = numbers_of(op, sizes, 1, "size")
    added = len(shape) - len(given)
    return [
        tuple(
            given[d - added] if isinstance(n, int) and n == -1 and d >= added else n
            for d, n in enumerate(shape)
        )
    ]


def like_second_sizes(op: Operation, sizes: Sizes) -> list[Dims] | None:
    """The shape of the second tensor."""
    other = sizes.of(op.args[1]) if len(op.args) > 1 else None
    return None if other is None else [other]


def repeat_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """Every size times its count."""
    given = first(op, sizes)
    counts = numbers_of(op, sizes, 1, "repeats", "dims")
    added = len(counts) - len(given)
    if added < 0:
        counts = (1,) * -added + counts
        added = 0
    padded = (1,) * added + tuple(given)
    return [tuple(times(n, c) for n, c in zip(padded, counts, strict=True))]
