"""What a forward pass can change of the process: noted before it, put back after it.

* the random generators of torch (the CPU and every GPU that is in use), Python and NumPy;
* flags of torch: gradients, autocast, default dtype and device, the number of threads,
  determinism, precision of products, which kernels of attention are allowed, cuDNN;
* the modes that see every torch function, where the forward left one entered;
* the filters of warnings, and where ``print`` writes to.

Flags are set only where they differ: most are read often and written by nobody.
"""

from __future__ import annotations

import gc
import random
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple, cast

import torch
from torch import overrides
from torch.utils import _device, _python_dispatch

Restore = Callable[[], object]


def noted_process() -> Restore:
    """Note the state of the process; the function that is returned puts it back.

    >>> restore = noted_process()
    >>> torch.use_deterministic_algorithms(True)
    >>> restore()
    >>> torch.are_deterministic_algorithms_enabled()
    False
    """
    steps = [_flags(), *_generators(), _modes(), _warnings()]

    def restore() -> None:
        with ExitStack() as stack:  # one that raises does not keep the others from their turn
            for step in steps:
                stack.callback(step)

    return restore


# ---- flags ------------------------------------------------------------------------------


class _Flag(NamedTuple):
    """A value of the process that one function reads and another sets."""

    read: Callable[[], Any]
    write: Callable[[Any], object]

    def value(self) -> Any:
        """The value; ``_UNREADABLE`` where this torch or machine has none, or is of two minds."""
        try:
            return self.read()
        except (AttributeError, RuntimeError):
            return _UNREADABLE


_UNREADABLE = object()


def _attributes(owner: Any, names: str) -> list[_Flag]:
    """Flags that torch reads and sets as attributes of ``owner``."""
    return [
        _Flag(partial(getattr, owner, name), partial(setattr, owner, name))
        for name in names.split()
    ]


def _autocast(kind: str) -> list[_Flag]:
    return [
        _Flag(
            partial(torch.is_autocast_enabled, kind),
            partial(torch.set_autocast_enabled, kind),
        ),
        _Flag(partial(torch.get_autocast_dtype, kind), partial(torch.set_autocast_dtype, kind)),
    ]


def _autocast_depth() -> int:
    """How many autocasts are entered; torch tells the number only to whoever changes it."""
    torch.autocast_increment_nesting()
    return torch.autocast_decrement_nesting()


def _set_autocast_depth(depth: int) -> None:
    for _ in range(_autocast_depth() - depth):
        torch.autocast_decrement_nesting()
    for _ in range(depth - _autocast_depth()):
        torch.autocast_increment_nesting()
    if depth == 0:
        torch.clear_autocast_cache()


