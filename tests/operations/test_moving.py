"""Operations that move, merge and split axes, held against torch under every name they have."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnshape.formulas.algebra import letter
from cnnshape.operations import Operand, account
from cnnshape.operations.axes import Kept, Merged, Part, Unknown, Written
from cnnshape.operations.call import Sized
from cnnshape.operations.moving import MOVING
from tests.operations.draws import Arguments, Draw, axes, axis, number, shape, tensor
from tests.operations.judge import faces, judge
from tests.operations.letters import judge_letters, lettered


def view(draw: Draw) -> Arguments:
    """Sizes with the same product, one of them often left to be found."""
    x = tensor(draw, (0, 4))
    left, sizes = x.numel(), []
    for _ in range(number(draw, 0, 3)):
        sizes.append(draw(st.sampled_from([d for d in range(1, left + 1) if left % d == 0])))
        left //= sizes[-1]
    sizes.insert(number(draw, 0, len(sizes)), left)
    if draw(st.booleans()):
        sizes[number(draw, 0, len(sizes) - 1)] = -1
    return x, tuple(sizes)


def view_as(draw: Draw) -> Arguments:
    x, sizes = view(draw)
    return x, x.reshape(sizes)


def flatten(draw: Draw) -> Arguments:
    x = tensor(draw, (0, 4))
    rank = max(x.ndim, 1)
    start = axis(draw, rank)
    return x, start, number(draw, start % rank, rank - 1)


def unflatten(draw: Draw) -> Arguments:
    x = tensor(draw, sizes=(1, 12))
    at = axis(draw, x.ndim)
    first = draw(st.sampled_from([d for d in range(1, 13) if x.shape[at] % d == 0]))
    return x, at, draw(st.sampled_from([(first, -1), (-1, first), (1, first, -1)]))


def permute(draw: Draw) -> Arguments:
    x = tensor(draw)
    order = draw(st.permutations(range(x.ndim)))
    return x, tuple(a - x.ndim if draw(st.booleans()) else a for a in order)


def two_axes(draw: Draw) -> Arguments:
    x = tensor(draw)
    return x, axis(draw, x.ndim), axis(draw, x.ndim)


def matrix(draw: Draw) -> Arguments:
    return (tensor(draw, (2, 2)),)


def matrices(draw: Draw) -> Arguments:
    return (tensor(draw, (2, 4)),)


def movedim(draw: Draw) -> Arguments:
    x = tensor(draw)
    sources = axes(draw, x.ndim, 1)
    targets = draw(st.permutations(range(x.ndim)))[: len(sources)]
    if len(sources) == 1 and draw(st.booleans()):
        return x, sources[0], targets[0]
    return x, sources, tuple(targets)


def squeeze(draw: Draw) -> Arguments:
    x = tensor(draw, sizes=(1, 2))
    return draw(st.sampled_from([(x,), (x, axis(draw, x.ndim)), (x, axes(draw, x.ndim, 1))]))


def unsqueeze(draw: Draw) -> Arguments:
    x = tensor(draw, (0, 3))
    return x, axis(draw, x.ndim + 1)


def expand(draw: Draw) -> Arguments:
    x = tensor(draw, (0, 3), (1, 2))
    new = shape(draw, (0, 2))
    over = [number(draw, 1, 3) if n == 1 else n for n in x.shape]
    kept = [-1 if draw(st.booleans()) else n for n in over]
    return x, (*new, *kept)


def expand_as(draw: Draw) -> Arguments:
    x, sizes = expand(draw)
    return x, x.expand(sizes)


def repeat(draw: Draw) -> Arguments:
    x = tensor(draw, (0, 3), (1, 3))
    return x, shape(draw, (x.ndim, x.ndim + 2), (1, 3))


def tile(draw: Draw) -> Arguments:
    x, counts = repeat(draw)
    return x, counts[number(draw, 0, len(counts)) :]


def repeat_interleave(draw: Draw) -> Arguments:
    x = tensor(draw)
    return x, number(draw, 1, 3), draw(st.sampled_from([None, axis(draw, x.ndim)]))


def roll(draw: Draw) -> Arguments:
    x = tensor(draw)
    chosen = axes(draw, x.ndim, 1)
    return x, tuple(number(draw, -3, 3) for _ in chosen), chosen


def some_axes(draw: Draw) -> Arguments:
    x = tensor(draw)
    return x, axes(draw, x.ndim, 1)


def rot90(draw: Draw) -> Arguments:
    x = tensor(draw, (2, 4))
    one, other = draw(st.permutations(range(x.ndim)))[:2]
    return x, number(draw, -3, 3), (one, other - x.ndim)


def alone(draw: Draw) -> Arguments:
    return (tensor(draw, (0, 4)),)


def dtype(draw: Draw) -> Arguments:
    return tensor(draw), torch.float64


def another(draw: Draw) -> Arguments:
    return tensor(draw), tensor(draw).double()


def subclass(draw: Draw) -> Arguments:
    return tensor(draw), torch.nn.Buffer


DRAWS = {
    name: draw
    for names, draw in {
        "view reshape unsafe_view": view,
        "view_as reshape_as": view_as,
        "flatten": flatten,
        "unflatten": unflatten,
        "permute": permute,
        "transpose swapaxes swapdims": two_axes,
        "t T H matrix_H": matrix,
        "mT mH adjoint numpy_T": matrices,
        "movedim moveaxis": movedim,
        "squeeze": squeeze,
        "unsqueeze": unsqueeze,
        "expand broadcast_to": expand,
        "expand_as": expand_as,
        "repeat": repeat,
        "tile": tile,
        "repeat_interleave": repeat_interleave,
        "roll": roll,
        "flip": some_axes,
        "fliplr flipud": matrices,
        "rot90": rot90,
        "ravel contiguous clone detach float double half bfloat16 int long short byte char cpu "
        "data alias lift_fresh to_copy real conj resolve_conj resolve_neg positive": alone,
        "to type": dtype,
        "type_as": another,
        "as_subclass": subclass,
    }.items()
    for name in names.split()
}
#: What this machine cannot do, or what loses the marks.
ELSEWHERE = set("cuda xpu ipu mtia pin_memory share_memory coalesce to_dense to_sparse "
                "to_sparse_coo to_sparse_csr to_mkldnn".split())  # fmt: skip
COMPLEX = set("imag chalf cfloat cdouble view_as_real view_as_complex".split())
UNMEASURED = ELSEWHERE | COMPLEX | {"bool", "neg_view"}


@pytest.mark.parametrize("name", sorted({entry.name for entry in MOVING} - UNMEASURED))
@settings(max_examples=25)
@given(data=st.data())
def test_every_entry_says_where_each_number_went(name: str, data: st.DataObject) -> None:
    args = DRAWS[name](data.draw)
    for function in faces(name):
        judge(function, *args)


@given(data=st.data())
@settings(max_examples=10)
def test_what_loses_the_marks_keeps_its_axes(data: st.DataObject) -> None:
    x = tensor(data.draw, (0, 4))
    judge(torch.Tensor.bool, x, by="sizes")
    judge(lambda x: x.to(torch.complex64).imag, x, name="imag", by="sizes")
    for name in ("chalf", "cfloat", "cdouble"):
        judge(getattr(torch.Tensor, name), x, by="sizes")
    judge(torch._neg_view, x, name="neg_view", by="sizes")
    judge(torch.view_as_real, x.to(torch.complex64), by="sizes")
    judge(torch.view_as_complex, torch.stack((x, x), -1), by="sizes")
    for name in ELSEWHERE:  # another device, another layout
        judge(lambda x: x.clone(), x, name=name)


X = torch.zeros(2, 3, 4)


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (torch.Tensor.view, (X, 6, 4), {}),
        (torch.Tensor.reshape, (X,), {"shape": (6, -1)}),
        (torch.reshape, (), {"input": X, "shape": (6, -1)}),
        (torch.Tensor.permute, (X, 2, 0, 1), {}),
        (torch.permute, (), {"input": X, "dims": (2, 0, 1)}),
        (torch.Tensor.transpose, (X,), {"dim0": 0, "dim1": 2}),
        (torch.swapaxes, (X,), {"axis0": 0, "axis1": 2}),
        (torch.Tensor.expand, (X[:1], 5, -1, -1), {}),
        (torch.Tensor.expand, (X[:1],), {"size": (5, -1, -1)}),
        (torch.Tensor.repeat, (X, 2, 1, 1), {}),
        (torch.Tensor.repeat, (X,), {"repeats": (2, 1, 1)}),
        (torch.Tensor.tile, (X,), {"dims": (2,)}),
        (torch.flatten, (X,), {"start_dim": 1, "end_dim": -1}),
        (torch.Tensor.unflatten, (X,), {"dim": 2, "sizes": (2, 2)}),
        (torch.squeeze, (X[:1],), {"dim": 0}),
        (torch.Tensor.squeeze, (X[:1], 0), {}),
        (torch.Tensor.squeeze, (X[:1], ()), {}),  # of no axes, not of all
        (torch.unsqueeze, (X,), {"dim": -1}),
        (torch.Tensor.flip, (X, 0, 1), {}),
        (torch.roll, (X,), {"shifts": 1}),
        (torch.movedim, (X,), {"source": 0, "destination": 2}),
        (torch.repeat_interleave, (X, 2), {"dim": 1}),
        (torch.ops.aten.view.default, (X, (6, 4)), {}),
        (torch.ops.aten._unsafe_view.default, (X, (6, 4)), {}),
        (torch.ops.aten.permute.default, (X, (2, 0, 1)), {}),
        (torch.ops.aten.transpose.int, (X, 0, 1), {}),
        (torch.ops.aten.flatten.using_ints, (X, 1), {}),
        (torch.ops.aten.squeeze.dim, (X[:1], 0), {}),
        (torch.ops.aten.squeeze.dims, (X[:1], (0, 1)), {}),
        (torch.ops.aten.unflatten.int, (X, 2, (2, 2)), {}),
        (torch.ops.aten.expand.default, (X[:1], (5, -1, -1)), {"implicit": True}),
        (torch.ops.aten.repeat_interleave.self_int, (X, 2, 1), {}),
        (torch.ops.aten._to_copy.default, (X,), {"dtype": torch.float64}),
        (torch.ops.aten.to.dtype, (X, torch.float64), {}),
        (torch.ops.aten.clone.default, (X,), {"memory_format": torch.contiguous_format}),
    ],
)
def test_every_way_to_write_a_call_is_understood(function, args, kwargs) -> None:
    judge(function, *args, **kwargs)


def test_aten_names_are_understood_without_their_namespace() -> None:
    x = Operand.of(0, 2, 3, 4)
    for name in ("flatten.using_ints", "aten.flatten.using_ints", "flatten", "flatten_"):
        known = account(name, (x, 1))
        assert known is not None
        assert known.sizes == ((2, 12),)


# ---- which axis went where, by hand -------------------------------------------------------


def regrouped(before: tuple[int, ...], *after: int):
    known = account("view", (Operand.of(0, *before), *after))
    assert known is not None
    return known.results[0]


def test_a_view_tells_of_every_axis_that_it_can() -> None:
    batch, merged = regrouped((2, 16, 5, 5), 2, -1)
    assert batch == Kept((0, 0), 2)
    assert merged == Merged(tuple(Kept((0, a), n) for a, n in ((1, 16), (2, 5), (3, 5))), 400)
    assert regrouped((2, 12), 2, 3, 4)[1:] == (Part((0, 1), 3, 4), Part((0, 1), 4, 1))
    # Windows of 7 × 7 in a picture of 14 × 14, as Swin makes them.
    rows, row, columns, column = regrouped((14, 14), 2, 7, 2, 7)
    assert (rows, row) == (Part((0, 0), 2, 7), Part((0, 0), 7, 1))
    assert (columns, column) == (Part((0, 1), 2, 7), Part((0, 1), 7, 1))


def test_where_sizes_do_not_divide_only_they_are_unknown() -> None:
    assert regrouped((5, 6, 4, 7), 5, 8, 3, 7) == (
        Kept((0, 0), 5), Unknown(8), Unknown(3), Kept((0, 3), 7)
    )  # fmt: skip
    assert regrouped((6, 4), 4, 6) == (Unknown(4), Unknown(6))
    assert regrouped((0, 4), 2, 0) == (Unknown(2), Unknown(0))


def test_an_axis_of_size_1_stays_where_one_stood() -> None:
    assert regrouped((2, 1, 3), 2, 1, 3) == tuple(Kept((0, a), n) for a, n in enumerate((2, 1, 3)))
    assert regrouped((2, 3), 2, 1, 3)[1] == Written(1)
    known = account("view", (Operand.of(0, 2, 1, 3), 2, 3))
    assert known is not None
    assert known.rearranges


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("view", (Operand.of(0, 2, 3), "float64")),
        ("view", (3,)),
        ("permute", (Operand.of(0, 2, 3), 0, 0)),
        ("permute", (Operand.of(0, 2, 3), "a")),
        ("transpose", (Operand.of(0, 2, 3), None, 1)),
        ("transpose", (Operand.of(0, 2, 3), 0)),
        ("transpose", (Operand.of(0), 0, 0)),
        ("movedim", (Operand.of(0, 2, 3), (0, 1), (0,))),
        ("expand", (Operand.of(0, 2, 3), 3)),
        ("repeat_interleave", (Operand.of(0, 2, 3), Operand.of(1, 2))),
    ],
)
def test_what_is_not_understood_is_unknown(name: str, args: Arguments) -> None:
    assert account(name, args) is None


# ---- sizes in letters ---------------------------------------------------------------------

N, H, W = letter("N"), letter("H"), letter("W")
RUN = {"N": 2, "H": 14, "W": 21}
OTHERS = tuple(
    {"N": n, "H": h, "W": w} for n, h, w in ((3, 14, 21), (5, 28, 7), (2, 15, 21), (4, 7, 8))
)
PICTURE = lettered("N", 6, "H", "W")


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (torch.Tensor.view, (PICTURE, N, -1)),
        (torch.Tensor.view, (PICTURE, N, 6, H * W)),
        (torch.Tensor.view, (PICTURE, -1, 6)),
        (torch.Tensor.view, (PICTURE, N, 2, 3, H, W)),
        (torch.Tensor.view, (PICTURE, N, 6, H // 7, 7, W // 7, 7)),
        (torch.Tensor.view, (PICTURE, N, 6, 7, H // 7, W)),
        (torch.Tensor.view_as, (lettered("N", "H", 6), lettered("N", 6, "H"))),
        (torch.flatten, (PICTURE, 1)),
        (torch.Tensor.unflatten, (lettered("N", H * 6), 1, (6, -1))),
        (torch.Tensor.unflatten, (lettered("N", H * W), 1, (H, W))),
        (torch.permute, (PICTURE, (0, 2, 3, 1))),
        (torch.squeeze, (lettered(1, "N", "H"),)),
        (torch.squeeze, (lettered("N", H // 14, W), 1)),
        (torch.Tensor.expand, (lettered("N", 1, "W"), -1, H, -1)),
        (torch.Tensor.expand, (lettered("N", 1, "W"), N, H, 21)),
        (torch.Tensor.expand_as, (lettered("N", 1, "W"), lettered("N", "H", "W"))),
        (torch.Tensor.repeat, (lettered("N", "H"), N, 2, W)),
        (torch.repeat_interleave, (lettered("N", "H"), 3, 1)),
        (torch.repeat_interleave, (lettered("N", "H"), 3)),
    ],
)
def test_sizes_in_letters(function, args) -> None:
    judge_letters(function, *args, run=RUN, others=OTHERS)


def test_what_is_left_takes_what_numbers_leave() -> None:
    """ShapeEnv takes the batch of the run for granted here."""
    args = (PICTURE, 2, 6, 14, -1)
    judge_letters(torch.Tensor.view, *args, run=RUN, others=OTHERS, by_fakes=False)


def test_parts_of_a_lettered_axis_have_letters() -> None:
    x = Operand(0, (N, H), (2, 14))
    known = account("view", (x, Sized(2, N), 7, Sized(2, H // 7)))
    assert known is not None
    assert known.results[0][1:] == (Part((0, 1), 7, H // 7), Part((0, 1), H // 7, 1))
    known = account("view", (x, -1))
    assert known is not None
    assert known.results[0] == (Merged((Kept((0, 0), N), Kept((0, 1), H)), N * H),)


@pytest.mark.parametrize("chosen", [(), (0,), ((0, 2),)])
def test_an_empty_axis_is_not_squeezed_out(chosen: Arguments):
    judge(torch.squeeze, torch.empty(0, 2, 1), *chosen, by="sizes")


def test_tile_leaves_the_axes_that_it_is_told_nothing_of() -> None:
    found = account("tile", (Operand.of(0, 2, 3, 4), (2,)))
    assert found is not None
    first, second, last = found.results[0]
    assert (type(first), first.size, type(second), second.size) == (Kept, 2, Kept, 3)
    assert (type(last), last.size) == (Merged, 8)
