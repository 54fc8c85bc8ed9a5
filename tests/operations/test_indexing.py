"""What picks positions and puts numbers there, held against torch under every name it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnshape.formulas.algebra import letter
from cnnshape.operations import TABLE, Operand, account
from cnnshape.operations.axes import AxisOf, Chosen, Ended, Kept, Unknown, Windowed
from cnnshape.operations.call import Sized
from cnnshape.operations.indexing import INDEXING
from tests.operations.draws import Arguments, Draw, axis, number, shape, tensor
from tests.operations.judge import faces, judge
from tests.operations.letters import judge_letters, lettered

aten = torch.ops.aten


def places(draw: Draw, sizes: tuple[int, ...], n: int, low: int = 0) -> torch.Tensor:
    """Indices into an axis of ``n`` positions."""
    drawn = st.lists(st.integers(low, n - 1), min_size=_count(sizes), max_size=_count(sizes))
    return torch.tensor(draw(drawn), dtype=torch.int64).reshape(sizes)


def _count(sizes: tuple[int, ...]) -> int:
    return int(torch.Size(sizes).numel())


def parameter(*sizes: int) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.zeros(sizes))


# ---- x[…] ---------------------------------------------------------------------------------


def edges(draw: Draw, n: int) -> slice:
    edge = st.one_of(st.none(), st.integers(-n - 1, n + 1))
    return slice(draw(edge), draw(edge), draw(st.sampled_from([None, 1, 2, 3])))


def item(draw: Draw, n: int, kinds: str) -> Any:
    """One item of an index: for an axis of ``n`` positions."""
    kind = draw(st.sampled_from(kinds.split()))
    if kind == "slice":
        return edges(draw, n)
    if kind == "number":
        return number(draw, -n, n - 1)
    if kind == "scalar":
        return places(draw, (), n, -n)
    if kind == "list":
        return [number(draw, -n, n - 1), 0, 0, 0, 0]
    # Indices have lengths of their own, so that an axis of them is told from the others.
    sizes = draw(st.sampled_from([(5,), (1,), (6, 5), (6, 1)]))
    return places(draw, sizes, n, -n)


def index_of(draw: Draw, x: torch.Tensor, kinds: str) -> tuple[Any, ...]:
    items = [item(draw, n, kinds) for n in x.shape]
    while draw(st.booleans()) and draw(st.booleans()):
        items.insert(number(draw, 0, len(items)), None)
    start, stop = sorted((number(draw, 0, len(items)), number(draw, 0, len(items))))
    if draw(st.booleans()):
        items[start:stop] = [...]
        return tuple(items)
    return tuple(items[:stop])


@settings(max_examples=150)
@given(data=st.data())
def test_numbers_and_slices(data: st.DataObject) -> None:
    x = tensor(data.draw, sizes=(1, 4))
    judge(torch.Tensor.__getitem__, x, index_of(data.draw, x, "slice number"))


@settings(max_examples=200)
@given(data=st.data())
def test_indices_among_numbers_and_slices(data: st.DataObject) -> None:
    x = tensor(data.draw, sizes=(1, 4))
    index = index_of(data.draw, x, "slice number scalar list index index")
    judge(torch.Tensor.__getitem__, x, index)


@pytest.mark.parametrize(
    "index", [0, -1, None, ..., slice(1, None), torch.tensor([1, 0]), torch.tensor(1)]
)
def test_an_index_alone(index: Any) -> None:
    judge(torch.Tensor.__getitem__, torch.zeros(2, 3), index)


MASK = torch.tensor([[True, False, True], [False, True, True]])


@pytest.mark.parametrize(
    "index",
    [
        MASK,
        (MASK, slice(None)),
        (MASK, 0),
        (slice(None), MASK[0]),
        (0, MASK[0], slice(1, 3)),
        (slice(None), MASK[0], slice(None), torch.tensor([0, 1])),
        (..., torch.tensor([True, False, True, True, False]), None),
    ],
)
def test_a_mask_makes_an_axis_of_unknown_size(index: Any) -> None:
    x = torch.zeros(2, 3, 4, 5)
    known = judge(torch.Tensor.__getitem__, x, index)
    assert [origin.size for origin in known.results[0]].count(None) == 1
    entry = TABLE.find("getitem")
    assert entry is not None
    mask = Operand.of(1, 3, dtype="bool")
    masked = entry.call((Operand.of(0, 3, 4), mask), {})
    assert masked is not None
    assert entry.depends(masked)
    fixed = entry.call((Operand.of(0, 3, 4), Operand(1, (3,), (3,), "bool", parameter=True)), {})
    assert fixed is not None
    assert not entry.depends(fixed)
    plain = entry.call((Operand.of(0, 3, 4), 0), {})
    assert plain is not None
    assert not entry.depends(plain)


def test_positions_that_are_known_are_told() -> None:
    x = Operand.of(0, 2, 8, 9)
    known = account("getitem", (x, (-1, slice(1, None, 2), "...")))
    assert known is not None
    assert known.ended == (Ended((AxisOf(0, 0),), "picked", 1, 1),)
    assert known.results[0][0] == Windowed(AxisOf(0, 1), 4, "slice", {"start": 1, "step": 2})
    index = Operand.of(1, 7, dtype="int64")
    known = account("getitem", (x, (slice(None), index, index)))
    assert known is not None
    assert known.results == ((Kept(AxisOf(0, 0), 2), Chosen(AxisOf(0, 1), 7, AxisOf(1, 0))),)
    assert known.ended == (Ended((AxisOf(0, 2),), "picked"),)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("getitem", (Operand.of(0, 2, 3), True)),
        ("getitem", (Operand.of(0, 2, 3), "a")),
        ("getitem", (Operand.of(0, 2, 3), (0, 0, 0))),
        ("getitem", (Operand.of(0, 2), ((True, False),))),
        ("getitem", (Operand.of(0, 2, 3),
                     (Operand.of(1, 2, dtype="bool"), Operand.of(2, 1, 2, dtype="int64")))),
        ("getitem", (3, 0)),
        ("index_select", (Operand.of(0, 2, 3), 0, 1)),
        ("gather", (Operand.of(0, 2, 3), 0, None)),
        ("embedding_bag", (Operand.of(0, 6, dtype="int64"), Operand.of(1, 9, 4))),
        ("one_hot", (Operand.of(0, 6, dtype="int64"), Operand.of(1))),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_unknown(name: str, args: Arguments) -> None:
    assert account(name, args) is None


# ---- x[…] = value -------------------------------------------------------------------------


def assigned(x: torch.Tensor, index: Any, value: Any) -> torch.Tensor:
    """What ``x[index] = value`` leaves in ``x``."""
    x[index] = value
    return x


@settings(max_examples=50)
@given(data=st.data())
def test_an_assignment_keeps_the_axes(data: st.DataObject) -> None:
    x = tensor(data.draw, sizes=(1, 4))
    index = index_of(data.draw, x, "slice number index")
    sizes = tuple(x[index].shape)
    lead = number(data.draw, 0, len(sizes))
    value = parameter(*(1 if data.draw(st.booleans()) else n for n in sizes[lead:]))
    judge(assigned, x, index, value, name="setitem", exact=False)
    judge(assigned, x, index, 0.0, name="setitem", exact=False)


def test_what_is_assigned_by_a_function_keeps_the_axes() -> None:
    x, index = torch.zeros(4, 5, 3), torch.tensor([0, 2])
    judge(torch.index_put, x, (index,), parameter(2, 5, 3), exact=False)
    judge(aten.index_put.default, x, [None, index], parameter(4, 2, 3), exact=False)
    judge(aten._index_put_impl, x, [index], parameter(), exact=False)


# ---- by name ------------------------------------------------------------------------------


def select(draw: Draw) -> Arguments:
    x = tensor(draw)
    at = axis(draw, x.ndim)
    return x, at, number(draw, -x.shape[at], x.shape[at] - 1)


def narrow(draw: Draw) -> Arguments:
    x = tensor(draw)
    at = axis(draw, x.ndim)
    start = number(draw, 0, x.shape[at])
    return x, at, start, number(draw, 0, x.shape[at] - start)


def slice_(draw: Draw) -> Arguments:
    x = tensor(draw)
    at = axis(draw, x.ndim)
    cut = edges(draw, x.shape[at])
    return x, at, cut.start, cut.stop, cut.step or 1


def index_select(draw: Draw) -> Arguments:
    x = tensor(draw)
    at = axis(draw, x.ndim)
    sizes = draw(st.sampled_from([(5,), (1,), ()]))
    return x, at, places(draw, sizes, x.shape[at])


def gather(draw: Draw) -> Arguments:
    x = tensor(draw)
    at = axis(draw, x.ndim)
    sizes = [number(draw, 1, n) for n in x.shape]
    sizes[at] = number(draw, 1, 5)
    return x, at, places(draw, tuple(sizes), x.shape[at])


def take_along_dim(draw: Draw) -> Arguments:
    x = tensor(draw)
    if draw(st.booleans()):
        return x, places(draw, (5,), x.numel())
    at = axis(draw, x.ndim)
    sizes = [draw(st.sampled_from([1, n])) for n in x.shape]
    sizes[at] = number(draw, 1, 5)
    return x, places(draw, tuple(sizes), x.shape[at]), at


def take(draw: Draw) -> Arguments:
    x = tensor(draw, (0, 3))
    return x, places(draw, draw(st.sampled_from([(), (5,), (6, 5)])), x.numel())


def scatter(draw: Draw) -> Arguments:
    x, at, index = gather(draw)
    source = torch.zeros([max(n, m) for n, m in zip(x.shape, index.shape, strict=True)])
    return x, at, index, source


def scatter_reduce(draw: Draw) -> Arguments:
    return *scatter(draw), "sum"


def index_add(draw: Draw) -> Arguments:
    x = tensor(draw)
    at = axis(draw, x.ndim)
    index = places(draw, (3,), x.shape[at])
    sizes = list(x.shape)
    sizes[at] = 3
    return x, at, index, torch.zeros(sizes)


def index_reduce(draw: Draw) -> Arguments:
    return *index_add(draw), "amax"


def index_fill(draw: Draw) -> Arguments:
    x, at, index, _ = index_add(draw)
    return x, at, index, draw(st.sampled_from([0.0, torch.tensor(0)]))


def index_put(draw: Draw) -> Arguments:
    x = tensor(draw)
    return x, (places(draw, (5,), x.shape[0]),), parameter(5, *x.shape[1:])


def masked_scatter(draw: Draw) -> Arguments:
    x = tensor(draw)
    mask = torch.tensor(draw(st.lists(st.booleans(), min_size=x.numel(), max_size=x.numel())))
    return x, mask.reshape(x.shape), torch.zeros(x.numel())


def put(draw: Draw) -> Arguments:
    x = tensor(draw)
    return x, places(draw, (3,), x.numel()), torch.zeros(3)


def select_scatter(draw: Draw) -> Arguments:
    x, at, position = select(draw)
    return x, torch.zeros_like(x.select(at, position)), at, position


def slice_scatter(draw: Draw) -> Arguments:
    x, at, start, stop, step = slice_(draw)
    cut = [slice(None)] * x.ndim
    cut[at] = slice(start, stop, step)
    return x, torch.zeros_like(x[tuple(cut)]), at, start, stop, step


def diagonal_scatter(draw: Draw) -> Arguments:
    x = tensor(draw, (2, 4), (2, 4))
    one, other = draw(st.permutations(range(x.ndim)))[:2]
    offset = number(draw, -1, 1)
    return x, torch.zeros_like(x.diagonal(offset, one, other)), offset, one, other


def one_hot(draw: Draw) -> Arguments:
    x = places(draw, shape(draw, (0, 3)), 5)
    return draw(st.sampled_from([(x, 5), (x, 7), (x,), (x, -1)]))


def alone(draw: Draw) -> Arguments:
    return (tensor(draw),)


def some(draw: Draw) -> Arguments:
    return (places(draw, shape(draw, (1, 3)), 4),)


def masked_select(draw: Draw) -> Arguments:
    x = tensor(draw)
    return x, x > number(draw, -1, 1)


def unique(draw: Draw) -> Arguments:
    (x,) = some(draw)
    dim = draw(st.sampled_from([None, axis(draw, x.ndim)]))
    return x, True, draw(st.booleans()), draw(st.booleans()), dim


def unique_dim(draw: Draw) -> Arguments:
    (x,) = some(draw)
    return x, axis(draw, x.ndim), True, True, True


def unique2(draw: Draw) -> Arguments:
    return *some(draw), True, True, True


def multinomial(draw: Draw) -> Arguments:
    return torch.ones(shape(draw, (1, 2), (2, 4))), number(draw, 1, 2)


def searchsorted(draw: Draw) -> Arguments:
    x = tensor(draw)
    row = torch.zeros(5) if draw(st.booleans()) else torch.zeros(*x.shape[:-1], 5)
    return draw(st.sampled_from([(row, x), (torch.zeros(5), 1.0)]))


def bucketize(draw: Draw) -> Arguments:
    return draw(st.sampled_from([tensor(draw, (0, 3)), 1.0])), torch.zeros(4)


def isin(draw: Draw) -> Arguments:
    x = tensor(draw, (0, 3))
    return draw(st.sampled_from([(x, tensor(draw)), (x, 1.0), (1.0, tensor(draw))]))


def histc(draw: Draw) -> Arguments:
    return tensor(draw), number(draw, 1, 5)


def histogram(draw: Draw) -> Arguments:
    return tensor(draw), draw(st.sampled_from([number(draw, 1, 5), torch.tensor([0.0, 1.0, 2.0])]))


#: name → its arguments, how it is measured, whether exactly.
DRAWS: dict[str, tuple[Callable[[Draw], Arguments], str, bool]] = {
    name: (draw, by, exact)
    for names, draw, by, exact in (
        ("select", select, "positions", True),
        ("narrow narrow_copy", narrow, "positions", True),
        ("slice slice_copy", slice_, "positions", True),
        ("index_select", index_select, "positions", True),
        ("gather", gather, "positions", True),
        ("take_along_dim", take_along_dim, "positions", True),
        ("take", take, "positions", True),
        ("scatter", scatter, "positions", False),
        ("scatter_add", scatter, "gradient", False),
        ("scatter_reduce", scatter_reduce, "gradient", False),
        ("index_add", index_add, "gradient", False),
        ("index_copy", index_add, "positions", False),
        ("index_reduce", index_reduce, "gradient", False),
        ("index_fill", index_fill, "positions", False),
        ("index_put", index_put, "positions", False),
        ("masked_scatter", masked_scatter, "positions", False),
        ("put", put, "positions", False),
        ("select_scatter", select_scatter, "positions", False),
        ("slice_scatter", slice_scatter, "positions", False),
        ("diagonal_scatter", diagonal_scatter, "positions", False),
        ("one_hot", one_hot, "sizes", True),
        ("nonzero argwhere nonzero_numpy", alone, "sizes", True),
        ("masked_select", masked_select, "sizes", True),
        ("bincount", lambda draw: (places(draw, (5,), 4),), "sizes", True),
        ("unique", unique, "sizes", True),
        ("unique_dim", unique_dim, "sizes", True),
        ("unique2", unique2, "sizes", True),
        ("multinomial", multinomial, "sizes", True),
        ("searchsorted", searchsorted, "variation", False),
        ("bucketize", bucketize, "variation", False),
        ("isin", isin, "variation", False),
        ("histc", histc, "sizes", True),
        ("histogram", histogram, "sizes", True),
    )
    for name in names.split()
}
#: Those with a test of their own.
BY_HAND = {
    "getitem", "setitem", "index", "index_put_impl", "fill_diagonal", "nonzero_static",
    "embedding", "embedding_bag", "unique_consecutive", "nms", "batched_nms",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted({entry.name for entry in INDEXING} - BY_HAND))
@settings(max_examples=25)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore:scatter_reduce:UserWarning", "ignore:index_reduce:UserWarning")
def test_every_entry_says_where_each_number_comes_from(name: str, data: st.DataObject) -> None:
    draw, by, exact = DRAWS[name]
    args = draw(data.draw)
    for function in faces(name):
        judge(function, *args, by=by, exact=exact)  # pyright: ignore[reportArgumentType]


@settings(max_examples=50)
@given(data=st.data())
def test_the_operator_of_indices(data: st.DataObject) -> None:
    """None is a whole axis there."""
    x = tensor(data.draw, sizes=(1, 4))
    items = [data.draw(st.sampled_from([None, places(data.draw, (5,), n)])) for n in x.shape]
    at = number(data.draw, 0, x.ndim - 1)
    items[at] = places(data.draw, (6, 5), x.shape[at])
    judge(aten.index.Tensor, x, items)


@settings(max_examples=25)
@given(data=st.data())
def test_rows_of_a_table(data: st.DataObject) -> None:
    table = torch.zeros(5, number(data.draw, 1, 4))
    indices = places(data.draw, shape(data.draw, (0, 3)), 5)
    judge(F.embedding, indices, table)
    judge(aten.embedding.default, table, indices)
    bags = places(data.draw, shape(data.draw, (2, 2)), 5)
    judge(F.embedding_bag, bags, table, by="gradient", exact=False)
    judge(F.embedding_bag, bags, table, mode="sum", per_sample_weights=torch.zeros(bags.shape),
          by="gradient", exact=False)  # fmt: skip
    offsets = torch.tensor([0, *sorted(data.draw(st.sets(st.integers(0, 6))))])
    last = {"include_last_offset": True} if data.draw(st.booleans()) else {}
    if not last or offsets[-1] == 6:
        judge(F.embedding_bag, places(data.draw, (6,), 5), table, offsets, **last,
              by="gradient", exact=False)  # fmt: skip


def test_the_rule_that_judges_a_table() -> None:
    indices, table = Operand.of(0, 2, 3, dtype="int64"), Operand.of(1, 9, 4)
    for args in ((indices, table), (table, indices)):
        entry = TABLE.find("embedding")
        assert entry is not None
        call = entry.call(args, {})
        assert call is not None
        assert entry.sized(call) == ("embedding", {"embedding_dim": 4, "num_embeddings": 9})


def test_a_table_takes_one_row_of_its_own_for_each_index() -> None:
    known = account("embedding", (Operand.of(0, 2, 3, dtype="int64"), Operand.of(1, 9, 4)))
    assert known is not None
    row = AxisOf(1, 0)
    chosen = (Chosen(row, 2, AxisOf(0, 0)), Chosen(row, 3, AxisOf(0, 1)))
    assert known.results == ((*chosen, Kept(AxisOf(1, 1), 4)),)


def test_as_many_as_the_values_say() -> None:
    x = torch.tensor([[0, 1, 1], [2, 2, 0]])
    for flags in ({}, {"return_inverse": True}, {"return_counts": True}, {"dim": 1},
                  {"return_inverse": True, "return_counts": True, "dim": 0}):  # fmt: skip
        judge(torch.unique_consecutive, x, **flags, by="sizes")
        judge(torch.unique, x, **flags, by="sizes")
    judge(torch.nonzero, x, as_tuple=True, by="sizes")
    judge(torch.nonzero_static, x, size=4, by="sizes")
    judge(torch.Tensor.fill_diagonal_, torch.zeros(3, 3), 0.0, exact=False)


@pytest.mark.torchvision
def test_boxes_that_are_left() -> None:
    from torchvision.ops import batched_nms, nms

    boxes = torch.tensor([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3]]).float()
    judge(nms, boxes, torch.rand(3), 0.5, by="sizes")
    judge(batched_nms, boxes, torch.rand(3), torch.tensor([0, 0, 1]), 0.5, by="sizes")


X, PLACES = torch.zeros(2, 3, 4), torch.tensor([1, 0])


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (torch.select, (X,), {"dim": -1, "index": -1}),
        (torch.select, (X, 1, torch.tensor(1)), {}),
        (torch.narrow, (X,), {"dim": 1, "start": 1, "length": 2}),
        (torch.narrow, (X, 1, torch.tensor(1), 2), {}),
        (torch.index_select, (X,), {"dim": 1, "index": PLACES}),
        (torch.gather, (X,), {"dim": 0, "index": torch.zeros(1, 3, 2, dtype=torch.int64)}),
        (aten.select.int, (X, 1, 0), {}),
        (aten.slice.Tensor, (X, 1, 0, 9223372036854775807, 2), {}),
        (aten.slice.Tensor, (X,), {}),
        (aten.narrow.default, (X, 1, 1, 2), {}),
        (aten.index_select.default, (X, 1, PLACES), {}),
        (aten.gather.default, (X, 0, torch.zeros(1, 3, 2, dtype=torch.int64)), {}),
    ],
)
def test_every_way_to_write_a_call_is_understood(function, args, kwargs) -> None:
    judge(function, *args, **kwargs)


# ---- sizes in letters ---------------------------------------------------------------------

N, H, W = letter("N"), letter("H"), letter("W")
RUN = {"N": 2, "H": 14, "W": 21}
OTHERS = tuple({"N": n, "H": h, "W": w} for n, h, w in ((3, 14, 21), (5, 28, 24), (4, 17, 8)))
PICTURE = lettered("N", 6, "H", "W")
INDEX = lettered("W", dtype=torch.int64)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (torch.Tensor.__getitem__, (PICTURE, (slice(None), 0))),
        (torch.Tensor.__getitem__, (PICTURE, (Ellipsis, slice(1, None, 2)))),
        (torch.Tensor.__getitem__, (PICTURE, (Ellipsis, slice(None, None, 2), slice(1, -1)))),
        (torch.Tensor.__getitem__, (PICTURE, (Ellipsis, slice(-5, None), None))),
        (torch.Tensor.__getitem__, (PICTURE, (Ellipsis, slice(None, H // 2), slice(2, H // 2)))),
        (torch.Tensor.__getitem__, (PICTURE, (Ellipsis, slice(H // 2, None), slice(None, 8)))),
        (torch.Tensor.__getitem__, (PICTURE, (Ellipsis, slice(None, H), slice(None, W)))),
        (torch.Tensor.__getitem__, (PICTURE, (Ellipsis, slice(None, H), slice(-(W // 2), None)))),
        (torch.Tensor.__getitem__, (PICTURE, (Ellipsis, W - 1))),
        (torch.Tensor.__getitem__, (PICTURE, (slice(None), slice(1, 5, 3), 3))),
        (torch.Tensor.select, (PICTURE, 1, 0)),
        (torch.narrow, (PICTURE, 2, 3, H - 5)),
        (torch.narrow, (PICTURE, 2, 0, H)),
        (aten.slice.Tensor, (PICTURE, 2, 1, H // 2)),
    ],
)
def test_sizes_in_letters(function, args) -> None:
    judge_letters(function, *args, run=RUN, others=OTHERS)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (torch.Tensor.__getitem__, (PICTURE, (slice(None), INDEX))),
        (torch.Tensor.__getitem__, (PICTURE, (INDEX, slice(None), 0, INDEX))),
        (torch.index_select, (PICTURE, 1, INDEX)),
        (torch.gather, (lettered("N", "H"), 1, lettered("N", "W", dtype=torch.int64))),
        (torch.gather, (lettered("H", 3), 1, lettered("N", 2, dtype=torch.int64))),
        (F.embedding, (lettered("N", "W", dtype=torch.int64), lettered(9, 4))),
        (torch.searchsorted, (lettered("H"), lettered("N", "W"))),
    ],
)
def test_sizes_of_indices_in_letters(function, args) -> None:
    judge_letters(function, *args, run=RUN, others=OTHERS)


def test_indices_laid_over_the_other_axes_in_letters() -> None:
    """ShapeEnv makes numbers of them."""
    x, index = lettered("N", 1, 3), lettered("N", "W", 2, dtype=torch.int64)
    judge_letters(torch.take_along_dim, x, index, 2, run=RUN, others=OTHERS, by_fakes=False)


@pytest.mark.parametrize("rows", [slice(None, H), slice(H // 2, W), slice(3, W)])
def test_a_lettered_slice_ends_where_its_axis_does(rows: slice) -> None:
    """ShapeEnv decides at the run's sizes which comes first."""
    x = lettered(16, "N")
    judge_letters(torch.Tensor.__getitem__, x, rows, run=RUN, others=OTHERS, by_fakes=False)


