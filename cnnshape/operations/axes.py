"""Where each axis of an operation's result comes from: the vocabulary of the table.

An :class:`Account` says it for one call: an :data:`Origin` per axis of every result, what became
of the axes that ended, and which sizes had to agree. Sizes are numbers, or expressions in the
letters of an input; None where they are not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias, Union, overload

from cnnshape.formulas.algebra import Whole

#: A size: a number, an expression in letters, or None where it is not known.
Size: TypeAlias = "Whole | None"


class AxisOf(NamedTuple):
    """Axis ``axis`` of the tensor ``tensor``: a number that whoever asks has given it."""

    tensor: int
    axis: int


@dataclass(frozen=True, slots=True)
class Kept:
    """The axis of an input, position by position."""

    source: AxisOf
    size: Size

    @property
    def sources(self) -> tuple[AxisOf, ...]:
        """The axes of the inputs that it comes from."""
        return (self.source,)


@dataclass(frozen=True, slots=True)
class Part:
    """One factor of an axis that was split: position ``p`` is ``(index // inner) % size``."""

    source: AxisOf
    size: Size
    inner: Size

    @property
    def sources(self) -> tuple[AxisOf, ...]:
        """The axis that was split."""
        return (self.source,)


@dataclass(frozen=True, slots=True)
class Windowed:
    """Positions of a window that moves over the axis, counted by a size rule.

    ``rule`` is a kind of :mod:`cnnshape.formulas`, or ``slice``; ``arguments`` are those of this
    axis alone (``kernel_size``, ``stride``, …; for a slice ``start`` and ``step``). ``details``
    do not change how many positions there are, but where the window stands (an interpolation's
    ``mode``).
    """

    source: AxisOf
    size: Size
    rule: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def sources(self) -> tuple[AxisOf, ...]:
        """The axis that the window moves over."""
        return (self.source,)


@dataclass(frozen=True, slots=True)
class Written:
    """A size that the call or the operation says: features, a new axis, ``zeros(3)``."""

    size: Size

    @property
    def sources(self) -> tuple[AxisOf, ...]:
        """None: it comes from no axis."""
        return ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """Positions of an axis picked by an index, as many and in such an order as ``by`` says.

    ``by`` is the axis of the index tensor; None where the operation itself picks (a flip, a
    roll, a sort).
    """

    source: AxisOf
    size: Size
    by: AxisOf | None = None

    @property
    def sources(self) -> tuple[AxisOf, ...]:
        """The axis that is picked from, and that of the index."""
        return (self.source,) if self.by is None else (self.source, self.by)


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Axes of several inputs (or one of size 1) laid over each other; the size is the larger."""

    sources: tuple[AxisOf, ...]
    size: Size


@dataclass(frozen=True, slots=True)
class Joined:
    """Axes one after another; the size is their sum."""

    sources: tuple[AxisOf, ...]
    size: Size


@dataclass(frozen=True, slots=True)
class Merged:
    """Several origins in one axis, row-major, the outermost first; the size is their product."""

    parts: tuple[Origin, ...]
    size: Size

    @property
    def sources(self) -> tuple[AxisOf, ...]:
        """The axes of all its parts."""
        return tuple(source for part in self.parts for source in part.sources)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Not told: the recording alone says how large it is."""

    size: Size = None

    @property
    def sources(self) -> tuple[AxisOf, ...]:
        """None that are known."""
        return ()


Origin: TypeAlias = Union[  # noqa: UP007 - it names itself
    Kept, Part, Windowed, Written, Chosen, Broadcast, Joined, Merged, Unknown
]


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of axes that are in no result, or whose positions are in all of it.

    * ``reduced``: a mean, a maximum, a squeezed axis of size 1;
    * ``contracted``: summed against each other, as in a matrix product;
    * ``picked``: one position was taken (``position``, where it is a number);
    * ``mixed``: the axis goes on, but each position has seen all of them (softmax, cumsum);
    * ``unread``: only its size was asked for, none of its numbers (zeros_like, expand_as).

    ``result`` is the one result of which this is said; None where it holds for all of them.
    """

    axes: tuple[AxisOf, ...]
    how: Literal["reduced", "contracted", "picked", "mixed", "unread"]
    size: Size = None
    position: int | None = None
    result: int | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """``left relation right``: what the operation needs of the sizes that arrive.

    ``name`` is what the right side is called where the sizes are explained (``in_features``);
    ``left_axis`` and ``right_axis`` are where the two sides stand, if they stand on an axis.
    ``of_values``: it follows from what numbers in a tensor or a list are, so that a pass without
    values goes well without it.
    """

    left: Size
    relation: Literal["==", ">="]
    right: Size
    name: str = ""
    left_axis: AxisOf | None = None
    right_axis: AxisOf | None = None
    of_values: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """What one call did to the axes of its inputs."""

    results: tuple[tuple[Origin, ...], ...]
    ended: tuple[Ended, ...] = ()
    needs: tuple[Need, ...] = ()

    @property
    def sizes(self) -> tuple[tuple[Size, ...], ...]:
        """The shape of every result."""
        return tuple(tuple(origin.size for origin in result) for result in self.results)

    @property
    def products(self) -> Size:
        """How many products make the first result, each number a sum over what was contracted."""
        summed = (end.size for end in self.ended if end.how == "contracted")
        return times((*self.sizes[0], *summed))

    @property
    def rearranges(self) -> bool:
        """Whether every number of the input is still there, in another place or axis."""
        return not any(end.how != "reduced" or end.size != 1 for end in self.ended) and all(
            moves(origin) for result in self.results for origin in result
        )


def moves(origin: Origin) -> bool:
    """Whether an axis only holds positions of others, each once, or is a new one of size 1.

    >>> moves(Kept(AxisOf(0, 1), 28)), moves(Joined((AxisOf(0, 1),), 28))
    (True, False)
    >>> moves(Written(1)), moves(Written(0))
    (True, False)
    """
    if isinstance(origin, Merged):
        return all(moves(part) for part in origin.parts)
    if isinstance(origin, Chosen):
        return origin.by is None
    return isinstance(origin, Kept | Part) or (isinstance(origin, Written) and origin.size == 1)


@overload
def times(sizes: Iterable[int]) -> int: ...
@overload
def times(sizes: Iterable[int | None]) -> int | None: ...
@overload
def times(sizes: Iterable[Size]) -> Size: ...
def times(sizes: Iterable[Size]) -> Size:
    """The product; None if a factor is unknown.

    >>> times((16, 5, 5)), times((16, None))
    (400, None)
    """
    result: Whole = 1
    for size in sizes:
        if size is None:
            return None
        result = result * size
    return result


@overload
def total(sizes: Iterable[int | None]) -> int | None: ...
@overload
def total(sizes: Iterable[Size]) -> Size: ...
def total(sizes: Iterable[Size]) -> Size:
    """The sum; None if a part is unknown.

    >>> total((3, 4)), total((3, None))
    (7, None)
    """
    result: Whole = 0
    for size in sizes:
        if size is None:
            return None
        result = result + size
    return result


def over(size: Size, divisor: Size) -> Size:
    """``size // divisor``; None if one is unknown.

    >>> over(400, 16), over(400, None), over(None, 16)
    (25, None, None)
    """
    return None if size is None or divisor is None else size // divisor


def merged(parts: Sequence[Origin]) -> Origin:
    """Several origins in one axis; a single one is itself, none at all is a new axis of size 1.

    >>> merged((Kept(AxisOf(0, 1), 16), Kept(AxisOf(0, 2), 25))).size
    400
    """
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Written(1)
    return Merged(tuple(parts), times(part.size for part in parts))
