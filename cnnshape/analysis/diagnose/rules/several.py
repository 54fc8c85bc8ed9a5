"""Operations that give several tensors, whose result is used as one: ``x.max(dim=1).sum()``."""

from __future__ import annotations

import ast

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.source_nodes import instead, nodes_on
from cnnshape.messages import say
from cnnshape.words import plural

#: What gives the numbers and where they stood.
_WITH_INDICES = frozenset("max min median nanmedian mode sort topk kthvalue cummax cummin".split())


def used_as_one(failing: Failing) -> Diagnosis | None:
    """The last operation of the line gave several tensors, and one is wanted."""
    failure, call = failing.failure, failing.call
    if failure.type not in ("TypeError", "AttributeError") or call is None:
        return None
    own = [op for op in failing.trace.own_operations(call.index) if not op.failed]
    last = own[-1] if own else None
    several = last is not None and (len(last.outputs) > 1 or last.name in ("split", "chunk"))
    if last is None or not several or failure.source is None or last.source is None:
        return None
    if last.source.line != failure.source.line or last.source.file != failure.source.file:
        return None
    for node, text in nodes_on(failure.source, ast.Call):
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name != last.name:
            continue
        if name in _WITH_INDICES:
            sentence = say("{call} gives two tensors, the values and their indices", call=text)
            return Diagnosis(
                "output.several", sentence, (), (instead(failing, node, text, f"{text}.values"),)
            )
        count = plural(len(last.outputs), "tensor")
        return Diagnosis(
            "output.several",
            say("{call} gives {tensors}, which are used as one", call=text, tensors=count),
        )
    return None
