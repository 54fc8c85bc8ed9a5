"""Counting multiply-accumulates inside code that cannot be seen into, such as TorchScript.

The dispatcher below every torch function still sees each kernel; the table of operations says what
it costs. Scripted functions are no torch functions, so that their calls have to be caught.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from cnnshape.operations import TABLE, Operand
from cnnshape.operations.axes import Size
from cnnshape.operations.table import Entry


class MacCounter(TorchDispatchMode):
    """Adds up the multiply-accumulates of every kernel that runs while it is entered.

    ``macs`` is None as soon as one of them is not known.
    """

    def __init__(self) -> None:
        super().__init__()
        self.macs: int | None = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one kernel and add its cost."""
        kwargs = kwargs or {}
        entry = TABLE.find(str(func.overloadpacket))
        if entry is None and func.decompose is not None:
            with self:
                inner = func.decompose(*args, **kwargs)
                if inner is not NotImplemented:
                    return inner
        # Kernels are no functions of the model's author: the recorder shall not list them.
        with torch._C.DisableTorchFunction():  # noqa: SLF001
            count = None if entry is None else _count(entry, args, kwargs)
            result = func(*_as_declared(func, args), **kwargs)
            if entry is None and isinstance(result, bool | int | float):
                count = 0  # a number read from a tensor
        self._add(count)
        return result

    def _add(self, count: Size) -> None:
        self.macs = self.macs + count if self.macs is not None and isinstance(count, int) else None


def _as_declared(func: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Numbers as tensors where the kernel takes tensors alone: TorchScript hands them over bare."""
    declared = (str(argument.type) for argument in func._schema.arguments)  # noqa: SLF001
    return tuple(
        torch.tensor(argument, device="cpu")
        if kind == "Tensor" and isinstance(argument, bool | int | float)
        else argument
        for argument, kind in zip(args, declared, strict=False)
    )


def _count(entry: Entry, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Size:
    call = entry.call(_plain(args), _plain(kwargs))
    return None if call is None else entry.count(call)


def _plain(argument: Any) -> Any:
    """Tensors as operands, lists as tuples: what the table understands."""
    if isinstance(argument, torch.Tensor):
        sparse = argument.layout is not torch.strided
        shape = tuple(argument.shape)
        return Operand(id(argument), shape, shape, str(argument.dtype), sparse=sparse)
    if isinstance(argument, list | tuple):
        return tuple(_plain(item) for item in argument)
    if isinstance(argument, dict):
        return {name: _plain(item) for name, item in argument.items()}
    return argument


def in_transform() -> bool:
    """Whether a function runs inside ``vmap``, ``grad`` or another transform of ``torch.func``."""
    return torch._C._are_functorch_transforms_active()  # noqa: SLF001


def is_free(name: str) -> bool:
    """Whether the table says that an operation multiplies nothing.

    >>> is_free("relu"), is_free("mm"), is_free("frobnicate")
    (True, False, False)
    """
    entry = TABLE.find(name)
    return entry is not None and entry.macs == 0


@contextmanager
def count_macs() -> Generator[MacCounter]:
    """Count while the block runs.

    >>> import torch
    >>> with count_macs() as counter:
    ...     _ = torch.nn.functional.linear(torch.ones(1, 84), torch.ones(10, 84))
    >>> counter.macs
    840
    """
    counter = MacCounter()
    with counter:
        yield counter


@contextmanager
def scripted_functions(run: Callable[..., Any]) -> Generator[None]:
    """Have scripted functions called as ``run(call, function, *args, **kwargs)``.

    ``call(function, …)`` is what would have run.

    >>> import torch
    >>> double = torch.jit.trace(lambda x: 2 * x, torch.ones(2))
    >>> with scripted_functions(lambda call, function, x: call(function, x) + 1):
    ...     double(torch.ones(2))
    tensor([3., 3.])
    >>> double(torch.ones(2))
    tensor([2., 2.])
    """
    kind: Any = torch.jit.ScriptFunction
    call = vars(kind)["__call__"]

    def caught(function: Any, *args: Any, **kwargs: Any) -> Any:
        return run(kind_call, function, *args, **kwargs)

    def kind_call(function: Any, *args: Any, **kwargs: Any) -> Any:
        return call.__get__(function, kind)(*args, **kwargs)

    kind.__call__ = caught
    try:
        yield
    finally:
        kind.__call__ = call
