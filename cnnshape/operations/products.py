"""Linear layers, matrix products and attention.

What is counted. A multiply-accumulate is one product added to a sum. Those of convolutions,
linear layers, matrix products and attention count, bias, norms and elementwise work do not.

* A contraction of size 1 counts one for each number of its result: ``(n × 1) @ (1 × m)`` is a
  matrix product of ``n · m`` products, although nothing is added to them.
* So an outer product (``outer``, ``kron``, ``addr``, a product of letters in an einsum) counts
  one for each of its numbers: it is that same matrix product under another name.
* A sum that an einsum pulls out (``i`` and ``j`` in ``ij,k->k``) counts nothing: it is done
  before the product, by additions alone, as a reduction is.
* All pairs of rows compared by ``cdist`` count as the product of the rows with the rows, which
  the Euclidean distance is made of; other distances multiply nothing that could be counted.
* A chain of matrices counts from the left, as it is written; torch may find a cheaper order.
* Masks, also causal ones, save nothing. What depends on values (a sparse matrix, a block mask,
  the branch of a ``cond``) is unknown.

Source: https://docs.pytorch.org/docs/stable/torch.html#blas-and-lapack-operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase
from typing import Any, Final

from cnnshape.operations.axes import (
    Account,
    Broadcast,
    Ended,
    Need,
    Origin,
    Size,
    Unknown,
    Written,
    merged,
    over,
    times,
    total,
)
from cnnshape.operations.broadcasting import Line, aligned, lines, overlaid
from cnnshape.operations.call import Call, Operand, Unfit, operands
from cnnshape.operations.table import Table

PRODUCTS = Table()
_FUNCTIONAL = "torch.nn.functional."


def _against(a: Operand, axis: int, b: Operand, other: int) -> tuple[Ended, Need]:
    """Axis ``axis`` of ``a`` summed against axis ``other`` of ``b``."""
    one, two = a.axis(axis), b.axis(other)
    left, right = a.sizes[axis], b.sizes[other]
    # They have to agree, and the number of a weight is simpler than the expression that arrives.
    size = right if isinstance(right, int) else left
    return Ended((one, two), "contracted", size), Need(left, "==", right, "", one, two)


# ---- linear layers ------------------------------------------------------------------------


def _linear_rule(call: Call) -> tuple[str, dict[str, Any]]:
    features, expected = call.tensor("weight").sizes
    return "linear", {"in_features": expected, "out_features": features}


@PRODUCTS.add("linear mkldnn_linear", "linear", "input weight bias=None", rule=_linear_rule,
              macs="contracted", dtypes="alike", source=_FUNCTIONAL + "linear")  # fmt: skip
def linear(call: Call) -> Account:
    """The last axis summed against every row of the weight; a weight of one row may be bare."""
    x, weight = call.tensor(), call.tensor("weight")
    ended, need = _against(x, -1, weight, -1)
    features = tuple(Written(n) for n in weight.sizes[:-1])
    need = replace(need, name="in_features")
    return Account(((*x.all_kept(0, -1), *features),), (ended,), (need,))


def _bilinear_rule(call: Call) -> tuple[str, dict[str, Any]]:
    features, first, second = call.tensor("weight").sizes
    return "bilinear", {
        "input2_shape": call.tensor("input2").sizes,
        "out_features": features,
        "in1_features": first,
        "in2_features": second,
    }


def _bilinear_macs(call: Call) -> Size:
    """``x₁ᵀ A x₂``: first ``x₁`` with every ``A``, then what came out with ``x₂``."""
    _, first, second = call.tensor("weight").sizes
    each = total((times((first, second)), second))
    return times((*bilinear(call).sizes[0], each))


@PRODUCTS.add("bilinear", "linear", "input|input1 input2 weight bias=None", rule=_bilinear_rule,
              macs=_bilinear_macs, dtypes="alike", source=_FUNCTIONAL + "bilinear")  # fmt: skip
def bilinear(call: Call) -> Account:
    """The last axes of two inputs summed against a weight for each output."""
    x, y, weight = call.tensor(), call.tensor("input2"), call.tensor("weight")
    first, one = _against(x, -1, weight, 1)
    second, two = _against(y, -1, weight, 2)
    lead, needs = aligned(lines(x, 0, -1), lines(y, 0, -1))
    named = (replace(one, name="in1_features"), replace(two, name="in2_features"))
    return Account(((*lead, Written(weight.sizes[0])),), (first, second), (*named, *needs))


# ---- two matrices -------------------------------------------------------------------------

_TWO = "input|x|mat_a|sparse|mat1 other|mat2|mat_b|tensor|tensor2|vec|vec2|dense|y"


def product(a: Operand, b: Operand) -> Account:
    """``a @ b``: rows of ``a`` against columns of ``b``; a vector is a single row or column."""
    ended, need = _against(a, -1, b, -2 if b.rank > 1 else -1)
    lead, needs = aligned(lines(a, 0, -2), lines(b, 0, -2))
    columns = b.all_kept(-1) if b.rank > 1 else ()
    return Account(((*lead, *a.all_kept(-2, -1), *columns),), (ended,), (need, *needs))


@PRODUCTS.add("matmul linalg_matmul mm bmm mv dot vdot", "linear", _TWO, macs="contracted",
              dtypes="alike", source="torch.matmul")  # fmt: skip
@PRODUCTS.add("int_mm scaled_mm scaled_mm_v2", "linear", _TWO, macs="contracted",
              source="torch.matmul")  # fmt: skip
def matmul(call: Call) -> Account:
    """Two matrices, with broadcasting of what stands before them."""
    return product(call.tensor(), call.tensor("other"))


@PRODUCTS.add("rmatmul", "linear", "input other", macs="contracted", dtypes="alike",
              source="torch.matmul")  # fmt: skip
def rmatmul(call: Call) -> Account:
    """``other @ input``, as the operator of the right operand is called."""
    return product(call.tensor("other"), call.tensor())


@PRODUCTS.add("sparse_mm sparse_sparse_matmul smm spmm hspmm", "linear", _TWO, macs=None,
              source="torch.sparse.mm")  # fmt: skip
def sparse_mm(call: Call) -> Account:
    """Two matrices, of which only what is not 0 is multiplied: how much that is, nobody knows."""
    return product(call.tensor(), call.tensor("other"))


@PRODUCTS.add("weight_int8pack_mm", "linear", _TWO, macs="contracted",
              source="torch.ops.aten._weight_int8pack_mm")  # fmt: skip
@PRODUCTS.add("inner", "linear", _TWO, macs="contracted", dtypes="alike")
def inner(call: Call) -> Account:
    """The last axes of two tensors against each other, all rows with all rows."""
    a, b = call.tensor(), call.tensor("other")
    if not a.rank or not b.rank:
        return Account(((*a.all_kept(), *b.all_kept()),))
    ended, need = _against(a, -1, b, -1)
    return Account(((*a.all_kept(0, -1), *b.all_kept(0, -1)),), (ended,), (need,))


@PRODUCTS.add("vecdot linalg_vecdot", "linear", f"{_TWO} dim=-1",
              macs="contracted", dtypes="alike", source="torch.linalg.vecdot")  # fmt: skip
def vecdot(call: Call) -> Account:
    """Vectors along one axis against each other, row by row."""
    a, b = call.tensor(), call.tensor("other")
    origins, needs = aligned(lines(a), lines(b))
    axis = call.axis("dim", len(origins))
    gone = origins[axis]
    ended = Ended(gone.sources, "contracted", gone.size)
    return Account(((*origins[:axis], *origins[axis + 1 :]),), (ended,), needs)


@PRODUCTS.add("outer ger", "linear", _TWO, macs="contracted")
def outer(call: Call) -> Account:
    """Every number of one vector with every number of another."""
    a, b = call.tensor(), call.tensor("other")
    return Account(((a.kept(0), b.kept(0)),))


@PRODUCTS.add("kron", "linear", _TWO, macs="contracted")
def kron(call: Call) -> Account:
    """Every number of one tensor replaced by itself times the other tensor."""
    a, b = call.tensor(), call.tensor("other")
    rank = max(a.rank, b.rank)
    pairs = ([x.kept(-back) for x in (a, b) if x.rank >= back] for back in range(rank, 0, -1))
    return Account((tuple(merged(pair) for pair in pairs),))


def _distance_macs(call: Call) -> Size:
    """The Euclidean distance is made of products; others of differences alone."""
    return cdist(call).products if call["p"] == 2 else None


@PRODUCTS.add("cdist cdist_forward euclidean_dist", "linear", "input|x1 other|x2 p=2.0",
              macs=_distance_macs, source="torch.cdist")  # fmt: skip
def cdist(call: Call) -> Account:
    """The distances of all rows of one tensor from all rows of another."""
    a, b = call.tensor(), call.tensor("other")
    ended, need = _against(a, -1, b, -1)
    lead, needs = aligned(lines(a, 0, -2), lines(b, 0, -2))
    return Account(((*lead, a.kept(-2), b.kept(-2)),), (ended,), (need, *needs))


# ---- a product added to something ---------------------------------------------------------

_ADDED = "input one|mat|mat1|batch1|vec1 two|mat2|batch2|vec|vec2"


def _added(x: Operand, made: Account) -> Account:
    """``x`` laid over a product, which is as large as it becomes."""
    origins, needs = list(made.results[0]), list(made.needs)
    for back in range(1, x.rank + 1):
        origin, source = origins[-back], x.axis(-back)
        if x.shape[-back] != 1:
            needs.append(Need(x.sizes[-back], "==", origin.size, "", source, origin.sources[0]))
        origins[-back] = Broadcast((*origin.sources, source), origin.size)
    return Account((tuple(origins),), made.ended, tuple(needs))


@PRODUCTS.add("addmm addmv baddbmm addmm_activation", "linear", _ADDED,
              macs="contracted", dtypes="alike", source="torch.addmm")  # fmt: skip
@PRODUCTS.add("sparse_addmm sparse_sampled_addmm sampled_addmm saddmm sspaddmm", "linear", _ADDED,
              macs=None, source="torch.sparse.addmm")  # fmt: skip
def addmm(call: Call) -> Account:
    """A matrix product added to the input, which is broadcast to it."""
    return _added(call.tensor(), product(call.tensor("one"), call.tensor("two")))


@PRODUCTS.add("addbmm", "linear", _ADDED, macs="contracted", dtypes="alike")
def addbmm(call: Call) -> Account:
    """The sum of a batch of matrix products added to the input."""
    made = product(call.tensor("one"), call.tensor("two"))
    batch, *matrix = made.results[0]
    ended = (*made.ended, Ended(batch.sources, "contracted", batch.size))
    return _added(call.tensor(), Account((tuple(matrix),), ended, made.needs))


@PRODUCTS.add("addr", "linear", _ADDED, macs="contracted")
def addr(call: Call) -> Account:
    """An outer product added to the input."""
    one, two = call.tensor("one"), call.tensor("two")
    return _added(call.tensor(), Account(((one.kept(0), two.kept(0)),)))


# ---- several matrices ---------------------------------------------------------------------


def _chain_macs(call: Call) -> Size:
    """From the left, as it is written; a vector is one row, or one column."""
    first, *others = call.tensors
    rows = first.sizes[0] if first.rank > 1 else 1
    columns = (x.sizes[1] if x.rank > 1 else 1 for x in others)
    return total(times((rows, x.sizes[0], n)) for x, n in zip(others, columns, strict=True))


@PRODUCTS.add("chain_matmul multi_dot linalg_multi_dot", "linear", macs=_chain_macs,
              dtypes="alike", source="torch.linalg.multi_dot")  # fmt: skip
def multi_dot(call: Call) -> Account:
    """A chain of matrices; the first and last may be vectors."""
    tensors = call.tensors
    pairs = [_against(a, -1, b, 0) for a, b in pairwise(tensors)]
    origins = (*tensors[0].all_kept(0, -1), *tensors[-1].all_kept(1))
    return Account((origins,), tuple(e for e, _ in pairs), tuple(need for _, need in pairs))


def _power_macs(call: Call) -> Size:
    """By squaring: a product for each binary digit after the first, one more for each 1."""
    x, n = call.tensor(), call["n"]
    if n < 0:
        return None  # of the inverse, whose cost nobody has counted
    products = max(n.bit_length() - 1, 0) + max(n.bit_count() - 1, 0)
    return times((products, *x.sizes, x.sizes[-1]))


@PRODUCTS.add("matrix_power linalg_matrix_power", "linear", "input n", macs=_power_macs,
              source="torch.linalg.matrix_power")  # fmt: skip
def matrix_power(call: Call) -> Account:
    """A square matrix multiplied with itself."""
    x = call.tensor()
    ended, need = _against(x, -1, x, -2)
    return Account((x.all_kept(),), (ended,), (need,))


# ---- sums over named axes -----------------------------------------------------------------

_LETTERS: Final = ascii_uppercase + ascii_lowercase  # as torch numbers them


@dataclass(frozen=True, slots=True)
class _Equation:
    """An einsum: the letters of every tensor's axes, and of the result's.

    The axes under an ellipsis are ``...2``, ``...1``: they are aligned at their end.
    """

    terms: tuple[tuple[str, ...], ...]
    target: tuple[str, ...]
    tensors: tuple[Operand, ...]

    def axes(self) -> dict[str, list[Line]]:
        """The axes that stand under every letter."""
        found: dict[str, list[Line]] = {}
        for term, x in zip(self.terms, self.tensors, strict=True):
            for letter, line in zip(term, lines(x), strict=True):
                found.setdefault(letter, []).append(line)
        return found


def _equation(call: Call) -> _Equation:
    text, tensors = _written(call["equation"], call["operands"])
    left, arrow, right = text.replace(" ", "").partition("->")
    parts = left.split(",")
    terms = tuple(_letters(part, x.rank) for part, x in zip(parts, tensors, strict=True))
    every = [letter for term in terms for letter in term]
    hidden = sorted({n for n in every if len(n) > 1}, key=lambda n: -int(n[3:]))
    if not arrow:
        once = sorted(n for n in every if len(n) == 1 and every.count(n) == 1)
        return _Equation(terms, (*hidden, *once), tensors)
    before, dots, after = right.partition("...")
    return _Equation(terms, (*before, *(hidden if dots else ()), *after), tensors)


def _written(first: Any, rest: tuple[Any, ...]) -> tuple[str, tuple[Operand, ...]]:
    """``einsum(x, [0, 1], y, [1, 2], [0, 2])`` as ``AB,BC->AC`` and its tensors."""
    if isinstance(first, str):
        return first, tuple(operands(rest))
    lists = rest if rest and isinstance(rest[0], tuple) else (rest,)
    items = (first, *lists)
    terms = ",".join(map(_spelled, items[1::2]))
    arrow = f"->{_spelled(items[-1])}" if len(items) % 2 else ""
    return terms + arrow, tuple(operands(items))


def _spelled(numbers: Sequence[Any]) -> str:
    return "".join(n if n == "..." else _LETTERS[n] for n in numbers)


def _letters(term: str, rank: int) -> tuple[str, ...]:
    """One letter for each of ``rank`` axes.

    >>> _letters("a...b", 4)
    ('a', '...2', '...1', 'b')
    """
    before, dots, after = term.partition("...")
    hidden = rank - len(before) - len(after)
    if hidden < 0 or (hidden and not dots):
        raise Unfit("another number of letters than axes")
    return (*before, *(f"...{n}" for n in range(hidden, 0, -1)), *after)


def _einsum_macs(call: Call) -> Size:
    """From the left, tensor by tensor; what one side alone has, and no one later, is summed first.

    Letters of size 1 are not looked at: they are stretched, and are factors of 1 elsewhere.
    """
    equation = _equation(call)
    sizes = {letter: overlaid(axes)[0].size for letter, axes in equation.axes().items()}
    pairs = zip(equation.terms, equation.tensors, strict=True)
    done, *others = ({n for n, m in zip(term, x.shape, strict=True) if m != 1} for term, x in pairs)
    counts: list[Size] = []
    for at, term in enumerate(others, start=1):
        later = set(equation.target).union(*others[at:])
        kept = {letter for letter in done | term if letter in later or letter in done & term}
        counts.append(times(sizes[letter] for letter in sizes if letter in kept))
        done = kept & later
    return total(counts)


@PRODUCTS.add("einsum", "linear", "equation *operands|tensors", macs=_einsum_macs, dtypes="alike")
def einsum(call: Call) -> Account:
    """Every letter of the equation is an axis; those that the result lacks are summed."""
    equation = _equation(call)
    origins: dict[str, Origin] = {}
    needs: list[Need] = []
    for letter, axes in equation.axes().items():
        origins[letter], more = overlaid(axes)
        needs += more
    gone = (origin for letter, origin in origins.items() if letter not in equation.target)
    ended = tuple(
        Ended(o.sources, "contracted" if len(o.sources) > 1 else "reduced", o.size) for o in gone
    )
    return Account((tuple(origins[n] for n in equation.target),), ended, tuple(needs))


@PRODUCTS.add("tensordot", "linear", "input|a other|b dims|dims_self=2 dims_other=None",
              macs="contracted", dtypes="alike")  # fmt: skip
def tensordot(call: Call) -> Account:
    """Some axes of two tensors against each other: the last of one, the first of the other."""
    a, b = call.tensor(), call.tensor("other")
    dims, others = call["dims"], call["dims_other"]
    if isinstance(dims, int):
        dims, others = tuple(range(a.rank - dims, a.rank)), tuple(range(dims))
    elif others is None:
        dims, others = dims
    pairs = [_against(a, one, b, other) for one, other in zip(dims, others, strict=True)]
    gone = {source for ended, _ in pairs for source in ended.axes}
    left = tuple(x.kept(n) for x in (a, b) for n in range(x.rank) if x.axis(n) not in gone)
    return Account((left,), tuple(e for e, _ in pairs), tuple(need for _, need in pairs))


# ---- a product for each group -------------------------------------------------------------


def _grouped_macs(call: Call) -> Size:
    """Each row meets the matrix of its group alone; only where both have groups are they axes."""
    a, b = call.tensor(), call.tensor("other")
    groups = a.sizes[0] if a.rank == b.rank == 3 else 1
    return times((groups, *a.sizes[-2:], b.sizes[-1]))


@PRODUCTS.add("grouped_mm", "linear", f"{_TWO} offs=None", macs=_grouped_macs,
              source=_FUNCTIONAL + "grouped_mm")  # fmt: skip
@PRODUCTS.add("scaled_grouped_mm scaled_grouped_mm_v2", "linear",
              f"{_TWO} scale_a scale_b offs=None", macs=_grouped_macs,
              source=_FUNCTIONAL + "scaled_grouped_mm")  # fmt: skip
def grouped_mm(call: Call) -> Account:
    """A matrix product in every group.

    A tensor without an axis of groups is cut by the offsets: into rows or columns, or, where
    neither has one, into parts of the axis that is summed.
    """
    a, b = call.tensor(), call.tensor("other")
    if a.rank == b.rank == 3:
        return product(a, b)
    ended, need = _against(a, -1, b, -2)
    cut = a.rank == b.rank == 2
    groups = (Written(call.tensor("offs").sizes[0]),) if cut else ()
    dealt = tuple(Ended((x.axis(0),), "picked", x.sizes[0]) for x in (a, b) if x.rank == 3)
    return Account(((*groups, a.kept(-2), b.kept(-1)),), (ended, *dealt), (need,))


# ---- attention ----------------------------------------------------------------------------


def _attention_macs(call: Call) -> Size:
    """Q·Kᵀ, then its rows with V, in every head."""
    query, key, value = (call.tensor(name) for name in ("query", "key", "value"))
    lead = attention(call).sizes[0][:-1]
    return times((*lead, key.sizes[-2], total((query.sizes[-1], value.sizes[-1]))))


@PRODUCTS.add("scaled_dot_product_attention", "attention",
              "query key value attn_mask=None dropout_p=0.0 is_causal=False scale=None "
              "enable_gqa=False", macs=_attention_macs, everywhere=True, dtypes="alike",
              source=_FUNCTIONAL + "scaled_dot_product_attention")  # fmt: skip
@PRODUCTS.add("scaled_dot_product_efficient_attention scaled_dot_product_cudnn_attention "
              "scaled_dot_product_fused_attention_overrideable", "attention",
              "query key value attn_mask|attn_bias=None", macs=_attention_macs, everywhere=True,
              source=_FUNCTIONAL + "scaled_dot_product_attention")  # fmt: skip
def attention(call: Call) -> Account:
    """The query's length, the value's width."""
    query, key, value = (call.tensor(name) for name in ("query", "key", "value"))
    mask = call.optional("attn_mask")
    every = (query, key, value) if mask is None else (query, key, value, mask)
    features, equal = _against(query, -1, key, -1)
    length, same = overlaid(x for each in every[1:] for x in _positions_of_keys(each, mask))
    rows, fitting = overlaid(x for each in (query, *every[3:]) for x in lines(each, -2, -1))
    grouped = bool(call.arguments.get("enable_gqa")) or call.name == "flex_attention"
    lead, needs = _heads(every, grouped=grouped)
    ended = (features, Ended(length.sources, "contracted", length.size))
    origins = (*lead, rows, value.kept(-1))
    return Account((origins,), ended, (equal, *same, *needs, *fitting))


def _positions_of_keys(x: Operand, mask: Operand | None) -> tuple[Line, ...]:
    """They are the rows of keys and values, and the columns of a mask."""
    return lines(x, -1) if x is mask else lines(x, -2, -1)


def _heads(
    every: Sequence[Operand], *, grouped: bool
) -> tuple[tuple[Origin, ...], tuple[Need, ...]]:
    """Batch and heads; where heads of the query share a key, there are as many as of the query."""
    if not grouped:
        return aligned(*(lines(x, 0, -2) for x in every))
    query, key, *_ = every
    batch, needs = aligned(*(lines(x, 0, -3) for x in every))
    shared = times((over(query.sizes[-3], key.sizes[-3]), key.sizes[-3]))
    need = Need(query.sizes[-3], "==", shared, "", query.axis(-3), key.axis(-3))
    heads = tuple(x.axis(-3) for x in every if x.rank > 2)
    return (*batch, Broadcast(heads, query.sizes[-3])), (*needs, need)


@PRODUCTS.add("scaled_dot_product_flash_attention scaled_dot_product_flash_attention_for_cpu",
              "attention", "query key value", macs=_attention_macs, everywhere=True,
              source=_FUNCTIONAL + "scaled_dot_product_attention")  # fmt: skip
def flash_attention(call: Call) -> Account:
    """An attention, and the logarithm of each query's sum."""
    account = attention(call)
    return replace(account, results=(*account.results, account.results[0][:-1]))


