"""One layer changed in every module of its author's class, as a change in the class would do it."""

from __future__ import annotations

from dataclasses import replace

from cnnshape.analysis.diagnose.edits import SetArguments
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Module, Trace


def in_every_instance(trace: Trace, suggestion: Suggestion) -> Suggestion | None:
    """The same arguments for the layer of that name in the other modules of the class.

    None where there are none, or where they are set otherwise: there the class is told what to
    make, and a change for one is a change at one place.
    """
    if len(suggestion.edits) != 1 or not isinstance(suggestion.edits[0], SetArguments):
        return None
    edit = suggestion.edits[0]
    others = _alike(trace, edit)
    if not others:
        return None
    then = tuple(replace(suggestion, path=path, edits=(), then=()) for path in others)
    edits = tuple(replace(edit, path=path) for path in (edit.path, *others))
    return replace(suggestion, then=(*suggestion.then, *then), edits=edits)


def _alike(trace: Trace, edit: SetArguments) -> list[str]:
    owner = author_of(trace, edit.path)
    if owner is None:
        return []
    inside = edit.path[len(owner.path) :].removeprefix(".")
    every = [module for module in trace.modules if module.type == owner.type]
    paths = [f"{module.path}.{inside}".removeprefix(".") for module in every if module is not owner]
    known = {module.path: module for module in trace.modules}
    layer = known[edit.path]
    same = [path for path in paths if path in known and _set_alike(known[path], layer)]
    return same if len(same) == len(paths) else []


def _set_alike(one: Module, other: Module) -> bool:
    return one.type == other.type and dict(one.config) == dict(other.config)


def author_of(trace: Trace, path: str) -> Module | None:
    """The innermost module around a layer whose forward somebody wrote."""
    while path:
        path = path.rpartition(".")[0]
        module = trace.module(path)
        if not module.builtin:
            return module
    return None
