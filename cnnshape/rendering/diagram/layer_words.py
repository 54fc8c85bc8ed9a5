"""Layers in words: ``Conv2d 5×5, 1→6, pad 2``, with every default left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from cnnshape.rendering.units import count
from cnnshape.tracing.trace import Module
from cnnshape.words import counted

Config = Mapping[str, Any]


def layer_words(module: Module) -> str:
    """What a layer does, by its class and its settings.

    >>> import torch
    >>> from cnnshape.tracing.describe import describe
    >>> def words(layer): return layer_words(describe(layer).modules[0])
    >>> words(torch.nn.Conv2d(1, 6, 5, padding=2)), words(torch.nn.MaxPool2d(3, stride=2))
    ('Conv2d 5×5, 1→6, pad 2', 'MaxPool2d 3×3, stride 2')
    >>> words(torch.nn.Conv2d(8, 8, 3, groups=8)), words(torch.nn.Dropout(0.2))
    ('Conv2d 3×3, 8→8, depthwise', 'Dropout 0.2')
    """
    details = _layer_details(module.kind, module.config) if _known(module) else ""
    name = _PLAIN.get(module.type, module.type)
    return f"{name} {details}" if details else name


def _known(module: Module) -> bool:
    """Whether it is a layer of torch, or inherits from one: others only have such a name."""
    return module.builtin or module.kind != module.type


#: The beginning of a class's name → what the step is called in a picture of feature maps.
_STEPS = {
    "ConvTranspose": "up-conv",
    "Conv": "conv",
    "MaxPool": "max pool",
    "AvgPool": "avg pool",
    "AdaptiveAvgPool": "avg pool",
    "AdaptiveMaxPool": "max pool",
    "Linear": "linear",
    "Embedding": "embedding",
    "MultiheadAttention": "attention",
    "Upsample": "upsample",
}


def step_words(module: Module) -> tuple[str, ...]:
    """A layer as the step between two feature maps, in one or two lines.

    >>> import torch
    >>> from cnnshape.tracing.describe import describe
    >>> step_words(describe(torch.nn.Conv2d(1, 6, 5, padding=2)).modules[0])
    ('conv 5×5', 'pad 2')
    """
    name = next((word for start, word in _STEPS.items() if module.kind.startswith(start)), "")
    words = (_layer_details(module.kind, module.config) if _known(module) else "").split(", ")
    details = [word for word in words if word and "→" not in word]  # sizes stand below the maps
    name = name or module.type
    if details and ("×" in details[0] or details[0].startswith("to ")):
        name += f" {details.pop(0)}"
    return (name, ", ".join(details)) if details else (name,)


def _layer_details(kind: str, config: Config) -> str:
    plain = _PLAIN.get(kind, kind).removeprefix("Lazy")
    for name, describe in _LAYERS.items():
        if plain.startswith(name):
            return ", ".join(word for word in describe(kind, config) if word)
    return ""


def convolution(kind: str, config: Config) -> list[str]:
    """Kernel, channels, and what is unusual about the window."""
    inner, outer = config.get("in_channels"), config.get("out_channels")
    words = [_sizes(config.get("kernel_size"), _axes(kind)), f"{inner}→{outer}"]
    words += _window(config, _axes(kind))
    groups = config.get("groups", 1)
    if groups not in (1, None):
        words.append("depthwise" if groups == inner else f"groups {groups}")
    if config.get("padding_mode", "zeros") != "zeros":
        words.append(str(config["padding_mode"]))
    return words


def _window(config: Config, axes: int) -> list[str]:
    """Stride, padding and dilation where they are not what everyone expects."""
    words: list[str] = []
    for name, word, default in (
        ("stride", "stride", 1),
        ("padding", "pad", 0),
        ("output_padding", "output pad", 0),
        ("dilation", "dilation", 1),
    ):
        value = config.get(name, default)
        if value is not None and value != () and any(v != default for v in _each(value)):
            words.append(f"{word} {_sizes(value, axes, short=True)}")
    return words


def pooling(kind: str, config: Config) -> list[str]:
    """Kernel, and what is unusual about the window; the target of an adaptive one."""
    axes = _axes(kind)
    if "Adaptive" in kind:
        return [f"to {_sizes(config.get('output_size'), axes)}"]
    kernel = config.get("kernel_size")
    settings = dict(config)
    if settings.get("stride") in (None, ()) or _same(settings["stride"], kernel):
        settings["stride"] = 1  # as wide as the window: the usual case, not worth a word
    elif not any(v != 1 for v in _each(settings["stride"])):
        return [_sizes(kernel, axes), "stride 1", *_window(settings, axes), *_ceil(config)]
    return [_sizes(kernel, axes), *_window(settings, axes), *_ceil(config)]


def _ceil(config: Config) -> list[str]:
    return ["ceil"] if config.get("ceil_mode") is True else []


def linear(kind: str, config: Config) -> list[str]:
    """Features before and after."""
    del kind
    return [f"{config.get('in_features')}→{config.get('out_features')}"]


def embedding(kind: str, config: Config) -> list[str]:
    """Rows and width."""
    del kind
    rows, width = config.get("num_embeddings"), config.get("embedding_dim")
    return [f"{count(rows)}→{width}"] if isinstance(rows, int) else []


def _attention(_kind: str, config: Config) -> list[str]:
    width, heads = config.get("embed_dim"), config.get("num_heads")
    if not isinstance(width, int) or not isinstance(heads, int):
        return []
    return [f"{counted(heads, 'head')} of {width // heads}"]


def _recurrent(_kind: str, config: Config) -> list[str]:
    layers = config.get("num_layers", 1)
    return [
        f"{config.get('input_size')}→{config.get('hidden_size')}",
        f"{layers} layers" if layers != 1 else "",
        "bidirectional" if config.get("bidirectional") is True else "",
    ]


def _dropout(_kind: str, config: Config) -> list[str]:
    probability = config.get("p")
    return [f"{probability:g}"] if isinstance(probability, int | float) else []


def _group_norm(_kind: str, config: Config) -> list[str]:
    return [f"{config.get('num_groups')} groups"]


def _upsample(kind: str, config: Config) -> list[str]:
    size, factor = config.get("size"), config.get("scale_factor")
    if size is not None:
        return [f"to {_sizes(size, len(_each(size)))}", str(config.get("mode", ""))]
    mode = str(config.get("mode", "")) if kind == "Upsample" else ""
    return ["×" + _sizes(factor, 1, short=True), mode]


def _pad(_kind: str, config: Config) -> list[str]:
    return [_sizes(config.get("padding"), 1, short=True)]


def _shuffle(_kind: str, config: Config) -> list[str]:
    factor = config.get("upscale_factor") or config.get("downscale_factor")
    groups = config.get("groups")
    return [f"×{factor}" if factor else f"{groups} groups"]


#: Classes of torch that nobody asked for by their name.
_PLAIN = {"NonDynamicallyQuantizableLinear": "Linear"}

#: The beginning of a class's name → its settings in words. The first that fits counts.
_LAYERS: dict[str, Callable[[str, Config], list[str]]] = {
    "Conv": convolution,
    "MaxPool": pooling,
    "AvgPool": pooling,
    "LPPool": pooling,
    "FractionalMaxPool": lambda kind, config: [_sizes(config.get("kernel_size"), _axes(kind))],
    "Adaptive": pooling,
    "MaxUnpool": pooling,
    "Linear": linear,
    "Bilinear": lambda _k, c: [f"{c['in1_features']}, {c['in2_features']}→{c['out_features']}"],
    "Embedding": embedding,
    "MultiheadAttention": _attention,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "RNN": _recurrent,
    "Dropout": _dropout,
    "AlphaDropout": _dropout,
    "GroupNorm": _group_norm,
    "Upsample": _upsample,
    "Upsampling": _upsample,
    "ZeroPad": _pad,
    "ConstantPad": _pad,
    "ReflectionPad": _pad,
    "ReplicationPad": _pad,
    "CircularPad": _pad,
    "PixelShuffle": _shuffle,
    "PixelUnshuffle": _shuffle,
    "ChannelShuffle": _shuffle,
}


def _axes(kind: str) -> int:
    return next((n for n in (1, 2, 3) if kind.endswith(f"{n}d")), 1)


def _each(value: object) -> tuple[Any, ...]:
    return tuple(cast("Sequence[Any]", value)) if isinstance(value, list | tuple) else (value,)


def _same(value: object, other: object) -> bool:
    """5 and (5, 5) say the same."""
    left, right = _each(value), _each(other)
    longest = max(len(left), len(right))
    return left * (longest if len(left) == 1 else 1) == right * (longest if len(right) == 1 else 1)


def _sizes(value: object, axes: int, *, short: bool = False) -> str:
    """``5×5`` for 5 over two axes; with ``short`` one number where all are equal."""
    sizes = ["·" if size is None else _number(size) for size in _each(value)]
    if len(sizes) == 1 and not short:
        sizes *= axes
    if short and len(set(sizes)) == 1:
        return sizes[0]
    return "×".join(sizes)


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
