"""Repeated neighbours: found in a row of things, named together, folded in a table.

Two nodes of a table are the same if they have the same class, the same settings, the same shapes
and costs, and the same below them, recursively. Shapes are those of the tensors that a call worked
on: a cache that goes from block to block is another one in each of them. Settings that cannot
change a size (probabilities, eps) and counters (``layer_idx``) are not compared: they differ in
every block of a deep network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, cast

from cnnshape.analysis.report import Layer
from cnnshape.rendering.module_tree import Node
from cnnshape.tracing.trace import NamedValue, Plain, Ref, Shape, Trace

_NUMBER = re.compile(r"\d+")
_COUNTER = re.compile(r"(^|_)(idx|index|id|num|number)$")
#: Longest pattern looked for: the blocks of a Swin transformer alternate, with period 2.
_LONGEST_PERIOD = 4


class Runs:
    """Where a row of things repeats: how far, from each place on, is worked out once."""

    def __init__(self, signatures: Sequence[int]) -> None:
        self._alike = [_alike(signatures, period) for period in range(1, _LONGEST_PERIOD + 1)]

    def longest(self, start: int, foldable: Callable[[int, int], int]) -> tuple[int, int]:
        """The period and the number of times that fold most from ``start`` on; (1, 1) for none.

        ``foldable`` gets a period and how often it repeats, and says how many of these may become
        one; fewer than two are none.

        >>> Runs([7, 8, 7, 8, 7, 8, 9]).longest(0, lambda period, times: times)
        (2, 3)
        """
        best = (1, 1)
        for period, alike in enumerate(self._alike, 1):
            times = 1 + alike[start] // period
            folded = foldable(period, times) if times > 1 else 1
            if folded > 1 and period * folded > best[0] * best[1]:
                best = (period, folded)
        return best


def _alike(signatures: Sequence[int], period: int) -> list[int]:
    """How many from each place on equal the one ``period`` places later, without a gap."""
    counts = [0] * len(signatures)
    for place in range(len(signatures) - period - 1, -1, -1):
        if signatures[place] == signatures[place + period]:
            counts[place] = counts[place + 1] + 1
    return counts


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


def series_name(names: Sequence[str]) -> str:
    """One name for all of a series whose numbers count.

    >>> series_name(["past.layers[0].keys", "past.layers[1].keys", "past.layers[11].keys"])
    'past.layers[0 … 11].keys'
    """
    first, last = names[0], names[-1]
    numbers = _NUMBER.findall(last)
    if len(_NUMBER.findall(first)) != len(numbers):
        return first
    following = iter(numbers)

    def both(found: re.Match[str]) -> str:
        other = next(following)
        return found[0] if found[0] == other else f"{found[0]} … {other}"

    return _NUMBER.sub(both, first)


def _shared_prefix(labels: Sequence[str]) -> str:
    """What all names begin with, cut before a number that is part of each."""
    first, last = min(labels), max(labels)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    prefix = first if length is None else first[:length]
    return prefix.rstrip("0123456789")


_ATOMS = frozenset((int, float, bool, str, type(None)))


def frozen(value: Plain | Any) -> Hashable:
    """A recorded argument as something that can be compared; tensors are all alike.

    >>> frozen((Ref(3), [1, 2])) == frozen((Ref(8), [1, 2]))
    True
    """
    if type(value) in _ATOMS:
        return cast("Hashable", value)
    if isinstance(value, Ref):
        return "tensor"
    if isinstance(value, (list, tuple)):
        return tuple([frozen(item) for item in cast("Sequence[Any]", value)])
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        return tuple((key, frozen(item)) for key, item in sorted(mapping.items()))
    if isinstance(value, slice):
        return tuple(frozen(part) for part in (value.start, value.stop, value.step))
    return value if isinstance(value, Hashable) else repr(value)


# ---- in a table -------------------------------------------------------------------------


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

    trace: Trace
    fields: bool = False
    numbers: dict[Hashable, int] = field(default_factory=dict[Hashable, int])
    by_node: dict[int, int] = field(default_factory=dict[int, int])

    def fold(self, nodes: Sequence[Node]) -> list[Folded]:
        """The nodes in order, each run of repeats replaced by its first period."""
        runs = Runs([self.signature(node) for node in nodes])
        result: list[Folded] = []
        start = 0
        while start < len(nodes):
            period, times = runs.longest(start, partial(_foldable, nodes, start))
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
            key = (
                node.role,
                node.failed,
                _own(node, self.trace),
                self.fields and _fields(node),
                children,
            )
            known = self.numbers.setdefault(key, len(self.numbers))
            self.by_node[id(node)] = known
        return known


def worked_on(trace: Trace, layer: Layer) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
    """The shapes of what a call read, and of what it made.

    What it was only handed, or only hands on, is left out: of a cache the keys and values of other
    blocks. A call that read or made none of them, such as one that was never finished, has all.
    """
    if layer.index is None or not layer.finished:
        return layer.input_shapes, layer.output_shapes
    call = trace.calls[layer.index]
    ran = trace.operations[slice(*call.operations)]
    read = {value for op in ran for value in op.inputs}
    made = {value for op in ran for value in op.outputs}
    return (
        _among(read, call.inputs, layer.input_shapes),
        _among(made, call.outputs, layer.output_shapes),
    )


def _among(
    values: Container[int], named: Sequence[NamedValue], shapes: tuple[Shape, ...]
) -> tuple[Shape, ...]:
    pairs = zip(named, shapes, strict=False)
    return tuple(shape for one, shape in pairs if one.value in values) or shapes


def _own(node: Node, trace: Trace) -> Hashable:
    layer, operation = node.layer, node.operation
    if layer is not None:
        check = layer.check
        inputs, outputs = worked_on(trace, layer)
        return (
            layer.type,
            _size_settings(layer.config),
            tuple(dict.fromkeys(inputs)),  # each once: one block may read more of a kind
            outputs,
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
    names = sorted(name for name in config if not _counts(name))
    pairs = [(name, config[name]) for name in names]
    return tuple([(name, frozen(value)) for name, value in pairs if not isinstance(value, float)])


@lru_cache(maxsize=4096)
def _counts(name: str) -> bool:
    """Whether a setting numbers the layers of a kind."""
    return _COUNTER.search(name) is not None


def _foldable(nodes: Sequence[Node], start: int, period: int, times: int) -> int:
    """How many of ``times`` equal runs of nodes become one, where that helps the reader."""
    blocks = any(node.children for node in nodes[start : start + period])
    least = 2 if blocks else 3 if period == 1 else 5
    return times if times >= least else 1
