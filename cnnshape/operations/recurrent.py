"""Recurrent layers and their cells, as torch calls the kernels behind them.

A layer's weights arrive as one flat list: for every layer and direction ``w_ih`` (gates·hidden ×
input) and ``w_hh`` (gates·hidden × output), with biases and a projection where there are any.
Source: https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html.
"""

from __future__ import annotations

from typing import Any

from cnnshape.operations.axes import Account, Ended, Need, Origin, Size, Written, times, total
from cnnshape.operations.call import Call, Operand, Unfit
from cnnshape.operations.table import Table

RECURRENT = Table()

#: Padded data is followed by its state, packed data by the sizes of its batches.
_LAYER = (
    "input second third fourth num_layers_or_biases dropout_or_layers train_or_dropout "
    "bidirectional_or_train batch_first_or_bidirectional"
)


def _states(call: Call) -> tuple[Operand, ...]:
    """The states that come in: ``h`` alone, or ``h`` and ``c``."""
    given = call["third"] if _is_packed(call) else call["second"]
    items: tuple[Any, ...] = given if isinstance(given, tuple) else (given,)
    states = tuple(item for item in items if isinstance(item, Operand))
    if not states:
        raise Unfit("no state")
    return states


def _is_packed(call: Call) -> bool:
    """Whether the weights come fourth, behind data, batch sizes and state."""
    third = call["third"]
    return not (isinstance(third, tuple) and _matrices(third))


def _matrices(weights: Any) -> tuple[Operand, ...]:
    items: tuple[Any, ...] = weights if isinstance(weights, tuple) else ()
    return tuple(item for item in items if isinstance(item, Operand) and item.rank == 2)


def _weights(call: Call) -> tuple[Operand, ...]:
    found = _matrices(call["fourth"] if _is_packed(call) else call["third"])
    if len(found) < 2:
        raise Unfit("no weights")
    return found


def _both_ways(call: Call) -> bool:
    at = "batch_first_or_bidirectional" if _is_packed(call) else "bidirectional_or_train"
    return bool(call[at])


def _macs(call: Call) -> Size:
    """Every step of every sequence multiplies with every weight matrix once."""
    steps = times(call.tensor().sizes[:-1])
    return times((steps, total(times(weight.sizes) for weight in _weights(call))))


@RECURRENT.add("lstm gru rnn_tanh rnn_relu", "recurrent", _LAYER, macs=_macs,
               source="torch.nn.LSTM")  # fmt: skip
def layer(call: Call) -> Account:
    """A state for every step and direction, and the last states of every layer."""
    x, states, weights = call.tensor(), _states(call), _weights(call)
    width: Size = states[0].sizes[-1]
    directions = 2 if _both_ways(call) else 1
    out = Written(times((directions, width)))
    wanted = weights[0].sizes[1]
    needs = (Need(x.sizes[-1], "==", wanted, "input_size", x.axis(-1), weights[0].axis(1)),)
    summed = Ended((x.axis(-1), weights[0].axis(1)), "contracted", x.sizes[-1])
    time = _time_axis(call, x)
    ended = (summed, Ended((x.axis(time),), "mixed", x.sizes[time]))
    last = tuple(_last(call, x, state, time) for state in states)
    return Account(((*x.all_kept(0, -1), out), *last), ended, needs)


def _time_axis(call: Call, x: Operand) -> int:
    if _is_packed(call) or x.rank == 2:
        return 0
    return 1 if call["batch_first_or_bidirectional"] else 0


def _last(call: Call, x: Operand, state: Operand, time: int) -> tuple[Origin, ...]:
    """The last state: as the first one, for the sequences that are in the data."""
    if state.rank != 3 or x.rank != 3 or _is_packed(call):
        return state.all_kept()
    return (state.kept(0), x.kept(1 - time), state.kept(2))


_CELL = "input state w_ih w_hh b_ih=None b_hh=None"


def _cell_macs(call: Call) -> Size:
    x, weights = call.tensor(), (call.tensor("w_ih"), call.tensor("w_hh"))
    return times((times(x.sizes[:-1]), total(times(weight.sizes) for weight in weights)))


@RECURRENT.add("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell", "recurrent", _CELL,
               macs=_cell_macs, source="torch.nn.LSTMCell")  # fmt: skip
def cell(call: Call) -> Account:
    """One step: the next state, of the width of the last one."""
    x, weight = call.tensor(), call.tensor("w_ih")
    given = call["state"]
    items: tuple[Any, ...] = given if isinstance(given, tuple) else (given,)
    states = tuple(item for item in items if isinstance(item, Operand))
    summed = Ended((x.axis(-1), weight.axis(1)), "contracted", x.sizes[-1])
    need = Need(x.sizes[-1], "==", weight.sizes[1], "input_size", x.axis(-1), weight.axis(1))
    results = tuple((*x.all_kept(0, -1), state.kept(-1)) for state in states)
    return Account(results, (summed,), (need,))
