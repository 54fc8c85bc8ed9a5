"""The results of operations that move, cut, join, multiply and reduce axes, as expressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnnshape.analysis.arguments import bind
from cnnshape.experiments.symbolic.state import Dims, Sizes, times
from cnnshape.experiments.symbolic.window_rules import filled, windowed
from cnnshape.formulas.algebra import Sum, Whole
from cnnshape.tracing.trace import Operation, Ref

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


def _first(op: Operation, sizes: Sizes) -> Dims:
    found = next((sizes.of(a) for a in _flat(op.args) if isinstance(a, Ref)), None)
    if found is None:
        return sizes.of_value(op.inputs[0])
    return found


def _flat(arguments: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for argument in arguments:
        found += _flat(argument) if isinstance(argument, tuple) else [argument]  # pyright: ignore[reportUnknownArgumentType]
    return found


def _argument(op: Operation, sizes: Sizes, position: int, *names: str, default: Any = None) -> Any:
    for name in names:
        if name in op.kwargs:
            return sizes.known(op.kwargs[name])
    return sizes.known(op.args[position]) if position < len(op.args) else default


def _numbers(op: Operation, sizes: Sizes, position: int, *names: str) -> tuple[Any, ...]:
    """The sizes of ``view(2, 3)``, ``view((2, 3))`` and ``view(size=(2, 3))`` alike."""
    for name in names:
        if name in op.kwargs:
            return tuple(sizes.known(op.kwargs[name]))
    rest = sizes.known(op.args[position:])
    return rest[0] if len(rest) == 1 and isinstance(rest[0], tuple) else rest


# ---- axes moved -------------------------------------------------------------------------


def _view(op: Operation, sizes: Sizes) -> list[Dims] | None:
    shape = _numbers(op, sizes, 1, "shape", "size")
    if any(isinstance(n, str) for n in shape):
        return None  # view(dtype)
    return [filled(op, sizes, times(*_first(op, sizes)), shape)]


def _permute(op: Operation, sizes: Sizes) -> list[Dims]:
    given = _first(op, sizes)
    return [tuple(given[d] for d in _numbers(op, sizes, 1, "dims"))]


def _transpose(op: Operation, sizes: Sizes) -> list[Dims]:
    given = list(_first(op, sizes))
    one, other = _argument(op, sizes, 1, "dim0"), _argument(op, sizes, 2, "dim1")
    if op.name in ("T", "t", "mT", "H", "mH", "adjoint"):
        one, other = -2, -1
    if len(given) > 1:
        given[one], given[other] = given[other], given[one]
    return [tuple(given)]


def _movedim(op: Operation, sizes: Sizes) -> list[Dims]:
    given = _first(op, sizes)
    sources = _as_tuple(_argument(op, sizes, 1, "source"))
    targets = _as_tuple(_argument(op, sizes, 2, "destination"))
    rank = len(given)
    moved = {t % rank: s % rank for s, t in zip(sources, targets, strict=True)}
    rest = iter(d for d in range(rank) if d not in moved.values())
    return [tuple(given[moved[d] if d in moved else next(rest)] for d in range(rank))]


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _squeeze(op: Operation, sizes: Sizes) -> list[Dims]:
    value = op.inputs[0]
    given, numbers = sizes.of_value(value), sizes.numbers(value)
    chosen = [d % len(given) for d in _numbers(op, sizes, 1, "dim") if isinstance(d, int)]
    gone = [d for d in (chosen or range(len(given))) if numbers[d] == 1]
    for d in gone:
        sizes.demand(op, given[d], "==", 1)
    return [tuple(n for d, n in enumerate(given) if d not in gone)]


def _unsqueeze(op: Operation, sizes: Sizes) -> list[Dims]:
    given = _first(op, sizes)
    at = int(_argument(op, sizes, 1, "dim")) % (len(given) + 1)
    return [(*given[:at], 1, *given[at:])]


def _expand(op: Operation, sizes: Sizes) -> list[Dims]:
    given = _first(op, sizes)
    shape = _numbers(op, sizes, 1, "size")
    added = len(shape) - len(given)
    return [
        tuple(
            given[d - added] if isinstance(n, int) and n == -1 and d >= added else n
            for d, n in enumerate(shape)
        )
    ]


def _like_second(op: Operation, sizes: Sizes) -> list[Dims] | None:
    other = sizes.of(op.args[1]) if len(op.args) > 1 else None
    return None if other is None else [other]


def _repeat(op: Operation, sizes: Sizes) -> list[Dims]:
    given = _first(op, sizes)
    counts = _numbers(op, sizes, 1, "repeats", "dims")
    added = len(counts) - len(given)
    if added < 0:
        counts = (1,) * -added + counts
        added = 0
    padded = (1,) * added + tuple(given)
    return [tuple(times(n, c) for n, c in zip(padded, counts, strict=True))]


# ---- cut and joined ---------------------------------------------------------------------


def _cat(op: Operation, sizes: Sizes) -> list[Dims]:
    tensors = [
        sizes.of(item) for item in _as_tuple(op.args[0] if op.args else op.kwargs["tensors"])
    ]
    known = [dims for dims in tensors if dims is not None and len(dims) > 0]
    rank = len(sizes.numbers(op.outputs[0]))
    known = [dims for dims in known if len(dims) == rank]
    axis = int(_argument(op, sizes, 1, "dim", "axis", default=0)) % rank
    result: list[Whole | None] = list(known[0])
    for dims in known[1:]:
        for d in range(rank):
            if d == axis:
                one, other = result[d], dims[d]
                result[d] = None if one is None or other is None else one + other
            else:
                sizes.demand(op, result[d], "==", dims[d])
                result[d] = dims[d] if result[d] is None else result[d]
    return [tuple(result)]


def _stack(op: Operation, sizes: Sizes) -> list[Dims]:
    items = _as_tuple(op.args[0] if op.args else op.kwargs["tensors"])
    first = sizes.of(items[0])
    assert first is not None
    for item in items[1:]:
        for one, other in zip(first, sizes.of(item) or (), strict=False):
            sizes.demand(op, one, "==", other)
    at = int(_argument(op, sizes, 1, "dim", default=0)) % (len(first) + 1)
    return [(*first[:at], len(items), *first[at:])]


def _chunk(op: Operation, sizes: Sizes) -> list[Dims]:
    given = _first(op, sizes)
    chunks = int(_argument(op, sizes, 1, "chunks"))
    axis = int(_argument(op, sizes, 2, "dim", default=0)) % len(given)
    n = given[axis]
    piece = None if n is None else (n + chunks - 1) // chunks
    return _pieces(op, given, axis, piece)


def _split(op: Operation, sizes: Sizes) -> list[Dims]:
    given = _first(op, sizes)
    lengths = _argument(op, sizes, 1, "split_size_or_sections", "split_size", "split_sizes")
    axis = int(_argument(op, sizes, 2, "dim", default=0)) % len(given)
    if isinstance(lengths, tuple):
        total: Whole = 0
        for length in lengths:  # pyright: ignore[reportUnknownVariableType]
            total = total + length  # pyright: ignore[reportUnknownVariableType]
        sizes.demand(op, given[axis], "==", total)
        return [(*given[:axis], length, *given[axis + 1 :]) for length in lengths]  # pyright: ignore[reportUnknownVariableType]
    return _pieces(op, given, axis, lengths)


def _pieces(op: Operation, given: Dims, axis: int, piece: Whole | None) -> list[Dims]:
    count = len(op.outputs)
    n = given[axis]
    last = None if n is None or piece is None else n - piece * (count - 1)
    return [
        (*given[:axis], last if i == count - 1 else piece, *given[axis + 1 :]) for i in range(count)
    ]


def _unbind(op: Operation, sizes: Sizes) -> list[Dims]:
    given = _first(op, sizes)
    axis = int(_argument(op, sizes, 1, "dim", default=0)) % len(given)
    sizes.demand(op, given[axis], "==", len(op.outputs))
    return [(*given[:axis], *given[axis + 1 :])] * len(op.outputs)


def _narrow(op: Operation, sizes: Sizes) -> list[Dims]:
    given = _first(op, sizes)
    axis = int(_argument(op, sizes, 1, "dim")) % len(given)
    return [(*given[:axis], _argument(op, sizes, 3, "length"), *given[axis + 1 :])]


def _select(op: Operation, sizes: Sizes) -> list[Dims]:
    given = _first(op, sizes)
    axis = int(_argument(op, sizes, 1, "dim")) % len(given)
    return [(*given[:axis], *given[axis + 1 :])]


def _getitem(op: Operation, sizes: Sizes) -> list[Dims] | None:
    value = op.inputs[0]
    given, numbers = sizes.of_value(value), sizes.numbers(value)
    items = _as_tuple(sizes.known(op.args[1]))
    result: list[Whole | None] = []
    axis = 0
    for item in items:
        if item is None:
            result.append(1)
        elif isinstance(item, str) and item == "...":
            taken = sum(1 for i in items if i is not None and not isinstance(i, str))
            keep = (
                len(given)
                - taken
                - axis
                + sum(1 for i in items[: items.index(item)] if i is not None)
            )
            result += given[axis : axis + keep]
            axis += keep
        elif isinstance(item, slice):
            result.append(_sliced(item, given[axis], numbers[axis]))
            axis += 1
        elif isinstance(item, Ref):
            index = sizes.of(item) or ()
            if any(isinstance(i, Ref) and i is not item for i in items):
                return None
            if sizes.trace.values[item.value].dtype == "bool":
                return None
            result += index
            axis += 1
        elif isinstance(item, int | Sum):
            axis += 1
        else:
            return None
    return [(*result, *given[axis:])]


def _sliced(item: slice, n: Whole | None, number: int) -> Whole | None:
    """``start:stop:step`` of an axis, cut as Python cuts it at the recorded number."""
    if n is None:
        return None
    step = 1 if item.step is None else int(item.step)
    start = _edge(item.start, n, number, 0)
    stop = _edge(item.stop, n, number, n)
    return (stop - start + (step - 1)) // step


def _edge(edge: Any, n: Whole, number: int, default: Whole) -> Whole:
    if edge is None:
        return default
    if isinstance(edge, Sum):
        return edge
    place = int(edge)
    if place < 0:
        return n + place if -place <= number else 0
    return n if place >= number and isinstance(n, Sum) else min(place, number)


def _unfold_axis(op: Operation, sizes: Sizes) -> list[Dims] | None:
    """``Tensor.unfold(dim, size, step)``; ``F.unfold`` has a rule of its own."""
    if len(op.args) != 4 or isinstance(op.args[1], tuple):
        return list(windowed(op, sizes) or ()) or None
    given = _first(op, sizes)
    axis, size, step = (_argument(op, sizes, i) for i in (1, 2, 3))
    axis = int(axis) % len(given)
    n = given[axis]
    windows = None if n is None else (n - size) // step + 1
    return [(*given[:axis], windows, *given[axis + 1 :], size)]


# ---- products and sums ------------------------------------------------------------------


def _matmul(op: Operation, sizes: Sizes) -> list[Dims] | None:
    operands = [sizes.of(a) for a in _flat((*op.args, *op.kwargs.values())) if isinstance(a, Ref)]
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


def _einsum(op: Operation, sizes: Sizes) -> list[Dims] | None:
    equation = op.args[0]
    if not isinstance(equation, str) or "->" not in equation or "." in equation:
        return None
    terms, _, target = equation.replace(" ", "").partition("->")
    known: dict[str, Whole | None] = {}
    tensors = [sizes.of(a) for a in _flat(op.args[1:]) if isinstance(a, Ref)]
    for names, dims in zip(terms.split(","), tensors, strict=True):
        for name, n in zip(names, dims or (), strict=True):
            if name in known and known[name] is not None:
                sizes.demand(op, known[name], "==", n)
            else:
                known[name] = n
    return [tuple(known[name] for name in target)]


def _attention(op: Operation, sizes: Sizes) -> list[Dims] | None:
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


def _multi_head(op: Operation, sizes: Sizes) -> list[Dims] | None:
    bound = bind(op)
    query = None if bound is None else sizes.of(bound["query"])
    return None if query is None else [query]


def _reduce(op: Operation, sizes: Sizes) -> list[Dims] | None:
    value = op.inputs[0]
    given, numbers = sizes.of_value(value), sizes.numbers(value)
    shape = sizes.numbers(op.outputs[0])
    at = 2 if op.name in ("norm", "vector_norm", "linalg_vector_norm") else 1
    chosen = _argument(op, sizes, at, "dim", "axis")
    if isinstance(chosen, Ref) or len(op.inputs) > 1:
        return None
    dims = [d for d in _as_tuple(chosen) if isinstance(d, int) and not isinstance(d, bool)]
    gone = {d % len(given) for d in dims} or set(range(len(given)))
    if len(shape) == len(numbers):
        return [tuple(1 if d in gone else n for d, n in enumerate(given))] * len(op.outputs)
    return [tuple(n for d, n in enumerate(given) if d not in gone)] * len(op.outputs)


def _recurrent(op: Operation, sizes: Sizes) -> list[Dims] | None:
    """``lstm(input, states, weights, biases, layers, dropout, train, both ways, batch_first)``."""
    given = _first(op, sizes)
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


# ---- new tensors ------------------------------------------------------------------------


def _filled_tensor(position: int) -> Rule:
    def rule(op: Operation, sizes: Sizes) -> list[Dims] | None:
        shape = _numbers(op, sizes, position, "size")
        count = len(sizes.numbers(op.outputs[0]))
        return [tuple(shape[:count])]

    return rule


def _full(op: Operation, sizes: Sizes) -> list[Dims]:
    return [tuple(_as_tuple(_argument(op, sizes, 0, "size")))]


def _arange(op: Operation, sizes: Sizes) -> list[Dims] | None:
    numbers: list[Any] = [n for n in sizes.known(op.args) if isinstance(n, int | float | Sum)]
    if "end" in op.kwargs:
        start = sizes.known(op.kwargs.get("start", 0))
        numbers = [start, sizes.known(op.kwargs["end"]), *numbers[2:]]
    if any(isinstance(n, float) for n in numbers):
        return None
    start, stop, step = (0, numbers[0], 1) if len(numbers) == 1 else (*numbers, 1)[:3]
    return [((stop - start + step - 1) // step,)]


def _linspace(op: Operation, sizes: Sizes) -> list[Dims] | None:
    steps = _argument(op, sizes, 2, "steps")
    return None if steps is None else [(steps,)]


def _meshgrid(op: Operation, sizes: Sizes) -> list[Dims] | None:
    tensors = [sizes.of(a) for a in _flat(op.args) if isinstance(a, Ref)]
    sides = [dims[0] if dims else 1 for dims in tensors if dims is not None]
    if op.kwargs.get("indexing", "ij") == "xy" and len(sides) > 1:
        sides[0], sides[1] = sides[1], sides[0]
    return [tuple(sides)] * len(op.outputs)


def _shape_of_input(op: Operation, sizes: Sizes) -> list[Dims]:
    return [_first(op, sizes)] * len(op.outputs)


def _names(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: dict[str, Rule] = {
    **_names("view reshape unsafe_view", _view),
    **_names("view_as reshape_as expand_as", _like_second),
    **_names("transpose swapaxes swapdims T t mT H mH adjoint", _transpose),
    **_names("movedim moveaxis", _movedim),
    **_names("expand broadcast_to", _expand),
    **_names("repeat tile", _repeat),
    **_names("cat concat concatenate", _cat),
    **_names("chunk unsafe_chunk", _chunk),
    **_names("split unsafe_split split_with_sizes", _split),
    **_names("matmul bmm mm rmatmul addmm baddbmm", _matmul),
    **_names("mean sum amax amin max min std var std_mean var_mean norm vector_norm", _reduce),
    **_names("linalg_vector_norm logsumexp prod median argmax argmin any all", _reduce),
    **_names("zeros ones empty rand randn", _filled_tensor(0)),
    **_names("new_zeros new_ones new_empty", _filled_tensor(1)),
    **_names("softmax log_softmax roll flip contiguous clone dropout layer_norm", _shape_of_input),
    **_names(
        "zeros_like ones_like empty_like to type float half group_norm relu gelu", _shape_of_input
    ),
    **_names("batch_norm instance_norm silu normalize cumsum", _shape_of_input),
    "permute": _permute,
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "stack": _stack,
    "unbind": _unbind,
    "narrow": _narrow,
    "select": _select,
    "getitem": _getitem,
    "unfold": _unfold_axis,
    "einsum": _einsum,
    "scaled_dot_product_attention": _attention,
    "multi_head_attention_forward": _multi_head,
    **_names("lstm gru rnn_tanh rnn_relu", _recurrent),
    "full": _full,
    "arange": _arange,
    "linspace": _linspace,
    "meshgrid": _meshgrid,
}
