"""The sizes of an operation's results as expressions: the rule for each function of torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnnshape.experiments.symbolic.joining_rules import (
    cat_sizes,
    chunk_sizes,
    getitem_sizes,
    narrow_sizes,
    select_sizes,
    split_sizes,
    stack_sizes,
    unbind_sizes,
    unfold_axis_sizes,
)
from cnnshape.experiments.symbolic.moving_rules import (
    expand_sizes,
    like_second_sizes,
    movedim_sizes,
    permute_sizes,
    repeat_sizes,
    squeeze_sizes,
    transpose_sizes,
    unsqueeze_sizes,
    view_sizes,
)
from cnnshape.experiments.symbolic.new_tensor_rules import (
    arange_sizes,
    filled_tensor_sizes,
    full_sizes,
    linspace_sizes,
    meshgrid_sizes,
    shape_of_input_sizes,
)
from cnnshape.experiments.symbolic.product_rules import (
    attention_sizes,
    einsum_sizes,
    matmul_sizes,
    multi_head_sizes,
    recurrent_sizes,
    reduce_sizes,
)
from cnnshape.experiments.symbolic.state import Dims, Sizes
from cnnshape.experiments.symbolic.window_rules import windowed
from cnnshape.formulas.algebra import Sum, Whole
from cnnshape.tracing.trace import Operation

Rule = Callable[[Operation, Sizes], "Sequence[Dims] | None"]

#: What a rule raises where the arguments are of a kind that it does not know.
_UNUSUAL = (TypeError, ValueError, IndexError, ZeroDivisionError, KeyError, AttributeError)


def result_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """The sizes of every result of one operation, None where no rule tells."""
    shapes = [sizes.numbers(value) for value in op.outputs]
    if not shapes:
        return []
    rule = RULES.get(op.name, windowed)
    try:
        found = rule(op, sizes)
    except _UNUSUAL:
        found = None  # the numbers of other runs will tell
    if found is None:
        found = [by_position(op, sizes)]
    results: list[Dims] = []
    for position, shape in enumerate(shapes):
        dims = found[position] if position < len(found) else None
        if dims is None and results and shape == shapes[0]:
            dims = results[0]  # a pooling's indices have the sizes of its result
        results.append(dims if dims is not None and len(dims) == len(shape) else _unknown(shape))
    return results


def _unknown(shape: Sequence[int]) -> Dims:
    return (None,) * len(shape)


def by_position(op: Operation, sizes: Sizes) -> Dims:
    """An operation that works position by position, with broadcasting; else unknown.

    Only where all its tensors fit the result does it demand that they agree: a recurrent layer's
    states and weights do not.
    """
    shape = sizes.numbers(op.outputs[0])
    operands = [(sizes.of_value(v), sizes.numbers(v)) for v in op.inputs]
    broadcasts = all(_fits(numbers, shape) for _, numbers in operands)
    operands = [(dims, numbers) for dims, numbers in operands if len(numbers) <= len(shape)]
    result: list[Whole | None] = []
    for axis in range(-len(shape), 0):
        known = [
            dims[axis]
            for dims, numbers in operands
            if len(numbers) >= -axis and numbers[axis] == shape[axis] and dims[axis] is not None
        ]
        if broadcasts and shape[axis] != 1:
            for size in known[1:]:
                sizes.demand(op, known[0], "==", size)
        # A size of 1 may be broadcast elsewhere; what has a letter says more.
        result.append(next((size for size in known if isinstance(size, Sum)), None))
        if result[-1] is None and known:
            result[-1] = known[0]
    return tuple(result)


def _fits(numbers: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether a tensor broadcasts to a shape."""
    if len(numbers) > len(shape):
        return False
    tail = shape[len(shape) - len(numbers) :]
    return all(n in (1, m) for n, m in zip(numbers, tail, strict=True))


def _names(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: dict[str, Rule] = {
    **_names("view reshape unsafe_view", view_sizes),
    **_names("view_as reshape_as expand_as", like_second_sizes),
    **_names("transpose swapaxes swapdims T t mT H mH adjoint", transpose_sizes),
    **_names("movedim moveaxis", movedim_sizes),
    **_names("expand broadcast_to", expand_sizes),
    **_names("repeat tile", repeat_sizes),
    **_names("cat concat concatenate", cat_sizes),
    **_names("chunk unsafe_chunk", chunk_sizes),
    **_names("split unsafe_split split_with_sizes", split_sizes),
    **_names("matmul bmm mm rmatmul addmm baddbmm", matmul_sizes),
    **_names("mean sum amax amin max min std var std_mean var_mean norm vector_norm", reduce_sizes),
    **_names("linalg_vector_norm logsumexp prod median argmax argmin any all", reduce_sizes),
    **_names("zeros ones empty rand randn", filled_tensor_sizes(0)),
    **_names("new_zeros new_ones new_empty", filled_tensor_sizes(1)),
    **_names(
        "softmax log_softmax roll flip contiguous clone dropout layer_norm", shape_of_input_sizes
    ),
    **_names(
        "zeros_like ones_like empty_like to type float half group_norm relu gelu",
        shape_of_input_sizes,
    ),
    **_names("batch_norm instance_norm silu normalize cumsum", shape_of_input_sizes),
    "permute": permute_sizes,
    "squeeze": squeeze_sizes,
    "unsqueeze": unsqueeze_sizes,
    "stack": stack_sizes,
    "unbind": unbind_sizes,
    "narrow": narrow_sizes,
    "select": select_sizes,
    "getitem": getitem_sizes,
    "unfold": unfold_axis_sizes,
    "einsum": einsum_sizes,
    "scaled_dot_product_attention": attention_sizes,
    "multi_head_attention_forward": multi_head_sizes,
    **_names("lstm gru rnn_tanh rnn_relu", recurrent_sizes),
    "full": full_sizes,
    "arange": arange_sizes,
    "linspace": linspace_sizes,
    "meshgrid": meshgrid_sizes,
}
