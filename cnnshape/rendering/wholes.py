"""What a line of the tree and everything below it come to, each line added up once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cnnshape.analysis.memory import LayerMemory, together
from cnnshape.analysis.report import Layer
from cnnshape.rendering.module_tree import Node
from cnnshape.rendering.row import Status


@dataclass(frozen=True, slots=True)
class Whole:
    """Sums over a node and all nodes below it; None where a part is unknown.

    Attributes:
        failing: the node or one below it is where the model raised.
        statuses: the marks of all checks.
        trainable_params: parameters that are trained.
        parameter_bytes: what the parameters take.
        activation_bytes: what the outputs take.
        memory: the figures of training.
    """

    failing: bool
    statuses: frozenset[Status]
    trainable_params: int | None
    parameter_bytes: int | None
    activation_bytes: int | None
    memory: LayerMemory | None


@dataclass(slots=True)
class Wholes:
    """The sums of one tree. A node's are made of its children's: deep trees take no longer."""

    known: dict[int, Whole] = field(default_factory=dict[int, Whole])

    def of(self, node: Node) -> Whole:
        """The sums of a node and everything below it."""
        if id(node) not in self.known:
            for inner in reversed((node, *descendants(node))):  # children before their parents
                below = [self.known[id(child)] for child in inner.children]
                self.known[id(inner)] = _added_up(inner, below)
        return self.known[id(node)]


def descendants(node: Node) -> Iterator[Node]:
    """Everything below a node, each node before what is below it."""
    todo = list(reversed(node.children))
    while todo:
        inner = todo.pop()
        yield inner
        todo += reversed(inner.children)


def layer_status(layer: Layer) -> Status:
    """The mark of a layer's own check."""
    if layer.check is not None:
        return layer.check.mark
    return "" if layer.covered else "uncovered"


def total(numbers: Sequence[int | None]) -> int | None:
    """The sum; None if a number is unknown."""
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def _added_up(node: Node, below: Sequence[Whole]) -> Whole:
    layer, statuses = node.layer, frozenset[Status]()
    if layer is not None and node.role == "call":
        statuses = frozenset((layer_status(layer),))
    elif node.operation is not None and node.operation.check is not None:
        statuses = frozenset((node.operation.check.mark,))
    own = [layer] if layer is not None else []
    memories = [*(one.memory for one in own), *(one.memory for one in below)]
    measured = [memory for memory in memories if memory is not None]
    return Whole(
        failing=node.failed or any(one.failing for one in below),
        statuses=statuses.union(*(one.statuses for one in below)),
        trainable_params=total([one.trainable_params for one in (*own, *below)]),
        parameter_bytes=total([one.parameter_bytes for one in (*own, *below)]),
        activation_bytes=total([one.activation_bytes for one in (*own, *below)]),
        memory=together(measured[0], measured[1:]) if measured else None,
    )
