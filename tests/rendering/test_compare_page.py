"""What a comparison's page has in it, without a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from torch import nn

import cnnshape
from cnnshape.cli.main import run


def _classes(html: str, path: str) -> list[set[str]]:
    """The classes of what is drawn for a layer, in each of the pictures."""
    found = re.findall(rf'<g data-path="{re.escape(path)}" class="([^"]*)">', html)
    return [set(one.split()) for one in found]


def test_layers_are_marked_in_both_pictures(tmp_path: Path) -> None:
    a = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3))
    b = nn.Sequential(nn.Conv2d(3, 6, 3), nn.MaxPool2d(2), nn.Conv2d(6, 2, 3))
    file = tmp_path / "diff.html"
    cnnshape.compare(a, b, (1, 3, 16, 16)).save(file)
    html = file.read_text(encoding="utf-8")
    assert all("changed" in classes for classes in _classes(html, "0"))
    assert len(_classes(html, "0")) == 2
    assert 'class="changed"' in html  # the row
    assert "src=" not in html.split("<script")[0]


def test_hostile_names_are_texts(tmp_path: Path) -> None:
    net = nn.Sequential()
    net.add_module('<script>alert("x")</script>', nn.Linear(2, 2))
    html = tmp_path / "x.html"
    cnnshape.compare(net, nn.Sequential(nn.ReLU()), (1, 2)).save(html)
    text = html.read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_the_file_of_a_report_has_no_picture(tmp_path: Path) -> None:
    file, page = tmp_path / "lenet.json", tmp_path / "diff.html"
    assert run(["inspect", "lenet", "-o", str(file), "-q"]) == 0
    assert run(["compare", str(file), "lenet-d2l", "-o", str(page), "-q"]) == 0
    text = page.read_text(encoding="utf-8")
    assert "no picture: the file of a report has sizes alone" in text
    assert text.count("<svg") == 1


def test_a_folder_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "lenet", "lenet-d2l", "-o", "nowhere/diff.html"]) == 2
    assert "nowhere" in capsys.readouterr().err
