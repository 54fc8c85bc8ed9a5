"""Recurrent layers and their cells, as torch calls the kernels behind them; packed sequences.

A layer's weights arrive as one flat list: for every layer and direction ``w_ih`` (gates·hidden ×
input) and ``w_hh`` (gates·hidden × output), with biases and a projection where there are any.
Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnnshape.operations.axes import (
    Account,
    Broadcast,
    Ended,
    Kept,
    Need,
    Origin,
    Size,
    Unknown,
    Written,
    times,
    total,
)
from cnnshape.operations.broadcasting import aligned, lines, overlaid
from cnnshape.operations.call import Call, Operand, Unfit, operands
from cnnshape.operations.table import Table

RECURRENT = Table()

#: After the data (and the sizes of its batches, if it is packed) come state and weights.
_PADDED = "state weights biases layers dropout training directions batch_first".split()
_PACKED = "batch_sizes state weights biases layers dropout training directions".split()


@dataclass(frozen=True, slots=True)
class _Layers:
    """One call for all steps.

    Attributes:
        x: steps × sequences × features, in the order that is asked for; packed data has all
            steps of all sequences in one axis, and a single sequence has steps alone.
        states: ``h`` before the first step, and ``c`` of an LSTM.
        matrices: the weights without the biases; the first meets the input, the second ``h``.
        directions: 1, or 2 where the steps are gone through both ways.
        time: the axis of the steps.
        batch: the axis of the sequences, where there is one.
    """

    x: Operand
    states: tuple[Operand, ...]
    matrices: tuple[Operand, ...]
    directions: int
    time: int
    batch: int | None


def _layers(call: Call) -> _Layers:
    x, rest = call.tensor(), call["rest"]
    packed = isinstance(rest[0], Operand) and rest[0].rank == 1
    given: dict[str, Any] = dict(zip(_PACKED if packed else _PADDED, rest, strict=False))
    matrices = tuple(weight for weight in operands(given["weights"]) if weight.rank == 2)
    states = tuple(operands((given["state"],)))
    if len(matrices) < 2 or not states:
        raise Unfit("no weights, or no state")
    batched = not packed and x.rank == 3
    time = 1 if batched and given["batch_first"] else 0
    directions = 2 if given["directions"] else 1
    return _Layers(x, states, matrices, directions, time, 1 - time if batched else None)


def _macs(call: Call) -> Size:
    """Every step of every sequence multiplies with every weight matrix once."""
    layers = _layers(call)
    weights = total(times(weight.sizes) for weight in layers.matrices)
    return times((*layers.x.sizes[:-1], weights))


@RECURRENT.add("lstm gru rnn_tanh rnn_relu", "recurrent", "input *rest", macs=_macs,
               source="torch.nn.LSTM")  # fmt: skip
def layers(call: Call) -> Account:
    """A state for every step and direction, and the last states of every layer."""
    given = _layers(call)
    x, states, (into, onto, *_) = given.x, given.states, given.matrices
    kept: dict[int, Origin] = {axis: x.kept(axis) for axis in range(x.rank - 1)}
    last = [list(state.all_kept()) for state in states]
    fitting: tuple[Need, ...] = ()
    if given.batch is not None:
        every = (line for state in states for line in lines(state, 1, 2))
        batch, fitting = overlaid((*lines(x, given.batch, given.batch + 1), *every))
        kept[given.batch] = batch
        for origins in last:
            origins[1] = batch
    features = Written(times((given.directions, states[0].sizes[-1])))
    needs = (_fits(x, into, "input_size"), _fits(states[0], onto, "hidden_size"), *fitting)
    steps = Ended((x.axis(given.time),), "mixed", x.sizes[given.time])
    results = ((*kept.values(), features), *map(tuple, last))
    return Account(results, (_summed(x, into), steps, *_seen(states)), needs)


def _fits(x: Operand, weight: Operand, name: str) -> Need:
    ends = (x.axis(-1), weight.axis(1))
    return Need(x.sizes[-1], "==", weight.sizes[1], name, *ends)


def _summed(x: Operand, weight: Operand) -> Ended:
    return Ended((x.axis(-1), weight.axis(1)), "contracted", x.sizes[-1])


def _seen(states: Sequence[Operand]) -> tuple[Ended, ...]:
    """Every number of a state, and every layer before, has gone into the next state."""
    axes = ((state, axis) for state in states for axis in {0 if state.rank > 1 else -1, -1})
    return tuple(Ended((state.axis(axis),), "mixed", state.sizes[axis]) for state, axis in axes)


# ---- one step -----------------------------------------------------------------------------


def _cell_macs(call: Call) -> Size:
    weights = (call.tensor("w_ih"), call.tensor("w_hh"))
    return times((*call.tensor().sizes[:-1], total(times(w.sizes) for w in weights)))


@RECURRENT.add("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell", "recurrent",
               "input hx w_ih w_hh b_ih=None b_hh=None",
               macs=_cell_macs, source="torch.nn.LSTMCell")  # fmt: skip
def cell(call: Call) -> Account:
    """The next state, of the width of the last one."""
    x, into, onto = call.tensor(), call.tensor("w_ih"), call.tensor("w_hh")
    states = tuple(operands((call["hx"],)))
    lead, fitting = aligned(lines(x, 0, -1), *(lines(state, 0, -1) for state in states))
    results = tuple((*lead, state.kept(-1)) for state in states)
    width = tuple(Ended((s.axis(-1),), "mixed", s.sizes[-1]) for s in states)
    needs = (_fits(x, into, "input_size"), _fits(states[0], onto, "hidden_size"), *fitting)
    return Account(results, (_summed(x, into), *width), needs)


@RECURRENT.add("mkldnn_rnn_layer", "recurrent", "input w_ih w_hh b_ih b_hh hx cx",
               macs=_cell_macs, source="torch.nn.LSTM")  # fmt: skip
def one_layer(call: Call) -> Account:
    """One layer in one direction, as the kernel of the CPU runs it."""
    x, state = call.tensor(), call.tensor("hx")
    steps = Ended((x.axis(0),), "mixed", x.sizes[0])
    last = (*x.all_kept(1, 2), state.kept(-1))
    return Account(((x.kept(0), *last), last, last), (_summed(x, call.tensor("w_ih")), steps))


# ---- packed sequences ---------------------------------------------------------------------


@RECURRENT.add("pack_padded_sequence", "recurrent", "input lengths batch_first=False",
               source="torch.nn.utils.rnn.pack_padded_sequence", values=True)  # fmt: skip
def pack_padded_sequence(call: Call) -> Account:
    """The steps that are no padding in one axis, and how many sequences go on at each step."""
    x = call.tensor()
    merged = tuple(Ended((x.axis(axis),), "picked", x.sizes[axis]) for axis in (0, 1))
    return Account(((Unknown(), *x.all_kept(2)), (Unknown(),)), merged)


@RECURRENT.add("pad_sequence", "joining", "sequences batch_first=False",
               source="torch.nn.utils.rnn.pad_sequence")  # fmt: skip
def pad_sequence(call: Call) -> Account:
    """Sequences beside each other, as long as the longest one."""
    sequences = call.tensors
    longest = max(sequences, key=lambda x: x.shape[0])
    steps = Broadcast(tuple(x.axis(0) for x in sequences), longest.sizes[0])
    others, needs = aligned(*(lines(x, 1) for x in sequences))
    batch = Written(len(sequences))
    lead = (batch, steps) if call["batch_first"] else (steps, batch)
    return Account(((*lead, *others),), needs=needs)


@RECURRENT.add("pad_packed_sequence", "recurrent",
               "input batch_sizes batch_first=False padding_value=0.0 total_length=0",
               source="torch.nn.utils.rnn.pad_packed_sequence", values=True)  # fmt: skip
def pad_packed_sequence(call: Call) -> Account:
    """Every sequence by itself again, and its length."""
    x, steps = call.tensor(), call.tensor("batch_sizes")
    asked = call["total_length"]
    time = Written(asked) if asked > 0 else Kept(steps.axis(0), steps.sizes[0])
    lead = (Unknown(), time) if call["batch_first"] else (time, Unknown())
    return Account(((*lead, *x.all_kept(1)), (Unknown(),)), (Ended((x.axis(0),), "picked"),))
