"""A model in a manual, whatever builds it: what its options ask for, and the picture and table.

>>> request = read_request("lenet", {"input": "N,1,28,28", "style": "blocks", "columns": "params"})
>>> request.inputs, request.style, request.page
(('N,1,28,28',), 'blocks', False)
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from cnnshape.errors import ModelFailedError, ModelNotFoundError, UsageError
from cnnshape.words import did_you_mean, listed

if TYPE_CHECKING:
    from cnnshape.analysis.report import Report
    from cnnshape.rendering.columns import Align
    from cnnshape.rendering.diagram import Drawing
    from cnnshape.rendering.row import Row

OPTIONS = ("input", "style", "depth", "columns", "theme", "page", "caption")
_STYLES = ("graph", "blocks", "tree", "none")
_THEMES = ("auto", "light", "dark", "mono")
_TRUTH = {"": True, "true": True, "yes": True, "false": False, "no": False}
#: The letters of a line in what is told of a failure.
_ROOM = 100


@dataclass(frozen=True, slots=True)
class Request:
    """What a directive or a fence asks for.

    Attributes:
        model: the MODEL argument.
        inputs: its inputs, each as after ``-i``.
        style: that of the picture; ``none`` for the table alone.
        depth: modules deeper than this are not opened; None for what suits picture and table.
        columns: those of the table; empty for no table, or for the usual ones of a table alone.
        theme: the colours; ``auto`` are those that the reader has chosen.
        page: whether a link leads to the interactive page.
        caption: what stands below.
    """

    model: str
    inputs: tuple[str, ...] = ()
    style: str = "graph"
    depth: int | None = None
    columns: str = ""
    theme: str = "auto"
    page: bool = False
    caption: str = ""

    @property
    def has_picture(self) -> bool:
        """Whether there is a picture."""
        return self.style != "none"

    @property
    def has_table(self) -> bool:
        """Whether there is a table."""
        return bool(self.columns) or not self.has_picture


def read_request(model: str, options: Mapping[str, str]) -> Request:
    """A request from its texts; several inputs stand on lines of their own, or apart by ``;``.

    Raises:
        UsageError: there is no such option, or a value is none of its choices.
    """
    for name in options:
        if name not in OPTIONS:
            hint = did_you_mean(name, OPTIONS) or f"; there are {listed(OPTIONS)}"
            raise UsageError(f"no option {name!r}{hint}")
    given = {name: text.strip() for name, text in options.items()}
    depth = given.get("depth")
    if depth is not None and not (depth.isdecimal() and int(depth)):
        raise UsageError(f"depth is 1 or more, not {depth!r}")
    return Request(
        model.strip(),
        tuple(filter(None, map(str.strip, re.split(r"[;\n]", given.get("input", ""))))),
        _choice("style", given.get("style", "graph"), _STYLES),
        None if depth is None else int(depth),
        given.get("columns", ""),
        _choice("theme", given.get("theme", "auto"), _THEMES),
        _TRUTH[_choice("page", given.get("page", "false").lower(), tuple(_TRUTH))],
        given.get("caption", ""),
    )


def _choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        known = listed(tuple(filter(None, choices)), "or")
        raise UsageError(f"{name} is {known}, not {value!r}")
    return value


def model_file(model: str, folder: Path) -> Path | None:
    """The file or folder that a MODEL argument names, seen from ``folder``; None if none.

    >>> model_file("net.py:Net(width=2)", Path("docs")).as_posix()
    'docs/net.py'
    >>> model_file("lenet", Path("docs"))
    """
    from cnnshape.loading.spec import parse_spec

    try:
        spec = parse_spec(model)
    except ModelNotFoundError:
        return folder / model if model and (folder / model).is_dir() else None
    return folder / spec.source if spec.kind in ("file", "saved", "run", "hf") else None


def _located(model: str, folder: Path) -> str:
    """The same MODEL argument, wherever one works."""
    file = model_file(model, folder)
    if file is None:
        return model
    # The arguments behind a file may have slashes, which a Path would tidy.
    return f"hf:{file}" if model.startswith("hf:") else os.path.join(folder, model)  # noqa: PTH118


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column; ``is_name`` where the names of layers stand below."""

    title: str
    align: Align
    is_name: bool


