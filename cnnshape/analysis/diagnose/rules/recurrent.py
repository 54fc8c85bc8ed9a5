"""LSTM, GRU, RNN and their cells: what arrives at each step, and the state they start from.

The recurrent layers look at their input themselves and raise before any torch function runs, so
their rules read the arguments of the module call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs
from cnnshape.analysis.diagnose.edits import BeforeCall, DropArguments, Step
from cnnshape.analysis.diagnose.failing import Failing, Operand, Sizes
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.source_call import CallText, written
from cnnshape.analysis.diagnose.source_code import line_of
from cnnshape.analysis.diagnose.suggest import (
    before_call,
    combined,
    made_for,
    present,
    set_arguments,
    unsqueeze_input,
)
from cnnshape.analysis.diagnose.wording import arrive, dims, named, who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import Module, Plain, Ref
from cnnshape.words import plural, times

_LAYERS = frozenset({"LSTM", "GRU", "RNN"})
_CELLS = frozenset({"LSTMCell", "GRUCell", "RNNCell"})


def recurrent(failing: Failing) -> Diagnosis | None:
    """``input_size``, the number of dimensions, and the hidden state."""
    module = failing.module
    if module.kind not in _LAYERS | _CELLS:
        return None
    x = failing.given_operand(0, "input")
    if x is None:
        return None
    cell = module.kind in _CELLS
    ranks = (1, 2) if cell else (2, 3)
    if x.rank not in ranks:
        return _rank(failing, x, cell=cell)
    expected = module.config.get("input_size")
    if isinstance(expected, int) and x.shape[-1] != expected:
        return _input_size(failing, x, expected)
    return None if cell else _initial_state(failing, x.shape, module)


def _input_size(failing: Failing, x: Operand, expected: int) -> Diagnosis:
    module, shape = failing.module, x.shape
    name = who(failing.path, module.type)
    sentence = say(
        "{layer} expects {expected} per step (input_size), but {arriving} {arrive}: {shape}",
        layer=name,
        expected=plural(expected, "feature"),
        arriving=shape[-1],
        arrive=arrive(shape[-1]),
        shape=times(shape),
    )
    sentence += failing.which_call()
    if x.rank == 3 and shape[1] == expected:
        sentence += say(", whose {expected} are dimension 1", expected=expected)
        turned = before_call(failing, "x.transpose(1, 2)", (Step("transpose", (1, 2)),))
        return Diagnosis("rnn.input_size", sentence, (), (turned,))
    if expected == 1 and x.rank == (1 if module.kind in _CELLS else 2):
        sentence += say(", which is taken for one sequence without a batch")
        steps = (Step("unsqueeze", (-1,)),)
        alone = before_call(failing, "x.unsqueeze(-1)", steps)
        if x.value.origin == "input":
            alone = unsqueeze_input(x.value, x.rank)
        return Diagnosis("rnn.input_size", sentence, (), (alone,))
    remade = made_for(failing, module, {"input_size": shape[-1]})
    found = present((remade, *other_inputs(failing, x.value, x.rank - 1, expected)))
    item = story(failing.trace, x.value.id, x.rank - 1)
    derivation = (*start_line(failing.trace, [item]), *lines([item]))
    return Diagnosis("rnn.input_size", sentence, derivation, found)


def _rank(failing: Failing, x: Operand, *, cell: bool) -> Diagnosis:
    batch_first = failing.module.config.get("batch_first") is True
    axes = "N×C" if cell else ("N×L×C" if batch_first else "L×N×C")
    most = 2 if cell else 3
    sentence = say(
        "{layer} takes {dims} ({axes}), or {fewer} without the batch, but {rank} {arrive}: {shape}",
        layer=named(failing.path, failing.module.type),
        dims=dims(most),
        axes=axes,
        fewer=most - 1,
        rank=x.rank,
        arrive=arrive(x.rank),
        shape=times(x.shape),
    )
    return Diagnosis("rnn.rank", sentence, (), tuple(_rank_candidates(failing, x)))


def _rank_candidates(failing: Failing, x: Operand) -> Iterator[Suggestion]:
    shape, expected = x.shape, failing.module.config.get("input_size")
    if len(shape) == 4 and isinstance(expected, int):
        if shape[2] * shape[3] == expected:
            yield before_call(failing, "x.flatten(2)", (Step("flatten", (2,)),))
        if shape[1] * shape[2] == expected:
            yield before_call(
                failing,
                "x.flatten(1, 2).transpose(1, 2)",
                (Step("flatten", (1, 2)), Step("transpose", (1, 2))),
            )
        if shape[1] == expected:
            yield before_call(
                failing,
                "x.flatten(2).transpose(1, 2)",
                (Step("flatten", (2,)), Step("transpose", (1, 2))),
            )
        if shape[1] == 1 and shape[3] == expected:
            yield before_call(failing, "x.squeeze(1)", (Step("squeeze", (1,)),))
        if shape[3] == expected:
            yield before_call(failing, "x.flatten(1, 2)", (Step("flatten", (1, 2)),))
    if len(shape) == 1 and shape[0] == expected:
        if x.value.origin == "input":
            yield unsqueeze_input(x.value)
        else:
            yield before_call(failing, "x.unsqueeze(0)", (Step("unsqueeze", (0,)),))
    elif len(shape) == 1 and expected == 1:
        yield before_call(failing, "x.unsqueeze(-1)", (Step("unsqueeze", (-1,)),))


# ---- the initial state: layers · directions, batch, hidden size ---------------------------


#: Functions that make a tensor of the sizes they are given.
_FACTORIES = frozenset({"zeros", "randn", "ones", "rand", "empty"})


def _initial_state(failing: Failing, shape: Sizes, module: Module) -> Diagnosis | None:
    """A state of the wrong size, or one tensor where an LSTM wants two."""
    given = failing.given(1, "hx")
    config = module.config
    layers, hidden = config.get("num_layers"), config.get("hidden_size")
    if given is None or not isinstance(layers, int) or not isinstance(hidden, int):
        return None
    pair = isinstance(given, tuple)
    if pair is not (module.kind == "LSTM"):
        return _count(failing, module, pair=pair)
    states = given if isinstance(given, tuple) else (given,)
    directions = 2 if config.get("bidirectional") is True else 1
    batch_axis = 0 if config.get("batch_first") is True else 1
    batch = () if len(shape) == 2 else (shape[batch_axis],)
    proj = config.get("proj_size")
    last = proj if isinstance(proj, int) and proj > 0 else hidden
    expected = [(layers * directions, *batch, last), (layers * directions, *batch, hidden)]
    for item, wanted in zip(states, expected, strict=False):
        state = failing.shape(item)
        if state is None or state == wanted:
            continue
        ways = say(" · {directions} directions", directions=directions) if directions > 1 else ""
        axes = say("{layers}, hidden size", layers=plural(layers, "layer") + ways)
        if batch:
            axes = say("{layers}, batch, hidden size", layers=plural(layers, "layer") + ways)
        sentence = say(
            "{layer} needs an initial state of {wanted} ({axes}), but {shape} arrives",
            layer=who(failing.path, module.type),
            wanted=times(wanted),
            axes=axes,
            shape=times(state),
        )
        found = _state_candidates(failing, module, states, state, expected)
        return Diagnosis("rnn.hidden_size", sentence, (), tuple(found))
    return None


def _count(failing: Failing, module: Module, *, pair: bool) -> Diagnosis:
    """An LSTM starts from ``(h, c)``; GRU and RNN from ``h`` alone."""
    name, shape = who(failing.path, module.type), failing.shape(failing.given(1, "hx"))
    argument = _state_argument(failing)
    found = written(failing.failure.source, failing.path.rpartition(".")[2])
    state = found.arguments[1] if found and len(found.arguments) > 1 else "h"
    state = state.removeprefix("hx=")
    if pair:
        sentence = say(
            "{layer} starts from one tensor h, but a pair arrives as an LSTM has it", layer=name
        )
        text, step = f"{state}[0]", Step("item", (0,))
    else:
        sentence = say(
            "{layer} starts from a pair (h, c), but one tensor {shape} arrives: only GRU "
            "and RNN have h alone",
            layer=name,
            shape=times(shape or ()),
        )
        text, step = f"({state}, torch.zeros_like({state}))", Step("with_zeros")
    suggestion = Suggestion(
        action="insert_before",
        text=f"{state} = {text}",
        path=failing.path,
        argument="hx",
        edits=(BeforeCall(failing.path, (step,), argument),),
    )
    return Diagnosis("rnn.hidden_size", sentence, (), (suggestion, _without(failing)))


def _state_candidates(
    failing: Failing,
    module: Module,
    states: Sequence[Plain],
    state: Sizes,
    expected: Sequence[Sizes],
) -> Iterator[Suggestion]:
    wanted = expected[0]
    if len(state) == 3 and (state[1], state[0], state[2]) == wanted and module.kind != "LSTM":
        text, steps = "h.transpose(0, 1)", (Step("transpose", (0, 1)),)
        yield before_call(failing, text, steps, argument=_state_argument(failing))
    if len(state) == len(wanted) == 3 and state[0] == wanted[0] and state[2] == wanted[2]:
        x = failing.shape(failing.given(0, "input"))
        # The batch stands where the length was meant: batch_first is the other way round.
        if x is not None and state[1] in x[:2]:
            flag = module.config.get("batch_first") is not True
            yield from present([set_arguments(module, {"batch_first": flag})])
    made = _made_so(failing, states, expected)
    if made is not None:
        yield made
    first = failing.value(states[0])
    if first is not None and len(state) == len(wanted) and state[:-1] == wanted[:-1]:
        # A state worked out by a layer before: that one may make as many features as are needed.
        yield from other_inputs(failing, first, len(state) - 1, wanted[-1])
    yield from _other_encoder(failing, states, state, wanted)
    yield _without(failing)


def _made_so(
    failing: Failing, states: Sequence[Plain], expected: Sequence[Sizes]
) -> Suggestion | None:
    """The lines that make the state, with the numbers needed: ``torch.zeros(4, n, 64)``."""
    made: list[Suggestion] = []
    for item, wanted in zip(states, expected, strict=False):
        value, shape = failing.value(item), failing.shape(item)
        if value is None or shape is None or shape == wanted:
            continue
        operation = None if value.producer is None else failing.trace.operations[value.producer]
        if operation is None or operation.name not in _FACTORIES or operation.args != shape:
            return None
        call = CallText(replace(failing, operation=operation))
        if call.found is None or len(call.found.arguments) < len(wanted):
            return None
        inside = list(call.found.arguments)
        for axis, (have, size) in enumerate(zip(shape, wanted, strict=False)):
            if have != size:
                inside[axis] = _batch_of(failing) if axis == 1 and len(wanted) == 3 else str(size)
        text = f"{call.found.function}({', '.join(inside)})"
        made.append(_as_statement(call, call.candidate(text)))
    return combined(made)


def _batch_of(failing: Failing) -> str:
    """``x.size(0)``, with the layer's input as it is written."""
    axis = 0 if failing.module.config.get("batch_first") is True else 1
    found = written(failing.failure.source, failing.path.rpartition(".")[2])
    inside = found.arguments[:1] if found else ()
    return f"{inside[0] if inside and inside[0].isidentifier() else 'x'}.size({axis})"


