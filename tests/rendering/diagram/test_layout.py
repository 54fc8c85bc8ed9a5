"""The layout engine: nothing touches, nothing hangs, nothing crashes, with or without ``dot``."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from cnnshape.errors import MissingDependencyError
from cnnshape.models.lenet import LeNet
from cnnshape.rendering.diagram import graphviz_process as engine
from cnnshape.rendering.diagram.draw_options import DrawOptions
from cnnshape.rendering.diagram.drawing import draw_report, picture_of
from cnnshape.rendering.diagram.graphviz_process import LayoutError, LayoutTimeout, lay_out, run
from tests.rendering.diagram.judge import collisions
from tests.rendering.diagram.models import (
    Broken,
    ConvLSTM,
    Loop,
    Siamese,
    Tapped,
    Tower,
    UNet,
    report_of,
)

NETWORKS = {
    "LeNet": (LeNet, [(1, 1, 28, 28)]),
    "Tower": (Tower, [(1, 3, 8, 8)]),
    "Tapped": (Tapped, [(1, 3, 8, 8)]),
    "UNet": (UNet, [(1, 3, 16, 16)]),
    "Siamese": (Siamese, [(1, 1, 9, 9), (1, 1, 9, 9)]),
    "Loop": (Loop, [(2, 6, 4)]),
    "ConvLSTM": (lambda: ConvLSTM(2), [(1, 20, 3, 8, 8)]),
    "Broken": (Broken, [(1, 1, 28, 28)]),
    "Transformer": (
        lambda: nn.Transformer(16, 2, 3, 3, 32, batch_first=True),
        [(1, 5, 16), (1, 4, 16)],
    ),
}


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_touches(name: str, direction: str):
    build, shapes = NETWORKS[name]
    report = report_of(build(), *shapes)
    picture = picture_of(report, DrawOptions(direction=direction))
    assert collisions(lay_out(picture.digraph().source)) == []
    # Once more after the last touches, as it is painted.
    painted = json.loads(picture.paint("json"))
    assert collisions(painted) == []


def _names() -> list[str]:
    try:
        import torchvision
    except (ImportError, RuntimeError):
        return []
    return torchvision.models.list_models(module=torchvision.models)


@pytest.mark.slow
@pytest.mark.torchvision
@pytest.mark.parametrize("name", _names())
def test_a_default_picture_of_any_torchvision_model(name: str):
    from tests.rendering.diagram.test_graph_truth import _built

    size = 299 if name == "inception_v3" else 224
    report = report_of(_built(name), torch.empty(1, 3, size, size, device="meta"))
    picture = picture_of(report, DrawOptions())
    layout = lay_out(picture.digraph().source)
    assert collisions(layout) == []
    boxes = [o for o in layout["objects"] if "pos" in o and not o["name"].startswith("title/")]
    assert len(boxes) <= 60


# ---- the engine ----------------------------------------------------------------------------

TINY = "digraph { a [label=A]; b [label=B]; a -> b }"


def _fake_dot(folder: Path, body: str) -> None:
    script = folder / "dot"
    script.write_text(f"#!{sys.executable}\n{body}\n", encoding="utf-8")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize("format", ["svg", "png", "pdf", "json"])
def test_with_an_empty_path(format: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    starts = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "json": b"{"}
    assert run(TINY, format).lstrip().startswith(starts[format])


needs_scripts = pytest.mark.skipif(os.name == "nt", reason="a fake dot is a script")


@needs_scripts
def test_dot_on_the_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _fake_dot(tmp_path, "import sys; sys.stdout.write('|'.join(sys.argv[1:]) + sys.stdin.read())")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run("digraph {}", "svg") == b"-Kdot|-Tsvgdigraph {}"


@needs_scripts
def test_a_hang_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    finished = tmp_path / "finished"
    _fake_dot(tmp_path, f"import time; time.sleep(4); open({str(finished)!r}, 'w')")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LayoutTimeout, match=r"^Graphviz did not finish within 0.5 s$"):
        run(TINY, "svg", limit=0.5)
    assert not finished.exists()


@needs_scripts
def test_a_crash_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _fake_dot(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LayoutError, match=r"^Graphviz crashed \(signal 11\)$"):
        run(TINY, "svg")


@needs_scripts
def test_what_graphviz_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _fake_dot(tmp_path, "import sys; sys.stderr.write('syntax error in line 1\\n'); sys.exit(1)")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LayoutError, match="could not lay the graph out: syntax error in line 1"):
        run(TINY, "svg")


@needs_scripts
def test_the_graph_is_kept_when_the_engine_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "bin").mkdir()
    _fake_dot(tmp_path / "bin", "import sys; sys.exit(3)")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    drawing = draw_report(report_of(LeNet(), (1, 1, 28, 28)))
    target = tmp_path / "lenet.svg"
    target.write_text("the old picture", encoding="utf-8")
    with pytest.raises(LayoutError, match=r"The graph itself is in .*lenet\.dot"):
        drawing.write(target)
    assert target.read_text(encoding="utf-8") == "the old picture"
    assert (tmp_path / "lenet.dot").read_text(encoding="utf-8") == drawing.source


def test_without_graphviz_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", "")
    broken = tmp_path / "child.py"
    broken.write_text("raise ImportError(\"No module named 'pygraphviz'\")", encoding="utf-8")
    monkeypatch.setattr(engine, "_ENGINE", broken)
    with pytest.raises(MissingDependencyError, match="pip install pygraphviz"):
        run(TINY, "svg")


def test_a_hang_names_what_would_do(monkeypatch: pytest.MonkeyPatch):
    import cnnshape.rendering.diagram.graph_picture as picture

    def never(_dot: str) -> None:
        raise LayoutTimeout("Graphviz did not finish within 30 s")

    monkeypatch.setattr(picture, "lay_out", never)
    drawing = draw_report(report_of(Tower(40), (1, 3, 8, 8)), DrawOptions(expand=True))
    with pytest.raises(LayoutError) as error:
        drawing.svg()
    assert str(error.value) == (
        "Graphviz did not finish within 30 s: the picture has 125 boxes; --depth 3 draws 8, "
        "--only blocks a part of it"
    )


def test_too_many_boxes_are_refused_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cnnshape.rendering.diagram.graph_picture.MOST_BOXES", 100)
    drawing = draw_report(report_of(Tower(40), (1, 3, 8, 8)), DrawOptions(expand=True))
    with pytest.raises(LayoutError, match="125 boxes, too many to lay out; --depth 3 draws 8"):
        drawing.svg()


def test_in_a_container_without_fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The same layout to the last point, because the package brings the font it measures with."""
    dot = draw_report(report_of(LeNet(), (1, 1, 28, 28))).source
    monkeypatch.setenv("PATH", "")
    with_fonts = lay_out(dot)
    (tmp_path / "none").mkdir()
    bare = tmp_path / "fonts.conf"
    bare.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"<dir>{tmp_path / 'none'}</dir><cachedir>{tmp_path / 'cache'}</cachedir></fontconfig>",
        encoding="utf-8",
    )
    monkeypatch.setenv("FONTCONFIG_FILE", str(bare))
    without = lay_out(dot)
    assert without["bb"] == with_fonts["bb"]
    assert [o.get("pos") for o in without["objects"]] == [
        o.get("pos") for o in with_fonts["objects"]
    ]
    empty, full = run('digraph { a [label=" "] }', "png"), run("digraph { a [label=W] }", "png")
    assert len(full) > len(empty)


def test_nothing_is_left_in_the_package():
    from cnnshape.rendering.fonts import FOLDER

    run(TINY, "png")
    assert {path.name for path in FOLDER.iterdir()} == {
        "OFL.txt", "README.md", "ShapeSans-Bold.ttf", "ShapeSans-Regular.ttf",
    }  # fmt: skip
