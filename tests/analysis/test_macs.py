"""Multiply-accumulates: by hand for the textbook cases, by torch's own counter for the rest."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import cnnshape
from cnnshape.analysis.build import build_report
from cnnshape.tracing.execute import Inputs, record


def macs(module: nn.Module, *args, device="cpu") -> int | None:
    report = build_report(record(module, Inputs(args), device=device).trace)
    assert report.error is None, report.error
    own = [layer.macs for layer in report.layers]
    assert None in own or sum(own) == report.totals.macs
    return report.totals.macs


def counted(module: nn.Module, *args) -> int:
    """What torch's FLOP counter says, on meta, where no fused kernel hides anything."""
    meta = module.to("meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        meta(*(arg.to("meta") for arg in args))
    assert counter.get_total_flops() % 2 == 0
    return counter.get_total_flops() // 2


class Call(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def test_convolution_by_hand():
    # LeNet's C1: 28·28 positions × 6 filters × 1·5·5 weights.
    assert macs(nn.Conv2d(1, 6, 5, padding=2), torch.zeros(1, 1, 28, 28)) == 28 * 28 * 6 * 25


def test_depthwise_convolution_by_hand():
    # 32 channels, each with one 3×3 kernel, over 10·10 positions.
    layer = nn.Conv2d(32, 32, 3, padding=1, groups=32)
    assert macs(layer, torch.zeros(1, 32, 10, 10)) == 100 * 32 * 9


def test_transposed_convolution_by_hand():
    # Each of the 4·4 × 8 inputs is spread over 3 outputs × 2·2 weights.
    assert macs(nn.ConvTranspose2d(8, 3, 2, stride=2), torch.zeros(1, 8, 4, 4)) == 16 * 8 * 3 * 4


def test_bias_norm_and_activation_count_nothing():
    block = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.AvgPool2d(2), nn.Softmax(1))
    assert macs(block, torch.zeros(1, 3, 4, 4)) == 0
    with_bias, without = nn.Linear(5, 7), nn.Linear(5, 7, bias=False)
    assert macs(with_bias, torch.zeros(2, 5)) == macs(without, torch.zeros(2, 5)) == 70


def test_attention_by_hand():
    # 2 heads of width 4, 3 queries, 5 keys, values of width 6: scores 2·3·5·4, mixing 2·3·5·6.
    q, k, v = torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 5, 4), torch.zeros(1, 2, 5, 6)
    assert macs(Call(F.scaled_dot_product_attention), q, k, v) == 120 + 180


def test_grouped_queries_count_every_query_head():
    q, k, v = torch.zeros(1, 8, 3, 4), torch.zeros(1, 2, 5, 4), torch.zeros(1, 2, 5, 4)
    attend = Call(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True))
    assert macs(attend, q, k, v) == 8 * 3 * 5 * 8


def test_bilinear_by_hand():
    # Per output: 4·5 products with x₁, then 5 with x₂.
    assert macs(nn.Bilinear(4, 5, 3), torch.zeros(2, 4), torch.zeros(2, 5)) == 2 * 3 * (20 + 5)


@pytest.mark.parametrize(("cell", "gates"), [(nn.LSTMCell, 4), (nn.GRUCell, 3), (nn.RNNCell, 1)])
def test_recurrent_cells_by_hand(cell, gates):
    assert macs(cell(5, 7), torch.zeros(2, 5)) == 2 * gates * 7 * (5 + 7)


