"""From a report and what was asked for to a drawing."""

from __future__ import annotations

from fnmatch import fnmatchcase

from cnnshape.analysis.report import Report
from cnnshape.errors import UsageError
from cnnshape.rendering.diagram.blocks_picture import BlocksPicture
from cnnshape.rendering.diagram.boxes import frames_of
from cnnshape.rendering.diagram.drawing import Drawing
from cnnshape.rendering.diagram.graph import Flow, build_flow
from cnnshape.rendering.diagram.options import DrawOptions
from cnnshape.rendering.diagram.picture import GraphPicture, Picture
from cnnshape.rendering.diagram.tree import TreePicture, hierarchy
from cnnshape.rendering.diagram.view import READABLE_MAPS, View, make_view
from cnnshape.tracing.trace import Trace
from cnnshape.words import did_you_mean


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
    return Drawing(picture_of(report, options or DrawOptions()))


def picture_of(report: Report, options: DrawOptions) -> Picture:
    """The picture in the style that was asked for."""
    trace = report.trace
    for pattern in options.collapse:
        _require(trace, pattern, "--collapse")
    root = _root(trace, options.only)
    if options.style == "tree":
        return TreePicture(report, options, hierarchy(report, options))
    flow = build_flow(trace, root)
    if options.style == "blocks":
        return _blocks(flow, report, options)
    view = make_view(flow, depth=options.depth, collapse=options.collapse, expand=options.expand)
    return GraphPicture(view, report, options)


def _blocks(flow: Flow, report: Report, options: DrawOptions) -> BlocksPicture:
    """Feature maps at the depth that was asked for, else the deepest that shows every skip."""
    view = _coarse_view(flow, options, options.depth)
    picture = BlocksPicture(view, report, options)
    if options.depth is not None or not picture.cut_skips():
        return picture
    for depth in range((view.depth or view.deepest) - 1, 0, -1):
        coarser = BlocksPicture(_coarse_view(flow, options, depth), report, options)
        if coarser.cut_skips() == 0 and coarser.count() > 4:
            return coarser
    return picture


def _coarse_view(flow: Flow, options: DrawOptions, depth: int | None) -> View:
    """A view in which every repeated block is one step: a row of maps has no frames."""
    view = make_view(
        flow,
        depth=depth,
        collapse=options.collapse,
        expand=options.expand,
        readable=READABLE_MAPS,
    )
    calls = flow.trace.calls
    repeated = [
        calls[call].path
        for frame in frames_of(view.root)
        if len(frame.repeats) > 1 and not frame.group
        for call in frame.repeats
    ]
    if not repeated:
        return view
    collapse = (*options.collapse, *repeated)
    return make_view(flow, depth=depth, collapse=collapse, readable=READABLE_MAPS)


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