@PRODUCTS.add("scaled_dot_product_attention_math", "attention",
              "query key value attn_mask=None dropout_p=0.0 is_causal=False dropout_mask=None "
              "scale=None enable_gqa=False", macs=_attention_macs, everywhere=True,
              source=_FUNCTIONAL + "scaled_dot_product_attention")  # fmt: skip
def attention_with_weights(call: Call) -> Account:
    """An attention, and the weight of every key for every query."""
    account = attention(call)
    weights = (*account.results[0][:-1], call.tensor("key").kept(-2))
    return replace(account, results=(*account.results, weights))


#: The size of a block where there is no mask: larger than any sequence.
_NO_BLOCKS: Final = 1 << 30


def _flex_macs(call: Call) -> Size:
    """A block mask leaves out what nobody has counted."""
    mask = call["block_mask"]
    every = mask is None or _NO_BLOCKS in (item for item in mask if isinstance(item, int))
    return _attention_macs(call) if every else None


@PRODUCTS.add("flex_attention", "attention",
              "query key value score_mod=None block_mask=None scale=None kernel_options=None",
              macs=_flex_macs, everywhere=True,
              source="torch.nn.attention.flex_attention.flex_attention")  # fmt: skip
def flex_attention(call: Call) -> Account:
    """Scores of one's own; also the logarithm of each query's sum, and its largest score."""
    account = attention(call)
    each = account.results[0][:-1]
    return replace(account, results=(*account.results, each, each))


