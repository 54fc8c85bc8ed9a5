"""What ``cnnshape --version`` prints: the versions a bug report needs, without importing torch."""

from __future__ import annotations

import platform
import shutil
import subprocess
from importlib import metadata

from cnnshape._version import __version__


def version_text() -> str:
    """One line per component, ``not installed`` where it is missing."""
    rows = [
        ("cnnshape", __version__),
        ("Python", platform.python_version()),
        ("torch", _installed("torch")),
        ("torchvision", _installed("torchvision")),
        ("Graphviz", _graphviz()),
    ]
    return "\n".join(f"{name:<12}{version}" for name, version in rows)


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _graphviz() -> str:
    dot = shutil.which("dot")
    if dot:
        try:
            done = subprocess.run(
                [dot, "-V"], capture_output=True, text=True, timeout=10, check=True
            )
        except (OSError, subprocess.SubprocessError):
            return f"{dot} does not run"
        # `dot -V` writes to stderr: dot - graphviz version 12.2.1 (20241206.2353)
        return (done.stderr or done.stdout).strip().rpartition("version ")[2]
    bundled = _installed("pygraphviz")
    return bundled if bundled == "not installed" else f"inside pygraphviz {bundled}"
