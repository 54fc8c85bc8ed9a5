"""What a page can compute: each operation's arguments as the page takes them.

torch's names, orders and defaults of the arguments are those of
https://docs.pytorch.org/docs/stable/nn.functional.html. The table of operations says what an
operation is; the arguments that change numbers and no size are named here.
"""

from __future__ import annotations

from dataclasses import replace

from cnnshape.operations.call import Signature
from cnnshape.rendering.live import elementwise, layers, windows
from cnnshape.rendering.live.call import Found, Given, Reader, Refused
from cnnshape.rendering.live.order import moved

_POOL = "input kernel_size stride=None padding=0"
_CHANNELS = "input running_mean=None running_var=None weight=None bias=None"
_TWO = "input other"

_OPERATIONS: dict[str, tuple[str, Reader]] = {
    "conv": ("input weight bias=None stride=1 padding=0 dilation=1 groups=1", windows.conv),
    "max_pool max_pool_with_indices": (f"{_POOL} dilation=1", windows.max_pool),
    "avg_pool": (
        f"{_POOL} ceil_mode=False count_include_pad=True divisor_override=None",
        windows.avg_pool,
    ),
    "adaptive_avg_pool": ("input output_size", windows.adaptive("adaptive_avg_pool")),
    "adaptive_max_pool adaptive_max_pool_with_indices": (
        "input output_size",
        windows.adaptive("adaptive_max_pool"),
    ),
    "mean": ("input dim|axis=None", windows.over_axes("adaptive_avg_pool")),
    "amax": ("input dim|axis=None", windows.over_axes("adaptive_max_pool")),
    "linear": ("input weight bias=None", layers.linear),
    "batch_norm": (f"{_CHANNELS} training=False momentum=0.1 eps=1e-5", layers.batch_norm),
    "instance_norm": (
        f"{_CHANNELS} use_input_stats=True momentum=0.1 eps=1e-5",
        layers.instance_norm,
    ),
    "group_norm": ("input num_groups weight=None bias=None eps=1e-5", layers.group_norm),
    "layer_norm": ("input normalized_shape weight=None bias=None eps=1e-5", layers.layer_norm),
    "local_response_norm": ("input size alpha=1e-4 beta=0.75 k=1.0", layers.response_norm),
    "relu": ("input", elementwise.function("relu")),
    "relu6": ("input", elementwise.function("relu6")),
    "sigmoid special_expit": ("input", elementwise.function("sigmoid")),
    "tanh": ("input", elementwise.function("tanh")),
    "silu": ("input", elementwise.function("silu")),
    "mish": ("input", elementwise.function("mish")),
    "selu": ("input", elementwise.function("selu")),
    "softsign": ("input", elementwise.function("softsign")),
    "tanhshrink": ("input", elementwise.function("tanhshrink")),
    "hardsigmoid": ("input", elementwise.function("hardsigmoid")),
    "hardswish": ("input", elementwise.function("hardswish")),
    "logsigmoid log_sigmoid": ("input", elementwise.function("log_sigmoid")),
    "leaky_relu": (
        "input negative_slope=0.01",
        elementwise.function("leaky_relu", "negative_slope"),
    ),
    "elu": ("input alpha=1.0", elementwise.function("elu", "alpha")),
    "celu": ("input alpha=1.0", elementwise.function("celu", "alpha")),
    "softplus": (
        "input beta=1 threshold=20",
        elementwise.function("softplus", "beta", "threshold"),
    ),
    "hardshrink": ("input lambd=0.5", elementwise.function("hardshrink", "lambd")),
    "softshrink": ("input lambd=0.5", elementwise.function("softshrink", "lambd")),
    "threshold": ("input threshold value", elementwise.function("threshold", "threshold", "value")),
    "hardtanh": ("input min|min_val=-1.0 max|max_val=1.0", elementwise.clamp),
    "clamp clip": ("input min=None max=None", elementwise.clamp),
    "clamp_min": ("input min", elementwise.clamp),
    "clamp_max": ("input max", elementwise.clamp),
    "gelu": ("input approximate='none'", elementwise.gelu),
    "rrelu": ("input lower=0.125 upper=0.3333333333333333 training=False", elementwise.rrelu),
    "prelu": ("input weight", elementwise.prelu),
    "dropout": ("input p=0.5 training=True", elementwise.dropout),
    "alpha_dropout feature_alpha_dropout feature_dropout": (
        "input p=0.5 training=False",
        elementwise.dropout,
    ),
    "softmax special_softmax": ("input dim=None", elementwise.softmax("softmax")),
    "log_softmax special_log_softmax": ("input dim=None", elementwise.softmax("log_softmax")),
    "softmin": ("input dim=None", elementwise.softmax("softmin")),
    "add": (f"{_TWO} alpha=1", elementwise.scaled(lambda n: (1.0, n))),
    "sub subtract": (f"{_TWO} alpha=1", elementwise.scaled(lambda n: (1.0, -n))),
    "rsub": (f"{_TWO} alpha=1", elementwise.reversed_difference),
    "mul multiply": (_TWO, elementwise.scaled(lambda n: (n, 0.0))),
    "div divide true_divide truediv": (f"{_TWO} rounding_mode=None", elementwise.divided),
}
_READERS = {
    name: (Signature(signature), reader)
    for names, (signature, reader) in _OPERATIONS.items()
    for name in names.split()
}


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
        return moved(given)
    if entry.name not in _READERS:
        raise Refused("is not an operation that a page can compute")
    signature, reader = _READERS[entry.name]
    arguments = signature.bind(given.operation.args, given.operation.kwargs)
    if arguments is None:
        raise Refused("has arguments that are not understood")
    return reader(replace(given, arguments=arguments))
