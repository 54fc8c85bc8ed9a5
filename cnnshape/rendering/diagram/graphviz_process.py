"""Graphviz, run where its crash or hang can do no harm.

``dot`` from the PATH if there is one, else the libraries inside the ``pygraphviz`` wheel; both
in a process of their own with a time limit.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import graphviz

from cnnshape.errors import CnnshapeError, MissingDependencyError
from cnnshape.interrupts import held, let_through
from cnnshape.rendering.diagram.identifiers import identifier
from cnnshape.rendering.fonts import environment

#: Seconds after which a layout is given up.
TIME_LIMIT = 30.0
#: Pictures made of pixels have twice the usual 96 per inch.
PIXELS_PER_INCH = 192

_ENGINE = Path(__file__).parent / "graphviz_child.py"


class LayoutError(CnnshapeError):
    """The layout engine crashed, refused the graph, or took too long."""


class LayoutTimeout(LayoutError):  # noqa: N818 - it says what happened
    """The layout engine took too long."""


def new_graph(name: str) -> graphviz.Digraph:
    """An empty graph named after the model."""
    return graphviz.Digraph(identifier(name) or "model")


def paint(graph: graphviz.Digraph, format: str) -> bytes:
    """A graph whose positions are all given as a picture: ``svg``, ``png``, ``pdf``, ….

    A PNG has its resolution, a PDF no paper around it.
    """
    needs = {"png": {"dpi": str(PIXELS_PER_INCH)}, "pdf": {"margin": "0"}}
    graph.attr("graph", **needs.get(format, {}))
    return run(graph.source, format, engine="nop2")


def run(dot: str, format: str, *, engine: str = "dot", limit: float | None = None) -> bytes:
    """What Graphviz makes of ``dot``.

    Args:
        dot: the graph.
        format: ``svg``, ``png``, ``pdf``, ``json``, … as Graphviz calls them.
        engine: ``dot``, or ``nop2`` for a graph whose positions are all given.
        limit: seconds; :data:`TIME_LIMIT` if None.

    Raises:
        LayoutError: with the reason in one sentence; a LayoutTimeout if the time was up.
        MissingDependencyError: there is neither ``dot`` nor pygraphviz.
    """
    command = _command(engine, format)
    limit = TIME_LIMIT if limit is None else limit
    with held(), tempfile.TemporaryDirectory(prefix="cnnshape-") as folder:
        try:
            code, output, errors = _run(
                command, dot.encode("utf-8"), environment(Path(folder)), limit
            )
        except subprocess.TimeoutExpired:
            raise LayoutTimeout(f"Graphviz did not finish within {limit:g} s") from None
        except OSError as error:
            raise LayoutError(f"Graphviz cannot be started: {error.strerror or error}") from error
    if code != 0 or not output:
        raise LayoutError(_reason(code, errors.decode("utf-8", "replace")))
    return output


def _run(
    command: Sequence[str], given: bytes, environment: Mapping[str, str], limit: float
) -> tuple[int, bytes, bytes]:
    """A process's exit code and what it wrote; it does not outlive this call."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment
    ) as process:
        try:
            output, errors = let_through(process.communicate, given, limit)
        finally:
            process.kill()
    return process.returncode, output, errors


def lay_out(dot: str, *, limit: float | None = None) -> Mapping[str, Any]:
    """The positions that Graphviz gives to everything, as its JSON describes them."""
    return cast("Mapping[str, Any]", json.loads(run(dot, "json", limit=limit)))


def _command(engine: str, format: str) -> list[str]:
    dot = shutil.which("dot")
    if dot is not None:
        return [dot, f"-K{engine}", f"-T{format}"]
    return [sys.executable, str(_ENGINE), engine, format]


def _reason(code: int, message: str) -> str:
    if "No module named 'pygraphviz'" in message:
        raise MissingDependencyError(
            "drawing needs Graphviz: install pygraphviz (pip install pygraphviz) or put dot on "
            "the PATH"
        )
    if code < 0:
        return f"Graphviz crashed (signal {-code})"
    lines = [line for line in message.splitlines() if line.strip() and "Fontconfig" not in line]
    said = lines[-1].strip() if lines else f"exit code {code}"
    return f"Graphviz could not lay the graph out: {said}"
