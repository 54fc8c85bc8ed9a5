"""Patterns in einops' notation: the call that is shown, run by einops on real numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import permutations
from typing import Any

import einops
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnnshape.analysis.patterns import PatternRow, pattern_rows
from cnnshape.tracing.execute import Inputs, record

EINOPS = {
    name: getattr(einops, name)
    for name in ("rearrange", "reduce", "repeat", "einsum", "pack", "unpack")
}


class Does(nn.Module):
    """A module that does one thing to its inputs."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def rows(function: Callable[..., Any], *tensors: torch.Tensor) -> tuple[PatternRow, ...]:
    return pattern_rows(record(Does(function), Inputs(tensors)).trace)


def same(found: Any, expected: Any) -> bool:
    """Whether two results, or their pieces in order, hold the same numbers in the same shape."""
    if isinstance(expected, torch.Tensor):
        return found.shape == expected.shape and torch.allclose(found, expected)
    if type(expected).__module__ == "torch.return_types":
        return same(found, expected.values)
    return len(found) == len(expected) and all(map(same, found, expected))


def judge(function: Callable[..., Any], *tensors: torch.Tensor) -> PatternRow | None:
    """The pattern of one operation, after its einops call has given what torch gives."""
    found = rows(function, *tensors)
    assert len(found) <= 1, [row.pattern for row in found]
    if not found:
        return None
    call = found[0].pattern.einops
    if call is not None:
        named = dict(zip("xyzw", tensors, strict=False)) | {"xs": list(tensors)}
        assert same(eval(call, dict(EINOPS), named), function(*tensors)), call
    else:
        assert found[0].pattern.note
    return found[0]


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64)


