"""Following the calls of a pass while leaving everything that runs in them alone.

For passes that measure: a recording costs time and memory of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from cnnshape.tracing.describe import describe
from cnnshape.tracing.open_calls import OpenCall
from cnnshape.tracing.recorder import Recorder


class CallWatcher(Recorder):
    """A recorder that notes which calls there were, in order, and no operation.

    Its ``watching_modules`` is to be entered, the recorder itself need not be.

    >>> import torch
    >>> from cnnshape.tracing.preserve import preserved
    >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    >>> watcher = CallWatcher(net)
    >>> with preserved(tuple(net.modules())), watcher.watching_modules():
    ...     _ = net(torch.zeros(1, 2))
    >>> watcher.seen
    [('', 0), ('0', 0), ('1', 0)]
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__(tuple(model.modules()), describe(model), before_write=lambda _: None)
        #: Per call the module's path, and which call of the module it is.
        self.seen: list[tuple[str, int]] = []

    @property
    def innermost(self) -> int | None:
        """The index of the call whose forward runs now."""
        return self._open_calls.here[-1].index if self._open_calls.here else None

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one function."""
        return func(*args, **(kwargs or {}))

    def _through(
        self,
        module: nn.Module,  # noqa: ARG002 - looking into TorchScript would cost time
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> tuple[Any, int | None]:
        return function(*args, **kwargs), None

    def _open(
        self,
        module: nn.Module,
        args: tuple[Any, ...],  # noqa: ARG002
        kwargs: dict[str, Any],  # noqa: ARG002
        *,
        in_forward: bool,
    ) -> int:
        index = len(self.seen)
        run = self._runs.get(id(module), 0)
        self._runs[id(module)] = run + 1
        self.seen.append((self._paths[id(module)], run))
        self._open_calls.here.append(OpenCall(index, id(module), in_forward))
        return index

    def _close(self, index: int, result: Any, *, finished: bool, macs: int | None) -> None:
        pass
