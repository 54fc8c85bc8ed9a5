"""Random layer configurations, and what real torch says of each.

A configuration is drawn with ``pick(low, high)``, an integer source: a ``random.Random`` in the
long run, hypothesis in the tests. Most values are ordinary; each can be one that torch rejects.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

Pick = Callable[[int, int], int]
REJECTIONS = (
    RuntimeError,
    ValueError,
    TypeError,
    IndexError,
    AssertionError,
    NotImplementedError,
    ZeroDivisionError,
)


class Configuration(NamedTuple):
    kind: str
    shape: tuple[int, ...]
    arguments: dict[str, Any]
    #: Builds the layer and applies it to an input.
    call: Callable[[torch.Tensor], Any]

    def __repr__(self) -> str:
        return f"{self.kind} {self.shape} {self.arguments}"


def rarely(pick: Pick, one_in: int) -> bool:
    return pick(1, one_in) == one_in


def usual(pick: Pick, low: int, high: int, odd_low: int, odd_high: int) -> int:
    """low…high, now and then odd_low…odd_high."""
    return pick(odd_low, odd_high) if rarely(pick, 25) else pick(low, high)


def one_or_each(pick: Pick, dims: int, draw: Callable[[], int]) -> Any:
    """An integer for all axes, or one for each."""
    return draw() if pick(0, 1) else tuple(draw() for _ in range(dims))


def spatial(pick: Pick, dims: int, channels: int, low: int, high: int) -> tuple[int, ...]:
    """(N, C, …) or (C, …), now and then with a wrong number of axes, or an empty one."""
    sizes = [usual(pick, low, high, 0, 2) for _ in range(dims)]
    leading = [] if pick(0, 4) == 4 else [0 if rarely(pick, 30) else pick(1, 2)]
    if rarely(pick, 30):
        leading = [1, 1]
    shape = (*leading, channels, *sizes)
    return shape[1:] if rarely(pick, 40) else shape


def name(base: str, dims: int) -> Any:
    return getattr(nn, f"{base}{dims}d")


def conv(pick: Pick) -> Configuration:
    dims = pick(1, 3)
    groups = usual(pick, 1, 2, 0, 3)
    incoming = usual(pick, 1, 2, 0, 3) * max(groups, 1) + (1 if rarely(pick, 40) else 0)
    outgoing = usual(pick, 1, 2, 0, 2) * max(groups, 1) + (1 if rarely(pick, 40) else 0)
    a: dict[str, Any] = {
        "kernel_size": one_or_each(pick, dims, lambda: usual(pick, 1, 4, -1, 7)),
        "stride": one_or_each(pick, dims, lambda: usual(pick, 1, 3, -1, 5)),
        "padding": one_or_each(pick, dims, lambda: usual(pick, 0, 3, -1, 4)),
        "dilation": one_or_each(pick, dims, lambda: usual(pick, 1, 3, -1, 4)),
        "groups": groups,
        "in_channels": incoming,
        "out_channels": outgoing,
        "padding_mode": ("zeros", "zeros", "zeros", "reflect", "replicate", "circular")[pick(0, 5)],
    }
    if rarely(pick, 5):
        a["padding"] = ("same", "valid")[pick(0, 1)]
        if pick(0, 3):
            a["stride"] = 1
    arriving = incoming + (pick(-1, 1) if rarely(pick, 20) else 0)
    shape = spatial(pick, dims, max(arriving, 0), 2, 9)
    return Configuration("conv", shape, {**a, "dims": dims}, lambda x: name("Conv", dims)(**a)(x))


def conv_transpose(pick: Pick) -> Configuration:
    dims = pick(1, 3)
    groups = usual(pick, 1, 2, 0, 3)
    incoming = usual(pick, 1, 2, 0, 3) * max(groups, 1) + (1 if rarely(pick, 40) else 0)
    outgoing = usual(pick, 1, 2, 0, 2) * max(groups, 1) + (1 if rarely(pick, 40) else 0)
    a: dict[str, Any] = {
        "kernel_size": one_or_each(pick, dims, lambda: usual(pick, 1, 4, -1, 5)),
        "stride": one_or_each(pick, dims, lambda: usual(pick, 1, 3, -1, 4)),
        "padding": one_or_each(pick, dims, lambda: usual(pick, 0, 2, -1, 4)),
        "output_padding": one_or_each(pick, dims, lambda: usual(pick, 0, 1, -1, 3)),
        "dilation": one_or_each(pick, dims, lambda: usual(pick, 1, 2, -1, 3)),
        "groups": groups,
        "in_channels": incoming,
        "out_channels": outgoing,
    }
    arriving = incoming + (pick(-1, 1) if rarely(pick, 20) else 0)
    shape = spatial(pick, dims, max(arriving, 0), 1, 5)
    call: dict[str, Any] = {}
    if rarely(pick, 4):
        size = [usual(pick, 1, 9, 0, 12) for _ in range(dims)]
        if pick(0, 2):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    bare = name("ConvTranspose", dims)(**{**a, "output_padding": 0})
                size = [n + pick(0, 1) for n in bare(torch.zeros(shape)).shape[-dims:]]
            except REJECTIONS:
                pass
        lead = [1, outgoing] if rarely(pick, 4) else []
        call["output_size"] = [*lead, *size] + ([3] if rarely(pick, 30) else [])
    return Configuration(
        "conv_transpose",
        shape,
        {**a, **call, "dims": dims},
        lambda x: name("ConvTranspose", dims)(**a)(x, **call),
    )


def pool_arguments(pick: Pick, dims: int) -> dict[str, Any]:
    a: dict[str, Any] = {"kernel_size": one_or_each(pick, dims, lambda: usual(pick, 1, 4, -1, 6))}
    if pick(0, 2):
        a["stride"] = one_or_each(pick, dims, lambda: usual(pick, 1, 4, -1, 6))
    if pick(0, 1):
        a["ceil_mode"] = bool(pick(0, 1))
    return a


def max_pool(pick: Pick) -> Configuration:
    dims = pick(1, 3)
    a = pool_arguments(pick, dims)
    if pick(0, 1):
        a["padding"] = one_or_each(pick, dims, lambda: usual(pick, 0, 2, -1, 3))
    if pick(0, 1):
        a["dilation"] = one_or_each(pick, dims, lambda: usual(pick, 1, 3, -1, 4))
    indices = bool(pick(0, 1))
    shape = spatial(pick, dims, usual(pick, 1, 2, 0, 2), 1, 9)
    return Configuration(
        "max_pool",
        shape,
        {**a, "dims": dims},
        lambda x: name("MaxPool", dims)(**a, return_indices=indices)(x),
    )


def avg_pool(pick: Pick) -> Configuration:
    dims = pick(1, 3)
    a = pool_arguments(pick, dims)
    if pick(0, 1):
        a["padding"] = one_or_each(pick, dims, lambda: usual(pick, 0, 2, -1, 3))
    shape = spatial(pick, dims, usual(pick, 1, 2, 0, 2), 1, 9)
    return Configuration(
        "avg_pool", shape, {**a, "dims": dims}, lambda x: name("AvgPool", dims)(**a)(x)
    )


def lp_pool(pick: Pick) -> Configuration:
    dims = pick(1, 3)
    a = pool_arguments(pick, dims)
    shape = spatial(pick, dims, usual(pick, 1, 2, 0, 2), 1, 9)
    return Configuration(
        "lp_pool", shape, {**a, "dims": dims}, lambda x: name("LPPool", dims)(2, **a)(x)
    )


def adaptive_pool(pick: Pick) -> Configuration:
    dims = pick(1, 3)
    mode = ("avg", "max")[pick(0, 1)]

    def size() -> Any:
        return None if rarely(pick, 8) else usual(pick, 1, 6, -1, 8)

    a = {"output_size": one_or_each(pick, dims, size)}
    shape = spatial(pick, dims, usual(pick, 1, 2, 0, 2), 1, 9)
    layer = name("AdaptiveAvgPool" if mode == "avg" else "AdaptiveMaxPool", dims)
    return Configuration(
        "adaptive_pool", shape, {**a, "mode": mode, "dims": dims}, lambda x: layer(**a)(x)
    )


def fractional_pool(pick: Pick) -> Configuration:
    dims = pick(2, 3)
    a: dict[str, Any] = {"kernel_size": one_or_each(pick, dims, lambda: usual(pick, 1, 3, -1, 5))}
    if pick(0, 1):
        a["output_size"] = one_or_each(pick, dims, lambda: usual(pick, 1, 5, -1, 9))
    else:

        def ratio() -> float:
            return pick(0, 20) / 20 if rarely(pick, 10) else pick(4, 16) / 20

        a["output_ratio"] = ratio() if pick(0, 1) else tuple(ratio() for _ in range(dims))
    shape = spatial(pick, dims, usual(pick, 1, 2, 0, 2), 1, 9)
    return Configuration(
        "fractional_pool",
        shape,
        {**a, "dims": dims},
        lambda x: name("FractionalMaxPool", dims)(**a)(x),
    )


def max_unpool(pick: Pick) -> Configuration:
    dims = pick(1, 3)
    a: dict[str, Any] = {"kernel_size": one_or_each(pick, dims, lambda: usual(pick, 1, 4, -1, 4))}
    if pick(0, 1):
        a["stride"] = one_or_each(pick, dims, lambda: usual(pick, 1, 4, -1, 4))
    if pick(0, 2) == 0:
        a["padding"] = one_or_each(pick, dims, lambda: usual(pick, 0, 1, -1, 3))
    shape = spatial(pick, dims, usual(pick, 1, 2, 0, 2), 1, 5)
    call: dict[str, Any] = {}
    if rarely(pick, 3):
        lead = [1, 1] if rarely(pick, 4) else []
        size = [usual(pick, 1, 12, 0, 12) for _ in range(dims)]
        if pick(0, 2):
            layer = name("MaxUnpool", dims)(**a)
            try:
                bare = layer(torch.zeros(shape), torch.zeros(shape, dtype=torch.int64)).shape
                size = [n + pick(-2, 2) for n in bare[-dims:]]
            except REJECTIONS:
                pass
        call["output_size"] = [*lead, *size] + ([3] if rarely(pick, 30) else [])
    return Configuration(
        "max_unpool",
        shape,
        {**a, **call, "dims": dims},
        lambda x: name("MaxUnpool", dims)(**a)(x, torch.zeros(x.shape, dtype=torch.int64), **call),
    )


def unfold(pick: Pick) -> Configuration:
    a = {
        "kernel_size": one_or_each(pick, 2, lambda: usual(pick, 1, 4, -1, 6)),
        "stride": one_or_each(pick, 2, lambda: usual(pick, 1, 3, -1, 5)),
        "padding": one_or_each(pick, 2, lambda: usual(pick, 0, 3, -1, 4)),
        "dilation": one_or_each(pick, 2, lambda: usual(pick, 1, 3, -1, 4)),
    }
    shape = spatial(pick, 2, usual(pick, 1, 2, 0, 2), 2, 9)
    return Configuration("unfold", shape, a, lambda x: nn.Unfold(**a)(x))


def fold(pick: Pick) -> Configuration:
    a = {
        "output_size": one_or_each(pick, 2, lambda: usual(pick, 2, 9, -1, 9)),
        "kernel_size": one_or_each(pick, 2, lambda: usual(pick, 1, 4, -1, 6)),
        "stride": one_or_each(pick, 2, lambda: usual(pick, 1, 3, -1, 5)),
        "padding": one_or_each(pick, 2, lambda: usual(pick, 0, 3, -1, 4)),
        "dilation": one_or_each(pick, 2, lambda: usual(pick, 1, 3, -1, 4)),
    }
    columns, positions = pick(1, 12), pick(0, 12)
    if pick(0, 5):
        size = a["output_size"]
        image = (
            torch.zeros(1, pick(1, 2), *(size if isinstance(size, tuple) else (size, size)))
            if size != -1 and (isinstance(size, int) or min(size) >= 0)
            else None
        )
        rest = {key: value for key, value in a.items() if key != "output_size"}
        try:
            if image is not None:
                columns, positions = nn.Unfold(**rest)(image).shape[1:]
        except REJECTIONS:
            pass
    leading = () if pick(0, 4) == 4 else (pick(0, 2),)
    shape = (*leading, columns, positions)
    if rarely(pick, 40):
        shape = (1, *shape)
    return Configuration("fold", shape, a, lambda x: nn.Fold(**a)(x))


def upsample(pick: Pick) -> Configuration:
    dims = pick(1, 3)
    mode = ("nearest", "nearest-exact", "area", "linear", "bilinear", "bicubic", "trilinear")[
        pick(0, 6)
    ]
    if mode in ("linear", "bilinear", "bicubic", "trilinear") and not rarely(pick, 10):
        dims = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}[mode]
    a: dict[str, Any] = {"mode": mode}
    if pick(0, 1):
        a["size"] = one_or_each(pick, dims, lambda: usual(pick, 1, 9, -1, 12))
    else:

        def factor() -> float:
            return pick(-2, 40) / 10 if rarely(pick, 10) else pick(3, 300) / 100

        a["scale_factor"] = factor() if pick(0, 1) else tuple(factor() for _ in range(dims))
        if rarely(pick, 3):
            a["recompute_scale_factor"] = bool(pick(0, 1))
    shape = spatial(pick, dims, usual(pick, 1, 2, 0, 2), 1, 9)
    return Configuration("upsample", shape, a, lambda x: nn.Upsample(**a)(x))


def pixel_shuffle(pick: Pick) -> Configuration:
    factor = usual(pick, 1, 3, 0, 4)
    channels = usual(pick, 1, 2, 0, 2) * factor**2 + (1 if rarely(pick, 10) else 0)
    shape = spatial(pick, 2, channels, 1, 5)
    return Configuration(
        "pixel_shuffle",
        shape,
        {"upscale_factor": factor},
        lambda x: nn.PixelShuffle(factor)(x),
    )


def pixel_unshuffle(pick: Pick) -> Configuration:
    factor = usual(pick, 1, 3, -1, 4)
    shape = spatial(pick, 2, usual(pick, 1, 2, 0, 2), 1, 3)
    if pick(0, 5):
        shape = (*shape[:-2], shape[-2] * max(factor, 1), shape[-1] * max(factor, 1))
    return Configuration(
        "pixel_unshuffle",
        shape,
        {"downscale_factor": factor},
        lambda x: nn.PixelUnshuffle(factor)(x),
    )


def sensible(mode: str, shape: tuple[int, ...], pads: list[int]) -> list[int]:
    """Circular pads whose one side cuts away what the other side repeats become positive.

    Torch copies overlapping memory there: it gives nonsense or raises, depending on the layout.
    """
    for index in range(0, len(pads) - 1, 2):
        if mode == "circular" and min(pads[index : index + 2]) < 0 and index // 2 < len(shape):
            n = shape[-1 - index // 2]
            before, after = pads[index : index + 2]
            if max(before - min(after, 0), after - min(before, 0)) > n or min(before, after) < -n:
                pads[index : index + 2] = abs(before), abs(after)
    return pads


def pad(pick: Pick) -> Configuration:
    mode = ("constant", "reflect", "replicate", "circular")[pick(0, 3)]
    rank = pick(0, 5) if mode == "constant" else pick(1, 5)
    shape = tuple(usual(pick, 1, 6, 0, 6) for _ in range(rank))
    low = -2 if pick(0, 1) else 0
    axes = pick(0, rank) if mode == "constant" else max(rank - pick(1, 2), 1)
    if rarely(pick, 20):
        axes = pick(0, 4)
    pads = [usual(pick, low, 3, -5, 6) for _ in range(2 * axes)]
    if rarely(pick, 30):
        pads.append(1)
    pads = sensible(mode, shape, pads)
    a = {"padding": tuple(pads), "mode": mode}
    return Configuration("pad", shape, a, lambda x: F.pad(x, pads, mode=mode))


def pad_layer(pick: Pick) -> Configuration:
    base = ("ConstantPad", "ZeroPad", "ReflectionPad", "ReplicationPad", "CircularPad")[pick(0, 4)]
    dims = pick(1, 3)
    low = -2 if pick(0, 2) == 0 else 0
    padding = (
        usual(pick, low, 3, -3, 6)
        if pick(0, 1)
        else tuple(usual(pick, low, 3, -3, 6) for _ in range(2 * dims))
    )
    shape = spatial(pick, dims, usual(pick, 1, 2, 0, 2), 1, 6)
    if base == "CircularPad" and isinstance(padding, tuple):
        padding = tuple(sensible("circular", shape, list(padding)))
    mode = {"ReflectionPad": "reflect", "ReplicationPad": "replicate", "CircularPad": "circular"}
    extra = (0.0,) if base == "ConstantPad" else ()
    a = {"padding": padding, "mode": mode.get(base, "constant"), "dims": dims}
    return Configuration("pad", shape, a, lambda x: name(base, dims)(padding, *extra)(x))


def flatten(pick: Pick) -> Configuration:
    shape = tuple(usual(pick, 1, 4, 0, 4) for _ in range(pick(0, 5)))
    a = {"start_dim": pick(-3, 4), "end_dim": pick(-3, 4)} if pick(0, 2) else {}
    return Configuration("flatten", shape, a, lambda x: nn.Flatten(**a)(x))


def unflatten(pick: Pick) -> Configuration:
    shape = tuple(usual(pick, 1, 12, 0, 12) for _ in range(pick(0, 4)))
    dim = pick(-4, 3)
    sizes = [usual(pick, 1, 4, -1, 4) for _ in range(pick(1, 3))]
    if pick(0, 3) and shape and -len(shape) <= dim < len(shape):
        if pick(0, 1):
            sizes[pick(0, len(sizes) - 1)] = -1
        else:
            others = 1
            for size in sizes[1:]:
                others *= size
            sizes[0] = shape[dim] // others if others else sizes[0]
    a = {"dim": dim, "unflattened_size": tuple(sizes)}
    return Configuration("unflatten", shape, a, lambda x: nn.Unflatten(**a)(x))


def linear(pick: Pick) -> Configuration:
    shape = tuple(usual(pick, 1, 4, 0, 4) for _ in range(usual(pick, 1, 4, 0, 5)))
    features = shape[-1] if shape and pick(0, 4) else pick(0, 4)
    a = {"in_features": features, "out_features": usual(pick, 1, 4, -1, 4)}
    bias = bool(pick(0, 1))
    return Configuration("linear", shape, a, lambda x: nn.Linear(**a, bias=bias)(x))


def bilinear(pick: Pick) -> Configuration:
    shape = tuple(usual(pick, 1, 4, 0, 4) for _ in range(usual(pick, 1, 3, 0, 4)))
    other = (*shape[:-1], pick(1, 4)) if pick(0, 5) else tuple(pick(1, 3) for _ in shape)
    if rarely(pick, 20):
        other = other[1:]
    a = {
        "in1_features": shape[-1] if shape and pick(0, 5) else pick(1, 4),
        "in2_features": other[-1] if other and pick(0, 5) else pick(1, 4),
        "out_features": usual(pick, 1, 4, -1, 4),
    }
    return Configuration(
        "bilinear",
        shape,
        {**a, "input2_shape": other},
        lambda x: nn.Bilinear(**a)(x, torch.zeros(other)),
    )


def embedding(pick: Pick) -> Configuration:
    shape = tuple(usual(pick, 1, 4, 0, 4) for _ in range(pick(0, 4)))
    a = {"num_embeddings": 3, "embedding_dim": usual(pick, 1, 4, 0, 4)}
    return Configuration("embedding", shape, a, lambda x: nn.Embedding(**a)(x.long()))


def channel_shuffle(pick: Pick) -> Configuration:
    groups = usual(pick, 1, 3, -1, 4)
    shape = tuple(usual(pick, 1, 4, 0, 4) for _ in range(pick(1, 5)))
    if len(shape) > 1 and pick(0, 5):
        shape = (shape[0], shape[1] * max(groups, 1), *shape[2:])
    return Configuration(
        "channel_shuffle", shape, {"groups": groups}, lambda x: nn.ChannelShuffle(groups)(x)
    )


def glu(pick: Pick) -> Configuration:
    shape = tuple(usual(pick, 1, 6, 0, 6) for _ in range(pick(0, 4)))
    dim = pick(-4, 3)
    return Configuration("glu", shape, {"dim": dim}, lambda x: nn.GLU(dim)(x))


GENERATORS: dict[str, Callable[[Pick], Configuration]] = {
    function.__name__: function
    for function in (
        conv,
        conv_transpose,
        max_pool,
        avg_pool,
        lp_pool,
        adaptive_pool,
        fractional_pool,
        max_unpool,
        unfold,
        fold,
        upsample,
        pixel_shuffle,
        pixel_unshuffle,
        pad,
        pad_layer,
        flatten,
        unflatten,
        linear,
        bilinear,
        embedding,
        channel_shuffle,
        glu,
    )
}


def by_torch(
    configuration: Configuration, dtype: torch.dtype = torch.float32
) -> tuple[tuple[int, ...] | None, str]:
    """The output shape of the real layer on the CPU, or None and torch's message."""
    default = torch.get_default_dtype()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            torch.set_default_dtype(dtype)
            output = configuration.call(torch.zeros(configuration.shape))
        except REJECTIONS as error:
            return (
                None,
                f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            )
        finally:
            torch.set_default_dtype(default)
    return tuple((output[0] if isinstance(output, tuple) else output).shape), ""


def older_torch_differs(
    configuration: Configuration, ours: tuple[int, ...] | None, reason: str
) -> bool:
    """Whether torch has learned since what the rule says: the rules follow 2.15.

    Until 2.13 a reflected or replicated padding could cut one axis down to nothing, and
    fractional pooling over two axes took a kernel of 0; torch 2.6 refused a constant padding
    that cut an axis down to nothing, and gave an unpooling a negative size.
    """
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    if version >= (2, 15):
        return False
    mode = configuration.arguments.get("mode", configuration.arguments.get("padding_mode"))
    if ours is not None:
        return version < (2, 13) and mode == "constant" and 0 in ours
    if version < (2, 13) and configuration.kind == "max_unpool" and "negative size" in reason:
        return True
    return ("nothing is left" in reason and mode in ("reflect", "replicate")) or (
        configuration.kind == "fractional_pool" and "kernel must be at least 1" in reason
    )
