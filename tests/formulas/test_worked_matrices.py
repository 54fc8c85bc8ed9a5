"""Matrices worked out by hand: equal to torch, step by step, and what is no matrix."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnshape.errors import ImpossibleSizeError, UsageError
from cnnshape.formulas.formula_call import formula
from cnnshape.formulas.reading.matrices import read_matrix
from cnnshape.rendering.matrix_picture import matrix_picture
from tests.rendering.test_table import contrast

INPUT = "3 4 6 5 7; 2 4 6 8 2; 1 6 7 8 4; 9 7 4 6 2; 3 7 5 4 1"
WEIGHTS = "1 2 3; 4 5 6; 7 8 9"

sizes = st.integers(1, 6)
numbers = st.integers(-9, 9)


@st.composite
def matrices(draw, height=sizes, width=sizes):
    rows, columns = draw(height), draw(width)
    return [[draw(numbers) for _ in range(columns)] for _ in range(rows)]


def tensor(rows) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)[None, None]


def same(worked, expected: torch.Tensor) -> None:
    found = torch.tensor([[float(v) for v in row] for row in worked.output], dtype=torch.float64)
    assert found.shape == expected[0, 0].shape
    assert torch.allclose(found, expected[0, 0])


def pair(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    # Always for two axes: one number for both means less where the matrix is a sequence.
    return st.tuples(st.integers(low, high), st.integers(low, high))


@settings(max_examples=120, deadline=None)
@given(
    matrices(), matrices(st.integers(1, 3), st.integers(1, 3)), pair(1, 3), pair(0, 2), pair(1, 2)
)
def test_convolution_is_torch_s(x, w, stride, padding, dilation):
    try:
        expected = F.conv2d(tensor(x), tensor(w), None, stride, padding, dilation)
    except RuntimeError:
        with pytest.raises(ImpossibleSizeError):
            formula("conv", matrix=x, weights=w, stride=stride, padding=padding, dilation=dilation)
        return
    worked = formula("conv", matrix=x, weights=w, stride=stride, padding=padding, dilation=dilation)
    same(worked, expected)
    for step in worked.steps:
        assert step.value == sum(p for row in step.products for p in row if p is not None)
        assert worked.output[step.row][step.column] == step.value


@settings(max_examples=120, deadline=None)
@given(
    matrices(), matrices(st.integers(1, 3), st.integers(1, 3)),
    pair(1, 3), pair(0, 1), pair(1, 2), pair(0, 1),
)  # fmt: skip
def test_transposed_convolution_is_torch_s(x, w, stride, padding, dilation, extra):
    arguments = {"stride": stride, "padding": padding, "output_padding": extra}
    try:
        expected = F.conv_transpose2d(tensor(x), tensor(w), None, dilation=dilation, **arguments)
    except RuntimeError:
        with pytest.raises((ImpossibleSizeError, UsageError)):
            formula("conv_transpose", matrix=x, weights=w, dilation=dilation, **arguments)
        return
    if 0 in expected.shape:
        return
    same(formula("conv_transpose", matrix=x, weights=w, dilation=dilation, **arguments), expected)


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(["max_pool", "avg_pool"]), matrices(), pair(1, 3), pair(1, 3), pair(0, 1),
    st.booleans(),
)  # fmt: skip
def test_pooling_is_torch_s(kind, x, kernel, stride, padding, ceil_mode):
    real = F.max_pool2d if kind == "max_pool" else F.avg_pool2d
    arguments = {"kernel": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    try:
        expected = real(tensor(x), kernel, stride, padding, ceil_mode=ceil_mode)
    except RuntimeError:
        with pytest.raises((ImpossibleSizeError, UsageError)):
            formula(kind, matrix=x, **arguments)
        return
    same(formula(kind, matrix=x, **arguments), expected)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 4)])
def test_same_padding_is_torch_s(size):
    x = [[(3 * r + 5 * c) % 7 for c in range(6)] for r in range(5)]
    w = [[r - 2 * c for c in range(size[1])] for r in range(size[0])]
    same(
        formula("conv", matrix=x, weights=w, padding="same"),
        F.conv2d(tensor(x), tensor(w), padding="same"),
    )


def test_one_row_is_a_sequence():
    worked = formula("conv", matrix="1 2 3 4", weights="1 0 -1", padding=1)
    assert worked.output == ((-2, -2, -2, 3),)
    assert worked.substitution == "⌊(4 + 2·1 − 1·(3 − 1) − 1)/1⌋ + 1 = 4"
    assert formula("max_pool", matrix="4 1 3 9", kernel=2).output == ((4, 9),)


def test_the_text_shows_matrices_side_by_side_and_each_window():
    text = str(formula("conv", matrix=INPUT, weights=WEIGHTS, padding=1, steps=True))
    lines = text.splitlines()
    assert lines[:4] == [
        "conv, kernel 3×3, padding 1   5×5 → 5×5",
        "",
        "  input            weights    output",
        "  3  4  6  5  7    1  2  3     91  168  224  215  127",
    ]
    at = lines.index("output[0, 0] = 0 + 39 + 52 = 91")
    assert lines[at + 1 : at + 4] == [
        "  0  0  0   0·1 + 0·2 + 0·3 =  0",
        "  0  3  4   0·4 + 3·5 + 4·6 = 39",
        "  0  2  4   0·7 + 2·8 + 4·9 = 52",
    ]
    assert max(map(len, lines)) <= 80


def test_fractions_stay_exact():
    worked = formula("conv", matrix="0.1 0.2", weights="3 1/3")
    assert str(worked.output[0][0]) == "11/30"
    assert worked.to_dict()["output"] == [[pytest.approx(11 / 30)]]
    assert "0.3667" in str(worked)


def test_json_has_each_step():
    found = formula("avg_pool", matrix="1 2; 3 5", kernel=2, steps=True).to_dict()
    assert found["output"] == [[2.75]]
    assert found["steps"] == [
        {"row": 0, "column": 0, "window": [[1, 2], [3, 5]], "products": None, "divisor": 4,
         "value": 2.75}
    ]  # fmt: skip
    assert "steps" not in formula("avg_pool", matrix="1 2; 3 5", kernel=2).to_dict()


@pytest.mark.parametrize(
    "text", ["1 2; 3 4", "1,2;3,4", "1, 2; 3, 4;", "1\t2\n3\t4", "[[1, 2], [3, 4]]", "1 2 ；3 4"]
)
def test_ways_of_writing_a_matrix(text):
    assert read_matrix(text, "matrix") == ((1, 2), (3, 4))


def test_a_csv_file(tmp_path):
    for name, text in (
        ("a.csv", "1,2\n3,4\n\n"),
        ("b.csv", "1;2\r\n3;4\r\n"),
        ("c.tsv", "1\t2\n3\t4"),
    ):
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        assert read_matrix(str(file), "matrix") == ((1, 2), (3, 4))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the matrix is empty"),
        (" ; ", "the matrix is empty"),
        ("1 2; 3", "row 2 of the matrix has 1 number, row 1 has 2"),
        ("1 2 3; 4 5", "row 2 of the matrix has 2 numbers, row 1 has 3"),
        ("1,,3; 4,5,6", "row 1 of the matrix: number 2 is missing"),
        ("1 2;; 3 4", "row 2 of the matrix is empty"),
        ("1 a; 3 4", "row 1 of the matrix: 'a' is no number"),
        ("1 nan", "'nan' is no number"),
        ("1 1/0", "'1/0' is no number"),
        ("1 1e999", "'1e999' is no number"),
        ("1 2; 3,4", "row 2 of the matrix has commas between its numbers, rows before it spaces"),
        ("1, 2 3; 4, 5, 6", "mixes separators: between 2 and 3 stands a space"),
        ("nowhere.csv", "no file nowhere.csv"),
        ([[1, 2], [3]], "row 2 of the matrix has 1 number"),
        ([[1, "x"]], "'x' is no number"),
        ([[1, float("inf")]], "inf is no number"),
        ([[0] * 100] * 100, "at most 4,096 numbers"),
    ],
)
def test_what_is_no_matrix(text, words):
    with pytest.raises(UsageError) as error:
        read_matrix(text, "matrix")
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("conv", {"matrix": "1 2; 3 4", "weights": WEIGHTS}, "kernel 3 does not fit into 2"),
        ("conv", {"matrix": "1 2; 3 4"}, "conv needs weights"),
        ("conv", {"matrix": "1 2; 3 4", "weights": "1", "kernel": 1}, "leave kernel away"),
        ("max_pool", {"matrix": "1 2; 3 4"}, "max_pool needs kernel"),
        ("max_pool", {"matrix": "1 2", "weights": "1", "kernel": 1}, "max_pool has no weights"),
        ("upsample", {"matrix": "1 2"}, "not worked out on a matrix"),
        ("conv", {"matrix": "1", "weights": "1", "input": 3}, "input says nothing beside a matrix"),
        ("conv", {"weights": "1"}, "belong to a matrix"),
        ("conv", {"matrix": "1 2", "weights": "1", "stride": 0}, "stride must be at least 1"),
    ],
)
def test_what_cannot_be_worked_out(kind, arguments, words):
    with pytest.raises((UsageError, ImpossibleSizeError)) as error:
        formula(kind, **arguments)
    assert words in str(error.value)


def test_the_picture_has_every_number_inside_its_page():
    for steps in (False, True):
        worked = formula("conv", matrix=INPUT, weights=WEIGHTS, padding=1, stride=2, steps=steps)
        picture = matrix_picture(worked)
        texts = [mark.text for mark in picture.marks if mark.kind == "text"]
        assert texts.count("282") == (9 if steps else 1)
        assert any(text.endswith("= 91") for text in texts)
        for mark in picture.marks:
            assert 0 <= mark.x <= picture.width - mark.w
            assert 0 <= mark.y <= picture.height
        assert picture.svg().count("<rect") == (49 + 9 + 9) * (9 if steps else 1) + 1  # the page
    assert picture.render("png").startswith(b"\x89PNG")


@pytest.mark.parametrize("theme", ["light", "dark", "mono"])
def test_every_number_is_read_on_its_ground(theme):
    picture = matrix_picture(formula("conv", matrix=INPUT, weights=WEIGHTS, padding=1), theme)
    cells = [mark for mark in picture.marks if mark.kind == "rect"]
    assert len({mark.fill for mark in cells}) >= (2 if theme == "mono" else 5)
    for text in (mark for mark in picture.marks if mark.kind == "text"):
        under = [c for c in cells if c.x <= text.x <= c.x + c.w and c.y <= text.y <= c.y + c.h]
        assert contrast(text.fill, under[-1].fill) >= 4.5, text


def test_the_picture_marks_what_reaches_a_number_of_a_transposed_convolution():
    worked = formula("conv_transpose", matrix="1 2; 3 4", weights="1 -1; 5 2", stride=2, steps=True)
    picture = matrix_picture(worked)
    blue = [mark for mark in picture.marks if mark.fill == "#dbe9f6"]
    # With stride 2 and a kernel of 2, one number of the input reaches each of the output.
    assert len(blue) == 16


def test_a_picture_that_would_not_read_is_refused():
    wide = formula("max_pool", matrix=[[1] * 50] * 2, kernel=1)
    with pytest.raises(UsageError, match="at most 40 rows and columns, not 50"):
        matrix_picture(wide)


def test_the_sum_of_a_window_is_that_of_its_rows():
    worked = formula("conv", matrix="1 2; 4 5", weights="1 0; 0 1")
    assert worked.caption == "conv, kernel 2×2"
    text = replace(worked, with_steps=True).text()
    assert "output[0, 0] = 1 + 5 = 6\n" in text
