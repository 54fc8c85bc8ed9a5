"""LSTM, GRU, RNN, their cells, and multi-head attention.

The recurrent layers look at their input themselves and raise before any torch function runs, so
their rules read the arguments of the module call.
"""

from __future__ import annotations

from collections.abc import Iterator

from cnnshape.analysis.diagnose.edits import BeforeCall, DropArguments, Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.origins import lines, start_line, story
from cnnshape.analysis.diagnose.result import Candidate, Diagnosis
from cnnshape.analysis.diagnose.rules.missing_batch import unsqueeze_input
from cnnshape.analysis.diagnose.suggest import before_call, set_arguments
from cnnshape.analysis.diagnose.upstream import other_inputs, own_layer
from cnnshape.analysis.diagnose.wording import arrive, dims, named, plural, times, who
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Module, Value

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
    return None if cell else _hidden(failing, shape, module)


def _input_size(
    failing: Failing, value: Value, shape: Sizes, expected: int, module: Module
) -> Diagnosis:
    name = who(failing.path, module.type)
    sentence = (
        f"{name} expects {plural(expected, 'feature')} per step (input_size), but {shape[-1]} "
        f"{arrive(shape[-1])}: {times(shape)}{failing.which_call()}"
    )
    found: list[Candidate | None] = []
    if len(shape) == 3 and shape[1] == expected:
        sentence += f", whose {expected} are dimension 1"
        turned = before_call(failing, "x.transpose(1, 2)", (Step("transpose", (1, 2)),))
        return Diagnosis("rnn.input_size", sentence, (), (turned,))
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


def _rank_candidates(failing: Failing, value: Value, shape: Sizes) -> Iterator[Candidate]:
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


def _hidden(failing: Failing, shape: Sizes, module: Module) -> Diagnosis | None:
    """The initial state: layers × directions, batch, hidden size."""
    given = failing.given(1, "hx")
    states = given if isinstance(given, tuple) else (given,)
    config = module.config
    layers, hidden = config.get("num_layers"), config.get("hidden_size")
    if not isinstance(layers, int) or not isinstance(hidden, int):
        return None
    directions = 2 if config.get("bidirectional") is True else 1
    batch_axis = 0 if config.get("batch_first") is True else 1
    batch = () if len(shape) == 2 else (shape[batch_axis],)
    name = who(failing.path, module.type)
    for index, item in enumerate(states):
        state = failing.shape(item)
        if state is None:
            continue
        proj = config.get("proj_size")
        last = proj if index == 0 and isinstance(proj, int) and proj > 0 else hidden
        wanted = (layers * directions, *batch, last)
        if state == wanted:
            continue
        sentence = (
            f"{name} needs an initial state of {times(wanted)} (layers × batch × hidden size), but "
            f"{times(state)} arrives"
        )
        return Diagnosis(
            "rnn.hidden_size",
            sentence,
            (),
            tuple(_hidden_candidates(failing, state, wanted, module)),
        )
    return None


def _hidden_candidates(
    failing: Failing, state: Sizes, wanted: Sizes, module: Module
) -> Iterator[Candidate]:
    swapped = len(state) == 3 and (state[1], state[0], state[2]) == wanted
    if swapped:
        name = "h.transpose(0, 1)"
        yield before_call(failing, name, (Step("transpose", (0, 1)),), argument=_state(failing))
    if len(state) == len(wanted) == 3 and state[0] == wanted[0] and state[2] == wanted[2]:
        call = failing.call
        x = failing.shape(failing.given(0, "input"))
        # The batch stands where the length was meant: batch_first is the other way round.
        if call is not None and x is not None and state[1] in x[:2]:
            flag = module.config.get("batch_first") is not True
            candidate = set_arguments(module, {"batch_first": flag})
            if candidate is not None:
                yield candidate
    dropped = Suggestion(
        action="change_call",
        text=f"{who(failing.path, 'model')}(x) without a state: it starts from zeros",
        path=failing.path,
        argument="hx",
    )
    yield Candidate(dropped, (DropArguments(failing.path, keep=1),))


