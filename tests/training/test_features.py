"""Feature maps: the numbers are the layer's own, the model is as before, the picture says sizes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.transforms.functional import pil_to_tensor

from cnnshape.errors import InputError, ModelFailedError, OutputError, UsageError
from cnnshape.models.basic_cnn import BasicCNN
from cnnshape.models.lenet import LeNet
from cnnshape.training import FeatureMaps, draw_features, feature_maps
from cnnshape.training.features import features_of

BLANK = torch.rand(1, 28, 28)


def test_the_numbers_are_those_of_the_layer() -> None:
    model = LeNet()
    found = feature_maps(model, BLANK, BLANK[None], "S1")
    expected = model.S1(model.R1(model.C1(BLANK[None])))
    assert found.type == "MaxPool2d"
    torch.testing.assert_close(found.output, expected[0])


def test_the_first_call_of_a_layer_that_is_used_twice() -> None:
    assert feature_maps(BasicCNN(), BLANK, BLANK[None], "pooling").output.shape == (10, 12, 12)


def test_without_a_name_it_is_the_first_convolution() -> None:
    assert feature_maps(BasicCNN(), BLANK, BLANK[None]).layer == "conv1"
    with pytest.raises(UsageError, match="the model has no convolution: name a layer"):
        feature_maps(nn.Sequential(nn.Flatten()), BLANK, BLANK[None])


def test_the_model_is_as_before() -> None:
    model = LeNet().train()
    model.R1.eval()
    feature_maps(model, BLANK, BLANK[None], "C2")
    assert model.training
    assert not model.R1.training
    assert not model.C2._forward_hooks
    with pytest.raises(ModelFailedError):
        feature_maps(model, BLANK, torch.zeros(1, 1, 5, 5), "OUT")
    assert model.training
    assert not model.OUT._forward_hooks


def test_layers_that_cannot_be_shown() -> None:
    with pytest.raises(UsageError, match="the model has no layer 'C11'; did you mean C1"):
        feature_maps(LeNet(), BLANK, BLANK[None], "C11")
    with pytest.raises(UsageError, match="has no layer 'x'; it has C1, R1, S1"):
        feature_maps(LeNet(), BLANK, BLANK[None], "x")

    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.unused = nn.Conv2d(1, 1, 1)
            self.pair = nn.LSTM(28, 4)

        def forward(self, x):
            return self.pair(x[0])[0]

    for name in ("unused", "pair"):
        with pytest.raises(UsageError, match=f"the layer '{name}' .* gives no tensor"):
            feature_maps(Idle(), BLANK, BLANK[None], name)
    with pytest.raises(ModelFailedError, match="LeNet does not take a picture of 1×3×28×28"):
        feature_maps(LeNet(), BLANK, torch.zeros(1, 3, 28, 28), "C2")


def test_a_model_that_fails_after_the_layer_still_shows_it() -> None:
    # 32×32 is too large for the view before F4, but C2 has run by then.
    found = feature_maps(LeNet(), torch.rand(1, 32, 32), torch.rand(1, 1, 32, 32), "C2")
    assert found.output.shape == (16, 12, 12)


def svg_text(path: Path) -> str:
    return " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text(encoding="utf-8")))


def test_sizes_are_written_on_the_picture(tmp_path: Path) -> None:
    found = feature_maps(LeNet(), BLANK, BLANK[None], "C2")
    draw_features(found, tmp_path / "c2.svg", "a title")
    text = svg_text(tmp_path / "c2.svg")
    assert "a title" in text
    assert "input  1×28×28" in text
    assert "C2  Conv2d  16×10×10" in text
    assert "each 10×10; values −" in text


def test_colours_are_those_of_the_live_page(tmp_path: Path) -> None:
    def hues(low: float, high: float) -> tuple[bool, bool]:
        maps = torch.cat([torch.full((1, 9, 9), low), torch.full((1, 9, 9), high)])
        draw_features(FeatureMaps("c", "Conv2d", BLANK, maps), tmp_path / "a.png", "a")
        red, _, blue = pil_to_tensor(Image.open(tmp_path / "a.png").convert("RGB")).int()
        tint = blue - red
        return bool((tint > 60).any()), bool((tint < -60).any())

    assert hues(-0.5, 1.0) == (True, True)  # blue, orange
    assert hues(0.5, 1.0) == (False, False)  # nothing is below zero: ink
    assert hues(-1.0, 0.0) == (False, True)


def test_vectors_and_single_points_are_bars(tmp_path: Path) -> None:
    for layer, shape in (("F4", "84"), ("C3", "120×1×1")):
        found = feature_maps(LeNet(), BLANK, BLANK[None], layer)
        draw_features(found, tmp_path / "a.svg")
        text = svg_text(tmp_path / "a.svg")
        assert f"{layer}  {found.type}  {shape}" in text
        assert "unit" in text


def test_each_of_a_few_units_has_its_number(tmp_path: Path) -> None:
    draw_features(feature_maps(LeNet(), BLANK, BLANK[None], "OUT"), tmp_path / "a.svg")
    assert " ".join("0123456789") in svg_text(tmp_path / "a.svg")


def test_tokens_are_one_map_and_not_thousands_of_bars(tmp_path: Path) -> None:
    found = FeatureMaps("encoder", "Encoder", BLANK, torch.randn(50, 200))
    draw_features(found, tmp_path / "a.svg")
    text = svg_text(tmp_path / "a.svg")
    assert "encoder  Encoder  50×200" in text
    assert " 50×200; values −" in text
    assert "unit" not in text


def test_the_same_features_give_the_same_file(tmp_path: Path) -> None:
    found = feature_maps(LeNet(), BLANK, BLANK[None])
    for name in ("a.svg", "b.svg"):
        draw_features(found, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_many_maps_are_cut_and_it_is_said(tmp_path: Path) -> None:
    wide = nn.Sequential(nn.Conv2d(1, 100, 3))
    found = feature_maps(wide, BLANK, BLANK[None])
    draw_features(found, tmp_path / "a.svg")
    assert "each 26×26, the first 64 of them" in svg_text(tmp_path / "a.svg")


def test_formats(tmp_path: Path) -> None:
    found = feature_maps(LeNet(), BLANK, BLANK[None])
    for suffix, start in ((".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")):
        draw_features(found, tmp_path / f"a{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes().startswith(start)
    with pytest.raises(OutputError, match=r"must be one of \.png, \.svg, \.pdf"):
        draw_features(found, tmp_path / "a.gif")


def test_any_model_and_picture(tmp_path: Path) -> None:
    Image.new("RGB", (60, 40), (200, 100, 50)).save(tmp_path / "a.png")
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self):\n"
        "        super().__init__(nn.Conv2d(3, 4, 3))\n"
    )
    model = f"{tmp_path / 'net.py'}:Net"
    maps, notes = features_of(model, tmp_path / "a.png", input_shape="1,3,16,24")
    assert maps.output.shape == (4, 14, 22)
    assert notes[0] == "60×40 → 24×16"
    assert "are random" in notes[1]
    with pytest.raises(InputError, match="has no usual input: say what picture it takes, as in -i"):
        features_of(model, tmp_path / "a.png")
    with pytest.raises(InputError, match=r"features needs a model that takes one picture"):
        features_of(model, tmp_path / "a.png", input_shape="1,128")


# ---- a layer alone -------------------------------------------------------------------------------

LAYERS = """
import torch
from torch import nn
conv = nn.Conv2d(3, 1, 3)
edges = nn.Conv2d(1, 1, 3, padding=1)
edges.weight.data = torch.tensor([[[[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]]])
edges.bias.data.zero_()
pool, wide, line = nn.MaxPool2d(4), nn.Conv2d(16, 8, 3), nn.Linear(10, 2)
class Grey(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 4, 3), nn.ReLU())
"""


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(LAYERS, encoding="utf-8")
    Image.new("RGB", (60, 40), (200, 100, 50)).save(tmp_path / "a.png")
    return tmp_path


@pytest.mark.parametrize(
    ("model", "shown", "given", "random"),
    [
        ("net.py:conv", (3, 40, 60), (1, 38, 58), True),
        ("net.py:edges", (1, 40, 60), (1, 40, 60), False),  # its code sets the weights
        ("net.py:pool", (3, 40, 60), (3, 10, 15), False),
        ("torch.nn:Conv2d(3,1,3)", (3, 40, 60), (1, 38, 58), True),
        ("torch.nn:Conv2d(1, 2, kernel_size=5, bias=False)", (1, 40, 60), (2, 36, 56), True),
    ],
)
def test_a_layer_takes_the_picture_as_large_as_it_is(
    layers: Path, monkeypatch: pytest.MonkeyPatch, model: str, shown, given, random: bool
) -> None:
    monkeypatch.chdir(layers)
    for layer in (None, ""):
        maps, notes = features_of(model, layers / "a.png", layer=layer)
        assert (tuple(maps.picture.shape), tuple(maps.output.shape)) == (shown, given)
        assert maps.random is random
        assert len(notes) == int(random)
    draw_features(maps, layers / "a.svg")
    assert ("random weights" in svg_text(layers / "a.svg")) is random


def test_edges_are_what_the_weights_make_of_them(layers: Path) -> None:
    """A step from 0 to 1: the three weights of one side, 1 + 2 + 1, times it."""
    picture = Image.new("L", (6, 5), 0)
    picture.paste(255, (3, 0, 6, 5))
    picture.save(layers / "step.png")
    maps, _ = features_of(f"{layers / 'net.py'}:edges", layers / "step.png")
    assert maps.output[0, 2].tolist() == [0, 0, 4, 4, 0, -4]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("wide", "wide takes 16 channels, and a picture has 1 or 3"),
        ("line", "line is a Linear and takes no picture"),
        ("Grey", "say what picture it takes, as in -i 1,1,28,28"),
    ],
)
def test_models_that_take_no_picture(layers: Path, model: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        features_of(f"{layers / 'net.py'}:{model}", layers / "a.png")


def test_the_whole_model_is_a_layer_too(layers: Path) -> None:
    maps, _ = features_of(
        f"{layers / 'net.py'}:Grey", layers / "a.png", layer="", input_shape="1,1,8,8"
    )
    assert (maps.name, tuple(maps.output.shape)) == ("Grey", (4, 6, 6))
