"""A model's page: linked, folded, searched, sorted, and sizes that move."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.experiments import search_fixes
from tests.browser.until import until

torchvision = pytest.importorskip("torchvision")


class Pyramid(nn.Module):
    """Takes any size: its shapes are expressions with halves and rests."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 5, stride=2)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.up = nn.ConvTranspose2d(8, 4, 3, stride=2)
        self.mix = nn.Conv2d(4, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.mix(self.up(self.pool(self.stem(x)))))


class Wrong(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.fc1 = nn.Linear(100, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc1(self.conv1(x).flatten(1))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory):
    """Writes each page once."""
    folder, known = tmp_path_factory.mktemp("pages"), dict[str, Path]()
    made = {
        "lenet": lambda: cnnshape.inspect("lenet"),
        "letters": lambda: cnnshape.inspect("lenet", ("N", 1, "H", "W")),
        "resnet": lambda: cnnshape.inspect(torchvision.models.resnet50(), (1, 3, 224, 224)),
        "pyramid": lambda: cnnshape.inspect(Pyramid(), ("N", 3, "H", "W")),
        "wrong": lambda: cnnshape.inspect(Wrong(), (1, 3, 8, 8)),
    }

    def written(name: str) -> Path:
        if name not in known:
            known[name] = made[name]().save(folder / f"{name}.html")
        return known[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_fixes, "BUDGET", 60.0)  # a busy machine tries corrections too
        yield written


_IN_SIGHT = """() => {
  const line = document.querySelector("tr[aria-selected]");
  const [one, around] = [line, line.closest("section")].map((e) => e.getBoundingClientRect());
  return one.top >= around.top && one.bottom <= around.bottom;
}"""


def ready(tab):
    """The tab, once its own diagram stands."""
    tab.wait_for_selector("#picture[data-ready]")
    return tab


def names(tab) -> list[str]:
    return tab.locator("tbody .name").all_inner_texts()


def chosen(tab) -> str:
    return tab.locator("tbody tr[aria-selected] .name").inner_text()


def titles(tab) -> list[str]:
    """The bold texts of the diagram: names of boxes and frames."""
    return tab.locator("#picture svg text[font-weight=bold]").all_text_contents()


def test_choosing_in_one_chooses_in_the_other(opened, page):
    tab = ready(opened(page("lenet")))
    tab.locator("#picture g.node", has_text="C2").click()
    assert chosen(tab) == "C2"
    assert tab.url.endswith("#C2")
    assert tab.locator("#chosen h2").inner_text().startswith("C2")
    tab.locator("tbody tr", has_text="S2").click()
    assert "S2" in tab.locator("#picture .is-chosen").text_content()
    tab.locator("tbody tr", has_text="F4").hover()
    assert "F4" in tab.locator("#picture .is-hovered").text_content()
    tab.locator("#picture g.node", has_text="C1").hover()
    assert tab.locator("tr[data-hovered] .name").inner_text() == "C1"


def test_the_address_chooses(opened, page):
    tab = ready(opened(page("resnet"), fragment="#layer3.4.conv2"))
    assert tab.locator("#chosen h2").inner_text().startswith("layer3.4.conv2")
    assert chosen(tab) == "conv2"  # its block was opened
    until(tab, _IN_SIGHT)
    # The fifth of five equal blocks is drawn as the first of them.
    assert "conv2" in tab.locator("#picture .is-chosen").text_content()
    tab.goto(tab.url.replace("layer3.4.conv2", "fc"))
    assert tab.locator("#chosen h2").inner_text().startswith("fc")


def test_the_chosen_layer_is_worked_out(opened, page):
    tab = ready(opened(page("lenet"), fragment="#C2"))
    formulas = tab.locator("#chosen .formula").all_inner_texts()
    # 14 + 2·0 − 1·(5 − 1) − 1 = 9, and 9/1 + 1 = 10
    assert formulas == [
        "⌊(H + 2P − D(K − 1) − 1)/S⌋ + 1",
        "= ⌊(14 + 2·0 − 1·(5 − 1) − 1)/1⌋ + 1 = 10",
    ]
    said = tab.locator("#chosen").inner_text()
    # 16 filters × (6·25 + 1), 16·10·10·6·25, and 240,000 of 416,520
    for fact in ("2,416", "240,000, 58 % of all", "fed by S1", "feeds R2", "kernel_size=(5, 5)"):
        assert fact in said
    assert "sees 14×14 of the input, 2×2 apart" in said
    tab.click("#chosen a:has-text('S1')")
    assert chosen(tab) == "S1"


def test_a_module_folds_in_both(opened, page):
    tab = ready(opened(page("resnet")))
    assert "layer1.0" in titles(tab)
    tab.locator("tbody tr", has_text="layer1").locator(".fold").first.click()
    until(tab, "!document.querySelector('#picture svg').textContent.includes('layer1.0')")
    assert "layer1" in titles(tab)
    assert names(tab)[4:6] == ["layer1", "layer2"]
    # The closed box opens it again, in the table too.
    tab.locator("#picture g.node", has_text="layer1").dblclick()
    until(tab, "document.querySelector('#picture svg').textContent.includes('layer1.0')")
    assert names(tab)[4:6] == ["layer1", "0"]


def test_a_frame_is_closed_at_its_title(opened, page):
    tab = ready(opened(page("resnet")))
    tab.locator("#picture text", has_text="layer1.0").click()
    until(tab, "document.querySelector('#picture svg').textContent.includes('Bottleneck, 4 conv')")
    assert chosen(tab) == "0"
    assert tab.locator("tr[aria-selected]").get_attribute("aria-expanded") == "false"


def test_equal_blocks_are_one_row_until_each_is_asked_for(opened, page):
    tab = ready(opened(page("resnet")))
    before = len(names(tab))
    more = tab.locator("tbody .more", has_text="+ 4 equal")  # layer3.1 and four like it
    more.click()
    assert len(names(tab)) == before + 4


def test_the_way_of_the_data_is_shown(opened, page):
    tab = ready(opened(page("lenet"), fragment="#C2"))
    assert tab.locator("#picture .to-here").count() == 3  # x → C1 → S1 → C2
    assert tab.locator("#picture .from-here").count() == 5  # C2 → S2 → C3 → F4 → OUT → output


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("*×512×7×7", {"layer4.0.conv2", "layer4.2.conv1"}),
        ("downsample conv", {"layer1.0.downsample.0", "layer4.0.downsample.0"}),
        ("maxpool2d", {"maxpool"}),
        ("64x112x112", {"conv1", "bn1", "relu", "maxpool"}),
    ],
)
def test_search(opened, page, search, found):
    tab = opened(page("resnet"))
    tab.fill("#search", search)
    assert found <= set(names(tab))
    assert "fc" not in names(tab)


