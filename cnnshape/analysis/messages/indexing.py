"""Indices: beyond the size, too many, a mask of another shape."""

from __future__ import annotations

import re

from cnnshape.analysis.messages.place import Place
from cnnshape.analysis.messages.table import Found, Row, shape_group


def _assigned(_found: Found, place: Place) -> bool:
    """The line puts something into a part of a tensor: ``table[:, 1::2] = …``."""
    code = (place.source.code or "") if place.source is not None else ""
    return re.match(r"[\w.]+\[.*\]\s*=(?!=)", code) is not None


def _not_inside_torch(_found: Found, place: Place) -> bool:
    """The model's own code indexes, not that of one of torch's layers."""
    return not place.in_layer


INDEXING = (
    Row(
        "assign.sizes",
        r"The expanded size of the tensor \((?P<n>\d+)\) must match the existing size "
        r"\((?P<k>\d+)\) "
        r"at non-singleton dimension (?P<d>\d+)",
        "what is assigned does not fit into its place: dimension {d} takes {n}, and {k} come",
        when=_assigned,
    ),
    Row(
        "assign.sizes",
        rf"shape mismatch: value tensor of shape {shape_group('k')} cannot be broadcast to "
        rf"indexing "
        rf"result of shape {shape_group('n')}",
        "what is assigned, {k}, does not fit into its place, which is {n}",
    ),
    Row(
        "index.shape",
        rf"shape mismatch: indexing tensors could not be broadcast together with shapes "
        rf"{shape_group('a')}, {shape_group('b')}",
        "two tensors of indices must have one shape, but are {a} and {b}",
    ),
    Row(
        "index.shape",
        rf"Size does not match at dimension (?P<d>\d+) expected index {shape_group('k')} to be no "
        rf"larger "
        rf"than self {shape_group('n')} apart from dimension (?P<free>\d+)",
        "indices of {k} are larger than the tensor of {n} in dimension {d}; only dimension {free} "
        "is "
        "free",
    ),
    Row(
        "index.shape",
        r"Index tensor must have the same number of dimensions as (?:self|input|src) tensor",
        "the indices must have as many dimensions as the tensor that they pick from",
    ),
    Row(
        "index.shape",
        r"index_select\(\): Index is supposed to be a vector",
        "index_select takes indices of 1 dimension",
    ),
    Row(
        "index.shape",
        r"(?P<op>index_\w+?)_?\(\): Number of indices \((?P<n>\d+)\) should be equal to "
        r"source\.size\(dim\): \((?P<k>\d+)\)",
        "{op} has {n} indices for {k} parts: there must be one for each",
    ),
    Row(
        "embedding.index",
        r"Assertion `srcIndex < srcSelectDimSize`? failed",
        "an embedding has fewer rows than the index that arrives; the same call on the CPU says "
        "which",
    ),
    Row(
        "index.out_of_range",
        r"index out of range in self",
        "an index is beyond the size of the tensor that it picks from",
        when=lambda _found, place: place.functional and place.operation != "embedding",
    ),
    Row(
        "embedding.index",
        r"index out of range in self",
        "{who} has fewer rows than the index that arrives",
        layer="Embedding",
    ),
    Row(
        "index.out_of_range",
        r"index (?P<i>-?\d+) is out of bounds for dimension (?P<d>\d+) with size (?P<n>\d+)",
        "index {i} is outside of dimension {d}, which has {n} (0 to {last})",
        when=_not_inside_torch,
        more=lambda found: {"last": found["n"] - 1},
    ),
    Row(
        "index.out_of_range",
        rf"select\(\): index (?P<i>-?\d+) out of range for tensor of size {shape_group('input')} "
        rf"at "
        r"dimension (?P<d>\d+)",
        "index {i} is outside of dimension {d} of {input}",
    ),
    Row(
        "index.out_of_range",
        r"device-side assert triggered(?!.*(?:n_classes|srcIndex))",
        "an index is out of range on the GPU: that of an embedding, or a class number of the "
        "targets; "
        "the same call on the CPU says which",
    ),
    Row(
        "index.out_of_range",
        r"start \((?P<i>\d+)\) \+ length \((?P<k>\d+)\) exceeds dimension size \((?P<n>\d+)\)",
        "{k:number} from index {i} on reach beyond the {n} that there are",
    ),
    Row(
        "index.rank",
        r"invalid index of a 0-dim tensor",
        "a single number has no index",
    ),
    Row(
        "index.rank",
        r"too many indices for tensor of dimension (?P<k>\d+)",
        "there are more indices than the {k:dims} of the tensor",
    ),
    Row(
        "index.mask",
        rf"The shape of the mask {shape_group('n')} at index (?P<d>\d+) does not match the shape "
        rf"of "
        rf"the indexed tensor {shape_group('k')}",
        "a mask of {n} does not fit a tensor of {k}",
    ),
)
