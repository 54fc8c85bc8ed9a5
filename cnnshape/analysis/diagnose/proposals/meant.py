"""What an argument of a layer was meant to be, read off the other layers of its network.

Networks repeat themselves. Where one convolution of many has ``kernel_size=3, padding=2`` and all
others ``kernel_size=3, padding=1``, or where the first convolution of the second stage does not
halve the picture as those of the third and fourth do, its author's intention stands in the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cnnshape.analysis.diagnose.constructor import tidy
from cnnshape.tracing.trace import Module, Trace

#: What decides over the size of a result, in layers that slide a window or pool to a size.
_ARGUMENTS = ("kernel_size", "stride", "padding", "dilation", "output_padding", "output_size")
#: Names at the end of two paths that are compared: ``0.conv2`` of ``layer2.0.conv2``.
_DEEPEST = 4
#: So many sorts of layers must agree, if they agree in one argument alone.
_SOME = 2

#: How many more layers have the changed settings than the layer's own: first those in the same
#: place of other blocks, as the ends of their paths tell, at last those anywhere.
Support = tuple[int, ...]


def meant(trace: Trace, module: Module) -> list[tuple[Support, Mapping[str, Any]]]:
    """Changes of one argument that make a layer like most others of its class."""
    mine = _settings(module)
    if not mine:
        return []
    votes: dict[tuple[tuple[str, Any], ...], list[int]] = {}
    for other in trace.modules:
        if other.kind == module.kind and other.path != module.path:
            place = _DEEPEST - _common_end(module.path, other.path)
            votes.setdefault(tuple(_settings(other).items()), [0] * (_DEEPEST + 1))[place] += 1
    own = votes.pop(tuple(mine.items()), [0] * (_DEEPEST + 1))
    found: list[tuple[Support, Mapping[str, Any]]] = []
    for settings, theirs in votes.items():
        change = {name: value for name, value in settings if mine.get(name) != value}
        support = tuple(a - b for a, b in zip(theirs, own, strict=True))
        if len(change) == 1 and support > (0,) * len(support):
            found.append((support, change))
    alone = not any(own)
    return [*found, *_unanimous(mine, [dict(settings) for settings in votes if alone])]


def _unanimous(
    mine: Mapping[str, Any], others: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Support, Mapping[str, Any]]]:
    """An argument that all others have alike, whatever else they have: the last to be tried."""
    for name, value in mine.items():
        theirs = {settings.get(name) for settings in others}
        if len(theirs) == 1 and len(others) >= _SOME and value not in theirs:
            yield (0,) * (_DEEPEST + 1), {name: theirs.pop()}


def _settings(module: Module) -> dict[str, Any]:
    if not module.builtin:
        return {}
    return {name: tidy(module.config[name]) for name in _ARGUMENTS if name in module.config}


def _common_end(one: str, other: str) -> int:
    """How many names two paths end with alike, up to a limit."""
    same = 0
    for a, b in zip(reversed(one.split(".")), reversed(other.split(".")), strict=False):
        if a != b or same == _DEEPEST:
            break
        same += 1
    return same