def _as_statement(call: CallText, candidate: Suggestion) -> Suggestion:
    """``h0 = torch.zeros(…)`` where that is the whole line: it says which of two lines is meant."""
    assert call.found is not None
    line = line_of(call.operation.source)
    target, equals, _ = line.partition(" = ")
    if not equals or not target.isidentifier() or line != f"{target} = {call.found.text}":
        return candidate
    text = f"{target} = {candidate.text}"
    return replace(candidate, text=text, from_=line, to=text)


def _other_encoder(
    failing: Failing, states: Sequence[Plain], state: Sizes, wanted: Sizes
) -> Iterator[Suggestion]:
    """The layer that the state comes from, run in one direction as this one is."""
    item = states[0]
    value = failing.trace.values[item.value] if isinstance(item, Ref) else None
    if value is None or value.producer is None or state != (2 * wanted[0], *wanted[1:]):
        return
    operation = failing.trace.operations[value.producer]
    maker = failing.trace.module(failing.trace.calls[operation.call].path)
    if maker.config.get("bidirectional") is True and maker.path != failing.path:
        candidate = set_arguments(maker, {"bidirectional": False})
        if candidate is not None:
            yield candidate


def _without(failing: Failing) -> Suggestion:
    return Suggestion(
        action="change_call",
        text=say("{call}(x) without a state: it starts from zeros", call=failing.path or "model"),
        path=failing.path,
        argument="hx",
        edits=(DropArguments(failing.path, keep=1),),
    )


def _state_argument(failing: Failing) -> int | str:
    return 1 if failing.call is not None and len(failing.call.args) > 1 else "hx"
