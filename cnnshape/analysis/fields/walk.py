"""One walk along the recorded operations, carrying what every tensor depends on.

Where the axes of a result come from is read from the table of operations; here stands what each
kind of origin makes of the places of spatial axes and of the pixels behind them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from cnnshape.analysis.accounts import Accounts
from cnnshape.analysis.fields.layout import (
    Dimension,
    Piece,
    Spread,
    divided,
    joined,
    lost,
    size,
    spatial_axes,
    union,
)
from cnnshape.analysis.fields.reach import Reach, shifted
from cnnshape.analysis.fields.windows import window_of
from cnnshape.operations import Account, Entry
from cnnshape.operations.axes import (
    AxisOf,
    Broadcast,
    Chosen,
    Ended,
    Joined,
    Kept,
    Merged,
    Origin,
    Part,
    Size,
    Windowed,
    Written,
    times,
)
from cnnshape.tracing.trace import Operation

Ints = tuple[int, ...]


#: The families that leave every axis where it is. By convention a norm does not widen a field.
_IN_PLACE = ("activation", "norm")


def follow(accounts: Accounts, start: Mapping[int, Spread]) -> dict[int, Spread]:
    """What each value of a trace depends on; values that depend on no picture are missing."""
    trace = accounts.trace
    states = dict(start)
    for op in trace.operations:
        shapes = [trace.shape(value) for value in op.outputs]
        known = [tuple(n for n in shape if isinstance(n, int)) for shape in shapes]
        if shapes and known == shapes and any(value in states for value in op.inputs):
            results = _results(accounts, op, states, known)
            states |= {v: s for v, s in zip(op.outputs, results, strict=True) if s is not None}
    return states


def _results(
    accounts: Accounts, op: Operation, states: Mapping[int, Spread], shapes: Sequence[Ints]
) -> Sequence[Spread | None]:
    entry = accounts.entry(op)
    arriving = {value: states[value] for value in op.inputs if value in states}
    if entry is not None and entry.family in _IN_PLACE and len(arriving) == 1 == len(shapes):
        ((value, state),) = arriving.items()
        if value == op.inputs[0] and accounts.trace.shape(value) == shapes[0]:
            return (state,)
    account = accounts.of(op)
    if entry is None or account is None or entry.everywhere or not account.results:
        seen = union(tuple(arriving.values()), ())
        if entry is not None and entry.everywhere:
            seen = seen.all_marked("global")
        return [lost(seen, shape) for shape in shapes]
    values = accounts.trace.values
    indices = frozenset(value for value in arriving if "int" in values[value].dtype)
    if len(shapes) == 1 and not indices:
        usual = _usual(entry, account, arriving, shapes[0])
        if usual is not None:
            return (usual,)
    told = [
        _Result(entry, account, place, arriving, indices).spread(shape)
        for place, shape in enumerate(shapes[: len(account.results)])
    ]
    # What shares its memory with the first result is placed like it, or stays as it was.
    for value, shape in list(zip(op.outputs, shapes, strict=True))[len(told) :]:
        before = values[value].alias_of
        was = None if before is None else states.get(before)
        told.append(was if told[0] is None else _base(told[0], shape))
    return told


def _base(state: Spread, shape: Ints) -> Spread:
    """A tensor that shares its memory with a view, if the view's axes fill its last ones."""
    added = len(shape) - len(state.dims)
    sizes = tuple(size(pieces) for pieces in state.dims)
    if added >= 0 and shape[added:] == sizes:
        return replace(state, dims=(*((Piece(n),) for n in shape[:added]), *state.dims))
    return lost(state, shape)


def _stays(entry: Entry, account: Account, place: int, tensor: int) -> bool:
    """Whether every axis of a tensor is where it was, as behind an activation or a norm."""
    return not _ended(entry, account, place) and all(
        isinstance(origin, Kept) and origin.source == (tensor, dim)
        for dim, origin in enumerate(account.results[place])
    )


def _usual(
    entry: Entry, account: Account, arriving: Mapping[int, Spread], shape: Ints
) -> Spread | None:
    """What nearly every operation does, known at once; :class:`_Result` would say the same."""
    if len(arriving) == 1:
        ((value, state),) = arriving.items()
        if len(account.results[0]) == len(shape) and _stays(entry, account, 0, value):
            return state
        slid = _only_slid(account, value, state, shape)
        if slid is not None:
            return slid
    return _only_laid_over(account, arriving, shape)


