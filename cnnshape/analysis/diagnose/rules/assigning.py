"""Assignment into a part of a tensor: ``x[:, :3] = y``, ``x.index_put_((i,), y)``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from cnnshape.analysis.accounts import Accounts
from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs
from cnnshape.analysis.diagnose.failing import Failing, Operand, Sizes
from cnnshape.analysis.diagnose.rules.fitting import clash
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.source_nodes import instead, nodes_on
from cnnshape.analysis.diagnose.wording import dims
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.operations import TABLE
from cnnshape.words import times

#: The longest piece of source that a sentence quotes.
_QUOTED = 40
_ASSIGNED = say("what is assigned")


@dataclass(frozen=True, slots=True)
class _Line:
    """``target = value`` as it is written; both are named generally where it cannot be read."""

    node: ast.Assign | None
    text: str
    target: str
    value: str

    @property
    def tensor(self) -> str:
        """What the brackets of the target follow."""
        return self.target.partition("[")[0]


def assigned(failing: Failing) -> Diagnosis | None:
    """What is assigned must have the sizes of the part, or 1, counted from the last dimension."""
    value, part = failing.operand("value"), _part(failing)
    if value is None or part is None:
        return None
    found = clash([part, value.shape])
    extra = value.shape[: max(len(value.shape) - len(part), 0)]
    if found is None and all(size == 1 for size in extra) and not _stretched(part, value.shape):
        return None
    line = _line(failing)
    part_size = times(part, say("a single number"))
    sentence = say(
        "{target} is {part}, and {value} of {size} does not fit into it",
        target=line.target,
        part=part_size,
        value=line.value,
        size=times(value.shape),
    )
    derivation: tuple[str, ...] = ()
    if value.rank > len(part) > 0:
        sentence += say(": it has {dims} for {rank}", dims=dims(value.rank), rank=len(part))
    elif found is not None:
        axis = found[2]
        size = value.shape[axis]
        sentence += say(
            ": dimension {axis} takes {room}, and {size} come",
            axis=axis % len(part),
            room=part[axis],
            size=size,
        )
        stories = [story(failing.trace, value.value.id, axis)]
        derivation = (*start_line(failing.trace, stories), *lines(stories))
    target = say("target {target} {size}", target=line.target, size=part_size)
    changes = tuple(_changes(failing, line, part, value))
    return Diagnosis("assign.sizes", sentence, (target, *derivation), changes)


def _part(failing: Failing) -> Sizes | None:
    """The shape of what the index picks."""
    reading, operation = TABLE.find("getitem"), failing.operation
    if failing.name != "setitem":
        reading = TABLE.find("index")
    call = None if operation is None else Accounts(failing.trace).call(operation)
    account = None if reading is None or call is None else reading.account(call)
    if account is None:
        return None
    part = tuple(size for size in account.sizes[0] if isinstance(size, int))
    return part if len(part) == len(account.sizes[0]) else None


def _stretched(part: Sizes, value: Sizes) -> bool:
    """Whether the part would have to grow: it is of size 1 where more is assigned."""
    pairs = zip(reversed(part), reversed(value), strict=False)
    return any(size == 1 and new != 1 for size, new in pairs)


def _line(failing: Failing) -> _Line:
    for node, text in nodes_on(failing.failure.source, ast.Assign):
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Subscript):
            target, value = ast.unparse(node.targets[0]), ast.unparse(node.value)
            written, _, right = text.partition("] = ")
            if right:
                target, value = f"{written}]", right
            shown = value if len(value) <= _QUOTED else _ASSIGNED
            return _Line(node, text, target, shown)
    return _Line(None, "", say("the part of the tensor"), _ASSIGNED)


# ---- what may help ------------------------------------------------------------------------


def _changes(failing: Failing, line: _Line, part: Sizes, value: Operand) -> Iterator[Suggestion]:
    if line.node is None:
        return
    right = line.text.partition("] = ")[2] or ast.unparse(line.node.value)
    atomic = isinstance(line.node.value, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    right = right if atomic else f"({right})"
    other = _other_axis(failing, line, value)
    if other is not None:
        yield instead(failing, line.node, line.text, f"{other} = {right}")
    for new in (*_cut(failing, line, part, value), *_squeezed(part, value)):
        yield instead(failing, line.node, line.text, f"{line.target} = {right}{new}")
    if len(part) != value.rank:
        return
    differing = [axis for axis in range(value.rank) if _differs(part, value, axis)]
    if len(differing) == 1:
        yield from other_inputs(failing, value.value, differing[0], part[differing[0]])


def _other_axis(failing: Failing, line: _Line, value: Operand) -> str | None:
    """``outputs[:, t]`` for ``outputs[t]``, where the steps are the second axis."""
    x = failing.operand()
    target = None if line.node is None else line.node.targets[0]
    if x is None or x.rank < 2 or not isinstance(target, ast.Subscript):
        return None
    index = target.slice
    plain = isinstance(index, ast.Name | ast.Constant | ast.BinOp)
    if not plain or type(failing.argument("index")) is not int:
        return None
    second = (x.shape[0], *x.shape[2:])
    return f"{line.tensor}[:, {ast.unparse(index)}]" if second == value.shape else None


def _differs(part: Sizes, value: Operand, axis: int) -> bool:
    return value.shape[axis] not in (1, part[axis])


def _cut(failing: Failing, line: _Line, part: Sizes, value: Operand) -> Iterator[str]:
    """The cosines of sinusoidal positions: an odd width has one odd place less than even ones."""
    x, rank = failing.operand(), len(part)
    if x is None or len(value.shape) != rank:
        return
    differing = [axis for axis in range(rank) if part[axis] != value.shape[axis]]
    every_second = _steps(failing)
    if len(differing) != 1 or differing[0] not in every_second or len(x.shape) != rank:
        return
    axis = differing[0]
    if part[axis] + 1 == value.shape[axis] == (x.shape[axis] + 1) // 2:
        kept = ":, " * axis
        yield f"[{kept}: {line.tensor}.size({axis}) // 2]"


def _steps(failing: Failing) -> set[int]:
    """The axes that a slice takes every second position of, from the second on."""
    index = failing.argument("index")
    items = index if isinstance(index, tuple) else (index,)
    if "..." in items:
        items = (*(None,) * (_rank(failing) - len(items) + 1), *items[items.index("...") + 1 :])
    return {
        axis
        for axis, item in enumerate(items)
        if isinstance(item, slice) and (item.start, item.step) == (1, 2)
    }


def _rank(failing: Failing) -> int:
    x = failing.operand()
    return 0 if x is None else x.rank


def _squeezed(part: Sizes, value: Operand) -> Iterator[str]:
    """A superfluous axis of size 1."""
    for axis in reversed(range(value.rank)):
        kept = (*value.shape[:axis], *value.shape[axis + 1 :])
        if value.shape[axis] == 1 and kept == part:
            yield f".squeeze({axis})"
            return
