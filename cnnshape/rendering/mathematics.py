r"""Sizes in LaTeX: ``H//2 - 4`` becomes ``\lfloor H/2 \rfloor - 4``.

>>> shape_latex((6, 28, 28)), shape_latex(("N", "H//2 - 4"))
('$6 \\times 28 \\times 28$', '$N \\times (\\lfloor H/2 \\rfloor - 4)$')
"""

from __future__ import annotations

import ast

from cnnshape.rendering import escape
from cnnshape.tracing.trace import Dim, Shape

_SUM, _PRODUCT, _ATOM = 1, 2, 3


def shape_latex(shape: Shape) -> str:
    """A shape as mathematics; an expression that would run into its neighbours gets brackets."""
    if not shape:
        return "scalar"
    least = _PRODUCT + 1 if len(shape) > 1 else _SUM
    product = r" \times ".join(_bound(dim, least) for dim in shape)
    return f"${product}$"


def dim_latex(dim: Dim) -> str:
    r"""One size or count as mathematics, without dollars.

    >>> print(dim_latex("120*(H//4 - 6)*max(W, 2)"))
    120(\lfloor H/4 \rfloor - 6)\max(W, 2)
    """
    return _bound(dim, _SUM)


def _bound(dim: Dim, least: int) -> str:
    if isinstance(dim, int):
        return str(dim)
    try:
        # Parsed, never evaluated: sizes are expressions of letters and integers.
        text, binding = _write(ast.parse(dim, mode="eval").body)
    except (SyntaxError, _UnknownError, RecursionError):
        return rf"\text{{{escape.latex(dim)}}}"
    return text if binding >= least else f"({text})"


class _UnknownError(ValueError):
    """Something that no size is made of."""


def _write(node: ast.expr) -> tuple[str, int]:
    match node:
        case ast.Name(id=name):
            return _name(name), _ATOM
        case ast.Constant(value=int(number)):
            return str(number), _ATOM
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"-{_at_least(operand, _PRODUCT)}", _SUM
        case ast.BinOp(left=left, op=operator, right=right):
            return _operation(left, operator, right)
        case ast.Call(func=ast.Name(id="max" | "min" as name), args=arguments):
            inside = ", ".join(_write(argument)[0] for argument in arguments)
            return rf"\{name}({inside})", _ATOM
        case _:
            raise _UnknownError


def _name(name: str) -> str:
    return name if len(name) == 1 else rf"\mathit{{{escape.latex(name)}}}"


def _operation(left: ast.expr, operator: ast.operator, right: ast.expr) -> tuple[str, int]:
    match operator:
        case ast.Add():
            return f"{_write(left)[0]} + {_write(right)[0]}", _SUM
        case ast.Sub():
            return f"{_write(left)[0]} - {_at_least(right, _PRODUCT)}", _SUM
        case ast.Mult():
            first, second = _at_least(left, _PRODUCT), _at_least(right, _PRODUCT)
            dot = r" \cdot " if second[0].isdigit() else ""
            return f"{first}{dot}{second}", _PRODUCT
        case ast.FloorDiv():
            return rf"\lfloor {_at_least(left, _PRODUCT)}/{_at_least(right, _ATOM)} \rfloor", _ATOM
        case ast.Mod():
            return rf"({_at_least(left, _ATOM)} \bmod {_at_least(right, _ATOM)})", _ATOM
        case _:
            raise _UnknownError


def _at_least(node: ast.expr, least: int) -> str:
    text, binding = _write(node)
    return text if binding >= least else f"({text})"
