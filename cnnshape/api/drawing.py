"""``cnnshape.draw``: load what has to be loaded, run it once, draw what it did."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from cnnshape.analysis.report import Report
from cnnshape.api.inspecting import Mode, inspect

if TYPE_CHECKING:
    from cnnshape.rendering.diagram import Drawing


def draw(
    model: nn.Module | str | Report,
    inputs: object = None,
    filename: str | os.PathLike[str] | None = None,
    *,
    args: tuple[Any, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    device: str = "auto",
    mode: Mode = "eval",
    dtype: str | None = None,
    weights: str | Path | None = None,
    trust_pickle: bool = False,
    exact: bool = False,
    **options: Any,
) -> Drawing:
    """The architecture diagram of a model, from one forward pass.

    Args:
        model: an ``nn.Module``, a MODEL argument of the command line such as ``"lenet"``, or a
            report that :func:`cnnshape.inspect` gave.
        inputs: as for :func:`cnnshape.inspect`.
        filename: write the drawing there as well; the suffix decides how: ``.svg``, ``.png``,
            ``.pdf``, ``.tex`` (TikZ), ``.dot``, ``.gv`` or ``.mmd`` (Mermaid).
        args: as for :func:`cnnshape.inspect`.
        kwargs: as for :func:`cnnshape.inspect`.
        device: as for :func:`cnnshape.inspect`, and so are the next three.
        mode: ``eval`` or ``train``.
        dtype: the floating dtype to run in.
        weights: a state dict file, for a model given by name.
        trust_pickle: unpickle a file given as model, which runs whatever it says.
        exact: as for :func:`cnnshape.inspect`.
        options: ``style`` (``"graph"``, ``"blocks"``, ``"tree"``), ``depth``, ``direction``
            (``"TB"``, ``"LR"``), ``show`` (any of shapes, params, macs, receptive-field, formula),
            ``theme`` (``"light"``, ``"dark"``, ``"mono"``), ``expand``, ``collapse``, ``only``,
            ``fit`` (``"a4"``, ``"letter"``, ``"slide"``, ``"column"`` or a size), ``legend``
            (what colours, lines, signs and figures mean, below the picture).

    Returns:
        A ``graphviz.Digraph`` that needs no ``dot`` executable: notebooks show it, ``source`` is
        its DOT, ``save("net.svg")`` writes it. If the model raised, the drawing ends there.

    Raises:
        UsageError: the model, the inputs, an option or the file cannot be used.
        LayoutError: Graphviz failed, or the graph is too large for it.

    >>> import cnnshape
    >>> drawing = cnnshape.draw("lenet")
    >>> "Conv2d 5×5, 1→6, pad 2" in drawing.source
    True
    """
    from cnnshape.files import check_target
    from cnnshape.rendering.diagram import draw_options, draw_report
    from cnnshape.rendering.diagram.drawing import format_of

    chosen = draw_options(**options)
    if filename is not None:  # before anything is loaded
        format_of(filename)
        check_target(filename)
    if isinstance(model, Report):
        report: Report = model
    else:
        report = inspect(
            model,
            inputs,
            args=args,
            kwargs=kwargs,
            device=device,
            mode=mode,
            dtype=dtype,
            weights=weights,
            trust_pickle=trust_pickle,
            exact=exact,
        )
    drawing = draw_report(report, chosen)
    if filename is not None:
        drawing.write(filename)
    return drawing
