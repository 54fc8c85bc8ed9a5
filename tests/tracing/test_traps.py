"""What other tools get wrong, each as a test: sharing, hooks, wrappers, odd outputs."""

from __future__ import annotations

import threading
import warnings
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.nn.utils.rnn import pack_padded_sequence

from cnnshape.analysis.build import build_report
from cnnshape.tracing.execute import Inputs, record


def report_of(module: nn.Module, *args: torch.Tensor, device: str = "cpu", **kwargs):
    recorded = record(module, Inputs(args, kwargs), device=device)
    return build_report(recorded.trace, exception=recorded.exception)


def rows(report) -> list[tuple[str, int]]:
    return [(layer.path, layer.call) for layer in report.layers if layer.called]


def test_a_reused_module_has_a_row_per_call_and_its_parameters_once():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(8, 8)

        def forward(self, x):
            return self.fc(torch.relu(self.fc(x)))

    report = report_of(Twice(), torch.zeros(1, 8))
    assert rows(report) == [("", 0), ("fc", 0), ("fc", 1)]
    assert [layer.params for layer in report.layers] == [0, 72, 0]
    assert [layer.macs for layer in report.layers] == [0, 64, 64]
    assert (report.totals.params, report.totals.macs) == (72, 128)


def test_tied_weights_count_once_at_their_first_owner():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(10, 4)
            self.head = nn.Linear(4, 10, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, ids):
            return self.head(self.embed(ids))

    report = report_of(Tied(), torch.zeros(1, 3, dtype=torch.long))
    assert report.layer("embed").params == 40
    assert report.layer("head").params == 0
    assert report.totals.params == 40
    assert report.totals.macs == 3 * 4 * 10
    (parameter,) = report.trace.parameters
    assert parameter.aliases == ("head.weight",)


def test_parameters_on_a_container_belong_to_it():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(4))
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return self.fc(x) * self.scale

    report = report_of(Scaled(), torch.zeros(1, 4))
    assert report.layer("").params == 4
    assert report.layer("").subtree_params == 24
    assert report.totals.params == 24


def test_a_module_that_never_runs_is_listed_last_and_not_called():
    class Spare(nn.Module):
        def __init__(self):
            super().__init__()
            self.unused = nn.Linear(3, 3)
            self.used = nn.Linear(4, 2)

        def forward(self, x):
            return self.used(x)

    report = report_of(Spare(), torch.zeros(1, 4))
    assert [layer.path for layer in report.layers] == ["", "used", "unused"]
    assert report.layers[-1].called is False
    assert report.layers[-1].output_shapes == ()
    assert report.layers[-1].params == 12
    assert report.totals.params == 22


def test_in_place_operations_make_new_values_and_keep_the_shapes_read_before():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.act = nn.ReLU(inplace=True)

        def forward(self, x):
            x = self.act(x)
            x += 1
            x.resize_(2, 2)
            return x

    recorded = record(InPlace(), Inputs((torch.zeros(1, 4),)))
    trace = recorded.trace
    assert [op.name for op in trace.operations] == ["relu", "add", "resize"]
    assert trace.shapes(trace.calls[0].inputs) == ((1, 4),)
    assert trace.shapes(trace.outputs) == ((2, 2),)
    # Each one consumes what the one before it made.
    assert trace.operations[1].inputs[0] == trace.operations[0].outputs[0]
    assert trace.operations[2].inputs[0] == trace.operations[1].outputs[0]
    assert all(op.inplace for op in trace.operations)


def test_writing_into_a_slice_is_a_dependency_of_the_whole():
    class Slice(nn.Module):
        def forward(self, x, y):
            x = x.clone()
            x[:, 0] = y
            return x * 2

    trace = record(Slice(), Inputs((torch.zeros(2, 3), torch.ones(2)))).trace
    assert [op.name for op in trace.operations] == ["clone", "setitem", "mul"]
    write, double = trace.operations[1], trace.operations[2]
    assert write.inputs == (trace.operations[0].outputs[0], trace.inputs[1].value)
    assert double.inputs == write.outputs


