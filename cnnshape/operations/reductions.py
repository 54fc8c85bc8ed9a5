"""Operations that work along axes: sums and means, orderings, losses, transforms, sampling.

By the papers' convention none of them counts as multiply-accumulates. Source:
https://pytorch.org/docs/stable/torch.html#reduction-ops and #spectral-ops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnshape.operations.axes import (
    Account,
    Chosen,
    Ended,
    Need,
    Origin,
    Size,
    Unknown,
    Written,
)
from cnnshape.operations.broadcasting import broadcast
from cnnshape.operations.call import Call, Operand, Unfit
from cnnshape.operations.table import Table

REDUCTIONS = Table()
_FUNCTIONAL = "torch.nn.functional."


# ---- one number for many ------------------------------------------------------------------


def reduced(x: Operand, axes: Sequence[int], *, keep: bool, results: int = 1) -> Account:
    """Axes made one position, which stays as an axis of size 1 or goes."""
    gone = set(axes)
    left: list[Origin] = []
    for axis in range(x.rank):
        if axis not in gone:
            left.append(x.kept(axis))
        elif keep:
            left.append(Written(1))
    ended = tuple(Ended((x.axis(axis),), "reduced", x.sizes[axis]) for axis in sorted(gone))
    return Account((tuple(left),) * results, ended)


def _axes(call: Call, x: Operand, name: str = "dim") -> tuple[int, ...]:
    """The axes that are named, or all."""
    return call.axes(name, x.rank) or tuple(range(x.rank))


@REDUCTIONS.add(
    "mean sum amax amin any all prod nansum nanmean argmax argmin count_nonzero logsumexp "
    "special_logsumexp",
    "reduction",
    "input dim|axis=None keepdim|keepdims=False",
    source="torch.mean",
)
def reduce(call: Call) -> Account:
    """One number along some axes, or along all."""
    x = call.tensor()
    return reduced(x, _axes(call, x), keep=call["keepdim"] is True)


@REDUCTIONS.add("max min", "reduction", "input dim|axis|other=None keepdim|keepdims=False",
                source="torch.max")  # fmt: skip
def extreme(call: Call) -> Account:
    """The largest number of all, along an axis and where it stood, or of two tensors."""
    x, dim = call.tensor(), call["dim"]
    if isinstance(dim, Operand):
        return broadcast(x, dim)
    if dim is None:
        return reduced(x, range(x.rank), keep=False)
    return reduced(x, _axes(call, x), keep=call["keepdim"] is True, results=2)


@REDUCTIONS.add("median nanmedian mode", "reduction", "input dim=None keepdim=False",
                source="torch.median")  # fmt: skip
def median(call: Call) -> Account:
    """One number of all, or along an axis with its place; the mode always has an axis."""
    x = call.tensor()
    if call["dim"] is None and call.name != "mode":
        return reduced(x, range(x.rank), keep=False)
    axes = (x.rank - 1,) if call["dim"] is None else _axes(call, x)
    return reduced(x, axes, keep=call["keepdim"] is True, results=2)


@REDUCTIONS.add("kthvalue", "reduction", "input k dim=-1 keepdim=False")
def kthvalue(call: Call) -> Account:
    """The k-th smallest number along an axis, and its place."""
    x = call.tensor()
    return reduced(x, _axes(call, x), keep=call["keepdim"] is True, results=2)


@REDUCTIONS.add("std var", "reduction",
                "input dim|axis=None unbiased=None keepdim|keepdims=False correction=None",
                source="torch.std")  # fmt: skip
@REDUCTIONS.add("std_mean var_mean", "reduction",
                "input dim|axis=None unbiased=None keepdim|keepdims=False correction=None",
                source="torch.std_mean")  # fmt: skip
def spread(call: Call) -> Account:
    """The spread along some axes, with the mean where both are asked for."""
    x = call.tensor()
    named = isinstance(call["dim"], bool)  # std(unbiased)
    axes = range(x.rank) if named else _axes(call, x)
    results = 2 if call.name.endswith("_mean") else 1
    return reduced(x, axes, keep=call["keepdim"] is True, results=results)


@REDUCTIONS.add("quantile nanquantile", "reduction", "input q dim=None keepdim=False",
                source="torch.quantile")  # fmt: skip
def quantile(call: Call) -> Account:
    """As many quantiles as asked for, in front."""
    x, q = call.tensor(), call["q"]
    inner = reduced(x, _axes(call, x), keep=call["keepdim"] is True)
    front = q.all_kept() if isinstance(q, Operand) else ()
    return Account(((*front, *inner.results[0]),), inner.ended)


@REDUCTIONS.add("norm", "reduction", "input p='fro' dim=None keepdim=False")
@REDUCTIONS.add("vector_norm linalg_vector_norm linalg_norm", "reduction",
                "input|x ord=None dim=None keepdim=False",
                source="torch.linalg.vector_norm")  # fmt: skip
def norm(call: Call) -> Account:
    """The length along some axes, or of everything."""
    x = call.tensor()
    return reduced(x, _axes(call, x), keep=call["keepdim"] is True)


@REDUCTIONS.add("matrix_norm linalg_matrix_norm", "reduction",
                "input|A ord='fro' dim=(-2,-1) keepdim=False",
                source="torch.linalg.matrix_norm")  # fmt: skip
def matrix_norm(call: Call) -> Account:
    """The norm of the matrices in two axes."""
    x = call.tensor()
    return reduced(x, _axes(call, x), keep=call["keepdim"] is True)


@REDUCTIONS.add("aminmax", "reduction", "input dim=None keepdim=False")
def aminmax(call: Call) -> Account:
    """The smallest and the largest."""
    x = call.tensor()
    return reduced(x, _axes(call, x), keep=call["keepdim"] is True, results=2)


@REDUCTIONS.add("trace", "reduction", "input")
def trace(call: Call) -> Account:
    """The sum along the diagonal of a matrix."""
    return reduced(call.tensor(), (0, 1), keep=False)


@REDUCTIONS.add("cosine_similarity", "reduction", "input|x1 other|x2 dim=1",
                source="torch.nn.functional.cosine_similarity")  # fmt: skip
def cosine_similarity(call: Call) -> Account:
    """How alike two tensors are along an axis."""
    both = broadcast(call.tensor(), call.tensor("other"))
    return _without(both, call.axis("dim", len(both.results[0])))


@REDUCTIONS.add("pairwise_distance", "reduction", "input|x1 other|x2 p=2.0 eps=1e-06 keepdim=False",
                source="torch.nn.functional.pairwise_distance")  # fmt: skip
def pairwise_distance(call: Call) -> Account:
    """How far two tensors are from each other along the last axis."""
    both = broadcast(call.tensor(), call.tensor("other"))
    kept = _without(both, len(both.results[0]) - 1)
    if not call["keepdim"]:
        return kept
    return Account(((*kept.results[0], Written(1)),), kept.ended, kept.needs)


def _without(account: Account, axis: int) -> Account:
    """An account whose result has lost an axis."""
    gone = account.results[0][axis]
    left = tuple(origin for d, origin in enumerate(account.results[0]) if d != axis)
    ended = tuple(Ended((source,), "reduced", gone.size) for source in gone.sources)
    return Account((left,), (*account.ended, *ended), account.needs)


# ---- along an axis that goes on -----------------------------------------------------------


def mixed(x: Operand, axes: Sequence[int], results: int = 1) -> Account:
    """The same axes, but every position has seen all of some of them."""
    ended = tuple(Ended((x.axis(axis),), "mixed", x.sizes[axis]) for axis in axes)
    return Account((x.all_kept(),) * results, ended)


@REDUCTIONS.add("softmax log_softmax softmin special_softmax special_log_softmax",
                "activation", "input dim=None", source=_FUNCTIONAL + "softmax")  # fmt: skip
@REDUCTIONS.add("cumsum cumprod logcumsumexp", "reduction", "input dim|axis",
                source="torch.cumsum")  # fmt: skip
def along(call: Call) -> Account:
    """Every position depends on all along one axis; torch picks the axis where none is named."""
    x = call.tensor()
    if call["dim"] is None:
        axes: tuple[int, ...] = (0 if x.rank in (0, 1, 3) else 1,)[: x.rank]
    else:
        axes = call.axes("dim", x.rank)
    return mixed(x, axes)


@REDUCTIONS.add("gumbel_softmax", "activation", "input tau=1 hard=False eps=1e-10 dim=-1",
                source=_FUNCTIONAL + "gumbel_softmax")  # fmt: skip
def gumbel_softmax(call: Call) -> Account:
    """A softmax with noise."""
    x = call.tensor()
    return mixed(x, call.axes("dim", x.rank))


@REDUCTIONS.add("cummax cummin", "reduction", "input dim", source="torch.cummax")
def cumulative(call: Call) -> Account:
    """The largest so far, and its place."""
    x = call.tensor()
    return mixed(x, call.axes("dim", x.rank), results=2)


def _ordered(x: Operand, axis: int, results: int) -> Account:
    axes = tuple(Chosen(x.axis(d), x.sizes[d]) if d == axis else x.kept(d) for d in range(x.rank))
    ended = (Ended((x.axis(axis),), "mixed", x.sizes[axis]),) if x.rank else ()
    return Account((axes,) * results, ended)


@REDUCTIONS.add("sort", "reduction", "input dim=-1 descending=False")
def sort(call: Call) -> Account:
    """The positions of an axis by size, and where they stood."""
    x = call.tensor()
    axis = call.axis("dim", x.rank) if x.rank else 0
    return _ordered(x, axis, 2)


@REDUCTIONS.add("argsort", "reduction", "input dim=-1 descending=False")
def argsort(call: Call) -> Account:
    """Where the positions of an axis stand by size."""
    x = call.tensor()
    return _ordered(x, call.axis("dim", x.rank) if x.rank else 0, 1)


@REDUCTIONS.add("msort", "reduction", "input")
def msort(call: Call) -> Account:
    """Sorted along the first axis."""
    return _ordered(call.tensor(), 0, 1)


@REDUCTIONS.add("topk", "reduction", "input k dim=-1")
def topk(call: Call) -> Account:
    """The ``k`` largest along an axis, and where they stood."""
    x, axis = call.tensor(), call.axis("dim", call.tensor().rank)
    best = Chosen(x.axis(axis), call.size("k"))
    ended = (Ended((x.axis(axis),), "mixed", x.sizes[axis]),)
    need = Need(x.sizes[axis], ">=", call.size("k"), "k", x.axis(axis))
    return Account(((*x.all_kept(0, axis), best, *x.all_kept(axis + 1)),) * 2, ended, (need,))


# ---- diagonals ----------------------------------------------------------------------------


@REDUCTIONS.add("diagonal linalg_diagonal", "indexing",
                "input offset=0 dim1=0 dim2=1", source="torch.diagonal")  # fmt: skip
def diagonal(call: Call) -> Account:
    """The places where two axes are equal, as the last axis."""
    x = call.tensor()
    one, two = call.axis("dim1", x.rank), call.axis("dim2", x.rank)
    others = tuple(x.kept(axis) for axis in range(x.rank) if axis not in (one, two))
    length = _on_diagonal(x, one, two, call["offset"])
    place = Chosen(x.axis(one), length, x.axis(two))
    return Account(((*others, place),))


def _on_diagonal(x: Operand, one: int, two: int, offset: Any) -> Size:
    if not isinstance(offset, int):
        return None
    rows, columns = x.sizes[one], x.sizes[two]
    if not isinstance(rows, int) or not isinstance(columns, int):
        return rows if rows == columns and offset == 0 else None
    return max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)


@REDUCTIONS.add("diag", "indexing", "input diagonal=0")
def diag(call: Call) -> Account:
    """The diagonal of a matrix, or a matrix with a vector on its diagonal."""
    x, offset = call.tensor(), call["diagonal"]
    if x.rank == 2:
        return Account(((Chosen(x.axis(0), _on_diagonal(x, 0, 1, offset), x.axis(1)),),))
    size = None if x.sizes[0] is None else x.sizes[0] + abs(offset)
    return Account(((Written(size), Written(size)),))


@REDUCTIONS.add("diag_embed diagflat", "making", "input offset=0 dim1=-2 dim2=-1",
                source="torch.diag_embed")  # fmt: skip
def diag_embed(call: Call) -> Account:
    """The last axis on the diagonal of two."""
    x = call.tensor()
    size = None if x.sizes[-1] is None else x.sizes[-1] + abs(call["offset"])
    if call["dim1"] != -2 or call["dim2"] != -1 or call.name == "diagflat":
        raise Unfit("not the last two axes")
    return Account(((*x.all_kept(0, -1), Written(size), Written(size)),))


# ---- losses -------------------------------------------------------------------------------

_LOSS = "input target|other"


@REDUCTIONS.add(
    "mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy kl_div "
    "binary_cross_entropy_with_logits poisson_nll_loss gaussian_nll_loss soft_margin_loss",
    "reduction",
    f"{_LOSS} reduction='mean'",
    source=_FUNCTIONAL + "mse_loss",
)
def pointwise_loss(call: Call) -> Account:
    """The mean (or sum) over all positions, or a loss for each."""
    x, target = call.tensor(), call.tensor("target")
    each = broadcast(x, target)
    if call["reduction"] in ("none", 0):
        return each
    sources = tuple(source for origin in each.results[0] for source in origin.sources)
    ended = tuple(Ended((source,), "reduced") for source in sources)
    return Account(((),), ended, each.needs)


@REDUCTIONS.add("cross_entropy nll_loss nll_loss_nd nll_loss2d cross_entropy_loss", "reduction",
                f"{_LOSS} weight=None size_average=None ignore_index=-100 reduce=None "
                "reduction='mean' label_smoothing=0.0",
                source=_FUNCTIONAL + "cross_entropy")  # fmt: skip
def class_loss(call: Call) -> Account:
    """The mean over the batch and the places, or a loss for each."""
    x, target = call.tensor(), call.tensor("target")
    at = 1 if x.rank > 1 else 0
    if call["reduction"] == "none":
        return reduced(x, (at,), keep=False)
    needs: tuple[Need, ...] = ()
    if target.rank == x.rank - 1 and x.rank > 1:
        places = [axis for axis in range(x.rank) if axis != at]
        needs = tuple(
            Need(x.sizes[a], "==", target.sizes[b], "", x.axis(a), target.axis(b))
            for b, a in enumerate(places)
        )
    ended = tuple(Ended((x.axis(axis),), "reduced", x.sizes[axis]) for axis in range(x.rank))
    return Account(((),), ended, needs)


# ---- transforms ---------------------------------------------------------------------------


def _every(x: Operand, axes: Sequence[int], sizes: Sequence[Size]) -> Account:
    """Other sizes along some axes, each of whose numbers depends on all along them."""
    chosen = dict(zip(axes, sizes, strict=True))
    result = tuple(
        Written(chosen[axis]) if axis in chosen else x.kept(axis) for axis in range(x.rank)
    )
    ended = tuple(Ended((x.axis(axis),), "reduced", x.sizes[axis]) for axis in axes)
    return Account((result,), ended)


@REDUCTIONS.add("fft_fft fft_ifft fft_rfft fft_irfft fft_hfft fft_ihfft", "other",
                "input n=None dim=-1", source="torch.fft.fft")  # fmt: skip
def fourier(call: Call) -> Account:
    """One axis as frequencies; of real numbers half of them."""
    x = call.tensor()
    axis = call.axis("dim", x.rank)
    n: Size = x.sizes[axis] if call["n"] is None else call.size("n")
    return _every(x, (axis,), (_frequencies(call.name, n, asked=call["n"] is not None),))


def _frequencies(name: str, n: Size, *, asked: bool) -> Size:
    if n is None:
        return None
    if "_rfft" in name or "_ihfft" in name:
        return n // 2 + 1
    if ("_irfft" in name or "_hfft" in name) and not asked:
        return 2 * (n - 1)
    return n


@REDUCTIONS.add("fft_fft2 fft_ifft2 fft_rfft2 fft_irfft2 fft_hfft2 fft_ihfft2", "other",
                "input s=None dim=(-2,-1)", source="torch.fft.fft2")  # fmt: skip
@REDUCTIONS.add("fft_fftn fft_ifftn fft_rfftn fft_irfftn fft_hfftn fft_ihfftn", "other",
                "input s=None dim=None", source="torch.fft.fftn")  # fmt: skip
def fourier_of_several(call: Call) -> Account:
    """Several axes as frequencies; of real numbers half of the last one."""
    x = call.tensor()
    asked = None if call["s"] is None else call.sizes("s")
    axes = _axes(call, x)
    if asked is not None and call["dim"] is None:
        axes = axes[-len(asked) :]
    sizes: list[Size] = [x.sizes[axis] for axis in axes] if asked is None else list(asked)
    sizes[-1] = _frequencies(call.name, sizes[-1], asked=asked is not None)
    return _every(x, axes, sizes)


@REDUCTIONS.add("fft_fftshift fft_ifftshift", "moving", "input dim=None",
                source="torch.fft.fftshift")  # fmt: skip
def shifted(call: Call) -> Account:
    """Some axes, or all, turned by half."""
    x = call.tensor()
    axes = _axes(call, x)
    turned = (Chosen(x.axis(a), x.sizes[a]) if a in axes else x.kept(a) for a in range(x.rank))
    return Account((tuple(turned),))


@REDUCTIONS.add("stft", "other",
                "input n_fft hop_length=None win_length=None window=None center=True "
                "pad_mode='reflect' normalized=False onesided=None return_complex=None",
                source="torch.stft")  # fmt: skip
def stft(call: Call) -> Account:
    """Frequencies over time: one transform for every hop."""
    x, n = call.tensor(), call.size("n_fft")
    hop = n // 4 if call["hop_length"] is None else call.size("hop_length")
    length = x.sizes[-1]
    padded = length
    if length is not None and call["center"]:
        padded = length + 2 * (n // 2)
    frames = None if padded is None else (padded - n) // hop + 1
    full = call["onesided"] is False
    bins = n if full else n // 2 + 1
    last = () if call["return_complex"] else (Written(2),)
    ended = (Ended((x.axis(-1),), "reduced", length),)
    return Account(((*x.all_kept(0, -1), Written(bins), Written(frames), *last),), ended)


# ---- sampling -----------------------------------------------------------------------------


@REDUCTIONS.add("grid_sample grid_sampler grid_sampler_2d grid_sampler_3d", "resizing",
                "input grid", source=_FUNCTIONAL + "grid_sample")  # fmt: skip
def grid_sample(call: Call) -> Account:
    """The input where a grid points: as many places as the grid has."""
    x, grid = call.tensor(), call.tensor("grid")
    places = tuple(
        Chosen(x.axis(2 + d), grid.sizes[1 + d], grid.axis(1 + d)) for d in range(x.rank - 2)
    )
    need = Need(x.sizes[0], "==", grid.sizes[0], "", x.axis(0), grid.axis(0))
    return Account(((x.kept(0), x.kept(1), *places),), needs=(need,))


@REDUCTIONS.add("affine_grid affine_grid_generator", "making", "theta size",
                source=_FUNCTIONAL + "affine_grid")  # fmt: skip
def affine_grid(call: Call) -> Account:
    """A place for every position of a picture of that size."""
    theta, size = call.tensor("theta"), call.sizes("size")
    places = tuple(Written(n) for n in size[2:])
    return Account(((theta.kept(0), *places, Written(len(places))),))


def _regions(boxes: Any) -> Origin:
    """One result for each box."""
    if isinstance(boxes, Operand):
        return boxes.kept(0)
    return Unknown()


@REDUCTIONS.add("roi_align roi_pool", "pooling",
                "input rois|boxes spatial_scale pooled_height pooled_width",
                source="torchvision.ops.roi_align")  # fmt: skip
def roi_align(call: Call) -> Account:
    """Every region of the input at one size."""
    x = call.tensor()
    ended = tuple(Ended((x.axis(axis),), "reduced", x.sizes[axis]) for axis in (0, 2, 3))
    size = (Written(call.size("pooled_height")), Written(call.size("pooled_width")))
    one = (_regions(call["rois"]), x.kept(1), *size)
    return Account((one, one), ended)


@REDUCTIONS.add("ps_roi_align ps_roi_pool", "pooling",
                "input rois|boxes spatial_scale pooled_height pooled_width",
                source="torchvision.ops.ps_roi_align")  # fmt: skip
def ps_roi_align(call: Call) -> Account:
    """Every region, each of its places from channels of its own."""
    x, h, w = call.tensor(), call.size("pooled_height"), call.size("pooled_width")
    n = x.sizes[1]
    channels = Written(None if n is None else n // (h * w))
    ended = tuple(Ended((x.axis(axis),), "reduced", x.sizes[axis]) for axis in (0, 2, 3))
    one = (_regions(call["rois"]), channels, Written(h), Written(w))
    return Account((one, one), ended)
