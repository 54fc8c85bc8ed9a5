"""Operations position by position, and norms, held against torch under every name they have."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnnshape.formulas.algebra import letter
from cnnshape.operations import TABLE, Operand, account, macs
from cnnshape.operations.axes import AxisOf, Broadcast, Kept
from cnnshape.operations.elementwise import ELEMENTWISE, by_position
from tests.operations.draws import Arguments, Draw, axis, number, shape, tensor
from tests.operations.judge import faces, judge

# ---- by position --------------------------------------------------------------------------

_POLYNOMIALS = " ".join(
    f"special_{shifted}{kind}"
    for shifted in ("", "shifted_")
    for kind in (
        "chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v "
        "chebyshev_polynomial_w"
    ).split()
)
TWO = set(
    f"add sub subtract mul multiply div divide true_divide floor_divide rsub remainder fmod pow "
    f"float_power maximum minimum fmax fmin eq ne not_equal lt less le less_equal gt greater ge "
    f"greater_equal isclose logical_and logical_or logical_xor atan2 arctan2 hypot copysign "
    f"nextafter ldexp heaviside xlogy logaddexp logaddexp2 igamma igammac complex polar "
    f"special_gammainc special_gammaincc special_xlog1py special_xlogy special_zeta "
    f"special_hermite_polynomial_h special_hermite_polynomial_he special_laguerre_polynomial_l "
    f"special_legendre_polynomial_p {_POLYNOMIALS}".split()
)
THREE = set("addcmul addcdiv lerp clamp clip".split())
#: Operators as the recorder calls them; torch has them as ``__add__`` and ``__iadd__``.
OPERATORS = set(
    "truediv floordiv rdiv rfloordiv idiv ifloordiv mod rmod imod ipow and or xor invert lshift "
    "rshift iand ior ixor ilshift irshift ror rxor rlshift rrshift".split()
)
WHOLE = set(
    "gcd lcm bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift".split()
)
RANDOM = set("poisson bernoulli rrelu binomial".split())
_DROPOUT = "dropout alpha_dropout feature_dropout feature_alpha_dropout".split()
OTHER = {
    **dict.fromkeys(_DROPOUT, lambda x: (x, 0.0, True)),
    "threshold": lambda x: (x, 0.1, 20.0),
    "special_polygamma": lambda x: (1, x),
    "mvlgamma": lambda x: (x, 1),
    "special_multigammaln": lambda x: (x, 1),
    "bitwise_not": lambda x: (x.int(),),
    "binomial": lambda x: (x.abs(), torch.zeros(())),
    "tril": lambda x: (x.reshape(*x.shape, 1).expand(*x.shape, 2).clone(), 1),
    "triu": lambda x: (x.reshape(*x.shape, 1).expand(*x.shape, 2).clone(), -1),
    "clamp_min": lambda x: (x, 0.5),
    "clamp_max": lambda x: (x, 0.5),
}
TWO_WAYS = {"polygamma"}  # the function and the method take their arguments in another order
EVERY = {entry.name for entry in ELEMENTWISE if entry.axes is by_position} - OPERATORS - TWO_WAYS


def stretched(draw: Draw, sizes: tuple[int, ...]) -> torch.Tensor:
    """A tensor that broadcasts to some sizes."""
    kept = number(draw, 0, len(sizes))
    return torch.zeros([draw(st.sampled_from((1, n))) for n in sizes[len(sizes) - kept :]])


def drawn(name: str, draw: Draw) -> Arguments:
    """As many tensors as the function takes, some of them stretched over the others."""
    sizes = shape(draw, (1, 3), (1, 3))
    first = torch.zeros(sizes)
    if name in OTHER:
        return OTHER[name](first)
    if name == "masked_fill":
        return first, stretched(draw, sizes).bool(), 2.0
    count = 3 if name in THREE else 2 if name in TWO | WHOLE else 1
    tensors = [first, *(stretched(draw, sizes) for _ in range(count - 1))]
    return tuple(x.int() + 1 for x in tensors) if name in WHOLE else tuple(tensors)


@pytest.mark.parametrize("name", sorted(EVERY))
@settings(max_examples=8)
@given(data=st.data())
def test_every_function_keeps_its_positions(name: str, data: st.DataObject) -> None:
    args = drawn(name, data.draw)
    by = "sizes" if name in RANDOM | WHOLE else "variation"
    by = "positions" if name in ("tril", "triu") else by
    for function in faces(name):
        judge(function, *args, by=by, exact=False)


def test_polygamma_takes_its_order_first_or_last() -> None:
    judge(torch.polygamma, 1, torch.zeros(2, 3), by="variation", exact=False)
    judge(torch.Tensor.polygamma, torch.zeros(2, 3), 1, by="variation", exact=False)


@given(data=st.data())
@settings(max_examples=30)
def test_arithmetic_depends_on_every_tensor(data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 3), (1, 3))
    y, z = (stretched(data.draw, tuple(x.shape)) for _ in range(2))
    judge(torch.mul, x, y, by="gradient")
    judge(torch.add, y, x, by="gradient")
    judge(torch.Tensor.div, x, y, by="gradient")
    judge(torch.addcmul, x, y, z, by="gradient")
    judge(torch.where, x > 0, x, y, by="gradient", exact=False)


@pytest.mark.parametrize("name", sorted(OPERATORS - {"invert"}))
def test_operators_by_their_own_names(name: str) -> None:
    known = account(name, (Operand.of(0, 2, 3, 1), Operand.of(1, 3, 4)))
    assert known.sizes == ((2, 3, 4),)
    assert known.results[0][2] == Broadcast((AxisOf(0, 2), AxisOf(1, 1)), 4)


def test_what_is_inverted_stays_in_its_place() -> None:
    judge(torch.Tensor.__invert__, torch.zeros(2, 3).bool(), name="invert", by="sizes")


def test_an_axis_that_meets_itself_is_kept() -> None:
    x = Operand.of(0, 2, 3)
    assert account("mul", (x, x)).results[0] == (Kept(AxisOf(0, 0), 2), Kept(AxisOf(0, 1), 3))
    assert account("add", (x, Operand.of(1))).results[0][1] == Kept(AxisOf(0, 1), 3)


def test_what_meets_has_to_agree() -> None:
    known = account("add", (Operand.of(0, 2, 8, 5), Operand.of(1, 7, 1)))
    assert known.results[0][1] == Broadcast((AxisOf(0, 1), AxisOf(1, 0)), 8)
    (need,) = known.needs
    assert (need.left, need.relation, need.right) == (8, "==", 7)
    assert (need.left_axis, need.right_axis) == (AxisOf(0, 1), AxisOf(1, 0))


def test_letters_say_more_than_numbers() -> None:
    H = letter("H")
    x, y = Operand(0, (2, H), (2, 14)), Operand(1, (14,), (14,))
    known = account("add", (y, x))
    assert known.sizes == ((2, H),)
    assert [(need.left, need.right) for need in known.needs] == [(14, H)]
    unknown = Operand(2, (None,), (14,))
    assert account("add", (unknown, y)).sizes == ((14,),)
    assert account("add", (unknown, unknown)).sizes == ((None,),)


def test_the_place_to_write_to_is_no_operand() -> None:
    x, out = Operand.of(0, 2, 3), Operand.of(1, 0)
    assert account("add", (x, x), {"out": out}).sizes == ((2, 3),)


@pytest.mark.parametrize("name", ["add", "aten.add.Tensor", "add_", "__add__", "add.Tensor"])
def test_names_of_addition(name: str) -> None:
    assert account(name, (Operand.of(0, 2, 3), Operand.of(1, 3))).sizes == ((2, 3),)


def test_elementwise_work_counts_nothing() -> None:
    assert {entry.macs for entry in ELEMENTWISE} == {0}
    assert macs("gelu", (Operand.of(0, 2, 3),)) == 0


@pytest.mark.parametrize(
    ("name", "family"),
    [("relu", "activation"), ("dropout2d", "activation"), ("add_", "arithmetic"),
     ("truediv", "arithmetic"), ("eq", "elementwise"), ("special_erf", "elementwise"),
     ("layer_norm", "norm")],
)  # fmt: skip
def test_families(name: str, family: str) -> None:
    assert TABLE.find(name).family == family


# ---- with shapes of their own -------------------------------------------------------------


def test_where_of_a_condition_alone_is_a_place_on_each_axis() -> None:
    x = torch.tensor([[True, False], [True, True]])
    assert judge(torch.where, x, by="sizes").sizes == ((None,), (None,))


@given(data=st.data())
@settings(max_examples=20)
def test_two_results(data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 3))
    judge(torch.frexp, x, by="sizes")
    judge(torch.native_dropout, x, 0.5, True, by="sizes")
    assert account("log_sigmoid_forward", (Operand.of(0, 2, 3),)).sizes == ((2, 3), (2, 3))


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@given(data=st.data())
@settings(max_examples=20)
def test_scales_are_not_broadcast(data: st.DataObject) -> None:
    x = tensor(data.draw, (2, 4))
    channels = x.shape[1]
    judge(torch.fake_quantize_per_channel_affine, x, torch.ones(channels),
          torch.zeros(channels).int(), 1, 0, 255, by="sizes")  # fmt: skip
    judge(torch.quantize_per_tensor, x, 0.1, 0, torch.quint8, by="sizes")


@given(data=st.data())
@settings(max_examples=30)
def test_prelu(data: st.DataObject) -> None:
    x = tensor(data.draw, (0, 4), (1, 3))
    slopes = data.draw(st.sampled_from((1, x.shape[1] if x.ndim > 1 else 1)))
    judge(F.prelu, x - 1, torch.zeros(slopes), by="gradient", exact=False)
    judge(torch.prelu, x - 1, torch.zeros(()), by="gradient", exact=False)


@given(data=st.data())
@settings(max_examples=30)
def test_glu(data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 3), (1, 3))
    dim = axis(data.draw, x.ndim)
    x = torch.cat((x, x), dim)
    for function in faces("glu"):
        judge(function, x, dim, by="gradient")


def test_glu_is_judged_by_its_rule_and_needs_an_even_size() -> None:
    entry = TABLE.find("glu")
    call = entry.call((Operand.of(0, 2, 7), -1), {})
    assert entry.sized(call) == ("glu", {"dim": -1})
    (need,) = entry.account(call).needs
    assert (need.left, need.right) == (7, 6)


@given(data=st.data())
@settings(max_examples=20)
def test_cross(data: st.DataObject) -> None:
    lead = shape(data.draw, (0, 2), (1, 3))
    x, y = torch.zeros(*lead, 3), torch.zeros(*lead, 3)
    judge(torch.linalg.cross, x, y, by="gradient", exact=False)
    judge(torch.cross, x.movedim(-1, 0).clone(), y.movedim(-1, 0).clone(), 0, by="gradient",
          exact=False)  # fmt: skip


# ---- filled anew --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "args"),
    [("fill_", (2.0,)), ("zero_", ()), ("uniform_", ()), ("cauchy_", ()), ("exponential_", ()),
     ("geometric_", (0.5,)), ("log_normal_", ()), ("random_", ()), ("bernoulli_", (0.5,)),
     ("normal_", (0.0, 1.0))],
)  # fmt: skip
def test_filled_in_place(name: str, args: Arguments) -> None:
    function = getattr(torch.Tensor, name)
    known = judge(function, torch.ones(2, 3), *args, by="sizes")
    assert known.results[0][1] == Kept(AxisOf(0, 1), 3)


def test_what_was_overwritten_is_unread() -> None:
    judge(torch.Tensor.fill_, torch.zeros(2, 3), 2.0, by="variation", exact=False)
    judge(lambda x, y: x.clone().copy_(y), torch.zeros(2, 3), torch.zeros(3), name="copy_",
          by="gradient")  # fmt: skip


def test_noise() -> None:
    x = torch.ones(2, 3)
    judge(torch.normal, x, 1.0, by="sizes")
    judge(torch.normal, 0.0, x, by="sizes")
    judge(torch.normal, mean=x, std=torch.ones(3), by="sizes")
    judge(torch.normal, 0.0, 1.0, (4, 2), by="sizes")
    assert account("normal", (0.0, 1.0, Operand.of(0, 2))).sizes == ((2,),)


# ---- norms --------------------------------------------------------------------------------


def channels(n: int, count: int) -> list[nn.Parameter]:
    """Parameters of one number for each channel."""
    return [nn.Parameter(torch.ones(n)) for _ in range(count)]


@given(data=st.data())
@settings(max_examples=20)
def test_batch_and_instance_norm(data: st.DataObject) -> None:
    x = tensor(data.draw, (3, 4), (2, 3))
    mean, var, weight, bias = channels(x.shape[1], 4)
    judge(F.batch_norm, x, mean, var, weight, bias, by="gradient")
    judge(F.batch_norm, x, None, None, weight, bias, True, by="gradient", exact=False)
    judge(torch.batch_norm, x, weight, bias, mean, var, False, 0.1, 1e-5, False, by="gradient")
    judge(F.instance_norm, x, by="gradient", exact=False)
    judge(F.instance_norm, x, mean, var, weight, bias, False, by="gradient")


def test_batch_norm_needs_its_features() -> None:
    x, kept = Operand.of(0, 2, 8, 5, 5), Operand.of(1, 6)
    needs = account("batch_norm", (x, kept, kept)).needs
    assert [(n.left, n.right, n.name, n.left_axis) for n in needs] == [
        (8, 6, "num_features", AxisOf(0, 1))
    ] * 2


@given(data=st.data())
@settings(max_examples=20)
def test_norms_of_groups_and_layers(data: st.DataObject) -> None:
    x = tensor(data.draw, (3, 4), (1, 3))
    groups = data.draw(st.sampled_from([g for g in range(1, 4) if x.shape[1] % g == 0]))
    weight, bias = channels(x.shape[1], 2)
    last = tuple(x.shape[-number(data.draw, 1, x.ndim) :])
    judge(F.layer_norm, x, last, by="gradient", exact=False)
    judge(torch.layer_norm, x, last, nn.Parameter(torch.ones(last)), by="gradient", exact=False)
    judge(F.rms_norm, x, last, by="gradient", exact=False)
    judge(F.normalize, x, dim=axis(data.draw, x.ndim), by="gradient", exact=False)
    judge(F.local_response_norm, x, 2, by="gradient", exact=False)
    judge(torch.renorm, x, 2, axis(data.draw, x.ndim), 0.1, by="gradient", exact=False)
    if x[0].numel() > 1 and x.numel() // x.shape[0] // groups > 1:
        judge(F.group_norm, x, groups, weight, bias, by="gradient", exact=False)


def test_norms_need_what_they_normalise() -> None:
    x = Operand.of(0, 2, 8, 5)
    (need,) = account("layer_norm", (x, (6,))).needs
    assert (need.left, need.right, need.name) == (5, 6, "normalized_shape")
    groups, weights = account("group_norm", (x, 3, Operand.of(1, 6))).needs
    assert (groups.left, groups.right, groups.name) == (8, 6, "num_groups")
    assert (weights.left, weights.right, weights.name) == (8, 6, "num_channels")


@given(data=st.data())
@settings(max_examples=20)
def test_norms_that_give_their_statistics(data: st.DataObject) -> None:
    x = tensor(data.draw, (3, 4), (2, 3))
    n, c = x.shape[:2]
    mean, var, weight, bias = channels(c, 4)
    last = tuple(x.shape[-number(data.draw, 1, x.ndim) :])
    judge(torch.native_layer_norm, x, last, None, None, 1e-5, by="gradient", exact=False)
    judge(torch.native_group_norm, x, weight, bias, n, c, x[0, 0].numel(), c, 1e-5, by="gradient",
          exact=False)  # fmt: skip
    for training in (True, False):
        args = (x, weight, bias, mean, var, training, 0.1, 1e-5)
        judge(torch.native_batch_norm, *args, by="sizes")
        judge(torch._native_batch_norm_legit, *args, by="sizes")
    judge(torch._native_batch_norm_legit, x, weight, bias, True, 0.1, 1e-5, by="sizes")
    judge(torch._native_batch_norm_legit_no_training, x, weight, bias, mean, var, 0.1, 1e-5,
          by="sizes")  # fmt: skip


def test_a_batch_in_training_is_seen_as_a_whole() -> None:
    args = (torch.rand(3, 2, 4), *channels(2, 2), None, None, True, 0.1, 1e-5)
    judge(torch.native_batch_norm, *args, by="gradient", exact=False)


def test_weight_norm() -> None:
    v, g = torch.rand(3, 2, 4), nn.Parameter(torch.ones(3, 1, 1))
    judge(torch._weight_norm, v, g, 0, by="gradient", exact=False)
    judge(torch._weight_norm, v, nn.Parameter(torch.ones(())), -1, by="gradient", exact=False)