def test_what_is_not_there_is_said(opened, page):
    tab = opened(page("lenet"))
    tab.fill("#search", "batchnorm")
    assert "No layer" in tab.locator(".nothing").inner_text()
    tab.keyboard.press("Escape")
    assert len(names(tab)) == 12


def test_sorted_by_what_costs_most(opened, page):
    tab = opened(page("lenet"))
    tab.click("th.params button")
    assert names(tab)[:3] == ["C3", "F4", "C2"]  # 48,120, 10,164, 2,416
    tab.click("th.macs button")
    assert names(tab)[:3] == ["C2", "C1", "C3"]  # 240,000, 117,600, 48,000
    share = (
        tab.locator("tbody tr")
        .first.locator("td.macs .bar")
        .evaluate("bar => Number(bar.style.getPropertyValue('--share'))")
    )
    assert share == pytest.approx(240_000 / 416_520)
    tab.click("th.macs button")
    assert names(tab)[0] == "C1"


def test_the_keyboard_alone(opened, page):
    tab = ready(opened(page("resnet")))
    tab.keyboard.press("/")
    tab.keyboard.type("layer4.0.conv1")
    tab.keyboard.press("Enter")
    tab.keyboard.press("Escape")  # the search; what is chosen stays
    assert chosen(tab) == "conv1"
    tab.keyboard.press("ArrowDown")
    assert chosen(tab) == "bn1"
    tab.keyboard.press("ArrowLeft")  # to the block, which then folds
    assert chosen(tab) == "0"
    tab.keyboard.press("ArrowLeft")
    assert tab.locator("tr[aria-selected]").get_attribute("aria-expanded") == "false"
    tab.keyboard.press("ArrowRight")
    assert tab.locator("tr[aria-selected]").get_attribute("aria-expanded") == "true"
    tab.goto(tab.url.partition("#")[0] + "#fc")
    tab.keyboard.press("Escape")
    assert tab.locator("tr[aria-selected]").count() == 0


