"""The page of a size formula: numbers, windows, formula and judgement follow one another."""

from __future__ import annotations

import random

import pytest

from cnnshape.rendering.formula_picture.asked import asked
from cnnshape.rendering.page.formula_page import formula_page

SKETCH = {"input": 8, "kernel": 3, "stride": 2, "padding": 1}


@pytest.fixture
def sketch():
    return formula_page(asked("conv", None, SKETCH))


def number(tab, name):
    return tab.get_by_label(name, exact=True)


def words(tab, name):
    return tab.locator(f"#{name}").inner_text()


def count(tab, look):
    return tab.locator(f"#picture {look}").count()


def test_it_shows_what_was_asked_for(opened, accessible, sketch):
    tab = opened(sketch)
    assert words(tab, "substitution") == "= ⌊(8 + 2·1 − 1·(3 − 1) − 1)/2⌋ + 1 = 4"
    assert count(tab, ".cell.element") == 8
    assert count(tab, ".cell.padding") == 1
    assert count(tab, ".cell.left-over") == 1
    assert count(tab, ".other") == count(tab, ".window") == 4
    assert words(tab, "remarks") == "1 left over: the floor rounds it away"
    assert words(tab, "told") == "Window 1 of 4 reads −1, 0, 1."
    assert words(tab, "sum") == "y₀ = w₁x₀ + w₂x₁"
    accessible(tab)


def test_numbers_move_and_all_follows(opened, sketch):
    tab = opened(sketch)
    number(tab, "stride").fill("1")
    assert words(tab, "substitution").endswith("/1⌋ + 1 = 8")
    assert count(tab, ".window") == 8
    assert count(tab, ".left-over") == 0
    number(tab, "input, slider").fill("5")
    assert number(tab, "input").input_value() == "5"
    assert count(tab, ".cell.element") == 5
    number(tab, "kernel").fill("9")
    assert "9 − 1) + 1 ≤ 5 + 2·1 does not hold" in words(tab, "impossible")
    assert words(tab, "remarks") == "the kernel spans 9, the padded input has 7"
    assert count(tab, ".cell.missing") == 2
    assert "kernel=9" in tab.url


def test_the_kernel_steps_by_key_button_and_choice(opened, sketch):
    tab = opened(sketch)
    tab.keyboard.press("ArrowRight")
    assert words(tab, "told") == "Window 2 of 4 reads 1, 2, 3."
    assert words(tab, "sum") == "y₁ = w₀x₁ + w₁x₂ + w₂x₃"
    assert count(tab, ".cell.read") == 3
    tab.keyboard.press("End")
    assert words(tab, "told").startswith("Window 4 of 4")
    tab.keyboard.press("ArrowRight")
    assert words(tab, "told").startswith("Window 1 of 4")
    tab.get_by_label("one window back").click()
    assert words(tab, "told").startswith("Window 4 of 4")
    tab.locator("#picture .other").nth(2).click()
    assert words(tab, "told").startswith("Window 3 of 4")
    # In a field the arrows belong to the field.
    number(tab, "input").focus()
    tab.keyboard.press("ArrowUp")
    assert number(tab, "input").input_value() == "9"
    assert words(tab, "told").startswith("Window 3 of")


def test_it_plays_by_itself_until_it_is_stopped(opened, sketch):
    tab = opened(sketch)
    tab.keyboard.press(" ")
    assert words(tab, "play") == "❚❚ pause"
    tab.get_by_text("Window 2 of 4").wait_for()
    tab.keyboard.press("Escape")
    assert words(tab, "play") == "▶ play"


def test_a_formula_by_hand_is_judged_with_the_picture_of_where_it_differs(
    opened, accessible, sketch
):
    tab = opened(sketch)
    tab.get_by_label("Judged beside it").fill("(W - F + 2P)/S + 1")
    judged = tab.locator("#judged")
    judged.get_by_text("conditional").wait_for()
    text = judged.inner_text()
    assert "= 4.5" in text
    assert "with these numbers, a fraction; the layer gives 4" in text
    assert "right when dilation=1, once it is rounded down" in text
    assert (
        "input 3, kernel 2, stride 1, padding 0, dilation 2: the formula gives 2, the layer gives 1"
        in text
    )
    assert judged.locator("svg .cell").count() == 3
    accessible(tab)
    judged.get_by_text("look at it").click()
    assert words(tab, "told") == "Window 1 of 1 reads 0, 2."
    tab.get_by_label("Judged beside it").fill("(W - F")
    judged.get_by_text("this bracket is never closed").wait_for()
    assert judged.locator("mark").inner_text() == "("
    tab.get_by_label("Judged beside it").fill("padding = F // 2")
    judged.get_by_text("a rule for the padding is judged by the command line").wait_for()


def test_it_begins_with_the_formula_that_was_judged(opened):
    tab = opened(formula_page(asked("conv", "W - F + 1", {})))
    tab.locator("#judged").get_by_text("conditional").wait_for()
    assert "the picture here" in tab.locator("#judged").inner_text()


