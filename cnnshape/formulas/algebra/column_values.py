"""A sum's values for many values of its letters at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnnshape.formulas.algebra.sums import Sum
from cnnshape.formulas.algebra.terms import Atom, Floor, Group, inner_sums


def columns(
    size: Sum, letters: Mapping[str, Sequence[int]], known: dict[Sum, list[int]]
) -> list[int]:
    """Its values for many values of the letters at once.

    Args:
        size: what to evaluate.
        letters: equally long lists of values.
        known: values that were found before, by the sum; added to.

    >>> from cnnshape.formulas.algebra.sums import letter
    >>> columns(letter("H") // 2, {"H": [4, 5, 6]}, {})
    [2, 2, 3]

    Raises:
        ZeroDivisionError: a divisor is zero somewhere.
    """
    if size not in known:
        length = len(next(iter(letters.values())))
        total = [0] * length
        for monomial, coefficient in size.terms:
            product_ = [coefficient] * length
            for atom, power in monomial:
                values = _atom_columns(atom, letters, known)
                for _ in range(power):
                    product_ = [a * b for a, b in zip(product_, values, strict=True)]
            total = [a + b for a, b in zip(total, product_, strict=True)]
        known[size] = total
    return known[size]


def _atom_columns(
    atom: Atom, letters: Mapping[str, Sequence[int]], known: dict[Sum, list[int]]
) -> Sequence[int]:
    if isinstance(atom, str):
        return letters[atom]
    parts = [columns(part, letters, known) for part in inner_sums(atom)]
    if isinstance(atom, Floor):
        return [a // b for a, b in zip(*parts, strict=True)]
    if isinstance(atom, Group):
        return parts[0]
    choose = min if atom.name == "min" else max
    return [choose(values) for values in zip(*parts, strict=True)]
