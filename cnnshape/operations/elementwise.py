"""Operations that work position by position, with broadcasting of all their tensors; and norms.

What stands here costs nothing by the papers' convention, which counts products that are summed.

Source: https://docs.pytorch.org/docs/stable/torch.html#pointwise-ops and
https://docs.pytorch.org/docs/stable/nn.functional.html#non-linear-activation-functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cnnshape.operations.axes import (
    Account,
    AxisOf,
    Ended,
    Need,
    Origin,
    Part,
    Unknown,
    Written,
    over,
    times,
)
from cnnshape.operations.broadcasting import broadcast, lines, overlaid
from cnnshape.operations.call import Call, Operand, unread
from cnnshape.operations.table import Table

ELEMENTWISE = Table()
_FUNCTIONAL = "torch.nn.functional."

_ACTIVATIONS = (
    "relu relu6 hardtanh tanhshrink softsign threshold sigmoid tanh clamp clip clamp_min clamp_max "
    "special_expit"
)
#: They have no result for whole numbers.
_OF_FLOATS = (
    "leaky_relu rrelu elu celu selu gelu silu mish hardswish hardsigmoid hardshrink softshrink "
    "softplus log_sigmoid logsigmoid"
)
_DROPOUT = "dropout alpha_dropout feature_dropout feature_alpha_dropout"
_ARITHMETIC = (
    "floor_divide floordiv rdiv rfloordiv idiv ifloordiv maximum minimum fmax fmin addcmul "
    "addcdiv lerp"
)
_COMPARISONS = (
    "eq ne not_equal lt less le less_equal gt greater ge greater_equal isclose "
    "isnan isinf isfinite isneginf isposinf isreal signbit "
    "logical_and logical_or logical_xor logical_not "
    "bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_left_shift bitwise_right_shift "
    "and or xor invert lshift rshift iand ior ixor ilshift irshift ror rxor rlshift rrshift"
)
_FUNCTIONS = (
    "neg negative reciprocal pow ipow float_power square remainder fmod mod rmod imod "
    "abs absolute angle acos arccos acosh arccosh asin arcsin asinh arcsinh "
    "atan arctan atanh arctanh atan2 arctan2 cos cosh sin sinh sinc tan ceil floor round fix "
    "trunc frac sign sgn exp exp2 expm1 log log10 log1p log2 logit sqrt rsqrt deg2rad rad2deg "
    "hypot copysign "
    "nextafter ldexp heaviside gcd lcm xlogy logaddexp logaddexp2 erf erfc erfinv lgamma digamma "
    "polygamma mvlgamma igamma igammac i0 nan_to_num conj_physical complex polar "
    "poisson binomial bernoulli tril triu"
)
_SPECIAL = (
    "airy_ai bessel_j0 bessel_j1 bessel_y0 bessel_y1 chebyshev_polynomial_t "
    "chebyshev_polynomial_u chebyshev_polynomial_v chebyshev_polynomial_w digamma entr erf erfc "
    "erfcx erfinv exp2 expm1 gammainc gammaincc gammaln hermite_polynomial_h "
    "hermite_polynomial_he i0 i0e i1 i1e laguerre_polynomial_l legendre_polynomial_p log1p "
    "log_ndtr logit modified_bessel_i0 modified_bessel_i1 modified_bessel_k0 modified_bessel_k1 "
    "multigammaln ndtr ndtri polygamma psi round scaled_modified_bessel_k0 "
    "scaled_modified_bessel_k1 shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u "
    "shifted_chebyshev_polynomial_v shifted_chebyshev_polynomial_w sinc spherical_bessel_j0 "
    "xlog1py xlogy zeta"
)


@ELEMENTWISE.add(_ACTIVATIONS, "activation")
@ELEMENTWISE.add(f"{_OF_FLOATS} {_DROPOUT}", "activation", dtypes="floating")
@ELEMENTWISE.add(_ARITHMETIC, "arithmetic")
@ELEMENTWISE.add("add", "arithmetic", "input other alpha=1", operator="+")
@ELEMENTWISE.add("sub subtract rsub", "arithmetic", operator="-")
@ELEMENTWISE.add("mul multiply", "arithmetic", operator="*")
@ELEMENTWISE.add("div divide true_divide truediv", "arithmetic", operator="/")
@ELEMENTWISE.add(_COMPARISONS, "elementwise")
@ELEMENTWISE.add(_FUNCTIONS, "elementwise")
@ELEMENTWISE.add("masked_fill", "elementwise", source="torch.Tensor.masked_fill")
@ELEMENTWISE.add(" ".join(f"special_{name}" for name in _SPECIAL.split()), "elementwise")
def by_position(call: Call) -> Account:
    """Every position by itself, with broadcasting of all tensors among the arguments."""
    return broadcast(*call.tensors)


@ELEMENTWISE.add("where", "arithmetic", "condition input=None other=None")
def where(call: Call) -> Account:
    """From one tensor or the other; a condition alone asks for the places where it holds."""
    if call["input"] is None:
        x = call.tensor("condition")
        return Account(((Unknown(),),) * x.rank, (Ended(x.axes, "picked"),))
    return broadcast(*call.tensors)


@ELEMENTWISE.add("frexp", "elementwise")
@ELEMENTWISE.add("native_dropout log_sigmoid_forward", "activation")
def in_two_parts(call: Call) -> Account:
    """Two results of the same sizes: mantissa and exponent, numbers and mask."""
    return broadcast(*call.tensors, results=2)


@ELEMENTWISE.add(
    "fake_quantize_per_tensor_affine fake_quantize_per_channel_affine quantize_per_tensor "
    "quantize_per_channel quantize_per_tensor_dynamic dequantize int_repr "
    "fused_moving_avg_obs_fake_quant rrelu_with_noise",
    "elementwise",
    "input",
)
def by_itself(call: Call) -> Account:
    """Every position of the first tensor; the others are scales, and are not broadcast."""
    return Account((call.tensor().all_kept(),))


@ELEMENTWISE.add("prelu prelu_kernel", "activation", "input weight", dtypes="floating",
                 source="torch.nn.PReLU")  # fmt: skip
def prelu(call: Call) -> Account:
    """A slope for every channel, or one for all."""
    x, weight = call.tensor(), call.tensor("weight")
    if weight.shape == (1,):
        return Account((x.all_kept(),), (Ended(weight.axes, "picked", 1, 0),))
    if x.rank < 2 or weight.rank != 1:
        return broadcast(x, weight)
    channels, needs = overlaid((*lines(x, 1, 2), *lines(weight)))
    return Account(((x.kept(0), channels, *x.all_kept(2)),), needs=needs)


@ELEMENTWISE.add("glu", "activation", "input dim=-1", dtypes="floating", source=_FUNCTIONAL + "glu",
                 rule=lambda call: ("glu", {"dim": call["dim"]}))  # fmt: skip
def glu(call: Call) -> Account:
    """One half of an axis, gated by the other."""
    x = call.tensor()
    axis = call.axis("dim", x.rank)
    half = over(x.sizes[axis], 2)
    need = Need(x.sizes[axis], "==", times((2, half)), "", x.axis(axis))
    halves = Part(x.axis(axis), half, 1)
    return Account(((*x.all_kept(0, axis), halves, *x.all_kept(axis + 1)),), needs=(need,))


@ELEMENTWISE.add("cross linalg_cross", "arithmetic", "input other dim=-1", source="torch.cross")
def cross(call: Call) -> Account:
    """The vector product along an axis of three numbers."""
    account = broadcast(call.tensor(), call.tensor("other"))
    axis = account.results[0][call.axis("dim", len(account.results[0]))]
    return replace(account, ended=(Ended(axis.sources, "mixed", axis.size),))


# ---- filled anew --------------------------------------------------------------------------


@ELEMENTWISE.add(
    "fill zero uniform cauchy exponential geometric log_normal random constant kaiming_uniform",
    "making",
    "input|tensor",
    source="torch.Tensor.uniform_",
)
def filled_anew(call: Call) -> Account:
    """Other numbers in the place of those that were there."""
    x = call.tensor()
    return Account((x.all_kept(),), unread(x))


@ELEMENTWISE.add("copy", "making", "input src|other", source="torch.Tensor.copy_")
def copied(call: Call) -> Account:
    """The numbers of another tensor, laid over those that were there."""
    x = call.tensor()
    return replace(broadcast(x, call.tensor("src")), ended=unread(x))


@ELEMENTWISE.add("normal", "making", "input|tensor=None std=1.0 size=() mean=0.0")
def normal(call: Call) -> Account:
    """Noise around the numbers of a tensor, in the place of a tensor, or of a written size."""
    if call.tensors:
        return broadcast(*call.tensors)
    return Account((tuple(Written(n) for n in call.sizes("size")),))


# ---- norms --------------------------------------------------------------------------------


def _normalized(x: Operand, axes: Iterable[int], needs: Iterable[Need] = ()) -> Account:
    """The same axes; of some of them each number has seen all positions."""
    seen = tuple(x.axis(axis) for axis in axes)
    return Account((x.all_kept(),), (Ended(seen, "mixed"),) if seen else (), tuple(needs))


def _per_channel(call: Call, name: str) -> tuple[Need, ...]:
    """Statistics, weights and biases have one number for every channel."""
    x = call.tensor()
    return tuple(
        Need(x.sizes[1], "==", other.sizes[0], name, x.axis(1), other.axis(0))
        for other in call.tensors
        if other is not x and other.rank == 1
    )


_OF_CHANNELS = "input running_mean=None running_var=None weight=None bias=None"


@ELEMENTWISE.add("batch_norm", "norm", f"{_OF_CHANNELS} training=False",
                 dtypes="floating", source=_FUNCTIONAL + "batch_norm")  # fmt: skip
def batch_norm(call: Call) -> Account:
    """Every channel by its mean and variance: of the batch in training, else of those kept."""
    x = call.tensor()
    others = [axis for axis in range(x.rank) if axis != 1] if call["training"] is True else ()
    return _normalized(x, others, _per_channel(call, "num_features"))


@ELEMENTWISE.add("instance_norm", "norm", f"{_OF_CHANNELS} use_input_stats=True",
                 dtypes="floating", source=_FUNCTIONAL + "instance_norm")  # fmt: skip
def instance_norm(call: Call) -> Account:
    """Every channel of every picture by its own mean and variance, unless others are given."""
    x = call.tensor()
    space = range(2, x.rank) if call["use_input_stats"] is True else ()
    return _normalized(x, space, _per_channel(call, "num_features"))


@ELEMENTWISE.add("group_norm", "norm", "input num_groups weight=None bias=None",
                 dtypes="floating", source=_FUNCTIONAL + "group_norm")  # fmt: skip
def group_norm(call: Call) -> Account:
    """Channels group by group, each with all its positions."""
    x, groups = call.tensor(), call.size("num_groups")
    whole = times((over(x.sizes[1], groups), groups))
    need = Need(x.sizes[1], "==", whole, "num_groups", x.axis(1))
    return _normalized(x, range(1, x.rank), (need, *_per_channel(call, "num_channels")))


def _last(call: Call) -> range:
    """The axes that ``normalized_shape`` names."""
    rank = call.tensor().rank
    return range(rank - len(call.sizes("normalized_shape")), rank)


@ELEMENTWISE.add("layer_norm", "norm", "input normalized_shape weight=None bias=None",
                 dtypes="floating", source=_FUNCTIONAL + "layer_norm")  # fmt: skip
@ELEMENTWISE.add("rms_norm", "norm", "input normalized_shape weight=None",
                 source=_FUNCTIONAL + "rms_norm")  # fmt: skip
def layer_norm(call: Call) -> Account:
    """The last axes together."""
    x, axes = call.tensor(), _last(call)
    needs = (
        Need(x.sizes[axis], "==", n, "normalized_shape", x.axis(axis))
        for axis, n in zip(axes, call.sizes("normalized_shape"), strict=True)
    )
    return _normalized(x, axes, needs)


@ELEMENTWISE.add("local_response_norm", "norm", "input size",
                 source=_FUNCTIONAL + "local_response_norm")  # fmt: skip
def local_response_norm(call: Call) -> Account:
    """Every channel by those beside it."""
    return _normalized(call.tensor(), (1,))


@ELEMENTWISE.add("normalize", "norm", "input p=2.0 dim=1", dtypes="floating",
                 source=_FUNCTIONAL + "normalize")  # fmt: skip
def normalize(call: Call) -> Account:
    """Vectors along an axis, made of length 1."""
    x = call.tensor()
    return _normalized(x, call.axes("dim", x.rank))


@ELEMENTWISE.add("renorm", "norm", "input p dim")
def renorm(call: Call) -> Account:
    """Every slice along an axis, made no longer than the largest length."""
    return _per_slice(call.tensor(), call.axis("dim", call.tensor().rank))


@ELEMENTWISE.add("weight_norm", "norm", "input|v g dim=0",
                 source="torch.nn.utils.parametrizations.weight_norm")  # fmt: skip
def weight_norm(call: Call) -> Account:
    """Every slice along an axis, or all together (-1), of a length of its own."""
    return _per_slice(call.tensor(), call["dim"])


def _per_slice(x: Operand, kept: int) -> Account:
    return _normalized(x, (axis for axis in range(x.rank) if axis != kept))


# ---- norms that also give what they normalised by -----------------------------------------


def _with_statistics(account: Account, one: tuple[Origin, ...], *axes: AxisOf) -> Account:
    """Mean and deviation beside the result, without the axes over which they were taken."""
    seen = tuple(Ended(end.axes, end.how, result=0) for end in account.ended)
    gone = tuple(Ended(axes, "reduced", result=n) for n in (1, 2))
    return replace(account, results=(*account.results, one, one), ended=(*seen, *gone))


@ELEMENTWISE.add("native_layer_norm", "norm", "input normalized_shape weight=None bias=None",
                 source=_FUNCTIONAL + "layer_norm")  # fmt: skip
def native_layer_norm(call: Call) -> Account:
    """Mean and deviation have 1 in the place of every axis that was seen."""
    x, axes = call.tensor(), _last(call)
    one = (*x.all_kept(0, axes.start), *(Written(1) for _ in axes))
    return _with_statistics(layer_norm(call), one, *(x.axis(axis) for axis in axes))


@ELEMENTWISE.add("native_group_norm", "norm",
                 "input weight bias batch channels positions num_groups|group",
                 source=_FUNCTIONAL + "group_norm")  # fmt: skip
def native_group_norm(call: Call) -> Account:
    """Mean and deviation of every group."""
    x, groups = call.tensor(), call.size("num_groups")
    one = (x.kept(0), Part(x.axis(1), groups, over(x.sizes[1], groups)))
    return _with_statistics(group_norm(call), one, *x.axes[2:])


@ELEMENTWISE.add("native_batch_norm native_batch_norm_legit", "norm",
                 f"{_OF_CHANNELS} training=False", source=_FUNCTIONAL + "batch_norm")  # fmt: skip
@ELEMENTWISE.add("native_batch_norm_legit_no_training", "norm", _OF_CHANNELS,
                 source=_FUNCTIONAL + "batch_norm")  # fmt: skip
def native_batch_norm(call: Call) -> Account:
    """Mean and deviation of every channel where they were taken; nothing elsewhere."""
    x = call.tensor()
    # Without running statistics what tells of training stands where a weight would.
    training = any(call.arguments.get(name) is True for name in ("training", "weight"))
    others = [axis for axis in range(x.rank) if axis != 1]
    account = _normalized(x, others if training else (), _per_channel(call, "num_features"))
    if training:
        return _with_statistics(account, (x.kept(1),), *(x.axis(axis) for axis in others))
    return _with_statistics(account, (Written(0),), *x.axes)