def _state(failing: Failing) -> int | str:
    return 1 if failing.call is not None and len(failing.call.args) > 1 else "hx"


# ---- multi-head attention -----------------------------------------------------------------


def multi_head_attention(failing: Failing) -> Diagnosis | None:
    """``embed_dim``, and masks of the wrong size."""
    query = failing.value(failing.argument(0, "query"))
    shape = None if query is None else sizes(query)
    expected = failing.argument(3, "embed_dim_to_check")
    layer = failing.layer({"MultiheadAttention"})
    if query is None or not shape or not isinstance(expected, int):
        return None
    name = who(failing.path, failing.module.type)
    if shape[-1] != expected:
        sentence = (
            f"{name} works on {expected} features (embed_dim), but {shape[-1]} {arrive(shape[-1])}"
        )
        found: list[Candidate | None] = []
        if layer is not None:
            heads = layer.config.get("num_heads")
            if isinstance(heads, int) and shape[-1] % heads == 0:
                found.append(set_arguments(layer, {"embed_dim": shape[-1]}))
        found += other_inputs(failing, query, len(shape) - 1, expected)
        item = story(failing.trace, query.id, len(shape) - 1)
        derivation = (*start_line(failing.trace, [item]), *lines([item]))
        return Diagnosis("mha.embed_dim", sentence, derivation, tuple(c for c in found if c))
    return _masks(failing, name, shape) or _keys(failing, name, expected, layer)


def _keys(failing: Failing, name: str, expected: int, layer: Module | None) -> Diagnosis | None:
    key = failing.value(failing.argument(1, "key"))
    shape = None if key is None else sizes(key)
    separate = failing.argument(17, "use_separate_proj_weight")
    if key is None or not shape or separate is True or shape[-1] == expected:
        return None
    sentence = (
        f"{name} expects keys of {expected} features, but {shape[-1]} {arrive(shape[-1])}: "
        "kdim and vdim say so if they differ"
    )
    found: list[Candidate | None] = []
    if layer is not None:
        found.append(set_arguments(layer, {"kdim": shape[-1], "vdim": shape[-1]}))
    return Diagnosis("mha.embed_dim", sentence, (), tuple(c for c in found if c))


def _masks(failing: Failing, name: str, query: Sizes) -> Diagnosis | None:
    """``attn_mask`` is L×S, ``key_padding_mask`` N×S; inside, the length comes first."""
    key = failing.shape(failing.argument(1, "key"))
    if key is None or len(query) != 3 or len(key) != 3 or failing.call is None:
        return None
    length, batch, source = query[0], query[1], key[0]
    heads = failing.argument(4, "num_heads")
    padding = failing.shape(failing.argument(14, "key_padding_mask"))
    if padding is not None and padding != (batch, source):
        sentence = (
            f"{name}'s key_padding_mask must be {batch}×{source} (batch × key length), but "
            f"{times(padding)} arrives"
        )
        candidate: tuple[Candidate, ...] = ()
        if padding == (source, batch):
            candidate = (_on_mask(failing, "key_padding_mask", "key_padding_mask.T"),)
        return Diagnosis("mha.mask", sentence, (), candidate)
    mask = failing.shape(failing.argument(16, "attn_mask"))
    allowed = [(length, source)]
    if isinstance(heads, int):
        allowed.append((batch * heads, length, source))  # type: ignore[arg-type]
    if mask is not None and mask not in allowed:
        sentence = (
            f"{name}'s attn_mask must be {length}×{source} (query length × key length), but "
            f"{times(mask)} arrives"
        )
        turned = (
            (_on_mask(failing, "attn_mask", "attn_mask.T"),) if mask == (source, length) else ()
        )
        return Diagnosis("mha.mask", sentence, (), turned)
    return None


def _on_mask(failing: Failing, keyword: str, text: str) -> Candidate:
    suggestion = Suggestion(action="insert_before", text=text, path=failing.path, argument=keyword)
    return Candidate(
        suggestion, (BeforeCall(failing.path, (Step("transpose", (0, 1)),), argument=keyword),)
    )
