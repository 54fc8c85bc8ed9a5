"""Deciding a size by numbers: is this expression right at every size that was run?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, count
from math import gcd, lcm

from cnnshape.experiments.symbolic.run_at_sizes import Run
from cnnshape.formulas.algebra import Sum, Whole, letter
from cnnshape.operations.axes import times

#: Divisors that a fit tries: strides, patches and windows multiplied; halvings, as most are, first.
_HALVINGS = (2, 4, 8, 16, 32, 64, 128, 256)
_DIVISORS = tuple(dict.fromkeys((*_HALVINGS, *range(3, 64), 80, 96, 112, 160, 192, 224)))
#: So many of the known sizes are multiplied with each other.
_MULTIPLIED = 64


class Fitter:
    """Knows the numbers of several runs, and the expressions met so far.

    Args:
        runs: the recorded pass, then others with the same operations.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = runs
        self._letters = [dict(run.letters) for run in runs]
        self._values: dict[Sum, tuple[int, ...] | None] = {}
        self._known: dict[tuple[int, ...], Sum] = {}
        self._fitted: dict[tuple[int, ...], Sum | None] = {}
        #: Sizes that no expression was found for have a letter of their own: ``u1``, ``u2``, …
        self.unknown: list[str] = []
        #: By letter, what every number divides by which it is divided in what was fitted.
        self.steps: dict[str, int] = {}
        self._given = tuple(runs[0].letters)

    def decide(self, value: int, axis: int, proposed: Whole | None) -> Whole:
        """The proposed size if the numbers agree, else one that fits them, else a new letter."""
        numbers = tuple(_number(run, value, axis) for run in self._runs)
        if isinstance(proposed, Sum):
            if self._vector(proposed) == numbers:
                constant = proposed.constant
                return proposed if constant is None else constant
        elif proposed is not None and all(n == proposed for n in numbers):
            return proposed
        if all(n == numbers[0] for n in numbers):
            return numbers[0]
        return self.fit(numbers) or self._named(numbers)

    def _named(self, numbers: tuple[int, ...]) -> Sum:
        number = len(self.unknown) + 1
        name = next(n for i in count(number) if (n := f"u{i}") not in self._given)
        self.unknown.append(name)
        for letters, value in zip(self._letters, numbers, strict=True):
            letters[name] = value
        size = letter(name)
        self._values[size] = numbers
        self._known[numbers] = size
        return size

    def decide_all(self, numbers: Sequence[int | None]) -> Whole | None:
        """An expression for one number per run; None if none fits."""
        known = tuple(n for n in numbers if n is not None)
        if len(known) != len(numbers):
            return None
        return known[0] if len(set(known)) == 1 else self.fit(known)

    def learn(self, sizes: Iterable[Whole | None]) -> None:
        """Remember expressions, and how many numbers they make together, for later fits."""
        known = tuple(sizes)
        total = times(known)
        for size in (*known, total):
            if isinstance(size, Sum):
                vector = self._vector(size)
                if vector is not None:
                    self._known.setdefault(vector, size)

    def _vector(self, size: Sum) -> tuple[int, ...] | None:
        if size not in self._values:
            try:
                vector = tuple(size.value(letters) for letters in self._letters)
            except (KeyError, ZeroDivisionError):
                vector = None
            self._values[size] = vector
        return self._values[size]

    def fit(self, numbers: tuple[int, ...]) -> Sum | None:
        """An expression with these values: one that is known, or a simple one."""
        if numbers in self._known:
            return self._known[numbers]
        if numbers not in self._fitted:
            self._fitted[numbers] = self._search(numbers) if len(numbers) > 3 else None
        return self._fitted[numbers]

    def _search(self, numbers: tuple[int, ...]) -> Sum | None:
        known = list(self._known.items())
        for vector, size in known:
            found = _multiple(numbers, vector, size)
            if found is not None:
                return found
        for name in self._given:
            found = self._rounded(numbers, name)
            if found is not None:
                return found
        found = _product(numbers, known[:_MULTIPLIED])
        common = gcd(*numbers)
        if found is None and common > 1:  # rows of all channels together
            part = self.fit(tuple(n // common for n in numbers))
            if part is not None:
                self.learn([part])
                found = part * common
        return found

    def _rounded(self, numbers: tuple[int, ...], name: str) -> Sum | None:
        """``(a + c)//d + k``: rounded down or up if that will do, else with any ``c`` and ``k``."""
        values = [letters[name] for letters in self._letters]
        plain = ((divisor, shift, 0) for divisor in _DIVISORS for shift in (0, divisor - 1))
        others = (
            (divisor, shift, numbers[0] - (values[0] + shift) // divisor)
            for divisor in _DIVISORS
            for shift in (0, divisor - 1, *range(1, divisor - 1))
        )
        for divisor, shift, offset in chain(plain, others):
            if all(
                n - (v + shift) // divisor == offset for n, v in zip(numbers, values, strict=True)
            ):
                self.steps[name] = lcm(self.steps.get(name, 1), divisor)
                return (letter(name) + shift) // divisor + offset
        return None


def _number(run: Run, value: int, axis: int) -> int:
    return int(run.trace.values[value].shape[axis])


def _multiple(numbers: tuple[int, ...], vector: tuple[int, ...], size: Sum) -> Sum | None:
    """``m·a + k``, from two runs and checked in all."""
    pairs = list(zip(numbers, vector, strict=True))
    first = pairs[0]
    other = next((p for p in pairs if p[1] != first[1]), None)
    if other is None:
        return None
    rise, run = other[0] - first[0], other[1] - first[1]
    if rise % run or rise == 0:
        return None
    slope = rise // run
    offset = first[0] - slope * first[1]
    if all(n == slope * v + offset for n, v in pairs):
        return size * slope + offset
    return None


def _product(numbers: tuple[int, ...], known: Sequence[tuple[tuple[int, ...], Sum]]) -> Sum | None:
    """``m·a·b + k`` for two known sizes."""
    for i, (one, first) in enumerate(known):
        for other, second in known[i:]:
            both = tuple(a * b for a, b in zip(one, other, strict=True))
            found = _multiple(numbers, both, first * second)
            if found is not None:
                return found
    return None