@pytest.mark.parametrize(("layer", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
@pytest.mark.parametrize("batch_first", [True, False])
def test_recurrent_layers_by_hand(layer, gates, batch_first):
    module = layer(5, 7, num_layers=2, bidirectional=True, batch_first=batch_first)
    per_step = 2 * gates * 7 * (5 + 7) + 2 * gates * 7 * (14 + 7)
    assert macs(module, torch.zeros(3, 4, 5)) == 12 * per_step


def test_lstm_with_projection():
    # Gates see the input (5) and the projected state (3); the projection itself is 7·3.
    assert macs(nn.LSTM(5, 7, proj_size=3), torch.zeros(4, 2, 5)) == 8 * (4 * 7 * (5 + 3) + 7 * 3)


MODULES = [
    (nn.Conv1d(4, 6, 3, stride=2, groups=2), (2, 4, 17)),
    (nn.Conv2d(4, 8, (3, 5), dilation=2, padding=1), (2, 4, 17, 19)),
    (nn.Conv3d(2, 3, 3), (1, 2, 7, 8, 9)),
    (nn.ConvTranspose1d(4, 6, 3, stride=2, groups=2), (2, 4, 17)),
    (nn.ConvTranspose2d(4, 8, 4, stride=2, padding=1, output_padding=1), (2, 4, 9, 7)),
    (nn.ConvTranspose3d(2, 3, 3), (1, 2, 4, 5, 6)),
    (nn.Linear(7, 11), (3, 5, 7)),
]


@pytest.mark.parametrize(("module", "shape"), MODULES, ids=lambda item: type(item).__name__)
def test_layers_equal_torchs_counter(module, shape):
    x = torch.zeros(shape)
    assert macs(module, x) == counted(module, x) > 0


FUNCTIONS = [
    (lambda a, b: a @ b, [(3, 4), (4, 5)]),
    (lambda a, b: a @ b, [(2, 6, 3, 4), (2, 6, 4, 5)]),
    (lambda a, b: a @ b, [(2, 3, 4), (4, 5)]),
    (torch.bmm, [(2, 3, 4), (2, 4, 5)]),
    (torch.addmm, [(3, 5), (3, 4), (4, 5)]),
    (torch.baddbmm, [(2, 3, 5), (2, 3, 4), (2, 4, 5)]),
    (lambda a, b: torch.einsum("bhqd,bhkd->bhqk", a, b), [(2, 3, 4, 5), (2, 3, 6, 5)]),
    (lambda a, b: torch.einsum("...ij,jk->...ik", a, b), [(2, 3, 4), (4, 5)]),
    (lambda a, b: torch.tensordot(a, b, dims=2), [(2, 3, 4), (3, 4, 5)]),
    (lambda a, b: torch.tensordot(a, b, dims=([1], [0])), [(2, 3), (3, 4)]),
    (F.linear, [(3, 4), (5, 4)]),
    (F.scaled_dot_product_attention, [(2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5)]),
]


@pytest.mark.parametrize(("function", "shapes"), FUNCTIONS)
def test_functions_equal_torchs_counter(function, shapes):
    args = [torch.zeros(shape) for shape in shapes]
    assert macs(Call(function), *args) == counted(Call(function), *args) > 0


@pytest.mark.parametrize("options", [{}, {"kdim": 6, "vdim": 10}, {"add_bias_kv": True}])
@pytest.mark.parametrize("need_weights", [True, False])
def test_multi_head_attention_equals_torchs_counter(options, need_weights):
    layer = nn.MultiheadAttention(8, 2, **options)
    q = torch.zeros(5, 3, 8)
    k = torch.zeros(7, 3, options.get("kdim", 8))
    v = torch.zeros(7, 3, options.get("vdim", 8))

    class Attend(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, *args):
            return self.layer(*args, need_weights=need_weights)

    assert macs(Attend(), q, k, v) == counted(Attend(), q, k, v)


def test_einsum_of_three_contracts_from_the_left():
    # (ij,jk→ik) is 2·3·4, then (ik,kl→il) is 2·4·5.
    product = Call(lambda a, b, c: torch.einsum("ij,jk,kl->il", a, b, c))
    shapes = [(2, 3), (3, 4), (4, 5)]
    assert macs(product, *(torch.zeros(shape) for shape in shapes)) == 24 + 40


def test_what_cannot_be_measured_is_none_never_zero():
    class Outside(nn.Module):
        """Its result comes from where no torch function is seen."""

        def forward(self, x):
            import numpy as np

            return torch.Tensor(np.zeros((1, 4), dtype="float32"))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)
            self.outside = Outside()

        def forward(self, x):
            return self.outside(self.fc(x))

    report = build_report(record(Net(), Inputs((torch.zeros(1, 4),))).trace)
    assert report.layer("fc").macs == 16
    outside = report.layer("outside")
    if any(op.opaque for op in report.trace.operations):
        assert outside.macs is None
        assert report.layer("").subtree_macs is None
        assert report.totals.macs is None


def test_a_product_with_a_sparse_matrix_is_unknown():
    class Sparse(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("a", torch.eye(8).to_sparse())

        def forward(self, x):
            return self.a @ x

    # As a dense product it would be 8·8·5; only 8 of the numbers are there.
    assert cnnshape.inspect(Sparse(), torch.rand(8, 5)).totals.macs is None


def attending(x, **options):
    """4 heads over 2 of keys, 32 of each, through the operator that models call."""
    flex = pytest.importorskip("torch.nn.attention.flex_attention")
    mask = options.pop("mask", None)
    if mask is not None:
        options["block_mask"] = flex.create_block_mask(mask, None, None, 32, 32, device=x.device)
    return flex.flex_attention(x, x[:, :2], x[:, :2], enable_gqa=True, **options)


def test_flex_attention_by_hand():
    class Net(nn.Module):  # a layer before it: a compiler asks for gradients that nobody takes
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(8, 8, bias=False)

        def forward(self, x):
            return attending(self.layer(x), score_mod=lambda s, b, h, q, k: s * 2)

    report = cnnshape.inspect(Net(), torch.rand(1, 4, 32, 8))
    assert report.error is None
    row = next(row for row in report.operations if row.op == "flex_attention")
    assert row.macs == 4 * 32 * 32 * (8 + 8)
    assert report.totals.macs == 4 * 32 * 8 * 8 + row.macs


def test_a_block_mask_makes_flex_attention_unknown():
    causal = Call(lambda x: attending(x, mask=lambda b, h, q, k: q >= k))
    report = cnnshape.inspect(causal, torch.rand(1, 4, 32, 8))
    assert report.error is None
    assert report.totals.macs is None
    assert report.notes == (
        "MACs unknown: flex_attention in Call has a cost that is not told by its sizes",
    )


@torch.library.custom_op("cnnshape_tests::secret", mutates_args=())
def secret(x: torch.Tensor) -> torch.Tensor:
    return x + 1


@secret.register_fake
def _(x):
    return torch.empty_like(x)


def test_what_is_unknown_names_itself():
    body = nn.Sequential(
        nn.Linear(4, 4), Call(torch.ops.cnnshape_tests.secret), Call(torch.inverse)
    )
    report = cnnshape.inspect(body, (4, 4))
    assert report.totals.macs is None
    assert report.notes == (
        "MACs unknown: cnnshape_tests::secret in layer 1 is not in the table of operations",
        "MACs unknown: inverse in layer 2 has a cost that is not told by its sizes",
    )
    assert report.notes[0] in str(report).replace("\n  ", " ")
    assert report.to_dict()["notes"] == list(report.notes)


def test_what_is_known_says_nothing():
    assert cnnshape.inspect(nn.Linear(4, 4), (4, 4)).notes == ()


# ---- TorchScript --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.LSTM(8, 16, 2, bidirectional=True), (5, 3, 8)),
        (nn.GRU(8, 16), (5, 3, 8)),
        (nn.TransformerEncoderLayer(8, 2), (5, 3, 8)),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 3, 3, groups=1)), (1, 3, 8, 8)),
    ],
    ids=lambda item: type(item).__name__,
)
def test_what_torchscript_runs_counts_as_what_python_runs(module, shape):
    scripted = torch.jit.trace(module.eval(), torch.zeros(shape), check_trace=False)
    assert macs(scripted, torch.zeros(shape)) == macs(module, torch.zeros(shape)) > 0


