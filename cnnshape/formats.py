"""Which format a result is written in: the one that was named, or that of a file's suffix."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

from cnnshape.errors import OutputError, UsageError
from cnnshape.messages import say

SUFFIXES: dict[str, str] = {
    ".txt": "table",
    ".json": "json",
    ".jsonl": "jsonl",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".tex": "latex",
    ".xml": "junit",
    ".html": "html",
    ".htm": "html",
}
_TABLES = ("table", "json", "csv", "markdown", "latex")
_PICTURES = (".svg", ".png", ".pdf", ".dot", ".gv", ".mmd")


def format_of(path: str | os.PathLike[str], formats: Sequence[str] = _TABLES) -> str:
    """The format that a file's suffix stands for.

    Raises:
        OutputError: it stands for none of ``formats``; the message lists the suffixes that do.

    >>> format_of("lenet.shapes.json"), format_of("README.md")
    ('json', 'markdown')
    """
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122 - without importing pathlib
    if suffix in SUFFIXES and SUFFIXES[suffix] in formats:
        return SUFFIXES[suffix]
    known = ", ".join(known for known, meant in SUFFIXES.items() if meant in formats)
    if suffix in (".html", ".htm"):
        raise OutputError(
            say(
                "{suffix} is a page and this writes none; use one of {known}, or "
                "cnnshape inspect for pages",
                suffix=suffix,
                known=known,
            )
        )
    if suffix in _PICTURES:
        raise OutputError(
            say(
                "{suffix} is a picture and this writes a table; use one of "
                "{known}, or cnnshape draw for pictures",
                suffix=suffix,
                known=known,
            )
        )
    what = (
        say("{suffix} is no known format", suffix=suffix)
        if suffix
        else say("{path} has no suffix", path=path)
    )
    raise OutputError(
        say(
            "{what}; use one of {known}, or name a format (-f {formats})",
            what=what,
            known=known,
            formats=", ".join(formats),
        )
    )


_Name = TypeVar("_Name", bound=str)


def choose_format(
    path: str | os.PathLike[str] | None, format: str | None, formats: tuple[_Name, ...]
) -> _Name:
    """One of ``formats``: that asked for by name, else by suffix, else the first (a table).

    Raises:
        OutputError: the suffix stands for none of them.
        UsageError: there is no format of this name.
    """
    if format is None and (path is None or os.fspath(path) == "-"):
        return formats[0]
    wanted = format if format is not None or path is None else format_of(path, formats)
    for known in formats:
        if known == wanted:
            return known
    raise UsageError(
        say(
            "no format {format}; use one of {formats}",
            format=repr(format),
            formats=", ".join(formats),
        )
    )