def test_enter_follows_the_data_and_escape_goes_back(opened, page):
    tab = ready(opened(page("lenet"), fragment="#S1"))
    for layer in ("C2", "R2", "S2"):
        tab.keyboard.press("Enter")
        assert chosen(tab) == layer
    tab.keyboard.press("Escape")
    assert chosen(tab) == "R2"


def test_paper_has_the_sizes_and_no_handles(opened, page):
    tab = ready(opened(page("letters"), dark=True))
    tab.emulate_media(media="print")
    assert tab.locator("input[type=number]").first.is_visible()
    assert not tab.locator("input[type=range]").first.is_visible()
    assert not tab.locator("#search").is_visible()


def test_arrows_move_along_the_diagram(opened, page):
    tab = ready(opened(page("lenet"), fragment="#C1"))
    tab.focus("#picture")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowDown")
    assert chosen(tab) == "C2"
    tab.keyboard.press("ArrowUp")
    assert chosen(tab) == "S1"


# ---- sizes that move ---------------------------------------------------------------------


def set_size(tab, letter: str, size: int) -> None:
    tab.fill(f"input[type=number][aria-label^='Size {letter}']", str(size))


@pytest.mark.parametrize(("n", "h", "w"), [(1, 33, 57), (3, 48, 31)])
def test_every_figure_is_what_a_run_at_that_size_gives(opened, page, n, h, w):
    tab = ready(opened(page("pyramid")))
    for letter, size in (("N", n), ("H", h), ("W", w)):
        set_size(tab, letter, size)
    real = cnnshape.inspect(Pyramid(), (n, 3, h, w), device="cpu")
    shapes = tab.locator("td.shapes").all_inner_texts()
    for said, layer in zip(shapes, real.layers[1:], strict=True):
        assert said.endswith("×".join(map(str, layer.output_shapes[0][1:])))
    assert f"{real.totals.macs:,} MACs" in tab.locator("#totals").inner_text()
    whole = tab.locator("tbody tr", has_text="stem").locator("td.activations .number").inner_text()
    stem = real.layer("stem").activation_bytes
    assert float(whole.split()[0]) == pytest.approx(stem / 1024, rel=0.01)
    tab.locator("tbody tr", has_text="pool").click()
    worked = tab.locator("#chosen .formulas .formula").all_inner_texts()[1:3]
    told = [text.strip() for text in real.layer("pool").check.substitution.split(";")]
    assert worked == [f"= {text}" for text in told]
    assert "×".join(map(str, real.layer("stem").output_shapes[0][1:])) in "".join(
        tab.locator("#picture svg text").all_text_contents()
    )


