"""Matrix products and attention, held against torch: sizes, origins, multiply-accumulates."""

from __future__ import annotations

from itertools import pairwise, starmap

import hypothesis
import pytest
import torch
import torch.nn.functional as F
from hypothesis import settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnshape import operations
from cnnshape.formulas.algebra import letter
from cnnshape.operations import Operand
from cnnshape.operations.axes import AxisOf
from tests.operations.judge import Run, judge, spelling

sizes = st.integers(1, 3)
leads = st.lists(sizes, max_size=2).map(tuple)
aten = torch.ops.aten


def given(*strategies):
    """Few examples: the judge looks at every number of every result."""
    return lambda test: settings(max_examples=20)(hypothesis.given(*strategies)(test))


def macs(function, *args, name=None, **kwargs):
    """What the table says that a call costs."""
    run = Run(function, args, kwargs)
    return operations.macs(name or spelling(function), run.plain(run.args), run.plain(run.kwargs))


def counted(function, *args, **kwargs) -> int:
    """What torch's own counter says."""
    with FlopCounterMode(display=False) as counter:
        function(*args, **kwargs)
    return counter.get_total_flops() // 2


def products(function, *args, by="gradient", exact=True, **kwargs):
    """Judge sizes and origins, and compare the cost with torch's own counter."""
    account = judge(function, *args, by=by, exact=exact, **kwargs)
    assert macs(function, *args, **kwargs) == counted(function, *args, **kwargs)
    return account


def broadcast_of(draw, shape, *, whole=False):
    """A shape that broadcasts to another; ``whole``: of as many axes."""
    kept = len(shape) if whole else draw(st.integers(0, len(shape)))
    return tuple(draw(st.sampled_from((1, n))) for n in shape[len(shape) - kept :])


# ---- linear layers ------------------------------------------------------------------------


@given(leads, sizes, sizes, st.booleans())
def test_linear(lead, n, m, bias):
    weight = nn.Parameter(torch.zeros(m, n))
    products(
        F.linear, torch.zeros(*lead, n), weight, nn.Parameter(torch.zeros(m)) if bias else None
    )


def test_linear_with_a_bare_row():
    judge(F.linear, torch.zeros(5, 4), nn.Parameter(torch.zeros(4)), by="gradient")


def test_linear_needs_its_features():
    x, weight = Operand.of(0, 2, 7200), Operand.of(1, 10, 100)
    (need,) = operations.account("linear", (x, weight)).needs
    assert (need.left, need.relation, need.right, need.name) == (7200, "==", 100, "in_features")
    assert (need.left_axis, need.right_axis) == (AxisOf(0, 1), AxisOf(1, 1))


@pytest.mark.parametrize("name", ["linear", "linear.default", "aten.linear.default"])
def test_linear_is_judged_by_its_rule(name):
    entry = operations.TABLE.find(name)
    call = entry.call((Operand.of(0, 2, 84), Operand.of(1, 10, 84)), {}, name)
    assert entry.sized(call) == ("linear", {"in_features": 84, "out_features": 10})


@given(leads, sizes, sizes, sizes)
def test_bilinear(lead, n, m, out):
    weight = nn.Parameter(torch.zeros(out, n, m))
    x, y = torch.zeros(*lead, n), torch.zeros(*lead, m)
    judge(F.bilinear, x, y, weight, by="gradient")
    rows = torch.Size(lead).numel()
    assert macs(F.bilinear, x, y, weight) == rows * out * (n * m + m)


def test_bilinear_is_judged_by_its_rule():
    entry = operations.TABLE.find("bilinear")
    call = entry.call((Operand.of(0, 2, 4), Operand.of(1, 2, 5), Operand.of(2, 3, 4, 5)), {})
    kind, arguments = entry.sized(call)
    assert kind == "bilinear"
    assert arguments == {
        "input2_shape": (2, 5), "out_features": 3, "in1_features": 4, "in2_features": 5
    }  # fmt: skip


# ---- two matrices -------------------------------------------------------------------------


@given(leads, sizes, sizes, sizes, st.data())
def test_matmul(lead, n, k, m, data):
    a = torch.zeros(*broadcast_of(data.draw, lead), n, k)
    b = torch.zeros(*broadcast_of(data.draw, lead), k, m)
    products(torch.matmul, a, b)
    products(torch.linalg.matmul, a, b)


