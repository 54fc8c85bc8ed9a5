"""``package.module:Name``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cnnshape.errors import ModelConstructionError, ModelNotFoundError
from cnnshape.loading.model import load


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("")
    (tmp_path / "shop" / "nets.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Linear):\n    def __init__(self, n=2): super().__init__(n, n)\n"
        "shared = nn.Linear(4, 4)\n"
    )
    (tmp_path / "shop" / "broken.py").write_text("import not_there_at_all\n")
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    path = sys.path[:]
    yield tmp_path
    assert sys.path == path
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "shop":
            del sys.modules[name]


@pytest.mark.usefixtures("project")
def test_working_directory_is_importable() -> None:
    assert load("shop.nets:Net(n=5)").module.in_features == 5
    assert load("torch.nn:Linear(in_features=3, out_features=4)").module.out_features == 4


@pytest.mark.usefixtures("project")
def test_the_same_instance_each_time_and_never_changed() -> None:
    first = load("shop.nets:shared")
    assert load("shop.nets:shared").module is first.module
    large = load("shop.nets:shared", budget=0)
    assert large.on_meta
    assert large.module is not first.module
    assert not first.module.weight.is_meta
    assert load("shop.nets:shared", real=True).module is first.module


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        ("shp.nets:Net", ModelNotFoundError, "there is no module 'shp'; did you mean shop?"),
        ("shop.net:Net", ModelNotFoundError, "no module 'shop.net'; did you mean shop.nets or"),
        ("shop.nets:Nett", ModelNotFoundError, "shop.nets has no 'Nett'; did you mean Net?"),
        ("shop.broken:Net", ModelConstructionError, "No module named 'not_there_at_all'"),
        ("torch.nn:functional", ModelConstructionError, "is no nn.Module but a module"),
    ],
)
def test_what_is_said(spec: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        load(spec)
    assert words in str(caught.value)


@pytest.mark.usefixtures("torchvision")
def test_a_builder_of_torchvision_gets_no_backbone_weights() -> None:
    loaded = load("torchvision.models.segmentation:lraspp_mobilenet_v3_large")
    assert loaded.class_name == "LRASPP"