@dataclass(frozen=True)
class Figure:
    """A recorded model, to be written in the medium of a document."""

    request: Request
    report: Report

    @staticmethod
    def record(request: Request, folder: Path) -> Figure:
        """Run the model once; a file in its name is found from ``folder``.

        Raises:
            UsageError: the model, an input, or an option cannot be used.
            ModelFailedError: the model raised; the message is the diagnosis.
        """
        from cnnshape.api.inspecting import inspect
        from cnnshape.loading.inputs import from_texts
        from cnnshape.rendering.columns import parse_columns
        from cnnshape.rendering.failure import failure_lines
        from cnnshape.rendering.printing import as_text

        if request.columns:  # before the model is run
            parse_columns(request.columns)
        report = inspect(_located(request.model, folder), from_texts(request.inputs))
        if report.error is not None:
            told = as_text(failure_lines(report, _ROOM))
            raise ModelFailedError(told.strip().removeprefix("✗ "))
        # A manual is the same at every build: it tells no time, and no folder of whoever built it.
        return Figure(request, replace(report, spec=request.model, seconds=0.0))

    def page(self) -> tuple[str, str]:
        """The name of a file for the interactive page, and its text."""
        from hashlib import sha256

        text = self.report.to_text("html")
        name = re.sub(r"[^\w.-]+", "-", self.request.model).strip("-")
        return f"{name}-{sha256(text.encode()).hexdigest()[:10]}.html", text

    def text(self) -> str:
        """What stands for a picture where only letters can: the table."""
        return self.report.to_text(width=_ROOM)

    def tikz(self) -> str:
        """The picture for LaTeX, no larger than a page."""
        theme = "light" if self.request.theme == "auto" else self.request.theme
        return (
            "\\begin{adjustbox}{max width=\\linewidth,max totalheight=0.8\\textheight}\n"
            f"{self._drawing(theme).tikz()}\n\\end{{adjustbox}}"
        )

    def svg(self) -> str:
        """The picture inline: in both themes where it follows the reader's."""
        if self.request.theme != "auto":
            return _inline(self._drawing(self.request.theme).svg(), "")
        light, dark = (
            _inline(self._drawing(theme).svg(), f"cnnshape-{theme}") for theme in ("light", "dark")
        )
        return f"{light}\n{dark}"

    def _drawing(self, theme: str) -> Drawing:
        from cnnshape.rendering.diagram import draw_options, draw_report

        chosen = {"style": self.request.style, "depth": self.request.depth, "theme": theme}
        return draw_report(self.report, draw_options(**chosen))

    def table(self) -> tuple[tuple[Head, ...], list[tuple[str, ...]]]:
        """The heads of the columns, and the cells of each row."""
        from cnnshape.rendering.columns import (
            align_of,
            choose_columns,
            in_and_out,
            paired,
            parse_columns,
            title_of,
        )
        from cnnshape.rendering.row import TableOptions
        from cnnshape.rendering.rows import select_rows

        wanted = self.request.columns
        names = tuple(each.name for each in parse_columns(wanted)) if wanted else None
        table = select_rows(self.report, TableOptions(depth=self.request.depth, columns=names))
        parts = paired(choose_columns(table, names, formulas=False))
        heads = tuple(
            Head(title_of(part), align_of(part), part[0].name == "layer") for part in parts
        )

        def cells(row: Row) -> Iterator[str]:
            for part in parts:
                if len(part) == 2:
                    yield in_and_out(row, table.hide_batch)
                elif part[0].name == "layer":
                    yield "" if row.role == "operation" else f"{row.name} {row.tag}".strip()
                else:
                    yield part[0].text(row, table.hide_batch)

        return heads, [tuple(cells(row)) for row in table.rows]


#: Dark where the manual's own switch says so, or leaves it to the system; paper is light. The
#: switches are those of furo and pydata, of MkDocs, of Material and Zensical, and of others.
_DARK = ":is([data-theme=dark], [data-bs-theme=dark], [data-md-color-scheme=slate], .dark)"
_AUTO = "[data-theme=auto]"
STYLE = f"""\
<style>
.cnnshape svg {{ max-width: 100%; height: auto; }}
.cnnshape-table {{ overflow-x: auto; }}
.cnnshape-table .text-right {{ text-align: right; }}
.cnnshape-table .text-center {{ text-align: center; }}
@media screen {{
  {_DARK} .cnnshape-light {{ display: none; }}
  {_DARK} .cnnshape-dark {{ display: inline !important; }}
}}
@media screen and (prefers-color-scheme: dark) {{
  {_AUTO} .cnnshape-light {{ display: none; }}
  {_AUTO} .cnnshape-dark {{ display: inline !important; }}
}}
</style>"""

#: What opens around a table: it is moved sideways where it is too wide, by the keyboard too.
TABLE = '<div class="cnnshape-table" tabindex="0">'


def _inline(svg: str, theme: str) -> str:
    """An SVG document as an element of a page that has other elements, and other pictures.

    Its identifiers would be there twice. The dark one is shown by a rule of the page alone.
    """
    root = ET.fromstring(svg.replace(_NAMESPACE, "", 1))  # noqa: S314 - our own
    for element in root.iter():
        element.attrib.pop("id", None)
        element.attrib.pop("aria-labelledby", None)
    if theme:
        root.set("class", theme)
    if theme == "cnnshape-dark":
        root.set("style", "display:none")
    text = ET.tostring(root, encoding="unicode")
    return text.replace("<svg", f"<svg{_NAMESPACE}", 1)


_NAMESPACE = ' xmlns="http://www.w3.org/2000/svg"'
