"""Results that show themselves: printed, drawn by Rich and Jupyter, saved to a file.

A result is plain data, and the room that writes it, rendering, stands above it: a writer knows its
result, a result knows no writer. The one way back up is taken by name and only when somebody
looks, so that whoever makes a result imports nothing of what draws it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar


class Shown:
    """What every result can do: ``print(result)``, ``result.save("net.json")``.

    ``_written_by`` names the module in which its class has its
    :class:`~cnnshape.rendering.writer.Writer`, as ``WRITER``.
    """

    __slots__ = ()

    _written_by: ClassVar[str]

    @property
    def _writer(self) -> Any:
        return import_module(self._written_by).WRITER

    def __str__(self) -> str:
        """What a reader sees, as plain text: as wide as the terminal, where there is one."""
        return self._writer.printed(self)

    def __rich__(self) -> Any:
        """The same for Rich to draw, in colour."""
        return self._writer.fitted(self)

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        """The same for Jupyter: HTML, with plain text to fall back on."""
        return {"text/plain": self.to_text(), "text/html": self._writer.html(self)}

    def to_text(self, format: str = "table", width: int | None = None, color: bool = False) -> str:
        """The result in a format; a table is as wide as it takes, and plain.

        Args:
            format: as for :meth:`save`.
            width: columns of text that the table fits into.
            color: ANSI escape sequences for the colours this terminal has.
        """
        return self._writer.text(self, format, width, color)

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> Path:
        """Write the result; the format comes from the suffix unless ``format`` names it.

        Raises:
            OutputError: the suffix is not known, or the file cannot be written.
        """
        return self._writer.save(self, path, format)


def told(text: Callable[..., str]) -> dict[str, str]:
    """What a notebook shows of an answer that is a text: HTML, with plain text to fall back on.

    Args:
        text: the text; it may be given a style (:mod:`cnnshape.formulas.text_style`).
    """
    html = import_module("cnnshape.rendering.answer_html").html_of
    return {"text/plain": text(), "text/html": html(text)}
