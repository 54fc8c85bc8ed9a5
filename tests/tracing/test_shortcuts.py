"""Every shortcut against the function it stands for: shape, dtype, strides, and refusals."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnshape.tracing.shortcuts import meta_shortcuts

ELEMENTWISE = [
    function
    for function, shortcut in meta_shortcuts().items()
    if shortcut.__name__ == "_elementwise"
]
WITH_INPLACE = {F.relu, F.relu6, F.hardswish, F.hardsigmoid, F.leaky_relu, F.elu, F.mish}


def meta(*shape, dtype=torch.float32):
    return torch.empty(shape, dtype=dtype, device="meta")


def same(one, other):
    assert one.shape == other.shape
    assert one.dtype == other.dtype
    assert one.device == other.device
    sizes = [size for size in one.shape]
    # A stride of an axis of size 1 means nothing.
    strides = [s for s, size in zip(one.stride(), sizes) if size > 1]
    assert strides == [s for s, size in zip(other.stride(), sizes) if size > 1]


def layouts(shape):
    yield meta(*shape)
    if len(shape) == 4:
        yield meta(*shape).to(memory_format=torch.channels_last)
    if len(shape) > 1:
        yield meta(*shape).transpose(0, -1)


@pytest.mark.parametrize("function", ELEMENTWISE, ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 3, 4, 5), (0, 3), ()])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_elementwise(function, shape, dtype):
    shortcut = meta_shortcuts()[function]
    for x in layouts(shape):
        x = x.to(dtype)
        answer = shortcut(x)
        if answer is not NotImplemented:
            same(answer, function(x))
    if function in WITH_INPLACE:
        x = meta(*shape, dtype=dtype)
        assert shortcut(x, inplace=True) is x


@pytest.mark.parametrize("function", ELEMENTWISE, ids=lambda f: f.__name__)
def test_integers_are_left_to_the_function(function):
    assert meta_shortcuts()[function](meta(3, dtype=torch.int64)) is NotImplemented


@pytest.mark.parametrize("training", [True, False])
def test_dropout(training):
    shortcut = meta_shortcuts()[F.dropout]
    x = meta(2, 3)
    same(shortcut(x, 0.5, training), F.dropout(x, 0.5, training))
    assert (shortcut(x, 0.5, False) is x) == (F.dropout(x, 0.5, False) is x)
    assert shortcut(x, 1.5, training) is NotImplemented
    for nothing_to_drop in ((x, 0.0, training), (meta(0, 3), 0.5, training)):
        assert F.dropout(*nothing_to_drop) is nothing_to_drop[0]
        assert shortcut(*nothing_to_drop) is nothing_to_drop[0]


sizes = st.integers(1, 5)


def accepts(function, *args, **kwargs):
    """What the CPU says, which is the judge of whether arguments fit."""
    try:
        return function(*args, **kwargs)
    except (RuntimeError, ValueError, IndexError):
        return None


def judge(function, tensors, *rest):
    """A shortcut may decline; if it answers, the CPU must accept and give the same."""
    shortcut = meta_shortcuts()[function]
    real = [None if t is None else torch.ones(t.shape, dtype=t.dtype) for t in tensors]
    answer = shortcut(*interleave(function, tensors, rest))
    expected = accepts(function, *interleave(function, real, rest))
    if answer is NotImplemented:
        return False
    assert expected is not None, "the CPU refuses what the shortcut accepts"
    assert answer.shape == expected.shape
    assert answer.dtype == expected.dtype
    return True


def interleave(function, tensors, rest):
    if function in (F.layer_norm, F.group_norm):
        return (tensors[0], *rest, *tensors[1:])
    return (*tensors, *rest)


@given(st.lists(sizes, min_size=2, max_size=5), sizes, sizes, st.booleans())
@settings(max_examples=200, deadline=None)
def test_batch_norm(shape, features, weights, affine):
    x = meta(*shape)
    stats = (meta(features), meta(features))
    scale = (meta(weights), meta(weights)) if affine else (None, None)
    judge(F.batch_norm, (x, *stats, *scale), False)


def test_batch_norm_answers_the_ordinary_case():
    x, c = meta(2, 3, 4, 5), meta(3)
    assert judge(F.batch_norm, (x, c, c, c, c), False)
    same(
        meta_shortcuts()[F.batch_norm](x.to(memory_format=torch.channels_last), c, c, c, c),
        F.batch_norm(x.to(memory_format=torch.channels_last), c, c, c, c),
    )


@given(
    st.lists(sizes, min_size=1, max_size=4), st.lists(sizes, min_size=1, max_size=2), st.booleans()
)
@settings(max_examples=200, deadline=None)
def test_layer_norm(shape, normalized, affine):
    scale = (meta(*normalized), meta(*normalized)) if affine else (None, None)
    judge(F.layer_norm, (meta(*shape), *scale), tuple(normalized))


def test_layer_norm_answers_the_ordinary_case():
    assert judge(F.layer_norm, (meta(2, 7, 8), meta(8), meta(8)), (8,))


ARITHMETIC = [torch.add, torch.Tensor.add, torch.sub, torch.mul, torch.Tensor.mul]


@pytest.mark.parametrize("function", ARITHMETIC)
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5), (0,)])
def test_arithmetic(function, shape):
    for x, y in zip(layouts(shape), layouts(shape), strict=True):
        same(meta_shortcuts()[function](x, y), function(x, y))
        same(meta_shortcuts()[function](x, 2), function(x, 2))
    mixed = meta(*shape, dtype=torch.bfloat16)
    assert meta_shortcuts()[function](meta(*shape), mixed) is NotImplemented
    assert meta_shortcuts()[function](meta(*shape), meta(*shape), alpha=2) is NotImplemented
    assert meta_shortcuts()[function](meta(*shape), True) is NotImplemented


@st.composite
def drawn_tensors(draw, most=4):
    """A tensor on meta, row by row, channels last or turned round."""
    shape = tuple(draw(st.lists(sizes, min_size=0, max_size=most)))
    return draw(st.sampled_from(list(layouts(shape))))


def on_cpu(tensor):
    """A tensor with numbers, of the same sizes and strides."""
    return (
        torch.ones(1, dtype=tensor.dtype)
        .as_strided(tensor.shape, [0] * tensor.dim())
        .clone(memory_format=torch.contiguous_format)
        if tensor.is_contiguous()
        else torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype).fill_(1)
    )


def held_against_torch(function, *args, **kwargs):
    """A shortcut that answers gives what the function gives on meta, and on the CPU."""
    answer = meta_shortcuts()[function](*args, **kwargs)
    if answer is NotImplemented:
        return False

    def real(thing):
        if isinstance(thing, torch.Tensor):
            return on_cpu(thing)
        return [real(item) for item in thing] if isinstance(thing, list) else thing

    same(answer, function(*args, **kwargs))
    expected = function(*map(real, args), **kwargs)
    assert (answer.shape, answer.dtype) == (expected.shape, expected.dtype)
    strides = zip(answer.stride(), expected.stride(), answer.shape, strict=True)
    assert all(one == other for one, other, size in strides if size > 1)
    return True


@given(st.sampled_from(ARITHMETIC), drawn_tensors(), drawn_tensors())
@settings(max_examples=400, deadline=None)
def test_arithmetic_with_broadcasting(function, x, y):
    try:
        function(x, y)
    except RuntimeError:
        assert meta_shortcuts()[function](x, y) is NotImplemented
    else:
        held_against_torch(function, x, y)


@pytest.mark.parametrize("function", ARITHMETIC)
def test_arithmetic_answers_a_scale_per_channel(function):
    assert held_against_torch(function, meta(2, 3, 4, 5), meta(3, 1, 1))
    assert held_against_torch(function, meta(2, 3, 1, 1), meta(2, 3, 4, 5))


@pytest.mark.parametrize("function", [torch.Tensor.add_, torch.Tensor.sub_, torch.Tensor.mul_])
def test_arithmetic_in_place(function):
    x = meta(2, 3)
    for fitting in (meta(2, 3), meta(3), meta(2, 1), 2, 0.5):
        assert meta_shortcuts()[function](x, fitting) is x
    for other in (meta(3, 2), meta(1, 2, 3), meta(3, dtype=torch.float64), True):
        assert meta_shortcuts()[function](x, other) is NotImplemented


@given(st.data(), st.lists(st.lists(sizes, min_size=0, max_size=3), min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_cat(data, shapes):
    wanted = data.draw(st.sampled_from(shapes))
    tensors = [meta(*data.draw(st.sampled_from([shape, wanted]))) for shape in shapes]
    dim = data.draw(st.integers(-3, 3))
    try:
        torch.cat([torch.ones(t.shape) for t in tensors], dim)
    except (RuntimeError, IndexError):
        assert meta_shortcuts()[torch.cat](tensors, dim) is NotImplemented
    else:
        assert held_against_torch(torch.cat, tensors, dim)


def test_cat_leaves_what_is_not_ordinary_to_the_function():
    shortcut, x = meta_shortcuts()[torch.cat], meta(2, 3)
    for tensors in ([], [x, meta(0)], [x, meta(2, 3, dtype=torch.float64)], [x.T, x.T], [x, x.T]):
        assert shortcut(tensors, 0) is NotImplemented
    assert shortcut([x], torch.tensor(0)) is NotImplemented


@given(drawn_tensors(), st.lists(st.tuples(st.integers(-7, 7), st.integers(-5, 4)), max_size=3))
@settings(max_examples=200, deadline=None)
def test_roll(x, turns):
    shifts, dims = tuple(s for s, _ in turns), tuple(d for _, d in turns)
    try:
        torch.roll(on_cpu(x), shifts, dims)
    except (RuntimeError, IndexError):
        assert meta_shortcuts()[torch.roll](x, shifts, dims) is NotImplemented
    else:
        held_against_torch(torch.roll, x, shifts, dims)


def test_roll_answers_the_ordinary_case():
    assert held_against_torch(torch.roll, meta(1, 8, 8, 3), (-3, -3), (1, 2))
    assert meta_shortcuts()[torch.roll](meta(4, 4), 1) is NotImplemented


@given(drawn_tensors(), st.integers(-5, 4), st.sampled_from([1, 2, 2.0, None]))
@settings(max_examples=200, deadline=None)
def test_normalize(x, dim, p):
    try:
        F.normalize(on_cpu(x), p, dim)
    except (RuntimeError, IndexError, TypeError):
        assert meta_shortcuts()[F.normalize](x, p, dim) is NotImplemented
    else:
        held_against_torch(F.normalize, x, p, dim)


@given(drawn_tensors(), drawn_tensors(), st.sampled_from([0, -1e9, True, None]))
@settings(max_examples=300, deadline=None)
def test_masked_fill(x, mask, value):
    function = torch.Tensor.masked_fill
    mask = mask.to(torch.bool)
    try:
        function(on_cpu(x), on_cpu(mask), value)
    except (RuntimeError, TypeError):
        assert meta_shortcuts()[function](x, mask, value) is NotImplemented
    else:
        held_against_torch(function, x, mask, value)


def test_masked_fill_answers_a_mask_of_windows():
    mask = meta(4, 1, 9, 9, dtype=torch.bool)
    assert held_against_torch(torch.Tensor.masked_fill, meta(4, 3, 9, 9), mask, -100.0)


LIMITS = [{}, {"min": 0}, {"max": 6.0}, {"min": 5, "max": 1}, {"min": None}, {"max": True}]


@pytest.mark.parametrize("function", [torch.clamp, torch.Tensor.clamp])
@pytest.mark.parametrize("limits", LIMITS)
def test_clamp(function, limits):
    x = meta(2, 3)
    try:
        function(on_cpu(x), **limits)
    except RuntimeError:
        assert meta_shortcuts()[function](x, **limits) is NotImplemented
    else:
        assert held_against_torch(function, x, **limits) == (limits != {"max": True})
    assert meta_shortcuts()[function](x, meta(3), meta(3)) is NotImplemented


def test_hardtanh():
    shortcut, x = meta_shortcuts()[F.hardtanh], meta(2, 3)
    assert held_against_torch(F.hardtanh, x, 0.0, 6.0)
    assert shortcut(x, 0.0, 6.0, True) is x
    for wrong in ((x, 2.0, 1.0), (x, torch.tensor(0.0), 1.0), (meta(3, dtype=torch.int64),)):
        assert shortcut(*wrong) is NotImplemented


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_multi_head_attention(need_weights, average, bias):
    layer = torch.nn.MultiheadAttention(8, 2, bias=bias)
    torch.backends.mha.set_fastpath_enabled(False)
    seen = []

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            if func is F.multi_head_attention_forward:
                seen.append((args, kwargs))
            return func(*args, **(kwargs or {}))

    def call(length, batch, keys):
        query, key = torch.ones(length, batch, 8), torch.ones(keys, batch, 8)
        with Watch(), torch.no_grad():
            made = layer(query, key, key, need_weights=need_weights, average_attn_weights=average)
        args, kwargs = seen.pop()
        return made, tuple(move(a) for a in args), {k: move(v) for k, v in kwargs.items()}

    def move(thing):
        return thing.to("meta") if isinstance(thing, torch.Tensor) else thing

    try:
        for sizes_ in ((5, 3, 7), (1, 1, 1), (4, 2, 4)):
            (result, weights), args, kwargs = call(*sizes_)
            answer, told = meta_shortcuts()[F.multi_head_attention_forward](*args, **kwargs)
            assert (answer.shape, answer.stride()) == (result.shape, result.stride())
            assert (told is None) == (weights is None)
            assert told is None or told.shape == weights.shape
        query, key, value, width, heads, *rest = args
        for wrong in (
            (query[..., :7], key, value, width, heads, *rest),
            (query, key[:1], value, width, heads, *rest),
            (query, key, value, width, 3, *rest),
            (query[0], key[0], value[0], width, heads, *rest),
            (query.double(), key, value, width, heads, *rest),
        ):
            shortcut = meta_shortcuts()[F.multi_head_attention_forward]
            assert shortcut(*wrong, **kwargs) is NotImplemented
    finally:
        torch.backends.mha.set_fastpath_enabled(True)


@given(st.lists(sizes, min_size=1, max_size=4), sizes, sizes, st.sampled_from(["", "size", "none"]))
@settings(max_examples=200, deadline=None)
def test_linear(shape, features, out, bias):
    b = None if bias == "none" else meta(out + (bias == "size"))
    judge(F.linear, (meta(*shape), meta(out, features), b))


def test_linear_answers_the_ordinary_case():
    assert judge(F.linear, (meta(2, 7, 8), meta(4, 8), meta(4)))
    x = meta(2, 8, 7).transpose(1, 2)
    answer = meta_shortcuts()[F.linear](x, meta(4, 8), meta(4))
    real = F.linear(torch.ones(2, 8, 7).transpose(1, 2), torch.ones(4, 8), torch.ones(4))
    assert answer.is_contiguous() == real.is_contiguous()


@given(st.lists(sizes, min_size=2, max_size=4), st.integers(1, 4), st.booleans())
@settings(max_examples=200, deadline=None)
def test_group_norm(shape, groups, affine):
    scale = (meta(shape[1]), meta(shape[1])) if affine else (None, None)
    judge(F.group_norm, (meta(*shape), *scale), groups)


def test_group_norm_answers_the_ordinary_case():
    assert judge(F.group_norm, (meta(2, 8, 4, 4), meta(8), meta(8)), 4)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_attention(data):
    small = st.integers(1, 3)
    b, h, q, k, e, v = (data.draw(small) for _ in range(6))
    wrong = data.draw(st.sampled_from(["", "key", "value", "batch"]))
    query = meta(b, h, q, e)
    key = meta(b + (wrong == "batch"), h, k, e + (wrong == "key"))
    value = meta(b, h, k + (wrong == "value"), v)
    masks = [None, meta(q, k), meta(1, 1, q, k), meta(q, k, dtype=torch.bool), meta(q + 1, k)]
    mask = data.draw(st.sampled_from(masks))
    answered = judge(F.scaled_dot_product_attention, (query, key, value, mask))
    if not wrong and (mask is None or mask.shape[-2] == q):
        assert answered


@pytest.mark.parametrize("causal", [True, False])
def test_attention_lays_its_result_out_as_the_kernels_do(causal):
    shapes = itertools.product([1, 2], [1, 3], [4], [5])
    for b, h, length, e in shapes:
        q = meta(b, length, h, e).transpose(1, 2)
        answer = meta_shortcuts()[F.scaled_dot_product_attention](q, q, q, is_causal=causal)
        real = torch.ones(b, length, h, e).transpose(1, 2)
        expected = F.scaled_dot_product_attention(real, real, real, is_causal=causal)
        # What follows in practice: heads back beside the width, and a view.
        assert answer.transpose(1, 2).is_contiguous() == expected.transpose(1, 2).is_contiguous()


@pytest.mark.parametrize(
    ("shape", "mode"),
    [
        ((2, 3, 7), "linear"),
        ((2, 3, 7, 9), "bilinear"),
        ((2, 3, 7, 9), "bicubic"),
        ((2, 3, 5, 7, 9), "trilinear"),
    ],
)
@pytest.mark.parametrize(
    "how",
    [
        {"scale_factor": 2},
        {"scale_factor": 0.3, "align_corners": True},
        {"scale_factor": 1.5, "recompute_scale_factor": True},
        {"size": 4},
        {"scale_factor": 0.01},
        {"size": 0},
        {"size": 4, "scale_factor": 2},
    ],
)
def test_interpolation(shape, mode, how):
    shortcut = meta_shortcuts()[F.interpolate]
    for x in layouts(shape):
        try:
            # The decomposition on meta lets empty results pass, so the CPU judges that.
            F.interpolate(torch.zeros(x.shape), mode=mode, **how)
            expected = F.interpolate(x, mode=mode, **how)
        except (RuntimeError, ValueError):
            with pytest.raises((RuntimeError, ValueError)):
                shortcut(x, mode=mode, **how)
        else:
            same(shortcut(x, mode=mode, **how), expected)


def test_interpolation_leaves_other_ranks_and_modes_to_the_function():
    shortcut = meta_shortcuts()[F.interpolate]
    assert shortcut(meta(1, 3, 8, 8), scale_factor=2, mode="linear") is NotImplemented
    assert shortcut(meta(1, 3, 8, 8), scale_factor=2) is NotImplemented


@pytest.mark.parametrize(
    ("kind", "function"),
    [
        (torch.nn.LSTM, torch.lstm),
        (torch.nn.GRU, torch.gru),
        (torch.nn.RNN, torch.rnn_tanh),
    ],
)
@pytest.mark.parametrize("options", [{}, {"batch_first": True, "bidirectional": True}])
def test_recurrence(kind, function, options):
    shortcut = meta_shortcuts()[function]
    layer = kind(6, 5, 2, device="meta", **options)
    directions = 2 if options else 1
    batch = 3 if options else 4

    def state(width=5, rows=batch):
        one = meta(2 * directions, rows, width)
        return (one, one) if kind is torch.nn.LSTM else one

    weights = [getattr(layer, name) for names in layer._all_weights for name in names]
    rest = (weights, True, 2, 0.0, False, bool(options), bool(options))
    x = meta(3, 4, 6)
    for one, other in zip(shortcut(x, state(), *rest), function(x, state(), *rest), strict=True):
        same(one, other)
    for wrong in (meta(3, 4, 7), meta(0, 4, 6), meta(3, 4, 6, dtype=torch.float64), meta(4, 6)):
        assert shortcut(wrong, state(), *rest) is NotImplemented
    for wrong in (state(width=4), state(rows=5)):
        assert shortcut(x, wrong, *rest) is NotImplemented


@given(st.lists(sizes, max_size=3), sizes, sizes, st.sampled_from([None, 0, 4, -1, 7]))
@settings(max_examples=200, deadline=None)
def test_embedding(shape, rows, width, padding):
    shortcut, weight = meta_shortcuts()[F.embedding], meta(rows, width)
    for dtype in (torch.int64, torch.int32):
        indices = meta(*shape, dtype=dtype)
        try:
            expected = F.embedding(torch.zeros(shape, dtype=dtype), on_cpu(weight), padding)
        except (AssertionError, RuntimeError, IndexError):
            assert shortcut(indices, weight, padding) is NotImplemented
        else:
            answer = shortcut(indices, weight, padding)
            assert (answer.shape, answer.dtype) == (expected.shape, expected.dtype)
            assert answer.is_contiguous()


def test_embedding_leaves_what_is_not_ordinary_to_the_function():
    shortcut, weight, indices = (
        meta_shortcuts()[F.embedding],
        meta(5, 3),
        meta(2, dtype=torch.int64),
    )
    assert shortcut(indices, weight, max_norm=1.0) is NotImplemented
    assert shortcut(indices, weight, scale_grad_by_freq=True) is NotImplemented
    assert shortcut(meta(2), weight) is NotImplemented
    assert shortcut(indices, meta(5)) is NotImplemented
    assert shortcut(torch.zeros(2, dtype=torch.int64), weight) is NotImplemented


@given(st.lists(sizes, min_size=1, max_size=4), st.lists(sizes, min_size=1, max_size=2))
@settings(max_examples=200, deadline=None)
def test_rms_norm(shape, normalized):
    x, weight = meta(*shape), meta(*normalized)
    shortcut = meta_shortcuts()[F.rms_norm]
    expected = accepts(F.rms_norm, on_cpu(x), tuple(normalized), on_cpu(weight))
    answer = shortcut(x, tuple(normalized), weight)
    assert (expected is None) == (answer is NotImplemented)
    if expected is not None:
        same(answer, expected.to("meta"))