def test_writing_into_a_view_is_a_dependency_of_its_base():
    class View(nn.Module):
        def forward(self, x, y):
            x = x.clone()
            first = x[:, 0]
            first.add_(y)
            return x.sum()

    trace = record(View(), Inputs((torch.zeros(2, 3), torch.ones(2)))).trace
    add = next(op for op in trace.operations if op.name == "add")
    total = next(op for op in trace.operations if op.name == "sum")
    assert total.inputs[0] in add.outputs


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_attention_takes_no_fused_path_that_skips_children(device):
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 2
    ).eval()
    report = report_of(encoder, torch.zeros(2, 5, 16), device=device)
    assert ("layers.1.self_attn", 0) in rows(report)
    assert ("layers.1.linear2", 0) in rows(report)
    # Per token and layer: in-projection 3·16·16, out-projection 16·16, feed-forward 2·16·32;
    # attention 2·5·5·16 per sequence.
    per_layer = 2 * 5 * (3 * 256 + 256 + 2 * 512) + 2 * 2 * 5 * 5 * 16
    assert report.totals.macs == 2 * per_layer
    # The out-projection's weights go straight to a function; it is never called itself.
    assert report.layer("layers.0.self_attn.out_proj").called is False
    assert report.layer("layers.0.self_attn.out_proj").params == 16 * 16 + 16
    assert torch.backends.mha.get_fastpath_enabled()


def test_layer_forward_called_directly_is_still_a_call():
    class Direct(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, x):
            return self.fc.forward(x)

    report = report_of(Direct(), torch.zeros(1, 4))
    assert rows(report) == [("", 0), ("fc", 0)]
    assert report.layer("fc").macs == 8
    assert report.layer("fc").check.status == "match"


def test_script_module_counts_and_its_parameters_too():
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(4, 8)
            self.second = torch.jit.script(nn.Sequential(nn.Linear(8, 3), nn.ReLU()))

        def forward(self, x):
            return self.second(self.first(x))

    report = report_of(Half(), torch.zeros(5, 4))
    assert report.error is None
    assert report.layer("second").type == "Sequential"
    assert report.layer("second").output_shapes == ((5, 3),)
    assert report.layer("second").macs == 5 * 8 * 3
    assert report.totals.params == 40 + 27
    assert report.outputs[0].shape == (5, 3)


def test_traced_module():
    traced = torch.jit.trace(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), torch.zeros(1, 1, 8, 8))
    report = report_of(traced, torch.zeros(1, 1, 8, 8))
    assert report.outputs[0].shape == (1, 2, 6, 6)
    assert report.totals.params == 20
    assert report.totals.macs == 36 * 2 * 9


