"""A network that computes in its page: drawn on, pointed at, walked through, beside torch."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import cnnshape
from cnnshape.models.lenet import LeNet
from cnnshape.rendering.live.chain import chain_of
from cnnshape.rendering.page.activations_page import activations_page
from cnnshape.training.datasets import load_data
from cnnshape.training.page_source import few_of_each


@pytest.fixture(scope="module")
def net() -> LeNet:
    torch.manual_seed(0)
    return LeNet().eval()


@pytest.fixture(scope="module")
def page(net: LeNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("live") / "lenet.html"
    cnnshape.features_page(net, file, inputs=(1, 1, 28, 28))
    return file


@pytest.fixture(scope="module")
def digit() -> torch.Tensor:
    """The first picture of the page."""
    test = load_data("digits", "", (1, 28, 28)).test
    return test.read(few_of_each(test.labels, 1)) / 255


def worked(tab) -> list[str]:
    """The lines under one unit, with a plain minus."""
    return [text.replace("−", "-") for text in tab.locator(".lines p").all_inner_texts()]


def numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", text)]


@torch.no_grad()
def test_one_unit_is_worked_out_to_what_torch_gives(opened, page, net, digit):
    before = net.S1(net.R1(net.C1(digit)))
    at = (3 * 10 + 5) * 10 + 4
    tab = opened(page, fragment=f"#C2/{at}")
    assert (
        tab.locator(".worked h2")
        .inner_text()
        .startswith("C2, map 3, unit (5, 4) Conv2d 5×5, 6→16 · ReLU")
    )
    total = float((before[0, :, 5:10, 4:9] * net.C2.weight[3]).sum())
    value = float(net.C2(before).flatten()[at])
    sum_line, bias_line, relu_line = worked(tab)
    assert sum_line.startswith("Σ of 150 products = ")
    assert numbers(sum_line) == pytest.approx([total], abs=6e-4)
    assert numbers(bias_line) == pytest.approx([float(net.C2.bias[3]), value], abs=6e-4)
    assert numbers(relu_line) == pytest.approx([max(value, 0)], abs=6e-4)
    # The parts of the sum, a map each, and the numbers of the one that is shown.
    parts = tab.locator(".parts button").all_inner_texts()
    assert len(parts) == 6
    tab.locator(".parts button").nth(2).click()
    grids = [
        np.array([[float(cell.replace("−", "-")) for cell in row.locator("td").all_inner_texts()]
                  for row in grid.locator("tr").all()])
        for grid in tab.locator(".cells").all()
    ]  # fmt: skip
    window, kernel = before[0, 2, 5:10, 4:9], net.C2.weight[3, 2]
    for found, right in zip(grids, (window, kernel, window * kernel), strict=True):
        assert found == pytest.approx(right.numpy(), abs=6e-3)


def test_the_address_names_a_unit(opened, page):
    tab = opened(page, fragment="#C2")
    chosen = tab.locator(".worked h2")
    assert chosen.inner_text().startswith("C2, map 0, unit (3, 5)")
    for fragment, unit in (
        ("#OUT/3", "OUT, unit 3"),
        ("#C2/1600", "C2, map 0, unit (3, 5)"),
        ("#none/%", "C1, map 0, unit (9, 14)"),
    ):
        tab.evaluate("(hash) => { location.hash = hash; }", fragment)
        tab.wait_for_timeout(50)
        assert chosen.inner_text().startswith(unit)


@torch.no_grad()
def test_the_probabilities_are_those_of_softmax(opened, page, net, digit):
    tab = opened(page)
    found = [float(text[:-2]) for text in tab.locator(".results .value").all_inner_texts()]
    assert found == pytest.approx((100 * net(digit).softmax(1)[0]).tolist(), abs=0.051)


@torch.no_grad()
def test_a_digit_is_drawn(opened, page, net):
    tab = opened(page)
    tab.locator("#centre").uncheck()
    box = tab.locator("#pad").bounding_box()

    def at(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"] / 28, box["y"] + y * box["height"] / 28

    before = tab.locator(".results .value").all_inner_texts()
    tab.mouse.move(*at(8, 7))
    tab.mouse.down()
    for point in ((20, 7), (13, 22)):
        tab.mouse.move(*at(*point), steps=5)
    tab.mouse.up()
    tab.mouse.move(0, 0)
    tab.wait_for_timeout(100)
    assert tab.locator(".results .value").all_inner_texts() != before
    drawn = tab.evaluate("""() => {
      const canvas = document.getElementById("pad");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const at = (n) => 4 * ((Math.floor(n / 28) * 9 + 4) * canvas.width + (n % 28) * 9 + 4);
      return Array.from({ length: 784 }, (_, n) => data[at(n) + 1]);
    }""")  # the middle of each pixel, from white down to ink
    ink = tab.evaluate("""() => {
      document.body.style.color = "var(--ink)";
      return Number(getComputedStyle(document.body).color.match(/\\d+/g)[1]);
    }""")
    picture = (255 - torch.tensor(drawn).view(1, 1, 28, 28)) / (255 - ink)
    assert float(picture[0, 0, 7, 8:20].min()) > 0.9
    assert float(picture[0, 0, 10:, 20:].max()) < 0.1
    # C1, map 0, unit (9, 14) is chosen at first; a grey level is 0.004 of it.
    right = float(net.R1(net.C1(picture))[0, 0, 9, 14])
    assert numbers(worked(tab)[-1]) == pytest.approx([right], abs=0.02)
    tab.get_by_role("button", name="Clear").click()
    tab.wait_for_timeout(50)
    blank = [float(text[:-2]) for text in tab.locator(".results .value").all_inner_texts()]
    right = 100 * net(torch.zeros(1, 1, 28, 28)).softmax(1)[0]
    assert blank == pytest.approx(right.tolist(), abs=0.051)


def test_units_are_walked_through_by_key(opened, page):
    tab = opened(page)
    chosen = tab.locator(".worked h2")
    tab.locator(".stage").first.locator("canvas").focus()
    for key in ("ArrowDown", "ArrowRight", "PageDown"):
        tab.keyboard.press(key)
    assert chosen.inner_text().startswith("C1, map 1, unit (10, 15)")
    tab.keyboard.press("Enter")
    assert chosen.inner_text().startswith("S1, map 1, unit (5, 7) MaxPool2d 2×2 · sees rows 8…13")
    assert tab.evaluate("document.activeElement.ariaLabel").startswith("S1")
    assert tab.locator(".cells .best").count() == 1
    tab.keyboard.press("Escape")
    assert chosen.inner_text().startswith("C1, map 1, unit (10, 15)")
    # It is kept while the pointer passes others, until Escape lets it go.
    tab.locator(".stage").nth(2).locator("canvas").hover(position={"x": 5, "y": 5})
    assert chosen.inner_text().endswith("kept")
    tab.keyboard.press("Escape")
    tab.locator(".stage").nth(2).locator("canvas").hover(position={"x": 8, "y": 8})
    assert chosen.inner_text().startswith("C2, map 0, unit (1, 1)")
    tab.locator("#pad").focus()
    before = tab.locator(".results .value").all_inner_texts()
    for key in ("Space", "ArrowLeft", "ArrowLeft", "Space"):
        tab.keyboard.press(key)
    tab.wait_for_timeout(50)
    assert tab.locator(".results .value").all_inner_texts() != before
    assert tab.locator("#shown").inner_text() == "your drawing"


def test_a_file_is_taken_or_refused(opened, page, tmp_path: Path):
    tab = opened(page)
    Image.new("L", (60, 40), 255).save(tmp_path / "white.png")
    tab.set_input_files("#file", tmp_path / "white.png")
    tab.locator("#shown", has_text="white.png").wait_for()
    (tmp_path / "notes.txt").write_text("no picture")
    tab.set_input_files("#file", tmp_path / "notes.txt")
    alert = tab.get_by_role("alert")
    assert alert.inner_text() == "notes.txt is no picture that this browser can read."


@pytest.mark.parametrize(("width", "dark"), [(400, False), (1400, True)])
def test_it_is_read_at_any_width_in_both_themes(opened, accessible, page, width: int, dark: bool):
    tab = opened(page, width=width, dark=dark, fragment="#F4/7")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    accessible(tab)


def test_without_scripts_the_layers_are_read(opened, page):
    text = opened(page, scripts=False).locator("noscript pre").inner_text()
    assert "C1  Conv2d 5×5, 1→6, pad 2  6×28×28" in text


def test_paper_keeps_the_probabilities(opened, page):
    tab = opened(page)
    tab.emulate_media(media="print")
    assert tab.locator(".results .most").is_visible()
    assert not tab.get_by_role("button", name="Clear").is_visible()


_HOSTILE = '</script><img src=x onerror=alert(1)> {{ 7*7 }} "quoted" עברית'


def test_names_are_taken_literally(opened):
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.add_module("<b>conv", torch.nn.Conv2d(1, 2, 28))

        def forward(self, x):
            return self.get_submodule("<b>conv")(x).flatten(1)

    net = Net().eval()
    chain = chain_of(cnnshape.inspect(net, (1, 1, 28, 28)))
    picture = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    taken = {"mean": [0], "std": [1], "background": [0], "dark": True, "extent": 1, "coarse": None}
    facts = {"classes": [_HOSTILE, "b"], "about": _HOSTILE}
    tab = opened(
        activations_page(
            _HOSTILE, chain, dict(net.named_parameters()), (picture, [_HOSTILE]), taken, facts
        )
    )
    assert tab.locator("h1").inner_text() == _HOSTILE
    assert tab.locator(".results .class").first.inner_text() == _HOSTILE
    assert tab.locator("#shown").inner_text() == f"test picture: {_HOSTILE}"
    assert tab.locator(".results h2").inner_text() == "<b>conv probabilities"
    assert tab.locator("img, b").count() == 0
