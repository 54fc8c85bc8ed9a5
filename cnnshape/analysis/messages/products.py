"""Products: a linear layer, or any two matrices, that do not fit."""

from __future__ import annotations

from cnnshape.analysis.messages.place import Place
from cnnshape.analysis.messages.table import Fix, Found, Row, worded

_PRODUCT = (
    r"(?:mat1 and mat2 shapes cannot be multiplied \((?P<m>\d+)x(?P<k>\d+) and "
    r"(?P<n>\d+)x(?P<o>\d+)\)"
    r"|size mismatch, m1: \[(?P<m_>\d+) x (?P<k_>\d+)\], m2: \[(?P<n_>\d+) x (?P<o_>\d+)\]"
    r"|same reduction dim, but got \[(?P<m__>\d+), (?P<k__>\d+)\] X \[(?P<n__>\d+), (?P<o__>\d+)\])"
)


def _product(found: Found) -> Found:
    return {
        name: next(found[name + bar] for bar in ("", "_", "__") if found[name + bar] != "")
        for name in "mkno"
    }


def _is_linear(found: Found, place: Place) -> bool:
    """A linear layer, or where nothing says which product it was, most likely one."""
    del found
    return place.operation == "linear" or (place.source is None and not place.operation)


def _picture_without_batch(found: Found, place: Place) -> bool:
    sizes = _product(found)
    return _is_linear(found, place) and sizes["m"] * sizes["k"] == sizes["n"] and sizes["m"] > 1


def _rows_of_pictures(found: Found, place: Place) -> bool:
    """N·C·W rows of W, the last dimension of square pictures, where C·W·W are expected."""
    sizes = _product(found)
    square = sizes["k"] ** 2
    if not _is_linear(found, place) or sizes["k"] < 2 or sizes["n"] % square:
        return False
    return sizes["m"] % (sizes["n"] // square * sizes["k"]) == 0


def _not_pooled_perhaps(found: Found, place: Place) -> bool:
    """As well N·C·W rows where C are expected, and nothing says which of both."""
    sizes = _product(found)
    return _rows_of_pictures(found, place) and sizes["m"] % (sizes["n"] * sizes["k"]) == 0


_IN_FEATURES = Fix(
    "nn.Linear(in_features={k}, out_features={o})", "in_features", before="n", after="k"
)

PRODUCTS = (
    Row(
        "input.missing_batch",
        _PRODUCT,
        "{who} expects {n:feature}, but {k:arrive}: {m}·{k} = {n}, so one picture may have come "
        "without its batch, and its first dimension was taken for it",
        (
            Fix(worded("x.unsqueeze(0), for one picture"), action="set_input"),
            _IN_FEATURES,
        ),
        layer="Linear",
        when=_picture_without_batch,
        more=_product,
    ),
    Row(
        "linear.in_features",
        _PRODUCT,
        "{who} expects {n:feature}, but {k:arrive} in {m} rows: as many as rows of pictures that "
        "are neither flattened nor pooled",
        (
            Fix(worded("x.mean((2, 3)), if {n} is the number of channels"), action="change_call"),
            Fix(
                worded("torch.flatten(x, 1), if {n} is channels × height × width"),
                action="change_call",
            ),
        ),
        layer="Linear",
        when=_not_pooled_perhaps,
        more=_product,
    ),
    Row(
        "linear.missing_flatten",
        _PRODUCT,
        "{who} expects {n:feature}, but {k:arrive} in {m} rows: as many as rows of pictures that "
        "are not flattened",
        (Fix("torch.flatten(x, 1)", action="insert_before"),),
        layer="Linear",
        when=_rows_of_pictures,
        more=_product,
    ),
    Row(
        "linear.in_features",
        _PRODUCT,
        "{who} expects {n:feature}, but {k:arrive}",
        (_IN_FEATURES,),
        layer="Linear",
        when=_is_linear,
        more=_product,
    ),
    Row(
        "matmul.sizes",
        _PRODUCT,
        "{m}×{k} times {n}×{o} does not fit: each row of the first has {k:number}, each column of "
        "the second {n}",
        more=_product,
    ),
    Row(
        "matmul.sizes",
        r"size mismatch, got input \(\d+\), mat \((?P<m>\d+)x(?P<k>\d+)\), vec \((?P<n>\d+)\)",
        "{m}×{k} times {n} does not fit: each row of the first has {k:number}, the second {n}",
    ),
    Row(
        "matmul.sizes",
        r"inconsistent tensor size, expected tensor \[(?P<k>\d+)\] and src \[(?P<n>\d+)\]",
        "a product of two vectors does not fit: one has {k:number}, the other {n}",
    ),
    Row(
        "matmul.sizes",
        r"contracted dimensions need to match, but first has size (?P<k>\d+) in dim (?P<i>-?\d+) "
        r"and "
        r"second has size (?P<n>\d+) in dim (?P<j>-?\d+)",
        "tensordot sums over dimension {i} of {k} and dimension {j} of {n}, which must be equal",
    ),
    Row(
        "bilinear.in_features",
        r"bilinear\(\): input(?P<place>\d) size does not match weight size: got (?P<k>\d+) but "
        r"expected (?P<n>\d+)",
        "{who} expects {n:feature} in its input {place}, but {k:arrive}",
        (Fix(worded("in{place}_features={k} instead of {n}"), "in{place}_features", "n", "k"),),
        layer="Bilinear",
    ),
    Row(
        "bilinear.sizes",
        r"bilinear\(\): input batch dimensions do not match at dim (?P<d>\d+): got (?P<a>\d+) and "
        r"(?P<b>\d+)",
        "the inputs of {who} differ in dimension {d}: {a} and {b}",
        layer="Bilinear",
    ),
)