# ---- attention with its projections -------------------------------------------------------

_PROJECTED = (
    "query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v "
    "add_zero_attn dropout_p out_proj_weight out_proj_bias training=True "
    "key_padding_mask=None need_weights=True attn_mask=None use_separate_proj_weight=False "
    "q_proj_weight=None k_proj_weight=None v_proj_weight=None static_k=None static_v=None "
    "average_attn_weights=True is_causal=False"
)


def _projected_macs(query: Operand, key: Operand, value: Operand, *, keys: Size, out: Size) -> Size:
    """Three projections in, the attention of all heads together, one projection out.

    The projections in, and so all heads together, are as wide as the query; ``out`` is the width
    of the one out, ``keys`` how many there are for each query.
    """
    width = query.sizes[-1]
    into = (times((*x.sizes, width)) for x in (query, key, value))
    return total((*into, times((2, *query.sizes, keys)), times((*query.sizes, out))))


def _multi_head_macs(call: Call) -> Size:
    query, key, value = (call.tensor(name) for name in ("query", "key", "value"))
    out = call.tensor("out_proj_weight").sizes[0]
    return _projected_macs(query, key, value, keys=_keys(call).size, out=out)


def _keys(call: Call) -> Origin:
    """The keys that every query meets: those that arrive, and those put behind them."""
    static = call.optional("static_k")
    kept = call.tensor("key").kept(0) if static is None else static.kept(1)
    more = (call.optional("bias_k") is not None) + (call["add_zero_attn"] is True)
    return Unknown(total((kept.size, more))) if more else kept


