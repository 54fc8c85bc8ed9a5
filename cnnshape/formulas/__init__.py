"""The arithmetic of layer sizes: one rule per kind of layer. Never imports torch.

>>> from cnnshape import formulas
>>> formulas.derive("max_pool", (1, 6, 28, 28), kernel_size=2).output
(1, 6, 14, 14)
"""

from __future__ import annotations

from cnnshape.formulas.derivation import AxisDerivation, Derivation
from cnnshape.formulas.registry import ALIASES, KINDS, axis_size, canonical, derive

__all__ = [
    "ALIASES",
    "KINDS",
    "AxisDerivation",
    "Derivation",
    "axis_size",
    "canonical",
    "derive",
]
