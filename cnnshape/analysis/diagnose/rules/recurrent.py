"""LSTM, GRU, RNN and their cells.

The recurrent layers look at their input themselves and raise before any torch function runs, so
their rules read the arguments of the module call.
"""

from __future__ import annotations

from collections.abc import Iterator

from cnnshape.analysis.diagnose.earlier_corrections import other_inputs, own_layer
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.result import Diagnosis
from cnnshape.analysis.diagnose.rules.missing_batch import unsqueeze_input
from cnnshape.analysis.diagnose.rules.recurrent_state import initial_state
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.suggest import before_call, set_arguments
from cnnshape.analysis.diagnose.wording import arrive, dims, named, who
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Module, Value
from cnnshape.words import plural, times

_LAYERS = frozenset({"LSTM", "GRU", "RNN"})
_CELLS = frozenset({"LSTMCell", "GRUCell", "RNNCell"})


def recurrent(failing: Failing) -> Diagnosis | None:
    """``input_size``, the number of dimensions, and the hidden state."""
    module = failing.module
    if module.kind not in _LAYERS | _CELLS:
        return None
    value = failing.value(failing.given(0, "input"))
    shape = None if value is None else sizes(value)
    if value is None or shape is None:
        return None
    cell = module.kind in _CELLS
    ranks = (1, 2) if cell else (2, 3)
    if len(shape) not in ranks:
        return _rank(failing, value, shape, cell=cell)
    expected = module.config.get("input_size")
    if isinstance(expected, int) and shape[-1] != expected:
        return _input_size(failing, value, shape, expected, module)
    return None if cell else initial_state(failing, shape, module)


def _input_size(
    failing: Failing, value: Value, shape: Sizes, expected: int, module: Module
) -> Diagnosis:
    name = who(failing.path, module.type)
    sentence = (
        f"{name} expects {plural(expected, 'feature')} per step (input_size), but {shape[-1]} "
        f"{arrive(shape[-1])}: {times(shape)}{failing.which_call()}"
    )
    found: list[Suggestion | None] = []
    if len(shape) == 3 and shape[1] == expected:
        sentence += f", whose {expected} are dimension 1"
        turned = before_call(failing, "x.transpose(1, 2)", (Step("transpose", (1, 2)),))
        return Diagnosis("rnn.input_size", sentence, (), (turned,))
    if expected == 1 and len(shape) == (1 if module.kind in _CELLS else 2):
        sentence += ", which is taken for one sequence without a batch"
        steps = (Step("unsqueeze", (-1,)),)
        alone = before_call(failing, "x.unsqueeze(-1)", steps)
        if value.origin == "input":
            alone = unsqueeze_input(value, len(shape))
        return Diagnosis("rnn.input_size", sentence, (), (alone,))
    if failing.earlier_call() is not None:
        found.append(own_layer(failing, module, {"input_size": shape[-1]}))
    else:
        found.append(set_arguments(module, {"input_size": shape[-1]}))
    found += other_inputs(failing, value, len(shape) - 1, expected)
    item = story(failing.trace, value.id, len(shape) - 1)
    derivation = (*start_line(failing.trace, [item]), *lines([item]))
    return Diagnosis("rnn.input_size", sentence, derivation, tuple(c for c in found if c))


def _rank(failing: Failing, value: Value, shape: Sizes, *, cell: bool) -> Diagnosis:
    batch_first = failing.module.config.get("batch_first") is True
    axes = "N×C" if cell else ("N×L×C" if batch_first else "L×N×C")
    most = 2 if cell else 3
    sentence = (
        f"{named(failing.path, failing.module.type)} takes {dims(most)} ({axes}), or {most - 1} "
        f"without the batch, but {len(shape)} {arrive(len(shape))}: {times(shape)}"
    )
    return Diagnosis("rnn.rank", sentence, (), tuple(_rank_candidates(failing, value, shape)))


def _rank_candidates(failing: Failing, value: Value, shape: Sizes) -> Iterator[Suggestion]:
    expected = failing.module.config.get("input_size")
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
        if value.origin == "input":
            yield unsqueeze_input(value)
        else:
            yield before_call(failing, "x.unsqueeze(0)", (Step("unsqueeze", (0,)),))
    elif len(shape) == 1 and expected == 1:
        yield before_call(failing, "x.unsqueeze(-1)", (Step("unsqueeze", (-1,)),))