@PRODUCTS.add("multi_head_attention_forward", "attention", _PROJECTED, macs=_multi_head_macs,
              everywhere=True, dtypes="alike", source="torch.nn.MultiheadAttention")  # fmt: skip
def multi_head_attention(call: Call) -> Account:
    """The query's length, the width of the projection out; and how much each key weighed."""
    query, key, value = (call.tensor(name) for name in ("query", "key", "value"))
    lead = query.all_kept(0, -1)
    results: list[tuple[Origin, ...]] = [(*lead, Written(call.tensor("out_proj_weight").sizes[0]))]
    if call["need_weights"]:
        heads = () if call["average_attn_weights"] else (Written(call.size("num_heads")),)
        results.append((*lead[1:], *heads, lead[0], _keys(call)))
    return Account(tuple(results), _seen(query, key, value, 0), _projected_needs(call))


def _seen(query: Operand, key: Operand, value: Operand, length: int) -> tuple[Ended, ...]:
    """The features of all three, and the positions of keys and values."""
    keys = Ended((key.axis(length), value.axis(length)), "contracted", key.sizes[length])
    return (
        keys, *(Ended((x.axis(-1),), "contracted", x.sizes[-1]) for x in (query, key, value))
    )  # fmt: skip


def _projected_needs(call: Call) -> tuple[Need, ...]:
    """The widths that the projections were made for; keys as many as values."""
    query, key, value = (call.tensor(name) for name in ("query", "key", "value"))
    width = call.size("embed_dim_to_check")
    expected = (
        (query, width, "embed_dim", None),
        (key, width, "kdim", call.optional("k_proj_weight")),
        (value, width, "vdim", call.optional("v_proj_weight")),
    )
    needs = [
        Need(x.sizes[-1], "==", n if weight is None else weight.sizes[1], name, x.axis(-1))
        for x, n, name, weight in expected
    ]
    for axis in range(key.rank - 1):
        for one, other in ((key, value), (query, key)):
            if axis or one is key:
                ends = (one.axis(axis), other.axis(axis))
                needs.append(Need(one.sizes[axis], "==", other.sizes[axis], "", *ends))
    return tuple(needs)