_backends: Any = torch.backends
_FLAGS: tuple[_Flag, ...] = (
    *_attributes(sys, "stdout stderr"),
    *_attributes(_backends.cudnn, "enabled benchmark benchmark_limit deterministic allow_tf32"),
    *_attributes(
        _backends.cuda.matmul,
        "allow_tf32 allow_fp16_reduced_precision_reduction allow_fp16_accumulation "
        "allow_bf16_reduced_precision_reduction fp32_precision",
    ),
    *_attributes(getattr(_backends.cudnn, "conv", None), "fp32_precision"),
    *_attributes(getattr(_backends.cudnn, "rnn", None), "fp32_precision"),
    *_attributes(_backends.mkldnn, "deterministic"),
    *_attributes(_backends.opt_einsum, "enabled strategy"),
    *_attributes(_backends.quantized, "engine"),
    *_attributes(torch.utils.deterministic, "fill_uninitialized_memory"),
    _Flag(gc.isenabled, lambda on: gc.enable() if on else gc.disable()),
    _Flag(torch.is_grad_enabled, torch._C._set_grad_enabled),  # noqa: SLF001
    _Flag(torch.get_default_dtype, torch.set_default_dtype),
    _Flag(torch.get_num_threads, torch.set_num_threads),
    _Flag(torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    _Flag(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    _Flag(torch.is_anomaly_enabled, torch.set_anomaly_enabled),
    _Flag(_backends.mha.get_fastpath_enabled, _backends.mha.set_fastpath_enabled),
    _Flag(_backends.cuda.flash_sdp_enabled, _backends.cuda.enable_flash_sdp),
    _Flag(_backends.cuda.mem_efficient_sdp_enabled, _backends.cuda.enable_mem_efficient_sdp),
    _Flag(_backends.cuda.math_sdp_enabled, _backends.cuda.enable_math_sdp),
    _Flag(_backends.cuda.cudnn_sdp_enabled, _backends.cuda.enable_cudnn_sdp),
    _Flag(torch.is_autocast_cache_enabled, torch.set_autocast_cache_enabled),
    *_autocast("cpu"),
    *_autocast("cuda"),
    _Flag(_autocast_depth, _set_autocast_depth),
)


def _flags() -> Restore:
    before = [flag.value() for flag in _FLAGS]

    def restore() -> None:
        for flag, value in zip(_FLAGS, before, strict=True):
            if value is not _UNREADABLE and flag.value() != value:
                flag.write(value)

    return restore


# ---- random generators ------------------------------------------------------------------


def _generators() -> Iterable[Restore]:
    torch_state = torch.random.default_generator.get_state()
    python_state = random.getstate()
    yield lambda: torch.random.default_generator.set_state(torch_state)
    yield lambda: random.setstate(python_state)
    numpy = cast("Any", sys.modules.get("numpy.random"))
    if numpy is not None:
        numpy_state = numpy.get_state()
        yield lambda: numpy.set_state(numpy_state)
    # Asking an untouched CUDA for its generators would initialise it.
    if torch.cuda.is_initialized():
        for number in range(torch.cuda.device_count()):
            yield _generator_of_gpu(number)


def _generator_of_gpu(number: int) -> Restore:
    state = torch.cuda.get_rng_state(number)
    return lambda: torch.cuda.set_rng_state(state, number)


# ---- modes and warnings -----------------------------------------------------------------


def _modes() -> Restore:
    """The stacks of modes, whatever an interrupted ``with`` of the forward left on them."""
    functions = list(overrides._get_current_function_mode_stack())  # noqa: SLF001
    dispatchers = len(_python_dispatch._get_current_dispatch_mode_stack())  # noqa: SLF001
    device = _device.CURRENT_DEVICE
    home = cast("Any", torch)._GLOBAL_DEVICE_CONTEXT  # noqa: SLF001
    context = getattr(home, "device_context", None)
    switch: Any = torch._C.DisableTorchFunction()  # noqa: SLF001
    with switch:
        pass  # it knows from now on whether functions are seen at all

    def restore() -> None:
        switch.__exit__(None, None, None)
        while len(_python_dispatch._get_current_dispatch_mode_stack()) > dispatchers:  # noqa: SLF001
            _python_dispatch._pop_mode()  # noqa: SLF001
        now = overrides._get_current_function_mode_stack()  # noqa: SLF001
        if list(map(id, now)) != list(map(id, functions)):
            for _ in now:
                overrides._pop_mode()  # noqa: SLF001
            for mode in functions:
                overrides._push_mode(mode)  # noqa: SLF001
        _device.CURRENT_DEVICE = device
        if getattr(home, "device_context", None) is not context:
            home.device_context = context

    return restore


def _warnings() -> Restore:
    filters, before = warnings.filters, list(warnings.filters)
    show = warnings.showwarning

    def restore() -> None:
        warnings.showwarning = show
        if warnings.filters is not filters or list(filters) != before:
            warnings.filters = filters
            cast("Any", filters)[:] = before
            with warnings.catch_warnings():  # lets go of what it had worked out from the others
                pass

    return restore
