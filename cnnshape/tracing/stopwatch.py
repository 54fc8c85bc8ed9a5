"""How long each call of a pass takes: warm, and the median of several passes."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import nn

from cnnshape.interrupts import let_through
from cnnshape.tracing.call_watcher import CallWatcher
from cnnshape.tracing.execute import Inputs, Mode, placed
from cnnshape.tracing.preserve import preserved

#: Passes that only warm up caches and allocators, and passes that count.
_WARMING, _LEAST, _MOST = 2, 3, 9
#: Seconds after which no further pass begins.
_ENOUGH = 3.0


def time_calls(
    model: nn.Module,
    inputs: Inputs,
    *,
    device: str,
    mode: Mode = "eval",
    grad: bool = False,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[tuple[str, int], float]:
    """Milliseconds per call in the call's own forward, those of the calls inside it left out.

    A call is named by its module's path and a number: 0 for the module's first call. The model is
    afterwards as it was. On a GPU each call waits until its kernels are done.

    Args:
        model: any module that runs on ``device``.
        inputs: its arguments.
        device: ``cpu``, ``cuda:0``, ``mps``; nothing is computed on ``meta`` that could be timed.
        mode: ``eval`` or ``train``.
        grad: whether gradients are tracked, which few forwards need.
        clock: gives seconds.

    Raises:
        Exception: whatever the model raises.

    >>> net = nn.Sequential(nn.Linear(2, 2))
    >>> times = time_calls(net, Inputs((torch.zeros(1, 2),)), device="cpu")
    >>> list(times), min(times.values()) > 0
    ([('', 0), ('0', 0)], True)
    """
    every = tuple(model.modules())
    now = _waiting(clock, torch.device(device))
    passes: list[_Stopwatch] = []
    with preserved(every, grad=grad) as keep:
        for parameter in model.parameters():
            keep(parameter)  # a forward may write into it, and nobody looks at what it does
        begun = clock()
        while len(passes) < _WARMING + _LEAST or (
            len(passes) < _WARMING + _MOST and clock() - begun < _ENOUGH
        ):
            passes.append(_one_pass(model, inputs, device, mode, grad, now))
    warm = [each.own_times() for each in passes[_WARMING:]]
    return {call: 1000 * median(each.get(call, 0.0) for each in warm) for call in warm[0]}


def _one_pass(
    model: nn.Module, inputs: Inputs, device: str, mode: Mode, grad: bool, now: Callable[[], float]
) -> _Stopwatch:
    every = tuple(model.modules())
    # Each pass begins with the state that the first one found.
    with preserved(every, grad=grad):
        for module in every:
            vars(module)["training"] = mode == "train"
        with placed(every, inputs, device) as moved:
            stopwatch = _Stopwatch(model, now)
            with stopwatch.watching_modules():
                let_through(model, *moved.args, **(moved.kwargs or {}))
    return stopwatch


def _waiting(clock: Callable[[], float], device: torch.device) -> Callable[[], float]:
    """The clock, read when the device has done all that it was told to do."""
    if device.type == "cpu":
        return clock
    synchronize: Callable[[], None] = (
        torch.mps.synchronize if device.type == "mps" else lambda: torch.cuda.synchronize(device)
    )

    def now() -> float:
        synchronize()
        return clock()

    return now


class _Stopwatch(CallWatcher):
    """Reads the clock as the last thing before a forward and as the first thing after it.

    What watching costs falls between the outer and the inner reading, and is charged to nobody.
    """

    def __init__(self, model: nn.Module, now: Callable[[], float]) -> None:
        super().__init__(model)
        self._now = now
        self._outside: list[float] = []
        self._inside: list[float] = []
        self._above: list[int | None] = []

    def own_times(self) -> dict[tuple[str, int], float]:
        """Seconds per call, without those of the calls inside it."""
        own = list(self._inside)
        for above, outside in zip(self._above, self._outside, strict=True):
            if above is not None:
                own[above] -= outside
        return {call: max(seconds, 0.0) for call, seconds in zip(self.seen, own, strict=True)}

    def _open(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], *, in_forward: bool
    ) -> int:
        begun = self._now()
        self._above.append(self.innermost)
        index = super()._open(module, args, kwargs, in_forward=in_forward)
        self._outside.append(-begun)
        self._inside.append(-self._now())
        return index

    def _close(self, index: int, result: Any, *, finished: bool, macs: int | None) -> None:
        self._inside[index] += self._now()
        super()._close(index, result, finished=finished, macs=macs)
        self._outside[index] += self._now()
