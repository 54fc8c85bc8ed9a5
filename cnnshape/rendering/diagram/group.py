"""From nodes to boxes: what lies too deep is folded up, what says nothing is left out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from fnmatch import fnmatchcase

from cnnshape.rendering.diagram.draft import Box, Draft, Part
from cnnshape.rendering.diagram.graph import Flow, Node
from cnnshape.rendering.diagram.trivial import says_nothing
from cnnshape.rendering.palette import Kind, kind_of

#: They make a tensor of another's shape or dtype and take no number from it.
MAKING = frozenset(
    "new_zeros new_ones new_empty new_full new_tensor zeros_like ones_like empty_like full_like "
    "rand_like randn_like".split()
)
#: Two tensors become one. The sign is what is written into the circle.
MERGES = {
    "add": "+",
    "sub": "−",
    "mul": "×",
    "multiply": "×",
    "div": "÷",
    "cat": "⧺",
    "concat": "⧺",
    "concatenate": "⧺",
    "hstack": "⧺",
    "vstack": "⧺",
}
#: Of the kind "shape", but they compute something: boxes of their own, never strips.
_RESIZING = frozenset(
    "interpolate upsample grid_sample mean sum max min amax amin prod topk sort argmax argmin "
    "fold unfold gather index_select".split()
)
_ARITHMETIC = frozenset(
    "add sub mul multiply div pow neg abs sqrt rsqrt exp log clamp clip square normalize "
    "masked_fill floor_divide remainder where".split()
)


def group(
    flow: Flow,
    depth: int | None,
    collapse: Collection[str] = (),
    free: Collection[int] = (),
    *,
    whole: bool = True,
) -> Draft:
    """The boxes before anything is stacked or folded.

    Args:
        flow: the whole graph.
        depth: modules deeper than this are not opened; None opens all.
        collapse: paths (or patterns such as ``features.*``) of modules not to open.
        free: calls that are opened at any depth, because they hold but one box.
        whole: an author's norm or activation that calls no other module is one layer.
    """
    draft = Draft(flow)
    box_of: dict[int, int] = {}
    closed_boxes: dict[int, int] = {}
    for node in flow.nodes:
        closed = _closed_region(flow, node, depth, collapse, free, whole=whole)
        if closed is None:
            key = node.index
            draft.add(_box(flow, node))
        else:
            key = closed_boxes.setdefault(closed, node.index)
            if key == node.index:
                draft.add(_closed_box(flow, closed, key, whole=whole))
            box = draft.boxes[key]
            box.failed |= node.failed
            follows = box.head.follows and not box.failed
            box.parts[0] = replace(box.head, nodes=(*box.head.nodes, node.index), follows=follows)
        box_of[node.index] = key
    for edge in flow.edges:
        draft.connect(box_of[edge.tail], box_of[edge.head], edge.values)
    _leave_out(draft)
    _mark_merges(draft)
    return draft


def _closed_region(
    flow: Flow,
    node: Node,
    depth: int | None,
    collapse: Collection[str],
    free: Collection[int],
    *,
    whole: bool,
) -> int | None:
    """The outermost container call around ``node`` that is not opened."""
    base = _depth_of(flow.trace.calls[flow.root].path) if flow.trace.calls else 0
    for call in flow.regions(node.region):
        path = flow.trace.calls[call].path
        deep = depth is not None and _depth_of(path) - base >= depth
        if deep and call not in free:
            return call
        if any(path == pattern or fnmatchcase(path, pattern) for pattern in collapse):
            return call
        if whole and _is_whole(flow, call):
            return call
    return None


def _is_whole(flow: Flow, call: int) -> bool:
    """Whether readers take the module for one layer: an ``RMSNorm``, a ``QuickGELU``."""
    name = flow.trace.module(flow.trace.calls[call].path).type
    return not flow.children(call) and kind_of(name) in ("norm", "activation")


def _depth_of(path: str) -> int:
    return path.count(".") + 1 if path else 0


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
    name = operation_name(flow, node)
    module = flow.module(node)
    kind = kind_of(module.kind if module is not None else name)
    if module is not None:
        resampling = kind == "shape" and not any(
            word in module.kind for word in ("Flatten", "Pad", "Unflatten", "Shuffle")
        )
        return kind, kind in ("norm", "activation", "shape") and not resampling
    if kind == "merge" or name in _ARITHMETIC:
        return kind if kind != "merge" else "merge", True
    return kind, kind in ("norm", "activation", "shape") and name not in _RESIZING


def operation_name(flow: Flow, node: Node) -> str:
    """The function that an operation node ran; empty for others."""
    return "" if node.operation is None else flow.trace.operations[node.operation].name


def _leave_out(draft: Draft) -> None:
    """Drop what is computed from constants alone, and step over what changes nothing."""
    flow = draft.flow
    finished = any(node.role == "output" for node in flow.nodes)
    fed: set[int] = set()
    for key, box in draft.boxes.items():  # in the order they ran: tails come before heads
        made = box.role == "operation" and _name(draft, box) in MAKING
        if box.role != "operation" or (not made and any(tail in fed for tail in draft.before[key])):
            fed.add(key)
    for key in [key for key in draft.boxes if key not in fed]:
        if not draft.boxes[key].failed:
            draft.drop(key)
    for key in list(reversed(draft.boxes)):
        box = draft.boxes[key]
        if finished and box.role == "operation" and not draft.after[key]:
            draft.drop(key)
    for key in list(draft.boxes):
        box = draft.boxes[key]
        if not box.failed and len(draft.before[key]) == 1 and says_nothing(flow, box):
            draft.bypass(key)


def _name(draft: Draft, box: Box) -> str:
    return operation_name(draft.flow, draft.flow.nodes[box.head.nodes[0]])


def _mark_merges(draft: Draft) -> None:
    """Additions and the like with two or more tensors flowing in are circles, others strips."""
    for key, box in draft.boxes.items():
        if box.role == "operation" and not box.head.container:
            name = _name(draft, box)
            several = len(draft.before[key]) > 1
            box.merge = several and name in MERGES and not box.failed
            if several and box.head.follows:
                head = box.head
                box.parts[0] = Part(head.nodes, head.call, False, head.kind, False)
