"""Matrix products, attention, recurrence and reductions."""

from __future__ import annotations

from cnnshape.analysis.arguments import bind
from cnnshape.experiments.symbolic.reading import argument, as_tuple, first, flat
from cnnshape.experiments.symbolic.state import Dims, Sizes
from cnnshape.formulas.algebra import Whole
from cnnshape.tracing.trace import Operation, Ref


def matmul_sizes(op: Operation, sizes: Sizes) -> list[Dims] | None:
    """A matrix product, with broadcasting of what stands before the matrices."""
    operands = [sizes.of(a) for a in flat((*op.args, *op.kwargs.values())) if isinstance(a, Ref)]
    tensors = [dims for dims in operands if dims is not None]
    if op.name == "rmatmul":
        tensors.reverse()
    if op.name in ("addmm", "baddbmm", "addbmm"):
        tensors = tensors[1:]
    if len(tensors) == 1:
        tensors *= 2
    a, b = tensors[:2]
    if len(a) < 2 or len(b) < 2:
        return None
    sizes.demand(op, a[-1], "==", b[-2])
    longer, shorter = (a[:-2], b[:-2]) if len(a) >= len(b) else (b[:-2], a[:-2])
    lead = list(longer)
    for back in range(1, len(shorter) + 1):
        one, other = lead[-back], shorter[-back]
        if isinstance(one, int) and one == 1:
            lead[-back] = other
        elif not (isinstance(other, int) and other == 1):
            sizes.demand(op, one, "==", other)
    return [(*lead, a[-2], b[-1])]


def einsum_sizes(op: Operation, sizes: Sizes) -> list[Dims] | None:
    """Every letter of the equation is one size."""
    equation = op.args[0]
    if not isinstance(equation, str) or "->" not in equation or "." in equation:
        return None
    terms, _, target = equation.replace(" ", "").partition("->")
    known: dict[str, Whole | None] = {}
    tensors = [sizes.of(a) for a in flat(op.args[1:]) if isinstance(a, Ref)]
    for names, dims in zip(terms.split(","), tensors, strict=True):
        for name, n in zip(names, dims or (), strict=True):
            if name in known and known[name] is not None:
                sizes.demand(op, known[name], "==", n)
            else:
                known[name] = n
    return [tuple(known[name] for name in target)]


def attention_sizes(op: Operation, sizes: Sizes) -> list[Dims] | None:
    """The query's length, the value's width."""
    bound = bind(op)
    if bound is None:
        return None
    query, key, value = (sizes.of(bound[name]) for name in ("query", "key", "value"))
    if query is None or key is None or value is None:
        return None
    mask = sizes.of(bound["attn_mask"])
    if mask is not None and len(mask) >= 2:
        # A bias kept as a table of positions fits one length only.
        for wanted, given in ((query[-2], mask[-2]), (key[-2], mask[-1])):
            if given != 1:
                sizes.demand(op, wanted, "==", given)
    sizes.demand(op, key[-2], "==", value[-2])
    return [(*query[:-1], value[-1])]


def multi_head_sizes(op: Operation, sizes: Sizes) -> list[Dims] | None:
    """The query's shape."""
    bound = bind(op)
    query = None if bound is None else sizes.of(bound["query"])
    return None if query is None else [query]


def reduce_sizes(op: Operation, sizes: Sizes) -> list[Dims] | None:
    """A mean, sum or maximum over some axes, or all."""
    value = op.inputs[0]
    given, numbers = sizes.of_value(value), sizes.numbers(value)
    shape = sizes.numbers(op.outputs[0])
    at = 2 if op.name in ("norm", "vector_norm", "linalg_vector_norm") else 1
    chosen = argument(op, sizes, at, "dim", "axis")
    if isinstance(chosen, Ref) or len(op.inputs) > 1:
        return None
    dims = [d for d in as_tuple(chosen) if isinstance(d, int) and not isinstance(d, bool)]
    gone = {d % len(given) for d in dims} or set(range(len(given)))
    if len(shape) == len(numbers):
        return [tuple(1 if d in gone else n for d, n in enumerate(given))] * len(op.outputs)
    return [tuple(n for d, n in enumerate(given) if d not in gone)] * len(op.outputs)


def recurrent_sizes(op: Operation, sizes: Sizes) -> list[Dims] | None:
    """``lstm(input, states, weights, biases, layers, dropout, train, both ways, batch_first)``."""
    given = first(op, sizes)
    shape = sizes.numbers(op.outputs[0])
    if len(given) != len(shape) or len(given) not in (2, 3):
        return None  # packed sequences
    batch_first = bool(op.args[-1]) if op.args else True
    batch = () if len(given) == 2 else (given[0 if batch_first else 1],)
    results: list[Dims] = [(*given[:-1], shape[-1])]
    for value in op.outputs[1:]:
        layers, *_, width = sizes.numbers(value)
        results.append((layers, *batch, width))
    return results
