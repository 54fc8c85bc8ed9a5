"""A model in the Markdown of MkDocs: a custom fence for ``pymdownx.superfences``."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from cnnshape.errors import CnnshapeError, MissingDependencyError, UsageError
from cnnshape.files import write_atomic
from cnnshape.integrations.figure import STYLE, TABLE, Figure, Request, read_request

try:
    from pymdownx.superfences import SuperFencesException
except ModuleNotFoundError:
    raise MissingDependencyError(
        'fences of MkDocs need pymdown-extensions: pip install "cnnshape[mkdocs]"'
    ) from None
try:  # Zensical and plain Markdown have superfences without MkDocs
    from mkdocs.exceptions import BuildError as _BuildError
except ModuleNotFoundError:
    _BuildError = Exception

#: Where the pages are, in the built site.
_PAGES = "cnnshape"


class FenceError(SuperFencesException, _BuildError):  # pyright: ignore[reportGeneralTypeIssues, reportUntypedBaseClass]
    """A fence that cannot be built: the build ends, with file, line and reason."""


def validate(
    language: str, inputs: dict[str, str], options: dict[str, Any], attrs: Any, md: Any
) -> bool:
    """The validator: options may stand in the head of the fence as well."""
    del language, attrs, md
    options.update(inputs)
    return True


def fence(
    source: str, language: str, class_name: str, options: dict[str, Any], md: Any, **_: Any
) -> str:
    """The format: what the fence says, as HTML.

    Raises:
        FenceError: the model raised, or an option or the model cannot be used.
    """
    del language, class_name
    place = _Place(md)
    try:
        request = _read(source, options)
        figure = Figure.record(request, place.project)
        return _html(figure, place)
    except CnnshapeError as error:
        raise FenceError(f"{place.of(source)}{error}") from None
    except Exception as error:  # superfences would show the fence as it is, and say nothing
        raise FenceError(f"{place.of(source)}{type(error).__name__}: {error}") from error


def _read(source: str, options: dict[str, Any]) -> Request:
    """A request from the lines of a fence: the model, then ``option: value``."""
    model, *lines = source.strip().splitlines() or [""]
    given = {name: str(value) for name, value in options.items()}
    for line in filter(str.strip, lines):
        name, colon, value = line.partition(":")
        name = name.strip()
        if not colon:
            raise UsageError(f"{line.strip()!r} is no option: write it as in style: blocks")
        given[name] = f"{given[name]}\n{value}" if name == "input" in given else value
    return read_request(model, given)


def _html(figure: Figure, place: _Place) -> str:
    request = figure.request
    parts = [STYLE]
    if request.has_picture:
        parts.append(figure.svg())
    if request.has_table:
        parts.append(_table(figure))
    if request.page:
        parts.append(f'<p><a href="{escape(place.write(*figure.page()))}">Interactive page</a></p>')
    if request.caption:
        parts.append(f"<figcaption>{escape(request.caption)}</figcaption>")
    return '<figure class="cnnshape">\n' + "\n".join(parts) + "\n</figure>"


def _table(figure: Figure) -> str:
    heads, rows = figure.table()

    def cell(tag: str, column: int, text: str) -> str:
        shown = escape(text)
        if tag == "td" and heads[column].is_name and text:
            shown = f"<code>{shown}</code>"
        return f'<{tag} style="text-align: {heads[column].align}">{shown}</{tag}>'

    def line(tag: str, texts: tuple[str, ...]) -> str:
        return f"<tr>{''.join(cell(tag, *each) for each in enumerate(texts))}</tr>"

    head = line("th", tuple(each.title for each in heads))
    body = "\n".join(line("td", row) for row in rows)
    return f"{TABLE}<table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody></table></div>"


class _Place:
    """Where a fence stands: what MkDocs or Zensical has told the Markdown processor of it.

    Attributes:
        project: the folder of mkdocs.yml; else the working directory.
    """

    def __init__(self, md: Any) -> None:
        # MkDocs makes links relative by a processor that knows file and site; Zensical has one for
        # nothing else than to be asked.
        known = _processor(md.treeprocessors, "relpath")
        self._file = getattr(known, "file", None)
        self._config = getattr(known, "config", None)
        self.project = Path.cwd()
        self._document: Path | None = None
        zensical = _processor(md.preprocessors, "rendering_context")
        if zensical is not None:
            self.project = Path(zensical.config["root_dir"])
            self._document = self.project / zensical.config["docs_dir"] / zensical.page.path
        if file := getattr(self._config, "config_file_path", None):
            self.project = Path(file).resolve().parent
        if file := getattr(self._file, "abs_src_path", None):
            self._document = Path(file)

    def of(self, source: str) -> str:
        """``docs/index.md:12: ``, before a message; empty where it is not known."""
        if self._document is None:
            return ""
        shown = self._document
        if shown.is_relative_to(self.project):
            shown = shown.relative_to(self.project)
        text = self._document.read_text(encoding="utf-8-sig")
        lines = [line.strip() for line in text.splitlines()]
        fenced = [line.strip() for line in source.strip().splitlines()]
        for start in range(len(lines)):
            if fenced and lines[start : start + len(fenced)] == fenced:
                return f"{shown}:{start + 1}: "
        return f"{shown}: "

    def write(self, name: str, page: str) -> str:
        """Put a page into the site; the link that leads to it from here."""
        if self._file is None or self._config is None:
            raise UsageError("page: only MkDocs says where the site is built; leave it out here")
        from mkdocs.utils import get_relative_url

        folder = Path(self._config.site_dir) / _PAGES
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / name, page)
        return get_relative_url(f"{_PAGES}/{name}", self._file.url)


def _processor(every: Any, name: str) -> Any:
    """The processor of that name, None if there is none."""
    return every[name] if name in every else None  # noqa: SIM401 - no mapping
