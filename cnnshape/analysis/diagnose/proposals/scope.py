"""What is at hand where a call failed: inputs in another order, a layer that was made for it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from cnnshape.analysis.diagnose.axis_origin import two_inputs
from cnnshape.analysis.diagnose.edits import SwapInputs
from cnnshape.analysis.diagnose.failing import Failing, sizes
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.source_code import attributes_used
from cnnshape.analysis.diagnose.suggest import new_input
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import Ref, Value

#: Models with more inputs are asked in the order that their author gave.
_MOST_INPUTS = 4


def exchanged_inputs(failing: Failing) -> Iterator[Suggestion]:
    """Two inputs of different kinds, given in each other's place."""
    trace = failing.trace
    args = trace.calls[0].args if trace.calls else ()
    meeting = sum(value.origin == "input" for value in failing.tensors)
    if not 1 < len(args) <= _MOST_INPUTS or meeting > 1:
        return  # where two of them meet, it is not their order that is wrong
    for one, other in combinations(range(len(args)), 2):
        a, b = args[one], args[other]
        if not isinstance(a, Ref) or not isinstance(b, Ref):
            continue
        first, second = trace.values[a.value], trace.values[b.value]
        if _differ(first, second) and first.name and second.name:
            yield Suggestion(
                action="set_input",
                text=say(
                    "{second} and {first} exchanged in the call of the model",
                    second=second.name,
                    first=first.name,
                ),
                path="",
                argument=first.name,
                from_=list(first.shape),
                to=list(second.shape),
                edits=(SwapInputs(one, other),),
            )


def as_large_as_the_first(failing: Failing) -> Iterator[Suggestion]:
    """The second input of the size of the first, where both go through one network."""
    earlier = failing.earlier_call()
    found = (
        None
        if earlier is None or failing.call is None
        else two_inputs(failing.trace, earlier, failing.call)
    )
    if found is None:
        return
    first, second = (sizes(value) for value in found)
    if first and second and len(first) == len(second) and first != second and found[1].name:
        yield new_input(found[1].name, second, first)


def _differ(one: Value, other: Value) -> bool:
    return abs(len(one.shape) - len(other.shape)) > 1 or one.dtype != other.dtype


def unused_layer(failing: Failing) -> Iterator[Suggestion]:
    """``out += x`` where the module has a ``shortcut`` that its forward never called."""
    family = "" if failing.entry is None else failing.entry.family
    if failing.call is None or failing.module.builtin or len(failing.operands) != 2:
        return
    if family not in ("arithmetic", "joining"):
        return
    called = {call.path for call in failing.trace.children(failing.call.index)}
    idle = [path for path in failing.module.children if path not in called]
    text = CallText(failing)
    for path in idle:
        name = path.rpartition(".")[2]
        if text.found is not None and name not in attributes_used(text.operation.source):
            for operand in reversed(failing.operands):
                yield text.on(operand.place, f"self.{name}({{x}})")
