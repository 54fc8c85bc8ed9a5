"""Quantized layers count and are judged as their float ones are: torch's sizes, MACs by hand."""

from __future__ import annotations

import pytest
import torch
import torch.ao.nn.quantized as nnq
import torch.ao.quantization as ao
import torchvision
from torch import Tensor, nn

import cnnshape
from cnnshape.analysis.report import Report
from cnnshape.operations import TABLE, Operand

pytestmark = [
    pytest.mark.skipif(
        "qnnpack" not in torch.backends.quantized.supported_engines, reason="no kernels here"
    ),
    pytest.mark.filterwarnings("ignore"),
]


class Around(nn.Module):
    """A layer between floats and back."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(torch.quantize_per_tensor(x, 0.1, 0, torch.quint8)).dequantize()


@pytest.fixture(autouse=True)
def _kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of phones have transposed convolutions with groups as well."""
    monkeypatch.setattr(torch.backends.quantized, "engine", "qnnpack")


def report_of(model: nn.Module, *shape: int) -> Report:
    report = cnnshape.inspect(model, shape)
    assert report.error is None
    assert all(layer.check.status == "match" for layer in report.layers if layer.check is not None)
    assert any("packed" in note for note in report.notes)
    return report


@pytest.mark.parametrize(
    ("layer", "shape", "macs"),
    [
        # 5 positions of 8 channels, each over 3 channels and 5 taps
        (nnq.Conv1d(3, 8, 5, stride=2, padding=1), (1, 3, 11), 5 * 8 * 3 * 5),
        # the same without padding, and with holes: (30 - 3·4 - 1)//2 + 1 = 9
        (nnq.Conv1d(3, 8, 5, stride=2, dilation=3), (1, 3, 30), 9 * 8 * 3 * 5),
        # 4×7 positions of 8 channels, each over 6/2 channels and 3×2 taps
        (nnq.Conv2d(6, 8, (3, 2), stride=(2, 1), padding=(1, 0), groups=2), (2, 6, 8, 8),
         2 * 4 * 7 * 8 * 3 * 6),
        # every one of 6×5×5 numbers over 3×3 taps of 8/2 channels
        (nnq.ConvTranspose2d(6, 8, 3, stride=2, output_padding=1, groups=2), (1, 6, 5, 5),
         6 * 25 * 4 * 9),
        (nnq.ConvTranspose1d(6, 8, 3, stride=2), (1, 6, 5), 6 * 5 * 8 * 3),
        (nnq.Linear(6, 5), (4, 2, 6), 4 * 2 * 6 * 5),
    ],
)  # fmt: skip
def test_a_layer_by_hand(layer: nn.Module, shape: tuple[int, ...], macs: int) -> None:
    report = report_of(Around(layer), *shape)
    assert report.totals.macs == macs
    (row,) = [one for one in report.layers if one.path == "layer"]
    assert row.check is not None


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 7)
        self.gru = nn.GRU(7, 3, 2, bidirectional=True, batch_first=True)
        self.cell = nn.LSTMCell(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x, _ = self.gru(self.lstm(x)[0])
        return self.cell(x[0])[0]


def test_recurrent_layers_by_hand() -> None:
    model = ao.quantize_dynamic(Recurrent(), {nn.LSTM, nn.GRU, nn.LSTMCell})
    report = report_of(model, 4, 2, 5)
    lstm = 8 * 4 * 7 * (5 + 7)  # 8 steps in all, 4 gates of 7
    gru = 8 * 2 * 3 * 3 * ((7 + 3) + (6 + 3))  # both ways, 3 gates of 3, two layers
    cell = 2 * 4 * 4 * (6 + 4)
    by_path = {layer.path: layer.macs for layer in report.layers}
    assert [by_path[path] for path in ("lstm", "gru", "cell")] == [lstm, gru, cell]
    assert report.totals.macs == lstm + gru + cell


def test_a_whole_network_counts_what_its_float_one_does() -> None:
    quantized = torchvision.models.quantization.shufflenet_v2_x0_5(quantize=True)
    counted = report_of(quantized, 1, 3, 64, 64).totals.macs
    plain = torchvision.models.shufflenet_v2_x0_5()
    assert counted == cnnshape.inspect(plain, (1, 3, 64, 64)).totals.macs


def test_the_channels_that_are_wanted_are_named() -> None:
    error = cnnshape.inspect(Around(nnq.Conv2d(3, 8, 3)), (1, 4, 8, 8)).error
    assert error is not None
    assert "in_channels = 3" in (error.diagnosis or "")


def test_a_model_that_is_a_quantized_layer_itself_is_named_by_its_kind() -> None:
    report = report_of(nnq.dynamic.Linear(6, 5), 2, 6)
    assert report.notes[0].startswith("Linear keeps its weights packed")


def test_weights_of_which_no_size_is_known_leave_the_rest_unknown() -> None:
    entry = TABLE.find("quantized.conv2d")
    assert entry is not None
    call = entry.call((Operand.of(0, 1, 3, 8, 8), object(), 0.1, 0), {})
    assert call is not None
    assert (entry.account(call), entry.count(call), entry.sized(call)) == (None, None, None)


def test_no_reader_is_told_of_axes_that_are_nowhere() -> None:
    entry = TABLE.find("quantized.linear")
    assert entry is not None
    call = entry.call((Operand.of(0, 2, 6), {"weight": (5, 6)}, 0.1, 0), {})
    account = call and entry.account(call)
    assert account
    assert [end.axes for end in account.ended] == [((0, 1),)]
    assert [(need.left_axis, need.right_axis) for need in account.needs] == [((0, 1), None)]
