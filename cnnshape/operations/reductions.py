"""Reductions, what runs along an axis (softmax, cumsum, sort), and diagonals.

A sum, a mean or a norm counts nothing: there is no product in it, or only one of each number with
itself, which the papers leave out as they leave out normalisation.

Source: https://docs.pytorch.org/docs/stable/torch.html#reduction-ops.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from cnnshape.formulas.algebra import Sum
from cnnshape.operations.axes import (
    Account,
    Broadcast,
    Chosen,
    Ended,
    Need,
    Origin,
    Size,
    Unknown,
    Windowed,
    Written,
    merged,
    total,
)
from cnnshape.operations.broadcasting import broadcast
from cnnshape.operations.call import Call, Operand, Unfit
from cnnshape.operations.table import Table
from cnnshape.operations.windows import along

REDUCTIONS = Table()
_FUNCTIONAL = "torch.nn.functional."


# ---- over some axes, or all ---------------------------------------------------------------


def without(account: Account, axes: Collection[int], *, keep: bool = False) -> Account:
    """The first result of an account without some axes, or with 1 in their place."""
    origins = account.results[0]
    left = tuple(
        Written(1) if axis in axes else origin
        for axis, origin in enumerate(origins)
        if keep or axis not in axes
    )
    gone = tuple(Ended(origins[axis].sources, "reduced", origins[axis].size) for axis in axes)
    return Account((left,), gone, account.needs)


def _over(call: Call, rank: int) -> tuple[int, ...]:
    """The axes that are named; all where none is, and where a boolean stands in their place."""
    if isinstance(call["dim"], bool):  # std(x, unbiased)
        return tuple(range(rank))
    return call.axes("dim", rank) or tuple(range(rank))


def twice(account: Account) -> Account:
    """Two results of the same axes: values and indices."""
    return replace(account, results=account.results * 2)


@REDUCTIONS.add("mean nanmean", "reduction", "input dim|axis=None keepdim|keepdims=False",
                dtypes="floating")  # fmt: skip
@REDUCTIONS.add("sum nansum prod amax amin any all logsumexp special_logsumexp argmax "
                "argmin count_nonzero is_all_true is_any_true", "reduction",
                "input dim|axis=None keepdim|keepdims=False")  # fmt: skip
@REDUCTIONS.add("std var", "reduction",
                "input dim|axis=None unbiased=None keepdim|keepdims=False",
                dtypes="floating")  # fmt: skip
@REDUCTIONS.add("norm native_norm linalg_norm linalg_vector_norm vector_norm", "reduction",
                "input|x|A p|ord=None dim|axis=None keepdim|keepdims=False", dtypes="floating",
                source="torch.linalg.norm")  # fmt: skip
@REDUCTIONS.add("matrix_norm linalg_matrix_norm", "reduction",
                "input|A ord='fro' dim=(-2,-1) keepdim=False",
                source="torch.linalg.matrix_norm")  # fmt: skip
@REDUCTIONS.add("nuclear_norm frobenius_norm", "reduction", "input dim=None keepdim=False",
                source="torch.linalg.matrix_norm")  # fmt: skip
def reduced(call: Call) -> Account:
    """One number of all positions along some axes."""
    x = call.tensor()
    return without(broadcast(x), _over(call, x.rank), keep=bool(call["keepdim"]))


@REDUCTIONS.add("std_mean var_mean", "reduction",
                "input dim|axis=None unbiased=None keepdim|keepdims=False",
                dtypes="floating")  # fmt: skip
@REDUCTIONS.add("aminmax", "reduction", "input dim=None keepdim=False")
def two_numbers(call: Call) -> Account:
    """Two numbers of all positions along some axes."""
    return twice(reduced(call))


@REDUCTIONS.add("max min", "reduction", "input dim|axis|other=None keepdim|keepdims=False")
@REDUCTIONS.add("median nanmedian", "reduction", "input dim=None keepdim=False")
def extreme(call: Call) -> Account:
    """Of all positions; with where it stands if an axis is named; or of two tensors."""
    other = call.optional("dim")
    if other is not None:
        return broadcast(call.tensor(), other)
    return reduced(call) if call["dim"] is None else twice(reduced(call))


@REDUCTIONS.add("mode", "reduction", "input dim=-1 keepdim=False")
@REDUCTIONS.add("kthvalue", "reduction", "input k dim=-1 keepdim=False")
def one_position(call: Call) -> Account:
    """A number along an axis, and where it stands."""
    return twice(reduced(call))


@REDUCTIONS.add("quantile nanquantile", "reduction", "input q dim=None keepdim=False",
                dtypes="floating")  # fmt: skip
def quantile(call: Call) -> Account:
    """One number of all positions for each quantile; several quantiles are the first axis."""
    q, account = call.optional("q"), reduced(call)
    asked = () if q is None else q.all_kept()
    return replace(account, results=((*asked, *account.results[0]),))


@REDUCTIONS.add("sum_to_size", "reduction", "input *size", source="torch.Tensor.sum_to_size")
def sum_to_size(call: Call) -> Account:
    """What a tensor of these sizes would be broadcast to, summed back."""
    x, numbers = call.tensor(), call.counts("size")
    added = x.rank - len(numbers)
    stretched = [added + axis for axis, n in enumerate(numbers) if n != x.shape[added + axis]]
    gone = without(broadcast(x), range(added))
    kept = tuple(Written(1) if a in stretched else x.kept(a) for a in range(added, x.rank))
    more = tuple(Ended((x.axis(axis),), "reduced", x.sizes[axis]) for axis in stretched)
    return Account((kept,), (*gone.ended, *more))


@REDUCTIONS.add("norm_except_dim", "reduction", "input|v pow=2 dim=0",
                source="torch.nn.utils.parametrizations.weight_norm")  # fmt: skip
def norm_except_dim(call: Call) -> Account:
    """One number for each slice along an axis, or for all (-1)."""
    x = call.tensor()
    if call["dim"] == -1:
        return without(broadcast(x), range(x.rank))
    kept = call.axis("dim", x.rank)
    return without(broadcast(x), [a for a in range(x.rank) if a != kept], keep=True)


@REDUCTIONS.add("histc", "reduction", "input bins=100")
def histc(call: Call) -> Account:
    """How many numbers fall into each bin."""
    gone = without(broadcast(call.tensor()), range(call.tensor().rank))
    return replace(gone, results=((Written(call.size("bins")),),))


@REDUCTIONS.add("trapezoid trapz", "reduction", "input|y x=None dim=-1", source="torch.trapezoid")
def trapezoid(call: Call) -> Account:
    """The area under the numbers along an axis."""
    x = call.tensor()
    return without(broadcast(x), (call.axis("dim", x.rank),))


# ---- along an axis that goes on -----------------------------------------------------------


def mixed(x: Operand, *axes: int) -> Account:
    """The same axes; of some of them each position has seen all."""
    return Account((x.all_kept(),), tuple(Ended((x.axis(a),), "mixed", x.sizes[a]) for a in axes))


def _softmax_axis(call: Call, rank: int) -> int:
    """The axis that is named, or the one that torch takes where none is."""
    if call["dim"] is None:
        return 0 if rank in (1, 3) else 1
    return call.axis("dim", rank)


@REDUCTIONS.add("softmax log_softmax softmin special_softmax special_log_softmax safe_softmax",
                "activation", "input dim=None", dtypes="floating",
                source=_FUNCTIONAL + "softmax")  # fmt: skip
@REDUCTIONS.add("gumbel_softmax", "activation", "input|logits tau=1.0 hard=False eps=1e-10 dim=-1",
                dtypes="floating", source=_FUNCTIONAL + "gumbel_softmax")  # fmt: skip
def softmax(call: Call) -> Account:
    """Shares of a whole along an axis."""
    x = call.tensor()
    return mixed(x, _softmax_axis(call, x.rank)) if x.rank else broadcast(x)


@REDUCTIONS.add("cumsum cumprod logcumsumexp", "elementwise", "input dim|axis")
def cumulative(call: Call) -> Account:
    """Of all positions so far."""
    x = call.tensor()
    return mixed(x, call.axis("dim", x.rank)) if x.rank else broadcast(x)


@REDUCTIONS.add("cummax cummin", "elementwise", "input dim|axis")
def cumulative_extreme(call: Call) -> Account:
    """The extreme of all positions so far, and where it stands."""
    return twice(cumulative(call))


@REDUCTIONS.add("sort", "reduction", "input dim=-1")
def sort(call: Call) -> Account:
    """In order along an axis, and where each number stood."""
    return twice(argsort(call))


@REDUCTIONS.add("argsort", "reduction", "input dim=-1")
def argsort(call: Call) -> Account:
    """Where each number along an axis stands once they are in order."""
    x = call.tensor()
    return _sorted(x, call.axis("dim", x.rank)) if x.rank else broadcast(x)


@REDUCTIONS.add("msort", "reduction", "input")
def msort(call: Call) -> Account:
    """In order along the first axis."""
    x = call.tensor()
    return _sorted(x, 0) if x.rank else broadcast(x)


def _sorted(x: Operand, axis: int) -> Account:
    in_order = Chosen(x.axis(axis), x.sizes[axis])
    account = mixed(x, axis)
    return replace(account, results=((*x.all_kept(0, axis), in_order, *x.all_kept(axis + 1)),))


@REDUCTIONS.add("topk", "reduction", "input k dim=-1")
def topk(call: Call) -> Account:
    """The largest numbers along an axis, and where they stand."""
    x = call.tensor()
    if not x.rank:
        return twice(broadcast(x))
    axis = call.axis("dim", x.rank)
    largest = Chosen(x.axis(axis), call.size("k"))
    ended = Ended((x.axis(axis),), "mixed", x.sizes[axis])
    need = Need(x.sizes[axis], ">=", call.size("k"), "k", x.axis(axis))
    origins = (*x.all_kept(0, axis), largest, *x.all_kept(axis + 1))
    return twice(Account((origins,), (ended,), (need,)))


@REDUCTIONS.add("diff", "elementwise", "input n=1 dim=-1 prepend=None append=None")
def diff(call: Call) -> Account:
    """Neighbours along an axis subtracted from each other, ``n`` times."""
    x, n = call.tensor(), call.size("n")
    axis = call.axis("dim", x.rank)
    beside = [call.optional(name) for name in ("prepend", "append")]
    joined = [part for part in (beside[0], x, beside[1]) if part is not None]
    origin, needs = along("conv", x.axis(axis), x.sizes[axis], {"kernel_size": n + 1})
    if len(joined) > 1:
        more = total(part.sizes[axis] for part in joined)
        origin = Unknown(None if more is None else more - n)
    return Account(((*x.all_kept(0, axis), origin, *x.all_kept(axis + 1)),), needs=needs)


@REDUCTIONS.add("cumulative_trapezoid", "elementwise", "input|y x=None dim=-1")
def cumulative_trapezoid(call: Call) -> Account:
    """The area under the numbers so far, between neighbours."""
    x = call.tensor()
    axis = call.axis("dim", x.rank)
    origin, needs = along("conv", x.axis(axis), x.sizes[axis], {"kernel_size": 2})
    ended = Ended((x.axis(axis),), "mixed", x.sizes[axis])
    return Account(((*x.all_kept(0, axis), origin, *x.all_kept(axis + 1)),), (ended,), needs)


# ---- diagonals ----------------------------------------------------------------------------


@REDUCTIONS.add("diagonal linalg_diagonal", "slicing",
                "input|A offset=0 dim1=0 dim2=1")  # fmt: skip
def diagonal(call: Call) -> Account:
    """The positions at which two axes agree, as the last axis."""
    x = call.tensor()
    one, other = call.axis("dim1", x.rank), call.axis("dim2", x.rank)
    return _diagonal(x, one, other, call["offset"])


def _diagonal(x: Operand, one: int, other: int, offset: int) -> Account:
    rows, columns = x.sizes[one], x.sizes[other]
    size = _smaller(_shorter(rows, -min(offset, 0)), _shorter(columns, max(offset, 0)))
    both = Broadcast((x.axis(one), x.axis(other)), size)
    left = tuple(x.kept(axis) for axis in range(x.rank) if axis not in (one, other))
    return Account(((*left, both),))


def _shorter(size: Size, by: int) -> Size:
    return None if size is None else size - by


def _smaller(one: Size, other: Size) -> Size:
    """The smaller of two sizes, and at least 0."""
    if one is None or other is None:
        return None
    if isinstance(one, Sum):
        return one if one == other else one.minimum(other)
    return other.minimum(one) if isinstance(other, Sum) else max(min(one, other), 0)


@REDUCTIONS.add("diag_embed", "making", "input offset=0 dim1=-2 dim2=-1")
def diag_embed(call: Call) -> Account:
    """The last axis laid along the diagonal of two new ones."""
    x = call.tensor()
    one, other = (call.axis(name, x.rank + 1) for name in ("dim1", "dim2"))
    return _embedded(x, one, other, call["offset"])


def _embedded(x: Operand, one: int, other: int, offset: int) -> Account:
    rows, columns = (
        _moved(x, -min(offset, 0), max(offset, 0)),
        _moved(x, max(offset, 0), -min(offset, 0)),
    )
    origins: list[Origin] = list(x.all_kept(0, -1))
    for axis, origin in sorted(((one, rows), (other, columns)), key=lambda pair: pair[0]):
        origins.insert(axis, origin)
    return Account((tuple(origins),))


def _moved(x: Operand, before: int, after: int) -> Origin:
    """The last axis with so many empty positions before and after it."""
    if not before and not after:
        return x.kept(-1)
    n = x.sizes[-1]
    given = {"before": before, "after": after, "mode": "constant"}
    return Windowed(x.axis(-1), None if n is None else n + before + after, "pad", given)


@REDUCTIONS.add("diag", "indexing", "input diagonal=0")
def diag(call: Call) -> Account:
    """A vector laid along a diagonal, or the diagonal of a matrix."""
    x = call.tensor()
    if x.rank == 1:
        return _embedded(x, 0, 1, call["diagonal"])
    return _diagonal(x, 0, 1, call["diagonal"])


@REDUCTIONS.add("diagflat", "making", "input offset=0")
def diagflat(call: Call) -> Account:
    """All numbers laid along a diagonal."""
    x, offset = call.tensor(), call["offset"]
    if x.rank == 1:
        return _embedded(x, 0, 1, offset)
    if offset:
        raise Unfit("moved off the diagonal")
    return Account(((merged(x.all_kept()),) * 2,))


@REDUCTIONS.add("trace", "reduction", "input")
def trace(call: Call) -> Account:
    """The sum of the diagonal."""
    x = call.tensor()
    return Account(
        ((),), tuple(Ended((axis,), "reduced", n) for axis, n in zip(x.axes, x.sizes, strict=True))
    )
