"""Simple conditions under which a formula may hold, as bit masks over configurations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from cnnshape.formulas.configurations import Mask, Points, mask_of
from cnnshape.formulas.exact_columns import Column
from cnnshape.formulas.registry import GROWING
from cnnshape.messages import say

#: How many conditions a formula may need and still be called conditional.
MOST_CONDITIONS = 5
#: Conditions must leave at least this many inputs to be more than a coincidence.
FEWEST_INPUTS = 6

#: What a condition costs a reader; a framework's default costs less, since it is usual.
_USUAL, _UNUSUAL = 10, 16


class Atom(NamedTuple):
    """One condition: its text, where it holds, and what it costs a reader."""

    text: str
    mask: Mask
    cost: int


_Holds = Callable[..., bool]

#: text, the arguments it is about, whether it holds for their values
GENERAL: tuple[tuple[str, tuple[str, ...], _Holds], ...] = (
    ("dilation=1", ("dilation",), lambda d: d == 1),
    ("padding=0", ("padding",), lambda p: p == 0),
    ("stride=1", ("stride",), lambda s: s == 1),
    ("output_padding=0", ("output_padding",), lambda a: a == 0),
    ("stride=kernel", ("stride", "kernel"), lambda s, k: s == k),
    (
        "padding=dilation*(kernel - 1)/2",
        ("padding", "kernel", "dilation"),
        lambda p, k, d: 2 * p == d * (k - 1),
    ),
    ("padding=(kernel - 1)/2", ("padding", "kernel"), lambda p, k: 2 * p == k - 1),
    ("padding=kernel//2", ("padding", "kernel"), lambda p, k: p == k // 2),
    (say("kernel odd"), ("kernel",), lambda k: k % 2 == 1),
    (say("kernel even"), ("kernel",), lambda k: k % 2 == 0),
    ("output_padding=stride - 1", ("output_padding", "stride"), lambda a, s: a == s - 1),
    ("factor=1", ("factor",), lambda f: f == 1),
    (say("factor is a whole number"), ("factor",), lambda f: f % 1 == 0),
    ("before=0", ("before",), lambda b: b == 0),
    ("after=0", ("after",), lambda a: a == 0),
    ("before=after", ("before", "after"), lambda b, a: b == a),
)
#: What rules for an argument may ask for as well.
_OF_ARGUMENTS: tuple[tuple[str, tuple[str, ...], _Holds], ...] = (
    ("kernel>=2", ("kernel",), lambda k: k >= 2),
    ("output>=2", ("output",), lambda o: o >= 2),
    ("input>=2", ("input",), lambda n: n >= 2),
    ("2*padding<kernel", ("padding", "kernel"), lambda p, k: 2 * p < k),
    ("kernel>=stride", ("kernel", "stride"), lambda k, s: k >= s),
    (say("kernel - stride even"), ("kernel", "stride"), lambda k, s: (k - s) % 2 == 0),
)
_OF_GROWTH: tuple[tuple[str, tuple[str, ...], _Holds], ...] = (
    ("kernel=stride + 2*padding", ("kernel", "stride", "padding"), lambda k, s, p: k == s + 2 * p),
    ("padding=stride/2", ("padding", "stride"), lambda p, s: 2 * p == s),
)
CEIL: tuple[tuple[str, tuple[str, ...], _Holds], ...] = (
    ("stride<=kernel", ("stride", "kernel"), lambda s, k: s <= k),
    (
        "stride + padding<=kernel",
        ("stride", "kernel", "padding"),
        lambda s, k, p: s + p <= k,
    ),
)
DEFAULTS = frozenset({"dilation=1", "padding=0", "output_padding=0"})
_WITH_CONSTANT = ("kernel", "stride", "padding", "factor", "output")
POOLS = frozenset({"max_pool", "avg_pool", "lp_pool"})


@lru_cache(maxsize=8)
def general_atoms(grid: Points, kind: str, *, ceil_mode: bool) -> tuple[Atom, ...]:
    """The conditions that mean something for a kind, as far as they divide the configurations."""
    usual = DEFAULTS | {"stride=kernel" if kind in POOLS else "stride=1"}
    found = _atoms(grid, (*GENERAL, *(CEIL if ceil_mode else ())), usual)
    return telling(grid, [*found, *_divisible(grid, kind)])


def argument_atoms(
    points: Points, kind: str, unknown: str, usual: Collection[str]
) -> tuple[Atom, ...]:
    """The conditions under which a rule for an argument may hold, beside the ``usual`` ones."""
    table = (*GENERAL, *_OF_ARGUMENTS, *(_OF_GROWTH if kind in GROWING else ()))
    # True, but narrower than what is meant: a stride that is the kernel, and dilation 1 unsaid.
    narrow = {"stride=kernel"} if kind not in POOLS else set[str]()
    if unknown == "dilation":
        narrow |= {"padding=(kernel - 1)/2", "padding=kernel//2"}
    wanted = [each for each in table if each[0] not in narrow]
    return telling(points, _atoms(points, wanted, DEFAULTS | set(usual)))


def value_atoms(points: Points, value: Column, whole: Sequence[int]) -> tuple[Atom, ...]:
    """Where a formula's value, and the whole number below it, can be an argument."""
    below = mask_of(each == 1 for each in value.denominators())
    least = mask_of(each >= 0 for each in whole)
    whole_number = Atom(say("formula whole"), below, _UNUSUAL + 1)
    return telling(points, [whole_number, Atom("formula>=0", least, _UNUSUAL)])


