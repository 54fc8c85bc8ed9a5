"""Counting multiply-accumulates inside code that cannot be seen into, such as TorchScript.

The dispatcher below every torch function still sees each kernel; torch's own table of FLOPs
per kernel says what it costs (2 FLOPs are one multiply-accumulate).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class MacCounter(TorchDispatchMode):
    """Adds up the multiply-accumulates of every kernel that runs while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        from torch.utils.flop_counter import flop_registry

        self.macs = 0
        self._registry: dict[Any, Any] = dict(flop_registry)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one kernel and add its cost."""
        kwargs = kwargs or {}
        packet = func.overloadpacket
        if packet not in self._registry and func.decompose is not None:
            with self:
                inner = func.decompose(*args, **kwargs)
                if inner is not NotImplemented:
                    return inner
        # Kernels are no functions of the model's author: the recorder shall not list them.
        with torch._C.DisableTorchFunction():  # noqa: SLF001
            result = func(*args, **kwargs)
        count = self._registry.get(packet)
        if count is not None:
            self.macs += count(*args, **kwargs, out_val=result) // 2
        return result


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
