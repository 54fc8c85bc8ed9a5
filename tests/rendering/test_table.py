"""The table: it fits, numbers stay whole, names cannot break out, colours are readable."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnshape.analysis.report import ErrorReport, Report
from cnnshape.errors import UsageError
from cnnshape.rendering.palette import DARK, LIGHT, TERMINAL, TEXT_STYLES, kind_of
from cnnshape.rendering.report import report_text
from cnnshape.rendering.row import TableOptions
from cnnshape.rendering.styled_text import cells
from tests.rendering import report_builder as build
from tests.rendering.report_builder import Net, conv, to_text

REPORTS: dict[str, Callable[[], Report]] = {
    "lenet": build.lenet,
    "resnet": build.resnet_like,
    "failing": lambda: build.failing(diagnosed=True),
    "tangle": build.tangle,
    "symbolic": build.symbolic,
    "long": lambda: build.long_net(20),
}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("name", REPORTS)
def test_no_line_is_wider_than_the_terminal_from_sixty_columns_on(name: str) -> None:
    report = REPORTS[name]()
    for width in range(60, 141):
        text = to_text(report, width=width)
        widest = max(text.splitlines(), key=cells)
        assert cells(widest) <= width, f"{cells(widest)} cells at width {width}: {widest!r}"


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [60, 72, 80, 100, 120])
def test_numbers_are_whole_or_have_a_prefix_and_are_never_cut(name: str, width: int) -> None:
    """Every group of digits with commas in a narrow table is one of the wide table's."""
    wide = set(re.findall(r"\d[\d,]*", to_text(REPORTS[name]())))
    grouped = re.findall(r"\d{1,3}(?:,\d{3})+", to_text(REPORTS[name](), width=width))
    assert grouped
    assert set(grouped) <= wide


def test_without_a_width_nothing_is_left_out() -> None:
    text = to_text(build.resnet_like())
    assert "in → out" in text
    assert "kernel  stride  pad" in text
    assert "115,605,504" in text
    assert "…" not in text.replace("1 … 3", "")


def test_lenet_at_eighty_columns_keeps_both_shapes_and_exact_counts() -> None:
    line = next(x for x in to_text(build.lenet(), width=80).splitlines() if " C2 " in x)
    assert line.split() == [
        *("C2", "Conv2d", "6×14×14", "→", "16×10×10", "5", "1", "0", "2,416", "240,000", "✓")
    ]


def test_no_class_name_is_shortened_where_there_is_room_for_it() -> None:
    """Giving up a column makes more room than was missing; the names get it back."""
    shape = (1, 1280, 56, 56)
    net = Net("Net", shape)
    net.leaf("a", "InvertedResidualBottleneck", shape, (1, 640, 56, 56), params=1_234_567)
    net.leaf("b", "ReLU", (1, 640, 56, 56), (1, 640, 56, 56))
    report = net.report()
    cut_at = []
    for width in range(50, 100):
        text = to_text(report, width=width).splitlines()
        lines = text[text.index("") + 1 : -2]
        if any("Inverted" in line and "…" in line for line in lines):
            cut_at.append(width)
            missing = len("InvertedResidualBottleneck") - len(lines[1].split()[1])
            assert max(map(cells, lines)) + missing > width, "\n".join(lines)
    assert cut_at


def test_a_resnet_shows_both_shapes_at_eighty_columns() -> None:
    lines = to_text(build.resnet_like(), width=80).splitlines()
    assert "in → out" in next(line for line in lines if line.strip().startswith("layer"))
    assert any("32×112×112 → 32×56×56" in line for line in lines)
    assert not any("…" in line.replace("1 … 3", "") for line in lines)


def test_a_recursion_without_end_shows_two_levels_and_counts_the_rest() -> None:
    shape = (1, 4)
    net = Net("R", shape)
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(net.inside("", "R", shape, None))
        net.leaf("fc", "Linear", shape, shape, params=20)
    error = ErrorReport("", "R", None, "too deep", "RecursionError", call=100)
    report = net.report(error=error)
    text = to_text(report, width=80)
    assert "(model) (3rd call, 98 more inside)" in text
    assert "(4th call)" not in text
    assert sum(line.startswith("✗ ") for line in text.splitlines()) == 1
    assert report_text(report, "csv").count("\n") > 100


