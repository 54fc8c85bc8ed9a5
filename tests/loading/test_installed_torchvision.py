"""Which command brings the torchvision of the installed torch; torch itself is never moved."""

from __future__ import annotations

import importlib.metadata

import pytest

from cnnshape.loading.installed_torchvision import _command

WHEELS = "https://download.pytorch.org/whl"


@pytest.mark.parametrize(
    ("torch", "torchvision", "command"),
    [
        ("2.6.0", None, "pip install --upgrade torch==2.6.0 torchvision"),
        ("2.6.0", "0.29.1", "pip install --upgrade torch==2.6.0 torchvision"),
        (
            "2.6.0+cpu",
            None,
            f"pip install --upgrade torch==2.6.0+cpu torchvision --index-url {WHEELS}/cpu",
        ),
        (
            "2.9.1+cu128",
            "0.29.1",
            f"pip install --upgrade torch==2.9.1+cu128 torchvision --index-url {WHEELS}/cu128",
        ),
        # The release is the right one: pip would leave it.
        (
            "2.6.0+cpu",
            "0.21.0",
            f"pip install --force-reinstall --no-deps torchvision==0.21.0 --index-url {WHEELS}/cpu",
        ),
        (
            "2.6.0",
            "0.21.0+cpu",
            "pip install --force-reinstall --no-deps torchvision==0.21.0",
        ),
        (
            "2.14.1",
            "0.29.1",
            "pip install --force-reinstall --no-deps torchvision==0.29.1",
        ),
        # Built by oneself: no index has it.
        ("2.9.0a0+git1234567", None, "pip install --upgrade torch==2.9.0a0+git1234567 torchvision"),
        (None, None, "pip install --upgrade torch torchvision"),
    ],
)
def test_the_command(
    torch: str | None, torchvision: str | None, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = {"0.21.0": "torch==2.6.0", "0.21.0+cpu": "torch==2.6.0", "0.29.1": "torch (>=2.14.0)"}

    def version(package: str) -> str:
        found = {"torch": torch, "torchvision": torchvision}[package]
        if found is None:
            raise importlib.metadata.PackageNotFoundError(package)
        return found

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(
        importlib.metadata, "requires", lambda _: ["numpy", needs[torchvision or ""]]
    )
    assert _command() == command