def telling(points: Points, atoms: Sequence[Atom]) -> tuple[Atom, ...]:
    """The conditions that hold in some of the configurations and not in all."""
    return tuple(atom for atom in atoms if atom.mask and atom.mask != points.everywhere)


def _atoms(
    points: Points, table: Sequence[tuple[str, tuple[str, ...], _Holds]], usual: Collection[str]
) -> list[Atom]:
    found: list[Atom] = []
    for text, roles, holds in table:
        if set(roles) <= set(points.roles):
            mask = points.where(roles, holds)
            found.append(Atom(text, mask, _USUAL if text in usual else _UNUSUAL))
    return found


def equal_atoms(points: Points, wanted: Mapping[str, Sequence[int]]) -> list[Atom]:
    """Arguments that have one of these values each."""
    return [
        Atom(
            f"{role}={number}", mask_of(value == number for value in points.values[role]), _UNUSUAL
        )
        for role, numbers in wanted.items()
        if role in points.roles
        for number in numbers
    ]


def _divisible(grid: Points, kind: str) -> list[Atom]:
    """Where the rule itself has nothing to round."""
    if kind in GROWING or not {"input", "kernel", "stride"} <= set(grid.roles):
        return []
    count = len(grid)
    paddings = grid.values.get("padding", [0.0] * count)
    dilations = grid.values.get("dilation", [1.0] * count)
    text = "input"
    if "padding" in grid.roles:
        text += " + 2*padding"
    dilated = any(dilation != 1 for dilation in dilations)
    text += " - dilation*(kernel - 1) - 1" if dilated else " - kernel"
    columns = (grid.values["input"], grid.values["kernel"], grid.values["stride"])
    truths = [
        not (n + 2 * p - d * (k - 1) - 1) % s
        for n, k, s, p, d in zip(*columns, paddings, dilations, strict=True)
    ]
    return [Atom(say("({size}) divisible by stride", size=text), mask_of(truths), _UNUSUAL + 1)]


def constant_atoms(grid: Points, constants: Sequence[int]) -> tuple[Atom, ...]:
    """Arguments that equal a number which stands in the formula, or its neighbour."""
    wanted: dict[str, set[int]] = {role: set(constants) for role in _WITH_CONSTANT}
    wanted["kernel"] |= {number + 1 for number in constants}
    wanted["padding"] |= {number // 2 for number in constants if number % 2 == 0}
    each = {role: sorted(numbers) for role, numbers in wanted.items()}
    return telling(grid, equal_atoms(grid, each))


def weakest(
    atoms: Sequence[Atom], equal: Mask, inputs: Sequence[Mask], kernels: Sequence[Mask]
) -> tuple[tuple[Atom, ...], Mask] | None:
    """The conditions that ask least under which ``equal`` holds everywhere.

    ``inputs`` and ``kernels`` are the masks of each input and kernel size: conditions that leave
    too few inputs, or one kernel without saying so, are a coincidence.
    """
    fewest = min(FEWEST_INPUTS, len(inputs))

    def varied(chosen: tuple[Atom, ...], mask: Mask) -> bool:
        if sum(1 for each in inputs if each & mask) < fewest:
            return False
        named = any(atom.text.startswith("kernel=") for atom in chosen)
        return named or len(kernels) < 2 or sum(1 for each in kernels if each & mask) > 1

    best: _Chosen | None = None
    found: list[_Chosen] = []
    for count in range(1, MOST_CONDITIONS + 1):
        if best is not None and cost(best)[0] <= count * _USUAL:
            break
        more = [
            (chosen, mask)
            for chosen in combinations(atoms, count)
            if (mask := _both(chosen)) and not mask & ~equal and varied(chosen, mask)
        ]
        # What adds to a set that is enough, and what asks for more than another does, is no news.
        fresh = [each for each in more if not any(set(old[0]) < set(each[0]) for old in found)]
        widest = [each for each in fresh if not any(_within(each[1], o[1]) for o in fresh)]
        found += fresh
        best = min([*widest, *([best] if best else [])], key=cost, default=None)
    return best


_Chosen = tuple[tuple[Atom, ...], Mask]


def _both(atoms: Sequence[Atom]) -> Mask:
    """Where all of these hold."""
    mask = atoms[0].mask
    for atom in atoms[1:]:
        mask &= atom.mask
    return mask


def _within(mask: Mask, other: Mask) -> bool:
    """Whether one holds only where the other does, and not everywhere there."""
    return mask != other and not mask & ~other


def cost(chosen: _Chosen) -> tuple[int, int]:
    """Cheap to say first, then wide."""
    return sum(atom.cost for atom in chosen[0]), -chosen[1].bit_count()
