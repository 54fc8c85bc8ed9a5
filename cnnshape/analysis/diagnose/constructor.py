"""The line that builds a layer: ``nn.Conv2d(1, 6, 5, padding=2)``."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from typing import Any

from cnnshape.tracing.trace import Module, Plain

#: Constructor parameters in the order of torch's documentation, with their defaults.
_CONV = "in_channels out_channels kernel_size stride=1 padding=0 dilation=1 groups=1 bias=True"
_TRANSPOSED = (
    "in_channels out_channels kernel_size stride=1 padding=0 output_padding=0 groups=1 bias=True "
    "dilation=1"
)
_POOL = "kernel_size stride=None padding=0 dilation=1 return_indices=False ceil_mode=False"
_AVERAGE = "kernel_size stride=None padding=0 ceil_mode=False count_include_pad=True"
_NORM = "num_features eps=1e-05 momentum=0.1 affine=True track_running_stats=True"
_INSTANCE = "num_features eps=1e-05 momentum=0.1 affine=False track_running_stats=False"
_RECURRENT = (
    "input_size hidden_size num_layers=1 bias=True batch_first=False dropout=0.0 "
    "bidirectional=False"
)
_CELL = "input_size hidden_size bias=True"
_PARAMETERS: dict[str, str] = {
    "Linear": "in_features out_features bias=True",
    "Bilinear": "in1_features in2_features out_features bias=True",
    "Embedding": "num_embeddings embedding_dim padding_idx=None",
    "EmbeddingBag": "num_embeddings embedding_dim",
    "LayerNorm": "normalized_shape eps=1e-05 elementwise_affine=True bias=True",
    "RMSNorm": "normalized_shape eps=None elementwise_affine=True",
    "GroupNorm": "num_groups num_channels eps=1e-05 affine=True",
    "LSTM": _RECURRENT,
    "GRU": _RECURRENT,
    "RNN": "input_size hidden_size num_layers=1 nonlinearity='tanh' batch_first=False",
    "LSTMCell": _CELL,
    "GRUCell": _CELL,
    "RNNCell": _CELL,
    "MultiheadAttention": (
        "embed_dim num_heads dropout=0.0 bias=True kdim=None vdim=None batch_first=False"
    ),
    "PixelShuffle": "upscale_factor",
    "PixelUnshuffle": "downscale_factor",
    "ChannelShuffle": "groups",
    "PReLU": "num_parameters=1 init=0.25",
    "Flatten": "start_dim=1 end_dim=-1",
    "Unflatten": "dim unflattened_size",
    "Softmax": "dim",
    "LogSoftmax": "dim",
    "GLU": "dim=-1",
    "Upsample": "size=None scale_factor=None mode='nearest' align_corners=None",
    "Fold": "output_size kernel_size dilation=1 padding=0 stride=1",
    "CrossEntropyLoss": "",
}
for _n in (1, 2, 3):
    _PARAMETERS[f"Conv{_n}d"] = _CONV
    _PARAMETERS[f"ConvTranspose{_n}d"] = _TRANSPOSED
    _PARAMETERS[f"MaxPool{_n}d"] = _POOL
    _PARAMETERS[f"AvgPool{_n}d"] = _AVERAGE
    _PARAMETERS[f"MaxUnpool{_n}d"] = "kernel_size stride=None padding=0"
    _PARAMETERS[f"BatchNorm{_n}d"] = _NORM
    _PARAMETERS[f"InstanceNorm{_n}d"] = _INSTANCE
    _PARAMETERS[f"AdaptiveAvgPool{_n}d"] = "output_size"
    _PARAMETERS[f"AdaptiveMaxPool{_n}d"] = "output_size"
    for _pad in ("ReflectionPad", "ReplicationPad", "ZeroPad", "CircularPad"):
        _PARAMETERS[f"{_pad}{_n}d"] = "padding"
#: Written with every name: ``nn.Linear(in_features=7200, out_features=10)``.
_NAMED = frozenset({"Linear", "Bilinear", "Embedding", "LSTM", "GRU", "RNN", "MultiheadAttention"})
_NO_DEFAULT = object()


@cache
def _parameters(kind: str) -> tuple[tuple[str, Any], ...]:
    pairs = (word.partition("=") for word in _PARAMETERS.get(kind, "").split())
    return tuple(
        (name, ast.literal_eval(default) if equals else _NO_DEFAULT)
        for name, equals, default in pairs
    )


def can_construct(kind: str) -> bool:
    """Whether the arguments of this class of torch.nn are known here."""
    return kind in _PARAMETERS


def constructor(module: Module, changes: Mapping[str, Any], kind: str | None = None) -> str:
    """The line that builds the layer with changes: ``nn.Conv2d(1, 6, 5, padding=2)``.

    For a class of the author's own only the changed arguments are named.
    """
    if kind is None and (module.type != module.kind or module.kind not in _PARAMETERS):
        inside = ", ".join(f"{name}={literal(value)}" for name, value in changes.items())
        return f"{module.type}(…, {inside})"
    name = kind or module.kind
    written: list[str] = []
    named = name in _NAMED
    for parameter, default in _parameters(name):
        known = parameter in changes or parameter in module.config or parameter == "bias"
        if default is not _NO_DEFAULT and not known:
            named = True
            continue
        value = tidy(changes.get(parameter, _setting(module, parameter)))
        if (
            parameter in ("kdim", "vdim")
            and parameter not in changes
            and _as_embedded(module, value)
        ):
            continue
        if default is not _NO_DEFAULT and value == default:
            named = True
            continue
        if (
            parameter == "stride"
            and value == tidy(_setting(module, "kernel_size"))
            and _pools(name)
        ):
            named = True
            continue
        named = named or default is not _NO_DEFAULT
        written.append(f"{parameter}={literal(value)}" if named else literal(value))
    return f"nn.{name}({', '.join(written)})"


def _as_embedded(module: Module, width: Any) -> bool:
    """Attention keeps ``kdim`` and ``vdim`` even where they were left out and follow the rest."""
    return width == module.config.get("embed_dim")


def _pools(kind: str) -> bool:
    return "Pool" in kind


def _setting(module: Module, name: str) -> Plain:
    if name == "bias" and name not in module.config:
        return not module.parameters or any(p.endswith("bias") for p in module.parameters)
    return module.config.get(name)


def tidy(value: Any) -> Any:
    """``(2, 2)`` as ``2``: what its author most likely wrote."""
    if isinstance(value, tuple):
        items: tuple[Any, ...] = value
        if len(items) > 0 and all(type(i) is int and i == items[0] for i in items):
            return items[0]
    return value


def literal(value: Any) -> str:
    """A value as Python source."""
    return repr(value)
