"""Convolution and transposed convolution of whole shapes, over one to three axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from cnnshape.errors import ImpossibleSizeError, UsageError
from cnnshape.formulas.arguments import PerAxis, Shape, dims_of, not_empty, per_axis, split
from cnnshape.formulas.convolution_rules import MODES, conv_rule, transpose_rule, transposed_size
from cnnshape.formulas.derivation import Derivation, derivation, derive_axes


def derive_conv(
    shape: Shape,
    *,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    in_channels: int | None = None,
    out_channels: int | None = None,
    padding_mode: str = "zeros",
    dims: int | None = None,
) -> Derivation:
    """A convolution of an input ``(N, C, …)`` or ``(C, …)``."""
    dims = dims_of(shape, dims, kernel_size, stride, padding, dilation)
    leading, sizes = split("conv", shape, dims)
    kernels = per_axis("kernel_size", kernel_size, dims)
    strides = per_axis("stride", stride, dims)
    dilations = per_axis("dilation", dilation, dims)
    incoming = leading[-1] if in_channels is None else in_channels
    outgoing = incoming if out_channels is None else out_channels
    _check_channels(leading[-1], incoming, outgoing, groups)
    if padding_mode not in MODES:
        raise UsageError(f"padding_mode must be one of {', '.join(MODES)}, not {padding_mode!r}")
    if padding_mode in ("reflect", "replicate"):
        not_empty(f"{padding_mode} padding", leading[-1:])
    empty = incoming == 0 or 0 in leading[:-1]
    rule = conv_rule(padding_mode, same=padding == "same", empty=empty)
    if padding == "same":
        if any(step != 1 for step in strides):
            raise ImpossibleSizeError("padding='same' needs stride 1")
        values = tuple(zip(sizes, kernels, dilations, strict=True))
    else:
        pads = per_axis("padding", _pads(padding), dims)
        values = tuple(zip(sizes, kernels, strides, pads, dilations, strict=True))
    axes = derive_axes(rule, values)
    # With no channel coming in, the framework lets none out, whatever was asked for.
    output = (*leading[:-1], outgoing if incoming else 0, *(axis.output for axis in axes))
    return derivation("conv", rule, output, axes)


def derive_conv_transpose(
    shape: Shape,
    *,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    in_channels: int | None = None,
    out_channels: int | None = None,
    output_size: Sequence[int] | None = None,
    dims: int | None = None,
) -> Derivation:
    """A transposed convolution; ``output_size`` is what its call was given, if anything."""
    dims = dims_of(shape, dims, kernel_size, stride, padding, dilation, output_padding)
    leading, sizes = split("conv_transpose", shape, dims)
    kernels = per_axis("kernel_size", kernel_size, dims)
    strides = per_axis("stride", stride, dims)
    pads = per_axis("padding", padding, dims)
    dilations = per_axis("dilation", dilation, dims)
    incoming = leading[-1] if in_channels is None else in_channels
    outgoing = incoming if out_channels is None else out_channels
    _check_channels(leading[-1], incoming, outgoing, groups)
    not_empty("conv_transpose", leading[-1:])
    if output_size is None:
        extra = per_axis("output_padding", output_padding, dims)
    else:
        bare = tuple(zip(sizes, kernels, strides, pads, dilations, strict=True))
        extra = _output_padding(output_size, bare, len(leading))
    values = tuple(zip(sizes, kernels, strides, pads, dilations, extra, strict=True))
    batched = shape if len(leading) == 2 else (1, *shape)
    rule = transpose_rule(
        empty=0 in leading[:-1],
        lenient=_onednn(batched, groups, kernels, strides, extra),
    )
    axes = derive_axes(rule, values)
    output = (*leading[:-1], outgoing, *(axis.output for axis in axes))
    return derivation("conv_transpose", rule, output, axes)


def _onednn(
    shape: Shape, groups: int, kernels: Shape, strides: Shape, output_paddings: Shape
) -> bool:
    """Whether float32 on a CPU is computed by oneDNN, as far as the shapes decide it.

    oneDNN hands back an output of size 0, which the framework's own code refuses ("Output size is
    too small"). The choice is that of ``ConvParams::use_mkldnn`` in ATen's Convolution.cpp, for
    several threads; float64, and processors without oneDNN, always refuse.
    """
    if any(extra >= step for extra, step in zip(output_paddings, strides, strict=True)):
        return False
    # A convolution over one axis is computed as one over two, the first of size 1.
    smallest = min((1, *kernels)[-2:])
    return groups > 1 or shape[0] > 1 or smallest > 3 or prod(shape[:4]) > 20480


def _output_padding(
    output_size: Sequence[int], values: tuple[tuple[int, int, int, int, int], ...], leading: int
) -> tuple[int, ...]:
    """The output_padding that reaches ``output_size``; its leading axes may be given as well."""
    wanted = tuple(output_size)[-len(values) :]
    if len(output_size) not in (len(values), len(values) + leading):
        raise ImpossibleSizeError(
            f"output_size {tuple(output_size)} has {len(output_size)} numbers, "
            f"but the layer works on {len(values)} axes"
        )
    extra: list[int] = []
    for size, axis in zip(wanted, values, strict=True):
        least = transposed_size(*axis, 0)
        most = least + axis[2] - 1
        if not least <= size <= most:
            raise ImpossibleSizeError(
                f"output_size {size} cannot be reached: this layer gives {least} to {most}"
            )
        extra.append(size - least)
    return tuple(extra)


def _pads(padding: PerAxis | str) -> PerAxis:
    if not isinstance(padding, str):
        return padding
    if padding != "valid":
        raise UsageError(f"padding must be a number, 'same' or 'valid', not {padding!r}")
    return 0


def _check_channels(arriving: int, incoming: int, outgoing: int, groups: int) -> None:
    if groups < 1:
        raise ImpossibleSizeError(f"groups must be at least 1, not {groups}")
    if incoming % groups:
        raise ImpossibleSizeError(f"{incoming} input channels cannot be split into {groups} groups")
    if outgoing % groups:
        raise ImpossibleSizeError(
            f"{outgoing} output channels cannot be split into {groups} groups"
        )
    if outgoing < 1:
        raise ImpossibleSizeError(f"out_channels must be at least 1, not {outgoing}")
    if arriving != incoming:
        raise ImpossibleSizeError(f"the layer expects {incoming} channels, but {arriving} arrive")
