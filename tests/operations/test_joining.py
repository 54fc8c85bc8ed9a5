"""What puts tensors together and what cuts them, held against torch under every name it has."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnshape.formulas.algebra import letter
from cnnshape.operations import Operand, account
from cnnshape.operations.axes import AxisOf, Broadcast, Joined, Kept, Unknown, Windowed, Written
from cnnshape.operations.joining import JOINING
from tests.operations.draws import Arguments, Draw, axis, number, shape, tensor
from tests.operations.judge import faces, judge
from tests.operations.letters import judge_letters, lettered

aten = torch.ops.aten


def several(draw: Draw, *sizes: int, at: int | None = None) -> list[torch.Tensor]:
    """Tensors of these sizes, along one axis each of its own."""
    made = []
    for _ in range(number(draw, 1, 3)):
        own = list(sizes)
        if at is not None:
            own[at] = number(draw, 0, 3)
        made.append(torch.zeros(own))
    return made


def cat(draw: Draw) -> Arguments:
    sizes = shape(draw)
    dim = axis(draw, len(sizes))
    return several(draw, *sizes, at=dim), dim


def stack(draw: Draw) -> Arguments:
    sizes = shape(draw, (0, 3))
    return several(draw, *sizes), axis(draw, len(sizes) + 1)


def joined_along(*places: int) -> Callable[[Draw], Arguments]:
    """Tensors that are joined along ``places[rank - 1]``."""

    def draw_some(draw: Draw) -> Arguments:
        sizes = shape(draw, (0, 4))
        if not sizes:
            return (several(draw),)
        at = places[len(sizes) - 1]
        return (several(draw, *sizes, at=at if at < len(sizes) else None),)

    return draw_some


def any_ranks(draw: Draw) -> Arguments:
    return tuple(tensor(draw, (0, 4)) for _ in range(number(draw, 1, 3)))


def broadcast_tensors(draw: Draw) -> Arguments:
    sizes = shape(draw, (1, 3), (0, 3))
    return tuple(
        torch.zeros([1 if draw(st.booleans()) else n for n in sizes][number(draw, 0, len(sizes)) :])
        for _ in range(number(draw, 1, 3))
    )


def vectors(draw: Draw) -> Arguments:
    return tuple(tensor(draw, (1, 1)) for _ in range(number(draw, 1, 3)))


def sides(draw: Draw) -> Arguments:
    return tuple(tensor(draw, (0, 1)) for _ in range(number(draw, 1, 3)))


def block_diag(draw: Draw) -> Arguments:
    return tuple(tensor(draw, (0, 2)) for _ in range(number(draw, 1, 3)))


def chunk(draw: Draw) -> Arguments:
    x = tensor(draw, sizes=(1, 7))
    return x, number(draw, 1, 4), axis(draw, x.ndim)


def split(draw: Draw) -> Arguments:
    x = tensor(draw, sizes=(1, 7))
    return x, number(draw, 1, 4), axis(draw, x.ndim)


def split_with_sizes(draw: Draw) -> Arguments:
    lengths = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    sizes = list(shape(draw))
    at = axis(draw, len(sizes))
    sizes[at] = sum(lengths)
    return torch.zeros(sizes), tuple(lengths), at


def tensor_split(draw: Draw) -> Arguments:
    x = tensor(draw, sizes=(1, 7))
    places = st.lists(st.integers(-4, 8), min_size=1, max_size=3).map(tuple)
    return x, draw(st.one_of(st.integers(1, 4), places)), axis(draw, x.ndim)


def split_along(
    place: int,
    least: int = 2,
) -> Callable[[Draw], Arguments]:
    """Cut along an axis, of tensors with at least so many."""

    def draw_one(draw: Draw) -> Arguments:
        sizes = list(shape(draw, (least, 4)))
        at = place if len(sizes) > 1 else 0
        sections = number(draw, 1, 3)
        sizes[at] = sections * number(draw, 1, 2)
        return torch.zeros(sizes), draw(st.sampled_from([sections, (1, 3), (2,)]))

    return draw_one


def unbind(draw: Draw) -> Arguments:
    x = tensor(draw)
    return x, axis(draw, x.ndim)


DRAWS = {
    name: draw
    for names, draw in {
        "cat concat concatenate": cat,
        "stack": stack,
        "hstack": joined_along(0, 1, 1, 1),
        "vstack row_stack": joined_along(1, 0, 0, 0),
        "dstack": joined_along(2, 2, 2, 2),
        "column_stack": joined_along(1, 1, 1, 1),
        "atleast_1d atleast_2d atleast_3d": any_ranks,
        "broadcast_tensors": broadcast_tensors,
        "meshgrid": sides,
        "cartesian_prod": vectors,
        "block_diag": block_diag,
        "chunk unsafe_chunk": chunk,
        "split unsafe_split": split,
        "split_with_sizes unsafe_split_with_sizes": split_with_sizes,
        "tensor_split": tensor_split,
        "hsplit": split_along(1, 1),
        "vsplit": split_along(0),
        "dsplit": split_along(2, 3),
        "unbind": unbind,
    }.items()
    for name in names.split()
}
#: They take their tensors one by one as functions, and as one list as operators.
SPREAD = {
    "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_tensors", "meshgrid", "cartesian_prod",
    "block_diag",
}  # fmt: skip
#: A new axis tells the tensors apart: each of its positions is another one's.
TAKING_TURNS = {
    "stack",
    "vstack",
    "row_stack",
    "dstack",
    "column_stack",
    "cartesian_prod",
    "block_diag",
}


@pytest.mark.parametrize("name", sorted(entry.name for entry in JOINING))
@settings(max_examples=20)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore:torch.meshgrid")
def test_every_entry_says_where_each_number_went(name: str, data: st.DataObject) -> None:
    args = DRAWS[name](data.draw)
    exact = name not in TAKING_TURNS
    for function in faces(name):
        operator = str(function).startswith("aten")
        given_ = (args[0] if "atleast" in name else args,) if name in SPREAD and operator else args
        judge(function, *given_, exact=exact)


X, Y = torch.zeros(2, 3, 4), torch.zeros(2, 5, 4)


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (torch.cat, ([X, Y],), {"dim": 1}),
        (torch.cat, ((X, Y), -2), {}),
        (torch.concatenate, ((X, Y),), {"axis": 1}),
        (torch.cat, (), {"tensors": (X, X)}),
        (torch.cat, ([torch.zeros(0), X, Y], 1), {}),
        (torch.cat, ([X, X], 0), {}),
        (torch.stack, ([X, X],), {"dim": -1}),
        (torch.atleast_2d, ([torch.zeros(3), torch.zeros(())],), {}),
        (torch.broadcast_tensors, (X, torch.zeros(3, 1)), {}),
        (torch.meshgrid, (torch.zeros(3), torch.zeros(4)), {"indexing": "xy"}),
        (torch.meshgrid, ([torch.zeros(3), torch.zeros(4), torch.zeros(2)],), {"indexing": "ij"}),
        (torch.column_stack, ([torch.zeros(3), torch.zeros(3, 2)],), {}),
        (torch.vstack, ([torch.zeros(3), torch.zeros(2, 3)],), {}),
        (torch.vstack, ([X, torch.zeros(5, 3, 4)],), {}),
        (torch.dstack, ([X, torch.zeros(2, 3, 1)],), {}),
        (torch.column_stack, ([X, Y],), {}),
        (torch.block_diag, (torch.zeros(2, 3), torch.zeros(1, 2), torch.zeros(2, 1)), {}),
        (torch.Tensor.chunk, (X, 2), {"dim": 2}),
        (torch.Tensor.split, (X,), {"split_size": 2, "dim": 2}),
        (torch.split, (X, [1, 2]), {"dim": 1}),
        (torch.Tensor.split_with_sizes, (X,), {"split_sizes": [1, 2], "dim": 1}),
        (torch.tensor_split, (X,), {"indices": (1, 2), "dim": 1}),
        (torch.tensor_split, (X,), {"sections": 2, "dim": 1}),
        (torch.hsplit, (X,), {"indices": (1,)}),
        (aten.cat.default, ([X, Y], 1), {}),
        (aten.stack.default, ([X, X],), {}),
        (aten.chunk.default, (X, 2, -1), {}),
        (aten.split.Tensor, (X, 2, 1), {}),
        (aten.split.sizes, (X, [1, 2], 1), {}),
        (aten.split_with_sizes.default, (X, [1, 2], 1), {}),
        (aten.unbind.int, (X, 1), {}),
    ],
)
def test_every_way_to_write_a_call_is_understood(function, args, kwargs) -> None:
    judge(function, *args, **kwargs, exact=function not in (torch.stack, aten.stack.default))


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("cat", ((),)),
        ("cat", ((Operand.of(0, 2), Operand.of(1, 2)), None)),
        ("tensor_split", (Operand.of(0, 4), Operand.of(1, 2))),
        ("chunk", (Operand.of(0, 4), Operand.of(1))),
        ("chunk", (3, 4)),
    ],
)
def test_what_is_not_understood_is_unknown(name: str, args: Arguments) -> None:
    assert account(name, args) is None


def test_pieces_say_where_they_begin() -> None:
    known = account("chunk", (Operand.of(0, 8, 5), 2, 1))
    assert known is not None
    begins = [result[1] for result in known.results]
    assert begins == [
        Windowed((0, 1), 3, "slice", {"start": 0, "step": 1}),
        Windowed((0, 1), 2, "slice", {"start": 3, "step": 1}),
    ]


def test_vectors_among_rows_are_joined_without_telling_where() -> None:
    known = account("vstack", ((Operand.of(0, 3), Operand.of(1, 2, 3)),))
    assert known is not None
    assert known.results == ((Unknown(3), Broadcast(((0, 0), (1, 1)), 3)),)


# ---- sizes in letters ---------------------------------------------------------------------

N, H, W = letter("N"), letter("H"), letter("W")
RUN = {"N": 2, "H": 14, "W": 21}
OTHERS = tuple({"N": n, "H": h, "W": w} for n, h, w in ((3, 14, 21), (5, 28, 24), (4, 17, 8)))
PICTURE = lettered("N", 6, "H", "W")


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (torch.cat, ([PICTURE, PICTURE, lettered("N", 3, "H", "W")], 1)),
        (torch.cat, ([PICTURE, lettered("N", 6, 14, "W")], -1)),
        (torch.cat, ([lettered("N", H // 2), lettered("N", (H + 1) // 2)], 1)),
        (torch.stack, ([PICTURE, PICTURE], 2)),
        (torch.hstack, ([PICTURE, PICTURE],)),
        (torch.vstack, ([lettered("N"), lettered("N")],)),
        (torch.broadcast_tensors, (lettered("N", 1, W), lettered("H", 1))),
        (torch.meshgrid, (lettered("H"), lettered("W"))),
        (torch.chunk, (PICTURE, 2, 1)),
        (torch.chunk, (PICTURE, 2, 2)),
        (torch.chunk, (lettered("N", H * 3), 3, 1)),
        (torch.split, (lettered("N", H * 2, "W"), H, 1)),
        (torch.split, (PICTURE, [6, H - 6], 2)),
        (torch.split, (PICTURE, [2, 4], 1)),
        (torch.tensor_split, (PICTURE, (2, -5), 2)),
        (torch.tensor_split, (PICTURE, (H // 2,), 2)),
        (torch.unbind, (lettered(3, "N", "H"),)),
        (torch.unbind, (lettered("N", H // 7), 1)),
    ],
)
def test_sizes_in_letters(function, args) -> None:
    judge_letters(function, *args, run=RUN, others=OTHERS)


def test_nearly_equal_pieces_in_letters() -> None:
    """ShapeEnv takes the remainder of the run for granted here."""
    judge_letters(torch.tensor_split, PICTURE, 3, 2, run=RUN, others=OTHERS, by_fakes=False)


def test_what_is_joined_along_an_unknown_size_is_unknown() -> None:
    x, y = Operand(0, (2, None), (2, 5)), Operand(1, (2, 3), (2, 3))
    known = account("cat", ((x, y), 1))
    assert known is not None
    assert known.results == ((Broadcast(((0, 0), (1, 0)), 2), Joined(((0, 1), (1, 1)), None)),)
    alone = account("cat", ((x,), 1))
    assert alone is not None
    assert alone.results == ((Kept((0, 0), 2), Kept((0, 1), None)),)
    pieces = account("chunk", (x, 2, 1))
    assert pieces is not None
    assert pieces.sizes == ((2, None), (2, None))


def test_each_grid_has_the_numbers_of_one_side() -> None:
    found = account("meshgrid", (Operand.of(0, 3), Operand.of(1, 4)))
    assert found is not None
    first, second = Kept(AxisOf(0, 0), 3), Kept(AxisOf(1, 0), 4)
    assert found.results == ((first, Written(4)), (Written(3), second))