def test_arrows_stand_above_each_other() -> None:
    lines = [x for x in to_text(build.lenet()).splitlines()[2:] if "→" in x]
    assert len({line.index("→") for line in lines}) == 1
    assert "in → out" in lines[0]


def test_asked_for_columns_stay_in_their_order_however_narrow() -> None:
    options = TableOptions(columns=("macs", "layer", "check", "output"))
    for width in (40, 60, 200):
        lines = to_text(build.lenet(), options, width=width).splitlines()
        title = next(line for line in lines if "layer" in line)
        assert title.split() == ["MACs", "layer", "size", "out"]


def test_columns_that_no_row_needs_are_left_out() -> None:
    net = Net("MLP", (1, 8), outputs=(1, 2))
    net.leaf("fc", "Linear", (1, 8), (1, 2), params=18, macs=16)
    title = to_text(net.report()).splitlines()[2]
    assert title.split() == ["layer", "type", "in", "→", "out", "params", "MACs", "size"]


def test_dilation_and_groups_appear_where_a_layer_has_them() -> None:
    assert "dil  groups" in to_text(build.tangle())
    assert "dil" not in to_text(build.lenet())


def test_the_batch_is_hidden_where_it_never_changes_and_shown_where_it_does() -> None:
    assert "  1×28×28 → 6×28×28 " in to_text(build.lenet(batch=7))
    assert "input x 7×1×28×28 float32" in to_text(build.lenet(batch=7))
    net = Net("Windows", (2, 8, 4, 4), outputs=(2, 8))
    net.op("view", (2, 8, 4, 4), (8, 8, 2, 2))
    assert "2×8×4×4 → 8×8×2×2" in to_text(net.report())


def test_an_unbatched_picture_keeps_its_channels() -> None:
    net = Net("Net", (3, 8, 8), outputs=(3, 8, 8))
    net.leaf("conv", "Conv2d", (3, 8, 8), (3, 8, 8), config=conv(3, 1, 1))
    assert " 3×8×8 " in to_text(net.report()).splitlines()[3] + " "


def test_what_is_unknown_says_so_and_nothing_says_nothing() -> None:
    odd = next(x for x in to_text(build.tangle()).splitlines() if " odd " in x)
    assert odd.split()[-2:] == ["?", "?"]  # MACs unknown, size not covered
    assert "MACs unknown" in to_text(build.tangle())
    assert "? 1 layer changes the size and no rule covers it" in to_text(build.tangle())


def test_a_mismatch_shows_both_sizes_and_the_substitution() -> None:
    net = Net("Net", (1, 8, 7, 7), outputs=(1, 8, 4, 4))
    wrong = build.mismatch((1, 8, 3, 3), "⌊(7 − 2)/2⌋ + 1 = 3", note="ceil_mode was ignored")
    net.leaf("pool", "MaxPool2d", (1, 8, 7, 7), (1, 8, 4, 4), check=wrong)
    text = to_text(net.report())
    assert "✗ pool MaxPool2d should give 8×3×3 by its rule, got 8×4×4" in text
    assert "ceil_mode was ignored" in text
    assert "⌊(7 − 2)/2⌋ + 1 = 3" in text
    assert "✗ 1 size of 1 differs from the formula" in text


def test_the_footer_says_how_much_is_trainable_and_why_it_ran_there() -> None:
    from dataclasses import replace

    report = build.lenet()
    totals = replace(report.totals, trainable_params=850)
    text = to_text(replace(report, totals=totals, device="cuda:0", seconds=2.5, mode="train"))
    assert "61,706 parameters (241 KiB) · 850 of them trainable" in text
    assert "run on CUDA:0, 2.5 s (a small model runs for real)" in text
    assert "in training mode" in text


def test_unknown_columns_name_the_nearest_and_all_others() -> None:
    with pytest.raises(UsageError, match=r"no column 'parms'; did you mean params\? There are lay"):
        to_text(build.lenet(), TableOptions(columns=("layer", "parms")))
    with pytest.raises(UsageError, match=r"no column 'zzz'; there are layer, type, input, output"):
        to_text(build.lenet(), TableOptions(sort="zzz"))


