"""Simple conditions under which a formula may hold, as bit masks over configurations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from cnnshape.formulas.subjects import Subject

#: One bit per configuration.
Mask = int
Named = Mapping[str, float]

#: How many conditions a formula may need and still be called conditional.
MOST_CONDITIONS = 5
#: A condition must leave at least this many inputs to be more than a coincidence.
FEWEST_INPUTS = 6


class Atom(NamedTuple):
    """One condition: its text, and where it holds."""

    text: str
    mask: Mask


def mask_of(truths: Iterable[bool]) -> Mask:
    """Bits from truth values, the first configuration in the lowest bit."""
    digits = "".join("1" if truth else "0" for truth in truths)
    return int(digits[::-1] or "0", 2)


def first(mask: Mask) -> int | None:
    """The index of the first configuration in a mask."""
    return (mask & -mask).bit_length() - 1 if mask else None


_General = list[tuple[str, tuple[str, ...], Callable[[Named], bool]]]

_GENERAL: _General = [
    ("dilation=1", ("dilation",), lambda v: v["dilation"] == 1),
    ("padding=0", ("padding",), lambda v: v["padding"] == 0),
    ("stride=1", ("stride",), lambda v: v["stride"] == 1),
    ("output_padding=0", ("output_padding",), lambda v: v["output_padding"] == 0),
    ("stride=kernel", ("stride", "kernel"), lambda v: v["stride"] == v["kernel"]),
    (
        "padding=dilation*(kernel - 1)/2",
        ("padding", "kernel", "dilation"),
        lambda v: 2 * v["padding"] == v["dilation"] * (v["kernel"] - 1),
    ),
    (
        "padding=(kernel - 1)/2",
        ("padding", "kernel"),
        lambda v: 2 * v["padding"] == v["kernel"] - 1,
    ),
    (
        "padding=kernel//2",
        ("padding", "kernel"),
        lambda v: v["padding"] == v["kernel"] // 2,
    ),
    ("kernel odd", ("kernel",), lambda v: v["kernel"] % 2 == 1),
    ("kernel even", ("kernel",), lambda v: v["kernel"] % 2 == 0),
    (
        "output_padding=stride - 1",
        ("output_padding", "stride"),
        lambda v: v["output_padding"] == v["stride"] - 1,
    ),
    ("factor=1", ("factor",), lambda v: v["factor"] == 1),
    ("factor is a whole number", ("factor",), lambda v: v["factor"] % 1 == 0),
    ("before=0", ("before",), lambda v: v["before"] == 0),
    ("after=0", ("after",), lambda v: v["after"] == 0),
    ("before=after", ("before", "after"), lambda v: v["before"] == v["after"]),
]
_CEIL: _General = [
    ("stride<=kernel", ("stride", "kernel"), lambda v: v["stride"] <= v["kernel"]),
    (
        "stride + padding<=kernel",
        ("stride", "kernel", "padding"),
        lambda v: v["stride"] + v["padding"] <= v["kernel"],
    ),
]
_WITH_CONSTANT = ("kernel", "stride", "padding", "dilation", "factor", "output")


def general_atoms(about: Subject, points: Sequence[Named]) -> list[Atom]:
    """The conditions that mean something for a kind, as far as they divide the configurations."""
    table = [*_GENERAL, *(_CEIL if about.ceil_mode else [])]
    found = [
        Atom(text, mask_of(holds(point) for point in points))
        for text, roles, holds in table
        if set(roles) <= set(about.roles)
    ]
    found += _divisible(about, points)
    everywhere = (1 << len(points)) - 1
    return [atom for atom in found if atom.mask and atom.mask != everywhere]


def _divisible(about: Subject, points: Sequence[Named]) -> list[Atom]:
    """Where the rule itself has nothing to round."""
    if not {"input", "kernel", "stride"} <= set(about.roles) or about.kind in (
        "conv_transpose",
        "max_unpool",
    ):
        return []
    text = "input"
    if "padding" in about.roles:
        text += " + 2*padding"
    dilated = "dilation" in about.roles and any(point["dilation"] != 1 for point in points)
    text += " - dilation*(kernel - 1) - 1" if dilated else " - kernel"
    truths = (
        (
            point["input"]
            + 2 * point.get("padding", 0)
            - point.get("dilation", 1) * (point["kernel"] - 1)
            - 1
        )
        % point["stride"]
        == 0
        for point in points
    )
    return [Atom(f"({text}) divisible by stride", mask_of(truths))]


def constant_atoms(about: Subject, points: Sequence[Named], constants: Sequence[int]) -> list[Atom]:
    """Arguments that equal a number which stands in the formula, or its neighbour."""
    wanted: dict[str, set[int]] = {role: set(constants) for role in _WITH_CONSTANT}
    wanted["kernel"] |= {number + 1 for number in constants}
    wanted["padding"] |= {number // 2 for number in constants if number % 2 == 0}
    found = [
        Atom(f"{role}={number}", mask_of(point[role] == number for point in points))
        for role in _WITH_CONSTANT
        if role in about.roles
        for number in sorted(wanted[role])
    ]
    everywhere = (1 << len(points)) - 1
    return [atom for atom in found if atom.mask and atom.mask != everywhere]


def weakest(
    atoms: Sequence[Atom], equal: Mask, inputs: Sequence[Mask], kernels: Sequence[Mask]
) -> tuple[tuple[Atom, ...], Mask] | None:
    """The fewest conditions under which ``equal`` holds everywhere; the widest among those.

    ``inputs`` and ``kernels`` are the masks of each input and kernel size: conditions that leave
    too few inputs, or one kernel without saying so, are a coincidence.
    """
    fewest = min(FEWEST_INPUTS, len(inputs))

    def varied(chosen: tuple[Atom, ...], mask: Mask) -> bool:
        if sum(1 for each in inputs if each & mask) < fewest:
            return False
        named = any(atom.text.startswith("kernel=") for atom in chosen)
        return named or len(kernels) < 2 or sum(1 for each in kernels if each & mask) > 1

    for count in range(1, MOST_CONDITIONS + 1):
        best: tuple[tuple[Atom, ...], Mask] | None = None
        for chosen in combinations(atoms, count):
            mask = chosen[0].mask
            for atom in chosen[1:]:
                mask &= atom.mask
            if not mask or mask & ~equal:
                continue
            wider = best is None or mask.bit_count() > best[1].bit_count()
            if wider and varied(chosen, mask):
                best = chosen, mask
        if best is not None:
            return best
    return None
