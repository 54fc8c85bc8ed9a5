"""Multiply-accumulates of one operation, from the shapes it was called with.

The papers' convention: convolutions, linear layers, matrix products and attention count; bias,
normalisation, activation and other elementwise work do not. One multiply-accumulate is two
FLOPs. Every formula is a few lines; the tests hold them against torch's own FLOP counter.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from cnnshape.analysis.arguments import base_name, bind
from cnnshape.tracing.trace import Operation, Ref, Trace

Shape = tuple[int, ...]


class Symbolic(Exception):  # noqa: N818 - not an error: it says that numbers alone cannot tell
    """A size is an expression, so the count is one as well."""


def operation_macs(trace: Trace, operation: Operation) -> int | None:
    """Multiply-accumulates of ``operation``; 0 where the convention counts none, None if unknown.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> layer = torch.nn.Conv2d(1, 6, 5, padding=2)
    >>> trace = record(layer, Inputs((torch.zeros(1, 1, 28, 28),))).trace
    >>> operation_macs(trace, trace.operations[0])  # 28·28 positions × 6 filters × 5·5 weights
    117600
    """
    if operation.failed:
        return 0
    if operation.opaque:
        return operation.macs
    base, _ = base_name(operation.name)
    count = _COUNTERS.get(base)
    if count is None:
        return _foreign(trace, operation)
    try:
        return count(trace, operation)
    except Symbolic:
        return None


def _foreign(trace: Trace, operation: Operation) -> int | None:
    """Operators of other libraries: unknown; quantized ones by their name."""
    space, dot, name = operation.name.partition(".")
    if not dot:
        return 0
    if space != "quantized" or name.startswith("conv"):
        return None  # a packed weight does not tell its kernel
    if not name.startswith("linear"):
        return 0
    given = _tensors(trace, operation)
    return prod(_output(trace, operation)) * given[0][-1] if given and given[0] else None


# ---- reading shapes ---------------------------------------------------------------------


def _shape(trace: Trace, argument: Any) -> Shape | None:
    if not isinstance(argument, Ref):
        return None
    shape = trace.shape(argument.value)
    if any(isinstance(size, str) for size in shape):
        raise Symbolic
    return shape  # pyright: ignore[reportReturnType]


def _output(trace: Trace, operation: Operation) -> Shape:
    return _shape(trace, Ref(operation.outputs[0])) or ()


def _tensors(trace: Trace, operation: Operation) -> list[Shape]:
    """The shapes of the tensor arguments in order, tensors inside lists included."""
    found: list[Shape] = []

    def walk(argument: Any) -> None:
        if isinstance(argument, Ref):
            found.append(_shape(trace, argument) or ())
        elif isinstance(argument, tuple):
            for item in argument:  # pyright: ignore[reportUnknownVariableType]
                walk(item)

    walk(operation.args)
    walk(tuple(operation.kwargs.values()))
    return found


# ---- one function per family ------------------------------------------------------------


def _conv(trace: Trace, operation: Operation) -> int | None:
    """Each output number is a sum over the kernel and the channels of its group."""
    bound = bind(operation)
    weight = _shape(trace, bound["weight"]) if bound else None
    return None if weight is None else prod(_output(trace, operation)) * prod(weight[1:])


def _conv_transpose(trace: Trace, operation: Operation) -> int | None:
    """Each input number is spread over the kernel and the output channels of its group."""
    bound = bind(operation)
    if bound is None:
        return None
    weight, given = _shape(trace, bound["weight"]), _shape(trace, bound["input"])
    return None if weight is None or given is None else prod(given) * prod(weight[1:])


def _linear(trace: Trace, operation: Operation) -> int | None:
    bound = bind(operation)
    weight = _shape(trace, bound["weight"]) if bound else None
    return None if weight is None else prod(_output(trace, operation)) * weight[-1]


def _bilinear(trace: Trace, operation: Operation) -> int | None:
    """Compute x₁ᵀ A x₂ as first x₁ with every A, then the result with x₂."""
    bound = bind(operation)
    weight = _shape(trace, bound["weight"]) if bound else None
    if weight is None:
        return None
    out_features, first, second = weight
    batch = prod(_output(trace, operation)[:-1])
    return batch * out_features * (first * second + second)


def _product(trace: Trace, operation: Operation) -> int | None:
    """``a @ b``: every output number is a sum over the shared axis."""
    tensors = _tensors(trace, operation)
    if operation.name in ("addmm", "baddbmm", "addmv", "addbmm"):
        tensors = tensors[1:]
    if len(tensors) < 2 or not tensors[0]:
        return None
    first = tensors[0]
    if operation.name == "addbmm":
        return prod(first) * tensors[1][-1]
    return prod(_output(trace, operation)) * first[-1]


def _chain(trace: Trace, operation: Operation) -> int | None:
    """A chain of matrices, multiplied from the left."""
    shapes = _tensors(trace, operation)
    if any(len(shape) != 2 for shape in shapes):
        return None
    rows = shapes[0][0]
    return sum(rows * shape[0] * shape[1] for shape in shapes[1:])


def _einsum(trace: Trace, operation: Operation) -> int | None:
    equation = operation.args[0] if operation.args else operation.kwargs.get("equation")
    if not isinstance(equation, str):
        return None
    shapes = _tensors(trace, operation)
    left, _, right = equation.replace(" ", "").partition("->")
    labels = left.split(",")
    if len(labels) != len(shapes):
        return None
    sizes: dict[str, int] = {}
    terms: list[set[str]] = []
    for term, shape in zip(labels, shapes, strict=True):
        before, dots, after = term.partition("...")
        extra = len(shape) - len(before) - len(after)
        # The axes under an ellipsis are aligned at their end.
        names = [*before, *(f"...{i}" for i in range(extra, 0, -1) if dots), *after]
        for name, size in zip(names, shape, strict=True):
            sizes[name] = max(size, sizes.get(name, 1))
        terms.append(set(names))
    kept = {name for name in sizes if name in right or name.startswith("...")}
    if "->" not in equation:
        kept = {name for name in sizes if left.count(name) == 1 or name.startswith("...")}
    total = 0
    done = terms[0]
    for position, term in enumerate(terms[1:], start=1):
        both = done | term
        total += prod(sizes[name] for name in both)
        later: set[str] = set().union(*terms[position + 1 :])
        done = both & (kept | later)
    return total


def _tensordot(trace: Trace, operation: Operation) -> int | None:
    bound = bind(operation)
    if bound is None:
        return None
    first, dims = _shape(trace, bound["a"]), bound["dims"]
    if first is None:
        return None
    if isinstance(dims, int):
        shared = first[len(first) - dims :]
    elif isinstance(dims, tuple) and dims and isinstance(dims[0], tuple):
        shared = tuple(first[axis] for axis in dims[0])
    elif isinstance(dims, tuple) and dims and isinstance(dims[0], int):
        shared = (first[dims[0]],)
    else:
        return None
    return prod(_output(trace, operation)) * prod(shared)


def _attention(trace: Trace, operation: Operation) -> int | None:
    """Q·Kᵀ, then the weights with V, per head."""
    bound = bind(operation)
    if bound is None:
        return None
    query, key, value = (_shape(trace, bound[name]) for name in ("query", "key", "value"))
    if query is None or key is None or value is None:
        return None
    scores = prod(query[:-1]) * key[-2]
    return scores * (query[-1] + value[-1])


def _multi_head_attention(trace: Trace, operation: Operation) -> int | None:
    """The three projections in, the attention of every head, the projection out."""
    bound = bind(operation)
    if bound is None:
        return None
    query, key, value = (_shape(trace, bound[name]) for name in ("query", "key", "value"))
    if query is None or key is None or value is None:
        return None
    embed, heads = query[-1], bound["num_heads"]
    batched = len(query) == 3
    batch = query[1] if batched else 1
    length, source = query[0], key[0]
    projected = batch * embed * (length * embed + source * key[-1] + source * value[-1])
    if isinstance(bound["bias_k"], Ref):
        source += 1
    if bound["add_zero_attn"] is True:
        source += 1
    head = embed // heads
    scores = batch * heads * length * source
    return projected + scores * head * 2 + batch * length * embed * embed


def _recurrent(trace: Trace, operation: Operation) -> int | None:
    """Every time step multiplies with every weight matrix once, of each layer and direction.

    torch calls its kernels either as (input, state, weights, …) or, for packed sequences, as
    (data, batch_sizes, state, weights, …).
    """
    first = _shape(trace, operation.args[0])
    if first is None:
        return None
    weights = next(
        (
            argument
            for argument in operation.args[2:4]
            if isinstance(argument, tuple) and len(argument) > 1 and _has_matrix(trace, argument)
        ),
        None,
    )
    if weights is None:
        return None
    # The steps are all axes but the last, for one sequence, a batch of them, or packed data.
    steps = prod(first[:-1])
    shapes = [_shape(trace, weight) or () for weight in weights]
    return steps * sum(prod(shape) for shape in shapes if len(shape) == 2)


def _has_matrix(trace: Trace, argument: tuple[Any, ...]) -> bool:
    return any(
        isinstance(item, Ref) and len(trace.shape(item.value)) == 2 for item in argument
    ) and any(isinstance(item, Ref) and trace.values[item.value].parameters for item in argument)


def _cell(trace: Trace, operation: Operation) -> int | None:
    """One step of a recurrent layer: (input, state, w_ih, w_hh, …)."""
    first = _shape(trace, operation.args[0])
    if first is None:
        return None
    matrices = [_shape(trace, argument) or () for argument in operation.args[2:4]]
    return prod(first[:-1]) * sum(prod(shape) for shape in matrices)


def _deform_conv(trace: Trace, operation: Operation) -> int | None:
    bound = bind(operation)
    weight = _shape(trace, bound["weight"]) if bound else None
    return None if weight is None else prod(_output(trace, operation)) * prod(weight[1:])


Counter = Callable[[Trace, Operation], "int | None"]

_COUNTERS: dict[str, Counter] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "conv_tbc": lambda trace, operation: (
        prod(_output(trace, operation)) * prod(_tensors(trace, operation)[1][:2])
    ),
    "deform_conv2d": _deform_conv,
    "linear": _linear,
    "bilinear": _bilinear,
    **dict.fromkeys(
        "matmul mm bmm mv dot vdot inner addmm addmv baddbmm addbmm vecdot".split(), _product
    ),
    "chain_matmul": _chain,
    "multi_dot": _chain,
    "linalg_multi_dot": _chain,
    "einsum": _einsum,
    "tensordot": _tensordot,
    "scaled_dot_product_attention": _attention,
    "multi_head_attention_forward": _multi_head_attention,
    **dict.fromkeys("lstm gru rnn_tanh rnn_relu".split(), _recurrent),
    **dict.fromkeys("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell".split(), _cell),
}
