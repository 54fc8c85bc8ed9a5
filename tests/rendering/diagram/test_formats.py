"""What comes out: DOT byte for byte, SVG for everyone, PNG at twice the size, Mermaid, PDF."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import graphviz
import pytest
from torch import nn

from cnnshape.errors import OutputError, UsageError
from cnnshape.models.lenet import LeNet
from cnnshape.rendering.diagram import Drawing, draw_options, draw_report
from cnnshape.rendering.palette import THEMES
from tests.rendering.diagram.models import (
    Broken,
    Hostile,
    Residual,
    Silent,
    Tower,
    TwoHeads,
    UNet,
    report_of,
)

GOLDEN = Path(__file__).parent / "golden"
SVG = "{http://www.w3.org/2000/svg}"


def lenet(**options) -> Drawing:
    return draw_report(report_of(LeNet(), (1, 1, 28, 28)), draw_options(**options))


def parsed(drawing: Drawing) -> ET.Element:
    return ET.fromstring(drawing.svg())


def texts(root: ET.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", ["lenet.dot", "lenet.mmd", "lenet-tree.mmd", "tower.dot"])
def test_golden_files(name: str):
    options = {"style": "tree"} if "tree" in name else {}
    if name.startswith("tower"):
        drawing = draw_report(report_of(Tower(3), (1, 3, 8, 8)))
    else:
        drawing = lenet(**options)
    text = drawing.render_as(name.rpartition(".")[2]).decode("utf-8")
    if os.environ.get("CNNSHAPE_UPDATE_GOLDEN"):
        (GOLDEN / name).write_text(text, encoding="utf-8", newline="\n")
    assert text == (GOLDEN / name).read_text(encoding="utf-8")


def test_the_same_model_gives_the_same_dot_in_every_process():
    program = (
        "import torch; from tests.rendering.diagram.models import UNet, report_of\n"
        "from cnnshape.rendering.diagram import draw_report\n"
        "print(draw_report(report_of(UNet(), (1, 3, 16, 16))).source)"
    )
    environment = {"PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    other = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    assert other.stdout == draw_report(report_of(UNet(), (1, 3, 16, 16))).source + "\n"


# ---- SVG -----------------------------------------------------------------------------------


def test_svg_says_what_it_shows():
    root = parsed(lenet())
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "title desc"
    assert [(e.tag, e.get("id")) for e in list(root)[:2]] == [
        (f"{SVG}title", "title"), (f"{SVG}desc", "desc"),
    ]  # fmt: skip
    assert root[0].text == "Architecture of LeNet"
    assert root[1].text == (
        "LeNet takes x 1×1×28×28 and gives 1×10. 11 module calls, 61,706 parameters."
    )


def test_svg_has_text_as_text_and_stable_ids():
    root = parsed(lenet())
    assert {"C1", "156", "Conv2d 5×5, 1→6, pad 2", "R1 ReLU", "6×28×28"} <= set(texts(root))
    groups = {group.get("id"): group for group in root.iter(f"{SVG}g") if group.get("id")}
    assert {"input/x", "C1", "S1", "C2", "S2", "C3", "F4", "OUT", "output"} <= set(groups)
    assert "convolution" in (groups["C1"].get("class") or "")


def test_svg_has_tooltips_and_no_links():
    root = parsed(lenet())
    (c1,) = [group for group in root.iter(f"{SVG}g") if group.get("id") == "C1"]
    title = c1.find(f"{SVG}title")
    assert title is not None
    assert (title.text or "").startswith("C1: Conv2d 5×5, 1→6, pad 2\n  1×1×28×28 → 1×6×28×28\n")
    assert "⌊(28 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1 = 28" in (title.text or "")
    assert list(root.iter(f"{SVG}a")) == []


def test_svg_text_keeps_its_width_in_any_font():
    for text in parsed(lenet()).iter(f"{SVG}text"):
        assert float(text.get("textLength", "0")) > 0
        assert text.get("lengthAdjust") == "spacingAndGlyphs"


@pytest.mark.parametrize("style", ["graph", "blocks", "tree"])
def test_hostile_names_are_drawn_literally(style: str):
    options = draw_options(style=style, expand=True)
    drawing = draw_report(report_of(Hostile(), (1, 3, 4, 4)), options)
    shown = "\n".join(texts(parsed(drawing)))
    for name in Hostile.NAMES:
        assert name.replace("\n", "\\n") in shown
    assert drawing.render_as("png").startswith(b"\x89PNG")


def test_a_failing_layer_is_red_and_the_last():
    drawing = draw_report(report_of(Broken(), (1, 1, 28, 28)))
    root = parsed(drawing)
    groups = [g for g in root.iter(f"{SVG}g") if "node" in (g.get("class") or "")]
    red = [g.get("id") for g in groups if THEMES["light"].failing.fill in ET.tostring(g, "unicode")]
    assert red == ["fc"]
    assert "output" not in {group.get("id") for group in groups}
    assert "fails at fc" in (root[1].text or "")


def test_a_model_that_returns_no_tensor():
    drawing = draw_report(report_of(Silent(), (1, 3, 8, 8)))
    assert "gives no tensor" in (parsed(drawing)[1].text or "")
    assert drawing.notes == ("the model returned no tensor: the picture has no output",)


def test_several_outputs_have_a_pill_each():
    shown = texts(parsed(draw_report(report_of(TwoHeads(), (1, 6)))))
    assert {"score", "box", "1", "4"} <= set(shown)


def test_show_nothing():
    shown = texts(parsed(lenet(show="")))
    assert "156" not in shown
    assert not any("×28" in text for text in shown)


# ---- PNG, PDF, Mermaid ---------------------------------------------------------------------


def test_png_has_twice_the_usual_resolution():
    drawing = lenet()
    root = parsed(drawing)
    width = float((root.get("width") or "").removesuffix("pt"))
    pixels = struct.unpack(">II", drawing.render_as("png")[16:24])
    assert pixels[0] == pytest.approx(width / 72 * 192, abs=3)


def test_pdf():
    assert lenet().render_as("pdf").startswith(b"%PDF")


@pytest.mark.parametrize("style", ["graph", "blocks", "tree"])
@pytest.mark.parametrize("fit", ["", "300x401"])
def test_a_pdf_is_as_large_as_the_svg(style: str, fit: str):
    drawing = lenet(style=style, fit=fit)
    root = parsed(drawing)
    sizes = [float((root.get(side) or "").removesuffix("pt")) for side in ("width", "height")]
    box = re.search(rb"/MediaBox *\[ *0 0 ([\d.]+) ([\d.]+)", drawing.render_as("pdf"))
    assert box is not None
    assert [float(box[1]), float(box[2])] == pytest.approx(sizes, abs=0.5)


def test_mermaid_has_no_character_that_it_would_interpret():
    drawing = draw_report(report_of(Hostile(), (1, 3, 4, 4)), draw_options(expand=True))
    lines = drawing.mermaid().splitlines()
    labels = [line.split('("', 1)[1].rsplit('")', 1)[0] for line in lines if '("' in line]
    # Without the gap Mermaid would break the line there, even though the backslash is a code.
    assert any(
        "#quot;hi#quot; #lt;b#gt;#amp;amp;#92;\N{ZERO WIDTH SPACE}n" in label for label in labels
    )
    assert not any(set('"`\\*') & set(label) for label in labels)
    assert not any("<" in label.replace("<br>", "") for label in labels)


def test_mermaid_says_a_shape_once_where_it_goes_two_ways():
    lines = draw_report(report_of(Tower(2), (1, 3, 8, 8))).mermaid().splitlines()
    assert sum("8×6×6" in line for line in lines if "-->" in line) == 1


def test_mermaid_cannot_draw_blocks():
    with pytest.raises(OutputError, match="Mermaid cannot draw the blocks style"):
        lenet(style="blocks").mermaid()


# ---- the other styles ----------------------------------------------------------------------


def test_blocks_show_lenet_as_its_paper_does():
    root = parsed(lenet(style="blocks"))
    shown = texts(root)
    row = ["x", "1×28×28", "C1", "6×28×28", "S1", "6×14×14", "C2", "16×10×10", "S2", "16×5×5",
           "C3", "120", "F4", "84", "OUT", "10"]  # fmt: skip
    assert shown[: len(row)] == row
    assert shown[len(row) :] == [
        "conv 5×5", "pad 2", "max pool 2×2", "conv 5×5", "max pool 2×2", "conv 5×5", "linear",
        "linear",
    ]  # fmt: skip


def test_blocks_grow_with_the_logarithm():
    from cnnshape.rendering.diagram.solids import solid

    heights = [solid((16, size, size)).height for size in (8, 16, 32)]
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1])
    assert solid((64, 8, 8)).width > solid((16, 8, 8)).width
    assert solid((10,)).depth < solid((16, 4, 4)).depth


def test_blocks_fold_repeats_and_draw_skips():
    drawing = draw_report(report_of(Tower(5), (1, 3, 8, 8)), draw_options(style="blocks"))
    assert "5 × Residual" in texts(parsed(drawing))
    one = draw_report(report_of(Residual(), (1, 8, 8, 8)), draw_options(style="blocks"))
    assert "+" in texts(parsed(one))


def test_blocks_that_repeat_together_say_how_often():
    pairs = (layer for _ in range(3) for layer in (Residual(), nn.Sequential(nn.Conv2d(8, 8, 1))))
    drawing = draw_report(
        report_of(nn.Sequential(*pairs), (1, 8, 8, 8)), draw_options(style="blocks")
    )
    shown = texts(parsed(drawing))
    assert {"3 × conv 3×3", "3 × conv 1×1"} <= set(shown)
    assert shown.count("in turn") == 3


def test_a_long_row_of_blocks_is_broken():
    net = nn.Sequential(*(nn.Conv2d(3 + n, 4 + n, 3, padding=1) for n in range(20)))
    drawing = draw_report(report_of(net, (1, 3, 64, 64)), draw_options(style="blocks"))
    root = parsed(drawing)
    assert float((root.get("width") or "").removesuffix("pt")) < 1400
    assert any(path.get("stroke-dasharray") for path in root.iter(f"{SVG}path"))


def test_the_tree_has_every_module_once():
    drawing = draw_report(report_of(Tower(3), (1, 3, 8, 8)), draw_options(style="tree"))
    shown = texts(parsed(drawing))
    assert {"Tower", "stem", "blocks", "0 … 2", "3 × Residual", "conv1", "bn1", "head"} <= set(
        shown
    )
    assert shown.count("conv1") == 1


# ---- the object ----------------------------------------------------------------------------


def test_it_is_a_graphviz_graph_that_notebooks_show(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    drawing = lenet()
    assert isinstance(drawing, graphviz.Digraph)
    shown = drawing._repr_mimebundle_()
    assert shown["image/svg+xml"].startswith("<?xml")
    assert drawing.pipe(format="png").startswith(b"\x89PNG")


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "tex", "dot", "gv", "mmd"])
def test_save_takes_the_format_from_the_suffix(suffix: str, tmp_path: Path):
    target = tmp_path / f"lenet.{suffix}"
    assert lenet().save(target) == str(target)
    starts = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph LeNet",
              "gv": b"digraph LeNet", "mmd": b"flowchart TD", "tex": b"% Architecture"}  # fmt: skip
    assert target.read_bytes().startswith(starts[suffix])
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_render_appends_the_format(tmp_path: Path):
    assert lenet().render(tmp_path / "lenet", format="svg") == str(tmp_path / "lenet.svg")
    assert (tmp_path / "lenet.svg").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x.jpg", "cannot draw to .jpg; use one of .svg, .png, .pdf, .html, .tex, .dot, .gv, .mmd"),
        ("x", "x has no suffix; use one of .svg, .png, .pdf, .html, .tex, .dot, .gv, .mmd"),
    ],
)
def test_unknown_suffixes(name: str, message: str, tmp_path: Path):
    with pytest.raises(OutputError) as error:
        lenet().write(tmp_path / name)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style": "cubes"}, "'cubes' is no style; choose one of graph, blocks, tree"),
        ({"theme": "blue"}, "'blue' is no theme; choose one of light, dark, mono"),
        ({"direction": "RL"}, "'RL' is no direction; choose one of TB, LR"),
        ({"show": "shape"}, "cannot show 'shape'; choose from shapes, params, macs"),
        ({"depth": 0}, "depth must be 1 or more, not 0"),
        ({"colour": "red"}, "no option 'colour' for drawing; there are collapse, depth"),
        ({"only": "C8"}, "--only C8: the model has no such module; did you mean"),
        ({"collapse": ["X"]}, "--collapse X: the model has no such module; see cnnshape inspect"),
    ],
)
def test_misuse_is_explained(options: dict[str, object], message: str):
    with pytest.raises(UsageError) as error:
        lenet(**options)
    assert message in str(error.value)


def test_only_of_a_list_that_is_never_called():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])

        def forward(self, x):
            return self.parts[1](self.parts[0](x))

    with pytest.raises(UsageError, match=r"ModuleList is never called itself; .* parts\.0"):
        draw_report(report_of(Net(), (1, 4)), draw_options(only="parts"))


# ---- colours -------------------------------------------------------------------------------


def _luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", THEMES)
def test_every_text_can_be_read(name: str):
    """WCAG AA: 4.5 : 1 for text, 3 : 1 for what one must see to understand the picture."""
    theme = THEMES[name]
    for kind, style in theme.kinds.items():
        assert _contrast(style.text, style.fill) >= 4.5, kind
        if kind != "io":
            assert _contrast(theme.muted, style.fill) >= 4.5, kind
    assert _contrast(theme.failing.text, theme.failing.fill) >= 4.5
    frame = theme.style("container").fill
    for surface in (theme.page, frame):
        assert _contrast(theme.edge_text, surface) >= 4.5
        assert _contrast(theme.frame_text, surface) >= 4.5
        assert _contrast(theme.edge, surface) >= 3


def test_rows_of_feature_maps_are_about_equally_long():
    widths = range(8, 8 + 17)
    net = nn.Sequential(*(nn.Conv2d(c, c + 1, 3, padding=1) for c in widths))
    drawing = draw_report(report_of(net, (1, 8, 64, 64)), draw_options(style="blocks"))
    bold = [t for t in parsed(drawing).iter(f"{SVG}text") if t.get("font-weight") == "bold"]
    rows = Counter(t.get("y") for t in bold)
    assert sum(rows.values()) == 18
    assert len(rows) > 1
    assert max(rows.values()) - min(rows.values()) <= 1


def test_a_container_in_the_tree_is_pale_whatever_its_name_sounds_like():
    class SomePooler(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return self.c(self.b(self.a(x)))

    report = report_of(nn.Sequential(SomePooler()), (1, 4))
    text = draw_report(report, draw_options(style="tree")).mermaid()
    assert "n_0 container" in text
    assert "a … c · 3 × 20" in text