def test_sorting_gives_a_flat_list_with_the_largest_first() -> None:
    text = to_text(build.resnet_like(), TableOptions(sort="params"))
    names = [line.split()[0] for line in text.splitlines()[3:7]]
    assert names == ["fc", "layer1.1.conv", "layer1.2.conv", "layer1.3.conv"]
    assert "├" not in text
    words = to_text(build.lenet(), TableOptions(sort="type")).splitlines()[3:6]
    assert [line.split()[1] for line in words] == ["Conv2d", "Conv2d", "Conv2d"]


def hostile(name: str) -> Report:
    net = Net(name, (1, 8), outputs=(1, 8), spec=f"{name}.py")
    net.leaf(name.replace(".", "_"), name, (1, 8), (1, 8), params=72)
    return net.report()


@pytest.mark.parametrize("name", ["[bold]x[/bold]", "a\x1b[31mb", "line\nbreak", "卷积层", "<b>&"])
def test_names_are_shown_literally(name: str) -> None:
    text = to_text(hostile(name))
    colored = to_text(hostile(name), color=True)
    assert ANSI.sub("", colored) == text
    assert "\x1b[31m" not in text
    assert len(text.splitlines()) == len(to_text(hostile("plain")).splitlines())
    if name.isprintable():
        assert name in text
    assert "<b>" not in hostile(name)._repr_mimebundle_()["text/html"]


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=30), st.integers(60, 120))
def test_no_name_breaks_the_layout(name: str, width: int) -> None:
    lines = to_text(hostile(name), width=width).splitlines()
    assert len(lines) >= 6
    table = [line for line in lines[2:] if line.strip()]
    assert all(cells(line) <= width for line in table)


def test_colour_changes_nothing_but_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    colored = to_text(build.resnet_like(), width=100, color=True)
    assert ANSI.sub("", colored) == to_text(build.resnet_like(), width=100)
    assert "38;2;55;120;188m" in colored  # a convolution's blue, #3778bc


def test_rich_prints_it_at_its_own_width() -> None:
    import io

    from rich.console import Console

    for width in (80, 120):
        buffer = io.StringIO()
        Console(file=buffer, width=width).print(build.resnet_like())
        shown = [line.rstrip() for line in buffer.getvalue().splitlines()]
        assert shown == to_text(build.resnet_like(), width=width).splitlines()


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_measured_as_wcag_does() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("color", sorted({s.color for s in TEXT_STYLES.values() if s.color}))
def test_terminal_colours_can_be_read_on_white_and_on_black(color: str) -> None:
    assert contrast(color, "#ffffff") >= 4.5
    assert contrast(color, "#000000") >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_on_every_surface_of_the_diagrams_reaches_aa(theme) -> None:
    assert set(theme) == set(TERMINAL)
    for style in theme.values():
        assert contrast(style.text, style.fill) >= 4.5


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ("Conv1d Conv3d ConvTranspose2d LazyConv2d conv2d conv_transpose1d", "convolution"),
        ("MaxPool2d AdaptiveAvgPool1d LPPool2d FractionalMaxPool3d avg_pool2d", "pooling"),
        ("Linear LazyLinear Bilinear MultiheadAttention matmul bmm einsum linear", "linear"),
        ("scaled_dot_product_attention LSTM GRU Embedding", "linear"),
        ("BatchNorm2d LayerNorm GroupNorm SyncBatchNorm LocalResponseNorm layer_norm", "norm"),
        ("ReLU GELU SiLU Hardswish Sigmoid Softmax LeakyReLU Dropout2d relu dropout", "activation"),
        ("Flatten view permute Upsample PixelShuffle ZeroPad2d interpolate getitem Fold", "shape"),
        ("add cat mul stack", "merge"),
        ("Sequential ModuleList ModuleDict", "container"),
        ("Bottleneck Net Mystery", "other"),
    ],
)
def test_kinds(names: str, kind: str) -> None:
    assert {name: kind_of(name) for name in names.split()} == dict.fromkeys(names.split(), kind)
