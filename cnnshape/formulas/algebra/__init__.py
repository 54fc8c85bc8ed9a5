"""Sizes with letters in them: ``H//4 - 6`` computes, simplifies and is written.

>>> str(letter("H") // 2 - letter("H") // 2 + 3)
'3'
"""

from cnnshape.formulas.algebra.column_values import columns
from cnnshape.formulas.algebra.conversion import from_expression, to_expression
from cnnshape.formulas.algebra.divisibility import divisibility
from cnnshape.formulas.algebra.sums import Sum, Whole, letter, plain, product, whole
from cnnshape.formulas.algebra.terms import Floor

__all__ = [
    "Floor",
    "Sum",
    "Whole",
    "columns",
    "divisibility",
    "from_expression",
    "letter",
    "plain",
    "product",
    "to_expression",
    "whole",
]