@given(leads, sizes, sizes)
def test_matmul_with_vectors(lead, n, k):
    vector, matrices = torch.zeros(k), torch.zeros(*lead, n, k)
    judge(torch.matmul, matrices, vector, by="gradient")
    judge(torch.matmul, vector, matrices.mT, by="gradient")
    assert macs(torch.matmul, matrices, vector) == matrices.numel()
    assert macs(torch.matmul, vector, matrices.mT) == matrices.numel()
    judge(torch.dot, vector, torch.zeros(k), by="gradient")
    assert macs(torch.dot, vector, torch.zeros(k)) == macs(torch.vdot, vector, vector) == k


@given(sizes, sizes, sizes, sizes)
def test_products_of_fixed_rank(b, n, k, m):
    left, right = torch.zeros(n, k), torch.zeros(k, m)
    products(torch.mm, left, right)
    products(torch.bmm, torch.zeros(b, n, k), torch.zeros(b, k, m))
    judge(torch.mv, left, torch.zeros(k), by="gradient")
    judge(torch.inner, left, right.mT, by="gradient")
    judge(torch.outer, left[:, 0].clone(), right[0].clone(), by="gradient")
    assert macs(torch.mv, left, torch.zeros(k)) == n * k
    assert macs(torch.inner, left, right.mT) == n * k * m
    assert macs(torch.ger, left[:, 0], right[0]) == n * m


def test_the_right_operand_may_be_asked():
    x, y = Operand.of(0, 3, 8), Operand.of(1, 5, 3)
    account = operations.account("rmatmul", (x, y))
    assert account.sizes == ((5, 8),)
    assert operations.macs("rmatmul", (x, y)) == 120


@pytest.mark.parametrize("name", ["input", "self"])
def test_arguments_by_name(name):
    given_by_name = {name: Operand.of(0, 3, 8), "mat2": Operand.of(1, 8, 4)}
    assert operations.macs("aten.mm.default", (), given_by_name) == 96


@given(leads, sizes, st.integers(-1, 0), st.data())
def test_vecdot(lead, n, dim, data):
    shape = (n, *lead) if dim == 0 else (*lead, n)
    a, b = torch.zeros(shape), torch.zeros(shape)
    judge(torch.linalg.vecdot, a, b, by="gradient", dim=dim)
    assert macs(torch.linalg.vecdot, a, b, dim=dim) == a.numel()


@given(st.lists(sizes, min_size=1, max_size=2), st.lists(sizes, min_size=1, max_size=2))
def test_kron(one, other):
    a, b = torch.zeros(one), torch.zeros(other)
    judge(torch.kron, a, b, by="gradient")
    assert macs(torch.kron, a, b) == a.numel() * b.numel()


@given(leads, sizes, sizes, st.integers(1, 4), st.data())
def test_cdist(lead, n, m, k, data):
    a = torch.zeros(*broadcast_of(data.draw, lead), n, k)
    b = torch.zeros(*broadcast_of(data.draw, lead), m, k)
    account = judge(torch.cdist, a, b, by="gradient", exact=False)
    (distances,) = account.sizes
    assert macs(torch.cdist, a, b) == torch.Size(distances).numel() * k
    assert macs(torch.cdist, a, b, p=1.0) is None


@pytest.mark.parametrize("name", ["_int_mm", "_scaled_mm", "_weight_int8pack_mm"])
def test_products_of_small_numbers(name):
    columns = (24, 16) if "pack" in name else (16, 24)
    x, weight = Operand.of(0, 32, 16), Operand.of(1, *columns)
    assert operations.account(name, (x, weight)).sizes == ((32, 24),)
    assert operations.macs(name, (x, weight)) == 32 * 16 * 24


def test_sparse_products_have_sizes_and_no_known_cost():
    sparse = torch.eye(6).to_sparse()
    assert judge(torch.sparse.mm, sparse, torch.zeros(6, 8), by="sizes").sizes == ((6, 8),)
    assert macs(torch.sparse.mm, sparse, torch.zeros(6, 8)) is None
    judge(torch.sparse.addmm, torch.zeros(6, 8), sparse, torch.zeros(6, 8), by="sizes")
    assert macs(torch.sparse.addmm, torch.zeros(6, 8), sparse, torch.zeros(6, 8)) is None


