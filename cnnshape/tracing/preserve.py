"""Leave no trace: the model and the process are put back exactly as they were.

Everything a forward pass can change is noted before it and restored after it, whether it
returned, raised or was interrupted:

* every module's attributes, parameters, buffers, hooks, class and ``training`` flag;
* the values of buffers, and of a parameter that is about to be written to; every parameter's
  gradient, ``requires_grad`` and ``data``;
* the process: :mod:`cnnshape.tracing.process_state`.

Interrupts are held back from before the first change until after the last one is undone; whoever
runs the model inside lets them through (:func:`cnnshape.interrupts.let_through`).
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from operator import is_
from typing import Any, cast

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from cnnshape.exits import exits_refused
from cnnshape.interrupts import held
from cnnshape.tracing.process_state import noted_process
from cnnshape.tracing.storage import storage_of


@contextmanager
def preserved(
    modules: Sequence[nn.Module], *, grad: bool = False
) -> Generator[Callable[[torch.Tensor], None]]:
    """Restore the ``modules`` of a model (each listed once) and the process on leaving.

    Yields a function to call with a tensor *before* it is written to in place; if it belongs
    to the model, its values are kept and put back. Buffers need no such call.

    >>> layer = nn.BatchNorm1d(2)
    >>> with preserved([layer]):
    ...     _ = layer.train()(torch.randn(8, 2))
    >>> int(layer.num_batches_tracked), layer.training
    (0, True)
    """
    with held(), ExitStack() as stack:
        kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        buffers = [tensor for module in modules for tensor in _tensors(module, "_buffers")]
        parameters = [tensor for module in modules for tensor in _tensors(module, "_parameters")]
        owned = _by_storage((*parameters, *buffers))

        def keep(written: torch.Tensor) -> None:
            for tensor in owned.get(storage_of(written), ()):
                if id(tensor) not in kept:
                    kept[id(tensor)] = (tensor, tensor.detach().clone())

        before: list[_Leaf | _Snapshot] = []
        stack.callback(_restore_values, kept)
        stack.callback(_restore_each, before)
        if owned:
            for buffer in buffers:
                keep(buffer)
        for tensor in (*parameters, *buffers):
            if not is_lazy(tensor):
                leaf = _Leaf(tensor)
                before.append(leaf)
                leaf.take_gradient_off()
        before += map(_Snapshot, modules)
        stack.callback(noted_process())  # the first to be put back: the others run operations
        stack.enter_context(exits_refused())
        stack.enter_context(_as_written(grad))
        yield keep


@contextmanager
def _as_written(grad: bool) -> Generator[None]:
    """The forward runs as its author wrote it.

    Fused attention would skip children, and compiled code cannot be seen into.
    """
    gc.disable()  # it would go through what the recording makes again and again
    torch.set_grad_enabled(grad)
    torch.backends.mha.set_fastpath_enabled(False)
    if "torch._dynamo" in sys.modules:  # nothing is compiled where it was never imported
        with torch.compiler.set_stance("force_eager"):
            yield
    else:
        yield


def _restore_each(before: Sequence[_Leaf | _Snapshot]) -> None:
    """Put everything back, the last noted first; one that raises does not keep others from it."""
    raised = [error for error in map(_restored, reversed(before)) if error is not None]
    if raised:
        raise raised[0]


def _restored(one: _Leaf | _Snapshot) -> Exception | None:
    try:
        one.restore()
    except Exception as error:  # noqa: BLE001 - an author's own class may refuse
        return error
    return None


def _restore_values(kept: Mapping[int, tuple[torch.Tensor, torch.Tensor]]) -> None:
    for tensor, values in kept.values():
        if tensor.shape != values.shape or not _same_values(tensor, values):
            tensor.detach().copy_(values)


def _tensors(module: nn.Module, registry: str) -> list[torch.Tensor]:
    if isinstance(module, torch.jit.ScriptModule):
        named = module.parameters if registry == "_parameters" else module.buffers
        return list(named(recurse=False))
    entries = cast("dict[str, torch.Tensor | None]", vars(module)[registry])
    return [tensor for tensor in entries.values() if tensor is not None]


def _by_storage(tensors: Iterable[torch.Tensor]) -> dict[int | None, list[torch.Tensor]]:
    """The tensors that have values to keep, by the memory they live in.

    A view, ``tensor.data`` and a flattened parameter share it with the tensor they come from.
    """
    owned: dict[int | None, list[torch.Tensor]] = {}
    for tensor in tensors:
        if not tensor.is_meta and not is_lazy(tensor):
            owned.setdefault(storage_of(tensor), []).append(tensor)
    owned.pop(None, None)
    return owned


def _same_values(tensor: torch.Tensor, values: torch.Tensor) -> bool:
    # Comparing first leaves the tensor's version counter alone where nothing happened.
    return torch.equal(tensor, values)


class _Leaf:
    """A parameter's or buffer's gradient, ``requires_grad`` and memory.

    The gradient is taken off during the pass, so that a backward inside ``forward`` makes a new
    one instead of adding to the user's.
    """

    __slots__ = ("data", "grad", "requires_grad", "tensor")

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor
        self.requires_grad = tensor.requires_grad
        self.data = tensor.data
        self.grad = tensor.grad if tensor.is_leaf else None

    def take_gradient_off(self) -> None:
        if self.grad is not None:
            self.tensor.grad = None

    def restore(self) -> None:
        tensor = self.tensor
        if storage_of(tensor) != storage_of(self.data):  # the forward set `tensor.data`
            tensor.data = self.data
        if not tensor.is_leaf:
            return
        if tensor.grad is not self.grad:
            tensor.grad = self.grad
        if tensor.requires_grad is not self.requires_grad:
            tensor.requires_grad_(self.requires_grad)


class _Snapshot:
    """One module's attributes and registries, shallowly copied.

    Attributes:
        empty: its registries (parameters, hooks, …) that hold nothing, as most do.
        filled: the others, each with a copy.
    """

    __slots__ = ("attributes", "cls", "empty", "filled", "module")

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.cls = type(module)
        self.attributes = dict(vars(module))
        registries = [
            value
            for name, value in self.attributes.items()
            if isinstance(value, (dict, set)) and name.startswith("_")
        ]
        self.empty: list[Any] = [registry for registry in registries if not registry]
        self.filled: list[Any] = [(each, each.copy()) for each in registries if each]

    def restore(self) -> None:
        module = self.module
        if type(module) is not self.cls:  # a lazy module became an ordinary one
            module.__class__ = self.cls
        now, before = vars(module), self.attributes
        if now.keys() != before.keys():
            for name in now.keys() - before.keys():
                del now[name]
        # As a rule nothing else has changed, and this way of finding out is the fastest.
        if len(now) != len(before) or not all(map(is_, now.values(), before.values())):
            for name, value in before.items():
                if now.get(name, self) is not value:
                    now[name] = value
        self._restore_registries()

    def _restore_registries(self) -> None:
        if any(self.empty):
            for registry in self.empty:
                registry.clear()
        for registry, copied in self.filled:
            if not _same_items(registry, copied):
                registry.clear()
                registry.update(copied)


def _same_items(one: Any, other: Any) -> bool:
    """Whether two registries hold the same objects; comparing tensors would run an operation."""
    if isinstance(one, set):
        return one == other
    return list(one) == list(other) and all(one[key] is other[key] for key in one)
