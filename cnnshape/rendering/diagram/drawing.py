"""The drawing that users get: a ``graphviz`` graph that can write itself without ``dot``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import graphviz

from cnnshape.files import write_atomic
from cnnshape.rendering.diagram.formats import FORMATS, format_named, format_of
from cnnshape.rendering.diagram.layout import LayoutError
from cnnshape.rendering.diagram.picture import Picture


class Drawing(graphviz.Digraph):
    """An architecture diagram.

    It is a ``graphviz.Digraph``: its ``source`` is DOT and notebooks show it. Unlike one it
    needs no ``dot`` executable, and :meth:`save` and :meth:`write` take the format from the suffix.

    >>> import cnnshape
    >>> drawing = cnnshape.draw("lenet", (1, 1, 28, 28))  # doctest: +SKIP
    >>> drawing.save("lenet.svg")  # doctest: +SKIP
    """

    def __init__(self, picture: Picture) -> None:
        graph = picture.digraph()
        super().__init__(name=graph.name, format="svg", body=list(graph.body))
        self._picture = picture

    def write(self, path: str | os.PathLike[str], format: str | None = None) -> Path:
        """Write the drawing; the format comes from the suffix unless ``format`` names it.

        The file is either the old one or the whole new one. If the layout engine fails, the
        graph is kept beside it as DOT.

        Raises:
            OutputError: the suffix is not known, or the file cannot be written.
            LayoutError: Graphviz crashed or took too long.
        """
        target = Path(path)
        chosen = format_named(format) if format else format_of(target)
        try:
            content = self.render_as(chosen)
        except LayoutError as error:
            kept = target.with_suffix(".dot")
            write_atomic(kept, self.source)
            raise LayoutError(f"{error}. The graph itself is in {kept}") from error
        return write_atomic(target, content)

    def render_as(self, format: str) -> bytes:
        """The drawing's bytes in one of the formats that :meth:`write` knows.

        Raises:
            OutputError: there is no such format.
            LayoutError: Graphviz crashed or took too long.
        """
        wanted = format_named(format)
        texts: dict[str, Callable[[], str]] = {
            "dot": lambda: self.source,
            "gv": lambda: self.source,
            "mmd": self._picture.mermaid,
        }
        if wanted in texts:
            return texts[wanted]().encode("utf-8")
        return self._picture.paint(wanted)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know about the picture: how deep it goes, what is missing."""
        return self._picture.notes

    def mermaid(self) -> str:
        """The drawing as a Mermaid flowchart."""
        return self._picture.mermaid()

    def svg(self) -> str:
        """The drawing as SVG text."""
        return self._picture.paint("svg").decode("utf-8")

    # ---- what a graphviz graph does, done without `dot` ----------------------------------

    def save(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        *,
        skip_existing: bool | None = False,
    ) -> str:
        """Write to ``filename``, as a picture if its suffix is that of one, else as DOT."""
        target = Path(filename or self.filename)
        if directory is not None:
            target = Path(directory) / target
        if skip_existing and target.exists():
            return str(target)
        known = target.suffix[1:].lower() in FORMATS
        return str(self.write(target, None if known else "dot"))

    def pipe(self, format: str | None = None, *_args: Any, **options: Any) -> Any:
        """The bytes of a picture; text if an ``encoding`` is given. Notebooks call this."""
        data = self.render_as(format or self.format)
        encoding: str | None = options.get("encoding")
        return data if encoding is None else data.decode(encoding)

    def render(self, filename: Any = None, *args: Any, **options: Any) -> str:
        """Write ``filename`` with the suffix of the format appended, as graphviz does."""
        format_ = str(options.get("format") or self.format)
        directory = options.get("directory", args[0] if args else None)
        target = Path(filename or self.filename)
        if directory is not None:
            target = Path(directory) / target
        return str(self.write(target.with_name(f"{target.name}.{format_}"), format_))
