"""One argument of one layer is wrong, or one module of a network is missing."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from tests.benchmarks.breaking.broken import Broken

#: Changes that a person makes by mistake: twice as many, half as many, another round number.
_WIDTHS: tuple[Callable[[int], int], ...] = (
    lambda n: n * 2,
    lambda n: max(n // 2, 1),
    lambda n: n + 8,
    lambda n: n + 1,
)
_KERNELS: tuple[Callable[[int], int], ...] = (
    lambda n: n + 1,
    lambda n: n + 2,
    lambda n: n + 4,
    lambda n: n * 10 + n,  # typed twice
)
_STEPS: tuple[Callable[[int], int], ...] = (lambda n: n + 1, lambda n: max(n - 1, 1))
_PADDINGS: tuple[Callable[[int], int], ...] = (lambda n: n + 1, lambda n: max(n - 1, 0))

#: What is broken, by class and argument; the kind is the sort of argument.
_ARGUMENTS: dict[type[nn.Module], dict[str, str]] = {
    nn.Conv2d: {
        "in_channels": "channels in",
        "out_channels": "channels out",
        "kernel_size": "kernel",
        "stride": "stride",
        "padding": "padding",
    },
    nn.Linear: {"in_features": "features in", "out_features": "features out"},
    nn.BatchNorm2d: {"num_features": "norm"},
    nn.LayerNorm: {"normalized_shape": "norm"},
    nn.MultiheadAttention: {"embed_dim": "embed_dim"},
    nn.MaxPool2d: {"kernel_size": "pool", "stride": "pool", "padding": "pool"},
    nn.AvgPool2d: {"kernel_size": "pool", "stride": "pool"},
    nn.AdaptiveAvgPool2d: {"output_size": "pool"},
}
_NEW_VALUES = {
    "kernel_size": _KERNELS,
    "stride": _STEPS,
    "padding": _PADDINGS,
    "output_size": _STEPS,
}
#: The constructor arguments that are read off a layer.
_READ = (
    "in_channels out_channels kernel_size stride padding dilation groups in_features out_features "
    "num_features normalized_shape embed_dim num_heads batch_first output_size ceil_mode eps"
).split()
#: What the second path of a residual block is called.
_SHORTCUTS = frozenset({"downsample", "shortcut", "conv_skip", "conv_idt"})

#: Their parameters follow from their arguments.
_LAYERS = (*_ARGUMENTS, nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.GroupNorm)

Draw = Callable[[random.Random], Broken | None]


def layer_breaks(model: nn.Module) -> Iterator[tuple[str, Draw]]:
    """Every argument and module that can be broken, by kind."""
    for path, layer in model.named_modules():
        for argument, kind in _ARGUMENTS.get(type(layer), {}).items():
            yield kind, _argument(model, path, argument, kind)
        name = path.rpartition(".")[2]
        block = type(model.get_submodule(path.rpartition(".")[0])).__name__
        if name in _SHORTCUTS and not isinstance(layer, nn.Identity) and "Stage" not in block:
            yield "shortcut removed", _removed(model, path, "shortcut removed")
        if isinstance(layer, nn.Flatten):
            yield "flatten left out", _removed(model, path, "flatten left out")
    for name, parameter in model.named_parameters():
        owner = model.get_submodule(name.rpartition(".")[0])
        if not isinstance(owner, _LAYERS) and parameter.dim() > 1:
            yield "parameter", _parameter(model, name)


def _argument(model: nn.Module, path: str, argument: str, kind: str) -> Draw:
    def draw(chance: random.Random) -> Broken | None:
        layer = model.get_submodule(path)
        value = getattr(layer, argument)
        value = value[0] if isinstance(value, tuple) else value
        if not isinstance(value, int):
            return None
        new = chance.choice(_NEW_VALUES.get(argument, _WIDTHS))(value)
        wrong = remade(layer, {argument: new})
        if new == value or wrong is None:
            return None
        broken = with_module(copy.deepcopy(model), path, wrong)
        words = f"{path}: {type(layer).__name__}.{argument} {value} → {new}"
        return Broken("layer", kind, words, broken)

    return draw


def _removed(model: nn.Module, path: str, kind: str) -> Draw:
    def draw(chance: random.Random) -> Broken | None:
        broken = with_module(copy.deepcopy(model), path, nn.Identity())
        return Broken("line", kind, f"{path} is nn.Identity()", broken)

    return draw


def _parameter(model: nn.Module, name: str) -> Draw:
    def draw(chance: random.Random) -> Broken | None:
        broken = copy.deepcopy(model)
        path, _, attribute = name.rpartition(".")
        owner = broken.get_submodule(path)
        before = getattr(owner, attribute)
        axis = chance.choice([a for a, n in enumerate(before.shape) if n > 1] or [0])
        shape = list(before.shape)
        shape[axis] = chance.choice(_WIDTHS)(shape[axis])
        setattr(owner, attribute, nn.Parameter(before.new_empty(shape).normal_()))
        return Broken("layer", "parameter", f"{name} {list(before.shape)} → {shape}", broken)

    return draw


def remade(layer: nn.Module, changes: dict[str, Any]) -> nn.Module | None:
    """A layer of that class with other arguments; None if it cannot be built."""
    arguments = {name: getattr(layer, name) for name in _READ if hasattr(layer, name)}
    if not isinstance(layer, nn.BatchNorm2d | nn.LayerNorm):
        arguments.pop("eps", None)
    if isinstance(layer, nn.Conv2d | nn.Linear):
        arguments["bias"] = layer.bias is not None
    try:
        return type(layer)(**{**arguments, **changes}).train(layer.training)
    except (ValueError, AssertionError):
        return None


def with_module(model: nn.Module, path: str, module: nn.Module) -> nn.Module:
    """The model with another module in that place."""
    parent, _, name = path.rpartition(".")
    model.get_submodule(parent)._modules[name] = module
    return model
