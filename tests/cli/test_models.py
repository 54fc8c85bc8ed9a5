"""``cnnshape models`` from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cnnshape.cli.main import run

Models = Callable[..., tuple[int, str, str]]


@pytest.fixture
def models(capsys: pytest.CaptureFixture[str]) -> Models:
    def call(*args: str) -> tuple[int, str, str]:
        code = run(["models", *args])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.mark.torchvision
def test_the_overview_names_what_can_be_inspected(models: Models) -> None:
    code, out, _ = models()
    assert code == 0
    for name in ("lenet", "lenet-d2l", "lenet-nopad", "basic-cnn", "mlp"):
        assert f"\n  {name} " in out
    assert "classification, " in out
    assert "  resnet18  " in out.replace("\n    ", "  ")
    assert "path/to/file.py:Name" in out


@pytest.mark.torchvision
def test_every_listed_family_holds_the_models_torchvision_puts_there(models: Models) -> None:
    import torchvision

    _, out, _ = models("torchvision:", "-f", "json")
    listed = {entry["name"]: entry["family"] for entry in json.loads(out)["models"]}
    assert set(listed) == {f"torchvision:{name}" for name in torchvision.models.list_models()}
    for family in ("detection", "segmentation", "video"):
        module = getattr(torchvision.models, family)
        names = {f"torchvision:{name}" for name in torchvision.models.list_models(module)}
        assert {name for name, other in listed.items() if other == family} == names


def test_a_pattern_that_fits_nothing_is_exit_code_one(models: Models) -> None:
    code, out, err = models("no-such-network")
    assert (code, out) == (1, "")
    assert "no model name contains 'no-such-network'; `cnnshape models` lists all" in err


def test_a_pattern_finds_bundled_networks(models: Models) -> None:
    code, out, _ = models("d2l")
    assert code == 0
    assert out.splitlines()[0].split()[0] == "lenet-d2l"
    assert models("d2l", "-q")[:2] == (0, "")


def test_wrong_usage(models: Models) -> None:
    code, _, err = models("-o", "models.html")
    assert code == 2
    assert ".html is a page and this writes none" in err
