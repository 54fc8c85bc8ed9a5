"""The arithmetic of layer sizes: one rule per kind of layer. Never imports torch.

>>> from cnnshape import formulas
>>> formulas.derive("max_pool", (1, 6, 28, 28), kernel_size=2).output
(1, 6, 14, 14)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnshape.formulas.derivation import AxisDerivation, Derivation
from cnnshape.formulas.registry import ALIASES, KINDS, axis_size, canonical, derive

if TYPE_CHECKING:
    from cnnshape.formulas.description import describe
    from cnnshape.formulas.formula_call import formula
    from cnnshape.formulas.inverse import Interval, inputs_giving

#: Public name → the module it lives in, imported on first use: a size alone needs none of them.
_HOMES = {
    "formula": "formula_call",
    "describe": "description",
    "Interval": "inverse",
    "inputs_giving": "inverse",
}

__all__ = [
    "ALIASES",
    "KINDS",
    "AxisDerivation",
    "Derivation",
    "Interval",
    "axis_size",
    "canonical",
    "derive",
    "describe",
    "formula",
    "inputs_giving",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cnnshape.formulas' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"cnnshape.formulas.{_HOMES[name]}"), name)
