"""What a page can compute: each operation's arguments as the page takes them.

torch's names, orders and defaults of the arguments are those of
https://docs.pytorch.org/docs/stable/nn.functional.html. The table of operations says what an
operation is; the arguments that change numbers and no size are named here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cnnshape.analysis.accounts import Accounts
from cnnshape.operations import Account
from cnnshape.operations.axes import Kept, Merged, Origin, Part
from cnnshape.operations.call import Signature
from cnnshape.tracing.trace import Operation, Ref


class Refused(Exception):  # noqa: N818 - not an error here: it says why a page cannot do it
    """A page cannot compute this call; the text goes on where the layer's name ends."""


@dataclass(frozen=True, slots=True)
class Given:
    """One call, with the shapes that arrive and leave, without the batch.

    ``arguments`` are those of the call by name, once its signature is known.
    """

    operation: Operation
    accounts: Accounts
    input: tuple[int, ...]
    output: tuple[int, ...]
    batched: bool
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def number(self, name: str) -> float:
        """An argument that JSON can hold; a tensor, an infinity or anything else is refused."""
        value = self.arguments[name]
        if isinstance(value, bool | int | float) and math.isfinite(value):
            return float(value)
        shown = "a tensor" if isinstance(value, Ref) else value
        raise Refused(f"has {name} = {shown}, which is no plain number")

    def weights(self, *names: str) -> dict[str, int]:
        """The tensors among some arguments."""
        found = {name: self.arguments.get(name) for name in names}
        return {name: value.value for name, value in found.items() if isinstance(value, Ref)}

    def axis(self, axis: int) -> int:
        """An axis of the call's input as one without the batch."""
        rank = len(self.input) + self.batched
        found = axis % rank - self.batched
        if found < 0:
            raise Refused("works across the batch")
        return found


@dataclass(frozen=True, slots=True)
class Found:
    """One call as the page computes it.

    Attributes:
        kind: which computation.
        arguments: what it needs beside weights; sizes of windows are pairs, rows first.
        weights: values that are parameters or buffers, by their role.
    """

    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    weights: Mapping[str, int] = field(default_factory=dict[str, int])


Reader = Callable[["Given"], "Found | None"]


def read(given: Given) -> Found | None:
    """The call as the page computes it; None where it leaves every number as it is.

    Raises:
        Refused: a page cannot compute it.
    """
    entry = given.accounts.entry(given.operation)
    if entry is None:
        raise Refused("is not an operation that a page can compute")
    if given.accounts.keeps(given.operation):
        return None
    if entry.family == "moving":
        return _moved(given)
    if entry.name not in _READERS:
        raise Refused("is not an operation that a page can compute")
    signature, reader = _READERS[entry.name]
    arguments = signature.bind(given.operation.args, given.operation.kwargs)
    if arguments is None:
        raise Refused("has arguments that are not understood")
    return reader(replace(given, arguments=arguments))


# ---- arguments ----------------------------------------------------------------------------


def _pair(value: Any) -> list[int]:
    """Rows and columns: one number is both."""
    if isinstance(value, tuple):
        items: tuple[Any, ...] = value
        return [int(item) for item in (items if len(items) == 2 else items * 2)]
    return [int(value), int(value)]


def _picture(given: Given) -> None:
    if len(given.input) != 3:
        raise Refused("takes no channels×height×width, which is what a page can show as maps")


# ---- windows ------------------------------------------------------------------------------


def _conv(given: Given) -> Found:
    _picture(given)
    shape = given.accounts.trace.shape(given["weight"].value)
    kernel, dilation = [int(size) for size in shape[2:]], _pair(given["dilation"])
    return Found(
        "conv",
        {
            "kernel": kernel,
            "stride": _pair(given["stride"]),
            "padding": _conv_padding(given["padding"], kernel, dilation),
            "dilation": dilation,
            "groups": int(given["groups"]),
        },
        given.weights("weight", "bias"),
    )