# ---- a product added to something ---------------------------------------------------------


@given(sizes, sizes, sizes, sizes, st.data())
def test_added_products(b, n, k, m, data):
    left, right = torch.zeros(b, n, k), torch.zeros(b, k, m)
    matrix, batch = (torch.zeros(broadcast_of(data.draw, (b, n, m)[-rank:])) for rank in (2, 3))
    judge(torch.addmm, matrix, left[0].clone(), right[0].clone(), by="gradient")
    judge(torch.baddbmm, batch, left, right, by="gradient")
    judge(torch.addbmm, matrix, left, right, by="gradient")
    assert macs(torch.addmm, matrix, left[0], right[0]) == n * k * m
    assert macs(torch.baddbmm, batch, left, right) == b * n * k * m
    assert macs(torch.addbmm, matrix, left, right) == b * n * k * m
    vector = right[0, :, 0].clone()
    judge(torch.addmv, torch.zeros(broadcast_of(data.draw, (n,))), left[0].clone(), vector,
          by="gradient")  # fmt: skip
    judge(torch.addr, torch.zeros(broadcast_of(data.draw, (n, m))), torch.zeros(n), torch.zeros(m),
          by="gradient")  # fmt: skip
    assert macs(torch.addmv, torch.zeros(n), left[0], right[0, :, 0]) == n * k
    assert macs(torch.addr, torch.zeros(n, m), torch.zeros(n), torch.zeros(m)) == n * m


# ---- several matrices ---------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:torch.chain_matmul")
@given(st.lists(sizes, min_size=3, max_size=5), st.booleans(), st.booleans())
def test_chains(edges, row, column):
    matrices = list(starmap(torch.zeros, pairwise(edges)))
    judge(torch.chain_matmul, *matrices, by="gradient")
    if row:
        matrices[0] = matrices[0][0].clone()
    if column:
        matrices[-1] = matrices[-1][:, 0].clone()
    judge(torch.linalg.multi_dot, matrices, by="gradient")


def test_a_chain_counts_from_the_left():
    x, y, z = torch.zeros(10, 100), torch.zeros(100, 5), torch.zeros(5, 50)
    assert macs(torch.linalg.multi_dot, [x, y, z]) == 10 * 100 * 5 + 10 * 5 * 50
    assert macs(torch.chain_matmul, x, y, z) == 10 * 100 * 5 + 10 * 5 * 50
    # A row first: 1·100·5 + 1·5·50, and a column last: 1·100·5 + 1·5·1.
    assert macs(torch.linalg.multi_dot, [x[0], y, z]) == 500 + 250
    assert macs(torch.linalg.multi_dot, [x[0], y, z[:, 0]]) == 500 + 5


@pytest.mark.parametrize("n", range(9))
def test_powers(n):
    x = torch.rand(2, 3, 3)
    judge(torch.linalg.matrix_power, x, n, by="sizes")
    assert macs(torch.matrix_power, x, n) == counted(torch.matrix_power, x, n)


def test_the_cost_of_an_inverse_is_unknown():
    assert macs(torch.matrix_power, torch.eye(3), -2) is None


# ---- sums over named axes -----------------------------------------------------------------

EQUATIONS = [
    ("ij,jk->ik", (3, 4), (4, 5)),
    ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)),
    ("...ij,...jk->...ik", (2, 6, 3, 4), (4, 5)),
    ("...ij,...jk->ik", (2, 3, 4), (2, 4, 5)),
    ("i...,...i", (2, 3), (4, 3, 2)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("ba", (2, 3)),
    ("ij -> j", (3, 4)),
    ("ab,b,bc->ac", (2, 3), (3,), (3, 4)),
    ("ij,ij->ij", (2, 3), (2, 3)),
    ("i,j->ij", (2,), (3,)),
    ("Ab,bc", (2, 3), (3, 4)),
]


@pytest.mark.parametrize("case", EQUATIONS, ids=lambda case: case[0])
def test_einsum(case):
    equation, *shapes = case
    tensors = [torch.zeros(shape) for shape in shapes]
    judge(torch.einsum, equation, *tensors, by="gradient")
    judge(torch.einsum, equation, tensors, by="gradient")


