"""Which package a model comes from, and in which version."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from cnnshape.errors import ModelNotFoundError
from cnnshape.loading.spec import parse_spec


def package_of(model: str, module: object = None) -> str:
    """The package with its version; empty for code that belongs to none.

    Args:
        model: the MODEL argument.
        module: what was built, which tells the package of a configuration.

    >>> package_of("lenet").partition(" ")[0], package_of("net.py:Net")
    ('cnnshape', '')
    """
    try:
        spec = parse_spec(model)
    except ModelNotFoundError:
        return ""
    named = {
        "bundled": "cnnshape",
        "timm": "timm",
        "torchvision": "torchvision",
        "dotted": spec.source.partition(".")[0],
        "hf": type(module).__module__.partition(".")[0] if module is not None else "",
    }
    return with_version(named.get(spec.kind, ""))


def with_version(package: str) -> str:
    """A package and its version as ``timm 1.0.9``; empty where none of this name is installed.

    >>> with_version("torch").partition(" ")[0], with_version("no_such_package")
    ('torch', '')
    """
    try:
        return f"{package} {version(package)}" if package else ""
    except PackageNotFoundError:
        return ""
