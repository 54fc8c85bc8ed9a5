"""Leave no trace: the model and the process are put back exactly as they were.

Everything a forward pass can change is noted before it and restored after it, whether it
returned, raised or was interrupted:

* every module's attributes, parameters, buffers, hooks, class and ``training`` flag;
* the values of buffers, and of a parameter that is about to be written to; every parameter's
  gradient, ``requires_grad`` and ``data``;
* the random state of torch (CPU and the GPU in use), Python and NumPy;
* global flags: gradient mode, default dtype, the fused attention path, ``torch.compile``'s stance.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import torch
from torch import nn
from torch.nn.parameter import is_lazy

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
    kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    buffers = [tensor for module in modules for tensor in _tensors(module, "_buffers")]
    parameters = [tensor for module in modules for tensor in _tensors(module, "_parameters")]
    owned = _by_storage((*parameters, *buffers))

    def keep(written: torch.Tensor) -> None:
        for tensor in owned.get(storage_of(written), ()):
            if id(tensor) not in kept:
                kept[id(tensor)] = (tensor, tensor.detach().clone())

    snapshots = [_Snapshot(module) for module in modules]
    tensors = [_Leaf(tensor) for tensor in (*parameters, *buffers) if not is_lazy(tensor)]
    gpus = {t.device.index for t in (*parameters, *buffers) if t.device.type == "cuda"}
    with ExitStack() as stack:
        stack.enter_context(torch.set_grad_enabled(grad))
        for buffer in buffers:
            keep(buffer)
        stack.enter_context(torch.random.fork_rng(devices=sorted(gpus)))
        stack.enter_context(_python_random())
        stack.enter_context(_numpy_random())
        stack.enter_context(_global_flags())
        try:
            yield keep
        finally:
            for snapshot in snapshots:
                snapshot.restore()
            for leaf in tensors:
                leaf.restore()
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
        if self.grad is not None:
            tensor.grad = None

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
    """One module's attributes and registries, shallowly copied."""

    __slots__ = ("attributes", "cls", "module", "registries")

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.cls = type(module)
        self.attributes = dict(vars(module))
        self.registries: dict[str, Any] = {
            name: value.copy()
            for name, value in self.attributes.items()
            if name.startswith("_") and isinstance(value, dict | set)
        }

    def restore(self) -> None:
        module = self.module
        if type(module) is not self.cls:  # a lazy module became an ordinary one
            module.__class__ = self.cls
        now = vars(module)
        for name in [name for name in now if name not in self.attributes]:
            del now[name]
        for name, value in self.attributes.items():
            if now.get(name, self) is not value:
                now[name] = value
        for name, before in self.registries.items():
            registry = self.attributes[name]
            if not _same_items(registry, before):
                registry.clear()
                registry.update(before)


def _same_items(one: Any, other: Any) -> bool:
    """Whether two registries hold the same objects; comparing tensors would run an operation."""
    if isinstance(one, set):
        return one == other
    return list(one) == list(other) and all(one[key] is other[key] for key in one)


@contextmanager
def _python_random() -> Generator[None]:
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


@contextmanager
def _numpy_random() -> Generator[None]:
    numpy = cast("Any", sys.modules.get("numpy"))
    state = numpy.random.get_state() if numpy is not None else None
    try:
        yield
    finally:
        if numpy is not None:
            numpy.random.set_state(state)


@contextmanager
def _global_flags() -> Generator[None]:
    """The fused attention path skips children, and compiled code cannot be seen into."""
    fused = torch.backends.mha.get_fastpath_enabled()
    dtype = torch.get_default_dtype()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        if "torch._dynamo" in sys.modules:  # nothing is compiled where it was never imported
            with torch.compiler.set_stance("force_eager"):
                yield
        else:
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        torch.set_default_dtype(dtype)
