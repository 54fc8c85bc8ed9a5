"""Sizes with letters: the same numbers as Python's integers, in the form a person would write."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnshape.formulas import axis_size
from cnnshape.formulas.algebra import (
    Sum,
    columns,
    divisibility,
    letter,
    plain,
    product,
    to_expression,
    whole,
)
from cnnshape.formulas.expression import latex, unicode

H, W, N = letter("H"), letter("W"), letter("N")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (H // 4 - 6, "H//4 - 6"),
        ((H + 31) // 32, "(H + 31)//32"),
        (120 * (H // 4 - 6) * (W // 4 - 6), "120*(H//4 - 6)*(W//4 - 6)"),
        (N * 120 * (H // 4 - 6) // 120, "N*(H//4 - 6)"),
        ((H // 2 - 4) // 2, "H//4 - 2"),
        ((H + 1) // 2 * 2 // 2, "(H + 1)//2"),
        (H + (7 - H % 7) % 7, "7*((H + 6)//7)"),
        (H + H % 2, "2*((H + 1)//2)"),
        (H - H // 2, "(H + 1)//2"),
        (H // 2 - H, "-((H + 1)//2)"),
        (H // 2 + H, "H + H//2"),
        ((((H + 7) // 8) + 1) // 2 + ((H + 7) // 8) // 2 - (H + 7) // 8, "0"),
        (-(-H // 3), "(H + 2)//3"),
        (6 - H, "6 - H"),
        (2 * (H // 2) + 2, "2*(H//2 + 1)"),
        (H * W // W, "H"),
        ((H + 1) * (W + 1) // (W + 1), "H + 1"),
        ((3 * H + 6) // 3, "H + 2"),
        ((2 * H + 1) // 4, "H//2"),
        (H - H, "0"),
    ],
)
def test_written_as_a_person_would(size: Sum, text: str):
    assert str(size) == text


def test_a_sum_into_itself_several_times():
    h, w = letter("H"), letter("W")
    assert whole((6 * h + 6 * w) // (2 * h + 2 * w)).constant == 3
    assert whole((3 * h + 3 * w) // (h + w)).constant == 3


def test_a_chain_of_strided_convolutions_is_one_division():
    """ResNet-18 by hand: five halvings with rounding up are one division by 32."""
    size = H
    for _ in range(5):
        size = axis_size("conv", size, kernel_size=3, stride=2, padding=1)
    assert str(size) == "(H + 31)//32"


def test_pooling_with_ceil_mode_needs_no_minimum_where_it_cannot_bite():
    """For k = 3, s = 2 the last window always starts inside: ⌈(H − 3)/2⌉ + 1 = ⌊H/2⌋."""
    assert str(axis_size("max_pool", H, kernel_size=3, stride=2, ceil_mode=True)) == "H//2"


@given(st.integers(1, 60), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2))
def test_ceil_mode_agrees_with_the_rule_on_numbers(n: int, kernel: int, stride: int, padding: int):
    padding = min(padding, kernel // 2)
    arguments = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": True}
    symbolic = axis_size("max_pool", H, **arguments)
    assert whole(symbolic).value({"H": n}) == axis_size("max_pool", n, **arguments)


_LEAVES = st.sampled_from(["H", "W", "N"])


@st.composite
def _programs(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    steps = st.tuples(
        st.sampled_from(["add", "subtract", "multiply", "divide", "modulo", "shift", "scale"]),
        st.integers(0, 9),
        st.integers(-4, 33),
    )
    return draw(st.lists(steps, min_size=1, max_size=8))


def _run(program: list[tuple[str, int, int]], start: list) -> list:
    pool = list(start)
    for name, where, number in program:
        one, other = pool[where % len(pool)], pool[(where + 1) % len(pool)]
        divisor = abs(number) or 7
        pool.append(
            {
                "add": lambda: one + other,
                "subtract": lambda: one - other,
                "multiply": lambda: one * other,
                "divide": lambda: one // divisor,
                "modulo": lambda: one % divisor,
                "shift": lambda: one + number,
                "scale": lambda: one * number,
            }[name]()
        )
    return pool


@given(_programs(), st.integers(1, 300), st.integers(1, 300), st.integers(1, 5))
def test_any_computation_gives_the_numbers_of_integers(program, h: int, w: int, n: int):
    values = {"H": h, "W": w, "N": n}
    for size, number in zip(_run(program, [H, W, N]), _run(program, [h, w, n]), strict=True):
        assert size.value(values) == number
        assert size.replace({"H": h}).value(values) == number
        assert columns(size, {k: [v, v] for k, v in values.items()}, {}) == [number, number]
        # JSON has the text; a reader parses it as Python.
        assert eval(str(size), {"__builtins__": {}, "min": min, "max": max}, values) == number


@given(st.integers(-50, 50), st.integers(-50, 50), st.sampled_from([2, 3, 5, 8, 32]))
def test_equal_sizes_are_written_alike(a: int, b: int, divisor: int):
    """⌊(dH + a + b)/d⌋ = H + ⌊(a + b)/d⌋, however it is put together."""
    one = (divisor * H + a + b) // divisor
    assert one == H + (a + b) // divisor
    assert (H + a) // divisor == (H + a % divisor) // divisor + (a - a % divisor) // divisor


@given(st.integers(1, 64), st.integers(1, 64), st.integers(-40, 40))
def test_nested_divisions_become_one(inner: int, outer: int, shift: int):
    assert (H // inner + shift) // outer == (H + inner * shift) // (inner * outer)


def test_numbers_come_out_as_numbers():
    assert plain((H - H) + 3) == 3
    assert plain(H // 2) == "H//2"
    assert product([2, 3]) == 6


def test_minimum_and_maximum_are_decided_where_one_always_wins():
    assert str((H // 2).minimum((H + 1) // 2)) == "H//2"
    assert str((H // 2).maximum(H // 2 + 1)) == "H//2 + 1"
    assert (H.minimum(W)).value({"H": 3, "W": 2}) == 2
    assert str(H.minimum(W)) == "min(H, W)"


def test_a_zero_divisor_is_an_error():
    with pytest.raises(ZeroDivisionError):
        H // 0
    with pytest.raises(ZeroDivisionError):
        (W // (H - 3)).value({"H": 3, "W": 9})


def test_on_paper():
    size = 120 * (H // 4 - 6) * (W // 4 - 6)
    assert unicode(to_expression(size)) == "120(⌊H/4⌋ − 6)(⌊W/4⌋ − 6)"
    assert latex(to_expression(H // 2 - 4)) == r"\left\lfloor \frac{H}{2} \right\rfloor - 4"


@given(st.integers(1, 200), st.integers(-100, 100), st.integers(1, 40))
def test_floor_division_of_negatives_rounds_down(h: int, shift: int, divisor: int):
    exact = Fraction(-h + shift, divisor)
    assert ((shift - H) // divisor).value({"H": h}) == exact.__floor__()


@given(st.integers(2, 9), st.integers(1, 5), st.integers(0, 4), st.integers(1, 4))
def test_divisibility_says_when_two_sizes_agree(d: int, step: int, shift: int, other: int):
    """Every form in which it is recognised, against counting."""
    e = (letter("H") + shift) // step
    for difference in (
        e - d * (e // d),
        e - d * ((e + (d - 1)) // d),
        (e + (d - 1)) // d - e // d,
        e - (d * other) * (e // (d * other)),
    ):
        found = divisibility(difference)
        if found is None:
            continue
        dividend, divisor = found
        for h in range(1, 60):
            agree = difference.value({"H": h}) == 0
            assert agree == (dividend.value({"H": h}) % divisor == 0), (difference, found, h)


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (lambda h: h - 2 * (h // 2), ("H", 2)),
        (lambda h: (h + 1) // 2 - h // 2, ("H", 2)),
        (lambda h: (h + 3) // 4 - (h + 1) // 4, ("(H + 1)//2", 2)),
        (lambda h: (h + 3) // 4 - 8 * ((h + 31) // 32), ("(H + 3)//4", 8)),
        (lambda h: h - 3 * (h // 2), None),
        (lambda h: (h + 1) // 3 - h // 3, None),  # zero for two of three remainders
    ],
)
def test_divisibility_is_recognised(
    difference: Callable[[Sum], Sum], expected: tuple[str, int] | None
):
    found = divisibility(difference(letter("H")))
    assert (found and (str(found[0]), found[1])) == expected


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 9), st.integers(1, 99))
def test_what_a_divisor_shares_with_every_term_is_cancelled(a: int, b: int, n: int, t: int):
    T = letter("T")
    size = (a * N * T + a * N) // (b * N)
    assert size.value({"N": n, "T": t}) == (a * n * t + a * n) // (b * n)
    assert "N" not in str((a * N * T) // (b * N))
