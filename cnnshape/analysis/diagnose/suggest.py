"""Writing candidates: the suggestion a reader sees together with the edits that carry it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cnnshape.analysis.diagnose.edits import (
    AfterCall,
    BeforeCall,
    ChangeInput,
    NewInput,
    ReplaceCall,
    SetArguments,
    SetMode,
    SetParameter,
    SizeOf,
    Step,
)
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.source_call import Written, written
from cnnshape.analysis.diagnose.wording import can_construct, constructor, literal, tidy
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Module, Value
from cnnshape.words import times


def set_arguments(module: Module, changes: Mapping[str, Any]) -> Suggestion | None:
    """Build a layer with other arguments; the first change is the one that is named."""
    if not can_construct(module.kind):
        return None
    items = tuple(changes.items())
    first, value = items[0]
    before = tidy(module.config.get(first))
    if all(tidy(module.config.get(name)) == tidy(new) for name, new in items):
        return None
    return Suggestion(
        action="set_argument",
        text=constructor(module, changes),
        path=module.path,
        argument=first,
        from_=_listed(before),
        to=_listed(tidy(value)),
        edits=(SetArguments(module.path, items),),
    )


def set_class(module: Module, kind: str, changes: Mapping[str, Any] | None = None) -> Suggestion:
    """Another class of layer with the same arguments: BatchNorm1d for BatchNorm2d."""
    return Suggestion(
        action="set_argument",
        text=constructor(module, changes or {}, kind),
        path=module.path,
        argument="type",
        from_=module.type,
        to=kind,
        edits=(SetArguments(module.path, tuple((changes or {}).items()), kind),),
    )


def set_parameter(failing: Failing, weight: Value, shape: tuple[int, ...]) -> Suggestion | None:
    """Another shape for a parameter that the author's own code made."""
    if len(weight.parameters) != 1:
        return None
    name = weight.parameters[0]
    path, _, attribute = name.rpartition(".")
    del failing
    return Suggestion(
        action="set_argument",
        text=f"{attribute} = nn.Parameter(torch.empty({', '.join(map(str, shape))}))",
        path=path,
        argument=attribute,
        from_=list(weight.shape),
        to=list(shape),
        edits=(SetParameter(name, shape),),
    )


def set_buffer(held: Value, shape: tuple[int, ...]) -> Suggestion | None:
    """Another shape for a buffer that the author's own code registers."""
    if held.origin != "buffer" or not held.name:
        return None
    path, _, attribute = held.name.rpartition(".")
    return Suggestion(
        action="set_argument",
        text=f"{attribute} of {times(shape)} instead of {times(held.shape)}",
        path=path,
        argument=attribute,
        from_=list(held.shape),
        to=list(shape),
        edits=(SetParameter(held.name, shape),),
    )


def new_input(name: str, before: Sequence[Any], after: Sequence[int], why: str = "") -> Suggestion:
    """An input of another shape."""
    return Suggestion(
        action="set_input",
        text=f"{name} of {times(after)} instead of {times(before)}{why}",
        path="",
        argument=name,
        from_=list(before),
        to=list(after),
        edits=(NewInput(name, tuple(after)),),
    )


def change_input(
    name: str, label: str, text: str, steps: Sequence[Step], from_: Any, to: Any
) -> Suggestion:
    """An input passed through some steps: ``x.unsqueeze(0)``."""
    return Suggestion(
        action="set_input",
        text=text,
        path="",
        argument=label,
        from_=from_,
        to=to,
        edits=(ChangeInput(name, tuple(steps)),),
    )


def set_mode(mode: str, text: str) -> Suggestion:
    """The whole model in another mode."""
    return Suggestion(
        action="change_call",
        text=text,
        path="",
        argument="mode",
        from_=None,
        to=mode,
        edits=(SetMode(mode),),
    )


def before_call(
    failing: Failing,
    text: str,
    steps: Sequence[Step],
    *,
    path: str | None = None,
    argument: int | str = 0,
) -> Suggestion:
    """Something done to a module's input before it is called."""
    path = failing.path if path is None else path
    return Suggestion(
        action="insert_before",
        text=text,
        path=path,
        edits=(BeforeCall(path, tuple(steps), argument),),
    )


