"""Losses, and how like or far apart two tensors are.

Source: https://docs.pytorch.org/docs/stable/nn.functional.html#loss-functions.
"""

from __future__ import annotations

from dataclasses import replace

from cnnshape.operations.axes import Account, Ended, Need, Size, Unknown, times
from cnnshape.operations.broadcasting import broadcast
from cnnshape.operations.call import Call, Unfit
from cnnshape.operations.reductions import without
from cnnshape.operations.table import Table

LOSSES = Table()
_FUNCTIONAL = "torch.nn.functional."


# ---- losses -------------------------------------------------------------------------------

#: The kernels have a number where the functions have what they no longer advise to use.
_LEFT_AS_IT_IS = "size_average=None reduce=None reduction='mean'"


def _loss(call: Call, each: Account) -> Account:
    """One number for each example, or one for all of them."""
    if _for_each(call):
        return each
    whole = without(each, range(len(each.results[0])))
    return replace(whole, ended=(*each.ended, *whole.ended))


def _for_each(call: Call) -> bool:
    said = [call.arguments.get(name) for name in ("size_average", "reduce", "reduction")]
    by_number = any(type(value) is int and value == 0 for value in said)
    return by_number or said[1] is False or said[2] == "none"


@LOSSES.add("mse_loss l1_loss smooth_l1_loss soft_margin_loss kl_div", "loss",
                f"input target {_LEFT_AS_IT_IS}", source=_FUNCTIONAL + "mse_loss")  # fmt: skip
@LOSSES.add("huber_loss", "loss", "input target reduction='mean'",
                source=_FUNCTIONAL + "huber_loss")  # fmt: skip
@LOSSES.add("binary_cross_entropy binary_cross_entropy_with_logits", "loss",
                f"input target weight=None {_LEFT_AS_IT_IS}",
                source=_FUNCTIONAL + "binary_cross_entropy")  # fmt: skip
@LOSSES.add("hinge_embedding_loss", "loss", f"input target margin=1.0 {_LEFT_AS_IT_IS}",
                source=_FUNCTIONAL + "hinge_embedding_loss")  # fmt: skip
@LOSSES.add("margin_ranking_loss", "loss",
                f"input1 input2 target margin=0.0 {_LEFT_AS_IT_IS}",
                source=_FUNCTIONAL + "margin_ranking_loss")  # fmt: skip
@LOSSES.add("poisson_nll_loss", "loss",
                "input target log_input=True full=False size_average=None eps=1e-08 reduce=None "
                "reduction='mean'", source=_FUNCTIONAL + "poisson_nll_loss")  # fmt: skip
@LOSSES.add("gaussian_nll_loss", "loss",
                "input target var full=False eps=1e-06 reduction='mean'",
                source=_FUNCTIONAL + "gaussian_nll_loss")  # fmt: skip
def loss_of_positions(call: Call) -> Account:
    """Of every position by itself."""
    return _loss(call, broadcast(*call.tensors))


@LOSSES.add("multilabel_margin_loss", "loss", f"input target {_LEFT_AS_IT_IS}",
                source=_FUNCTIONAL + "multilabel_margin_loss")  # fmt: skip
@LOSSES.add("multilabel_soft_margin_loss", "loss",
                f"input target weight=None {_LEFT_AS_IT_IS}",
                source=_FUNCTIONAL + "multilabel_soft_margin_loss")  # fmt: skip
@LOSSES.add("multi_margin_loss", "loss",
                f"input target p=1 margin=1.0 weight=None {_LEFT_AS_IT_IS}",
                source=_FUNCTIONAL + "multi_margin_loss")  # fmt: skip
def loss_of_rows(call: Call) -> Account:
    """Of all classes of an example together."""
    x = call.tensor()
    return _loss(call, without(broadcast(x), (x.rank - 1,)))


@LOSSES.add("triplet_margin_loss", "loss",
                "anchor positive negative margin=1.0 p=2 eps=1e-06 swap=False " + _LEFT_AS_IT_IS,
                source=_FUNCTIONAL + "triplet_margin_loss")  # fmt: skip
@LOSSES.add("triplet_margin_with_distance_loss", "loss",
                "anchor positive negative reduction='mean'",
                source=_FUNCTIONAL + "triplet_margin_with_distance_loss")  # fmt: skip
@LOSSES.add("cosine_embedding_loss", "loss",
                f"anchor|input1 positive|input2 target margin=0.0 {_LEFT_AS_IT_IS}",
                source=_FUNCTIONAL + "cosine_embedding_loss")  # fmt: skip
def loss_of_vectors(call: Call) -> Account:
    """Of vectors compared with each other."""
    names = ("anchor", "positive", "negative")
    vectors = [x for x in (call.optional(name) for name in names) if x is not None]
    each = broadcast(*vectors)
    return _loss(call, without(each, (len(each.results[0]) - 1,)))


