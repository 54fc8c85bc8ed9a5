"""One more pass, line by line: what the source of a model binds, for ``cnnshape annotate``."""

from __future__ import annotations

import sys
import sysconfig
from functools import cache
from pathlib import Path

from torch import nn

from cnnshape.analysis.report import Report
from cnnshape.experiments.symbolic.letters import filled
from cnnshape.loading.prepare import Prepared
from cnnshape.loading.tensors import make_tensors
from cnnshape.loading.unwrap import unwrap
from cnnshape.tracing.execute import Inputs, record
from cnnshape.tracing.lines import LineVisit, noting_lines
from cnnshape.tracing.source import hides


def visited_lines(prepared: Prepared, report: Report) -> tuple[LineVisit, ...]:
    """Every line of the model's own code in the order in which it ran.

    The pass runs where the report's did; with letters in the input at the sizes in which its
    expressions were found, so that every tensor has the same number as in the report's trace.
    """
    device = report.device
    real = device not in ("meta", "fake")
    module = prepared.real_module() if real else prepared.module
    place = "cpu" if real else "meta"
    if prepared.inputs.has_letters:
        inputs = filled(prepared.inputs, report.letters)
        given = make_tensors(inputs, device=place, dtype=prepared.options.dtype)
    else:
        given = prepared.arguments(place)
    visits: list[LineVisit] = []
    root = _file(prepared.module)
    record(
        module,
        Inputs(*given),
        device=device,
        mode=report.mode,
        exact=prepared.options.exact,
        recorder_type=noting_lines(visits, cache(lambda file: is_own(file, root))),
    )
    return tuple(visits)


def _file(module: nn.Module) -> str | None:
    """The file that the model's class is written in."""
    return getattr(sys.modules.get(type(unwrap(module)).__module__), "__file__", None)


def is_own(file: str, root: str | None) -> bool:
    """Whether a file is the model's own code: of no installed package, or of the one it comes from.

    >>> is_own("/home/me/net.py", None)
    True
    >>> is_own("/lib/site-packages/einops/layers.py", "/home/me/net.py")
    False
    """
    if hides(file) or file.startswith("<"):
        return False
    package = _package(file)
    return package is None or (root is not None and package == _package(root))


_LIBRARY = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
_CNNSHAPE = Path(__file__).parents[1]


def _package(file: str) -> str | None:
    """The installed package that a file is in, or Python's own library."""
    path = Path(file)
    for folder in ("site-packages", "dist-packages"):
        if folder in path.parts:
            return path.parts[path.parts.index(folder) + 1]
    if any(path.is_relative_to(folder) for folder in _LIBRARY):
        return "Python"
    if path.is_relative_to(_CNNSHAPE):
        return path.relative_to(_CNNSHAPE).parts[0]  # a bundled model shows models/ alone
    return None
