"""Quantized operations: what the float ones do, with weights that are packed for the kernels.

Packed weights are no tensors of a recording. It describes them by their sizes, and those of a
convolution with how it is slid: ``{"weight": (16, 3, 3, 3), "stride": (2, 2), …}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

from cnnshape.operations.axes import Account, AxisOf, Need, Size
from cnnshape.operations.call import Call, Operand, Signature, Unfit
from cnnshape.operations.table import Entry, Table

#: Stands for packed weights, to which whoever asks has given no number.
_NOWHERE = -1

#: The float operation → what its quantized forms end with, where nothing is packed.
_LIKE_FLOAT = {
    "add": ("", "_relu", "_scalar", "_scalar_relu"),
    "mul": ("", "_relu", "_scalar", "_scalar_relu"),
    "cat": ("", "_relu"),
    "matmul": ("",),
    "batch_norm": ("", "1d", "1d_relu", "2d", "2d_relu", "3d", "3d_relu"),
    **dict.fromkeys(
        "layer_norm group_norm softmax prelu sigmoid hardswish elu celu leaky_relu dropout".split(),
        ("",),
    ),
}
_CONV = ("", "_relu", "_dynamic")
_LINEAR = ("", "_relu", "_leaky_relu", "_tanh", "_dynamic", "_relu_dynamic", "_dynamic_fp16",
           "_relu_dynamic_fp16")  # fmt: skip
_CELLS = "lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell".split()


def quantized(table: Table) -> Iterator[Entry]:
    """The quantized forms of a table's operations."""
    for name, endings in _LIKE_FLOAT.items():
        for ending in endings:
            yield replace(_of(table, name), name=f"quantized.{name}{ending}")
    for name in ("conv", "conv_transpose"):
        for ending in (f"{axes}d{how}" for axes in (1, 2, 3) for how in _CONV):
            yield _packed(f"quantized.{name}{ending}", _of(table, name), "input weight", _slid)
    for ending in ("", "_relu"):
        called = "input other weight"
        yield _packed(f"quantized.conv2d_add{ending}", _of(table, "conv"), called, _slid)
    for ending in _LINEAR:
        yield _packed(f"quantized.linear{ending}", _of(table, "linear"), "input weight")
    for name in ("lstm", "gru"):
        yield _packed(f"quantized_{name}", _of(table, name), "input *rest")
    for name in _CELLS:
        called = "input hx w_ih w_hh"
        yield _packed(f"quantized.quantized_{name}_dynamic", _of(table, name), called)


def _of(table: Table, name: str) -> Entry:
    entry = table.find(name)
    if entry is None:
        raise LookupError(name)
    return entry


def _weights(value: Any) -> Any:
    """Arguments with operands in the place of packed weights."""
    if isinstance(value, tuple):
        return tuple(map(_weights, cast("tuple[Any, ...]", value)))
    if isinstance(value, dict) and "weight" in value:
        return Operand.of(_NOWHERE, *cast("dict[str, Any]", value)["weight"])
    return value


def _named(call: Call) -> dict[str, Any]:
    return {name: _weights(value) for name, value in call.arguments.items()}


def _slid(call: Call) -> dict[str, Any]:
    """Those of a convolution, for as many axes as its input has: ``conv1d`` is packed for two."""
    packed, axes = call["weight"], call.tensor().rank - 2
    if not isinstance(packed, dict):
        raise Unfit("weights of which no size is known")
    each = cast("dict[str, Any]", packed)
    slid = {name: n[-axes:] if isinstance(n, tuple) else n for name, n in each.items()}
    weight = Operand.of(_NOWHERE, *each["weight"][:2], *slid["weight"])
    return slid | {"input": call["input"], "weight": weight}


def _packed(
    name: str, entry: Entry, signature: str, arguments: Callable[[Call], dict[str, Any]] = _named
) -> Entry:
    """An operation that does what ``entry`` says with the sizes of packed weights."""

    def unpacked(call: Call) -> Call:
        given = arguments(call)
        return Call(entry.name, given, None, entry.name, given)

    def axes(call: Call) -> Account:
        if entry.axes is None:
            raise Unfit(entry.name)
        return _without_weights(entry.axes(unpacked(call)))

    def macs(call: Call) -> Size:
        return entry.count(unpacked(call))

    def rule(call: Call) -> tuple[str, dict[str, Any]]:
        if entry.rule is None:
            raise Unfit(entry.name)
        return entry.rule(unpacked(call))

    return Entry(
        name, entry.family, Signature(signature), axes, macs, rule, "torch.ao.nn.quantized"
    )


def _without_weights(account: Account) -> Account:
    """The account without the axes of packed weights, which are nowhere."""

    def told(axis: AxisOf | None) -> AxisOf | None:
        return None if axis is None or axis.tensor == _NOWHERE else axis

    def need(one: Need) -> Need:
        return replace(one, left_axis=told(one.left_axis), right_axis=told(one.right_axis))

    ended = tuple(replace(end, axes=tuple(filter(told, end.axes))) for end in account.ended)
    return replace(account, ended=ended, needs=tuple(map(need, account.needs)))