@given(st.data())
def test_einsum_of_any_letters(data):
    letters = data.draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True))
    extents = {one: data.draw(sizes) for one in letters}
    terms = data.draw(
        st.lists(
            st.lists(st.sampled_from(letters), max_size=3, unique=True), min_size=1, max_size=3
        )
    )
    used = sorted({one for term in terms for one in term})
    target = data.draw(st.lists(st.sampled_from(used), unique=True)) if used else []
    equation = ",".join(map("".join, terms)) + "->" + "".join(target)
    tensors = [torch.zeros([extents[one] for one in term]) for term in terms]
    judge(torch.einsum, equation, *tensors, by="gradient")
    sublists = [item for x, term in zip(tensors, terms, strict=True)
                for item in (x, ["abcd".index(one) for one in term])]  # fmt: skip
    judge(torch.einsum, *sublists, ["abcd".index(one) for one in target], by="gradient")


def test_einsum_of_lists_of_numbers():
    x, y = torch.zeros(3, 8), torch.zeros(8, 4)
    assert judge(torch.einsum, x, [0, 1], y, [1, 2], by="gradient").sizes == ((3, 4),)
    assert judge(torch.einsum, x, [1, 0], by="gradient").sizes == ((8, 3),)
    assert judge(torch.einsum, x, [..., 0], [0, ...], by="gradient").sizes == ((8, 3),)
    assert macs(torch.einsum, x, [0, 1], y, [1, 2], [0, 2]) == 96


@pytest.mark.parametrize(
    ("equation", "shapes", "expected"),
    [
        ("ij,jk->ik", [(3, 8), (8, 4)], 96),
        ("...ij,...jk->...ik", [(2, 5, 3, 8), (8, 4)], 960),
        ("ii,ij->j", [(8, 8), (8, 4)], 32),  # the diagonal, then a product
        ("ij,k->k", [(3, 8), (4,)], 4),  # i and j are summed before the product
        ("ij,kj->k", [(3, 8), (4, 8)], 32),  # i alone is
        ("ij->", [(3, 8)], 0),
        ("i,j->ij", [(3,), (8,)], 24),
        ("ij,ij->ij", [(3, 8), (3, 8)], 24),
        ("ij,jk->ik", [(3, 1), (8, 4)], 12),  # a size of 1 is stretched: j is summed before
        ("ij,jk,kl->il", [(3, 8), (8, 4), (4, 2)], 96 + 24),
    ],
)
def test_einsum_counts_its_products(equation, shapes, expected):
    assert macs(torch.einsum, equation, *map(torch.zeros, shapes)) == expected


def test_einsum_with_letters():
    H = letter("H")
    x = Operand(0, (2, H, 8), (2, 28, 8))
    account = operations.account("einsum", ("bhc,bhd->bcd", x, x))
    assert account.sizes == ((2, 8, 8),)
    assert str(operations.macs("einsum", ("bhc,bhd->bcd", x, x))) == "128*H"


def test_einsum_that_does_not_fit_is_not_understood():
    assert operations.account("einsum", ("ijk->i", Operand.of(0, 2, 3))) is None


@given(sizes, sizes, sizes, sizes)
def test_tensordot(n, k, j, m):
    a = torch.zeros(n, k, j)
    calls = (
        (torch.tensordot, a, torch.zeros(k, j, m)),
        (torch.tensordot, a, torch.zeros(j, m), 1),
        (torch.tensordot, a, torch.zeros(m, j, k), ([1, 2], [2, 1])),
        (aten.tensordot, a, torch.zeros(m, j), [2], [1]),
    )
    for function, *args in calls:
        judge(function, *args, by="gradient")
        assert macs(function, *args) == n * k * j * m


# ---- a product for each group -------------------------------------------------------------

GROUPED = [
    ((16, 8), (2, 8, 24), (16, 24), 16 * 8 * 24),
    ((2, 8, 16), (16, 24), (8, 24), 8 * 16 * 24),
    ((8, 16), (16, 24), (2, 8, 24), 8 * 16 * 24),
    ((2, 8, 16), (2, 16, 24), (2, 8, 24), 2 * 8 * 16 * 24),
]


