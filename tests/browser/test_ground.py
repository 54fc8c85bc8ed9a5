"""What every page stands on: one file that fetches nothing, themes, and texts taken literally."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.rendering.page.page import Page

_HOSTILE = "</script><script>alert(1)</script> {{ 7*7 }} \"quoted\" 'too' <!-- \u2028 עברית"


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.conv(x).mean((2, 3)))


@pytest.fixture(scope="module")
def lenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cnnshape.inspect("lenet").save(tmp_path_factory.mktemp("page") / "lenet.html")


def test_one_file_shows_table_and_picture(opened, lenet: Path):
    tab = opened(lenet)
    assert tab.title() == "LeNet"
    assert tab.locator("tbody tr .name").all_inner_texts()[:3] == ["C1", "R1", "S1"]
    assert tab.locator("#picture svg").is_visible()


def test_the_page_is_read_without_scripts(opened, lenet: Path):
    tab = opened(lenet, scripts=False)
    assert tab.locator("#picture svg").is_visible()
    assert "61,706 parameters" in tab.locator("noscript pre").inner_text()


def test_the_theme_follows_the_system_and_can_be_chosen(opened, lenet: Path):
    def ground(tab):
        return tab.evaluate("getComputedStyle(document.documentElement).backgroundColor")

    light, dark = "rgb(255, 255, 255)", "rgb(27, 30, 36)"
    assert ground(opened(lenet)) == light
    tab = opened(lenet, dark=True)
    assert ground(tab) == dark
    # The picture follows: a convolution's surface is the dark theme's.
    fill = "getComputedStyle(document.querySelector('.node.convolution path')).fill"
    assert tab.evaluate(fill) == "rgb(34, 48, 63)"
    tab.click("#theme")
    assert ground(tab) == light
    tab.reload()
    assert ground(tab) == light  # what was chosen is kept


def test_paper_is_light(opened, lenet: Path):
    tab = opened(lenet, dark=True)
    tab.emulate_media(media="print", color_scheme="dark")
    assert (
        tab.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        == "rgb(255, 255, 255)"
    )


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_serious_is_wrong_for_those_who_cannot_see(opened, accessible, lenet: Path, dark):
    accessible(opened(lenet, dark=dark))


def test_whatever_a_model_is_called_is_text(opened):
    net = Net()
    net.add_module("<img src=x onerror=alert(1)>", nn.ReLU())
    type(net).__name__ = _HOSTILE
    try:
        page = cnnshape.inspect(net, (1, 1, 8, 8)).to_text("html")
    finally:
        type(net).__name__ = "Net"
    tab = opened(page)
    assert tab.locator("h1").inner_text().startswith("</script><script>alert(1)</script> {{ 7*7 }}")
    assert tab.locator("tbody img").count() == 0
    assert "<img src=x onerror=alert(1)>" in tab.locator("tbody").inner_text()


class Named(nn.Module):
    """Layers that ran, under names that mean something to HTML, Jinja, DOT and eyes."""

    def __init__(self) -> None:
        super().__init__()
        self.names = ["<script>alert(1)</script>", 'a"b\\c', "{{ 7*7 }}", "שלום", "卷积"]
        for name in self.names:
            self.add_module(name, nn.Linear(4, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.children():
            x = torch.sin(layer(x)) + x
        return x


def test_names_are_drawn_as_they_are(opened):
    net = Named()
    tab = opened(cnnshape.inspect(net, (1, 4)).to_text("html"))
    tab.wait_for_selector("#picture[data-ready]")
    assert tab.locator("tbody .name").all_inner_texts() == net.names
    tab.locator("tbody tr").nth(1).click()
    assert tab.locator("#chosen h2").inner_text().startswith(net.names[1])
    tab.reload()  # the address has the name
    assert tab.locator("#chosen h2").inner_text().startswith(net.names[1])
    drawn = "".join(tab.locator("#picture svg text").all_text_contents())
    assert [name for name in net.names[:1] if name not in drawn] == []


def test_data_comes_through_whatever_is_in_it(opened):
    given = {_HOSTILE: [_HOSTILE, float("nan"), "\ud800"]}
    page = Page("diagram.html", _HOSTILE, "diagram/main.js", ("diagram.css",), {"given": given}, {
        "name": _HOSTILE, "mono": False, "picture": "<svg viewBox='0 0 9 9'/>"
    })  # fmt: skip
    tab = opened(page.html())
    read = tab.evaluate("JSON.parse(document.getElementById('given').textContent)")
    assert read == {_HOSTILE: [_HOSTILE, "nan", "\\ud800"]}
    assert tab.title() == _HOSTILE


def test_a_diagram_alone(opened, tmp_path: Path):
    cnnshape.draw("lenet", None, tmp_path / "lenet.html")
    tab = opened(tmp_path / "lenet.html")
    before = tab.locator("#C2").bounding_box()["width"]
    tab.get_by_label("Larger").click()
    assert tab.locator("#C2").bounding_box()["width"] > before
