"""A model in a manual of Sphinx: ``extensions = ["cnnshape.integrations.sphinx"]``.

``.. cnnshape:: lenet`` puts its picture there. What a builder writes is decided when it writes: one
reading of the documents serves pages, LaTeX and plain text.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

from cnnshape._version import __version__
from cnnshape.errors import CnnshapeError, MissingDependencyError
from cnnshape.files import write_atomic
from cnnshape.integrations.figure import OPTIONS, STYLE, TABLE, Figure, model_file, read_request

try:
    from docutils import nodes
    from docutils.parsers.rst import directives
    from sphinx.util import logging
    from sphinx.util.docutils import SphinxDirective
    from sphinx.util.osutil import relative_uri
except ModuleNotFoundError:
    raise MissingDependencyError(
        'the extension of Sphinx needs Sphinx: pip install "cnnshape[sphinx]"'
    ) from None

#: Where the pages are, in the built manual and beside its doctrees.
_PAGES = "_cnnshape"
_log = logging.getLogger(__name__)


class picture(nodes.General, nodes.Element):  # noqa: N801 - nodes are called as their elements
    """A picture in every medium: ``html``, ``latex`` and ``text``."""


class page_link(nodes.General, nodes.Element):  # noqa: N801
    """A link to the interactive page, where the builder writes pages: ``file``."""


class failure(nodes.General, nodes.Element):  # noqa: N801
    """Why a figure could not be made: ``text``. Its document is read again in the next build."""


class _Options(dict[str, Any]):
    """Takes every option as a text, so that one that does not exist is refused as all else is."""

    def __missing__(self, name: str) -> Any:
        return directives.unchanged


#: What docutils and Sphinx read of every directive.
_DOCUTILS = ("name", "class")


class CnnshapeDirective(SphinxDirective):
    """``.. cnnshape:: MODEL``, with the options of a figure."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[Any] = _Options(dict.fromkeys(OPTIONS, directives.unchanged))

    def run(self) -> list[nodes.Node]:
        """The nodes: picture, table, link; or why there are none."""
        folder = Path(self.env.doc2path(self.env.docname)).parent
        options = {name: text for name, text in self.options.items() if name not in _DOCUTILS}
        try:
            request = read_request(self.arguments[0], options)
            file = model_file(request.model, folder)
            if file is not None:
                self.env.note_dependency(str(file.resolve()))
            return self._nodes(Figure.record(request, folder))
        except CnnshapeError as error:
            self.env.note_reread()
            found = failure(text=str(error))
            self.set_source_info(found)
            return [found]

    def _nodes(self, figure: Figure) -> list[nodes.Node]:
        request = figure.request
        caption, messages = self.parse_inline(request.caption, lineno=self.lineno)
        found: list[nodes.Element] = []
        if request.has_picture:
            found.append(_picture(figure, caption))
        if request.has_table:
            found.append(_table(figure, [] if request.has_picture else caption))
        if request.page:
            name, text = figure.page()
            # As the doctree, it is kept for a later build that does not read this document.
            kept = Path(self.env.doctreedir) / _PAGES
            kept.mkdir(parents=True, exist_ok=True)
            write_atomic(kept / name, text)
            found.append(page_link(file=name))
        for node in found[:1]:
            self.add_name(node)
        return [*found, *messages]


def _picture(figure: Figure, caption: list[nodes.Node]) -> nodes.Element:
    html = f'<div class="cnnshape">\n{STYLE}\n{figure.svg()}\n</div>'
    shown = picture(html=html, latex=figure.tikz(), text=figure.text())
    return nodes.figure("", shown, nodes.caption("", "", *caption)) if caption else shown


def _table(figure: Figure, caption: list[nodes.Node]) -> nodes.Element:
    heads, rows = figure.table()

    def row(texts: tuple[str, ...], is_head: bool) -> nodes.row:
        entries: list[nodes.Node] = []
        for head, text in zip(heads, texts, strict=True):
            code = head.is_name and text and not is_head
            shown = nodes.literal(text, text) if code else nodes.Text(text)
            entries.append(
                nodes.entry("", nodes.paragraph("", "", shown), classes=[f"text-{head.align}"])
            )
        return nodes.row("", *entries)

    columns = [nodes.colspec(colwidth=width) for width in _widths(heads, rows)]
    group = nodes.tgroup("", *columns, cols=len(heads))
    group += nodes.thead("", row(tuple(head.title for head in heads), is_head=True))
    group += nodes.tbody("", *(row(texts, is_head=False) for texts in rows))
    table = nodes.table("", *([nodes.title("", "", *caption)] if caption else []), group)
    opened, closed = (
        nodes.raw("", text, format="html") for text in (f"{STYLE}\n{TABLE}", "</div>")
    )
    return nodes.container("", opened, table, closed)


def _widths(heads: Any, rows: Any) -> list[int]:
    """The widest text of each column."""
    lines = [tuple(head.title for head in heads), *rows]
    return [max(map(len, texts)) for texts in zip(*lines, strict=True)]


def _in_this_medium(app: Any, document: nodes.document, name: str) -> None:
    """What this builder makes of the nodes of a document."""
    for node in list(document.findall(failure)):
        # Here and not when it is read, which other processes may do: the build fails.
        _log.error("cnnshape: %s", node["text"], location=node)
        app.statuscode = 1
        node.replace_self(_as_text(node))
    if app.builder.format not in ("html", "latex"):
        for node in list(document.findall(picture)):
            node.replace_self(_as_text(node))
    has_pages = app.builder.format == "html" and app.builder.name != "epub"
    for node in list(document.findall(page_link)):
        node.replace_self(_link(app, name, node["file"]) if has_pages else [])


def _link(app: Any, document: str, name: str) -> nodes.Node:
    """A link from a document to a page, which is put into the manual."""
    folder = Path(app.outdir) / _PAGES
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(app.doctreedir) / _PAGES / name, folder / name)
    uri = relative_uri(app.builder.get_target_uri(document), f"{_PAGES}/{name}")
    link = nodes.reference("", "Interactive page", internal=True, refuri=uri)
    return nodes.paragraph("", "", link)


def _as_text(node: nodes.Element) -> nodes.Node:
    return nodes.literal_block(node["text"], node["text"], language="none")


def _write_html(writer: Any, node: nodes.Element) -> None:
    writer.body.append(node["html"])
    raise nodes.SkipNode


def _write_latex(writer: Any, node: nodes.Element) -> None:
    writer.body.append(f"\n\n{node['latex']}\n\n")
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    app.add_node(picture, html=(_write_html, None), latex=(_write_latex, None))
    app.add_node(page_link)
    app.add_node(failure)
    app.add_directive("cnnshape", CnnshapeDirective)
    app.connect("doctree-resolved", _in_this_medium)
    for package in ("amssymb", "tikz", "adjustbox"):
        app.add_latex_package(package)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}