def test_compiled_submodule_runs_as_written():
    class Compiled(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = torch.compile(nn.Linear(4, 2))

        def forward(self, x):
            return self.block(x)

    report = report_of(Compiled(), torch.zeros(1, 4))
    assert report.error is None
    assert report.totals.macs == 8
    assert any(layer.type == "Linear" and layer.macs == 8 for layer in report.layers)


def test_data_parallel_wrapper():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = report_of(nn.DataParallel(nn.Linear(4, 2)), torch.zeros(1, 4))
    assert report.totals.macs == 8
    assert report.layer("module").params == 10


def test_parameter_list_and_dict():
    class Lists(nn.Module):
        def __init__(self):
            super().__init__()
            self.several = nn.ParameterList([torch.ones(4, 3), torch.ones(3, 2)])
            self.named = nn.ParameterDict({"gain": torch.ones(2)})

        def forward(self, x):
            for weight in self.several:
                x = x @ weight
            return x * self.named["gain"]

    report = report_of(Lists(), torch.zeros(1, 4))
    assert report.totals.params == 12 + 6 + 2
    assert report.layer("several").params == 18
    assert report.totals.macs == 12 + 6
    matmul = report.trace.operations[0]
    assert matmul.parameters == ("several.0",)


@pytest.mark.parametrize("old", [True, False])
def test_weight_norm_keeps_the_layer_a_linear(old):
    layer = nn.Linear(4, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        normed = nn.utils.weight_norm(layer) if old else parametrizations.weight_norm(layer)
    before = {name: value.clone() for name, value in normed.state_dict().items()}
    report = report_of(normed, torch.zeros(1, 4))
    assert report.layers[0].kind == "Linear"
    assert report.layers[0].check.status == "match"
    assert report.totals.params == 3 + 3 + 12  # bias, one gain per row, the direction
    assert report.totals.macs == 12
    assert {name: value.tolist() for name, value in before.items()} == {
        name: value.tolist() for name, value in normed.state_dict().items()
    }


def test_pruned_layer_uses_its_original_weight():
    layer = nn.Linear(4, 3)
    prune.l1_unstructured(layer, "weight", amount=0.5)
    report = report_of(layer, torch.zeros(1, 4))
    linear = next(op for op in report.trace.operations if op.name == "linear")
    assert set(linear.parameters) == {"weight_orig", "bias"}
    assert report.totals.params == 15
    assert report.totals.buffers == 12


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_lazy_modules_are_counted_and_stay_lazy(device):
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(2))
    report = report_of(model, torch.zeros(1, 1, 6, 6), device=device)
    assert report.error is None
    assert report.totals.params == (9 + 1) * 4 + (64 + 1) * 2
    assert isinstance(model[0], nn.LazyConv2d)
    assert isinstance(model[0].weight, nn.parameter.UninitializedParameter)
    # ... and it can still be initialised by its owner, to another size.
    assert model(torch.zeros(1, 3, 8, 8)).shape == (1, 2)


def test_lstm_with_a_packed_sequence():
    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(4, 8, num_layers=2, batch_first=True, bidirectional=True)

        def forward(self, x):
            packed = pack_padded_sequence(x, torch.tensor([5, 3]), batch_first=True)
            out, (h, _) = self.rnn(packed)
            return out, h

    report = report_of(Reader(), torch.zeros(2, 5, 4))
    assert report.error is None
    # 5 + 3 = 8 steps through the four gates of both directions of both layers.
    layer1 = 2 * 4 * 8 * (4 + 8)
    layer2 = 2 * 4 * 8 * (16 + 8)
    assert report.totals.macs == 8 * (layer1 + layer2)
    assert (8, 16) in report.layer("rnn").output_shapes


def test_lstm_unpacked_batch():
    report = report_of(nn.LSTM(4, 8), torch.zeros(7, 3, 4))
    assert report.totals.macs == 7 * 3 * 4 * 8 * (4 + 8)
    assert report.outputs[0].shape == (7, 3, 8)


Pair = namedtuple("Pair", "left right")


@dataclass
class Output:
    logits: torch.Tensor
    hidden: list


class Holder:
    def __init__(self, inner):
        self.inner = inner


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda x: {"out": x, "aux": [x * 1, x * 2]}, ["out", "aux[0]", "aux[1]"]),
        (lambda x: Pair(x, x * 2), ["left", "right"]),
        (lambda x: Output(x, [x * 2]), ["logits", "hidden[0]"]),
        (lambda x: torch.distributions.Normal(x, torch.ones_like(x)), ["loc", "scale"]),
        (lambda x: Holder(x), ["inner"]),
        (lambda x: ((x, [x * 2]), None, "text", 3), ["[0][0]", "[0][1][0]"]),
    ],
)
def test_nested_outputs_are_found_and_named(make, names):
    class Model(nn.Module):
        def forward(self, x):
            return make(x)

    report = report_of(Model(), torch.zeros(2, 3))
    assert report.error is None
    assert [row.name for row in report.outputs] == names
    assert all(row.shape == (2, 3) for row in report.outputs)


def test_an_output_without_tensors_is_no_error():
    class Odd(nn.Module):
        def forward(self, x):
            return object()

    report = report_of(Odd(), torch.zeros(1))
    assert report.error is None
    assert report.outputs == ()


def test_a_layer_is_known_by_what_it_inherits_not_by_its_name():
    class ConvLike(nn.Linear):
        pass

    class Plain2d(nn.Conv2d):
        pass

    report = report_of(nn.Sequential(ConvLike(4, 2)), torch.zeros(1, 4))
    assert report.layer("0").type == "ConvLike"
    assert report.layer("0").kind == "Linear"
    assert report.layer("0").check.rule == "linear"
    report = report_of(Plain2d(1, 2, 3), torch.zeros(1, 1, 5, 5))
    assert report.layers[0].kind == "Conv2d"


def test_a_subclass_with_its_own_padding_is_judged_by_what_it_ran():
    class SameConv(nn.Conv2d):
        def forward(self, x):
            return F.conv2d(F.pad(x, (1, 1, 1, 1)), self.weight, self.bias, self.stride)

    report = report_of(SameConv(1, 2, 3, stride=2), torch.zeros(1, 1, 7, 7))
    assert report.totals.mismatch == 0
    assert report.totals.match == 2
    assert [row.op for row in report.operations] == ["pad", "conv2d"]


