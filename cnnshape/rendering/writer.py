"""How a result is written: as lines for a reader, and in other formats by name or suffix."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Literal, TypeVar

from cnnshape.errors import OutputError, UsageError
from cnnshape.files import write_atomic
from cnnshape.rendering.printing import Fitted, as_html, as_text, terminal_width
from cnnshape.rendering.styled_text import Line

Format = Literal["table", "json", "csv", "markdown", "latex"]
FORMATS: tuple[Format, ...] = ("table", "json", "csv", "markdown", "latex")
#: Those of lists: parameters, models.
ListFormat = Literal["table", "json", "csv", "markdown"]
LIST_FORMATS: tuple[ListFormat, ...] = ("table", "json", "csv", "markdown")
SUFFIXES: dict[str, str] = {
    ".txt": "table",
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".tex": "latex",
    ".xml": "junit",
}
_PICTURES = (".svg", ".png", ".pdf", ".dot", ".gv", ".mmd")


def format_of(path: str | os.PathLike[str], formats: Sequence[str] = FORMATS) -> str:
    """The format that a file's suffix stands for.

    Raises:
        OutputError: it stands for none of ``formats``; the message lists the suffixes that do.

    >>> format_of("lenet.shapes.json"), format_of("README.md")
    ('json', 'markdown')
    """
    suffix = Path(path).suffix.lower()
    if suffix in SUFFIXES and SUFFIXES[suffix] in formats:
        return SUFFIXES[suffix]
    known = ", ".join(known for known, meant in SUFFIXES.items() if meant in formats)
    if suffix in (".html", ".htm"):
        raise OutputError(f"{suffix} is not supported yet for {path}; use one of {known}")
    if suffix in _PICTURES:
        raise OutputError(
            f"{suffix} is a picture and this writes a table; use one of {known}, "
            "or cnnshape draw for pictures"
        )
    what = f"{suffix} is no known format" if suffix else f"{path} has no suffix"
    raise OutputError(f"{what}; use one of {known}, or name a format (-f {', '.join(formats)})")


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
    raise UsageError(f"no format {format!r}; use one of {', '.join(formats)}")


Result = TypeVar("Result")


@dataclass(frozen=True)
class Writer(Generic[Result]):
    """How the results of one class are written; :class:`cnnshape.shown.Shown` asks for it.

    Attributes:
        lines: what a reader sees, in so many cells; as wide as it takes for None.
        formats: every other format by name.
    """

    lines: Callable[[Result, int | None], Iterable[Line]]
    formats: Mapping[str, Callable[[Result], str]] = field(default_factory=dict)

    def text(
        self,
        result: Result,
        format: str = "table",
        width: int | None = None,
        color: bool = False,
    ) -> str:
        """The result in a format; width and colour are for the table only."""
        if format != "table":
            return self.formats[format](result)
        return as_text(self.lines(result, width), color)

    def printed(self, result: Result) -> str:
        """What ``print`` shows."""
        return self.text(result, width=terminal_width())

    def html(self, result: Result) -> str:
        """What Jupyter shows."""
        return as_html(self.lines(result, None))

    def fitted(self, result: Result) -> Fitted:
        """What Rich draws: laid out for the console that it is drawn on."""
        return Fitted(lambda width: self.lines(result, width))

    def save(self, result: Result, path: str | os.PathLike[str], format: str | None = None) -> Path:
        """Write a file; the format comes from its suffix unless it is named.

        Raises:
            OutputError: the suffix is unknown, or the file cannot be written.
            UsageError: there is no format of this name.
        """
        text = self.text(result, choose_format(path, format, ("table", *self.formats)))
        return write_atomic(path, text if text.endswith("\n") else text + "\n")


def csv_text(headings: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A line of headings and a line per row.

    >>> csv_text(["name", "count"], [["fc, bias", 10], ["lazy", None]])
    'name,count\\n"fc, bias",10\\nlazy,\\n'
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows(rows)
    return buffer.getvalue()
