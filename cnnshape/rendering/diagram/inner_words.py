"""What a module does that is not opened, beyond the layers it holds: heads, windows, skips.

All of it is read off what ran. What is not known is not said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from cnnshape.analysis.accounts import Accounts
from cnnshape.rendering.diagram.attention import Attention, attentions
from cnnshape.rendering.diagram.operation_words import CONCAT
from cnnshape.rendering.diagram.skips import Skip, around, ends_with, is_dense, skips
from cnnshape.rendering.diagram.slices import parts_joined, slice_words
from cnnshape.tracing.trace import ModuleCall, Operation
from cnnshape.words import counted

_INPUT, _PROJECTED = "+ input", "+ projected input"


@dataclass
class InnerWords:
    """The phrases for the calls of one recording, each found once.

    Args:
        accounts: the table of operations, asked about the recording.
        children: the calls that each call's forward made.
    """

    accounts: Accounts
    children: dict[int, list[int]]
    _found: dict[int, tuple[str, ...]] = field(default_factory=dict[int, tuple[str, ...]])
    _dense: dict[int, bool] = field(default_factory=dict[int, bool])

    def of(self, call: int) -> tuple[str, ...]:
        """``12 heads of 64``, ``2 skips``: what is known of one call."""
        if call not in self._found:
            ran = self.accounts.trace.operations[slice(*self._call(call).operations)]
            found = attentions(self.accounts, ran)
            told = (heads_words(found), *self._skips(call), windows_words(found), self.parts(call))
            self._found[call] = tuple(filter(None, told))
        return self._found[call]

    def parts(self, call: int) -> str:
        """``every second row and column, 4 parts``, if a call itself puts space into depth."""
        return self._merging.get(call, "")

    @cached_property
    def _merging(self) -> dict[int, str]:
        found: dict[int, str] = {}
        for op in self.accounts.trace.operations:
            if slices := parts_joined(self.accounts, op):
                found.setdefault(op.call, slice_words(self.accounts, slices, op))
        return found

    def _call(self, call: int) -> ModuleCall:
        return self.accounts.trace.calls[call]

    def _calls(self, call: int) -> list[ModuleCall]:
        return [self._call(child) for child in self.children.get(call, ())]

    @cached_property
    def _every(self) -> tuple[Skip, ...]:
        return skips(self.accounts)

    # ---- skips --------------------------------------------------------------------------

    def _skips(self, call: int) -> list[str]:
        if self._is_dense(call):
            return ["each joined to all before"]
        told: list[str] = []
        dense = self._dense_below(call)
        if dense:
            told.append(counted(len(dense), "dense block"))
        found = around(self.accounts, self._every, self._call(call))
        inside = [skip for skip in found.inside if not any(_is_in(skip, one) for one in dense)]
        if inside:
            told.append(
                self._of_input(call, inside) or self._of_each(call, inside) or _number(inside)
            )
        for some, verb in ((found.leaving, "leave"), (found.entering, "enter")):
            sources = {skip.source for skip in some}
            if len(sources) > 1:  # one alone is an arrow of its own
                told.append(f"{len(sources)} skips {verb}")
        return told

    def _of_input(self, call: int, inside: Sequence[Skip]) -> str:
        """``+ input`` where that is all, and the end of it; else empty."""
        (first, *others), one = inside, self._call(call)
        given = {named.value for named in one.inputs}
        if others or first.source not in given or not ends_with(self.accounts, one, first):
            return ""
        if first.sign == CONCAT:
            return f"{CONCAT} with input"
        return _PROJECTED if first.projected else _INPUT

    def _of_each(self, call: int, inside: Sequence[Skip]) -> str:
        """What all of several modules of one class say; empty where they say different things."""
        trace, children = self.accounts.trace, self.children.get(call, [])
        types = {trace.module(self._call(child).path).type for child in children}
        own = [skip for skip in inside if not any(_is_in(skip, one) for one in self._calls(call))]
        if own or len(children) < 2 or len(types) > 1:
            return ""
        said = [" and ".join(self._skips(child)) for child in children]
        if len(set(said)) == 1 and said[0]:
            return f"each {said[0]}" if said[0].startswith("+") else f"{said[0]} each"
        if said[0] == _PROJECTED and set(said[1:]) == {_INPUT}:
            return f"each {_INPUT}, the first projected"
        return ""

    def _is_dense(self, call: int) -> bool:
        if call not in self._dense:
            self._dense[call] = is_dense(self.accounts, self._call(call), self._calls(call))
        return self._dense[call]

    def _dense_below(self, call: int) -> list[ModuleCall]:
        found, todo = list[ModuleCall](), list(self.children.get(call, ()))
        while todo:
            one = todo.pop()
            if self._is_dense(one):
                found.append(self._call(one))
            else:
                todo += self.children.get(one, ())
        return found


def _is_in(skip: Skip, call: ModuleCall) -> bool:
    start, stop = call.operations
    return start <= skip.join < stop


def _number(inside: Sequence[Skip]) -> str:
    return counted(len(inside), "skip")


# ---- attention --------------------------------------------------------------------------


def attention_words(accounts: Accounts, operations: Iterable[Operation]) -> list[str]:
    """``12 heads of 64`` and ``windows 7×7``: what is known of the attentions among operations."""
    found = attentions(accounts, operations)
    return [words for words in (heads_words(found), windows_words(found)) if words]


def heads_words(found: Sequence[Attention]) -> str:
    """What is said of the heads of all attentions that there are.

    >>> heads_words([Attention(3, 32), Attention(6, 32)]), heads_words([Attention(8, 64, 2)])
    ('3 to 6 heads of 32', '8 heads of 64, 2 for keys and values')
    >>> heads_words([Attention(8, 64), Attention()])
    ''
    """
    widths, shared = {one.width for one in found}, {one.shared for one in found}
    numbers = sorted({one.heads for one in found if one.heads is not None})
    if len(widths) != 1 or None in widths or any(one.heads is None for one in found):
        return ""
    (width,) = widths
    if len(numbers) > 1:
        return f"{numbers[0]} to {numbers[-1]} heads of {width}"
    words = f"{counted(numbers[0], 'head')} of {width}"
    (keys,) = shared if len(shared) == 1 else (None,)
    return words if keys is None else f"{words}, {keys} for keys and values"


def windows_words(found: Sequence[Attention]) -> str:
    """What is said of the windows of all attentions that there are.

    >>> one, other = (Attention(windows=(7, 7), shift=(n, n)) for n in (0, 3))
    >>> windows_words([one]), windows_words([other])
    ('windows 7×7', 'windows 7×7 shifted by 3')
    >>> windows_words([one, other, one, other])
    'windows 7×7, every second shifted by 3'
    """
    extents = {one.windows for one in found}
    if len(extents) != 1 or extents == {()}:
        return ""
    words = f"windows {'×'.join(map(str, *extents))}"
    shifts = [_shift(one.shift) for one in found]
    moved = {shift for shift in shifts if shift}
    if len(moved) != 1:
        return words
    (shift,) = moved
    if len(shifts) == shifts.count(shift):
        return f"{words} shifted by {shift}"
    alternate = len(shifts) > 1 and not any(shifts[::2]) and all(shifts[1::2])
    return f"{words}, {'every second' if alternate else 'some'} shifted by {shift}"


def _shift(shift: Sequence[int]) -> str:
    """``3`` where it is the same along every axis; empty for none."""
    if not any(shift):
        return ""
    return str(shift[0]) if len(set(shift)) == 1 else "×".join(map(str, shift))