def test_two_axes(opened, accessible):
    page = formula_page(asked("conv", None, {**SKETCH, "input": (8, 10)}))
    tab = opened(page, dark=True)
    assert count(tab, ".other") == 4 * 5
    assert count(tab, ".cell") == 10 * 12
    for _ in range(6):
        tab.keyboard.press("ArrowRight")
    assert words(tab, "told") == "Window 7 of 20 reads rows 1, 2, 3; columns 1, 2, 3."
    assert count(tab, ".cell.read") == 9
    accessible(tab)
    tab.get_by_label("two axes").uncheck()
    assert count(tab, ".other") == 4


def test_other_kinds(opened, accessible, sketch):
    tab = opened(sketch, dark=True)
    kind = tab.get_by_label("Kind of layer")
    kind.select_option("conv_transpose")
    number(tab, "output padding").fill("1")
    # (8 − 1)·2 − 2·1 + (3 − 1) + 1 + 1
    assert words(tab, "substitution").endswith("= 16")
    assert count(tab, ".cell.added") == 1
    accessible(tab)
    kind.select_option("max_pool")
    number(tab, "padding").fill("0")
    assert count(tab, ".other") == 3
    tab.get_by_label("ceil_mode").check()
    assert count(tab, ".other") == 4
    assert count(tab, ".cell.beyond") == 1
    kind.select_option("adaptive_pool")
    number(tab, "output").fill("3")
    assert words(tab, "told") == "Window 1 of 3 reads 0, 1, 2."
    kind.select_option("conv")
    tab.get_by_label("padding same").check()
    assert words(tab, "substitution").endswith("= 8")


def test_large_sizes_leave_out_the_middle(opened):
    address = "#rule=conv&input=224&kernel=7&stride=2&padding=3&dilation=1"
    tab = opened(formula_page(asked("conv", None, {})), fragment=address)
    assert words(tab, "substitution").endswith("= 112")
    assert 15 < count(tab, ".cell") < 60
    number(tab, "window").fill("56")
    assert words(tab, "told") == "Window 57 of 112 reads 109 to 115."
    assert count(tab, ".cell.read") == 7
    assert count(tab, ".other.chosen") == 1


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone(opened, accessible, sketch, dark):
    tab = opened(sketch, width=400, height=800, dark=dark)
    assert tab.evaluate("document.documentElement.scrollWidth") == 400
    number(tab, "input").fill("64")
    assert tab.evaluate("document.documentElement.scrollWidth") == 400
    accessible(tab)


def test_the_still_picture_stands_in_where_scripts_are_off(opened, sketch):
    tab = opened(sketch, scripts=False)
    assert "left over: the floor rounds it away" in tab.locator("main").inner_text()
    assert tab.locator("#controls").is_hidden()


def test_a_hostile_address_is_taken_for_what_it_is(opened, sketch):
    address = "#rule=conv&input=9999999&kernel=<b>&formula=<img src=x onerror=alert(1)>"
    tab = opened(sketch, fragment=address)
    tab.locator("#judged .wrong").wait_for()
    assert tab.locator("#judged img").count() == 0
    assert number(tab, "input").input_value() == "1000000"


KINDS = (
    "conv", "conv same", "conv_transpose", "max_pool", "max_pool ceil_mode", "avg_pool",
    "lp_pool ceil_mode", "adaptive_pool", "max_unpool", "unfold", "fold",
)  # fmt: skip
ROLES = ("input", "kernel", "stride", "padding", "dilation", "output_padding", "output")
#: Chooses an address, goes to the last window, and says how far the picture reaches over its edge.
LOOK = """async (address) => {
    location.hash = address;
    await new Promise((done) => setTimeout(done, 15));
    document.dispatchEvent(new KeyboardEvent("keydown", {key: "End"}));
    const svg = document.querySelector("#picture svg");
    const [box, page] = [svg.getBBox(), svg.viewBox.baseVal];
    const [right, bottom] = [box.x + box.width - page.width, box.y + box.height - page.height];
    const over = Math.max(-box.x, -box.y, right, bottom);
    return [over, document.documentElement.scrollWidth - innerWidth, svg.outerHTML.includes("NaN")];
}"""


@pytest.mark.parametrize("width", [400, 1200])
def test_any_numbers_are_drawn_on_the_page(opened, sketch, width):
    draw = random.Random(width)
    tab = opened(sketch, width=width)
    for place in range(22):
        sides = 2 if draw.random() < 0.3 else 1
        numbers = {role: [draw.randint(0, 9) for _ in range(sides)] for role in ROLES}
        numbers[draw.choice(ROLES)] = [draw.randint(10, 100_000)] * sides
        given = "&".join(f"{role}={'x'.join(map(str, sizes))}" for role, sizes in numbers.items())
        over, wide, broken = tab.evaluate(LOOK, f"#rule={KINDS[place % len(KINDS)]}&{given}")
        assert over < 1, given
        assert (wide, broken) == (0, False), given
