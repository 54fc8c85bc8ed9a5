"""From nodes to boxes: what lies too deep is folded up, what says nothing is left out.

Where a picture would drown in small operations, long runs of them are put into one box each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from cnnshape.rendering.diagram.boxes import Box, BoxGraph, Part
from cnnshape.rendering.diagram.dataflow import Flow, Node
from cnnshape.rendering.diagram.operation_words import CONCAT, sign_of
from cnnshape.rendering.diagram.turns import fold_turns
from cnnshape.rendering.palette import Kind, family_of, kind_of
from cnnshape.tracing.trace import Operation

#: Operations that are drawn as strips below the layer before them, by their families.
_STRIPS = frozenset(
    "norm activation arithmetic elementwise joining splitting slicing moving copying padding "
    "shuffling".split()
)
#: A run of fewer small operations stays as it is.
_SHORTEST = 4


def group(
    flow: Flow,
    depth: int | None,
    collapse: Collection[str] = (),
    free: Collection[int] = (),
    *,
    whole: bool = True,
) -> BoxGraph:
    """The boxes before anything is stacked or folded.

    Args:
        flow: the whole graph.
        depth: modules deeper than this are not opened; None opens all.
        collapse: paths (or patterns such as ``features.*``) of modules not to open.
        free: calls that are opened at any depth, because they hold but one box.
        whole: an author's norm or activation that calls no other module is one layer, and the
            turns of a loop are one.
    """
    graph = BoxGraph(flow)
    box_of: dict[int, int] = {}
    closed_boxes: dict[int, int] = {}
    inside: dict[int, list[int]] = {}
    closed_in = _closed_regions(flow, depth, collapse, free, whole=whole)
    for node in flow.nodes:
        closed = closed_in.get(node.region)
        if closed is None:
            key = node.index
            graph.add(_box(flow, node))
        else:
            key = closed_boxes.setdefault(closed, node.index)
            if key == node.index:
                graph.add(_closed_box(flow, closed, key, whole=whole))
            box = graph.boxes[key]
            box.failed |= node.failed
            inside.setdefault(key, []).append(node.index)
        box_of[node.index] = key
    for key, nodes in inside.items():
        box = graph.boxes[key]
        follows = box.head.follows and not box.failed
        box.parts[0] = replace(box.head, nodes=tuple(nodes), follows=follows)
    for edge in flow.edges:
        if box_of[edge.tail] != box_of[edge.head]:
            graph.connect(box_of[edge.tail], box_of[edge.head], edge.values)
    if whole:
        fold_turns(graph)
    _leave_out(graph)
    _mark_merges(graph)
    if whole:
        _join_slices(graph)
    return graph


def _closed_regions(
    flow: Flow,
    depth: int | None,
    collapse: Collection[str],
    free: Collection[int],
    *,
    whole: bool,
) -> Mapping[int, int]:
    """For every call inside one that is not opened, the outermost such call."""
    closed: dict[int, int] = {}
    for call in flow.trace.calls[flow.root + 1 :]:  # callers come before what they call
        path = call.path
        if call.parent in closed:
            closed[call.index] = closed[call.parent]
            continue
        deep = depth is not None and flow.depth(call.index) >= depth and call.index not in free
        named = any(path == pattern or fnmatchcase(path, pattern) for pattern in collapse)
        if (
            deep
            or named
            or (whole and (_is_whole(flow, call.index) or _is_merging(flow, call.index)))
        ):
            closed[call.index] = call.index
    return closed


def _is_whole(flow: Flow, call: int) -> bool:
    """Whether readers take the module for one layer: an ``RMSNorm``, a ``QuickGELU``."""
    name = flow.trace.module(flow.trace.calls[call].path).type
    return not flow.children(call) and kind_of(name) in ("norm", "activation")


def _is_merging(flow: Flow, call: int) -> bool:
    """Whether a module puts space into depth, with one layer at most: a patch merging."""
    start, stop = flow.trace.calls[call].operations
    if not flow.inner_words.parts(call):
        return False
    families = [family_of(op.name) for op in flow.trace.operations[start:stop]]
    return sum(family in ("convolution", "linear") for family in families) < 2


def _box(flow: Flow, node: Node) -> Box:
    kind, follows = classify(flow, node)
    part = Part((node.index,), node.call, False, kind, follows and not node.failed)
    return Box(node.index, node.role, [part], node.region, failed=node.failed)


def _closed_box(flow: Flow, call: int, key: int, *, whole: bool) -> Box:
    parent = flow.trace.calls[call].parent
    region = flow.root if parent is None else parent
    part = Part((), call, True, "container", False)
    if whole and _is_whole(flow, call):
        kind = kind_of(flow.trace.module(flow.trace.calls[call].path).type)
        part = Part((), call, False, kind, True)
    return Box(key, "module", [part], region)


def classify(flow: Flow, node: Node) -> tuple[Kind, bool]:
    """The kind of a node and whether it may be a strip below the layer before it."""
    if node.role in ("input", "output"):
        return "io", False
    module = flow.module(node)
    name = flow.operation_name(node) if module is None else module.kind
    kind, family = kind_of(name), family_of(name)
    if family is None:  # a layer by its name alone: torch's padding, an author's norm
        return kind, kind in ("norm", "activation") or "Pad" in name
    return kind, family in _STRIPS


def _leave_out(graph: BoxGraph) -> None:
    """Drop what is computed from constants alone, and step over what changes nothing."""
    flow = graph.flow
    finished = any(node.role == "output" for node in flow.nodes)
    fed = graph.fed()
    for key in [key for key in graph.boxes if key not in fed]:
        if not graph.boxes[key].failed:
            graph.drop(key)
    for key in list(reversed(graph.boxes)):
        box = graph.boxes[key]
        if finished and box.role == "operation" and not graph.after[key]:
            graph.drop(key)
    for key in list(graph.boxes):
        box = graph.boxes[key]
        if not box.failed and len(graph.before[key]) == 1 and _says_nothing(flow, box):
            graph.bypass(key)


def _mark_merges(graph: BoxGraph) -> None:
    """Additions and the like with two or more tensors flowing in are circles, others strips."""
    for key, box in graph.boxes.items():
        if box.role == "operation" and not box.head.container:
            several = len(graph.before[key]) > 1
            ran = graph.flow.operation(graph.flow.nodes[box.head.nodes[0]])
            if several and ran is not None and not box.failed:
                box.sign = sign_of(graph.flow.accounts, ran)
            if several and box.head.follows:
                head = box.head
                box.parts[0] = Part(head.nodes, head.call, False, head.kind, False)


def _join_slices(graph: BoxGraph) -> None:
    """Slices of one tensor that are put together again are one step: a patch merging's four."""
    for key in list(graph.boxes):
        tails = list(graph.before.get(key, ()))
        if graph.boxes[key].sign != CONCAT or len(tails) < 2:
            continue
        sources = {source for tail in tails for source in graph.before[tail]}
        alone = all(_is_slice(graph, tail) and list(graph.after[tail]) == [key] for tail in tails)
        if not alone or len(sources) != 1:
            continue
        (source,) = sources
        nodes = tuple(node for tail in tails for node in graph.boxes[tail].head.nodes)
        values = [value for tail in tails for value in graph.before[tail][source]]
        for tail in tails:
            graph.drop(tail)
        graph.connect(source, key, values)
        box = graph.boxes[key]
        box.sign = ""
        box.parts = [Part((*nodes, *box.head.nodes), None, False, "shape", False)]