@pytest.mark.parametrize(("one", "other", "result", "expected"), GROUPED)
def test_grouped_products(one, other, result, expected):
    a, b = torch.zeros(one, dtype=torch.bfloat16), torch.zeros(other, dtype=torch.bfloat16)
    groups = {} if len(one) == len(other) == 3 else {"offs": torch.tensor([8, 16]).int()}
    account = judge(torch._grouped_mm, a, b, by="sizes", **groups)
    assert account.sizes == (result,)
    assert macs(torch._grouped_mm, a, b, **groups) == expected


# ---- attention ----------------------------------------------------------------------------


@given(leads, sizes, sizes, sizes, sizes, st.sampled_from((None, "bool", "float")), st.data())
def test_attention(lead, length, keys, width, out, masked, data):
    q = torch.zeros(*lead, length, width)
    k, v = torch.zeros(*lead, keys, width), torch.zeros(*lead, keys, out)
    mask = None
    if masked:
        shape = broadcast_of(data.draw, lead) + broadcast_of(data.draw, (length, keys), whole=True)
        mask = torch.zeros(shape) if masked == "float" else torch.ones(shape, dtype=torch.bool)
    judge(F.scaled_dot_product_attention, q, k, v, mask, by="gradient", exact=False)
    rows = q.numel() // width
    assert macs(F.scaled_dot_product_attention, q, k, v, mask) == rows * keys * (width + out)


def test_attention_whose_keys_are_shared_by_heads():
    q, k = torch.zeros(1, 8, 3, 4), torch.zeros(1, 2, 5, 4)
    judge(F.scaled_dot_product_attention, q, k, k.clone(), enable_gqa=True, by="gradient",
          exact=False)  # fmt: skip
    assert macs(F.scaled_dot_product_attention, q, k, k, enable_gqa=True) == 8 * 3 * 5 * 8


def test_attention_needs_a_mask_of_its_length():
    q, k = Operand.of(0, 1, 2, 7, 4), Operand.of(1, 1, 2, 7, 4)
    call = ("scaled_dot_product_attention", (q, k, k, Operand.of(2, 1, 1, 5, 5)))
    broken = [n for n in operations.account(*call).needs if n.left != n.right]
    assert [(n.left, n.right) for n in broken] == [(7, 5), (7, 5)]


def test_attention_broadcasts_its_batch():
    q, k = torch.zeros(1, 2, 3, 4), torch.zeros(5, 2, 6, 4)
    judge(F.scaled_dot_product_attention, q, k, k.clone(), by="gradient", exact=False)
    assert macs(F.scaled_dot_product_attention, q, k, k) == 5 * 2 * 3 * 6 * 8


@pytest.mark.parametrize(
    "kernel", [aten._scaled_dot_product_flash_attention_for_cpu,
               aten._scaled_dot_product_attention_math], ids=str)  # fmt: skip
def test_kernels_of_attention(kernel):
    q, k, v = torch.zeros(2, 3, 5, 4), torch.zeros(2, 3, 7, 4), torch.zeros(2, 3, 7, 4)
    judge(kernel, q, k, v, by="sizes")
    assert macs(kernel, q, k, v) == 6 * 5 * 7 * (4 + 4)


@pytest.mark.parametrize("name", ["_scaled_dot_product_flash_attention",
                                  "_scaled_dot_product_efficient_attention",
                                  "_scaled_dot_product_cudnn_attention"])  # fmt: skip
def test_kernels_of_other_devices(name):
    q = Operand.of(0, 2, 3, 5, 4)
    rest = (None, False) if "flash" not in name else ()
    assert operations.account(name, (q, q, q, *rest)).sizes[0] == (2, 3, 5, 4)
    assert operations.macs(name, (q, q, q, *rest)) == 2 * 3 * 5 * 5 * 8


def test_flex_attention():
    q = Operand.of(0, 1, 2, 16, 16)
    assert operations.macs("flex_attention", (q, q, q)) == 2 * 16 * 16 * 16 * 2
    assert operations.macs("flex_attention", (q, q, q), {"block_mask": "some"}) is None
    account = operations.account("flex_attention", (q, q, q))
    assert account.sizes == ((1, 2, 16, 16), (1, 2, 16), (1, 2, 16))


# ---- attention with its projections -------------------------------------------------------