@LOSSES.add("cross_entropy nll_loss cross_entropy_loss nll_loss_nd", "loss",
                "input target weight=None size_average=None ignore_index=-100 reduce=None "
                "reduction='mean'", source=_FUNCTIONAL + "cross_entropy")  # fmt: skip
def loss_of_classes(call: Call) -> Account:
    """Of the classes, which are the second axis, at every position."""
    x, target = call.tensor(), call.tensor("target")
    classes = min(x.rank - 1, 1)
    if target.rank == x.rank:  # shares of all classes
        return _loss(call, without(broadcast(x, target), (classes,)))
    places = (axis for axis in range(x.rank) if axis != classes)
    needs = tuple(
        Need(x.sizes[one], "==", target.sizes[other], "", x.axis(one), target.axis(other))
        for other, one in enumerate(places)
    )
    return _loss(call, replace(without(broadcast(x), (classes,)), needs=needs))


@LOSSES.add("nll_loss_forward nll_loss2d_forward", "loss",
                "input target weight reduction ignore_index",
                source=_FUNCTIONAL + "nll_loss")  # fmt: skip
def loss_with_weight(call: Call) -> Account:
    """The same, and the sum of the weights."""
    account = loss_of_classes(call)
    return replace(account, results=(*account.results, ()))


@LOSSES.add("ctc_loss", "loss",
                "input|log_probs targets input_lengths target_lengths blank=0 reduction='mean'",
                source=_FUNCTIONAL + "ctc_loss")  # fmt: skip
def ctc_loss(call: Call) -> Account:
    """Of the steps and classes of every sequence."""
    x = call.tensor()
    return _loss(call, without(broadcast(x), (0, x.rank - 1)))


def _classified_macs(call: Call) -> Size:
    return times((*call.tensor().sizes, call.tensor("linear_weight").sizes[0]))


@LOSSES.add("linear_cross_entropy", "linear",
                "input linear_weight target reduction='mean'", macs=_classified_macs,
                source=_FUNCTIONAL + "linear_cross_entropy")  # fmt: skip
def linear_cross_entropy(call: Call) -> Account:
    """A linear layer and the loss of the classes that it gives."""
    x, weight = call.tensor(), call.tensor("linear_weight")
    if weight.rank != 2:
        raise Unfit("classes in a grid")
    source = (x.axis(-1), weight.axis(-1))
    need = Need(x.sizes[-1], "==", weight.sizes[-1], "in_features", *source)
    ended = Ended(source, "contracted", x.sizes[-1])
    return _loss(call, Account((x.all_kept(0, -1),), (ended,), (need,)))


# ---- likeness and distance ----------------------------------------------------------------


@LOSSES.add("cosine_similarity", "distance", "input|x1 other|x2 dim=1",
                source=_FUNCTIONAL + "cosine_similarity")  # fmt: skip
@LOSSES.add("pairwise_distance", "distance", "input|x1 other|x2 p=2.0 eps=1e-06 keepdim=False",
                source=_FUNCTIONAL + "pairwise_distance")  # fmt: skip
def likeness(call: Call) -> Account:
    """One number for every two vectors that stand in the same place."""
    account = broadcast(call.tensor(), call.tensor("other"))
    rank = len(account.results[0])
    named = "dim" in call.arguments
    axis = call.axis("dim", rank) if named else rank - 1
    return without(account, (axis,), keep=bool(call.arguments.get("keepdim")))


@LOSSES.add("dist", "distance", "input other")
def dist(call: Call) -> Account:
    """The norm of a difference."""
    account = broadcast(call.tensor(), call.tensor("other"))
    return without(account, range(len(account.results[0])))


@LOSSES.add("cov", "linear", "input", macs="contracted")
@LOSSES.add("corrcoef", "linear", "input", macs="contracted")
def cov(call: Call) -> Account:
    """The rows of a matrix against each other: a matrix product with itself."""
    x = call.tensor()
    observed = Ended((x.axis(-1),), "contracted", x.sizes[-1])
    if x.shape[0] == 1 or x.rank == 1:  # a variance, without axes
        return Account(((),), (*(Ended((axis,), "reduced", 1) for axis in x.axes[:-1]), observed))
    return Account(((x.kept(0), x.kept(0)),), (observed,))


@LOSSES.add("pdist pdist_forward", "distance", "input p=2.0", macs=None,
                source=_FUNCTIONAL + "pdist")  # fmt: skip
def pdist(call: Call) -> Account:
    """The distance of every two rows; each pair once."""
    x = call.tensor()
    n = x.sizes[0]
    pairs = None if n is None else n * (n - 1) // 2
    return Account(((Unknown(pairs),),), (Ended((x.axis(1),), "contracted", x.sizes[1]),))