def _only_slid(account: Account, tensor: int, state: Spread, shape: Ints) -> Spread | None:
    """The result of windows along whole axes that stay in their places; None of anything else.

    This is what nearly every convolution and pooling does; :class:`_Result` says the same of it,
    and takes ten times as long.
    """
    origins, dims, axes = account.results[0], list(state.dims), list(state.axes)
    if not len(origins) == len(dims) == len(shape):
        return None
    summed = [axis for end in account.ended for axis in end.axes if axis.tensor == tensor]
    if any(end.how != "contracted" for end in account.ended) or any(
        spatial_axes(dims[axis.axis]) for axis in summed
    ):
        return None
    slid = False
    for dim, (origin, n) in enumerate(zip(origins, shape, strict=True)):
        piece = dims[dim][0]
        if isinstance(origin, Written) and not spatial_axes(dims[dim]):
            dims[dim] = (Piece(n),)
        elif not isinstance(origin, Kept | Windowed) or origin.source != (tensor, dim):
            return None
        elif isinstance(origin, Windowed):
            whole = len(dims[dim]) == 1 == piece.step and origin.rule in _WHOLE_WINDOWS
            if not whole or piece.axis is None or len(state.homes(piece.axis)) > 1:
                return None
            reach, window = axes[piece.axis], window_of(origin, piece.size, n, inside=False)
            if window is None:
                return None
            if not isinstance(reach, str):
                axes[piece.axis] = reach.through(window, n) or "unknown"
            dims[dim], slid = (Piece(n, piece.axis),), True
    return Spread(tuple(dims), tuple(axes)) if slid else None


#: The rules whose windows are the same whatever stands at the border.
_WHOLE_WINDOWS = frozenset(("conv", "conv_transpose", "max_pool", "avg_pool", "lp_pool"))


def _only_laid_over(account: Account, arriving: Mapping[int, Spread], shape: Ints) -> Spread | None:
    """Tensors that hold the picture alike, laid over each other or joined; None of anything else.

    This is what skip connections and concatenated channels do; :class:`_Result` says the same.
    """
    origins, (first, *others) = account.results[0], arriving.values()
    if account.ended or not all(
        len(s.dims) == len(origins) == len(shape) for s in arriving.values()
    ):
        return None
    dims: list[Dimension] = []
    for dim, (origin, n) in enumerate(zip(origins, shape, strict=True)):
        pieces = first.dims[dim]
        if not isinstance(origin, Kept | Broadcast | Joined) or any(
            AxisOf(value, dim) not in origin.sources for value in arriving
        ):
            return None
        if any(piece.axis is not None for state in arriving.values() for piece in state.dims[dim]):
            alike = all(state.dims[dim] == pieces for state in others)
            if isinstance(origin, Joined) or not alike or size(pieces) != n:
                return None
            dims.append(pieces)
        else:
            dims.append((Piece(n),))
    return union((first, *others), tuple(dims))


def _ended(entry: Entry, account: Account, place: int) -> tuple[Ended, ...]:
    """What became of axes on the way to one result."""
    return tuple(
        end
        for end in account.ended
        if end.result in (None, place)
        # By convention a norm does not widen a field.
        and not (end.how == "mixed" and entry.family == "norm")
    )


