"""What is read when a model raises: the exception, without trusting it, and what it is about."""

from __future__ import annotations

import inspect

import torch
from torch import nn

from cnnshape.tracing.trace import Signature

_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.uint8, torch.int8)


def caused_by(error: BaseException | None, cause: BaseException) -> bool:
    """Whether ``error`` is ``cause`` or was raised from it.

    >>> inner = KeyError("x")
    >>> outer = ValueError("y")
    >>> outer.__cause__ = inner
    >>> caused_by(outer, inner), caused_by(inner, outer)
    (True, False)
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if error is cause:
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def message_of(error: BaseException) -> str:
    """The exception's text; a user's exception may even fail to print itself.

    >>> message_of(ValueError("3 channels"))
    '3 channels'
    """
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - whatever its __str__ raises
        return f"({type(error).__name__} that cannot be printed)"


def signature_of(module: nn.Module) -> Signature | None:
    """The parameters of a module's ``forward``; None where Python does not know them.

    >>> signature_of(nn.Bilinear(1, 1, 1)).required
    ('input1', 'input2')
    """
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (AttributeError, TypeError, ValueError):
        return None
    kinds = inspect.Parameter
    named = [
        p for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    ]
    every = [*named, *(p for p in parameters if p.kind == kinds.KEYWORD_ONLY)]
    return Signature(
        required=tuple(p.name for p in every if p.default is kinds.empty),
        optional=tuple(p.name for p in every if p.default is not kinds.empty),
        any_positional=any(p.kind == kinds.VAR_POSITIONAL for p in parameters),
        any_keyword=any(p.kind == kinds.VAR_KEYWORD for p in parameters),
        instead_of_self=_instead_of_self(module),
    )


def _instead_of_self(module: nn.Module) -> str:
    """The parameter that takes the module, where it has another name than in ``__init__``.

    Its name is free: who calls it ``s`` in both forgot nothing.
    """
    forward = getattr(inspect.unwrap(module.forward), "__func__", None)
    first, usual = _first_parameter(forward), _first_parameter(type(module).__init__)
    return "" if first in ("", "self", usual) else first


def _first_parameter(function: object) -> str:
    code = getattr(function, "__code__", None)
    return code.co_varnames[0] if code is not None and code.co_argcount else ""


def range_of(tensor: torch.Tensor) -> tuple[int, int] | None:
    """Smallest and largest of some whole numbers; None for others, and where there are no values.

    >>> range_of(torch.tensor([3, -1, 7]))
    (-1, 7)
    """
    if tensor.dtype not in _INTEGERS or tensor.is_meta:
        return None
    try:
        return int(tensor.min()), int(tensor.max())
    except Exception:  # noqa: BLE001 - empty, fake, or on a device that the failure has shut
        return None