@torch.jit.script
def projected(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return torch.mm(x, weight)


@torch.jit.script
def inverted(x: torch.Tensor) -> torch.Tensor:
    return torch.inverse(x)


class Helped(nn.Module):
    """A forward that calls a scripted function between its layers."""

    def __init__(self, helper):
        super().__init__()
        self.helper = helper
        self.layer = nn.Linear(4, 2)

    def forward(self, *args):
        return self.layer(self.helper(*args))


def test_a_scripted_function_is_an_operation_with_its_cost():
    report = cnnshape.inspect(Helped(projected), (torch.zeros(3, 8), torch.zeros(8, 4)))
    assert report.totals.macs == 3 * 8 * 4 + 3 * 4 * 2
    assert [(row.op, row.macs) for row in report.operations] == [("projected", 3 * 8 * 4)]
    assert report.notes == ()


def test_a_scripted_function_that_cannot_be_counted_is_named():
    report = cnnshape.inspect(Helped(inverted), torch.eye(4))
    assert report.totals.macs is None
    assert report.notes == (
        "MACs unknown: inverted in Helped runs outside Python and cannot be counted",
    )


def test_scripted_functions_are_afterwards_as_they_were():
    call = torch.jit.ScriptFunction.__call__
    cnnshape.inspect(Helped(inverted), torch.zeros(4, 4))  # has no inverse
    assert torch.jit.ScriptFunction.__call__ is call
    assert inverted(torch.eye(2)).shape == (2, 2)


@pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated")
class Mapped(nn.Module):
    """What is written for one example, mapped over a batch; and what is done with the result."""

    def __init__(self, mapped):
        super().__init__()
        self.inner, self.after = nn.Linear(8, 6), nn.Linear(6, 2)
        self.mapped = mapped

    def forward(self, x):
        return self.mapped(self, x)


@pytest.mark.parametrize(
    ("mapped", "macs"),
    [
        # Four times 3 rows of 8 numbers to 5, and to 6.
        (lambda net, x: torch.vmap(torch.mm, in_dims=(0, None))(x, torch.ones(8, 5)), 480),
        (lambda net, x: torch.vmap(net.inner)(x), 576),
        (lambda net, x: net.after(torch.vmap(net.inner)(x)), 576 + 4 * 3 * 6 * 2),
        (lambda net, x: torch.vmap(torch.vmap(torch.dot))(x, x), 96),
        (lambda net, x: torch.vmap(torch.relu)(x), 0),
        # Once forward, and once back to the input.
        (lambda net, x: torch.vmap(torch.func.grad(lambda v: net.inner(v).sum()))(x), 2 * 576),
    ],
)
def test_what_is_mapped_counts_for_every_example(mapped, macs):
    assert cnnshape.inspect(Mapped(mapped), (4, 3, 8)).totals.macs == macs


def test_what_is_mapped_counts_in_letters():
    net = Mapped(lambda net, x: torch.vmap(net.inner)(x))
    report = cnnshape.inspect(net, ("N", 3, 8))
    assert report.totals.macs == "144*N"
    assert [row.macs for row in report.layers if row.path == "inner"] == ["144*N"]
    assert "vmap" in str(report)


def test_what_is_mapped_and_cannot_be_counted_is_named():
    net = Mapped(lambda net, x: torch.vmap(lambda v: torch.fft.fft(v).real)(x))
    report = cnnshape.inspect(net, (4, 3, 8))
    assert report.totals.macs is None
    assert any("fft_fft in Mapped" in note for note in report.notes)


class Whole(nn.Module):
    """A product with a parameter of its own, and another function behind it."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(5, 8))

    def forward(self, x):
        return F.linear(x, self.weight).sum(-1)


def test_a_model_without_layers_has_a_row_beside_its_operations():
    (whole, total) = [
        line.split() for line in str(cnnshape.inspect(Whole(), (3, 8))).split("\n")[3:5]
    ]
    assert whole == ["(model)", "Whole", "8", "→", "scalar", "40", "120", "✓"]
    assert total == ["·", "sum", "5", "→", "scalar"]


@pytest.mark.skipif(not torch.backends.quantized.engine, reason="no quantized kernels here")
def test_quantized_layers_say_where_their_parameters_are():
    model = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))
    quantized = torch.ao.quantization.quantize_dynamic(model, {nn.Linear})
    report = cnnshape.inspect(quantized, (1, 16))
    assert report.error is None
    assert report.totals.macs == 16 * 8 + 8 * 4
    assert report.notes[0] == (
        "0 and 2 keep their weights packed for quantized kernels, not as parameters: "
        "they are not counted"
    )
