"""Inputs held against ``forward``, and the example shown when none is given."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from cnnshape.errors import InputError
from cnnshape.loading.forward_signature import (
    check_against_forward,
    guess_input,
    missing_input_error,
)
from cnnshape.loading.inputs import from_python, from_specs, from_texts
from cnnshape.loading.model import load
from cnnshape.loading.shapes import parse_inputs
from cnnshape.loading.tensors import make_tensors


class Two(nn.Module):
    def forward(self, image, mask, *, scale=1.0):
        return image


class Any(nn.Module):
    def forward(self, *args, **kwargs):
        return args


@pytest.mark.parametrize(
    ("module", "texts", "words"),
    [
        ("lenet", ["1,1,28,28", "1"], "LeNet.forward(x) takes 1 input by position and 2 are given"),
        ("lenet", ["1,1,28,28", "y=1"], "LeNet.forward(x) has no input 'y'"),
        ("lenet", ["1,1,28,28", "x=1"], "LeNet.forward(x) gets 'x' twice"),
        (Two(), ["1"], "Two.forward(image, mask, scale) takes 2 inputs and 1 is given"),
        (Two(), ["1"], ": mask is missing, add it with -i mask=SHAPE"),
        (Two(), [], "image and mask are missing, add them with -i image=SHAPE -i mask=SHAPE"),
        (Two(), ["1", "maks=1"], "has no input 'maks'; did you mean mask?"),
        (nn.DataParallel(Two()), ["1"], "Two.forward(image, mask, scale)"),
        (nn.Sequential(), ["1", "2"], "Sequential.forward(input) takes 1 input"),
    ],
)  # fmt: skip
def test_what_is_said(module: object, texts: list[str], words: str) -> None:
    net = load(module).module if isinstance(module, str) else module
    with pytest.raises(InputError) as error:
        check_against_forward(net, from_specs(parse_inputs(texts)))
    assert words in str(error.value)


def test_what_fits() -> None:
    check_against_forward(Two(), from_texts(["1", "2"]))
    check_against_forward(Two(), from_texts(["1", "mask=2", "scale=()"]))
    check_against_forward(Two(), from_python({"image": (1, 2), "mask": torch.zeros(1)}))
    check_against_forward(Any(), from_texts(["1", "2", "anything=3"]))
    check_against_forward(torch.jit.trace(nn.ReLU(), torch.zeros(1)), from_texts(["1"]))


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv1d(4, 5, 3), nn.Conv2d(1, 6, 5), nn.Conv2d(3, 6, 5), nn.Conv3d(3, 4, 3),
        nn.ConvTranspose2d(7, 6, 5), nn.Linear(13, 2), nn.Embedding(2, 3), nn.LSTM(5, 6),
        nn.GRU(5, 6), nn.BatchNorm2d(3), nn.BatchNorm3d(2), nn.BatchNorm1d(4), nn.LayerNorm((3, 4)),
        nn.TransformerEncoderLayer(8, 2), nn.LazyConv2d(4, 3), nn.LazyLinear(4),
    ],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_the_shown_example_runs(layer: nn.Module) -> None:
    net = nn.Sequential(nn.Identity(), layer).eval()
    message = str(missing_input_error(net, "net.py:Net"))
    assert message.startswith("net.py:Net needs an input shape; its first layer, 1")
    shape = re.search(r"try -i (\S+)$", message)
    assert shape is not None
    args, _ = make_tensors(from_texts([shape[1]]))
    net(*args)


def test_example_for_several_inputs() -> None:
    net = Two()
    net.conv = nn.Conv2d(3, 4, 3)
    assert str(missing_input_error(net, "net.py:Two")) == (
        "net.py:Two needs an input shape for each of image and mask; its first layer, conv, is a "
        "Conv2d of 3 channels, so try -i 1,3,224,224 -i mask=SHAPE"
    )


def test_python_is_answered_in_python() -> None:
    picture = str(missing_input_error(nn.Conv2d(1, 2, 3), "Conv2d", python=True))
    assert picture.endswith("a Conv2d of 1 channel, so try (1, 1, 28, 28)")
    words = str(missing_input_error(nn.Embedding(9, 2), "Embedding", python=True))
    assert words.endswith('an Embedding of 9 entries, so try "1,16:int64"')
    net = Two()
    net.conv = nn.Conv2d(3, 4, 3)
    several = str(missing_input_error(net, "Two", python=True))
    assert several.endswith('so try inputs={"image": (1, 3, 224, 224), "mask": SHAPE}')
    with pytest.raises(InputError, match=r'add it with inputs=\{"image": SHAPE, "mask": SHAPE\}'):
        check_against_forward(net, from_python({"image": (1, 2)}), python=True)


def test_example_when_no_layer_tells() -> None:
    assert "as in -i 1,3,224,224" in str(missing_input_error(nn.ReLU(), "net.py:Net"))
    assert "for image and mask" in str(missing_input_error(Two(), "net.py:Two"))
    assert guess_input(nn.ReLU()) is None
    assert "it is an LSTM of 5 features" in str(missing_input_error(nn.LSTM(5, 5), "x"))
