"""Repeated blocks found: neighbours that would print the same lines.

Two nodes are the same if they have the same class, the same settings, the same shapes and costs,
and the same below them, recursively. Settings that cannot change a size (probabilities, eps)
and counters (``layer_idx``) are not compared: they differ in every block of a deep network.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from cnnshape.rendering.tree import Node

_COUNTER = re.compile(r"(^|_)(idx|index|id|num|number)$")
#: Longest pattern looked for: the blocks of a Swin transformer alternate, with period 2.
_LONGEST_PERIOD = 4


@dataclass(frozen=True, slots=True)
class Folded:
    """A node that stands for ``len(labels)`` of them; mostly just for itself."""

    node: Node
    labels: tuple[str, ...]
    consecutive: bool = True

    @property
    def times(self) -> int:
        """How many nodes this one stands for."""
        return len(self.labels)


@dataclass(slots=True)
class Folder:
    """Finds repeats; keeps one number per distinct node so that deep trees compare quickly.

    ``fields``: receptive fields are shown as well, and they grow from block to block.
    """

    fields: bool = False
    numbers: dict[Hashable, int] = field(default_factory=dict[Hashable, int])
    by_node: dict[int, int] = field(default_factory=dict[int, int])

    def fold(self, nodes: Sequence[Node]) -> list[Folded]:
        """The nodes in order, each run of repeats replaced by its first period."""
        signatures = [self.signature(node) for node in nodes]
        result: list[Folded] = []
        start = 0
        while start < len(nodes):
            period, times = _repeats(nodes, signatures, start)
            stop = start + period * times
            for phase in range(start, start + period):
                labels = tuple(node.label for node in nodes[phase:stop:period])
                result.append(Folded(nodes[phase], labels, consecutive=period == 1))
            start = stop
        return result

    def signature(self, node: Node) -> int:
        """Equal numbers for nodes that print the same, but for their names."""
        known = self.by_node.get(id(node))
        if known is None:
            children = tuple((child.label, self.signature(child)) for child in node.children)
            key = (node.role, node.failed, _own(node), self.fields and _fields(node), children)
            known = self.numbers.setdefault(key, len(self.numbers))
            self.by_node[id(node)] = known
        return known


def _own(node: Node) -> Hashable:
    layer, operation = node.layer, node.operation
    if layer is not None:
        check = layer.check
        return (
            layer.type,
            _size_settings(layer.config),
            # Each once: a cache that is handed on grows from block to block.
            tuple(dict.fromkeys(layer.input_shapes)),
            layer.output_shapes,
            layer.params,
            layer.trainable_params,
            layer.macs,
            (check.status, check.rule, check.substitution) if check else layer.covered,
            layer.finished,
        )
    if operation is not None:
        check = operation.check
        return (
            operation.op,
            operation.input_shapes,
            operation.output_shapes,
            (check.status, check.rule, check.substitution) if check else None,
        )
    # Their names are compared where they are children: by label, relative to their module.
    return tuple((p.shape, p.dtype, p.trainable) for p in node.parameters) or node.path


def _fields(node: Node) -> Hashable:
    return node.layer.receptive_field if node.layer else None


def _size_settings(config: Mapping[str, Any]) -> Hashable:
    return tuple(
        (name, _hashable(value))
        for name, value in sorted(config.items())
        if not isinstance(value, float) and not _COUNTER.search(name)
    )


def _hashable(value: object) -> Hashable:
    if isinstance(value, list | tuple):
        return tuple(_hashable(item) for item in cast("Sequence[object]", value))
    return value if isinstance(value, Hashable) else repr(value)


def _repeats(nodes: Sequence[Node], signatures: Sequence[int], start: int) -> tuple[int, int]:
    """The period and the number of times that hide most lines from ``start`` on."""
    best = (1, 1)
    for period in range(1, _LONGEST_PERIOD + 1):
        pattern = signatures[start : start + period]
        times = 1
        while signatures[start + times * period : start + (times + 1) * period] == pattern:
            times += 1
        blocks = any(node.children for node in nodes[start : start + period])
        if times < _least_times(period, blocks):
            continue
        if period * times > best[0] * best[1]:
            best = (period, times)
    return best


def _least_times(period: int, blocks: bool) -> int:
    """How often something must repeat before folding it helps the reader."""
    if blocks:
        return 2
    return 3 if period == 1 else 5


def folded_label(labels: Sequence[str], consecutive: bool = True) -> str:
    """The names of a run: first and last, what they share written once.

    >>> folded_label(["1", "2"]), folded_label(["block_0", "block_1", "block_2"])
    ('1, 2', 'block_0 … 2')
    >>> folded_label(["0", "2", "4", "6"], consecutive=False)
    '0, 2 … 6'
    """
    shared = _shared_prefix(labels)
    short = [label[len(shared) :] for label in labels]
    if not all(short):
        shared, short = "", list(labels)
    if len(set(labels)) == 1:
        return labels[0]
    if len(short) == 2:
        return f"{shared}{short[0]}, {short[1]}"
    if not consecutive and len(short) == 3:
        return f"{shared}{', '.join(short)}"
    between = "" if consecutive else f", {short[1]}"
    return f"{shared}{short[0]}{between} … {short[-1]}"


def _shared_prefix(labels: Sequence[str]) -> str:
    """What all names begin with, cut before a number that is part of each."""
    first, last = min(labels), max(labels)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    prefix = first if length is None else first[:length]
    return prefix.rstrip("0123456789")