def test_modes_differ_per_module_and_each_is_restored():
    class Frozen(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(4).eval()
            self.drop = nn.Dropout(0.5)
            self.train()
            self.norm.eval()

        def forward(self, x):
            return self.drop(self.norm(x))

    model = Frozen()
    flags = {name: module.training for name, module in model.named_modules()}
    assert flags == {"": True, "norm": False, "drop": True}
    for mode in ("eval", "train"):
        record(model, Inputs((torch.randn(8, 4),)), mode=mode)
        assert {name: module.training for name, module in model.named_modules()} == flags
    assert model.norm.num_batches_tracked.item() == 0
    assert model.norm.running_mean.tolist() == [0.0] * 4


def test_a_model_that_draws_random_numbers_leaves_the_generator_alone():
    class Noisy(nn.Module):
        def forward(self, x):
            return x + torch.rand_like(x)

    torch.manual_seed(1)
    before = torch.get_rng_state()
    record(Noisy(), Inputs((torch.zeros(4),)))
    assert torch.equal(torch.get_rng_state(), before)


def test_circular_padding_is_one_row_with_two_steps():
    layer = nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular")
    report = report_of(layer, torch.zeros(1, 1, 8, 8))
    check = report.layers[0].check
    assert check.status == "match"
    assert report.totals.match == 1
    assert report.layers[0].output_shapes == ((1, 2, 8, 8),)


def test_keyword_and_nested_inputs_are_named():
    class Many(nn.Module):
        def forward(self, image, *, mask, extra):
            return image * mask + extra["a"][0]

    recorded = record(
        Many(),
        Inputs((torch.zeros(2, 3),), {"mask": torch.ones(3), "extra": {"a": [torch.ones(1)]}}),
    )
    assert [named.name for named in recorded.trace.inputs] == ["image", "mask", "extra.a[0]"]


def test_a_module_that_catches_an_exception_and_goes_on_is_no_failure():
    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.bad = nn.Linear(3, 3)
            self.good = nn.Linear(4, 2)

        def forward(self, x):
            try:
                return self.bad(x)
            except RuntimeError:
                return self.good(x)

    report = report_of(Careful(), torch.zeros(1, 4))
    assert report.error is None
    assert report.layer("bad").finished is False
    assert report.layer("good").output_shapes == ((1, 2),)


class Branches(nn.Module):
    """Two branches that run in threads of their own, at the same time where ``meet`` is set."""

    def __init__(self, meet: bool = False):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
        self.b = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Conv2d(3, 2, 1))
        self.c = nn.Conv2d(4, 1, 1)
        if meet:
            barrier = threading.Barrier(2, timeout=30)

            def wait(*_: object) -> None:
                barrier.wait()

            self.a.register_forward_pre_hook(wait)
            self.b.register_forward_pre_hook(wait)

    def forward(self, x):
        with ThreadPoolExecutor(2) as pool:
            return self.c(torch.cat(list(pool.map(lambda m: m(x), (self.a, self.b))), 1))


def test_modules_called_from_threads_stand_below_the_forward_that_started_them():
    report = report_of(Branches(), torch.zeros(1, 1, 8, 8))
    calls = report.trace.calls
    parents = {c.path: None if c.parent is None else calls[c.parent].path for c in calls}
    assert parents == {
        "": None,
        "a": "",
        "a.0": "a",
        "a.1": "a",
        "b": "",
        "b.0": "b",
        "b.1": "b",
        "c": "",
    }
    # 36 places each: 9·1·2, 9·1·3, 3·2 and 4 products.
    assert report.layer("a").subtree_macs == 36 * 18
    assert report.layer("b").subtree_macs == 36 * (27 + 6)
    assert report.totals.macs == 36 * (18 + 27 + 6 + 4)
    assert (report.totals.match, report.totals.uncovered) == (4, 0)


def test_threads_that_wait_for_each_other_are_let_through(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cnnshape.tracing.open_calls._PATIENCE", 0.05)
    report = report_of(Branches(meet=True), torch.zeros(1, 1, 8, 8))
    assert report.error is None
    assert report.totals.macs == 36 * (18 + 27 + 6 + 4)


def test_hooks_of_the_user_run_and_stay():
    seen = []
    layer = nn.Linear(4, 2)
    handle = layer.register_forward_hook(lambda module, args, out: seen.append(out.shape))
    before = dict(layer._forward_hooks)
    report = report_of(layer, torch.zeros(1, 4))
    assert seen == [(1, 2)]
    assert dict(layer._forward_hooks) == before
    assert report.outputs[0].shape == (1, 2)
    handle.remove()


def test_a_hook_that_replaces_the_output_is_shown():
    layer = nn.Linear(4, 2)
    layer.register_forward_hook(lambda module, args, out: out[:, :1])
    report = report_of(layer, torch.zeros(1, 4))
    assert report.outputs[0].shape == (1, 1)
