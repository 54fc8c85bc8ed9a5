"""Modules without a ``forward``: misspelt, indented into another method, or a mere container."""

from __future__ import annotations

import re

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.edits import NameMethod, RunInTurn
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.source_code import line_of
from cnnshape.analysis.diagnose.wording import who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import Absent, Module

#: A definition on one line, up to its colon.
_HEAD = re.compile(r"def \w+\([^()]*\)( *-> *[^:]+)?:")


def forward(failing: Failing) -> Diagnosis | None:
    """A ModuleList that is called, or a class whose ``forward`` has another name or place.

    Whatever the arguments are: torch's own stand-in takes positional ones only, and complains
    of a keyword instead of its absence.
    """
    absent, module = failing.failure.absent, failing.module
    if absent is None or absent.name != "forward" or absent.owner != module.type:
        return None
    name = who(failing.path, module.type)
    if module.kind == "ModuleDict":
        return Diagnosis("module.no_forward", _holds(name, module))
    if module.kind == "ModuleList":
        return Diagnosis("module.no_forward", _holds(name, module), (), (_in_turn(module),))
    sentence = say(
        "{layer} has no method called forward, which is what a call of the module runs", layer=name
    )
    if not absent.near:
        return Diagnosis("module.no_forward", sentence)
    near = absent.near[0]
    if "." in near:
        holder = near.partition(".")[0]
        said = sentence + say(
            ": its forward is indented into {method}, and so a variable of that", method=holder
        )
        advice = Suggestion(
            action="change_source",
            text=say("def forward indented as far as def {method}", method=holder),
            path=module.path,
        )
        return Diagnosis("module.no_forward", said, (), (advice,))
    said = sentence + say("; did you mean forward instead of {name}?", name=near)
    return Diagnosis("module.no_forward", said, (), (_renamed(module, absent),))


def _holds(name: str, module: Module) -> str:
    return say(
        "{layer} is a {kind}, which holds modules and does not run them",
        layer=name,
        kind=module.kind,
    )


def _in_turn(module: Module) -> Suggestion:
    return Suggestion(
        action="set_argument",
        text=f"nn.Sequential(*{module.path.rpartition('.')[2]})",
        path=module.path,
        argument="type",
        from_=module.type,
        to="Sequential",
        edits=(RunInTurn(module.path),),
    )


def _renamed(module: Module, absent: Absent) -> Suggestion:
    """The line that defines the method, with its name put right."""
    near = absent.near[0]
    head = _HEAD.match(line_of(absent.defined))
    line = head[0] if head is not None and f" {near}(" in head[0] else f"def {near}"
    better = line.replace(near, "forward", 1)
    return Suggestion(
        action="change_source",
        text=better,
        path=module.path,
        argument=near,
        from_=line,
        to=better,
        edits=(NameMethod(module.path, "forward", near),),
    )