sizes = st.integers(1, 6)
shapes = st.lists(sizes, min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_permuted_axes(data):
    shape = data.draw(shapes)
    order = data.draw(st.permutations(range(len(shape))))
    found = judge(lambda x: x.permute(order), numbers(*shape))
    assert (found is None) == (order == list(range(len(shape)))) or 1 in shape


def regroupings(shape: list[int]) -> st.SearchStrategy[list[int]]:
    """Other shapes of as many numbers, made by splitting and merging axes."""

    @st.composite
    def draw(draw):
        factors: list[int] = []
        for size in shape:
            while size > 1:
                divisor = draw(st.sampled_from([d for d in range(2, size + 1) if size % d == 0]))
                factors.append(divisor)
                size //= divisor
            factors += [1] * draw(st.integers(0, 1))
        made: list[int] = []
        for factor in factors:
            if made and draw(st.booleans()):
                made[-1] *= factor
            else:
                made.append(factor)
        return made or [1]

    return draw()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_views(data):
    """Every view of which the axes divide has a call, and the call gives its numbers."""
    shape = data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=5))
    wanted = data.draw(regroupings(shape))
    found = judge(lambda x: x.reshape(wanted), numbers(*shape))
    assert found is None or found.pattern.einops is not None


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_views_that_mix_axes_say_so(data):
    """6 × 4 as 8 × 3: nobody can say it in a pattern, and none is made up."""
    batch = data.draw(sizes)
    one, other = data.draw(st.sampled_from([((6, 4), (8, 3)), ((4, 6), (3, 8)), ((10, 4), (8, 5))]))
    found = judge(lambda x: x.reshape(batch, *other), numbers(batch, *one))
    assert found is not None
    assert found.pattern.einops is None
    assert "mixes axes" in found.pattern.note
    assert found.pattern.pattern.endswith("-> ?")


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_flatten_unflatten_and_axes_of_size_one(data):
    shape = data.draw(shapes)
    rank = len(shape)
    start = data.draw(st.integers(0, rank - 1))
    end = data.draw(st.integers(start, rank - 1))
    x = numbers(*shape)
    judge(lambda x: x.flatten(start, end), x)
    judge(lambda x: x.unsqueeze(start), x)
    judge(torch.squeeze, x)
    divisor = data.draw(st.sampled_from([d for d in range(1, 7) if shape[start] % d == 0]))
    judge(lambda x: x.unflatten(start, (divisor, -1)), x)
    judge(lambda x: x.transpose(start, end), x)
    judge(lambda x: x.movedim(start, end), x)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_repeated_positions(data):
    shape = data.draw(shapes)
    x = numbers(*shape)
    extra = data.draw(st.lists(st.integers(1, 3), max_size=2))
    counts = [data.draw(st.integers(1, 3)) for _ in shape]
    judge(lambda x: x.repeat(*extra, *counts), x)
    axis = data.draw(st.integers(0, len(shape) - 1))
    judge(lambda x: x.repeat_interleave(counts[0], dim=axis), x)
    longer = [n if n > 1 else data.draw(st.integers(1, 4)) for n in shape]
    judge(lambda x: x.expand(*extra, *longer), x)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_reductions(data):
    shape = data.draw(shapes)
    dims = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    name = data.draw(st.sampled_from(["mean", "sum", "amax", "amin"]))
    keep = data.draw(st.booleans())
    found = judge(lambda x: getattr(x, name)(dims, keepdim=keep), numbers(*shape))
    assert found is not None
    assert found.pattern.einops is not None


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_joined_and_cut(data):
    shape = data.draw(shapes)
    axis = data.draw(st.integers(0, len(shape) - 1))
    lengths = data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=6))
    pieces = [numbers(*shape[:axis], n, *shape[axis + 1 :]) for n in lengths]
    assert judge(lambda *xs: torch.cat(xs, axis), *pieces) is not None
    whole = torch.cat(pieces, axis)
    assert judge(lambda x: x.split(lengths, axis), whole) is not None
    judge(lambda x: x.chunk(len(lengths), axis), whole)
    judge(lambda x: x.unbind(axis), whole)
    same_shape = [numbers(*shape) for _ in lengths]
    assert judge(lambda *xs: torch.stack(xs, axis), *same_shape) is not None


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3)
)
def test_channels_against_space_and_pooling(n, c, h, w, r):
    judge(lambda x: F.pixel_shuffle(x, r), numbers(n, c * r * r, h, w))
    judge(lambda x: F.pixel_unshuffle(x, r), numbers(n, c, h * r, w * r))
    for pool in (F.max_pool2d, F.avg_pool2d):
        judge(partial(pool, kernel_size=r), numbers(n, c, h * r, w * r))
    assert judge(partial(F.avg_pool2d, kernel_size=2), numbers(1, 3, 4, 4)) is not None
    for pool in (F.adaptive_avg_pool2d, F.adaptive_max_pool2d):
        judge(partial(pool, output_size=1), numbers(n, c, h, w))
        judge(partial(pool, output_size=(h, w)), numbers(n, c, h * r, w * 2))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_products(data):
    b, i, j, k = (data.draw(st.integers(1, 4)) for _ in range(4))
    left = data.draw(st.sampled_from([(i, k), (b, i, k), (b, 2, i, k), (k,)]))
    right = data.draw(st.sampled_from([(k, j), (b, k, j), (2, k, j), (k,)]))
    try:
        torch.zeros(left) @ torch.zeros(right)
    except RuntimeError:
        return
    found = judge(lambda x, y: x @ y, numbers(*left), numbers(*right))
    assert found is not None


@pytest.mark.parametrize(
    "equation",
    ["bhid,bhjd->bhij", "ij,jk", "b...i,bi->b...", "i,j->ij", "ij->", "bij, bjk -> bik", "ij->ji"],
)
def test_einsum_is_spelled_out(equation):
    tensors = [numbers(*(2 + ord(c) % 3 for c in term.strip().replace("...", "z")))
               for term in equation.split("->")[0].split(",")]  # fmt: skip
    found = judge(lambda *xs: torch.einsum(equation, *xs), *tensors)
    assert found is not None
    assert found.pattern.einops is not None


