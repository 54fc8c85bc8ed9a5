"""How a result is written: as lines for a reader, and in other formats."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Literal, TypeVar

from cnnshape.files import write_atomic
from cnnshape.formats import choose_format
from cnnshape.garbage import uncollected
from cnnshape.messages import ENGLISH, in_language
from cnnshape.rendering.printing import Fitted, as_html, as_text, terminal_width
from cnnshape.rendering.styled_text import Line

Format = Literal["table", "json", "csv", "markdown", "latex", "html"]
FORMATS: tuple[Format, ...] = ("table", "json", "csv", "markdown", "latex", "html")
#: Those of lists: parameters, models.
ListFormat = Literal["table", "json", "csv", "markdown"]
LIST_FORMATS: tuple[ListFormat, ...] = ("table", "json", "csv", "markdown")

Result = TypeVar("Result")


@dataclass(frozen=True)
class Writer(Generic[Result]):
    """How the results of one class are written; :class:`cnnshape.shown.Shown` asks for it.

    Attributes:
        lines: what a reader sees, in so many cells; as wide as it takes for None.
        html_lines: the same for a page, where a table may be scrolled, and prose may not.
        formats: every other format by name.
    """

    lines: Callable[[Result, int | None], Iterable[Line]]
    formats: Mapping[str, Callable[[Result], str]] = field(default_factory=dict)
    html_lines: Callable[[Result], Iterable[Line]] | None = None

    def text(
        self,
        result: Result,
        format: str = "table",
        width: int | None = None,
        color: bool = False,
    ) -> str:
        """The result in a format; width and colour are for the table only."""
        if format != "table":
            with in_language(ENGLISH):
                return self.formats[format](result)
        return uncollected(lambda: as_text(self.lines(result, width), color))

    def printed(self, result: Result) -> str:
        """What ``print`` shows."""
        return self.text(result, width=terminal_width())

    def html(self, result: Result) -> str:
        """What Jupyter shows."""
        lines = self.html_lines
        return as_html(self.lines(result, None) if lines is None else lines(result))

    def fitted(self, result: Result) -> Fitted:
        """What Rich draws: laid out for the console that it is drawn on."""
        return Fitted(lambda width: self.lines(result, width))

    def save(self, result: Result, path: str | os.PathLike[str], format: str | None = None) -> Path:
        """Write a file; the format comes from its suffix unless it is named.

        Raises:
            OutputError: the suffix is unknown, or the file cannot be written.
            UsageError: there is no format of this name.
        """
        chosen = choose_format(path, format, ("table", *self.formats))
        with in_language(ENGLISH):  # a file is for others as well
            text = self.text(result, chosen)
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
