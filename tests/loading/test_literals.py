"""Options of forward on a command line: what is a literal, what a shape, what neither."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnshape.errors import ShapeSyntaxError
from cnnshape.loading.inputs import from_texts
from cnnshape.loading.literals import Option
from cnnshape.loading.shapes import InputSpec, has_form_of_shape, parse_inputs


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('mode="train"', "train"),
        ("mode='1,3,8,8'", "1,3,8,8"),
        ("mode = 'a=b'", "a=b"),
        ("scale=2.5", 2.5),
        ("scale=-.5", -0.5),
        ("scale=1.e3", 1000.0),
        ("pair=1.5,3", (1.5, 3)),
        ("flag=True", True),
        ("flag=False", False),
        ("cache=None", None),
        ("size=(16,16)", (16, 16)),
        ("size=(16,)", (16,)),
        ("k=(3)", 3),
        ("k=(-1)", -1),
        ("dims=(-2, -1)", (-2, -1)),
        ("d={'a': (1, 2)}", {"a": (1, 2)}),
        ("d={}", {}),
        ("d=({'a': 1})", {"a": 1}),
        ('texts=["yes, no", "maybe"]', ["yes, no", "maybe"]),
        ('text="\\d"', "\\d"),
    ],
)
def test_a_literal_is_an_option(text: str, value: object) -> None:
    (option,) = parse_inputs([text])
    assert option == Option(text.partition("=")[0].strip(), value)
    assert type(option.value) is type(value)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("x=7", InputSpec((7,), name="x")),
        ("x=1,3,H,W", InputSpec((1, 3, "H", "W"), name="x")),
        ("x=N", InputSpec(("N",), name="x")),
        ("x=()", InputSpec((), name="x")),
        ("x=():int64", InputSpec((), "int64", "x")),
        ("x=(1,28):bool", InputSpec((1, 28), "bool", "x")),
        ("x=[3,8]", InputSpec(name="x", tensors=(InputSpec((3, 8)),))),
        ("(1,28)", InputSpec((1, 28))),
    ],
)
def test_digits_letters_and_brackets_are_a_shape(text: str, spec: InputSpec) -> None:
    assert parse_inputs([text]) == (spec,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mode=train", "'train' in 'mode=train' is a word, not a shape: for a text write"),
        ("mode=train", 'mode="train", for a symbolic size one letter, as in mode=N'),
        ("k=-1", "for the number write k=(-1)"),
        ("True", "True is no shape; an option of forward is given with its name, as in name=True"),
        ('"a"', 'as in name="a"'),
        ("x=(a)", "cannot read 'x=(a)': give a shape, as in x=1,3,H,W, or a literal"),
        ("x=(1+1)", "or a literal, as in mode="),
        ("x='a", "or a literal"),
        ("x=(__import__('os').getcwd())", "or a literal"),
        ("x=(" + "(" * 4000 + ")" * 4000 + ")", "or a literal"),
        ("x=(" + "9" * 9999 + ")", "or a literal"),
        ("x='" + "a" * 20_000 + "'", "or a literal"),
    ],
)
def test_what_is_neither_is_said(text: str, words: str) -> None:
    with pytest.raises(ShapeSyntaxError) as error:
        parse_inputs([text])
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_names_and_dictionaries() -> None:
    inputs = from_texts(["1,3,8,8", "batch.x=1,2", 'batch.label="cat"', "scale=2.5"])
    assert inputs is not None
    assert inputs.args == (InputSpec((1, 3, 8, 8)),)
    assert inputs.kwargs["batch"] == {"x": InputSpec((1, 2), name="batch.x"), "label": "cat"}
    assert inputs.kwargs["scale"] == 2.5
    with pytest.raises(ShapeSyntaxError, match="the input 'a' is given twice"):
        parse_inputs(["a=1", "a='b'"])


@given(st.text(alphabet="0123456789,x×[](){}:=NHW.-'\"TrueFalsNon ", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_inputs([f"x={text}"])
    except ShapeSyntaxError as error:
        assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("text", [
    "1,3,8,8", "1x3x8x8", "Nx1xHxW", "N×C", "N,C,H,W", "batch,3,H,W", "7", "(1,3)", "()",
    "():int64", "1,128:int64", "[3,8,8],[3,9,9]", "[H,W]:int64", " 1 , 2 ",
    "1,1,28,", "1,-1,28", "1,3:int46",  # meant as shapes: reading them says what is wrong
])  # fmt: skip
def test_texts_of_the_form_of_a_shape(text: str) -> None:
    assert has_form_of_shape(text)


@pytest.mark.parametrize("text", [
    "train", "N", "conv2d", "conv2x3", "x2", "4x", "2d", "2.5", "1e5", "-1", "yes, no",
    "hello world, 3", "cat,dog", "a=1", "12:30", "http://a/b", "",
    "[a]", "[", "[]", "1 1 28", "a/b", "((1,2))",
])  # fmt: skip
def test_every_other_text_is_itself(text: str) -> None:
    assert not has_form_of_shape(text)