class _Result:
    """One result of an operation, put together from the tensors that it is made of.

    Args:
        entry, account: what the table says of the operation and of this call.
        place: which of its results.
        arriving: the tensors that depend on the picture, by value.
        indices: those of them that hold whole numbers; where the account tells nothing of one,
            it only says where the numbers of others go.
    """

    def __init__(
        self,
        entry: Entry,
        account: Account,
        place: int,
        arriving: Mapping[int, Spread],
        indices: frozenset[int],
    ) -> None:
        self._entry = entry
        self._origins = account.results[place]
        self._stay = partial(_stays, entry, account, place)
        self._ended = _ended(entry, account, place)
        aside = {axis.tensor for end in self._ended for axis in end.axes if end.how == "unread"}
        if indices:
            aside |= indices - {source.tensor for source in self._told()}
        self._states = {tensor: s for tensor, s in arriving.items() if tensor not in aside}
        self._unknown: set[int] = set()
        self._everywhere: set[int] = set()

    def spread(self, shape: Ints) -> Spread | None:
        """What the result depends on; None if on no picture."""
        if not self._states:
            return None
        if len(self._origins) != len(shape):
            return lost(union(tuple(self._states.values()), ()), shape)
        tensor, *others = self._states
        if not others and self._stay(tensor):
            return self._states[tensor]
        for tensor in self._states:
            self._end_axes(tensor)
        for origin, n in zip(self._origins, shape, strict=True):
            self._slide(origin, n)
        self._lose_what_is_not_told()
        dims = tuple(
            self._dimension(origin, n) for origin, n in zip(self._origins, shape, strict=True)
        )
        present = tuple(self._states.values())
        result = union(present, dims)
        met = {axis for axis in range(len(result.axes)) if _meets_all(axis, result, present)}
        result = result.marked(self._everywhere | met, "global").marked(self._unknown, "unknown")
        return self._settled(result)

    def _told(self) -> set[AxisOf]:
        """The axes of the tensors that the account tells something of."""
        told = {source for origin in self._origins for source in origin.sources}
        return told.union(*(end.axes for end in self._ended))

    # ---- axes that end ------------------------------------------------------------------

    def _end_axes(self, tensor: int) -> None:
        """Some axes of a tensor are summed, or left at one position, or all positions mixed."""
        state = self._states[tensor]
        gone: list[int] = []
        for end in self._ended:
            dims = [axis.axis for axis in end.axes if axis.tensor == tensor]
            if end.how == "picked":
                for dim in dims:
                    state = self._picked(state, dim, end.position)
            elif end.how == "mixed":
                seen = {p.axis for d in dims for p in state.dims[d] if p.axis is not None}
                self._everywhere |= {axis for axis in seen if state.count(axis) > 1}
            elif end.how == "reduced" and self._entry.family == "resizing":
                # Windows laid back and added up: each position holds some of them, not all.
                self._unknown.update(*(spatial_axes(state.dims[dim]) for dim in dims))
            elif end.how in ("reduced", "contracted"):
                gone += dims
                if self._is_linear(end, tensor):
                    state = _flattened_into(state, dims)
        ended = state.contracted(gone) if gone else state
        for dim in gone:
            if any(AxisOf(tensor, dim) in origin.sources for origin in self._origins):
                ended = ended.with_dim(dim, state.dims[dim])  # as in x @ x
        self._states[tensor] = ended

    def _picked(self, state: Spread, dim: int, position: int | None) -> Spread:
        count = size(state.dims[dim])
        straight = state.straightened(dim, None)
        if count == 1:
            return state
        if straight is None or position is None:
            self._unknown |= spatial_axes(state.dims[dim])
            return state.with_dim(dim, (Piece(1),))
        return straight.slid(dim, shifted(position % count), 1)

    def _is_linear(self, end: Ended, tensor: int) -> bool:
        """Whether features are summed against weights, at every position alike."""
        others = {axis.tensor for axis in end.axes} - {tensor}
        return (
            end.how == "contracted"
            and bool(others)
            and others.isdisjoint(self._states)
            and not any(isinstance(origin, Windowed) for origin in self._origins)
        )

    # ---- windows ------------------------------------------------------------------------

    def _slide(self, origin: Origin, after: Size) -> None:
        """Move windows over the tensors, before their dimensions are looked at."""
        if isinstance(origin, Merged):
            for part in origin.parts:
                self._slide(part, part.size)
        elif isinstance(origin, Windowed) and isinstance(after, int):
            state = self._states.get(origin.source.tensor)
            if state is not None:
                self._states[origin.source.tensor] = self._behind(state, origin, after)

    def _behind(self, state: Spread, origin: Windowed, after: int) -> Spread:
        """A tensor with one dimension behind a window."""
        dim = origin.source.axis
        pieces = state.dims[dim]
        before = size(pieces)
        if origin.rule == "slice" and after == before:
            return state
        straight = state.straightened(dim, self._channel(origin))
        inside = straight is not None and _has_borders(straight, dim)
        window = window_of(origin, before, after, inside=inside)
        if straight is None or window is None:
            self._unknown |= spatial_axes(pieces)
            return state.with_dim(dim, (Piece(after),))
        if origin.rule == "adaptive_pool" and after == 1 < before:  # the whole of any picture
            return straight.marked(spatial_axes(pieces), "global").slid(dim, window, after)
        return straight.slid(dim, window, after)

    def _channel(self, origin: Windowed) -> int | None:
        """The dimension beside the windows, all of which a unit is said to have."""
        if origin.rule in ("slice", "pad"):
            return None
        tensor = origin.source.tensor
        windowed = (o.source for o in self._origins if isinstance(o, Windowed))
        first = min((s.axis for s in windowed if s.tensor == tensor), default=0)
        return first - 1 if first > 0 else None

    # ---- dimensions ---------------------------------------------------------------------

    def _lose_what_is_not_told(self) -> None:
        """Axes of which the account does not tell all are in the result, who knows where."""
        told = self._told()
        parts = [part for origin in self._origins for part in _parts_of(origin)]
        for tensor, state in self._states.items():
            for dim, pieces in enumerate(state.dims):
                axes, source = spatial_axes(pieces), AxisOf(tensor, dim)
                if axes:
                    split = [part.size for part in parts if part.source == source]
                    if source not in told or (split and times(split) != size(pieces)):
                        self._unknown |= axes

    def _dimension(self, origin: Origin, n: int) -> Dimension:
        """What an axis of the result holds; nothing spatial where that cannot be followed."""
        pieces = self._held(origin, n)
        if pieces is not None and size(pieces) == n:
            return pieces
        self._unknown |= self._axes_behind(origin)
        return (Piece(n),)

    def _held(self, origin: Origin, n: Size) -> Dimension | None:
        """What an axis of the result holds by its origin; None where that cannot be followed."""
        if not isinstance(n, int):
            return None
        if isinstance(origin, Kept | Windowed):
            return self._pieces(origin.source, n)
        if isinstance(origin, Part):
            return self._part(origin, n)
        if isinstance(origin, Merged):
            return self._merged(origin)
        if isinstance(origin, Broadcast):
            return self._laid_over(origin, n)
        if isinstance(origin, Chosen) and origin.by is None:
            self._unknown |= self._axes_behind(origin)
            return self._pieces(origin.source, n)
        return None if origin.sources else (Piece(n),)

    def _axes_behind(self, origin: Origin) -> set[int]:
        """The spatial axes of which the axes that an origin names hold something."""
        return {axis for s in origin.sources for axis in spatial_axes(self._pieces(s, 1))}

    def _pieces(self, source: AxisOf, n: int) -> Dimension:
        """What an axis of an input holds; ``n`` positions where it depends on no picture."""
        state = self._states.get(source.tensor)
        return (Piece(n),) if state is None else state.dims[source.axis]

    def _part(self, part: Part, n: int) -> Dimension | None:
        if part.source.tensor not in self._states:
            return (Piece(n),)
        pieces = self._pieces(part.source, n)
        if not isinstance(part.inner, int) or size(pieces) % (n * part.inner):
            return None
        split = divided(pieces, (size(pieces) // (n * part.inner), n, part.inner))
        return None if split is None else split[1]

    def _merged(self, origin: Merged) -> Dimension | None:
        held = [self._held(part, part.size) for part in origin.parts]
        if isinstance(origin.parts[0], Written) and origin.parts[0].size != 1:
            self._everywhere |= self._axes_behind(origin)  # the whole axis again and again
            return None
        if any(pieces is None for pieces in held):
            return None
        return joined(piece for pieces in held for piece in pieces or ())

    def _laid_over(self, origin: Broadcast, n: int) -> Dimension:
        """Axes of several tensors position by position, or one position for all of the others'."""
        chosen: Dimension | None = None
        for source in origin.sources:
            pieces = self._pieces(source, n)
            axes = spatial_axes(pieces)
            if size(pieces) == 1 != n:
                self._everywhere |= axes
            elif axes and chosen is None and size(pieces) == n:
                chosen = pieces
            elif axes and pieces != chosen:
                self._unknown |= axes | spatial_axes(chosen or ())
        return chosen or (Piece(n),)

    def _settled(self, result: Spread) -> Spread:
        """New positions of the picture as an axis of their own, where an operation made them.

        Those of an operation that only moves axes may yet be taken apart again.
        """
        for dim, origin in enumerate(self._origins):
            resized = self._entry.family in ("resizing", "shuffling")
            made = resized and isinstance(origin, Merged | Part)
            if made or _repeats(origin):
                others = [d for axis in spatial_axes(result.dims[dim]) for d in result.homes(axis)]
                others = [d for d in others if d != dim]
                channel = others[0] if others else None
                result = result.straightened(dim, channel) or result
        return result


def _parts_of(origin: Origin) -> Iterator[Part]:
    if isinstance(origin, Part):
        yield origin
    elif isinstance(origin, Merged):
        for inner in origin.parts:
            yield from _parts_of(inner)


def _repeats(origin: Origin) -> bool:
    """Whether every position stands several times in a row."""
    return isinstance(origin, Merged) and isinstance(origin.parts[-1], Written)


def _flattened_into(state: Spread, dims: Sequence[int]) -> Spread:
    """A linear layer over flattened space is global, also where one position was left of it."""
    flat = (
        axis
        for axis, reach in enumerate(state.axes)
        if reach != "unknown" and all(home in dims for home in state.homes(axis))
    )
    return state.marked(flat, "global")


def _has_borders(state: Spread, dim: int) -> bool:
    """Whether only the positions of the picture count along a straight dimension."""
    axis = state.dims[dim][0].axis
    reach = None if axis is None else state.axes[axis]
    return isinstance(reach, Reach) and reach.length is not None


def _meets_all(axis: int, result: Spread, present: Sequence[Spread]) -> bool:
    """Whether one tensor's positions along ``axis`` meet all of another's."""
    count = result.count(axis)
    if count > max(state.count(axis) for state in present):
        return True  # rows against columns: a unit for every pair
    return count > 1 and any(
        isinstance(state.axes[axis], Reach) and not state.homes(axis) for state in present
    )