def _is_slice(graph: BoxGraph, key: int) -> bool:
    box = graph.boxes[key]
    single = box.role == "operation" and not box.failed and len(graph.before[key]) == 1
    return single and family_of(graph.operation_name(box)) == "slicing"


# ---- what changes nothing ---------------------------------------------------------------


def _says_nothing(flow: Flow, box: Box) -> bool:
    """Whether a box hands on the numbers that it gets; a closed module if all inside it does."""
    return all(_hands_on(flow, flow.nodes[node]) for node in box.head.nodes)


def _hands_on(flow: Flow, node: Node) -> bool:
    if node.operation is not None:
        op = flow.trace.operations[node.operation]
        if "dropout" in op.name:
            return flow.trace.execution.mode == "eval"
        return flow.accounts.keeps(op) or _joins_nothing(flow, op)
    module = flow.module(node)
    if module is None or node.call is None:
        return False
    if "Dropout" in module.kind:
        return not module.config.get("p", 0.5)
    start, stop = flow.trace.calls[node.call].operations
    return start == stop


def _joins_nothing(flow: Flow, op: Operation) -> bool:
    """Whether a tensor is joined with empty ones alone, as the first keys are with a cache."""
    if family_of(op.name) != "joining" or len(op.outputs) != 1:
        return False
    full = [value for value in op.inputs if 0 not in flow.trace.shape(value)]
    return len(full) == 1 and flow.trace.shape(full[0]) == flow.trace.shape(op.outputs[0])


# ---- where a picture would drown in functions -------------------------------------------


def condense(graph: BoxGraph) -> None:
    """Put every run of at least four operations of one container into one box.

    A detector's post-processing calls hundreds of functions between two layers. Only functions
    that ran directly after one another in the same forward are put together, so no arrow can turn
    back.
    """
    run: list[int] = []
    for key in [*sorted(graph.boxes), None]:
        box = None if key is None else graph.boxes[key]
        fits = box is not None and box.role == "operation" and not box.failed
        if fits and run and key is not None and not _together(graph, run[0], key):
            _join(graph, run)
            run = []
        if fits and key is not None:
            run.append(key)
        else:
            _join(graph, run)
            run = []


def _together(graph: BoxGraph, key: int, other: int) -> bool:
    """Whether two boxes lie in the same container, and in the same loops."""
    same = graph.turns_of(key) == graph.turns_of(other)
    return same and graph.boxes[key].region == graph.boxes[other].region


def _join(graph: BoxGraph, run: list[int]) -> None:
    if len(run) < _SHORTEST:
        return
    first, *others = run
    again = [v for k in run for h, vs in graph.after[k].items() if h <= k and h in run for v in vs]
    nodes = tuple(node for key in run for part in graph.boxes[key].parts for node in part.nodes)
    for key in others:
        for head, values in list(graph.after[key].items()):
            graph.connect(first, head, values)
        for tail, values in list(graph.before[key].items()):
            if tail != first and tail in graph.boxes:
                graph.connect(tail, first, values)
    for key in others:
        graph.drop(key)
    if first in graph.after[first]:
        graph.disconnect(first, first)
    if again:
        graph.connect(first, first, again)
    box = graph.boxes[first]
    box.parts = [Part(nodes, None, True, "other", False)]
    box.sign = ""
