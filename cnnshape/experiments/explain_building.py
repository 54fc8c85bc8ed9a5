"""A model that could not be built: what its constructor and the author's line were given.

A constructor is not run again. Where another argument of a layer of torch is proposed, the layer
alone is built with it, without memory; what torch refuses is not shown.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import replace
from types import FrameType, TracebackType
from typing import Any

import torch
from torch import nn

from cnnshape.analysis.diagnose.building import Building
from cnnshape.analysis.diagnose.edits import SetArguments
from cnnshape.analysis.diagnose.rules.construction_lines import diagnose_building
from cnnshape.analysis.diagnose.source_nodes import nodes_on
from cnnshape.analysis.report import ErrorReport, Suggestion
from cnnshape.tracing.absent import absent_of
from cnnshape.tracing.exceptions import message_of
from cnnshape.tracing.source import hides, innermost

_PLAIN = (bool, int, float, str, tuple, type(None))


def explain_construction(exception: BaseException) -> ErrorReport | None:
    """Which layer could not be built, with the arguments it was given; None if none was.

    >>> try:
    ...     nn.Sequential(nn.GroupNorm(4, 30))
    ... except ValueError as error:
    ...     print(explain_construction(error).diagnosis)  # doctest: +ELLIPSIS
    building GroupNorm failed in ...: num_channels = 30 is no multiple of num_groups = 4
    """
    frames = list(_frames(exception.__traceback__))
    building = [f for f in frames if f.f_code.co_name == "__init__" and _is_module(f)]
    if not building:
        return None
    owner = type(building[0].f_locals["self"])
    known, cls = _building(exception, owner, frames)
    diagnosis = diagnose_building(known)
    return ErrorReport(
        path="",
        type=owner.__name__,
        op=None,
        message=known.message,
        exception=known.exception,
        kind=diagnosis.kind,
        diagnosis=diagnosis.sentence,
        suggestions=tuple(
            replace(each, edits=()) for each in diagnosis.suggestions if _builds(cls, known, each)
        ),
        source=known.source,
        derivation=diagnosis.derivation,
    )


def _building(
    exception: BaseException, owner: type[nn.Module], frames: list[FrameType]
) -> tuple[Building, type[nn.Module] | None]:
    source = innermost(exception.__traceback__)
    own = [place for place, f in enumerate(frames) if not hides(f.f_code.co_filename)]
    line = frames[own[-1]] if own else frames[0]
    inside = frames[own[-1] + 1 :] if own else frames
    begun = next((f for f in inside if f.f_code.co_name == "__init__" and _is_module(f)), None)
    nodes = [node for node, _ in nodes_on(source, ast.Call)]
    cls: type[nn.Module] | None = None if begun is None else type(begun.f_locals["self"])
    if cls is None and isinstance(exception, TypeError):
        cls = next((c for node in nodes if (c := _class_of(node.func, line)) is not None), None)
    node = next((n for n in nodes if cls is not None and _class_of(n.func, line) is cls), None)
    statements = [statement for statement, _ in nodes_on(source, ast.stmt)]
    module = line.f_locals.get("self") if _is_module(line) else None
    known = Building(
        owner=owner.__name__,
        exception=type(exception).__name__,
        message=message_of(exception),
        source=source,
        line=statements[-1] if statements else None,
        plain=dict(_plain(line)),
        absent=absent_of(exception, None) if begun is None else None,
        initialised=module is None or "_modules" in vars(module),
    )
    if cls is None:
        return known, None
    home = "nn." if cls.__module__.startswith("torch.nn.") else ""
    parameters = _parameters(cls)
    return replace(
        known,
        layer=f"{home}{cls.__name__}",
        arguments={} if begun is None else dict(_arguments(begun, inside, parameters)),
        parameters=tuple(parameters),
        whole=frozenset(name for name, p in parameters.items() if _takes_whole(p)),
        required=tuple(n for n, p in parameters.items() if p.default is inspect.Parameter.empty),
        node=node,
    ), cls


def _is_module(frame: FrameType) -> bool:
    """Whether the frame is of a module's method."""
    return isinstance(frame.f_locals.get("self"), nn.Module)


def _class_of(function: ast.expr, frame: FrameType) -> type[nn.Module] | None:
    """The class that a written name stands for: ``nn.Conv2d``, ``Block``, ``self.Block``."""
    names = ast.unparse(function).split(".")
    if not all(name.isidentifier() for name in names):
        return None
    found: Any = frame.f_locals.get(names[0], frame.f_globals.get(names[0]))
    for name in names[1:]:
        found = inspect.getattr_static(found, name, None) if found is not None else None
    return found if isinstance(found, type) and issubclass(found, nn.Module) else None


def _parameters(cls: type[nn.Module]) -> dict[str, inspect.Parameter]:
    """The parameters of a class by name; of one with ``*args`` those of the class behind it."""
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base is nn.Module:
            continue
        try:
            found = dict(inspect.signature(base.__init__).parameters)
        except (TypeError, ValueError):
            return {}
        kinds = {p.kind for p in found.values()}
        if inspect.Parameter.VAR_POSITIONAL not in kinds:
            # `mode` is what the subclasses of RNNBase pass by themselves.
            return {n: p for n, p in found.items() if n not in ("self", "mode")}
    return {}


def _takes_whole(parameter: inspect.Parameter) -> bool:
    written = str(parameter.annotation)
    return "int" in written and "float" not in written


def _arguments(
    begun: FrameType, inside: list[FrameType], parameters: dict[str, inspect.Parameter]
) -> Iterator[tuple[str, Any]]:
    """What the layer was given, from the first of its frames that knows it by name."""
    same = [f for f in inside if f.f_locals.get("self") is begun.f_locals["self"]]
    frame = next((f for f in same if parameters.keys() & f.f_locals.keys()), begun)
    for name, parameter in parameters.items():
        value = frame.f_locals.get(name, parameter.default)
        if isinstance(value, _PLAIN):
            yield name, _as_written(value)


def _as_written(value: Any) -> Any:
    """``(3, 3)`` is made of the 3 that was written."""
    if isinstance(value, tuple) and value and value == (value[0],) * len(value):
        return value[0]
    return value


def _plain(frame: FrameType) -> Iterator[tuple[str, Any]]:
    """The numbers and texts of a function and of its ``self``, and the shapes of its tensors."""
    held = frame.f_locals.get("self")
    attributes = vars(held) if isinstance(held, nn.Module) else {}
    for name, value in (
        *frame.f_locals.items(),
        *((f"self.{n}", v) for n, v in attributes.items()),
    ):
        if isinstance(value, torch.Tensor):
            yield name, tuple(value.shape)
        elif isinstance(value, bool | int | float | str):
            yield name, value


def _builds(cls: type[nn.Module] | None, known: Building, suggestion: Suggestion) -> bool:
    """Whether torch builds the layer alone with the changed arguments."""
    changes = {
        name: value
        for edit in suggestion.edits
        if isinstance(edit, SetArguments)
        for name, value in edit.arguments
    }
    if not changes or cls is None or not cls.__module__.startswith("torch.nn."):
        return True
    try:
        with torch.device("meta"):
            cls(**{**known.arguments, **changes})
    except Exception:  # noqa: BLE001 - whatever torch says against it
        return False
    return True


def _frames(traceback: TracebackType | None) -> Iterator[FrameType]:
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next
