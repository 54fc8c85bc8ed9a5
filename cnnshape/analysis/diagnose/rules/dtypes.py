"""Numbers of the wrong kind: double for float, float where indices belong, bytes for pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cnnshape.analysis.diagnose.axis_origin import main_input
from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.edits import ChangeInput, Edit, Step
from cnnshape.analysis.diagnose.failing import Failing, sizes
from cnnshape.analysis.diagnose.source_call import CallText, at_call
from cnnshape.analysis.diagnose.suggest import before_call, change_input
from cnnshape.analysis.diagnose.wording import who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import Value
from cnnshape.words import times

_SHORT = {
    "float32": "float",
    "float64": "double",
    "float16": "half",
    "int64": "long",
    "int32": "int",
}
_INTEGERS = frozenset("int64 int32 int16 int8 uint8 bool".split())


def mixed(failing: Failing) -> Diagnosis | None:
    """The data has another dtype than the weights it meets."""
    if failing.entry is None or failing.entry.dtypes == "any":
        return None
    values = list(failing.tensors)
    held = [v for v in values if v.origin in ("parameter", "buffer") or v.parameters]
    data = [v for v in values if v not in held and v.dtype != "bool"]
    if not data:
        return None
    wanted = held[0].dtype if held else None
    if wanted is None:
        floats = [v.dtype for v in data if v.dtype not in _INTEGERS]
        wanted = next(
            (d for d in ("float32", "float16", "bfloat16", "float64") if d in floats), None
        )
    odd = [v for v in data if v.dtype != wanted]
    if wanted is None or not odd:
        return None
    value = odd[0]
    layered = failing.module.builtin and failing.path
    name = who(failing.path, failing.module.type) if layered else failing.name
    if not layered and failing.module.builtin:
        name = who("", failing.module.type)
    sentence = say(
        "{function} has weights of {wanted}, but {given} arrives"
        if held
        else "{function} works with another tensor of {wanted}, but {given} arrives",
        function=name,
        wanted=wanted,
        given=value.dtype,
    )
    if value.origin == "input":
        sentence += say(": {name} {shape}", name=value.name, shape=times(sizes(value) or ()))
    return Diagnosis(
        "dtype.mismatch",
        sentence,
        _origin(failing, value),
        tuple(_converted(failing, value, wanted)),
    )


def floating(failing: Failing) -> Diagnosis | None:
    """Functions that integers have no result for."""
    if failing.entry is None or failing.entry.dtypes != "floating" or not failing.tensors:
        return None
    value = failing.tensors[0]
    if value.dtype not in _INTEGERS:
        return None
    sentence = say(
        "{function} needs floating-point numbers, but {given} arrives",
        function=failing.name,
        given=value.dtype,
    )
    return Diagnosis("dtype.integer", sentence, (), tuple(_converted(failing, value, "float32")))


def indices(failing: Failing) -> Diagnosis | None:
    """Embeddings and gathers look things up by whole numbers."""
    family = "" if failing.entry is None else failing.entry.family
    name = {"lookup": "input", "indexing": "index"}.get(family, "")
    value = failing.value(failing.argument(name))
    if value is None or value.dtype in ("int64", "int32"):
        return None
    name = who(failing.path, failing.module.type) if failing.module.builtin else failing.name
    sentence = say(
        "{function} looks up rows by whole numbers (int64), but {given} arrives",
        function=name,
        given=value.dtype,
    )
    return Diagnosis("dtype.index", sentence, (), tuple(_converted(failing, value, "int64")))


def _converted(failing: Failing, value: Value, wanted: str) -> Iterator[Suggestion]:
    method = f"{_SHORT[wanted]}()" if wanted in _SHORT else f"to(torch.{wanted})"
    steps = (Step("to", (wanted,)),)
    origin = _input_behind(failing, value)
    whole: tuple[Edit, ...] = ()
    if origin is not None and origin.name:
        if wanted in _INTEGERS:
            # Numbers drawn at random are no indices; that says nothing about the reader's own.
            steps = (Step("whole"), *steps)
            whole = (ChangeInput(origin.name, steps[:1]),)
        yield change_input(origin.name, f"{{x}}.{method}", steps, (origin.dtype, wanted))
    if value.origin == "input":
        return
    if failing.module.builtin:
        here = at_call(failing, f"{{x}}.{method}") or before_call(failing, f"x.{method}", steps)
    else:
        here = CallText(failing).on(failing.tensors.index(value), f"{{x}}.{method}")
    yield replace(here, edits=(*whole, *here.edits) if here.edits else ())


def _origin(failing: Failing, value: Value) -> tuple[str, ...]:
    """What brought the dtype in, where it was no input: ``mul with weights, which is float64``."""
    trace = failing.trace
    for _ in range(200):
        if value.producer is None:
            return ()
        operation = trace.operations[value.producer]
        alike = [trace.values[v] for v in operation.inputs]
        same = [v for v in alike if v.dtype == value.dtype]
        others = [v for v in alike if v.dtype != value.dtype]
        if same and others:
            held = next((v for v in same if v.origin in ("parameter", "buffer", "constant")), None)
            if held is None:
                return ()
            with_another = say(
                "{function} with {tensor}, which is {dtype}",
                function=operation.name,
                tensor=held.name or say("a tensor made here"),
                dtype=value.dtype,
            )
            return (with_another,)
        if not same:
            made = say("{function} makes it {dtype}", function=operation.name, dtype=value.dtype)
            return (made,)
        value = same[0]
    return ()


def _input_behind(failing: Failing, value: Value) -> Value | None:
    """The model's input that the dtype came in with, if every step since then kept it."""
    at = value
    for _ in range(200):
        if at.origin == "input":
            return at
        if at.producer is None:
            return None
        source = main_input(failing.trace, failing.trace.operations[at.producer])
        if source is None or source.dtype != value.dtype:
            return None
        at = source
    return None
