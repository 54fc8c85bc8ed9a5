"""Two tensors that do not fit each other: added, joined, multiplied."""

from __future__ import annotations

from cnnshape.analysis.messages.place import Place
from cnnshape.analysis.messages.table import Found, Number, Row, shape_group, sizes_of
from cnnshape.messages import say

_PAIR = r"The size of tensor a \((?P<a>\d+)\) must match the size of tensor b \((?P<b>\d+)\)"
_BATCH2 = (
    r"Expected size for first two dimensions of batch2 tensor to be: \[(?P<n>\d+, \d+)\] but got: "
    r"\[(?P<k>\d+, \d+)\]"
)


def _in_a_loss(_found: Found, place: Place) -> bool:
    return place.operation in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div")


def _met(found: Found) -> Found:
    """What does not fit: the expression, where it is known."""
    return {"what": found["expression"] or say("a sum, product or comparison")}


def _stacks(found: Found) -> bool:
    """Both have three dimensions: the first of them is the number of products."""
    return sizes_of(found["n"])[0] != sizes_of(found["k"])[0]


def _columns(found: Found) -> Found:
    wanted, arrived = sizes_of(found["n"]), sizes_of(found["k"])
    return {
        "what": found["expression"] or say("a product"),
        "wanted": Number(wanted[-1]),
        "arrived": Number(arrived[-1]),
        "many": Number(wanted[0]),
        "other": Number(arrived[0]),
    }


FITTING = (
    Row(
        "loss.shapes",
        _PAIR,
        "predictions and targets must have the same shape, but one has {a} where the other has {b}",
        when=_in_a_loss,
    ),
    Row(
        "attention.mask",
        _PAIR + r" at non-singleton dimension (?P<d>\d+)",
        "the attention mask does not fit the scores (… × query length × key length): {a} and {b} "
        "in "
        "dimension {d}",
        when=lambda _found, place: place.operation == "scaled_dot_product_attention",
    ),
    Row(
        "broadcast",
        _PAIR + r" at non-singleton dimension (?P<d>\d+)",
        "{what} does not fit: in dimension {d} one has {a} and the other {b}",
        more=_met,
    ),
    Row(
        "broadcast",
        _PAIR,
        "{what} does not fit: one has {a} where the other has {b}",
        more=_met,
    ),
    Row(
        "broadcast",
        r"Attempting to broadcast a dimension of length (?P<b>\d+) at (?P<d>-?\d+)",
        "{what} does not fit: one has {b} in dimension {d}, and the other something else",
        more=_met,
    ),
    Row(
        "broadcast.in_place",
        rf"output with shape {shape_group('a')} doesn't match the broadcast shape "
        rf"{shape_group('b')}",
        "the result would be {b}, and an in-place operation cannot enlarge its tensor, which is "
        "{a}",
    ),
    Row(
        "cat.sizes",
        r"Sizes of tensors must match except in dimension (?P<d>-?\d+)\. Expected size (?P<a>\d+) "
        r"but "
        r"got size (?P<b>\d+) for tensor number (?P<i>\d+) in the list",
        "cat joins along dimension {d}, so all else must agree, but one tensor has {a} where "
        "tensor "
        "{i} of the list (counted from 0) has {b}",
    ),
    Row(
        "cat.rank",
        r"Tensors must have same number of dimensions: got (?P<a>\d+) and (?P<b>\d+)",
        "cat needs tensors with equally many dimensions, but one has {a} and another {b}",
    ),
    Row(
        "stack.sizes",
        rf"stack expects each tensor to be equal size, but got {shape_group('a')} at entry "
        rf"(?P<i>\d+) "
        rf"and {shape_group('b')} at entry (?P<j>\d+)",
        "stack needs tensors of one size, but entry {i} is {a} and entry {j} is {b}",
    ),
    Row(
        "matmul.batch",
        _BATCH2,
        "{many} matrices are multiplied with {other}: both need equally many",
        when=lambda found, _place: _stacks(found),
        more=_columns,
    ),
    Row(
        "matmul.sizes",
        _BATCH2,
        "{what} does not fit: each row of the first has {wanted:number}, each column of the second "
        "{arrived}",
        more=_columns,
    ),
    Row(
        "matmul.rank",
        r"(?P<which>batch1|batch2|self|mat2) must be a (?P<what>3D tensor|matrix)",
        "a product needs a {what} for {which}, and gets another number of dimensions",
        more=lambda found: {
            "what": say("matrix") if found["what"] == "matrix" else say("3D tensor")
        },
    ),
    Row(
        "matmul.rank",
        r"1D tensors expected, but got (?P<a>\d)D and (?P<b>\d)D tensors",
        "dot takes two tensors of 1 dimension, but {a} and {b} dimensions arrive",
    ),
    Row(
        "einsum.sizes",
        r"einsum\(\): subscript (?P<letter>\w) has size (?P<b>\d+) for operand (?P<i>\d+) which "
        r"does "
        r"not broadcast with previously seen size (?P<a>\d+)",
        "einsum's '{letter}' is {b} in operand {i} (counted from 0), but {a} in an earlier one",
    ),
    Row(
        "einsum.rank",
        r"einsum\(\): the number of subscripts in the equation \((?P<n>\d+)\) does not match the "
        r"number of dimensions \((?P<k>\d+)\) for operand (?P<i>\d+)",
        "einsum has {n:letter} for operand {i} (counted from 0), which has {k:dims}",
    ),
)
