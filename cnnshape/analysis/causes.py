"""Which failing claims follow from another: one change, told once.

A wrong size goes on to everything behind it. Each axis that is not as expected is followed back
through the operations that made it; where the wrong axis of another claim lies on every such way,
the one claim follows from the other. A layer that widens its channels again is a cause of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cnnshape.analysis.accounts import Accounts
from cnnshape.analysis.claims import Claim
from cnnshape.analysis.report import Layer, OperationRow, Report
from cnnshape.operations.axes import AxisOf, Origin, Windowed
from cnnshape.tracing.trace import ModuleCall, Shape, Trace

#: A layer that came or went with the module that holds it did so for that.
_STRUCTURE = ("added", "removed", "renamed")


def with_causes(report: Report, claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """The claims in their order; those that follow from another have its index as ``cause``.

    >>> import cnnshape
    >>> result = cnnshape.check("lenet", expect={"S1": (1, 6, 12, 12), "C1": (1, 6, 24, 24)})
    >>> [(claim.path, claim.cause) for claim in result.claims if not claim.ok]
    [('S1', 8), ('C1', None)]
    """
    found = {
        index: cause
        for index, claim in enumerate(claims)
        if not claim.ok and (cause := _stands_for(claims, index)) is not None
    }
    found |= _stopped(claims, found) | _inside(claims, found)
    found |= _behind(report.trace, claims, found)
    return tuple(
        replace(claim, cause=_first(found, index)) if index in found else claim
        for index, claim in enumerate(claims)
    )


def _first(found: dict[int, int], index: int) -> int:
    """The cause of the cause of …; no claim follows from itself."""
    while index in found:
        index = found[index]
    return index


def _stands_for(claims: Sequence[Claim], index: int) -> int | None:
    """The first failing claim that fails for the same stated reason: a formula, say."""
    reason = claims[index].reason
    same = (i for i in range(index) if claims[i].reason == reason and not claims[i].ok)
    return next(same, None) if reason else None


def _stopped(claims: Sequence[Claim], found: dict[int, int]) -> dict[int, int]:
    """What never came about because the model raised."""
    raised = next((i for i, claim in enumerate(claims) if claim.what == "runs"), None)
    if raised is None:
        return {}
    return {
        index: raised
        for index, claim in enumerate(claims)
        if index not in found and not claim.ok and index != raised and _has_no_result(claim)
    }


def _has_no_result(claim: Claim) -> bool:
    if claim.what in ("max-params", "max-macs"):
        return claim.actual is None
    if isinstance(claim.row, Layer):
        return not (claim.row.called and claim.row.finished)
    return isinstance(claim.row, OperationRow) and not claim.row.output_shapes


def _inside(claims: Sequence[Claim], found: dict[int, int]) -> dict[int, int]:
    """Layers that came or went with the module that holds them."""
    sides = {
        (claim.path, claim.change): index
        for index, claim in enumerate(claims)
        if claim.change in _STRUCTURE and index not in found
    }
    inside: dict[int, int] = {}
    for (path, change), index in sides.items():
        parts = path.split(".")
        holders = (".".join(parts[:n]) for n in range(1, len(parts)))
        holder = next((sides[h, change] for h in holders if (h, change) in sides), None)
        if holder is not None:
            inside[index] = holder
    return inside


# ---- wrong sizes -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A failing claim, the axes that are not as it expects, and those that arrived."""

    index: int
    call: ModuleCall
    axes: tuple[AxisOf, ...]
    arrived: tuple[AxisOf, ...]
    change: str


def _behind(trace: Trace, claims: Sequence[Claim], found: dict[int, int]) -> dict[int, int]:
    """Claims whose wrong axes all come from wrong axes of others."""
    every = [
        wrong
        for index, claim in enumerate(claims)
        if index not in found and not claim.ok and (wrong := _wrong(trace, index, claim))
    ]
    by_axis: dict[AxisOf, list[_Wrong]] = {}
    for wrong in every:
        for axis in wrong.axes:
            by_axis.setdefault(axis, []).append(wrong)
    makers = {axis: _maker(trace, axis, claimed) for axis, claimed in by_axis.items()}
    ways = _Ways(Accounts(trace), makers)
    return {wrong.index: cause for wrong in every if (cause := ways.cause(wrong)) is not None}


