"""What ``cnnshape params --tree`` shows: the modules, their parameters and shares of the whole."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from cnnshape.experiments.parameters import Parameters, TensorEntry
from cnnshape.rendering.repeats import Runs, folded_label
from cnnshape.rendering.styled_text import Line, cells, draw_grid, elide, span
from cnnshape.rendering.units import count, percent
from cnnshape.words import counted

_ALIGNS = ("left", "left", "right", "right")
#: A module with more tensors of its own than this gets one line for all of them.
_OWN_LINES = 6


@dataclass
class _Branch:
    """A module, or a tensor that a module with children holds itself, and what is below it."""

    label: str
    type: str
    own: list[TensorEntry] = field(default_factory=list[TensorEntry])
    children: list[_Branch] = field(default_factory=list["_Branch"])

    @cached_property
    def total(self) -> int | None:
        """Parameters here and below, each tensor once; None where one has no size yet."""
        parts = [entry.count for entry in self.own] + [child.total for child in self.children]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None

    @cached_property
    def signature(self) -> Hashable:
        """Equal for what prints the same, but for the module's own name."""
        own = tuple((entry.shape, entry.dtype, entry.trainable) for entry in self.own)
        return self.type, own, tuple((child.label, child.signature) for child in self.children)


def tree_lines(report: Parameters, room: int | None) -> list[Line]:
    """A line per module with everything below it summed up; repeated blocks stand for each other.

    >>> from torch import nn
    >>> from cnnshape.experiments.parameters import read_parameters
    >>> from cnnshape.rendering.styled_text import plain
    >>> net = nn.Sequential(nn.Linear(4, 2), nn.Linear(2, 1, bias=False))
    >>> print("\\n".join(plain(line) for line in tree_lines(read_parameters(net), None)))
      module  type        params   share
      ·       Sequential      12
      ├ 0     Linear          10  83.3 %
      └ 1     Linear           2  16.7 %
    """
    root = _grown(report)
    rows = [("", root, 1), *_below(root, "", 0, report.depth)]
    # Not all of a checkpoint's numbers are parameters.
    titles = ("module", "type", "params" if report.class_name else "numbers", "share")
    return draw_grid(titles, _ALIGNS, _fitted(rows, root.total, room))


def _grown(report: Parameters) -> _Branch:
    """The tree of the modules' names; each tensor hangs at its first owner."""
    branches = {"": _Branch("·", report.class_name)}
    for module in report.every_module:
        if module.path:
            above, _, name = module.path.rpartition(".")
            branches[module.path] = _Branch(name, module.type)
            branches[above].children.append(branches[module.path])
    for entry in report.parameters:
        branches[entry.module].own.append(entry)
    for branch in branches.values():
        if branch.children and branch.own:
            branch.children[:0], branch.own = list(_own_branches(branch.own)), []
    return branches[""]


def _own_branches(entries: Sequence[TensorEntry]) -> Iterator[_Branch]:
    if len(entries) > _OWN_LINES:
        yield _Branch(counted(len(entries), "own tensor"), "", list(entries))
        return
    for entry in entries:
        yield _Branch(entry.name.rpartition(".")[2], "", [entry])


_Row = tuple[str, _Branch, int]
"""What stands before the name, what the line is about, and for how many it stands."""


def _below(branch: _Branch, rails: str, depth: int, limit: int | None) -> Iterator[_Row]:
    if depth == limit:
        return
    entries = list(_folded(branch.children))
    for position, (labels, child) in enumerate(entries):
        last = position == len(entries) - 1
        named = _Branch(folded_label(labels), child.type, child.own, child.children)
        yield rails + ("└ " if last else "├ "), named, len(labels)
        yield from _below(child, rails + ("  " if last else "│ "), depth + 1, limit)


def _folded(branches: Sequence[_Branch]) -> Iterator[tuple[list[str], _Branch]]:
    """Each run of equal neighbours as its first period, with the names of all."""
    numbers: dict[Hashable, int] = {}
    runs = Runs([numbers.setdefault(each.signature, len(numbers)) for each in branches])
    start = 0
    while start < len(branches):
        period, times = runs.longest(start, partial(_foldable, branches, start))
        for phase in range(start, start + period):
            run = branches[phase : start + period * times : period]
            yield [each.label for each in run], branches[phase]
        start += period * times


def _foldable(branches: Sequence[_Branch], start: int, period: int, times: int) -> int:
    blocks = any(branch.children for branch in branches[start : start + period])
    return times if times >= (2 if blocks else 3 if period == 1 else 5) else 1


def _fitted(rows: Sequence[_Row], whole: int | None, room: int | None) -> list[list[Line]]:
    """The cells of each line; where they are too wide, names and classes lose their middle."""
    names = max(cells(before + branch.label + _again(times)) for before, branch, times in rows)
    types = max(cells(branch.type) for _, branch, _ in rows)
    fixed = 2 + 2 * 3 + 24
    if room is not None and names + types + fixed > room:
        names = max(12, room - fixed - types)
        types = max(8, room - fixed - names)
    return [_cells(row, whole, names, types) for row in rows]


def _cells(row: _Row, whole: int | None, names: int, types: int) -> list[Line]:
    before, branch, times = row
    total = "?" if branch.total is None else count(branch.total) if branch.total else ""
    again = _again(times)
    label = elide(branch.label, names - cells(before) - cells(again))
    return [
        (span(before, "dim"), span(label, "strong"), span(again, "dim")),
        (span(elide(branch.type, types), "dim"),),
        (span(total),),
        (span(percent(_share(branch.total, whole)) if before else ""),),
    ]


def _again(times: int) -> str:
    return f"  × {times}" if times > 1 else ""


def _share(part: int | None, whole: int | None) -> float | None:
    return None if part is None or whole is None else part / (whole or 1)
