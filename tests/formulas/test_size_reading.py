"""Sizes with letters, as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnshape.errors import FormulaSyntaxError
from cnnshape.formulas.reading.equations import read_size


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("H", lambda H, W: H),
        ("28", lambda H, W: 28),
        ("H//2 - 4", lambda H, W: H // 2 - 4),
        ("⌊H/4⌋ − 6", lambda H, W: H // 4 - 6),
        ("floor(H/2 - 4)", lambda H, W: H // 2 - 4),
        (r"\left\lfloor\frac{H - 5}{2}\right\rfloor + 1", lambda H, W: (H - 5) // 2 + 1),
        ("⌈H/32⌉", lambda H, W: -(-H // 32)),
        ("ceil((H - 3)/2)", lambda H, W: -(-(H - 3) // 2)),
        ("⌊(H/2 + W/3)⌋", lambda H, W: (3 * H + 2 * W) // 6),
        ("120(⌊H/4⌋ − 6)(⌊W/4⌋ − 6)", lambda H, W: 120 * (H // 4 - 6) * (W // 4 - 6)),
        ("HW", lambda H, W: H * W),
        ("2H + W^2", lambda H, W: 2 * H + W * W),
        ("max(H//2, 1)", lambda H, W: max(H // 2, 1)),
        ("min(H, W, 7)", lambda H, W: min(H, W, 7)),
        ("4·(H/4)", lambda H, W: H),
        ("-(H//3)", lambda H, W: -(H // 3)),
        ("(H/-2)*2", lambda H, W: -H),
    ],
)
@given(height=st.integers(0, 400), width=st.integers(0, 400))
def test_the_value_is_that_of_the_same_line_of_python(text, python, height: int, width: int):
    size = read_size(text, ("H", "W"))
    assert size.value({"H": height, "W": width}) == python(height, width)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("H/2", "H/2 is a fraction for some sizes; say how it is rounded, as in H//2 or ⌊H/2⌋"),
        ("X + 1", "X is no letter of the input, which has H, W"),
        ("H//W", "a size is divided by whole numbers only, and not by 0"),
        ("H//0", "a size is divided by whole numbers only, and not by 0"),
        ("round(H/2)", "round is not read in a size"),
        ("max(H/2, 1)", "a fraction stands in min() or max()"),
        ("(H", "this bracket is never closed by ')'"),
        ("", "expected a number"),
    ],
)
def test_what_is_no_size(text: str, words: str):
    with pytest.raises(FormulaSyntaxError) as error:
        read_size(text, ("H", "W"))
    assert words in str(error.value)