def test_rows_against_rows():
    found = judge(torch.inner, numbers(2, 4), numbers(3, 4))
    assert found is not None
    assert found.pattern.pattern == "n d, n2 d -> n n2"


def test_a_tensor_that_comes_twice_has_one_letter():
    x, y = numbers(3, 3), numbers(3, 3)
    for function in (
        lambda x, y: torch.stack([x, y, x], 1),
        lambda x, y: torch.cat([y, x, y], 1),
        lambda x, y: y @ y,
        lambda x, y: torch.einsum("ij,jk,kl->il", y, x, y),
    ):
        (row,) = rows(function, x, y)
        call = row.pattern.einops
        assert call is not None
        # The letters follow the order in which the operation takes its tensors.
        first = y if "[y" in call or row.op != "stack" else x
        other = x if first is y else y
        named = {"x": first, "y": other}
        assert same(eval(call, dict(EINOPS), named), function(x, y)), call


def test_an_einsum_that_einops_does_not_take():
    found = judge(lambda x: torch.einsum("ii->i", x), numbers(3, 3))
    assert found is not None
    assert found.pattern.note == "einops takes no letter twice in one tensor"


@pytest.mark.parametrize(
    "function",
    [
        torch.relu, torch.softmax, lambda x: x + 1, lambda x: x.view(2, 3, 4), lambda x: x[:, 1:],
        lambda x: x.contiguous(), lambda x: F.max_pool1d(x, 2, 1), lambda x: F.max_pool1d(x, 3),
    ],
)  # fmt: skip
def test_what_moves_no_axis_has_no_pattern(function):
    if function is torch.softmax:
        function = partial(torch.softmax, dim=1)
    assert rows(function, numbers(2, 3, 4)) == ()


def test_positions_that_are_picked_have_no_word_in_einops():
    found = judge(lambda x: x.flip(1), numbers(2, 3))
    assert found is not None
    assert found.pattern.pattern == "n d -> ?"
    assert "picks positions" in found.pattern.note


def test_reductions_that_einops_does_not_know():
    found = judge(lambda x: x.std(1), numbers(2, 3))
    assert found is not None
    assert (found.pattern.pattern, found.pattern.einops) == ("n d -> n", None)


class Attention(nn.Module):
    """A patch embedding, heads, and their merging, as a vision transformer has them."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, 4)
        self.q = nn.Linear(16, 16)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x):
        x = self.patches(x)
        y = self.shuffle(x)
        tokens = x.flatten(2).transpose(1, 2)
        q = self.q(tokens).view(2, 64, 4, 4).permute(0, 2, 1, 3)
        weights = q @ q.transpose(-2, -1)
        return (weights @ q).transpose(1, 2).reshape(2, 64, 16), y.mean((2, 3))


def test_letters_follow_the_network():
    trace = record(Attention(), Inputs((torch.zeros(2, 3, 32, 32),))).trace
    assert [row.pattern.pattern for row in pattern_rows(trace)] == [
        "n (c r1 r2) h w -> n c (h r1) (w r2)",
        "n c h w -> n c (h w)",
        "n c l -> n l c",
        "n l (h d) -> n l h d",
        "n l h d -> n h l d",
        "n h l d -> n h d l",
        "n h l d, n h d l2 -> n h l l2",
        "n h l l2, n h l2 d -> n h l d",
        "n h l d -> n l h d",
        "n l h d -> n l (h d)",
        "n c h w -> n c",
    ]


def test_a_transposed_view_is_what_it_is_and_nothing_nicer():
    """view(b, h, n, d) of tokens: a mistake that looks like heads, and is told as it is."""
    x = numbers(2, 6, 12)
    for order in permutations((3, 6, 4)):
        found = judge(lambda x, order=order: x.reshape(2, *order), x)
        assert found is not None
        good = order == (6, 3, 4) or order == (6, 4, 3)
        assert (found.pattern.pattern.split(" -> ")[0] == "n t (h d)") == good
