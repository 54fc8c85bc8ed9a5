"""Layers and operations in words: ``Conv2d 5×5, 1→6, pad 2``, with every default left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from cnnshape.analysis.applications import application
from cnnshape.rendering.diagram.group import MERGES
from cnnshape.rendering.units import count, shape_text
from cnnshape.tracing.trace import Module, Operation, Ref, Shape, Trace

Config = Mapping[str, Any]

_SPELLED = {"scaled_dot_product_attention": "attention"}


def layer_words(module: Module) -> str:
    """What a layer does, by its class and its settings.

    >>> import torch
    >>> from cnnshape.tracing.describe import describe_modules
    >>> def words(layer): return layer_words(describe_modules(layer)[0])
    >>> words(torch.nn.Conv2d(1, 6, 5, padding=2)), words(torch.nn.MaxPool2d(3, stride=2))
    ('Conv2d 5×5, 1→6, pad 2', 'MaxPool2d 3×3, stride 2')
    >>> words(torch.nn.Conv2d(8, 8, 3, groups=8)), words(torch.nn.Dropout(0.2))
    ('Conv2d 3×3, 8→8, depthwise', 'Dropout 0.2')
    """
    details = _layer_details(module.kind, module.config)
    return f"{module.type} {details}" if details else module.type


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
    >>> from cnnshape.tracing.describe import describe_modules
    >>> step_words(describe_modules(torch.nn.Conv2d(1, 6, 5, padding=2))[0])
    ('conv 5×5', 'pad 2')
    """
    name = next((word for start, word in _STEPS.items() if module.kind.startswith(start)), "")
    words = _layer_details(module.kind, module.config).split(", ")
    details = [word for word in words if word and "→" not in word]  # sizes stand below the maps
    name = name or module.type
    if details and ("×" in details[0] or details[0].startswith("to ")):
        name += f" {details.pop(0)}"
    return (name, ", ".join(details)) if details else (name,)


def _layer_details(kind: str, config: Config) -> str:
    for name, describe in _LAYERS.items():
        if kind.removeprefix("Lazy").startswith(name):
            return ", ".join(word for word in describe(kind, config) if word)
    return ""


def _convolution(kind: str, config: Config) -> list[str]:
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


def _pooling(kind: str, config: Config) -> list[str]:
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


def _linear(_kind: str, config: Config) -> list[str]:
    return [f"{config.get('in_features')}→{config.get('out_features')}"]


def _embedding(_kind: str, config: Config) -> list[str]:
    rows, width = config.get("num_embeddings"), config.get("embedding_dim")
    return [f"{count(rows)}→{width}"] if isinstance(rows, int) else []


def _attention(_kind: str, config: Config) -> list[str]:
    return [f"{config.get('embed_dim')}", f"{config.get('num_heads')} heads"]


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
    mode = str(config.get("mode", "")) if "Upsample" == kind else ""
    return ["×" + _sizes(factor, 1, short=True), mode]


def _pad(_kind: str, config: Config) -> list[str]:
    return [_sizes(config.get("padding"), 1, short=True)]


def _shuffle(_kind: str, config: Config) -> list[str]:
    factor = config.get("upscale_factor") or config.get("downscale_factor")
    groups = config.get("groups")
    return [f"×{factor}" if factor else f"{groups} groups"]


