"""The picture of a formula: what is in it, and that all of it is on the page."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cnnshape.errors import UsageError
from cnnshape.formulas.size_evaluation import configured
from cnnshape.formulas.windows import AxisWindows
from cnnshape.rendering.formula_picture.asked import asked
from cnnshape.rendering.formula_picture.ink import width_of
from cnnshape.rendering.formula_picture.picture import FormulaPicture, formula_picture
from cnnshape.rendering.formula_picture.roles import remarks
from cnnshape.rendering.formula_picture.ruler import lanes, ruler
from cnnshape.rendering.palette import THEMES, ThemeName

SKETCH = {"input": 8, "kernel": 3, "padding": 1, "stride": 2}
CASES: dict[str, tuple[str, bool, dict[str, object]]] = {
    "sketch": ("conv", False, SKETCH),
    "dilated": ("conv", False, {"input": 11, "kernel": 3, "dilation": 2}),
    "same": ("conv", False, {"input": 6, "kernel": 4, "padding": "same"}),
    "large": ("conv", False, {"input": 224, "kernel": 7, "padding": 3, "stride": 2}),
    "large kernel": ("conv", False, {"input": 224, "kernel": 50}),
    "huge": ("conv", False, {"input": 10**9, "kernel": 3}),
    "misfit": ("conv", False, {"input": 5, "kernel": 9, "padding": 1}),
    "large misfit": ("conv", False, {"input": 5, "kernel": 900}),
    "transposed": ("conv_transpose", False, {**SKETCH, "output_padding": 1}),
    "all cut away": ("conv_transpose", False, {"input": 2, "kernel": 3, "padding": 3}),
    "ceil mode": ("max_pool", True, {"input": 7, "kernel": 2}),
    "adaptive": ("adaptive_pool", False, {"input": 7, "output": 3}),
    "adaptive up": ("adaptive_pool", False, {"input": 3, "output": 100}),
    "adaptive to nothing": ("adaptive_pool", False, {"input": 3, "output": 0}),
    "unpooled": ("max_unpool", False, {"input": 3, "kernel": 2}),
    "fold": ("fold", False, SKETCH),
    "two axes": ("conv", False, {**SKETCH, "input": (8, 10)}),
    "two large axes": ("conv", False, {"input": (224, 300), "kernel": 7, "stride": 2}),
    "two axes, one misfit": ("conv", False, {"input": (5, 12), "kernel": 7}),
    "two axes transposed": ("conv_transpose", False, {**SKETCH, "input": (3, 4)}),
    "two axes adaptive": ("adaptive_pool", False, {"input": (7, 9), "output": (3, 4)}),
}


def draw(name: str, theme: ThemeName = "light") -> FormulaPicture:
    kind, ceil_mode, given = CASES[name]
    named, rows = configured(kind, given, ceil_mode=ceil_mode)
    return formula_picture(named, rows, theme=theme)


def texts(picture: FormulaPicture) -> list[str]:
    return [mark.text for mark in picture.marks if mark.kind == "text"]


@pytest.mark.parametrize("name", CASES)
def test_everything_is_on_the_page(name):
    picture = draw(name)
    for mark in picture.marks:
        left, right = min(mark.x, mark.x + mark.w), max(mark.x, mark.x + mark.w)
        if mark.kind == "text":
            share = {"start": 0.0, "middle": 0.5, "end": 1.0}[mark.anchor]
            left = mark.x - width_of(mark) * share
            right = left + width_of(mark)
        assert left >= 0
        assert right <= picture.width
        assert 0 <= mark.y <= picture.height
    assert picture.width < 1500
    assert picture.height < 900


@pytest.mark.parametrize("name", ["sketch", "large", "two axes", "misfit"])
def test_it_is_written_in_each_format_and_theme(name):
    for theme in THEMES:
        picture = draw(name, theme)
        assert picture.render("svg").startswith(b"<?xml")
        assert THEMES[theme].page.encode() in picture.render("svg")
    assert draw(name).render("png").startswith(b"\x89PNG")


def test_the_sketch_has_its_cells_windows_and_outputs():
    picture = draw("sketch")
    failing = THEMES["light"].failing
    red = [mark for mark in picture.marks if mark.kind == "rect" and mark.fill == failing.fill]
    assert len(red) == 1
    light = THEMES["light"]
    blue = [m for m in picture.marks if m.fill == light.style("convolution").fill]
    bars = [m for m in picture.marks if m.fill == light.style("pooling").line]
    outputs = [m for m in picture.marks if m.fill == light.style("pooling").fill]
    assert (len(blue), len(bars), len(outputs)) == (8, 4, 4)
    # The window of three cells is as wide as these, and its output stands beneath its middle.
    for bar, output in zip(bars, outputs, strict=True):
        assert bar.w == 3 * 36 - 3
        assert output.x + output.w / 2 == pytest.approx(bar.x + bar.w / 2)
    assert "1 left over: the floor rounds it away" in texts(picture)
    assert "= ⌊(8 + 2·1 − 1·(3 − 1) − 1)/2⌋ + 1 = 4" in texts(picture)
    assert "input 8, kernel 3, stride 2, padding 1, dilation 1" in texts(picture)


def test_what_is_left_out_is_counted():
    words = texts(draw("large"))
    # 224 and two paddings of 3 are 230 positions, 27 of them are shown.
    assert "203 more" in words
    shown = [int(text) for text in words if text.isdigit()]
    assert max(shown) == 223
    assert {0, 111} < set(shown)


def test_a_kernel_too_large_is_shown_beyond_the_row():
    picture = draw("misfit")
    assert picture.reason == "kernel 9 does not fit into 5 + 2·1"
    assert "the kernel spans 9, the padded input has 7" in texts(picture)
    bad = THEMES["light"].failing.line
    (bar,) = [mark for mark in picture.marks if mark.fill == bad and mark.kind == "rect"]
    assert bar.w == 9 * 36 - 3
    missing = [mark for mark in picture.marks if mark.line == bad and mark.kind == "rect"]
    assert len(missing) == 2


def test_windows_in_one_line_never_touch():
    for axis in (
        AxisWindows(False, 28, 28, 1, 5, 1, 2, 2),
        AxisWindows(False, 9, 20, adaptive=True),
    ):
        places = ruler(axis.row, 36)
        shown = lanes(axis, places)
        for lane in range(shown.count):
            mine = [
                axis.window(index)
                for index, its in zip(shown.windows, shown.lanes, strict=True)
                if its == lane
            ]
            assert all(a.stop <= b.start for a, b in pairwise(mine))


def test_what_is_said_of_a_row():
    cut = AxisWindows(True, 8, 4, 2, 3, 1, 1, 0, 1)
    assert remarks(cut, "conv_transpose", ceil_mode=False) == [
        ("padding cuts 1 away at the start", True),
        ("output_padding adds 1 at the end", False),
    ]
    over = AxisWindows(False, 7, 4, 2, 2)
    assert remarks(over, "max_pool", ceil_mode=True) == [
        ("1 place beyond the edge: ceil_mode lets the last window go on", False)
    ]


def test_a_formula_by_hand_is_drawn_where_it_is_wrong():
    drawn = asked("conv", "(W - F + 2P)/S + 1", {})
    assert drawn.rows == [{"input": 3, "kernel": 2, "stride": 1, "padding": 0, "dilation": 2}]
    words = texts(drawn.picture("light"))
    assert "(W − F + 2P)/S + 1 = 2" in words
    assert "conditional: right when dilation=1, once it is rounded down" in words
    assert not drawn.ok


def test_an_unrounded_formula_is_drawn_where_it_is_a_fraction():
    drawn = asked("conv", "(W - F + 2P)/S + 1", {"dilation": 1})
    # The smallest: an input of 2, a kernel of 1, a stride of 2, (2 - 1)/2 + 1.
    assert drawn.rows == [{"input": 2, "kernel": 1, "stride": 2, "padding": 0, "dilation": 1}]
    assert "(W − F + 2P)/S + 1 = 1.5" in texts(drawn.picture("light"))


def test_an_exact_formula_is_drawn_on_an_example():
    drawn = asked("max_pool", "floor((W + 2P - D(F - 1) - 1)/S) + 1", {})
    assert drawn.ok
    assert drawn.rows[0]["input"] == 7


def test_what_cannot_be_drawn():
    with pytest.raises(UsageError, match="linear has no windows to draw"):
        asked("linear", None, {"input": 4, "output": 2})
    with pytest.raises(UsageError, match="one axis or two, not 3"):
        asked("conv", None, {"input": (5, 5, 5), "kernel": 3}).picture("light")
    with pytest.raises(UsageError, match="one of the padding is judged without -o"):
        asked("conv", "padding = kernel // 2", {})
