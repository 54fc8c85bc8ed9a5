"""The formats of pictures, by name and by suffix."""

from __future__ import annotations

import os
from pathlib import Path

from cnnshape.errors import OutputError

#: ``gv`` is DOT's other usual suffix, ``mmd`` that of Mermaid.
FORMATS = ("svg", "png", "pdf", "dot", "gv", "mmd")
_ALIASES = {"mermaid": "mmd", "graphviz": "dot"}
_LATER = ("html", "htm")


def format_of(path: str | os.PathLike[str]) -> str:
    """The format that a file's suffix asks for.

    >>> format_of("lenet.SVG"), format_of("out/net.mmd")
    ('svg', 'mmd')

    Raises:
        OutputError: the suffix is not known; the message lists the known ones.
    """
    suffix = Path(path).suffix[1:].lower()
    if suffix in FORMATS:
        return suffix
    known = ", ".join(f".{name}" for name in FORMATS)
    if suffix in _LATER:
        raise OutputError(f".{suffix} is not supported yet for pictures; use one of {known}")
    name = Path(path).name
    what = f"cannot draw to .{suffix}" if suffix else f"{name} has no suffix"
    raise OutputError(f"{what}; use one of {known}")


def format_named(name: str) -> str:
    """The format called ``name``, as after ``-f``.

    >>> format_named("mermaid"), format_named("SVG")
    ('mmd', 'svg')

    Raises:
        OutputError: there is none; the message lists those there are.
    """
    wanted = name.lower().lstrip(".")
    wanted = _ALIASES.get(wanted, wanted)
    if wanted in FORMATS:
        return wanted
    known = ", ".join(FORMATS)
    if wanted in _LATER:
        raise OutputError(f"{name} is not supported yet for pictures; use one of {known}")
    raise OutputError(f"cannot draw {name!r}; use one of {known}")
