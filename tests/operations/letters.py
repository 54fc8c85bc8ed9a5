"""Holds sizes in letters against torch: real runs at several sizes, and torch's own ShapeEnv.

An account in letters follows from numbers of one run. It is right if, at any other sizes at which
its needs hold, torch accepts the call and gives results as large as the expressions say; and where
a need is broken, torch refuses, or gives something else. The expressions are compared once more
with those that torch's ``ShapeEnv`` finds with fake tensors at the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch._dispatch.python import enable_python_dispatcher
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv, StatelessSymbolicContext

from cnnshape import operations
from cnnshape.formulas.algebra import Sum, Whole, letter
from cnnshape.operations import Account, Operand
from cnnshape.operations.axes import Need
from cnnshape.operations.call import Sized
from tests.operations.judge import spelling, tensors_of

Letters = Mapping[str, int]


@dataclass(frozen=True)
class Lettered:
    """A tensor whose sizes are numbers, letters, or expressions."""

    sizes: tuple[Whole, ...]
    dtype: torch.dtype = torch.float32

    def at(self, letters: Letters) -> torch.Tensor:
        """The tensor where the letters have these values."""
        return torch.zeros(tuple(valued(size, letters) for size in self.sizes), dtype=self.dtype)


def lettered(*sizes: int | str | Sum, dtype: torch.dtype = torch.float32) -> Lettered:
    """``lettered("N", 3, "H", "H")``."""
    return Lettered(tuple(letter(n) if isinstance(n, str) else n for n in sizes), dtype)


def valued(size: Whole | None, letters: Letters) -> Any:
    """A size where the letters have these values."""
    return size.value(letters) if isinstance(size, Sum) else size


def judge_letters(
    function: Callable[..., Any],
    *args: Any,
    run: Letters,
    others: tuple[Letters, ...],
    name: str | None = None,
    by_fakes: bool = True,
    **kwargs: Any,
) -> Account:
    """The table's account of a call with letters, after its sizes and needs have been found right.

    Args:
        function: torch's own.
        args: its arguments; :class:`Lettered` for tensors, ``Sum`` for sizes that follow from
            letters, slices of them.
        run: the values of the letters in the run from which the account follows.
        others: values at which it is tried.
        name: the operation's name in the table.
        by_fakes: whether ShapeEnv knows the function.
        kwargs: the arguments that are given by name.
    """
    name = name or spelling(function)
    given = _plain((args, kwargs), run, iter(range(99)))
    account = operations.account(name, *given)
    assert account is not None, f"{name} is not known, or not with these arguments"
    accepted = []
    for letters in (run, *others):
        real = _at((args, kwargs), letters)
        shapes = _shapes(lambda real=real: function(*real[0], **real[1]))
        expected = [tuple(valued(n, letters) for n in sizes) for sizes in account.sizes]
        if all(_holds(need, letters) for need in account.needs):
            assert shapes == expected, f"at {letters}: {shapes} is not {expected}"
            accepted.append(letters)
        else:
            assert shapes != expected, f"at {letters}: {account.needs}"
    assert run in accepted
    if by_fakes:
        found = _symbolic(function, args, kwargs, run)
        for letters in accepted:
            expected = [tuple(valued(n, letters) for n in sizes) for sizes in account.sizes]
            assert found(letters) == expected, f"at {letters}: {found(letters)} by ShapeEnv"
    return account


def _holds(need: Need, letters: Letters) -> bool:
    left, right = valued(need.left, letters), valued(need.right, letters)
    return left == right if need.relation == "==" else left >= right


def _shapes(call: Callable[[], Any]) -> list[tuple[int, ...]] | None:
    try:
        return [tuple(tensor.shape) for tensor in tensors_of(call())]
    except (RuntimeError, ValueError, IndexError, TypeError):
        return None


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """Tensors and sizes exchanged."""
    if isinstance(value, Lettered | Sum):
        return change(value)
    if isinstance(value, tuple | list):
        return tuple(_mapped(item, change) for item in value)
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    if isinstance(value, slice):
        return slice(*(_mapped(edge, change) for edge in (value.start, value.stop, value.step)))
    return value


def _dotted(value: Any) -> Any:
    """``...`` as it is recorded."""
    if isinstance(value, tuple):
        return tuple(_dotted(item) for item in value)
    return "..." if value is Ellipsis else value


def _at(arguments: Any, letters: Letters) -> Any:
    return _mapped(
        arguments, lambda v: v.at(letters) if isinstance(v, Lettered) else v.value(letters)
    )


def _plain(arguments: Any, run: Letters, numbers: Any) -> Any:
    def change(value: Any) -> Any:
        if isinstance(value, Sum):
            return Sized(value.value(run), value)
        shape = tuple(value.at(run).shape)
        return Operand(next(numbers), value.sizes, shape, str(value.dtype).removeprefix("torch."))

    args, kwargs = _mapped(arguments, change)
    return _dotted(args), kwargs


def _symbolic(
    function: Callable[..., Any], args: Any, kwargs: Any, run: Letters
) -> Callable[[Letters], list[tuple[int, ...]]]:
    """The sizes that torch's ShapeEnv finds, at any values of the letters."""
    shape_env = ShapeEnv(duck_shape=False)
    mode = FakeTensorMode(shape_env=shape_env)
    expressions: dict[Any, Sum] = {}
    symints: dict[str, Any] = dict(run)

    def fake(tensor: Lettered) -> torch.Tensor:
        moving = [isinstance(size, Sum) for size in tensor.sizes]
        dynamic = [DimDynamic.DYNAMIC if each else DimDynamic.STATIC for each in moving]
        context = StatelessSymbolicContext(dynamic_sizes=dynamic)
        made = mode.from_tensor(tensor.at(run), symbolic_context=context)
        for size, symint in zip(tensor.sizes, made.shape, strict=True):
            if isinstance(symint, torch.SymInt):  # ShapeEnv takes a 1 for a number
                expressions[symint.node.expr] = size
                symints[str(size)] = symint
        return made

    fake(lettered(*run))  # so that each letter has a symbol
    tensors = _mapped((args, kwargs), lambda v: fake(v) if isinstance(v, Lettered) else v)
    real = _mapped(tensors, lambda v: v.value(symints))
    with mode, enable_python_dispatcher():
        shapes = [tuple(tensor.shape) for tensor in tensors_of(function(*real[0], **real[1]))]

    def at(letters: Letters) -> list[tuple[int, ...]]:
        values = {symbol: size.value(letters) for symbol, size in expressions.items()}
        return [
            tuple(
                int(n.node.expr.subs(values)) if isinstance(n, torch.SymInt) else n for n in shape
            )
            for shape in shapes
        ]

    return at
