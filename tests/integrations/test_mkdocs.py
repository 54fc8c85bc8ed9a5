"""The fence of MkDocs: a small site, built."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("pymdownx")
from markdown import Markdown
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from cnnshape.errors import MissingDependencyError
from cnnshape.integrations import mkdocs

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
SETTINGS = """\
site_name: demo
theme: {name: mkdocs}
plugins: []
markdown_extensions:
  - pymdownx.superfences:
      custom_fences:
        - name: cnnshape
          class: cnnshape
          format: !!python/name:cnnshape.integrations.mkdocs.fence
          validator: !!python/name:cnnshape.integrations.mkdocs.validate
"""
INDEX = """\
---
title: Demo
---

# Demo

```cnnshape
lenet
input: 1,1,28,28
style: blocks
columns: layer,output,params
page: true
caption: LeNet <3
```
"""
OWN = """\
# Own

- in a list

    ```cnnshape style="none"
    net.py:Net
    input: N,1,8,8
    page: yes
    ```
"""


def _site(folder: Path, **pages: str) -> Path:
    (folder / "mkdocs.yml").write_text(SETTINGS, encoding="utf-8")
    (folder / "net.py").write_text(NET, encoding="utf-8")
    (folder / "docs").mkdir()
    for name, text in pages.items():
        (folder / "docs" / f"{name}.md").write_text(text, encoding="utf-8")
    build(load_config(str(folder / "mkdocs.yml")))
    return folder / "site"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _site(tmp_path_factory.mktemp("site"), index=INDEX, own=OWN)


def test_a_picture_in_both_themes_and_a_table(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    light, dark = re.findall(r"<svg[^>]*>", page)
    assert 'class="cnnshape-light"' in light
    assert "display:none" in dark
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in page.split("<tr>")]
    assert ["<code>C1</code>", "6×28×28", "156"] in rows  # 6·(25 + 1)
    assert "<figcaption>LeNet &lt;3</figcaption>" in page


@pytest.mark.parametrize("document", ["index.html", "own/index.html"])
def test_a_link_leads_to_the_page(site: Path, document: str) -> None:
    file = site / document
    link = re.search(r'href="([^"]*)">Interactive page', file.read_text(encoding="utf-8"))[1]
    assert "<html" in (file.parent / link).read_text(encoding="utf-8")


def test_options_in_the_head_and_a_file_of_the_project(site: Path) -> None:
    page = (site / "own" / "index.html").read_text(encoding="utf-8")
    assert "1296·N" in page  # 4·6·6·9 for each of N
    assert "<svg" not in page.partition("cnnshape-table")[2]


def test_a_failing_model_fails_the_build(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    failing = OWN.replace("net.py:Net", "net.py:Net(features=140)").replace("N,1", "1,1")
    with pytest.raises(Abort):
        _site(tmp_path, index=failing)
    assert f"{Path('docs') / 'index.md'}:6: fc expects 140 features, but 144 arrive" in caplog.text
    assert "fc = nn.Linear(in_features=144, out_features=3)" in caplog.text


def _html(fence: str) -> str:
    """A fence where nobody has said which document it stands in."""
    fences = [
        {
            "name": "cnnshape",
            "class": "cnnshape",
            "format": mkdocs.fence,
            "validator": mkdocs.validate,
        }
    ]
    extensions = ["pymdownx.superfences"]
    settings = {"pymdownx.superfences": {"custom_fences": fences}}
    return Markdown(extensions=extensions, extension_configs=settings).convert(fence)


def test_without_mkdocs_it_is_a_fence_as_well() -> None:
    assert "<svg" in _html("```cnnshape\nlenet\n```")


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("lenet\nstile: blocks", "no option 'stile'; did you mean style?"),
        ("lenet\nblocks", "'blocks' is no option: write it as in style: blocks"),
        ("lenet\npage: true", "page: only MkDocs says where the site is built"),
        ("", "the model is empty"),
        ("lenett", "unknown model 'lenett'; did you mean lenet?"),
    ],
)
def test_bad_options_are_one_sentence(lines: str, sentence: str) -> None:
    with pytest.raises(mkdocs.FenceError) as raised:
        _html(f"```cnnshape\n{lines}\n```")
    assert str(raised.value).startswith(sentence)


def test_whatever_goes_wrong_is_not_left_as_a_block_of_code(monkeypatch) -> None:
    monkeypatch.setattr(mkdocs, "_html", lambda *_: 1 / 0)
    with pytest.raises(mkdocs.FenceError, match="ZeroDivisionError"):
        _html("```cnnshape\nlenet\n```")


def test_without_superfences_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cnnshape.integrations.mkdocs", raising=False)
    monkeypatch.setitem(sys.modules, "pymdownx.superfences", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "cnnshape\[mkdocs\]"'):
        importlib.import_module("cnnshape.integrations.mkdocs")