#: The beginning of a class's name → its settings in words. The first that fits counts.
_LAYERS: dict[str, Callable[[str, Config], list[str]]] = {
    "Conv": _convolution,
    "MaxPool": _pooling,
    "AvgPool": _pooling,
    "LPPool": _pooling,
    "FractionalMaxPool": lambda kind, config: [_sizes(config.get("kernel_size"), _axes(kind))],
    "Adaptive": _pooling,
    "MaxUnpool": _pooling,
    "Linear": _linear,
    "Bilinear": lambda _k, c: [f"{c['in1_features']}, {c['in2_features']}→{c['out_features']}"],
    "Embedding": _embedding,
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


def operation_words(
    trace: Trace, ops: Sequence[Operation], hide_batch: Callable[[Shape], Shape]
) -> tuple[str, str]:
    """Name and details of a functional call, or of several that follow each other.

    The details are the settings if a size rule covers a single call, else the change of shape
    from the first to the last.

    Args:
        trace: the recording.
        ops: operations, each fed by the one before.
        hide_batch: takes the batch off a shape where it goes without saying.
    """
    op = ops[0]
    if len(ops) == 1:
        rule = application(trace, op)
        if rule is not None and rule.kind in _RULES:
            words = [word for word in _RULES[rule.kind](rule.arguments) if word]
            return op.name, ", ".join(words)
        if op.name in MERGES:
            return _arithmetic(trace, op), ""
    names = [_called(one) for one in ops]
    if len(names) > 3:
        names[1:-1] = ["…"]
    return " · ".join(names), _change(trace, op, ops[-1], hide_batch)


def _called(op: Operation) -> str:
    """An operation's name, with what was taken or raised to: ``[:, 0]``, ``pow 2``."""
    if op.name == "getitem":
        return _index(op)
    if op.name == "setitem":
        return f"{_index(op)} ="
    scalars = [f"{a:g}" for a in op.args[1:2] if type(a) in (int, float)]
    return f"{op.name} {scalars[0]}" if op.name == "pow" and scalars else _SPELLED.get(op.name, op.name)


def _change(
    trace: Trace, first: Operation, last: Operation, hide_batch: Callable[[Shape], Shape]
) -> str:
    """``120×1×1 → 120`` where the shape is another afterwards."""
    data = [v for v in first.inputs if trace.values[v].origin not in ("parameter", "buffer")]
    if not data or not last.outputs:
        return ""
    before, after = trace.shape(data[0]), trace.shape(last.outputs[0])
    if before == after and len(last.outputs) == 1:
        return ""
    text = shape_text(hide_batch(after))
    if len(last.outputs) > 1 and not last.inplace:
        same = len({trace.shape(value) for value in last.outputs}) == 1
        text = f"{len(last.outputs)} × {text}" if same else f"{len(last.outputs)} parts"
    if before == after:
        return text
    return f"{shape_text(hide_batch(before))} → {text}"


def _index(op: Operation) -> str:
    """``[:, 0]`` as it was written."""
    key = op.args[1] if len(op.args) > 1 else None
    keys = cast("Sequence[Any]", key) if isinstance(key, tuple) else (key,)
    return f"[{', '.join(_key(one) for one in keys)}]"


def _key(key: object) -> str:
    if isinstance(key, slice):
        start, stop, step = _bound(key.start), _bound(key.stop), _bound(key.step)
        return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
    return "tensor" if isinstance(key, Ref) else ("…" if key == "..." else str(key))


def _bound(value: object) -> str:
    return "" if value is None else str(value)


def _arithmetic(trace: Trace, op: Operation) -> str:
    """``+ pos_embedding``, ``× 0.5``: what a tensor is added to or multiplied with."""
    sign = MERGES[op.name]
    names = [name.rpartition(".")[2] for name in op.parameters]
    if not names:
        held = [trace.values[value] for value in op.inputs]
        names = [value.name.rpartition(".")[2] for value in held
                 if value.origin == "buffer" and value.name]  # fmt: skip
    if not names:
        names = [f"{arg:g}" for arg in op.args if isinstance(arg, int | float) and arg is not True]
    if sign == "⧺":
        names = [name for name in names if not name.lstrip("-").isdigit()]
    return f"{sign} {', '.join(names)}" if names else op.name


def _conv_rule(arguments: Config) -> list[str]:
    axes = int(arguments.get("dims") or 2)
    return _convolution(f"Conv{axes}d", arguments)


def _pool_rule(arguments: Config) -> list[str]:
    return _pooling(f"MaxPool{arguments.get('dims') or 2}d", arguments)


_RULES: dict[str, Callable[[Config], list[str]]] = {
    "conv": _conv_rule,
    "conv_transpose": _conv_rule,
    "max_pool": _pool_rule,
    "avg_pool": _pool_rule,
    "lp_pool": _pool_rule,
    "adaptive_pool": lambda c: _pooling(f"Adaptive{c.get('dims') or 2}d", c),
    "linear": lambda c: _linear("", c),
    "embedding": lambda c: _embedding("", c),
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
