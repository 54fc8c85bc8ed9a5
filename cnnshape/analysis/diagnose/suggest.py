"""Writing suggestions: what the reader sees together with the edits that carry it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cnnshape.analysis.diagnose.axis_origin import two_inputs
from cnnshape.analysis.diagnose.constructor import can_construct, constructor, tidy
from cnnshape.analysis.diagnose.edits import (
    AfterCall,
    BeforeCall,
    ChangeInput,
    NewInput,
    OwnLayer,
    SetArguments,
    SetMode,
    SetParameter,
    Step,
)
from cnnshape.analysis.diagnose.failing import Failing, sizes
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import Module, Value
from cnnshape.words import ordinal, times


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


def set_many(module: Module, changes: Mapping[str, Any]) -> Suggestion | None:
    """Several arguments of one layer; the further ones are listed beside the first."""
    candidate = set_arguments(module, changes)
    if candidate is None or len(changes) == 1:
        return candidate
    then = tuple(
        replace(candidate, argument=name, from_=before, to=tidy(value), edits=())
        for name, value in list(changes.items())[1:]
        if (before := tidy(module.config.get(name))) != tidy(value)
    )
    return replace(candidate, then=then)


def own_layer(failing: Failing, layer: Module, changes: Mapping[str, Any]) -> Suggestion | None:
    """A layer of its own for this call, since the shared one already serves another size."""
    if failing.call is None or layer.path != failing.path:
        return None
    call = failing.call.call
    return Suggestion(
        action="change_call",
        text=say(
            "another layer for the {nth} call: {code}",
            nth=ordinal(call + 1),
            code=constructor(layer, changes),
        ),
        path=layer.path,
        argument=next(iter(changes)),
        from_=tidy(layer.config.get(next(iter(changes)))),
        to=tidy(next(iter(changes.values()))),
        edits=(OwnLayer(layer.path, call, tuple(changes.items())),),
    )


def made_for(
    failing: Failing, layer: Module | None, changes: Mapping[str, Any]
) -> Suggestion | None:
    """The layer made for what arrives; another one, where it already served another size."""
    if layer is None:
        return None
    earlier = failing.earlier_call()
    if earlier is not None and failing.call is not None:
        # Two inputs through one network are to be alike; a layer for each is another network.
        alike = two_inputs(failing.trace, earlier, failing.call)
        return None if alike else own_layer(failing, layer, changes)
    return set_many(layer, changes)


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


def set_parameter(weight: Value, shape: tuple[int, ...]) -> Suggestion | None:
    """Another shape for a parameter that the author's own code made."""
    if len(weight.parameters) != 1:
        return None
    name = weight.parameters[0]
    path, _, attribute = name.rpartition(".")
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
        text=say(
            "{name} of {after} instead of {before}",
            name=attribute,
            after=times(shape),
            before=times(held.shape),
        ),
        path=path,
        argument=attribute,
        from_=list(held.shape),
        to=list(shape),
        edits=(SetParameter(held.name, shape),),
    )


def new_input(name: str, before: Sequence[Any], after: Sequence[int], why: str = "") -> Suggestion:
    """An input of another shape, and in brackets why."""
    text = say(
        "{name} of {after} instead of {before}",
        name=name,
        after=times(after),
        before=times(before),
    )
    return Suggestion(
        action="set_input",
        text=text + why if why else text,
        path="",
        argument=name,
        from_=list(before),
        to=list(after),
        edits=(NewInput(name, tuple(after)),),
    )


def change_input(
    name: str, template: str, steps: Sequence[Step], change: tuple[Any, Any] = (None, None)
) -> Suggestion:
    """An input, ``{x}`` in the template, taken through some steps: ``{x}.unsqueeze(0)``.

    ``change`` is what it was, a shape or a dtype, and what it becomes.
    """
    return Suggestion(
        action="set_input",
        text=template.format(x=name),
        path="",
        argument=name,
        from_=change[0],
        to=change[1],
        edits=(ChangeInput(name, tuple(steps)),),
    )


def unsqueeze_input(value: Value, axis: int = 0) -> Suggestion:
    """``x.unsqueeze(0)`` on the model's input; behind its last dimension ``x.unsqueeze(-1)``."""
    before = list(sizes(value) or ())
    after = [*before[:axis], 1, *before[axis:]]
    place = -1 if axis and axis == len(before) else axis
    steps = (Step("unsqueeze", (place,)),)
    return change_input(value.name or "x", f"{{x}}.unsqueeze({place})", steps, (before, after))


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
    keyword: str,
    template: str,
    steps: tuple[Step, ...],
    change: tuple[Any, Any],
) -> Suggestion:
    """Something done to one tensor of the failing call, where its author would write it.

    At the model's call for an input, before a layer of torch for its argument, in the line
    otherwise. ``{x}`` in the template stands for the tensor; ``change`` is what it was and becomes.
    """
    x = failing.operand(keyword)
    place = 0 if x is None else x.place
    if x is not None and x.input_name:
        return change_input(x.input_name, template, steps, change)
    if failing.module.builtin:
        named = failing.call is not None and keyword in failing.call.kwargs
        text = template.format(x=keyword)
        return before_call(failing, text, steps, argument=keyword if named else place)
    return CallText(failing).on(place, template)


def after_call(path: str, text: str, steps: Sequence[Step]) -> Suggestion:
    """Something done to what a module returns."""
    return Suggestion(
        action="insert_after",
        text=text,
        path=path,
        edits=(AfterCall(path, tuple(steps)),),
    )


def present(found: Iterable[Suggestion | None]) -> tuple[Suggestion, ...]:
    """Those that could be written."""
    return tuple(suggestion for suggestion in found if suggestion is not None)


def together(failing: Failing, changes: Mapping[str, Mapping[str, Any]]) -> Suggestion | None:
    """Several layers changed at once, as one candidate whose first change is the one named."""
    made = (set_arguments(failing.trace.module(path), given) for path, given in changes.items())
    return combined(present(made))


def combined(made: Sequence[Suggestion]) -> Suggestion | None:
    """Several candidates as one."""
    if not made:
        return None
    then = made[0].then
    for further in made[1:]:
        then += (replace(further, then=(), edits=()), *further.then)
    edits = tuple(edit for one in made for edit in one.edits)
    return replace(made[0], then=then, edits=edits, otherwise=None)


def _listed(value: Any) -> Any:
    """Tuples as lists, as JSON has them."""
    return list(value) if isinstance(value, tuple) else value