def _maker(trace: Trace, axis: AxisOf, claimed: Sequence[_Wrong]) -> _Wrong:
    """Of several claims about one tensor that about the innermost layer in which it was made."""
    producer = trace.values[axis.tensor].producer
    return max(
        claimed,
        key=lambda wrong: (
            producer is not None and producer in range(*wrong.call.operations),
            wrong.call.index,
            -wrong.index,
        ),
    )


def _wrong(trace: Trace, index: int, claim: Claim) -> _Wrong | None:
    row = claim.row
    if claim.what not in ("shape", "snapshot") or not isinstance(row, Layer) or row.index is None:
        return None
    call = trace.calls[row.index]
    axes = tuple(
        AxisOf(output.value, axis)
        for output, expected in zip(call.outputs, _shapes(claim.expected), strict=False)
        for axis in _different(trace.shape(output.value), expected)
    )
    arrived = tuple(
        AxisOf(given.value, axis)
        for given in call.inputs
        for axis in range(len(trace.shape(given.value)))
    )
    return _Wrong(index, call, axes, arrived, claim.change)


def _shapes(expected: Any) -> tuple[Shape, ...]:
    """The expected shapes, of one output or of several."""
    several: tuple[Any, ...] = expected if isinstance(expected, tuple) else ()
    return several if several and isinstance(several[0], tuple) else (several,)


def _different(actual: Shape, expected: Shape) -> Iterable[int]:
    if len(actual) != len(expected):
        return range(len(actual))
    pairs = enumerate(zip(actual, expected, strict=True))
    return [axis for axis, (one, other) in pairs if other not in ("*", one)]


@dataclass(frozen=True)
class _Ways:
    """The ways back through the operations, with the wrong axes that lie on them."""

    accounts: Accounts
    makers: dict[AxisOf, _Wrong]

    def cause(self, wrong: _Wrong) -> int | None:
        """The claim that this one follows from; None where something of it is its own."""
        if wrong.change not in ("", "parameters"):
            return None
        causes = [self._nearest(axis, wrong) for axis in wrong.axes]
        if wrong.change == "parameters":
            # Their number follows from what arrives, but not from the size a window moves over.
            came = [self._nearest(axis, wrong) for axis in self._counting(wrong)]
            causes.append(next(filter(None, came), None))
        if not causes or None in causes:
            return None
        return min(cause.index for cause in causes if cause)

    def _nearest(self, start: AxisOf, of: _Wrong) -> _Wrong | None:
        """The nearest other claim with a wrong axis that this axis comes from."""
        wanted, seen = deque([start]), set[AxisOf]()
        while wanted:
            here = wanted.popleft()
            if here in seen:
                continue
            seen.add(here)
            other = self.makers.get(here)
            if other is not None and other is not of:
                return other
            wanted += (source for origin in self._origin(here) for source in origin.sources)
        return None

    def _origin(self, axis: AxisOf) -> tuple[Origin, ...]:
        """What is known of where an axis comes from."""
        trace = self.accounts.trace
        producer = trace.values[axis.tensor].producer
        if producer is None:
            return ()
        operation = trace.operations[producer]
        account, place = self.accounts.of(operation), operation.outputs.index(axis.tensor)
        if account is None or place >= len(account.results):
            return ()
        return account.results[place][axis.axis : axis.axis + 1]

    def _counting(self, wrong: _Wrong) -> list[AxisOf]:
        """The axes that arrived, without those that a window moves over."""
        moved = {
            source
            for output in wrong.call.outputs
            for axis in range(len(self.accounts.trace.shape(output.value)))
            for origin in self._origin(AxisOf(output.value, axis))
            if isinstance(origin, Windowed)
            for source in origin.sources
        }
        return [axis for axis in wrong.arrived if axis not in moved]
