"""What a torch function is called in a trace, and what its name says about it."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import torch
from torch import nn

#: Functions that return no tensor worth a node, decided by name before they run.
SILENT = frozenset(
    "size dim stride numel element_size is_contiguous is_floating_point is_complex "
    "storage_offset data_ptr get_device requires_grad_ register_hook retain_grad __len__ __bool__ "
    "__repr__ __format__ __hash__ __reduce_ex__ __deepcopy__ _set_grad_enabled _assert "
    "__set__ __delete__ is_nonzero is_same_size _version is_inference _is_view".split()
)
#: Attributes of a tensor that are tensors computed from it.
TENSOR_ATTRIBUTES = frozenset("T mT H mH real imag data".split())

_WRITING = frozenset(
    "__setitem__ __iadd__ __isub__ __imul__ __itruediv__ __ifloordiv__ __imod__ __ipow__ "
    "__iand__ __ior__ __ixor__ __ilshift__ __irshift__ __imatmul__".split()
)
#: Namespaces of operators that need no telling apart; functions of ``torch`` itself have none.
_OWN_NAMESPACES = frozenset({"", "aten", "prims", "torchvision"})
#: Where classes lie that stand for those of an author: an exported or scripted module's. Such a
#: module keeps the author's class as ``_ty``, and may keep the names of its inputs as ``_inputs``.
REWRITTEN = frozenset({"torch.export.unflatten", "cnnshape.loading.stored.scripted"})
_RENAMED = {
    "truediv": "div",
    "radd": "add",
    "iadd": "add",
    "rmul": "mul",
    "imul": "mul",
    "isub": "sub",
    "rtruediv": "div",
    "itruediv": "div",
    "rmatmul": "matmul",
    "rpow": "pow",
}


@functools.cache
def dtype_name(dtype: torch.dtype) -> str:
    """``float32`` for ``torch.float32``."""
    return str(dtype).removeprefix("torch.")


@functools.cache
def writes(name: str) -> bool:
    """Whether a function of this name writes into its first argument.

    >>> writes("add_"), writes("__setitem__"), writes("relu_.default"), writes("__add__")
    (True, True, True, False)
    """
    name = name.partition(".")[0]  # an operator's name ends with that of its overload
    return (name.endswith("_") and not name.endswith("__")) or name in _WRITING


def operation_name(func: Any, name: str) -> str:
    """What an operation is called: ``add`` for ``add_``, ``__add__`` and ``torch.add``.

    >>> operation_name(torch.Tensor.__radd__, "__radd__")
    'add'
    >>> operation_name(None, "max_pool2d_with_indices")
    'max_pool2d'
    """
    packet = getattr(func, "overloadpacket", func)  # of an operator, as in an exported program
    if "unfold" in name and packet in (torch.Tensor.unfold, torch.ops.aten.unfold):
        return "sliding_window"  # shares its name, and nothing else, with F.unfold
    bare = _bare(name)
    if not isinstance(packet, torch._ops.OpOverloadPacket):  # noqa: SLF001
        return bare
    # An operator of another library, or a quantized one, is not torch's own of the same name.
    space = str(packet._qualified_op_name).partition("::")[0]  # noqa: SLF001
    return bare if space in _OWN_NAMESPACES else f"{space}.{bare.partition('.')[0]}"


@functools.cache
def _bare(name: str) -> str:
    bare = name.strip("_").removesuffix("_with_indices")
    return _RENAMED.get(bare, bare)


@functools.cache
def forward_names(cls: type[nn.Module]) -> tuple[str, ...]:
    """The positional parameters of a class's ``forward``, in order, without ``self``.

    >>> forward_names(nn.Bilinear)
    ('input1', 'input2')
    """
    try:
        parameters = list(inspect.signature(cls.forward).parameters.values())
    except (TypeError, ValueError, AttributeError):  # TorchScript has no Python signature
        return ()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in parameters[1:] if p.kind in positional)


def input_names(module: nn.Module) -> tuple[str, ...]:
    """The positional inputs of a module by name, those of TorchScript and of a graph included.

    >>> input_names(nn.Bilinear(1, 1, 1))
    ('input1', 'input2')
    """
    if isinstance(module, torch.jit.ScriptModule):
        schema: Any = getattr(getattr(module, "forward", None), "schema", None)
        arguments = schema.arguments[1:] if schema is not None else ()
        return tuple(str(argument.name) for argument in arguments)
    if type(module).__module__ in REWRITTEN and hasattr(module, "_inputs"):
        return tuple(map(str, vars(module)["_inputs"]))
    return forward_names(type(module))