def test_where_a_lettered_slice_begins_is_that_of_the_run() -> None:
    x = Operand(0, (N, H), (2, 14))
    known = account("getitem", (x, (slice(None), slice(Sized(7, H // 2), None))))
    assert known is not None
    assert known.results[0][1] == Windowed(
        AxisOf(0, 1), H - H // 2, "slice", {"start": 7, "step": 1}
    )
    unknown = account("getitem", (Operand(0, (None,), (14,)), slice(1, None)))
    assert unknown is not None
    assert unknown.sizes == ((None,),)
    one_hot = account("one_hot", (Operand.of(0, 3, dtype="int64"),))
    assert one_hot is not None
    assert one_hot.results == ((Kept((0, 0), 3), Unknown()),)


def test_a_bag_sums_over_its_own_indices() -> None:
    found = account("embedding_bag", (Operand.of(0, 2, 3, dtype="int64"), Operand.of(1, 9, 4)))
    assert found is not None
    assert found.results == ((Kept(AxisOf(0, 0), 2), Kept(AxisOf(1, 1), 4)),)
    assert found.ended[0] == Ended((AxisOf(0, 1),), "reduced", 3)


def test_positions_that_are_drawn_are_those_of_the_last_axis():
    found = account("multinomial", (Operand.of(0, 2, 5), 3))
    assert found is not None
    drawn = found.results[0][1]
    assert isinstance(drawn, Chosen)
    assert drawn.sources == (AxisOf(0, 1),)
    assert Chosen(AxisOf(0, 1), 3, AxisOf(1, 0)).sources == (AxisOf(0, 1), AxisOf(1, 0))


@pytest.mark.parametrize("name", ["nonzero", "argwhere", "unique", "masked_select"])
def test_the_values_decide_how_many_there_are(name):
    entry = TABLE.find(name)
    assert entry is not None
    assert entry.values is True
