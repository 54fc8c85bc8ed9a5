"""Words of sentences: every example as a person would write it."""

from __future__ import annotations

import pytest

from cnnshape.words import (
    counted,
    did_you_mean,
    listed,
    nearest,
    ordinal,
    plural,
    times,
    with_article,
)


@pytest.mark.parametrize(
    ("number", "sizes", "things"),
    [
        (0, "0 axes", "0 axes"),
        (1, "1 axis", "1 axis"),
        (2, "2 axes", "2 axes"),
        (61706, "61706 axes", "61,706 axes"),
    ],
)
def test_a_number_and_its_noun(number, sizes, things):
    assert plural(number, "axis", "axes") == sizes
    assert counted(number, "axis", "axes") == things


@pytest.mark.parametrize(
    ("number", "place"),
    [
        *[(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (10, "10th"), (11, "11th")],
        *[(12, "12th"), (13, "13th"), (21, "21st"), (22, "22nd"), (101, "101st"), (111, "111th")],
    ],
)
def test_a_place(number, place):
    assert ordinal(number) == place


@pytest.mark.parametrize(
    "noun",
    [
        *["a Conv2d", "an Embedding", "an int", "an OrderedDict", "an LSTM", "an LSTMCell"],
        *["an RNN", "a GRU", "a Linear", "a UNet", "an async_generator", "a numpy array"],
    ],
)
def test_an_article(noun):
    assert with_article(noun.split(" ", 1)[1]) == noun


@pytest.mark.parametrize(
    ("items", "both", "either"),
    [
        ([], "", ""),
        (["H"], "H", "H"),
        (["H", "W"], "H and W", "H or W"),
        (["N", "H", "W"], "N, H and W", "N, H or W"),
    ],
)
def test_a_list(items, both, either):
    assert listed(iter(items)) == both
    assert listed(items, "or") == either


def test_sizes():
    assert times((1, 6, 28, 28)) == "1×6×28×28"
    assert times(("N", 10)) == "N×10"
    assert times(size + 1 for size in (7,)) == "8"
    assert times(()) == "()"
    assert times((), "a single number") == "a single number"


def test_a_mistyped_name():
    known = ["torchvision:resnet18", "torchvision:resnet34", "alexnet", "AlexNet"]
    assert nearest("RESNET18", known) == ["torchvision:resnet18", "torchvision:resnet34"]
    assert nearest("RESNET18", known, limit=1) == ["torchvision:resnet18"]
    assert nearest("RESNET18", known, cutoff=0.9) == ["torchvision:resnet18"]
    assert did_you_mean("alexnett", known) == "; did you mean alexnet?"
    assert did_you_mean("zzz", known) == ""
