"""What a module does not have: a ``forward``, a layer of that name, indices that fit its input."""

from __future__ import annotations

import re
from difflib import get_close_matches

from cnnshape.analysis.diagnose.earlier_corrections import other_inputs
from cnnshape.analysis.diagnose.edits import NameModule, RunInTurn
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.result import Candidate, Diagnosis
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.source_call import line_of
from cnnshape.analysis.diagnose.wording import who
from cnnshape.analysis.report import Suggestion
from cnnshape.words import listed, times

#: The most names that a sentence lists.
_LISTED = 6


def forward(failing: Failing) -> Diagnosis | None:
    """A ModuleList that is called, or a class whose ``forward`` has another name."""
    if failing.failure.type != "NotImplementedError" or failing.operation is not None:
        return None
    module, call = failing.module, failing.call
    if call is None or call.operations[0] != call.operations[1]:
        return None
    name = who(failing.path, module.type)
    if module.kind not in ("ModuleList", "ModuleDict"):
        if module.kind != module.type:
            return None
        sentence = (
            f"{name} has no method called forward, which is what a call of the module runs: it may "
            "be spelled differently, or indented into another method"
        )
        return Diagnosis("module.no_forward", sentence)
    sentence = f"{name} is a {module.kind}, which holds modules and does not run them"
    found: tuple[Candidate, ...] = ()
    if module.kind == "ModuleList":
        suggestion = Suggestion(
            action="set_argument",
            text=f"nn.Sequential(*{module.path.rpartition('.')[2]})",
            path=module.path,
            argument="type",
            from_=module.type,
            to="Sequential",
        )
        found = (Candidate(suggestion, (RunInTurn(module.path),)),)
    return Diagnosis("module.no_forward", sentence, (), found)


def attribute(failing: Failing) -> Diagnosis | None:
    """``self.conv1`` where ``__init__`` made ``self.conv``."""
    if failing.failure.type != "AttributeError" or failing.operation is not None:
        return None
    used = re.findall(r"\bself\.(\w+)", line_of(failing.failure.source))
    module = failing.module
    children = [path.rpartition(".")[2] for path in module.children]
    held = [*children, *(n.rpartition(".")[2] for n in (*module.parameters, *module.buffers))]
    known = {*held, *module.config}
    absent = [n for n in used if n not in known and f"'{n}'" in failing.failure.message]
    if not absent or module.builtin:
        return None
    name = absent[0]
    has = f"; it has {listed(held[:_LISTED])}" if held else ""
    more = " and more" if len(held) > _LISTED else ""
    sentence = f"{who(failing.path, module.type)} has no attribute {name!r}{has}{more}"
    found: list[Candidate] = []
    for near in get_close_matches(name, children, n=2, cutoff=0.5):
        suggestion = Suggestion(
            action="change_call",
            text=f"self.{near}",
            path=failing.path,
            argument=name,
            from_=f"self.{name}",
            to=f"self.{near}",
        )
        found.append(Candidate(suggestion, (NameModule(failing.path, name, near),)))
    return Diagnosis("module.missing_attribute", sentence, (), tuple(found))


def unpooling(failing: Failing) -> Diagnosis | None:
    """``MaxUnpool`` puts every number back where the pooling took it from: one index for each."""
    value = failing.value(failing.argument(0, "input"))
    shape, indices = failing.shape(failing.argument(0)), failing.shape(failing.argument(1))
    if value is None or shape is None or indices is None or shape == indices:
        return None
    sentence = (
        f"{who(failing.path, failing.module.type)} gets {times(shape)} and indices of "
        f"{times(indices)}, but needs an index for every number, as the pooling gave them"
    )
    found: list[Candidate | None] = []
    derivation: tuple[str, ...] = ()
    if len(shape) == len(indices) >= 3 and shape[2:] == indices[2:]:
        item = story(failing.trace, value.id, 1)
        derivation = (*start_line(failing.trace, [item]), *lines([item]))
        found += other_inputs(failing, value, 1, indices[1])
    return Diagnosis("unpool.indices", sentence, derivation, tuple(c for c in found if c))
