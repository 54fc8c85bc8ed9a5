"""What a sum is made of, and how it is written.

It is written as Python: its terms in one order, nothing in needless parentheses.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from cnnshape.formulas.algebra.sums import Sum

#: One factor of a term: a letter, a floor, a factor in parentheses, a minimum or maximum.
Atom: TypeAlias = "str | Floor | Group | Extreme"
#: A product of atoms with their powers; empty for the constant term.
Monomial: TypeAlias = "tuple[tuple[Atom, int], ...]"
#: A sum's products, each with the number before it.
Terms: TypeAlias = "tuple[tuple[Monomial, int], ...]"


class Node:
    """Compared and hashed by its text, which is canonical."""

    __slots__ = ("text",)

    text: str

    @property
    def loose(self) -> bool:
        """Whether it needs parentheses as a factor."""
        return False

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.text == self.text  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"


class Floor(Node):
    """``above // below``, where it cannot be simplified."""

    __slots__ = ("above", "below")

    @property
    def loose(self) -> bool:
        """``W*H//2`` would be divided as a whole."""
        return True

    def __init__(self, above: Sum, below: Sum) -> None:
        self.above, self.below = above, below
        self.text = f"{tight(above.terms, above.text)}//{tight(below.terms, below.text)}"


class Group(Node):
    """A sum as one factor of a product: the parentheses of ``(H - 6)*(W - 6)``."""

    __slots__ = ("inner",)

    def __init__(self, inner: Sum) -> None:
        self.inner = inner
        self.text = f"({inner.text})"


class Extreme(Node):
    """``min`` or ``max`` of several sums."""

    __slots__ = ("items", "name")

    def __init__(self, name: str, items: tuple[Sum, ...]) -> None:
        self.name, self.items = name, items
        self.text = f"{name}({', '.join(item.text for item in items)})"


def inner_sums(atom: Floor | Group | Extreme) -> tuple[Sum, ...]:
    """The sums that a factor is made of."""
    if isinstance(atom, Floor):
        return atom.above, atom.below
    return (atom.inner,) if isinstance(atom, Group) else atom.items


def order(term: tuple[Monomial, int]) -> tuple[bool, str]:
    """Terms by their text, the constant last."""
    return not term[0], _product_text(term[0])


def atom_order(item: tuple[Atom, int]) -> tuple[int, str]:
    """Letters first, each kind by its text."""
    atom = item[0]
    return (0, atom) if isinstance(atom, str) else (1, atom.text)


def written(terms: Terms) -> str:
    """The whole sum."""
    if not terms:
        return "0"
    content = gcd(*(c for _, c in terms))
    if content > 1 and len(terms) == 2:
        inner = written(tuple((m, c // content) for m, c in terms))
        return f"{content}*({inner})"
    # A leading minus reads badly: 6 - H rather than -H + 6.
    if terms[0][1] < 0 and any(c > 0 for _, c in terms):
        terms = tuple(sorted(terms, key=lambda term: term[1] < 0))
    text = ""
    for monomial, coefficient in terms:
        body = _term_text(monomial, abs(coefficient))
        if text:
            text += f" {'-' if coefficient < 0 else '+'} {body}"
        elif coefficient < 0:
            # A unary minus binds more tightly than //, which rounds down.
            text = f"-({body})" if "//" in body else f"-{body}"
        else:
            text = body
    return text


def _term_text(monomial: Monomial, coefficient: int) -> str:
    if not monomial:
        return str(coefficient)
    if coefficient == 1:
        return _product_text(monomial)
    return f"{coefficient}*{_product_text(monomial, inside=True)}"


def _product_text(monomial: Monomial, *, inside: bool = False) -> str:
    alone = len(monomial) == 1 and monomial[0][1] == 1 and not inside
    parts: list[str] = []
    for atom, power in monomial:
        text = atom if isinstance(atom, str) else atom.text
        if not isinstance(atom, str) and atom.loose and not alone:
            text = f"({text})"
        parts += [text] * power
    return "*".join(parts)


def tight(terms: Terms, text: str) -> str:
    """A sum with this text, as an operand of ``//``: in parentheses unless it is one thing."""
    if not terms or (len(terms) == 1 and not terms[0][0]):
        return text
    monomial, coefficient = terms[0]
    lone = len(terms) == 1 and coefficient == 1 and len(monomial) == 1 and monomial[0][1] == 1
    if lone and (isinstance(monomial[0][0], str) or not monomial[0][0].loose):
        return text
    return f"({text})"
