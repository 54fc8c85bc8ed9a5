"""Long runs of small operations put into one box each, where a picture would drown in them.

A detector's post-processing calls hundreds of functions between two layers. Only functions that
ran directly after one another in the same forward are put together, so no arrow can turn back.
"""

from __future__ import annotations

from cnnshape.rendering.diagram.draft import Draft, Part

#: Fewer than this stay as they are.
_SHORTEST = 4


def condense(draft: Draft) -> None:
    """Put every run of at least four operations of one container into one box."""
    run: list[int] = []
    for key in [*sorted(draft.boxes), None]:
        box = None if key is None else draft.boxes[key]
        fits = box is not None and box.role == "operation" and not box.failed
        if fits and run and box is not None and box.region != draft.boxes[run[0]].region:
            _join(draft, run)
            run = []
        if fits and key is not None:
            run.append(key)
        else:
            _join(draft, run)
            run = []


def _join(draft: Draft, run: list[int]) -> None:
    if len(run) < _SHORTEST:
        return
    first, *others = run
    nodes = tuple(node for key in run for part in draft.boxes[key].parts for node in part.nodes)
    for key in others:
        for head, values in list(draft.after[key].items()):
            draft.connect(first, head, values)
        for tail, values in list(draft.before[key].items()):
            if tail != first and tail in draft.boxes:
                draft.connect(tail, first, values)
    for key in others:
        draft.drop(key)
    for tail in [tail for tail in draft.before[first] if tail in others]:
        draft.disconnect(tail, first)
    box = draft.boxes[first]
    box.parts = [Part(nodes, None, True, "other", False)]
    box.merge = False
