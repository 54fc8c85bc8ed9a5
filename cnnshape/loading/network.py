"""The network that a run trains: a MODEL that can be built again, the same each time.

Importing this module does not import torch.
"""

from __future__ import annotations

import contextlib
import copy
import sys
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from cnnshape.errors import ModelFailedError
from cnnshape.exits import exits_refused
from cnnshape.interrupts import held, let_through
from cnnshape.loading.spec import Kind, ModelSpec
from cnnshape.models.registry import find_bundled
from cnnshape.words import plural, times

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cnnshape.loading.model import LoadedModel

TRAINABLE: tuple[Kind, ...] = ("bundled", "torchvision", "timm", "file", "dotted")
"""What is built from code, with fresh weights; the other kinds are files of weights."""

_LIBRARIES: tuple[Kind, ...] = ("bundled", "torchvision", "timm")


def names_code(spec: ModelSpec) -> bool:
    """Whether building the model may run code that is in neither cnnshape nor a library of models.

    A text among the arguments of a library's model counts as well: it may name a checkpoint, which
    the library unpickles.

    >>> from cnnshape.loading.spec import parse_spec
    >>> [names_code(parse_spec(text)) for text in ("lenet", "timm:vgg11(num_classes=3)")]
    [False, False]
    >>> [names_code(parse_spec(text)) for text in ("net.py:Net", "timm:vgg11(checkpoint_path='x')")]
    [True, True]
    """
    return spec.kind not in _LIBRARIES or any(_holds_text(value) for _, value in spec.arguments)


def _holds_text(value: object) -> bool:
    if isinstance(value, Mapping):
        mapping = cast("Mapping[object, object]", value)
        return any(_holds_text(part) for pair in mapping.items() for part in pair)
    if isinstance(value, str | bytes):
        return True
    return isinstance(value, Collection) and any(
        _holds_text(part) for part in cast("Collection[object]", value)
    )


def with_argument(spec: ModelSpec, name: str, value: object, called: str) -> ModelSpec:
    """The model with one constructor argument set; ``called`` is its class where none was named.

    >>> from cnnshape.loading.spec import parse_spec
    >>> with_argument(parse_spec("net.py:Net(width=8)"), "num_classes", 3, "Net").text
    'net.py:Net(width=8, num_classes=3)'
    """
    arguments = {**dict(spec.arguments), name: value}
    changed = replace(spec, name=spec.name or called, arguments=tuple(arguments.items()))
    return replace(changed, text=written(changed))


def written(spec: ModelSpec) -> str:
    """The MODEL as it is typed.

    >>> from cnnshape.loading.spec import parse_spec
    >>> written(parse_spec("torchvision:resnet18( num_classes = 3 )"))
    'torchvision:resnet18(num_classes=3)'
    """
    given = [*map(repr, spec.positional), *(f"{name}={value!r}" for name, value in spec.arguments)]
    arguments = f"({', '.join(given)})" if given else ""
    if spec.kind in ("torchvision", "timm"):
        return f"{spec.kind}:{spec.source}{arguments}"
    if spec.kind in ("file", "dotted") and spec.name is not None:
        return f"{spec.source}:{spec.name}{arguments}"
    return f"{spec.source}{arguments}"


def build_network(
    spec: ModelSpec, classes: int, shape: tuple[int, int, int], *, seed: int = 0
) -> nn.Module:
    """Build the network on the CPU, with weights that depend on ``seed`` only.

    Args:
        spec: one of :data:`TRAINABLE`.
        classes: how many a bundled network is to tell apart, unless its arguments say so.
        shape: channels, height, width of a picture, for layers that ask the first one.
        seed: of the weights; a bundled network by its name alone takes them from torch's
            generator as it is.

    Raises:
        UsageError: a subclass says why the model cannot be built.
    """
    bundled = find_bundled(spec.source) if spec.kind == "bundled" else None
    if bundled is not None and not spec.arguments:
        with held():
            return bundled.load_class()(num_classes=classes)
    module = load_network(spec, seed).module
    fill_lazy_layers(module, shape, seed)
    return module


def load_network(spec: ModelSpec, seed: int = 0) -> LoadedModel:
    """The model as its code builds it, on the CPU, nothing wrapped around it.

    Raises:
        UsageError: a subclass says why the model cannot be built.
    """
    from cnnshape.loading.model import load
    from cnnshape.loading.unwrap import unwrap

    loaded = load(replace(spec, seed=seed), real=True)
    with held():
        module = unwrap(loaded.module)
        if spec.kind == "dotted":  # an instance in a module that stays imported is not ours
            module = copy.deepcopy(module)
    return replace(loaded, module=module)


def has_lazy_layers(module: nn.Module) -> bool:
    """Whether a layer learns its sizes from the first picture."""
    from torch.nn.parameter import is_lazy

    return any(map(is_lazy, (*module.parameters(), *module.buffers())))


def fill_lazy_layers(module: nn.Module, shape: tuple[int, int, int], seed: int = 0) -> None:
    """Let layers that learn their sizes from the first picture see one."""
    import torch

    if not has_lazy_layers(module):
        return
    training = module.training
    module.eval()
    with torch.no_grad():
        answer(module, torch.zeros(1, *shape), seed)
    module.train(training)


def answer(module: nn.Module, pictures: Tensor, seed: int = 0) -> object:
    """What the network gives for a batch; random generators and stdout are as before.

    Raises:
        ModelFailedError: it raised; the sentence has its words.
    """
    from cnnshape.loading.construct import quiet_randomness

    try:
        with (
            held(),
            contextlib.redirect_stdout(sys.stderr),
            exits_refused(),
            quiet_randomness(seed, numpy=True),
        ):
            return let_through(module, pictures)
    except (Exception, SystemExit) as error:
        raise refusal(module, pictures, error) from error


def refusal(module: object, pictures: Tensor, error: BaseException) -> ModelFailedError:
    """What to raise where a network has raised ``error`` for a batch."""
    from cnnshape.loading.blame import safe_message

    return ModelFailedError(
        f"{type(module).__name__} does not take {plural(len(pictures), 'picture')} of "
        f"{times(pictures.shape[1:])} ({type(error).__name__}: {safe_message(error)})"
    )
