"""Names of element types, understood without importing torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cnnshape.errors import ShapeSyntaxError
from cnnshape.messages import say
from cnnshape.words import did_you_mean

if TYPE_CHECKING:
    import torch

DtypeKind = Literal["float", "int", "bool", "complex"]

_KINDS: dict[DtypeKind, tuple[str, ...]] = {
    "float": ("float32", "float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"),
    "int": ("int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64"),
    "bool": ("bool",),
    "complex": ("complex64", "complex128"),
}
_ALIASES = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "fp32": "float32",
    "fp16": "float16",
    "bf16": "bfloat16",
    "int": "int32",
    "long": "int64",
    "short": "int16",
    "byte": "uint8",
    "cfloat": "complex64",
    "cdouble": "complex128",
}


def dtype_names() -> tuple[str, ...]:
    """Every canonical name."""
    return tuple(name for names in _KINDS.values() for name in names)


def parse_dtype(text: str) -> str:
    """The canonical name of a dtype, as torch calls it.

    Raises:
        ShapeSyntaxError: no such dtype.

    >>> parse_dtype("long"), parse_dtype("torch.float16"), parse_dtype("bool")
    ('int64', 'float16', 'bool')
    """
    name = text.strip().lower().removeprefix("torch.")
    name = _ALIASES.get(name, name)
    if name not in dtype_names():
        hint = did_you_mean(name, [*dtype_names(), *_ALIASES])
        hint = hint or say("; use float32, float16, int64, bool, …")
        raise ShapeSyntaxError(say("unknown dtype {dtype!r}", dtype=text.strip()) + hint)
    return name


def dtype_kind(name: str) -> DtypeKind:
    """Which sort of numbers a canonical dtype holds.

    >>> dtype_kind("bfloat16"), dtype_kind("uint8")
    ('float', 'int')
    """
    return next(kind for kind, names in _KINDS.items() if name in names)


def torch_dtype(name: str) -> torch.dtype:
    """The ``torch.dtype`` of a canonical name; imports torch.

    Raises:
        ShapeSyntaxError: the installed torch does not have it.
    """
    import torch

    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype):
        raise ShapeSyntaxError(f"torch {torch.__version__} has no dtype {name}")
    return found
