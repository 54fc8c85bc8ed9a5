"""The drawing that users get: made from a report, written in any format without ``dot``."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

import graphviz

from cnnshape.analysis.report import Report
from cnnshape.errors import OutputError, UsageError
from cnnshape.files import write_atomic
from cnnshape.rendering.diagram.dataflow import build_flow
from cnnshape.rendering.diagram.draw_options import DrawOptions
from cnnshape.rendering.diagram.graphviz_process import LayoutError
from cnnshape.tracing.trace import Trace
from cnnshape.words import did_you_mean

#: ``gv`` is DOT's other usual suffix, ``mmd`` that of Mermaid, ``tex`` stands for TikZ.
FORMATS = ("svg", "png", "pdf", "html", "tex", "dot", "gv", "mmd")
_ALIASES = {"mermaid": "mmd", "graphviz": "dot", "htm": "html", "tikz": "tex", "latex": "tex"}


def draw_report(report: Report, options: DrawOptions | None = None) -> Drawing:
    """The diagram of one recorded pass.

    Args:
        report: what ``cnnshape.inspect`` gave; of a model that raised, too: the picture then
            ends at the failing layer, in red.
        options: style, depth, direction, colours, what to show.

    Raises:
        UsageError: a path in ``only`` or ``collapse`` names no module that ran.

    >>> import torch
    >>> from cnnshape.analysis.build import build_report
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.ReLU())
    >>> drawing = draw_report(build_report(record(net, Inputs((torch.zeros(1, 4),))).trace))
    >>> "Linear 4→2" in drawing.source
    True
    """
    options = options or DrawOptions()
    picture = picture_of(report, options)

    def page() -> str:
        from cnnshape.rendering.page.diagram_page import diagram_page

        # A page has both themes: it repaints what is drawn in light colours.
        light = options if options.theme == "mono" else replace(options, theme="light")
        svg = picture_of(report, light).paint("svg").decode("utf-8")
        return diagram_page(report.class_name, svg, options.theme)

    return Drawing(picture, page)


def picture_of(report: Report, options: DrawOptions) -> Picture:
    """The picture in the style that was asked for."""
    trace = report.trace
    for pattern in options.collapse:
        _require(trace, pattern, "--collapse")
    root = _root(trace, options.only)
    # Each style is a few files of its own: only those of the one that is drawn are read.
    if options.style == "tree":
        from cnnshape.rendering.diagram.tree_picture import tree_picture

        return tree_picture(report, options)
    flow = build_flow(trace, root)
    if options.style == "blocks":
        from cnnshape.rendering.diagram.blocks_picture import blocks_picture

        return blocks_picture(flow, report, options)
    if options.fit:
        from cnnshape.rendering.diagram.fitted_picture import fitted_picture

        return fitted_picture(flow, report, options)
    from cnnshape.rendering.diagram.graph_picture import graph_picture

    return graph_picture(flow, report, options)


def _root(trace: Trace, only: str) -> int:
    """The first call of the module that alone is to be drawn; 0 for the whole model."""
    if not only:
        return 0
    _require(trace, only, "--only")
    for call in trace.calls:
        if call.path == only:
            return call.index
    inside = [call.path for call in trace.calls if call.path.startswith(only + ".")]
    if inside:
        raise UsageError(
            f"--only {only}: {trace.module(only).type} is never called itself; name one of its "
            f"modules, such as {inside[0]}"
        )
    raise UsageError(f"--only {only}: this module did not run")


def _require(trace: Trace, pattern: str, flag: str) -> None:
    paths = [module.path for module in trace.modules if module.path]
    if any(path == pattern or fnmatchcase(path, pattern) for path in paths):
        return
    hint = did_you_mean(pattern, paths, cutoff=0.5) or "; see cnnshape inspect for the names"
    raise UsageError(f"{flag} {pattern}: the model has no such module{hint}")


class Picture(Protocol):
    """One picture, whatever its style."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know about it."""
        ...

    def digraph(self) -> graphviz.Digraph:
        """It as DOT."""
        ...

    def paint(self, format: str) -> bytes:
        """It as ``svg``, ``png``, ``pdf`` or ``tex``."""
        ...

    def mermaid(self) -> str:
        """It as a Mermaid flowchart."""
        ...


class Drawing(graphviz.Digraph):
    """An architecture diagram.

    It is a ``graphviz.Digraph``: its ``source`` is DOT and notebooks show it. Unlike one it
    needs no ``dot`` executable, and :meth:`save` and :meth:`write` take the format from the suffix.

    >>> import cnnshape
    >>> drawing = cnnshape.draw("lenet", (1, 1, 28, 28))  # doctest: +SKIP
    >>> drawing.save("lenet.svg")  # doctest: +SKIP
    """

    def __init__(self, picture: Picture, page: Callable[[], str]) -> None:
        graph = picture.digraph()
        super().__init__(name=graph.name, format="svg", body=list(graph.body))
        self._picture = picture
        self._page = page

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
            "html": self._page,
        }
        if wanted in texts:
            return texts[wanted]().encode("utf-8")
        return self._picture.paint(wanted)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **_: Any) -> Any:
        """The drawing for Jupyter: SVG, with a line of text where that cannot be shown."""
        bundle = super()._repr_mimebundle_(include, exclude)
        plain = f'diagram of {self.name} (save("{self.name}.svg") writes it)'
        return {"text/plain": plain, **bundle}

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

    def tikz(self) -> str:
        """The drawing as a ``tikzpicture`` for LaTeX."""
        return self._picture.paint("tex").decode("utf-8")

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


# ---- formats by name and by suffix ------------------------------------------------------


def format_of(path: str | os.PathLike[str]) -> str:
    """The format that a file's suffix asks for.

    >>> format_of("lenet.SVG"), format_of("out/net.mmd")
    ('svg', 'mmd')

    Raises:
        OutputError: the suffix is not known; the message lists the known ones.
    """
    suffix = Path(path).suffix[1:].lower()
    suffix = "html" if suffix == "htm" else suffix
    if suffix in FORMATS:
        return suffix
    known = ", ".join(f".{name}" for name in FORMATS)
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
    raise OutputError(f"cannot draw {name!r}; use one of {known}")