def _conv_padding(padding: Any, kernel: list[int], dilation: list[int]) -> list[int]:
    """Rows above and columns left of the picture; what stands beyond the other ends follows."""
    if padding == "same":  # the odd one more stands at the end
        return [step * (size - 1) // 2 for size, step in zip(kernel, dilation, strict=True)]
    return [0, 0] if padding == "valid" else _pair(padding)


def _pool_window(given: Given) -> dict[str, Any]:
    _picture(given)
    kernel, stride = given["kernel_size"], given["stride"]
    return {
        "kernel": _pair(kernel),
        "stride": _pair(kernel if stride is None or stride == () else stride),
        "padding": _pair(given["padding"]),
        "dilation": _pair(given.arguments.get("dilation", 1)),
    }


def _max_pool(given: Given) -> Found:
    return Found("max_pool", _pool_window(given))


def _avg_pool(given: Given) -> Found:
    divisor = given["divisor_override"]
    return Found(
        "avg_pool",
        {
            **_pool_window(given),
            "count_include_pad": bool(given["count_include_pad"]),
            "divisor": None if divisor is None else int(divisor),
        },
    )


def _adaptive(kind: str) -> Reader:
    def reader(given: Given) -> Found:
        _picture(given)
        return Found(kind)

    return reader


def _over_axes(kind: str) -> Reader:
    """A mean or a maximum over both spatial axes: a window of the whole map."""

    def reader(given: Given) -> Found:
        _picture(given)
        axes = given["dim"]
        chosen = axes if isinstance(axes, tuple) else (axes,)
        if axes is None or sorted(given.axis(int(axis)) for axis in chosen) != [1, 2]:
            raise Refused("is taken over other axes than height and width")
        return Found(kind)

    return reader


# ---- linear, norms ------------------------------------------------------------------------


def _linear(given: Given) -> Found:
    return Found("linear", {}, given.weights("weight", "bias"))


def _batch_norm(given: Given) -> Found | None:
    if given["training"] or not isinstance(given["running_mean"], Ref):
        raise Refused("takes its mean and variance from the batch, not from what it has learned")
    roles = ("running_mean", "running_var", "weight", "bias")
    return Found("batch_norm", {"eps": given["eps"]}, given.weights(*roles))


def _instance_norm(given: Given) -> Found | None:
    if not given["use_input_stats"]:
        arguments = {**given.arguments, "training": False}
        return _batch_norm(replace(given, arguments=arguments))
    block = math.prod(given.input[1:])
    return _block_norm(given, block, block)


def _group_norm(given: Given) -> Found:
    block = math.prod(given.input) // int(given["num_groups"])
    return _block_norm(given, block, math.prod(given.input[1:]))


def _layer_norm(given: Given) -> Found:
    return _block_norm(given, math.prod(given["normalized_shape"]), 1)


def _block_norm(given: Given, block: int, each: int) -> Found:
    """Mean and variance of every ``block`` numbers; a weight is that of ``each`` numbers."""
    found = {"block": block, "each": each, "eps": given["eps"]}
    return Found("block_norm", found, given.weights("weight", "bias"))


def _response_norm(given: Given) -> Found:
    found = {name: given.number(name) for name in ("alpha", "beta", "k")}
    return Found("response_norm", {"around": int(given["size"]), **found})


# ---- number by number ---------------------------------------------------------------------


def _function(kind: str, *names: str) -> Reader:
    """A function of each number by itself, with the arguments called ``names``."""

    def reader(given: Given) -> Found:
        return Found(kind, {name: given.number(name) for name in names})

    return reader


def _gelu(given: Given) -> Found:
    return Found("gelu_tanh" if given["approximate"] == "tanh" else "gelu")


def _clamp(given: Given) -> Found:
    """A limit that is not there is null in the page."""
    limits = [name for name in ("min", "max") if given.arguments.get(name) is not None]
    return Found(
        "clamp", {"min": None, "max": None} | {name: given.number(name) for name in limits}
    )


def _rrelu(given: Given) -> Found:
    if given["training"]:
        raise Refused("draws its slope at random")
    slope = (given.number("lower") + given.number("upper")) / 2
    return Found("leaky_relu", {"negative_slope": slope})


def _prelu(given: Given) -> Found:
    return Found("prelu", {}, given.weights("weight"))


def _dropout(given: Given) -> None:
    if given["training"]:
        raise Refused("drops numbers at random, also in eval mode")


def _softmax(kind: str) -> Reader:
    def reader(given: Given) -> Found:
        axis = given["dim"]
        if axis is None:
            raise Refused("does not say over which axis")
        return Found(kind, {"axis": given.axis(int(axis))})

    return reader


def _scaled(factor: Callable[[float], tuple[float, float]]) -> Reader:
    """Arithmetic with one number: ``scale · x + shift``."""

    def reader(given: Given) -> Found:
        alpha = given.number("alpha") if "alpha" in given.arguments else 1.0
        return _affine(given, *factor(alpha * given.number("other")))

    return reader


def _divided(given: Given) -> Found:
    if given["rounding_mode"] is not None:
        raise Refused("rounds what it divides")
    number = given.number("other")
    if number == 0:
        raise Refused("divides by zero")
    return _affine(given, 1 / number, 0.0)


def _affine(given: Given, scale: float, shift: float) -> Found:
    if not isinstance(given["input"], Ref):
        raise Refused("has the picture on its right side")
    return Found("affine", {"scale": scale, "shift": shift})


# ---- axes ---------------------------------------------------------------------------------


def _moved(given: Given) -> Found:
    """The same numbers in the same order under another shape."""
    account = given.accounts.of(given.operation)
    if account is None or not account.rearranges or not _in_order(account):
        raise Refused("changes the order of the numbers, which a page does not follow")
    return Found("reshape")


def _in_order(account: Account) -> bool:
    """Whether the axes of the result, taken apart, stand as those of the input do."""
    places = [
        (origin.source.axis, -_inner(origin))
        for origin in _leaves(account.results[0])
        if origin.size != 1
    ]
    return places == sorted(places)


def _inner(origin: Kept | Part) -> int:
    inner = origin.inner if isinstance(origin, Part) else 1
    return inner if isinstance(inner, int) else 1


def _leaves(origins: tuple[Origin, ...]) -> list[Kept | Part]:
    found: list[Kept | Part] = []
    for origin in origins:
        if isinstance(origin, Merged):
            found += _leaves(origin.parts)
        elif isinstance(origin, Kept | Part):
            found.append(origin)
        elif origin.size != 1:
            raise Refused("changes the order of the numbers, which a page does not follow")
    return found


_POOL = "input kernel_size stride=None padding=0"
_CHANNELS = "input running_mean=None running_var=None weight=None bias=None"
_TWO = "input other"

_OPERATIONS: dict[str, tuple[str, Reader]] = {
    "conv": ("input weight bias=None stride=1 padding=0 dilation=1 groups=1", _conv),
    "max_pool max_pool_with_indices": (f"{_POOL} dilation=1", _max_pool),
    "avg_pool": (
        f"{_POOL} ceil_mode=False count_include_pad=True divisor_override=None",
        _avg_pool,
    ),
    "adaptive_avg_pool": ("input output_size", _adaptive("adaptive_avg_pool")),
    "adaptive_max_pool adaptive_max_pool_with_indices": (
        "input output_size",
        _adaptive("adaptive_max_pool"),
    ),
    "mean": ("input dim|axis=None", _over_axes("adaptive_avg_pool")),
    "amax": ("input dim|axis=None", _over_axes("adaptive_max_pool")),
    "linear": ("input weight bias=None", _linear),
    "batch_norm": (f"{_CHANNELS} training=False momentum=0.1 eps=1e-5", _batch_norm),
    "instance_norm": (f"{_CHANNELS} use_input_stats=True momentum=0.1 eps=1e-5", _instance_norm),
    "group_norm": ("input num_groups weight=None bias=None eps=1e-5", _group_norm),
    "layer_norm": ("input normalized_shape weight=None bias=None eps=1e-5", _layer_norm),
    "local_response_norm": ("input size alpha=1e-4 beta=0.75 k=1.0", _response_norm),
    "relu": ("input", _function("relu")),
    "relu6": ("input", _function("relu6")),
    "sigmoid special_expit": ("input", _function("sigmoid")),
    "tanh": ("input", _function("tanh")),
    "silu": ("input", _function("silu")),
    "mish": ("input", _function("mish")),
    "selu": ("input", _function("selu")),
    "softsign": ("input", _function("softsign")),
    "tanhshrink": ("input", _function("tanhshrink")),
    "hardsigmoid": ("input", _function("hardsigmoid")),
    "hardswish": ("input", _function("hardswish")),
    "logsigmoid log_sigmoid": ("input", _function("log_sigmoid")),
    "leaky_relu": ("input negative_slope=0.01", _function("leaky_relu", "negative_slope")),
    "elu": ("input alpha=1.0", _function("elu", "alpha")),
    "celu": ("input alpha=1.0", _function("celu", "alpha")),
    "softplus": ("input beta=1 threshold=20", _function("softplus", "beta", "threshold")),
    "hardshrink": ("input lambd=0.5", _function("hardshrink", "lambd")),
    "softshrink": ("input lambd=0.5", _function("softshrink", "lambd")),
    "threshold": ("input threshold value", _function("threshold", "threshold", "value")),
    "hardtanh": ("input min|min_val=-1.0 max|max_val=1.0", _clamp),
    "clamp clip": ("input min=None max=None", _clamp),
    "clamp_min": ("input min", _clamp),
    "clamp_max": ("input max", _clamp),
    "gelu": ("input approximate='none'", _gelu),
    "rrelu": ("input lower=0.125 upper=0.3333333333333333 training=False", _rrelu),
    "prelu": ("input weight", _prelu),
    "dropout": ("input p=0.5 training=True", _dropout),
    "alpha_dropout feature_alpha_dropout feature_dropout": ("input p=0.5 training=False", _dropout),
    "softmax special_softmax": ("input dim=None", _softmax("softmax")),
    "log_softmax special_log_softmax": ("input dim=None", _softmax("log_softmax")),
    "softmin": ("input dim=None", _softmax("softmin")),
    "add": (f"{_TWO} alpha=1", _scaled(lambda n: (1.0, n))),
    "sub subtract": (f"{_TWO} alpha=1", _scaled(lambda n: (1.0, -n))),
    "rsub": (_TWO, _scaled(lambda n: (-1.0, n))),
    "mul multiply": (_TWO, _scaled(lambda n: (n, 0.0))),
    "div divide true_divide truediv": (f"{_TWO} rounding_mode=None", _divided),
}
_READERS = {
    name: (Signature(signature), reader)
    for names, (signature, reader) in _OPERATIONS.items()
    for name in names.split()
}