def test_what_the_model_refuses_is_marked_where_it_comes_from(opened, page):
    tab = ready(opened(page("letters")))
    assert tab.locator("#needs").is_hidden()
    set_size(tab, "H", 31)
    assert tab.locator("#needs").is_hidden()  # ⌊31/4⌋ = 7
    set_size(tab, "H", 32)
    said = tab.locator("#needs").inner_text()
    assert "needs 120·(⌊H/4⌋ − 6)·(⌊W/4⌋ − 6) = 120" in said
    assert "is 240" in said
    set_size(tab, "H", 20)
    assert "C3 needs ⌊H/4⌋ − 6 ≥ 1: ⌊H/4⌋ − 6 is −1" in tab.locator("#needs").inner_text()
    assert "C3" in tab.locator("tr.failed .name").all_inner_texts()
    assert "C3" in tab.locator("#picture .is-refused").first.text_content()
    assert "H from 28 to 31" in tab.locator(".letter").nth(1).text_content()


def test_expressions_are_read_as_python_reads_them(opened, page):
    draw = random.Random(15)

    def made(depth: int) -> str:
        if depth == 0:
            return draw.choice(["H", "W_in", str(draw.randint(1, 40))])
        a, b = made(depth - 1), made(draw.randint(0, depth - 1))
        kind = draw.choice(["+", "-", "*", "//", "%", "max", "min", "neg"])
        if kind in ("max", "min"):
            return f"{kind}({a}, {b})"
        if kind in ("//", "%"):
            return f"({a}){kind}{draw.randint(1, 9)}"
        return f"-({a})" if kind == "neg" else f"({a} {kind} {b})"

    texts = [made(draw.randint(1, 4)) for _ in range(400)]
    texts += ["H//4 - 6 >= 1", "2*H - W_in != 3", "H - 2*W_in - -3", "H % 7 == 0", "10 - 4 - 3"]
    letters = {"H": 37, "W_in": 52}
    expected = [int(eval(text, {"max": max, "min": min}, letters)) for text in texts]
    tab = opened(page("lenet"))
    found = tab.evaluate(
        "async ([texts, letters]) => {"
        "  const { compile } = await import('page/expression.js');"
        "  return texts.map((text) => compile(text)(letters)); }",
        [texts, letters],
    )
    assert [text for text, a, b in zip(texts, expected, found, strict=True) if a != b] == []


# ---- a model that fails, small windows, those who cannot see -----------------------------


def test_a_failing_model_says_why_and_what_to_change(opened, page):
    tab = ready(opened(page("wrong")))
    said = tab.locator("#failure").inner_text()
    assert "fc1 expects 100 features, but 288 arrive: 8 channels × 6 × 6 after flatten" in said
    assert "fc1 = nn.Linear(in_features=288, out_features=10)" in said
    assert "tried, runs" in said
    assert chosen(tab) == "fc1"
    assert tab.locator("tr.failed .name").inner_text() == "fc1"
    tab.click(".derivation a:has-text('conv1')")
    assert chosen(tab) == "conv1"


def test_on_a_phone_table_layer_and_diagram_follow_each_other(opened, page):
    tab = ready(opened(page("letters"), width=350, height=800, fragment="#C2"))
    tops = [tab.locator(f"#{one}").bounding_box()["y"] for one in ("table", "chosen", "diagram")]
    assert tops == sorted(tops)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 350


@pytest.mark.parametrize(("name", "dark"), [("letters", False), ("wrong", True), ("resnet", True)])
def test_nothing_serious_is_wrong_for_those_who_cannot_see(opened, accessible, page, name, dark):
    tab = ready(opened(page(name), dark=dark))
    tab.locator("tbody tr").nth(1).click()
    accessible(tab)


def test_a_failing_model_is_read_from_the_top(opened):
    """On a phone the reason stands first; the browser would scroll to the layer in the picture."""
    net = nn.Sequential(nn.Conv2d(3, 6, 5), nn.Flatten(), nn.Linear(100, 10))
    report = cnnshape.inspect(net, (1, 3, 32, 32))
    tab = opened(report.to_text("html"), width=400)
    tab.wait_for_load_state("load")
    tab.wait_for_timeout(300)
    assert tab.evaluate("[scrollY, location.hash]") == [0, "#2"]
