"""What a pass holds in memory, counted as tensors come and go, mostly on tensors without memory.

Fake tensors have sizes, a device and a history for gradients, but no numbers. Whether an operation
keeps its input, its result or something of its own for the backward pass, how long a variable of
the forward holds on to a tensor, and which views share one storage need not be known: what is
alive is seen.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from cnnshape.interrupts import let_through
from cnnshape.tracing.call_watcher import CallWatcher
from cnnshape.tracing.execute import Inputs, Mode, fake_mode, swap_tensors
from cnnshape.tracing.preserve import preserved
from cnnshape.tracing.structure import named_tensors

CallName = tuple[str, int]
Sizes = dict[CallName, int]


@dataclass(frozen=True, slots=True)
class Allocations:
    """Bytes of one pass.

    Attributes:
        given: parameters, buffers and inputs, which are there before it.
        peak: the most that was alive at once, ``given`` included.
        peaks: the same while each call ran, by the call's path and number.
        kept: what each call's own forward made and what was still alive when the model returned:
            the result, and what the backward pass needs.
    """

    given: int
    peak: int
    peaks: Sizes
    kept: Sizes


#: Kernels that keep a workspace for the backward pass, of a size that they find out when they run.
_WORKSPACES = ("mkldnn_rnn_layer", "_cudnn_rnn", "miopen_rnn")


class WorkspaceError(Exception):
    """Without running it nobody knows how much a kernel keeps."""


def count_allocations(
    model: nn.Module,
    inputs: Inputs,
    *,
    device: str = "cpu",
    training: bool = False,
    real: bool = False,
) -> Allocations:
    """The memory of one forward pass without gradients, or of a forward and a backward pass.

    The model is afterwards as it was.

    Args:
        model: any module, on any device.
        inputs: its arguments.
        device: where it is to run: kernels differ in what they keep.
        training: in training mode and with gradients, down to those of the parameters, the loss
            asking for every output's; else in eval mode and without.
        real: run it on copies of all tensors; else nothing is computed and nothing allocated.

    Raises:
        WorkspaceError: only a real pass can tell.
        Exception: whatever the model raises, also because it needs real numbers.

    >>> net = nn.Sequential(nn.Linear(4, 8, bias=False), nn.ReLU())
    >>> found = count_allocations(net, Inputs((torch.zeros(1, 4),)))
    >>> found.given, found.peak - found.given  # (32 + 4 numbers); 8 before and 8 behind the ReLU
    (144, 64)
    """
    every = tuple(model.modules())
    mode: Mode = "train" if training else "eval"
    with preserved(every, grad=training), _copied(every, inputs, device, real) as moved:
        for module in every:
            vars(module)["training"] = mode == "train"
            # A user's hooks are for a training of theirs.
            vars(module)["_backward_hooks"] = OrderedDict()
            vars(module)["_backward_pre_hooks"] = OrderedDict()
        watcher = _Watcher(model, tells_workspaces=real or not training)
        counter = watcher.counter
        given = (*model.parameters(), *model.buffers(), *_tensors((moved.args, moved.kwargs)))
        counter.see(given)
        before = counter.alive
        with watcher.watching_modules(), counter:
            output = let_through(model, *moved.args, **(moved.kwargs or {}))
            kept = counter.by_call()
            losses = [tensor.sum().abs() for tensor in _tensors(output) if tensor.requires_grad]
            if training and losses:
                let_through(torch.autograd.backward, losses)
    return Allocations(
        given=before,
        peak=max(counter.levels),
        peaks=watcher.peaks(),
        kept={watcher.seen[call]: size for call, size in kept.items()},
    )


def _tensors(thing: Any) -> list[torch.Tensor]:
    return [tensor for _, tensor in named_tensors("", thing)]


@contextmanager
def _copied(
    modules: tuple[nn.Module, ...], inputs: Inputs, device: str, real: bool
) -> Generator[Inputs]:
    """Every tensor replaced by one on ``device``, a copy if ``real``, else without memory.

    Hooks that the user has on a parameter stay with the parameter.
    """
    mode = nullcontext() if real else fake_mode()

    def copy(tensor: torch.Tensor) -> torch.Tensor:
        with mode:
            twin = (
                tensor.detach().to(device, copy=True)
                if real
                else torch.empty_strided(
                    tensor.shape, tensor.stride(), dtype=tensor.dtype, device=device
                )
            )
        return twin.requires_grad_(tensor.requires_grad)

    swap_tensors(modules, copy, torch.device(device))
    moved = inputs.to(copy)
    with mode:
        yield moved


class _Counter(TorchDispatchMode):
    """Bytes of all storages that are alive, and which call made each.

    Args:
        innermost: tells the call whose forward runs now.
        tells_workspaces: kernels return the workspace that they keep, or keep none.
    """

    def __init__(self, innermost: Callable[[], int | None], tells_workspaces: bool) -> None:
        super().__init__()
        self._innermost = innermost
        self._tells_workspaces = tells_workspaces
        # id of a storage → (weak reference, bytes, the call that made it).
        self._storages: dict[int, tuple[Any, int, int | None]] = {}
        self.alive = 0
        #: How much was alive whenever something new came.
        self.levels: list[int] = [0]

    def see(self, tensors: Iterable[torch.Tensor]) -> None:
        """Count the storages of tensors, each once."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            known = self._storages.get(id(storage))
            if known is None or known[0]() is not storage:
                self._add(storage)

    def _add(self, storage: torch.UntypedStorage) -> None:
        key, size = id(storage), storage.nbytes()

        def freed(_reference: Any) -> None:
            self.alive -= size
            del self._storages[key]

        self._storages[key] = (weakref.ref(storage, freed), size, self._innermost())
        self.alive += size
        self.levels.append(self.alive)

    def by_call(self) -> dict[int, int]:
        """Bytes that are alive, by the call that made them."""
        sizes: dict[int, int] = {}
        for _, size, call in self._storages.values():
            if call is not None:
                sizes[call] = sizes.get(call, 0) + size
        return sizes

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one kernel."""
        kernel = func.overloadpacket.__name__
        if kernel in _WORKSPACES and not self._tells_workspaces:
            raise WorkspaceError(f"how much {kernel} keeps is known only when it runs")
        result = func(*args, **(kwargs or {}))
        leaves = pytree.tree_leaves(result)
        self.see(leaf for leaf in leaves if isinstance(leaf, torch.Tensor))
        return result


class _Watcher(CallWatcher):
    """Notes between which allocations each call ran."""

    def __init__(self, model: nn.Module, *, tells_workspaces: bool) -> None:
        super().__init__(model)
        self.counter = _Counter(lambda: self.innermost, tells_workspaces)
        self._spans: list[tuple[int, int]] = []

    def peaks(self) -> Sizes:
        """The most that was alive while each call ran."""
        levels = self.counter.levels
        return {
            call: max(levels[start:stop])
            for call, (start, stop) in zip(self.seen, self._spans, strict=True)
        }

    def _open(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], *, in_forward: bool
    ) -> int:
        self.counter.levels.append(self.counter.alive)
        start = len(self.counter.levels) - 1
        self._spans.append((start, start + 1))
        return super()._open(module, args, kwargs, in_forward=in_forward)

    def _close(self, index: int, result: Any, *, finished: bool, macs: int | None) -> None:
        super()._close(index, result, finished=finished, macs=macs)
        self._spans[index] = (self._spans[index][0], len(self.counter.levels))