def _native_macs(call: Call) -> Size:
    query, key, value = (call.tensor(name) for name in ("query", "key", "value"))
    out = call.tensor("proj_weight").sizes[0]
    return _projected_macs(query, key, value, keys=key.sizes[1], out=out)


@PRODUCTS.add("native_multi_head_attention", "attention",
              "query key value embed_dim num_head qkv_weight qkv_bias proj_weight proj_bias "
              "mask=None need_weights=True average_attn_weights=True",
              macs=_native_macs, everywhere=True, source="torch.nn.MultiheadAttention")  # fmt: skip
def native_multi_head_attention(call: Call) -> Account:
    """The same with the batch first, as one kernel."""
    query, key, value = (call.tensor(name) for name in ("query", "key", "value"))
    batch, length, _ = query.all_kept()
    results: list[tuple[Origin, ...]] = [
        (batch, length, Written(call.tensor("proj_weight").sizes[0]))
    ]
    if call["need_weights"]:
        heads = () if call["average_attn_weights"] else (Written(call.size("num_head")),)
        results.append((batch, *heads, length, key.kept(1)))
    return Account(tuple(results), _seen(query, key, value, 1))


def _encoder_macs(call: Call) -> Size:
    """Attention with its projections, then two linear layers."""
    x, hidden = call.tensor("src"), call.tensor("ffn_weight_1").sizes[0]
    attended = _projected_macs(x, x, x, keys=x.sizes[1], out=x.sizes[-1])
    return total((attended, times((2, *x.sizes, hidden))))


@PRODUCTS.add("transformer_encoder_layer_fwd", "attention",
              "src embed_dim num_heads qkv_weight qkv_bias proj_weight proj_bias use_gelu "
              "norm_first eps norm_weight_1 norm_bias_1 norm_weight_2 norm_bias_2 ffn_weight_1",
              macs=_encoder_macs, everywhere=True,
              source="torch.nn.TransformerEncoderLayer")  # fmt: skip
def transformer_encoder_layer(call: Call) -> Account:
    """A whole layer of an encoder as one kernel."""
    x = call.tensor("src")
    return Account((x.all_kept(),), _seen(x, x, x, 1))
