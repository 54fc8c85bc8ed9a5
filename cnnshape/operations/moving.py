"""Operations that move, merge and split axes, and keep every number.

Source: https://pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops and
https://pytorch.org/docs/stable/tensor_view.html.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from cnnshape.operations.axes import (
    Account,
    AxisOf,
    Broadcast,
    Chosen,
    Ended,
    Kept,
    Merged,
    Need,
    Origin,
    Part,
    Size,
    Unknown,
    Written,
    merged,
    over,
    times,
)
from cnnshape.operations.call import Call, Operand, Unfit, unread
from cnnshape.operations.table import Table

MOVING = Table()


# ---- other axes over the same numbers -----------------------------------------------------


@MOVING.add("view reshape unsafe_view", "moving", "input *size|shape|dtype",
            source="torch.Tensor.view")  # fmt: skip
def view(call: Call) -> Account:
    """The numbers in row-major order under other axes; -1 is what is left."""
    x = call.tensor()
    return regrouped(x, *filled(x.sizes, x.shape, call.sizes("size"), call.counts("size")))


@MOVING.add("view_as reshape_as", "moving", "input other", source="torch.Tensor.view_as")
def view_as(call: Call) -> Account:
    """The axes of another tensor."""
    x, other = call.tensor(), call.tensor("other")
    account = regrouped(x, other.sizes, other.shape, (_same_total(x.sizes, times(other.sizes)),))
    return replace(account, ended=account.ended + unread(other))


def _flatten_rule(call: Call) -> tuple[str, dict[str, Any]]:
    return "flatten", {"start_dim": call["start_dim"], "end_dim": call["end_dim"]}


@MOVING.add("flatten", "moving", "input start_dim=0 end_dim=-1", rule=_flatten_rule)
def flatten(call: Call) -> Account:
    """Axes ``start_dim`` to ``end_dim`` as one."""
    x = call.tensor()
    if not x.rank:
        return Account(((Written(1),),))
    start, end = call.axis("start_dim", x.rank), call.axis("end_dim", x.rank)
    one = merged(x.all_kept(start, end + 1))
    return Account(((*x.all_kept(0, start), one, *x.all_kept(end + 1)),))


@MOVING.add("ravel", "moving", "input")
def ravel(call: Call) -> Account:
    """All axes as one."""
    return Account(((merged(call.tensor().all_kept()),),))


def _unflatten_rule(call: Call) -> tuple[str, dict[str, Any]]:
    return "unflatten", {"dim": call["dim"], "unflattened_size": call["sizes"]}


@MOVING.add("unflatten", "moving", "input dim sizes", rule=_unflatten_rule)
def unflatten(call: Call) -> Account:
    """One axis as several; -1 is what is left."""
    x = call.tensor()
    axis = call.axis("dim", x.rank)
    n, number = (x.sizes[axis],), (x.shape[axis],)
    alone = replace(x, sizes=n, shape=number)
    inner = regrouped(alone, *filled(n, number, call.sizes("sizes"), call.counts("sizes")))
    split = tuple(_at_axis(origin, axis) for origin in inner.results[0])
    needs = tuple(replace(need, left_axis=x.axis(axis)) for need in inner.needs)
    return Account(((*x.all_kept(0, axis), *split, *x.all_kept(axis + 1)),), needs=needs)


def _at_axis(origin: Origin, axis: int) -> Origin:
    """An origin found in a tensor of that axis alone, in the whole tensor."""
    if isinstance(origin, Kept | Part):
        return replace(origin, source=AxisOf(origin.source.tensor, axis))
    return origin


def filled(
    given: Sequence[Size], shape: Sequence[int], sizes: Sequence[Size], numbers: Sequence[int]
) -> tuple[tuple[Size, ...], tuple[int, ...], tuple[Need, ...]]:
    """The sizes that a view asks for, with -1 as what is left, in letters and in numbers.

    >>> filled((2, 16, 5, 5), (2, 16, 5, 5), (2, -1), (2, -1))[1]
    (2, 400)
    """
    rest = [place for place, n in enumerate(numbers) if n == -1]
    whole, fixed = times(given), times(n for p, n in enumerate(sizes) if p not in rest)
    if not rest:
        return tuple(sizes), tuple(numbers), (_same_total(given, fixed),)
    left = prod(shape) // (prod(n for n in numbers if n != -1) or 1)
    size = over(whole, fixed)
    need = Need(whole, "==", times((size, fixed)), "elements")
    return (
        tuple(size if place in rest else n for place, n in enumerate(sizes)),
        tuple(left if n == -1 else n for n in numbers),
        (need,),
    )


def _same_total(given: Sequence[Size], wanted: Size) -> Need:
    return Need(times(given), "==", wanted, "elements")


# ---- which axis went where ----------------------------------------------------------------


def regrouped(
    x: Operand, sizes: Sequence[Size], numbers: Sequence[int], needs: tuple[Need, ...] = ()
) -> Account:
    """The account of ``x`` under axes of these sizes, row-major.

    Both shapes are gone through from the left. A result's axis is a part of an axis, the axis
    itself, or several merged; where sizes neither divide each other (6 × 4 → 8 × 3), and where
    there are no numbers at all, nothing is told until the products agree again. An axis of size
    1 is kept where one stands in the same place, merged where it follows what is merged, and
    otherwise belongs to nobody.
    """
    if 0 in x.shape or 0 in numbers:
        return Account((tuple(Unknown(size) for size in sizes),), needs=needs)
    left = deque(
        _Piece(x.axis(axis), number, size, 1, whole=True)
        for axis, (number, size) in enumerate(zip(x.shape, x.sizes, strict=True))
    )
    origins: list[Origin] = []
    while len(origins) < len(numbers):
        at = len(origins)
        next_is_one = at + 1 < len(numbers) and numbers[at + 1] == 1
        held = _taken(left, numbers[at], sizes[at], next_is_one=next_is_one)
        if held is None:
            stop = _next_agreement(left, numbers, at)
            origins += [Unknown(size) for size in sizes[at:stop]]
        else:
            origins.append(_sized(held, sizes[at]))
    used = {source for origin in origins for source in origin.sources}
    gone = tuple(x.axis(a) for a, n in enumerate(x.shape) if n == 1 and x.axis(a) not in used)
    ended = tuple(Ended((axis,), "reduced", 1) for axis in gone)
    return Account((tuple(origins),), ended, needs)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is left of one axis: ``number`` positions, ``inner`` apart."""

    source: AxisOf
    number: int
    size: Size
    inner: Size
    whole: bool = False

    @property
    def origin(self) -> Origin:
        if self.whole:
            return Kept(self.source, self.size)
        return Part(self.source, self.size, self.inner)

    def split(self, number: int, size: Size) -> tuple[_Piece, _Piece]:
        """The outer ``number`` positions, and what lies within each of them."""
        within = over(self.size, size)
        apart = times((self.inner, within))
        return (
            _Piece(self.source, number, size, apart),
            _Piece(self.source, self.number // number, within, self.inner),
        )


def _taken(
    left: deque[_Piece], wanted: int, size: Size, *, next_is_one: bool
) -> list[_Piece] | None:
    """The pieces that one result's axis holds, taken off; None where they do not divide."""
    held: list[_Piece] = []
    if wanted == 1:
        if left and left[0].whole and left[0].number == 1:
            held.append(left.popleft())
        return held
    while wanted > 1 and left:
        piece = left.popleft()
        if wanted % piece.number == 0:
            if piece.number > 1 or held:
                held.append(piece)
            wanted, size = wanted // piece.number, over(size, piece.size)
        elif piece.number % wanted == 0:
            outer, within = piece.split(wanted, size)
            held.append(outer)
            left.appendleft(within)
            wanted = 1
        else:
            left.appendleft(piece)
            break
    if wanted > 1:
        left.extendleft(reversed(held))
        return None
    while left and left[0].number == 1 and left[0].whole and not next_is_one:
        held.append(left.popleft())
    return held


def _next_agreement(left: deque[_Piece], numbers: Sequence[int], at: int) -> int:
    """Where the products of both sides are equal again; what lies before is taken off."""
    before, after, stop = 1, numbers[at], at + 1
    while before != after and (left if before < after else stop < len(numbers)):
        if before < after:
            before *= left.popleft().number
        else:
            after *= numbers[stop]
            stop += 1
    return stop if before == after else len(numbers)


def _sized(held: list[_Piece], size: Size) -> Origin:
    if not held:
        return Written(size)
    if len(held) == 1:
        return replace(held[0].origin, size=size)
    return Merged(tuple(piece.origin for piece in held), size)


# ---- axes in another order ----------------------------------------------------------------


@MOVING.add("permute", "moving", "input *dims")
def permute(call: Call) -> Account:
    """The axes in another order."""
    x = call.tensor()
    order = call.axes("dims", x.rank)
    if sorted(order) != list(range(x.rank)):
        raise Unfit("not a permutation")
    return ordered(x, order)


def ordered(x: Operand, order: Sequence[int]) -> Account:
    """The axes of ``x`` in an order."""
    return Account((tuple(x.kept(axis) for axis in order),))


@MOVING.add("transpose swapaxes swapdims", "moving", "input dim0|axis0 dim1|axis1")
def transpose(call: Call) -> Account:
    """Two axes exchanged."""
    x = call.tensor()
    return exchanged(x, call.axis("dim0", x.rank), call.axis("dim1", x.rank))


def exchanged(x: Operand, one: int, other: int) -> Account:
    """Two axes of ``x`` exchanged."""
    order = list(range(x.rank))
    order[one], order[other] = order[other], order[one]
    return ordered(x, order)


@MOVING.add("t mT mH adjoint matrix_H", "moving", "input", source="torch.t")
def transposed(call: Call) -> Account:
    """The last two axes exchanged; a vector stays one."""
    x = call.tensor()
    return exchanged(x, -2, -1) if x.rank > 1 else Account((x.all_kept(),))


@MOVING.add("T H numpy_T", "moving", "input", source="torch.Tensor.T")
def reversed_axes(call: Call) -> Account:
    """All axes in reverse order."""
    x = call.tensor()
    return ordered(x, range(x.rank - 1, -1, -1))


@MOVING.add("movedim moveaxis", "moving", "input source destination")
def movedim(call: Call) -> Account:
    """Some axes moved to other places, the others in their order."""
    x = call.tensor()
    sources, targets = call.axes("source", x.rank), call.axes("destination", x.rank)
    moved = dict(zip(targets, sources, strict=True))
    others = iter(axis for axis in range(x.rank) if axis not in sources)
    return ordered(x, [moved[d] if d in moved else next(others) for d in range(x.rank)])


# ---- axes of size 1 -----------------------------------------------------------------------


@MOVING.add("squeeze", "moving", "input dim=None")
def squeeze(call: Call) -> Account:
    """Axes of size 1 left out: those that are named, or all; of none that are named, none."""
    x = call.tensor()
    chosen = range(x.rank) if call["dim"] is None else call.axes("dim", x.rank)
    gone = [axis for axis in chosen if x.shape[axis] == 1]
    ended = tuple(Ended((x.axis(axis),), "reduced", 1) for axis in gone)
    needs = tuple(Need(x.sizes[a], "==", 1, "", x.axis(a)) for a in gone)
    return Account((tuple(x.kept(a) for a in range(x.rank) if a not in gone),), ended, needs)


@MOVING.add("unsqueeze", "moving", "input dim")
def unsqueeze(call: Call) -> Account:
    """An axis of size 1 put in."""
    x = call.tensor()
    at = call.axis("dim", x.rank + 1)
    return Account(((*x.all_kept(0, at), Written(1), *x.all_kept(at)),))


# ---- positions repeated -------------------------------------------------------------------


@MOVING.add("expand broadcast_to", "moving", "input *size|shape",
            source="torch.Tensor.expand")  # fmt: skip
def expand(call: Call) -> Account:
    """Axes of size 1 seen as longer ones, and new axes before them; -1 keeps a size."""
    x = call.tensor()
    sizes, numbers = call.sizes("size"), call.counts("size")
    return expanded(x, sizes, numbers)


@MOVING.add("expand_as", "moving", "input other", source="torch.Tensor.expand_as")
def expand_as(call: Call) -> Account:
    """Expanded to the shape of another tensor."""
    other = call.tensor("other")
    account = expanded(call.tensor(), other.sizes, other.shape)
    return replace(account, ended=unread(other))


def expanded(x: Operand, sizes: Sequence[Size], numbers: Sequence[int]) -> Account:
    """``x`` under a shape in which some axes of size 1 are longer."""
    added = len(numbers) - x.rank
    if added < 0:
        raise Unfit("fewer axes than the tensor has")
    origins: list[Origin] = [Written(size) for size in sizes[:added]]
    needs: list[Need] = []
    for axis in range(x.rank):
        size, number = sizes[added + axis], numbers[added + axis]
        if number in (-1, x.shape[axis]):
            origins.append(x.kept(axis))
            if number != -1:
                needs.append(Need(x.sizes[axis], "==", size, "", x.axis(axis)))
        else:
            origins.append(Broadcast((x.axis(axis),), size))
    return Account((tuple(origins),), needs=tuple(needs))


@MOVING.add("repeat tile", "moving", "input *repeats|dims", source="torch.Tensor.repeat")
def repeat(call: Call) -> Account:
    """Every axis so many times, one after another."""
    x = call.tensor()
    counts, numbers = call.sizes("repeats"), call.counts("repeats")
    added = len(counts) - x.rank
    if added < 0:  # only tile allows it
        counts, numbers, added = (1,) * -added + counts, (1,) * -added + numbers, 0
    origins: list[Origin] = [Written(count) for count in counts[:added]]
    for axis in range(x.rank):
        kept = x.kept(axis)
        once = numbers[added + axis] == 1
        origins.append(kept if once else merged((Written(counts[added + axis]), kept)))
    return Account((tuple(origins),))


@MOVING.add("repeat_interleave", "moving", "input repeats dim=None output_size=None")
def repeat_interleave(call: Call) -> Account:
    """Every position so many times; over all of them where no axis is named.

    Where a tensor says how often, the sum of its values is the size, unless it is said as well.
    """
    x, asked = call.tensor(), call["output_size"]
    if asked is not None and call["dim"] is not None and call.optional("repeats"):
        axis = call.axis("dim", x.rank)
        made = Chosen(x.axis(axis), call.size("output_size"))
        return Account(((*x.all_kept(0, axis), made, *x.all_kept(axis + 1)),))
    count = call.size("repeats")
    if call["dim"] is None:
        return Account(((merged((*x.all_kept(), Written(count))),),))
    axis = call.axis("dim", x.rank)
    one = merged((x.kept(axis), Written(count)))
    return Account(((*x.all_kept(0, axis), one, *x.all_kept(axis + 1)),))


# ---- positions in another order -----------------------------------------------------------


def _turned(x: Operand, axes: Sequence[int]) -> Account:
    return Account(
        (tuple(Chosen(x.axis(a), x.sizes[a]) if a in axes else x.kept(a) for a in range(x.rank)),)
    )


@MOVING.add("roll", "moving", "input shifts dims=None")
def roll(call: Call) -> Account:
    """The positions of some axes shifted around; of all of them as one where none is named."""
    x = call.tensor()
    return _turned(x, call.axes("dims", x.rank) or range(x.rank))


@MOVING.add("flip", "moving", "input *dims")
def flip(call: Call) -> Account:
    """The positions of some axes in reverse order."""
    x = call.tensor()
    return _turned(x, call.axes("dims", x.rank))


@MOVING.add("fliplr", "moving", "input")
def fliplr(call: Call) -> Account:
    """The second axis in reverse order."""
    return _turned(call.tensor(), (1,))


@MOVING.add("flipud", "moving", "input")
def flipud(call: Call) -> Account:
    """The first axis in reverse order."""
    return _turned(call.tensor(), (0,))


@MOVING.add("rot90", "moving", "input k=1 dims=(0,1)")
def rot90(call: Call) -> Account:
    """Turned by ``k`` quarters in the plane of two axes."""
    x = call.tensor()
    one, other = call.axes("dims", x.rank)
    turned = _turned(x, (one, other)).results[0]
    if call["k"] % 2:
        order = list(turned)
        order[one], order[other] = order[other], order[one]
        return Account((tuple(order),))
    return Account((turned,))


# ---- complex numbers ----------------------------------------------------------------------


@MOVING.add("view_as_real", "moving", "input")
def view_as_real(call: Call) -> Account:
    """Every complex number as a pair."""
    return Account(((*call.tensor().all_kept(), Written(2)),))


@MOVING.add("view_as_complex", "moving", "input")
def view_as_complex(call: Call) -> Account:
    """Every pair as a complex number."""
    x = call.tensor()
    need = Need(x.sizes[-1], "==", 2, "", x.axis(-1))
    return Account((x.all_kept(0, -1),), (Ended((x.axis(-1),), "reduced", 2),), (need,))


# ---- the same tensor ----------------------------------------------------------------------


@MOVING.add(
    "contiguous clone detach to type type_as float double half bfloat16 int long short bool byte "
    "char cpu cuda xpu ipu mtia data alias lift_fresh to_copy real chalf cfloat cdouble "
    "resolve_conj resolve_neg positive pin_memory share_memory as_subclass coalesce "
    "to_dense to_sparse to_sparse_coo to_sparse_csr to_mkldnn",
    "copying",
    "input other=None",
    source="torch.Tensor.to",
)
@MOVING.add("imag conj neg_view", "elementwise", "input", source="torch.imag")
def same(call: Call) -> Account:
    """The same axes: a copy, another dtype or device, or those of another tensor."""
    return Account((call.tensor().all_kept(),), unread(call.optional("other")))
