"""The directive of Sphinx: a small manual, built for pages, LaTeX and plain text."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

pytest.importorskip("sphinx")
from sphinx.application import Sphinx

from cnnshape.errors import MissingDependencyError
from cnnshape.integrations.figure import Figure

NET = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, features=144):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(features, 3)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))
"""
INDEX = """\
Demo
====

.. toctree::

   deep/own

.. cnnshape:: lenet
   :style: blocks
   :columns: layer,output,params
   :page:
   :caption: LeNet as *feature maps*.
   :name: fig-lenet

See :ref:`fig-lenet`.
"""
OWN = """\
Own
===

.. cnnshape:: ../net.py:Net
   :input: N,1,8,8
   :style: none
   :caption: A network.

.. cnnshape:: ../net.py:Net
   :input: 1,1,8,8
   :theme: mono
   :page:
"""
FAILING = """\
Failing
=======

.. cnnshape:: net.py:Net(features=140)
   :input: 1,1,8,8
"""


def _manual(folder: Path, **documents: str) -> Path:
    (folder / "conf.py").write_text(
        'extensions = ["cnnshape.integrations.sphinx"]\nhtml_theme = "basic"\n', encoding="utf-8"
    )
    (folder / "net.py").write_text(NET, encoding="utf-8")
    (folder / "deep").mkdir()
    for name, text in documents.items():
        (folder / f"{name.replace('__', '/')}.rst").write_text(text, encoding="utf-8")
    return folder


def _built(folder: Path, builder: str = "html") -> tuple[Path, int, str]:
    """Where it was built, the exit code, and what was said."""
    said = StringIO()
    app = Sphinx(
        folder, folder, folder / builder, folder / "doctrees", builder, status=None, warning=said
    )
    app.build()
    told = re.sub(r"\x1b\[[0-9;]*m", "", said.getvalue())
    lines = [line for line in told.splitlines(keepends=True) if "already registered" not in line]
    return folder / builder, app.statuscode, "".join(lines)


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = _manual(tmp_path_factory.mktemp("manual"), index=INDEX, deep__own=OWN)
    _, status, said = _built(folder)
    assert (status, said) == (0, "")
    return folder


def test_a_picture_in_both_themes_with_its_caption(manual: Path) -> None:
    page = (manual / "html" / "index.html").read_text(encoding="utf-8")
    light, dark = re.findall(r"<svg[^>]*>", page)
    assert 'class="cnnshape-light"' in light
    assert 'class="cnnshape-dark"' in dark
    assert "display:none" in dark
    assert re.search(r"<figcaption>.*LeNet as <em>feature maps</em>", page, re.DOTALL)
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))


def test_a_table_below_it(manual: Path) -> None:
    page = (manual / "html" / "index.html").read_text(encoding="utf-8")
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in page.split("<tr ")[2:]]
    cells = [[re.sub("<.*?>", "", cell) for cell in row] for row in rows]
    assert ["C1", "6×28×28", "156"] in cells  # 6·(25 + 1)
    assert ["OUT", "10", "850"] in cells  # 84·10 + 10
    assert page.index("<svg") < page.index("<table")


@pytest.mark.parametrize("document", ["index", "deep/own"])
def test_a_link_leads_to_the_page(manual: Path, document: str) -> None:
    file = manual / "html" / f"{document}.html"
    link = re.search(r'href="([^"]*)">Interactive page', file.read_text(encoding="utf-8"))[1]
    assert "<html" in (file.parent / link).read_text(encoding="utf-8")


def test_letters_and_a_theme_of_its_own(manual: Path) -> None:
    page = (manual / "html" / "deep" / "own.html").read_text(encoding="utf-8")
    assert "1296·N" in page  # 4·6·6·9 for each of N
    assert len(re.findall("<svg", page)) == 1
    assert '<span class="caption-text">A network.</span>' in page


def test_latex_and_text_come_from_the_same_reading(
    manual: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Figure, "record", lambda *_: pytest.fail("the model was run again"))
    folder, status, said = _built(manual, "latex")
    assert (status, said) == (0, "")
    (file,) = folder.glob("*.tex")
    text = file.read_text(encoding="utf-8")
    assert text.count(r"\begin{tikzpicture}") == 2
    assert r"\usepackage{adjustbox}" in text
    assert "Interactive page" not in text
    folder, status, said = _built(manual, "text")
    assert (status, said) == (0, "")
    text = (folder / "index.txt").read_text(encoding="utf-8")
    assert "61,706 parameters" in text
    assert "<svg" not in text


def test_a_failing_model_fails_the_build_again_and_again(tmp_path: Path) -> None:
    _manual(tmp_path, index=FAILING)
    for _ in range(2):  # the second time nothing has changed
        folder, status, said = _built(tmp_path)
        assert status == 1
        assert said.startswith(f"{tmp_path / 'index.rst'}:4: ERROR: cnnshape: fc expects 140 ")
        assert "144 = 4 channels × 6 × 6" in said
        assert "fc = nn.Linear(in_features=144, out_features=3)" in said
    assert "expects 140 features" in (folder / "index.html").read_text(encoding="utf-8")
    (tmp_path / "net.py").write_text(NET.replace("features, 3", "144, 3"), encoding="utf-8")
    assert _built(tmp_path)[1:] == (0, "")


def test_a_changed_model_is_run_again(tmp_path: Path) -> None:
    _manual(tmp_path, index=OWN.replace("../", ""))
    assert "4×6×6" in (_built(tmp_path)[0] / "index.html").read_text(encoding="utf-8")
    text = NET.replace("(1, 4, 3)", "(1, 8, 3)").replace("144", "288")
    (tmp_path / "net.py").write_text(text, encoding="utf-8")
    assert "8×6×6" in (_built(tmp_path)[0] / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (":stile: blocks", "no option 'stile'; did you mean style?"),
        (":style: cubes", "style is graph, blocks, tree or none, not 'cubes'"),
        (":depth: 0", "depth is 1 or more, not '0'"),
        (":theme: red", "theme is auto, light, dark or mono, not 'red'"),
        (":page: perhaps", "page is true, yes, false or no, not 'perhaps'"),
        (":columns: parms", "no column 'parms'; did you mean params?"),
        (":input: 1,,8", "1,,8"),
    ],
)
def test_bad_options_are_one_sentence(tmp_path: Path, options: str, sentence: str) -> None:
    _manual(tmp_path, index=f"A\n=\n\n.. cnnshape:: lenet\n   {options}\n")
    _, status, said = _built(tmp_path)
    assert status == 1
    assert said.startswith(f"{tmp_path / 'index.rst'}:4: ERROR: cnnshape: ")
    assert sentence in said
    assert len(said.splitlines()) == 1


@pytest.mark.slow
def test_it_fails_where_several_processes_read(tmp_path: Path) -> None:
    more = {f"deep__n{number}": f"N{number}\n==\n\ntext\n" for number in range(8)}
    index = "A\n=\n\n.. toctree::\n   :glob:\n\n   deep/*\n"
    failing = FAILING.replace("net.py", "../net.py")
    _manual(tmp_path, index=index, **more, deep__n9=failing)
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-j2", str(tmp_path), str(tmp_path / "html")],
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 1
    assert "n9.rst:4: ERROR: cnnshape: fc expects 140 features" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_sphinx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cnnshape.integrations.sphinx", raising=False)
    monkeypatch.setitem(sys.modules, "docutils", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "cnnshape\[sphinx\]"'):
        importlib.import_module("cnnshape.integrations.sphinx")