def on_argument(
    failing: Failing,
    position: int,
    keyword: str,
    template: str,
    steps: tuple[Step, ...],
    change: tuple[Any, Any],
) -> Suggestion:
    """Something done to one tensor of the failing call, where its author would write it.

    At the model's call for an input, before a layer of torch for its argument, in the line
    otherwise. ``{x}`` in the template stands for the tensor; ``change`` is what it was and becomes.
    """
    value = failing.value(failing.argument(position, keyword))
    if value is not None and value.origin == "input" and value.name:
        text = template.format(x=value.name)
        return change_input(value.name, value.name, text, steps, *change)
    if failing.module.builtin:
        call = failing.call
        named = call is not None and keyword in call.kwargs
        text = template.format(x=keyword)
        argument = keyword if named else position
        return before_call(failing, text, steps, argument=argument)
    call = CallText(failing)
    new = template.format(x=call.operand(position))
    return call.candidate(call.with_operand(position, new, new), operands=((position, steps),))


def after_call(path: str, text: str, steps: Sequence[Step]) -> Suggestion:
    """Something done to what a module returns."""
    return Suggestion(
        action="insert_after",
        text=text,
        path=path,
        edits=(AfterCall(path, tuple(steps)),),
    )


class CallText:
    """The failing call as written, to be written differently.

    Where the source is not to be had, its tensors are called ``x``, or ``a`` and ``b``.
    """

    def __init__(self, failing: Failing) -> None:
        operation = failing.operation
        assert operation is not None
        self.failing = failing
        self.operation = operation
        self.found: Written | None = written(operation.source, operation.name)

    def operand(self, index: int) -> str:
        """The ``index``-th tensor as written."""
        if self.found is not None and self.found.gathered:
            return f"{self.found.operands[0]}[{index}]"
        if self.found is not None and index < len(self.found.operands):
            return self.found.operands[index]
        if len(self.failing.tensors) < 2:
            return "x"
        return "ab"[index] if index < 2 else f"t{index}"

    def with_operand(self, index: int, text: str, generic: str) -> str:
        """The call with one of its tensors written differently; ``generic`` without source."""
        found = self.found
        if found is not None and found.gathered:
            return f"{self.operand(index)} = {text}"  # a line of its own before the call
        if found is None or index >= len(found.operands):
            return generic
        return found.with_operand(index, text)

    def method(self, name: str, arguments: Sequence[Any]) -> str:
        """``x.view(x.size(0), -1)`` with the receiver as written."""
        receiver = self.operand(0)
        inside = ", ".join(
            f"{receiver}.size({a.axis})" if isinstance(a, SizeOf) else literal(a) for a in arguments
        )
        return f"{receiver}.{name}({inside})"

    def flattened(self) -> Suggestion:
        """One row per item of the batch, whatever its size: ``x.view(x.size(0), -1)``."""
        operand, rows = self.operand(0), (SizeOf(0), -1)
        flat = self.candidate(f"torch.flatten({operand}, 1)", function="reshape", arguments=rows)
        if self.operation.name != "view" or not operand.isidentifier():
            return flat
        kept = self.candidate(self.method("view", rows), arguments=rows)
        return replace(kept, otherwise=flat)

    def shaped(self, arguments: Sequence[Any]) -> Suggestion:
        """``view`` or ``reshape`` with other sizes; ``reshape`` where ``view`` cannot do it."""
        name = self.operation.name
        same = self.candidate(self.method(name, arguments), arguments=arguments)
        if name != "view":
            return same
        text = self.method("reshape", arguments)
        copied = self.candidate(text, function="reshape", arguments=arguments)
        return replace(same, otherwise=copied)

    def candidate(
        self,
        text: str,
        *,
        function: str | None = None,
        operands: Sequence[tuple[int, tuple[Step, ...]]] = (),
        overrides: Sequence[tuple[int | str, Any]] = (),
        arguments: Sequence[Any] | None = None,
    ) -> Suggestion:
        """The call written as ``text``, and how to carry that out."""
        edit = ReplaceCall(
            self.operation.name,
            self.operation.source,
            function,
            tuple(operands),
            tuple(overrides),
            None if arguments is None else tuple(arguments),
        )
        return Suggestion(
            action="change_call",
            text=text,
            path=self.failing.path,
            argument=self.operation.name,
            from_=self._from(text),
            to=text,
            edits=(edit,),
        )

    def _from(self, text: str) -> str | None:
        """What ``text`` takes the place of; None where it is a line of its own."""
        found = self.found
        if found is None or (found.gathered and text.startswith(f"{found.operands[0]}[")):
            return None
        return found.text


def _listed(value: Any) -> Any:
    """Tuples as lists, as JSON has them."""
    return list(value) if isinstance(value, tuple) else value
