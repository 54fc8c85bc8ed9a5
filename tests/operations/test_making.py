"""What makes a tensor of written sizes, held against torch under every name it has."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnshape.formulas.algebra import letter
from cnnshape.operations import Operand, account
from cnnshape.operations.axes import Kept, Unknown, Written
from cnnshape.operations.call import Sized
from cnnshape.operations.making import MAKING
from tests.operations.draws import Arguments, Draw, number, shape, tensor
from tests.operations.judge import faces, judge
from tests.operations.letters import judge_letters, lettered

aten = torch.ops.aten


def sizes(draw: Draw) -> Arguments:
    return (shape(draw, (0, 3), (0, 4)),)


def full(draw: Draw) -> Arguments:
    return *sizes(draw), 1.5


def new(draw: Draw) -> Arguments:
    return tensor(draw), *sizes(draw)


def new_full(draw: Draw) -> Arguments:
    return *new(draw), 1.5


def strided(draw: Draw) -> Arguments:
    (size,) = sizes(draw)
    return size, tuple(1 for _ in size)


def new_strided(draw: Draw) -> Arguments:
    return tensor(draw), *strided(draw)


def permuted(draw: Draw) -> Arguments:
    (size,) = sizes(draw)
    return size, tuple(range(len(size)))


def randint(draw: Draw) -> Arguments:
    low = () if draw(st.booleans()) else (-2,)
    return *low, 5, *sizes(draw)


def like(draw: Draw) -> Arguments:
    return (tensor(draw, (0, 4)),)


def full_like(draw: Draw) -> Arguments:
    return tensor(draw), 1.5


def randint_like(draw: Draw) -> Arguments:
    return tensor(draw), 5


def arange(draw: Draw) -> Arguments:
    first = number(draw, -5, 5)
    step = draw(st.sampled_from([1, 2, 3, -1, -3, 0.25, -0.75]))
    last = first + number(draw, 0, 9) * (1 if step > 0 else -1)
    return draw(st.sampled_from([(abs(first),), (first, first + 7), (first, last, step), (2.5,)]))


def range_(draw: Draw) -> Arguments:
    first = number(draw, -5, 5)
    step = draw(st.sampled_from([1, 2, -1, -3, 0.25]))
    return first, first + number(draw, 0, 9) * (1 if step > 0 else -1), step


def linspace(draw: Draw) -> Arguments:
    return 0.0, 1.0, number(draw, 0, 5)


def eye(draw: Draw) -> Arguments:
    return draw(st.sampled_from([(3,), (2, 5), (0, 2)]))


def length(draw: Draw) -> Arguments:
    return (number(draw, 0, 6),)


def triangle(draw: Draw) -> Arguments:
    return number(draw, 0, 4), number(draw, 0, 4), number(draw, -3, 3)


def data(draw: Draw) -> Arguments:
    return (draw(st.sampled_from([1, 2.5, True, [1], [[1, 2, 3], [4, 5, 6]], [[], []]])),)


def new_data(draw: Draw) -> Arguments:
    return tensor(draw), *data(draw)


def newly_sized(draw: Draw) -> Arguments:
    return tensor(draw), *shape(draw, (1, 3), (0, 4))


DRAWS: dict[str, Callable[[Draw], Arguments]] = {
    name: draw
    for names, draw in {
        "zeros ones empty rand randn": sizes,
        "full": full,
        "new_zeros new_ones new_empty": new,
        "new_full": new_full,
        "empty_strided": strided,
        "new_empty_strided": new_strided,
        "empty_permuted": permuted,
        "randint": randint,
        "zeros_like ones_like empty_like rand_like randn_like": like,
        "full_like": full_like,
        "randint_like": randint_like,
        "arange": arange,
        "range": range_,
        "linspace logspace": linspace,
        "eye": eye,
        "randperm hann_window hamming_window blackman_window bartlett_window kaiser_window": length,
        "tril_indices triu_indices": triangle,
        "tensor as_tensor asarray": data,
        "new_tensor": new_data,
        "new": newly_sized,
        "scalar_tensor": lambda _: (2.5,),
    }.items()
    for name in names.split()
}
#: Nothing of what arrives is in their result, and that can be seen.
SAME_EACH_TIME = {"zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full"}

#: Operators take lists of tensors only.
FROM_LISTS = {"tensor", "as_tensor", "asarray", "scalar_tensor"}


@pytest.mark.parametrize("name", sorted({entry.name for entry in MAKING} - {"from_numpy"}))
@settings(max_examples=25)
@given(drawn=st.data())
@pytest.mark.filterwarnings("ignore:torch.range is deprecated")
def test_every_entry_says_how_large_its_result_is(name: str, drawn: st.DataObject) -> None:
    args = DRAWS[name](drawn.draw)
    functions = [getattr(torch, name)] if name in FROM_LISTS else faces(name)
    for function in functions:
        judge(function, *args, by="gradient" if name in SAME_EACH_TIME else "sizes")


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (torch.zeros, (2, 3), {"dtype": torch.float64}),
        (torch.zeros, (), {"size": (2, 3)}),
        (torch.rand, ([2, 3],), {}),
        (torch.full, (), {"size": (2, 3), "fill_value": 1}),
        (torch.Tensor.new_zeros, (torch.zeros(1), 2, 3), {}),
        (torch.Tensor.new_zeros, (torch.zeros(1),), {"size": (2, 3)}),
        (torch.Tensor.new, (torch.zeros(1), torch.zeros(2, 3)), {}),
        (torch.arange, (), {"end": 5}),
        (torch.arange, (1,), {"end": 5}),
        (torch.arange, (), {"start": 1, "end": 8, "step": 2}),
        (torch.arange, (1, 8), {"step": 2}),
        (torch.linspace, (0, 1), {"steps": 4}),
        (torch.randint, (0, 5), {"size": (2, 3)}),
        (torch.randint, (), {"low": 0, "high": 5, "size": (2, 3)}),
        (torch.tensor, ([1, 2],), {"dtype": torch.int64}),
        (torch.as_tensor, (torch.zeros(2, 3),), {}),
        (torch.tensor, ((),), {}),
        (aten.zeros.default, ([2, 3],), {}),
        (aten.arange.default, (4,), {}),
        (aten.arange.start, (1, 4), {}),
        (aten.arange.start_step, (1, 8, 3), {}),
        (aten.full.default, ([2], 1.0), {}),
        (aten.randint.low, (0, 5, [2, 3]), {}),
    ],
)
def test_every_way_to_write_a_call_is_understood(function, args, kwargs) -> None:
    judge(function, *args, **kwargs, by="sizes")


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("randint", (5,)),
        ("from_numpy", ("array",)),
        ("tensor", ()),
        ("new", (Operand.of(2), (2, 3))),
        ("tensor", (((1, 2), 3),)),
        ("zeros", (Operand.of(0), 2)),
        ("eye", (None,)),
    ],
)
def test_what_is_not_understood_is_unknown(name: str, args: Arguments) -> None:
    assert account(name, args) is None


# ---- sizes in letters ---------------------------------------------------------------------

H, W = letter("H"), letter("W")
RUN = {"H": 14, "W": 21}
OTHERS = tuple({"H": h, "W": w} for h, w in ((15, 30), (28, 40), (17, 18)))


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (torch.zeros, (2, H, W)),
        (torch.full, ((H // 2, 3), 1)),
        (torch.Tensor.new_zeros, (lettered("H", 2), W, 1)),
        (torch.zeros_like, (lettered("H", W // 2),)),
        (torch.arange, (H,)),
        (torch.arange, (3, H)),
        (torch.arange, (H // 2, W)),
        (torch.arange, (0, H, 2)),
        (torch.arange, (H, 0, -3)),
        (torch.eye, (H,)),
        (torch.eye, (H, W)),
    ],
)
def test_sizes_in_letters(function, args) -> None:
    judge_letters(function, *args, run=RUN, others=OTHERS)


def test_as_many_numbers_as_steps_in_letters() -> None:
    """ShapeEnv makes a number of them."""
    judge_letters(torch.linspace, 0, 1, H, run=RUN, others=OTHERS, by_fakes=False)


def test_what_no_letter_tells_is_unknown() -> None:
    for name, args in (("arange", (0, H, 0.5)), ("arange", (Operand.of(0),)), ("arange", ())):
        known = account(name, args)
        assert known is not None
        assert known.results == ((Unknown(),),)
    known = account("tril_indices", (Sized(14, H), 3))
    assert known is not None
    assert known.results == ((Written(2), Unknown()),)
    copied = account("as_tensor", (Operand(0, (H,), (14,)),))
    assert copied is not None
    assert copied.results == ((Kept((0, 0), H),),)


def test_range_has_its_end_as_well():
    """1, 3, 5, 7; and 1, 3, 5 where the end is not reached. (torch.range itself is deprecated.)"""
    for end in (7, 6):
        found = account("range", (1, end, 2))
        assert found is not None
        assert found.sizes == ((1 + (end - 1) // 2,),)
