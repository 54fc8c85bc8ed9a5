"""The settings that decide a layer's size, as short words: ``5``, ``3×5``, ``same``.

A layer has them in its recorded configuration; a functional call (``F.max_pool2d(x, 2)``)
has them in its recorded arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from cnnshape.analysis.accounts import bind
from cnnshape.rendering.palette import kind_of
from cnnshape.tracing.trace import Operation, Ref, Trace


@dataclass(frozen=True, slots=True)
class Settings:
    """Kernel, stride and the others of one row; empty where the row has none.

    ``dilation``, ``groups`` and ``more`` are empty also where they have their default.
    """

    kernel: str = ""
    stride: str = ""
    padding: str = ""
    dilation: str = ""
    groups: str = ""
    more: tuple[str, ...] = ()

    @property
    def compact(self) -> str:
        """All in one, defaults left out, as ``cnnshape formula --layers`` reads it.

        >>> Settings("3×3", "2", "1", groups="32").compact
        'k3×3 s2 p1 g32'
        >>> Settings("5", "1", "0").compact
        'k5'
        """
        words = [f"k{self.kernel}"] if self.kernel else []
        for letter, value, default in (
            ("s", self.stride, "1"),
            ("p", self.padding, "0"),
            ("d", self.dilation, "1"),
            ("g", self.groups, "1"),
        ):
            if value and value != default:
                words.append(f"{letter}{value}")
        return " ".join([*words, *self.more])


NONE = Settings()


def layer_settings(kind: str, config: Mapping[str, Any]) -> Settings:
    """The settings of a layer, from the nearest ``torch.nn`` class and its configuration.

    A container may well have an attribute called ``stride``; it is not the container's size
    rule, so only kinds that have one are looked at.

    >>> layer_settings("MaxPool2d", {"kernel_size": 2, "stride": None, "padding": 0}).compact
    'k2 s2'
    >>> layer_settings("Bottleneck", {"stride": 2}).compact
    ''
    """
    windowed = kind_of(kind) in ("convolution", "pooling") or kind in ("Unfold", "Fold")
    padding_only = "Pad" in kind and kind_of(kind) == "shape"
    if not (windowed or padding_only):
        return NONE
    return _settings(config, transposed="Transpose" in kind)


def operation_settings(operation: Operation, trace: Trace) -> Settings:
    """The settings of a functional call, from its recorded arguments."""
    arguments = bind(operation) or {}
    weight = arguments.get("weight")
    if "stride" not in arguments or not ("kernel_size" in arguments or isinstance(weight, Ref)):
        return NONE
    if isinstance(weight, Ref):
        arguments["kernel_size"] = trace.shape(weight.value)[2:]
    return _settings(arguments, transposed="transpose" in operation.name)


def _settings(config: Mapping[str, Any], transposed: bool) -> Settings:
    kernel = _sizes(config.get("kernel_size"))
    if not kernel:
        return Settings(padding=_sizes(config.get("padding")))
    stride = _sizes(config.get("stride")) or kernel
    groups = config.get("groups", 1)
    more: list[str] = []
    if transposed and _sizes(config.get("output_padding", 0)) not in ("", "0"):
        more.append(f"op{_sizes(config['output_padding'])}")
    if config.get("ceil_mode") is True:
        more.append("ceil")
    if config.get("padding_mode", "zeros") != "zeros":
        more.append(str(config["padding_mode"]))
    dilation = _sizes(config.get("dilation", 1))
    return Settings(
        kernel=kernel,
        stride=stride,
        padding=_sizes(config.get("padding", 0)),
        dilation="" if dilation == "1" else dilation,
        groups="" if groups == 1 else str(groups),
        more=tuple(more),
    )


def _sizes(value: object) -> str:
    """``5`` for 5, (5,) and (5, 5); ``3×5`` for (3, 5); a word as it is."""
    if value is None or isinstance(value, Ref):
        return ""
    if isinstance(value, list | tuple):
        parts = [str(item) for item in cast("Sequence[object]", value)]
        return parts[0] if parts and len(set(parts)) == 1 else "×".join(parts)
    return str(value)
