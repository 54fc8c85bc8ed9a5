"""Recurrent layers and cells, held against torch: sizes, origins, multiply-accumulates."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from cnnshape.formulas.algebra import letter
from cnnshape.operations import Operand, account, macs
from cnnshape.operations.axes import AxisOf, Kept
from tests.operations.judge import Run, judge, spelling

KERNELS = {"LSTM": torch.lstm, "GRU": torch.gru, "RNN": torch.rnn_tanh}
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def called(layer: nn.RNNBase, x: Any, **more: Any) -> tuple[Any, ...]:
    """The arguments with which a layer calls its kernel."""
    found: list[Any] = []

    class Listening(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            if func in KERNELS.values():
                found.extend(args)
            return func(*args, **(kwargs or {}))

    with Listening():
        layer(x, **more)
    return tuple(found)


def counted(function: Any, args: tuple[Any, ...]) -> Any:
    run = Run(function, args, {})
    return macs(spelling(function), run.plain(run.args))


def by_hand(kind: str, steps: int, inputs: int, hidden: int, layers: int, directions: int) -> int:
    """Every step meets w_ih and w_hh of each layer; later layers read all directions."""
    gates = GATES[kind] * hidden
    widths = [inputs, *[directions * hidden] * (layers - 1)]
    return steps * directions * sum(gates * (width + hidden) for width in widths)


@pytest.mark.parametrize("kind", KERNELS)
@settings(max_examples=12)
@given(data=st.data())
def test_layers(kind: str, data: st.DataObject) -> None:
    steps, batch, inputs, hidden, layers = (data.draw(st.integers(1, 3)) for _ in range(5))
    both, first = data.draw(st.booleans()), data.draw(st.booleans())
    layer = getattr(nn, kind)(
        inputs, hidden, layers, bidirectional=both, batch_first=first
    ).double()
    shape = data.draw(st.sampled_from([(steps, inputs), (steps, batch, inputs)]))
    args = called(layer, torch.zeros(shape).double())
    judge(KERNELS[kind], *args, by="gradient", exact=False)
    rows = torch.Size(shape[:-1]).numel()
    expected = by_hand(kind, rows, inputs, hidden, layers, 1 + both)
    assert counted(KERNELS[kind], args) == expected


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_lstm_with_projection() -> None:
    layer = nn.LSTM(5, 7, proj_size=3, bidirectional=True, batch_first=True)
    args = called(layer, torch.zeros(2, 4, 5))
    known = judge(torch.lstm, *args, by="sizes")
    assert known.sizes == ((2, 4, 6), (2, 2, 3), (2, 2, 7))
    # Gates see the input (5) and the projected state (3); the projection itself is 7·3.
    assert counted(torch.lstm, args) == 2 * 8 * (4 * 7 * (5 + 3) + 7 * 3)


@pytest.mark.parametrize("kind", KERNELS)
@pytest.mark.parametrize("bias", [True, False])
def test_packed_sequences(kind: str, bias: bool) -> None:
    layer = getattr(nn, kind)(5, 7, 2, bias=bias)
    packed = pack_padded_sequence(torch.zeros(4, 3, 5), torch.tensor([4, 2, 1]))
    args = called(layer, packed)
    known = judge(KERNELS[kind], *args, by="sizes")
    assert known.sizes[0] == (7, 7)
    assert counted(KERNELS[kind], args) == by_hand(kind, 7, 5, 7, 2, 1)


def test_packing_and_padding() -> None:
    x, lengths = torch.zeros(4, 3, 5), torch.tensor([4, 2, 1])
    known = judge(torch._VF._pack_padded_sequence, x, lengths, False, by="sizes")
    assert known.sizes == ((None, 5), (None,))
    packed = pack_padded_sequence(x, lengths)
    args = (packed.data, packed.batch_sizes)
    judge(torch._VF._pad_packed_sequence, *args, False, 0.0, -1, by="sizes")
    judge(torch._VF._pad_packed_sequence, *args, True, 0.0, 6, by="sizes")
    assert pad_packed_sequence(packed)[0].shape == x.shape


@pytest.mark.parametrize("batch_first", [True, False])
def test_sequences_side_by_side(batch_first: bool) -> None:
    sequences = [torch.zeros(n, 5) for n in (2, 4, 3)]
    known = judge(torch._C._nn.pad_sequence, sequences, batch_first, by="sizes")
    assert known.sizes == ((3, 4, 5) if batch_first else (4, 3, 5),)


def test_layers_need_what_they_were_made_for() -> None:
    x, h = Operand.of(0, 4, 2, 6), Operand.of(1, 1, 3, 7)
    weights = (Operand.of(2, 21, 5), Operand.of(3, 21, 8))
    needs = account("gru", (x, h, weights, False, 1, 0.0, False, False, False)).needs
    assert [(n.left, n.right, n.name) for n in needs] == [
        (6, 5, "input_size"), (7, 8, "hidden_size"), (2, 3, "")
    ]  # fmt: skip
    assert needs[0].left_axis == AxisOf(0, 2)


def test_sizes_and_costs_in_letters() -> None:
    N, L = letter("N"), letter("L")
    x, h = Operand(0, (L, N, 5), (4, 2, 5)), Operand(1, (1, N, 7), (1, 2, 7))
    args = (x, h, (Operand.of(2, 21, 5), Operand.of(3, 21, 7)), False, 1, 0.0, False, False, False)
    assert account("gru", args).sizes == ((L, N, 7), (1, N, 7))
    assert str(macs("gru", args)) == "252*L*N"


@pytest.mark.parametrize(
    ("kernel", "gates"),
    [(torch.lstm_cell, 4), (torch.gru_cell, 3), (torch.rnn_tanh_cell, 1),
     (torch.rnn_relu_cell, 1)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)  # fmt: skip
@settings(max_examples=12)
@given(data=st.data())
def test_cells(kernel: Any, gates: int, data: st.DataObject) -> None:
    batch, inputs, hidden = (data.draw(st.integers(1, 3)) for _ in range(3))
    x, h = torch.zeros(batch, inputs).double(), torch.zeros(batch, hidden).double()
    weights = [torch.rand(gates * hidden, n).double() for n in (inputs, hidden)]
    state = [h, h.clone()] if gates == 4 else h
    args = (x, state, *map(nn.Parameter, weights))
    judge(kernel, *args, by="gradient", exact=False)
    assert counted(kernel, args) == batch * gates * hidden * (inputs + hidden)


def test_what_has_no_weights_is_not_understood() -> None:
    x, h = Operand.of(0, 4, 2, 6), Operand.of(1, 1, 2, 7)
    assert account("gru", (x, h, (), False, 1, 0.0, False, False, False)) is None
    assert macs("gru", (x, h, (Operand.of(2, 3),), False, 1, 0.0, False, False, False)) is None


def test_one_layer_as_the_cpu_runs_it() -> None:
    """5 steps of 2 rows: the outputs, and a state of 2×6 each."""
    weights = [Operand.of(1, 24, 8), Operand.of(2, 24, 6), Operand.of(3, 24), Operand.of(4, 24)]
    states = [Operand.of(5, 2, 6), Operand.of(6, 2, 6)]
    found = account("mkldnn_rnn_layer", (Operand.of(0, 5, 2, 8), *weights, *states))
    assert found is not None
    assert found.sizes == ((5, 2, 6), (2, 6), (2, 6))
    assert found.results[1][0] == Kept(AxisOf(0, 1), 2)