def forward_of(layer: nn.MultiheadAttention, q, k, v, **options):
    """The arguments with which the layer calls its function."""
    given_by = {}

    class Listening(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            if func is F.multi_head_attention_forward:
                given_by["args"], given_by["kwargs"] = args, dict(kwargs or {})
            return func(*args, **(kwargs or {}))

    with Listening():
        layer(q, k, v, **options)
    return given_by["args"], given_by["kwargs"]


@pytest.mark.parametrize("options", [{}, {"kdim": 6, "vdim": 10}, {"add_bias_kv": True},
                                     {"add_zero_attn": True, "bias": False}])  # fmt: skip
@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize(
    "wanted", [{}, {"need_weights": False}, {"average_attn_weights": False}], ids=str
)
def test_multi_head_attention(options, batch, wanted):
    layer = nn.MultiheadAttention(8, 2, **options)
    q = torch.zeros(5, *batch, 8)
    k, v = torch.zeros(7, *batch, layer.kdim), torch.zeros(7, *batch, layer.vdim)
    args, kwargs = forward_of(layer, q, k, v, **wanted)
    judge(F.multi_head_attention_forward, *args, by="sizes", **kwargs)
    meta = [x.to("meta") for x in (q, k, v)]
    expected = counted(layer.to("meta"), *meta, **wanted)
    assert macs(F.multi_head_attention_forward, *args, **kwargs) == expected


def test_attention_may_project_to_another_width():
    # Three projections of 10 rows, the weights of 10 · 10 pairs, and a projection to 8.
    x = torch.zeros(10, 1, 32)
    q, k, v, out = (nn.Linear(32, n) for n in (32, 32, 32, 8))
    args = (x, x, x, 32, 4, torch.zeros(0), torch.zeros(96), None, None, False, 0.0, out.weight,
            out.bias)  # fmt: skip
    options = {
        "use_separate_proj_weight": True, "need_weights": False, "training": False,
        "q_proj_weight": q.weight, "k_proj_weight": k.weight, "v_proj_weight": v.weight,
    }  # fmt: skip
    judge(F.multi_head_attention_forward, *args, by="sizes", **options)
    assert macs(F.multi_head_attention_forward, *args, **options) == (
        3 * 10 * 32 * 32 + 10 * 32 * 8 + 2 * 10 * 10 * 32
    )


@pytest.mark.parametrize("wanted", [(True, True), (True, False), (False, True)])
def test_multi_head_attention_as_one_kernel(wanted):
    x, into, out = torch.zeros(3, 5, 8), torch.zeros(24, 8), torch.zeros(8, 8)
    args = (x, x, x, 8, 2, into, torch.zeros(24), out, torch.zeros(8), None, *wanted)
    if wanted[0]:
        judge(torch._native_multi_head_attention, *args, by="sizes")
    assert macs(torch._native_multi_head_attention, *args) == (
        15 * 8 * 24 + 2 * 3 * 5 * 5 * 8 + 15 * 8 * 8
    )


def test_an_encoder_layer_as_one_kernel():
    x, wide = torch.rand(3, 5, 8), torch.rand(16, 8)
    ones, args = torch.ones(8), (torch.rand(24, 8), torch.rand(24), torch.rand(8, 8))
    norms = (ones, ones, ones, ones)
    feed_forward = (wide, torch.rand(16), wide.mT.contiguous(), ones)
    args = (x, 8, 2, *args, ones, False, False, 1e-5, *norms, *feed_forward)
    judge(torch._transformer_encoder_layer_fwd, *args, by="sizes")
    assert macs(torch._transformer_encoder_layer_fwd, *args) == (
        15 * 8 * 24 + 2 * 3 * 5 * 5 * 8 + 15 * 8 * 8 + 2 * 15 * 8 * 16
    )


def test_nothing_is_multiplied_over_an_empty_axis() -> None:
    empty = (Operand.of(0, 2, 0), Operand.of(1, 0, 3))
    assert operations.macs("einsum", ("ij,jk->ik", *empty)) == 0
    assert operations.macs("einsum", ("ij,jk->ik", Operand.of(0, 0, 4), Operand.of(1, 4, 3))) == 0
    assert operations.macs("mm", empty) == 0


@pytest.mark.parametrize(
    "kernel", ["_attention", "_efficient_attention", "_flash_attention", "_attention_math"]
)
def test_every_row_of_an_attention_may_see_every_key(kernel):
    entry = operations.TABLE.find(f"scaled_dot_product{kernel}")
    assert entry is not None
    assert entry.everywhere is True
