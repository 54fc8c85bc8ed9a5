"""Sizes with letters in them, kept in the form a person would write.

A :class:`Sum` is a whole number that depends on letters: ``H//4 - 6``, ``(H + 31)//32``,
``120*(H//4 - 6)*(W//4 - 6)``. It computes with ``+ - * // %`` like an ``int`` and simplifies as
it goes, so the size rules of this package, handed a ``Sum``, give the formula of a whole network:

>>> from cnnshape.formulas import axis_size
>>> H = letter("H")
>>> c1 = axis_size("conv", H, kernel_size=5, padding=2)
>>> s1 = axis_size("max_pool", c1, kernel_size=2)
>>> c2 = axis_size("conv", s1, kernel_size=5)
>>> s2 = axis_size("max_pool", c2, kernel_size=2)
>>> c1, s1, c2, s2
(Sum('H'), Sum('H//2'), Sum('H//2 - 4'), Sum('H//4 - 2'))

The form is canonical up to products, which stay factored: equal sums print alike, and
``sum == other`` compares them. The rules are those of floor division by a positive number:

* ``(d·q + r)//d = q + r//d``, for any whole ``q``;
* ``(a//b + c)//d = (a + b·c)//(b·d)`` (Knuth, TAOCP vol. 1, section 1.2.4, exercises);
* ``(g·a + c)//(g·d) = (a + c//g)//d``, for whole ``a``;
* ``(-a)//d = -((a + d - 1)//d)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from math import gcd
from typing import Any, TypeAlias, Union

from cnnshape.formulas.algebra.terms import (
    Atom,
    Extreme,
    Floor,
    Group,
    Monomial,
    Node,
    atom_order,
    inner_sums,
    order,
    written,
)

#: A number or an expression.
Whole: TypeAlias = Union[int, "Sum"]


class Sum(Node):
    """A whole number that depends on letters; immutable, hashable, ``str()`` is Python."""

    __slots__ = ("terms",)

    terms: tuple[tuple[Monomial, int], ...]

    def __init__(self, terms: Mapping[Monomial, int]) -> None:
        kept = ((m, c) for m, c in terms.items() if c)
        self.terms = tuple(sorted(kept, key=order))
        self.text = written(self.terms)

    # ---- what it is -------------------------------------------------------------------

    @property
    def constant(self) -> int | None:
        """Its value, if it is a plain number."""
        if not self.terms:
            return 0
        return self.terms[0][1] if len(self.terms) == 1 and not self.terms[0][0] else None

    @property
    def offset(self) -> int:
        """The constant term."""
        return self.terms[-1][1] if self.terms and not self.terms[-1][0] else 0

    @property
    def letters(self) -> frozenset[str]:
        """The letters that occur.

        >>> sorted(((letter("H") + letter("W")) // 2).letters)
        ['H', 'W']
        """
        return _letters(self)

    def __str__(self) -> str:
        return self.text

    # ---- arithmetic -------------------------------------------------------------------

    def __add__(self, other: Whole) -> Sum:
        return _add(self, whole(other))

    __radd__ = __add__

    def __neg__(self) -> Sum:
        return Sum({m: -c for m, c in self.terms})

    def __sub__(self, other: Whole) -> Sum:
        return _add(self, -whole(other))

    def __rsub__(self, other: Whole) -> Sum:
        return _add(-self, whole(other))

    def __mul__(self, other: Whole) -> Sum:
        return _multiply(self, whole(other))

    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> Sum:
        result = whole(1)
        for _ in range(exponent):
            result = result * self
        return result

    def __floordiv__(self, other: Whole) -> Sum:
        return _divide(self, whole(other))

    def __rfloordiv__(self, other: Whole) -> Sum:
        return _divide(whole(other), self)

    def __mod__(self, other: Whole) -> Sum:
        return self - whole(other) * (self // other)

    def __rmod__(self, other: Whole) -> Sum:
        return whole(other) % self

    def minimum(self, other: Whole) -> Sum:
        """The smaller; decided where one is always the smaller.

        >>> H = letter("H")
        >>> ((H - 1) // 2).minimum((H - 2) // 2)
        Sum('H//2 - 1')
        """
        return _extreme("min", self, whole(other))

    def maximum(self, other: Whole) -> Sum:
        """The larger; decided where one is always the larger."""
        return _extreme("max", self, whole(other))

    # ---- with numbers -----------------------------------------------------------------

    def value(self, letters: Mapping[str, int]) -> int:
        """The number that it is where the letters have these values.

        >>> ((letter("H") + 31) // 32).value({"H": 224})
        7

        Raises:
            KeyError: a letter has no value.
            ZeroDivisionError: a divisor is zero there.
        """
        return evaluator(self)(letters)

    def replace(self, letters: Mapping[str, Whole]) -> Sum:
        """The same with sums in the place of letters, simplified anew."""
        return _replaced(self, letters)


def letter(name: str) -> Sum:
    """A letter as a size."""
    return Sum({((name, 1),): 1})


def whole(value: Whole) -> Sum:
    """A number as a sum; a sum stays."""
    return value if isinstance(value, Sum) else _number(int(value))


@lru_cache(maxsize=4096)
def _number(value: int) -> Sum:
    return Sum({(): value})


def plain(value: Whole) -> int | str:
    """An ``int`` where no letter is left, else the text.

    >>> plain(letter("H") - letter("H") + 3), plain(letter("H") // 2)
    (3, 'H//2')
    """
    if not isinstance(value, Sum):
        return value
    number = value.constant
    return value.text if number is None else number


# ---- simplification ---------------------------------------------------------------------


@lru_cache(maxsize=65536)
def _add(left: Sum, right: Sum) -> Sum:
    terms = dict(left.terms)
    for monomial, coefficient in right.terms:
        terms[monomial] = terms.get(monomial, 0) + coefficient
    return _without_halves(Sum(terms))


def _without_halves(sum_: Sum) -> Sum:
    """``e - e//2`` is ``(e + 1)//2``, and ``e - (e + 1)//2`` is ``e//2``; so with ``-e``.

    >>> e = (letter("H") + 7) // 8
    >>> (e + 1) // 2 + e // 2 - e
    Sum('0')
    """
    for monomial, coefficient in sum_.terms:
        atom = monomial[0][0] if len(monomial) == 1 and monomial[0][1] == 1 else None
        below = atom.below.constant if isinstance(atom, Floor) else None
        if not isinstance(atom, Floor) or below is None or below % 2:
            continue
        half = below // 2
        inner = atom.above.offset
        # With e = above//half, the atom is e//2 or, where its constant is larger, (e + 1)//2.
        rounded_up = inner >= half
        whole_ = _divide(atom.above - (half if rounded_up else 0), _number(half))
        if not _contains(sum_, whole_ - whole_.offset, -coefficient):
            continue
        other = _divide(whole_ + (0 if rounded_up else 1), _number(2))
        rest = Sum({m: c for m, c in sum_.terms if m != monomial})
        return (rest + whole_ * coefficient) + other * -coefficient
    return sum_


def _contains(sum_: Sum, part: Sum, times: int) -> bool:
    """Whether every term of ``times · part`` is in the sum, with at least its coefficient."""
    terms = dict(sum_.terms)
    return bool(part.terms) and all(
        terms.get(m, 0) * c * times > 0 and abs(terms[m]) >= abs(c * times) for m, c in part.terms
    )


@lru_cache(maxsize=65536)
def _multiply(left: Sum, right: Sum) -> Sum:
    for one, other in ((left, right), (right, left)):
        number = one.constant
        if number is not None:
            return Sum({m: c * number for m, c in other.terms})
    (first, scale), (second, other_scale) = _factors(left), _factors(right)
    return Sum({_joined(first, second): scale * other_scale})


def _opened(terms: Mapping[Monomial, int]) -> Sum:
    """A sum whose terms are not a lone factor in parentheses."""
    result = Sum({})
    for monomial, coefficient in terms.items():
        lone = monomial[0][0] if len(monomial) == 1 and monomial[0][1] == 1 else None
        term = lone.inner * coefficient if isinstance(lone, Group) else Sum({monomial: coefficient})
        result = result + term
    return result


def _factors(sum_: Sum) -> tuple[Monomial, int]:
    """The sum as one product: a monomial, or a number times a factor in parentheses."""
    if len(sum_.terms) == 1:
        return sum_.terms[0]
    content = gcd(*(c for _, c in sum_.terms))
    if sum_.terms[0][1] < 0:
        content = -content
    inner = Sum({m: c // content for m, c in sum_.terms})
    return ((Group(inner), 1),), content


def _joined(first: Monomial, second: Monomial) -> Monomial:
    powers: dict[Atom, int] = dict(first)
    for atom, power in second:
        powers[atom] = powers.get(atom, 0) + power
    return _sorted_powers(powers)


def _sorted_powers(powers: Mapping[Atom, int]) -> Monomial:
    return tuple(sorted(((a, p) for a, p in powers.items() if p), key=atom_order))


@lru_cache(maxsize=65536)
def _divide(above: Sum, below: Sum) -> Sum:
    divisor = below.constant
    if divisor == 0:
        raise ZeroDivisionError("a size is divided by 0")
    if divisor is None:
        return _divide_by_sum(above, below)
    if divisor < 0:
        return _divide(-above, _number(-divisor))
    outside: dict[Monomial, int] = {}
    inside: dict[Monomial, int] = {}
    for monomial, coefficient in above.terms:
        # Towards zero, so that the rest keeps its sign: 3H//2 is H + H//2, -H//2 stays.
        quotient = int(coefficient / divisor) if monomial else coefficient // divisor
        outside[monomial] = quotient
        inside[monomial] = coefficient - quotient * divisor
    return _add(Sum(outside), _divide_rest(Sum(inside), divisor))


def _divide_rest(above: Sum, divisor: int) -> Sum:
    """``above // divisor`` where every coefficient is smaller than the divisor."""
    constant = above.offset
    moving = [(m, c) for m, c in above.terms if m]
    if not moving:
        return _number(constant // divisor)
    if moving[0][1] < 0:
        return -_divide(-above + (divisor - 1), _number(divisor))
    common = gcd(divisor, *(c for _, c in moving))
    if common > 1:
        reduced = Sum({m: c // common for m, c in moving}) + constant // common
        return _divide(reduced, _number(divisor // common))
    if len(moving) == 1 and moving[0][1] == 1:
        monomial = moving[0][0]
        inner = monomial[0][0] if len(monomial) == 1 and monomial[0][1] == 1 else None
        if isinstance(inner, Floor) and inner.below.constant is not None:
            step = inner.below.constant
            return _divide(inner.above + constant * step, _number(divisor * step))
    return Sum({((Floor(above, _number(divisor)), 1),): 1})


def _divide_by_sum(above: Sum, below: Sum) -> Sum:
    if above == below:
        return _number(1)
    if not above.terms:
        return above
    factors, scale = _factors(below)
    quotient: dict[Monomial, int] = {}
    for monomial, coefficient in above.terms if len(above.terms) > 1 else (_factors(above),):
        powers = dict(monomial)
        for atom, power in factors:
            powers[atom] = powers.get(atom, 0) - power
        if coefficient % scale or any(p < 0 for p in powers.values()):
            break
        rest = _sorted_powers(powers)
        quotient[rest] = quotient.get(rest, 0) + coefficient // scale
    else:
        return _opened(quotient)
    whole_content, content = _factors(above)
    if whole_content == factors and content % scale == 0:
        return _number(content // scale)
    if len(below.terms) == 1:
        return _cancelled(above, factors, scale)
    return Sum({((Floor(above, below), 1),): 1})


def _cancelled(above: Sum, factors: Monomial, scale: int) -> Sum:
    """``(4*N*T)//(16*N)`` as ``T//4``: what every term shares with the divisor, left out."""
    powers = [dict(monomial) for monomial, _ in above.terms]
    shared = {atom: min(power, *(p.get(atom, 0) for p in powers)) for atom, power in factors}
    number = gcd(scale, *(c for _, c in above.terms))
    below = Sum({_without(factors, shared): scale // number})
    above = Sum({_without(m, shared): c // number for m, c in above.terms})
    if below.constant is not None:
        return _divide(above, below)
    return Sum({((Floor(above, below), 1),): 1})


def _without(monomial: Monomial, shared: Mapping[Atom, int]) -> Monomial:
    return _sorted_powers({atom: power - shared.get(atom, 0) for atom, power in monomial})


@lru_cache(maxsize=4096)
def _extreme(name: str, left: Sum, right: Sum) -> Sum:
    order = _compare(left, right)
    if order is not None:
        return left if (order <= 0) == (name == "min") else right
    items = tuple(sorted({left, right}, key=lambda item: item.text))
    return Sum({((Extreme(name, items), 1),): 1})


def _compare(left: Sum, right: Sum) -> int | None:
    """-1, 0 or 1 where one is never larger than the other; None where it depends."""
    difference = (left - right).constant
    if difference is not None:
        return (difference > 0) - (difference < 0)
    # Two floors of the same thing, apart from constants: ⌊(a + c)/d⌋ grows with c.
    one, other = _floor_and_offset(left), _floor_and_offset(right)
    if one is None or other is None or one[0] != other[0]:
        return None
    if one[1] <= other[1]:
        return -1
    return 1 if one[1] >= other[1] else None


def _floor_and_offset(sum_: Sum) -> tuple[tuple[Sum, int], int] | None:
    """``(a + c)//d + k`` as ``((a, d), c + d·k)``, the numerator if it were all inside."""
    moving = [(m, c) for m, c in sum_.terms if m]
    if len(moving) != 1 or moving[0][1] != 1 or len(moving[0][0]) != 1:
        return None
    atom, power = moving[0][0][0]
    if not isinstance(atom, Floor) or power != 1:
        return None
    divisor = atom.below.constant
    if divisor is None:
        return None
    inner = atom.above.offset
    return (atom.above - inner, divisor), inner + divisor * sum_.offset


# ---- numbers put in ---------------------------------------------------------------------


def _letters(sum_: Sum) -> frozenset[str]:
    found: set[str] = set()
    for monomial, _ in sum_.terms:
        for atom, _power in monomial:
            if isinstance(atom, str):
                found.add(atom)
            else:
                found.update(*(part.letters for part in inner_sums(atom)))
    return frozenset(found)


def _rebuilt(atom: Atom, part: Callable[[Sum], Any], name: Callable[[str], Any]) -> Any:
    """The atom's value, given those of its parts."""
    if isinstance(atom, str):
        return name(atom)
    if isinstance(atom, Floor):
        return part(atom.above) // part(atom.below)
    if isinstance(atom, Group):
        return part(atom.inner)
    values = [part(item) for item in atom.items]
    result = values[0]
    for value in values[1:]:
        if isinstance(value, int) and isinstance(result, int):
            result = min(result, value) if atom.name == "min" else max(result, value)
        else:
            result = _extreme(atom.name, whole(result), whole(value))
    return result


def _total(sum_: Sum, atom_value: Callable[[Atom], Any]) -> Any:
    total: Any = 0
    for monomial, coefficient in sum_.terms:
        product: Any = coefficient
        for atom, power in monomial:
            value = atom_value(atom)
            for _ in range(power):
                product = product * value
        total = total + product
    return total


@lru_cache(maxsize=4096)
def evaluator(sum_: Sum) -> Callable[[Mapping[str, int]], int]:
    """A function from letters' values to the sum's value."""

    def evaluate(letters: Mapping[str, int]) -> int:
        def part(inner: Sum) -> int:
            return evaluator(inner)(letters)

        return _total(sum_, lambda atom: _rebuilt(atom, part, letters.__getitem__))

    return evaluate


def _replaced(sum_: Sum, letters: Mapping[str, Whole]) -> Sum:
    if not sum_.letters & letters.keys():
        return sum_

    def part(inner: Sum) -> Sum:
        return _replaced(inner, letters)

    def name(text: str) -> Sum:
        return whole(letters[text]) if text in letters else letter(text)

    return whole(_total(sum_, lambda atom: _rebuilt(atom, part, name)))


def product(sizes: Iterable[Whole]) -> Whole:
    """The product of sizes; a number where all are numbers.

    >>> product([2, 3]), product([letter("N"), 3])
    (6, Sum('3*N'))
    """
    result: Whole = 1
    for size in sizes:
        result = result * size
    return result
