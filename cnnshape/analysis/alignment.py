"""Which module of one network stands where which module of another stands.

Two trees of modules are walked from their roots down. The children of two modules that belong
together are aligned in order, so that a layer put in between does not shift those behind it: by
what they are, then by what they are called. What finds no partner there may have moved to another
container, whole.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Node:
    """A module in its tree.

    Attributes:
        path: its whole path.
        type: its class name.
        itself: what it is beside its name and its children.
        weight: its parameters; a module without any is found again by its place alone.
        children: in order.
        structure: a number that two modules share which differ in nothing but names.
        classes: a number that two modules share which have the same classes in them.
    """

    path: str
    type: str
    itself: Hashable
    weight: int = 0
    children: list[Node] = field(default_factory=list["Node"])
    structure: int = -1
    classes: int = -1

    @property
    def name(self) -> str:
        """The last name of its path."""
        return self.path.rpartition(".")[2]


def below(root: Node) -> Iterator[Node]:
    """A module and everything below it, in order."""
    todo = [root]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(reversed(node.children))


def aligned(one: Node, other: Node) -> dict[Node, Node]:
    """The partners of the modules of ``one`` in ``other``; those that have none are missing.

    >>> conv, relu, norm = (Node(n, t, t) for n, t in zip("012", ("Conv2d", "ReLU", "Norm")))
    >>> with_norm = Node("", "Net", "Net", 0, [conv, norm, Node("3", "ReLU", "ReLU")])
    >>> pairs = aligned(Node("", "Net", "Net", 0, [conv, relu]), with_norm)
    >>> sorted((one.path, other.path) for one, other in pairs.items())
    [('', ''), ('0', '0'), ('1', '3')]
    """
    _number(one, other)
    pairs = _walked({one: other}, {})
    pairs |= _moved(one, other, pairs)
    # What is left among the children of partners and at least of one class.
    for a, b in list(pairs.items()):
        taken = pairs.keys() | set(pairs.values())
        left = ([c for c in node.children if c not in taken] for node in (a, b))
        pairs = _walked(dict(_best(*left, _of_one_class)), pairs)
    return pairs


def _walked(begin: Mapping[Node, Node], known: Mapping[Node, Node]) -> dict[Node, Node]:
    """Partners, and those that are found among their children, and so on downwards.

    A child that has a partner already, since it had moved, keeps it.
    """
    pairs, taken = dict(known), set(known.values())
    todo = list(begin.items())
    while todo:
        a, b = todo.pop()
        pairs[a] = b
        taken.add(b)
        free = [child for child in a.children if child not in pairs]
        todo += _children(free, [child for child in b.children if child not in taken])
    return pairs


def _number(*roots: Node) -> None:
    """Give each module its numbers, from the leaves up: trees may be deeper than calls can be."""
    numbers: dict[Hashable, int] = {}
    for root in roots:
        for node in reversed(list(below(root))):
            alike = ("structure", node.itself, *(child.structure for child in node.children))
            classes = ("classes", node.type, *(child.classes for child in node.children))
            node.structure = numbers.setdefault(alike, len(numbers))
            node.classes = numbers.setdefault(classes, len(numbers))


def _children(one: Sequence[Node], other: Sequence[Node]) -> list[tuple[Node, Node]]:
    """The pairs among the children of two modules: in order first, the others by name."""
    start = 0
    while start < min(len(one), len(other)) and _is_same(one[start], other[start]):
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and _is_same(one[-1 - end], other[-1 - end]):
        end += 1
    pairs = list(zip(one[:start], other[:start], strict=True))
    pairs += _best(one[start : len(one) - end], other[start : len(other) - end], _likeness)
    if end:
        pairs += zip(one[-end:], other[-end:], strict=True)
    taken = {node for pair in pairs for node in pair}
    free = {b.name: b for b in other if b not in taken and not b.name.isdigit()}
    return pairs + [(a, free[a.name]) for a in one if a not in taken and a.name in free]


def _is_same(one: Node, other: Node) -> bool:
    return one.name == other.name and one.structure == other.structure


def _best(
    one: Sequence[Node], other: Sequence[Node], likeness: Callable[[Node, Node], int]
) -> list[tuple[Node, Node]]:
    """The pairs in order that are most alike together (Needleman and Wunsch, 1970)."""
    scores = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one) - 1, -1, -1):
        for j in range(len(other) - 1, -1, -1):
            alike = likeness(one[i], other[j])
            paired = scores[i + 1][j + 1] + alike if alike else 0
            scores[i][j] = max(paired, scores[i + 1][j], scores[i][j + 1])
    pairs: list[tuple[Node, Node]] = []
    i = j = 0
    while i < len(one) and j < len(other):
        alike = likeness(one[i], other[j])
        if alike and scores[i][j] == scores[i + 1][j + 1] + alike:
            pairs.append((one[i], other[j]))
            i, j = i + 1, j + 1
        elif scores[i][j] == scores[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _likeness(one: Node, other: Node) -> int:
    """How much speaks for two modules being one; 0 if too little does."""
    numbered = one.name.isdigit() and other.name.isdigit()
    same_name = one.name == other.name
    named = same_name and not numbered
    if one.structure == other.structure:
        return 8 + 4 * named + same_name
    if one.type == other.type and (numbered or named):
        return 3 + 2 * (one.classes == other.classes) + 4 * named + same_name
    # Another class in the same place: a ReLU that became a GELU, a block of another kind.
    return 3 if named else int(same_name and bool(one.children) == bool(other.children))


def _of_one_class(one: Node, other: Node) -> int:
    return 1 + (one.classes == other.classes) if one.type == other.type else 0


def _moved(one: Node, other: Node, pairs: Mapping[Node, Node]) -> dict[Node, Node]:
    """What is the same in both and stands elsewhere: the largest first, with all below it."""
    found = set(pairs.values())
    free: dict[int, list[Node]] = {}
    for b in below(other):
        if b not in found and any(node.weight for node in below(b)):
            free.setdefault(b.structure, []).append(b)
    moved: dict[Node, Node] = {}
    for a in below(one):
        if a in pairs or a in moved:
            continue
        candidates = [b for b in free.get(a.structure, ()) if found.isdisjoint(below(b))]
        if candidates:
            b = next((b for b in candidates if b.name == a.name), candidates[0])
            moved |= dict(zip(below(a), below(b), strict=True))
            found.update(below(b))
    return moved


def tree(rows: Mapping[str, Node]) -> Node:
    """Modules by path, put below each other; a module that is not among them stands between.

    >>> root = tree({"": Node("", "Net", 0), "a": Node("a", "A", 0), "a.0": Node("a.0", "B", 0)})
    >>> [child.path for child in root.children[0].children]
    ['a.0']
    """
    for path, node in rows.items():
        above = path
        while above:
            above = above.rpartition(".")[0]
            if above in rows:
                rows[above].children.append(node)
                break
    return rows[""]
