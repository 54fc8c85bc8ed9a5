"""The report that the public functions return: the data, and how they show themselves."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from cnnshape.analysis.report import ReportData


class Report(ReportData):
    """A report that shows itself: ``print(report)``, Rich, Jupyter, ``report.save("net.json")``.

    The data are those of :class:`~cnnshape.analysis.report.ReportData`; see there for the
    attributes.
    """

    @classmethod
    def of(cls, data: ReportData) -> Report:
        """The same data as a report that shows itself."""
        return cls(**{field.name: getattr(data, field.name) for field in fields(data)})

    def __str__(self) -> str:
        """The table as plain text, as wide as the terminal."""
        from cnnshape.rendering.text import terminal_width, to_text

        return to_text(self, width=terminal_width())

    def __rich__(self) -> Any:
        """The table for Rich to draw."""
        from cnnshape.rendering.table import render_table

        return render_table(self)

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        """The table for Jupyter: HTML with a plain-text fallback."""
        from cnnshape.rendering.text import to_html, to_text

        return {"text/plain": to_text(self), "text/html": to_html(self)}

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> Path:
        """Write the report; the format comes from the suffix unless ``format`` names it.

        Raises:
            OutputError: the suffix is not known, or the file cannot be written.
        """
        from cnnshape.rendering.formats import write_report

        return write_report(self, path, format=format)
