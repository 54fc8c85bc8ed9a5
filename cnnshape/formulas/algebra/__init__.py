"""Sizes with letters in them: ``H//4 - 6`` computes, simplifies and is written.

>>> str(letter("H") // 2 - letter("H") // 2 + 3)
'3'
"""

from cnnshape.formulas.algebra.divides import divisibility
from cnnshape.formulas.algebra.many import columns
from cnnshape.formulas.algebra.sums import Floor, Sum, Whole, letter, plain, product, whole

__all__ = [
    "Floor",
    "Sum",
    "Whole",
    "columns",
    "divisibility",
    "letter",
    "plain",
    "product",
    "whole",
]
