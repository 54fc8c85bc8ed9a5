"""How a sum is written: as Python, terms in one order, nothing in needless parentheses."""

from __future__ import annotations

from math import gcd
from typing import Protocol, TypeAlias


class Named(Protocol):
    """A factor that is no letter; ``loose`` ones need parentheses beside other factors."""

    @property
    def text(self) -> str:
        """It, as Python."""
        ...

    @property
    def loose(self) -> bool:
        """Whether it falls apart in a product, as ``H//2`` does."""
        ...


Atom: TypeAlias = "str | Named"
Monomial: TypeAlias = "tuple[tuple[Atom, int], ...]"
Terms: TypeAlias = "tuple[tuple[Monomial, int], ...]"


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
