"""Sizes as expressions, held against real passes at other sizes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

import cnnshape
from cnnshape import UsageError
from cnnshape.errors import CnnshapeError, ModelFailedError
from cnnshape.experiments.symbolic.guess_from_numbers import Fitter
from cnnshape.experiments.symbolic.run_at_sizes import Run
from cnnshape.formulas.algebra import Sum, letter
from cnnshape.loading.inputs import ModelInputs, from_specs
from cnnshape.loading.shapes import parse_inputs
from cnnshape.tracing.execute import Inputs, record
from tests.experiments import networks

Shape = tuple[int | str, ...]


def value(size: int | str | None, **letters: int) -> int | None:
    """A size of the report, as a reader of the JSON would compute it."""
    if not isinstance(size, str):
        return size
    return eval(size, {"__builtins__": {}, "min": min, "max": max}, letters)


def real_shapes(model: nn.Module, *shape: int) -> dict[tuple[str, int], list[tuple[int, ...]]]:
    """The output shapes of every module call in a real pass on the CPU."""
    trace = record(model, Inputs((torch.zeros(shape),))).trace
    assert trace.failure is None, trace.failure
    return {
        (call.path, call.call): [tuple(trace.shape(o.value)) for o in call.outputs]
        for call in trace.calls
    }


def check_everywhere(model: nn.Module, given: Shape, points: list[dict[str, int]]) -> None:
    """Every row of the report, at every point, against a real pass there."""
    report = cnnshape.inspect(model, given)
    for letters in points:
        shape = [n if isinstance(n, int) else letters[n] for n in given]
        real = real_shapes(model, *shape)
        for layer in report.layers:
            if layer.called:
                computed = [tuple(value(n, **letters) for n in s) for s in layer.output_shapes]
                assert computed == real[layer.path, layer.call], (layer.path, letters)
        numbers = cnnshape.inspect(model, tuple(shape), device="meta")
        assert value(report.totals.macs, **letters) == numbers.totals.macs


def test_lenet_as_derived_by_hand():
    report = cnnshape.inspect("lenet", ("N", 1, "H", "W"))
    shapes = {layer.path: layer.output_shapes[0] for layer in report.layers}
    assert shapes["C1"] == ("N", 6, "H", "W")
    assert shapes["S1"] == ("N", 6, "H//2", "W//2")
    assert shapes["C2"] == ("N", 16, "H//2 - 4", "W//2 - 4")
    assert shapes["S2"] == ("N", 16, "H//4 - 2", "W//4 - 2")
    assert shapes["C3"] == ("N", 120, "H//4 - 6", "W//4 - 6")
    assert report.layer("F4").input_shapes[0] == ("N", "120*(H//4 - 6)*(W//4 - 6)")
    assert report.layer("C1").macs == "150*H*N*W"
    assert list(report.constraints) == [
        "H//4 - 6 >= 1",
        "W//4 - 6 >= 1",
        "120*(H//4 - 6)*(W//4 - 6) == 120",
    ]
    assert report.layer("S1").check is not None
    assert report.layer("S1").check.substitution.startswith("⌊(H + 2·0 − 1·(2 − 1) − 1)/2⌋ + 1")
    assert value(report.totals.macs, N=1, H=28, W=28) == 416_520


def test_the_json_has_strings_that_python_parses():
    data = cnnshape.inspect("lenet", ("N", 1, "H", "W")).to_dict()
    assert data["inputs"][0]["shape"] == ["N", 1, "H", "W"]
    assert data["outputs"][0]["shape"] == ["N", 10]
    row = next(row for row in data["layers"] if row["path"] == "C2")
    assert row["output_shapes"] == [["N", 16, "H//2 - 4", "W//2 - 4"]]
    allowed = re.compile(r"[A-Za-z0-9_+\-*/%() ,]+")
    texts = [n for row in data["layers"] for s in row["output_shapes"] for n in s]
    assert all(allowed.fullmatch(n) for n in texts if isinstance(n, str))


def test_fixed_and_symbolic_sizes_mix():
    report = cnnshape.inspect("basic-cnn", (1, 1, "H", 28))
    assert report.layer("conv2").output_shapes[0] == (1, 20, "H//2 - 6", 8)


def test_the_same_letter_is_the_same_size():
    report = cnnshape.inspect("mlp", (1, 1, "S", "S"))
    assert "S*S == 784" in report.constraints
    assert any(note.startswith("S = 28 (fixed by linear_relu_stack.0)") for note in report.notes)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=3))
def test_unet_at_any_size_it_takes(sides: list[tuple[int, int]]):
    points = [{"N": 1, "H": 16 * h, "W": 16 * w} for h, w in sides]
    check_everywhere(networks.UNet(), ("N", 3, "H", "W"), points)


def test_sizes_computed_in_python():
    points = [{"N": n, "H": h, "W": w} for n, h, w in [(1, 28, 29), (2, 56, 31), (1, 60, 113)]]
    check_everywhere(networks.Windows(), ("N", 3, "H", "W"), points)


def test_a_size_that_was_lost_in_python_is_fitted():
    report = cnnshape.inspect(networks.Lost(), (1, 3, "H", "W"))
    assert report.layer("conv").output_shapes[0] == (1, 4, "H//2", "(W + 1)//2")
    points = [{"H": h, "W": w} for h, w in [(7, 8), (30, 31), (101, 64)]]
    check_everywhere(networks.Lost(), (1, 3, "H", "W"), points)


def test_a_model_that_fixes_its_size_says_by_what():
    report = cnnshape.inspect(networks.Tokens(), ("N", 3, "H", "W"))
    assert list(report.constraints) == ["H == 32", "W == 32"]
    assert "H = 32 (fixed by position)" in report.notes
    assert report.layer("patch").output_shapes[0] == ("N", 8, "H//8", "W//8")


def test_an_expression_that_holds_only_in_a_range_is_marked():
    report = cnnshape.inspect(networks.TwoWays(), (1, 3, "H", 64))
    told = [note for note in report.notes if "not hold at H = " in note]
    assert len(told) == 1  # for all the layers that are wrong there
    assert told[0].startswith("the result and conv: the expressions do not hold")


def test_a_size_without_an_expression_gets_a_letter_of_its_own():
    class Root(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x[:, :, : int(x.shape[2] ** 0.5)]).flatten(1)

    report = cnnshape.inspect(Root(), (1, 2, "H", 4))
    assert report.outputs[0].shape == (1, "8*u1")
    assert "u1: no expression in the letters of the input was found for these sizes" in report.notes


def test_recurrent_and_scripted_code():
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(50, 16)
            self.lstm = nn.LSTM(16, 8, batch_first=True, bidirectional=True)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.lstm(self.words(ids))[0]

    report = cnnshape.inspect(Reader(), "N,L:int64")
    assert report.outputs[0].shape == ("N", "L", 16)
    # Per step and direction, 4·8 gates of 16 inputs and 8 states.
    assert value(report.totals.macs, N=3, L=5) == 3 * 5 * 2 * 4 * 8 * (16 + 8)
    assert report.constraints == ()


def test_what_was_checked_is_stated():
    notes = cnnshape.inspect("lenet", (1, 1, "H", "W")).notes
    assert any(
        re.match(r"every expression was checked at \d sizes, H = 28, W = 28;", n) for n in notes
    )


def test_the_model_is_as_it_was():
    model = networks.UNet().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    cnnshape.inspect(model, (1, 3, "H", "W"))
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(tensor.device.type == "cpu" for tensor in model.parameters())


# ---- what the model demands ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "shape", "constraints"),
    [
        (networks.Focus(), (1, 3, "H", "W"), {"H % 2 == 0", "W % 2 == 0"}),
        (networks.Pyramid(), (1, 3, "H", 32), {"((H + 1)//2) % 8 == 0"}),
        (networks.Cropped(), (1, 1, "H", 40), {"H//2 - 8 >= 1"}),
    ],
    ids=["Focus", "Pyramid", "Cropped"],
)
def test_demands_are_what_a_person_would_write(model: nn.Module, shape: Shape, constraints: Any):
    """By hand: both halves equally long; 8 halvings undone; 2·(⌊(H − 4)/2⌋ − 4) ≥ 5."""
    assert set(cnnshape.inspect(model, shape).constraints) == constraints


@pytest.mark.parametrize(
    ("model", "channels", "condition"),
    [
        (networks.Focus(), 3, lambda h: h % 2 == 0),
        (networks.Pyramid(), 3, lambda h: (h + 1) // 2 % 8 == 0),
        (networks.Cropped(), 1, lambda h: h >= 18),
    ],
    ids=["Focus", "Pyramid", "Cropped"],
)
def test_demands_are_those_of_real_passes(model: nn.Module, channels: int, condition: Any):
    width, heights = 32, range(3, 70)  # below, a size of 1 is broadcast
    accepted = {
        h
        for h in heights
        if record(model, Inputs((torch.zeros(1, channels, h, width),))).trace.failure is None
    }
    assert accepted == {h for h in heights if condition(h)}
    report = cnnshape.inspect(model, (1, channels, "H", width))
    for h in heights:
        holds = all(eval(text, {"__builtins__": {}}, {"H": h}) for text in report.constraints)
        assert holds == (h in accepted), h


def test_positions_counted_by_arange_must_be_in_the_table():
    report = cnnshape.inspect(networks.Positions(), integers("N,T:int64"))
    assert report.constraints == ("24 >= T",)


class Picked(nn.Module):
    """Rows picked by indices that are held or handed over; meta would take any."""

    def __init__(self, *rows: int) -> None:
        super().__init__()
        self.register_buffer("rows", torch.tensor(rows))

    def forward(self, x: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        rows = self.rows if rows is None else rows
        return x[:, rows] if rows.dim() == 1 else torch.gather(x, 1, rows)


def test_indices_must_be_within_the_axis():
    """Row 8 is the ninth, and row −9 the ninth from the end."""
    for rows in ((1, 8, 3), (0, -9)):
        assert cnnshape.inspect(Picked(*rows), (2, "T", 4)).constraints == ("T >= 9",)
    handed = {"x": ("N", "T", 4), "rows": torch.full((2, 1, 4), 6)}
    assert set(cnnshape.inspect(Picked(0), handed).constraints) == {"T >= 7", "N >= 2"}


class Reads(nn.Module):
    def __init__(self, read: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.read = read

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.read(x)


def _written(x: torch.Tensor, index: object) -> torch.Tensor:
    y = x.clone()
    y[index] = 0.0
    return y


@pytest.mark.parametrize(
    ("read", "least"),
    [
        (lambda x: x[5], 6),
        (lambda x: x[-7], 7),
        (lambda x: x[[0, 1, 2, 3]], 4),
        (lambda x: x[[3, -6], :, None], 6),
        (lambda x: x[[2, x.shape[0] - 3, x.shape[0] // 2]], 3),
        (lambda x: x[..., 1][4], 5),
        (lambda x: x.select(0, 5), 6),
        (lambda x: x.narrow(0, 3, 4), 7),
        (lambda x: x.narrow(0, -6, 2), 6),
        (lambda x: x.index_select(0, torch.tensor([1, 5, 0])), 6),
        (lambda x: x[torch.tensor([[4], [0]])], 5),
        (lambda x: _written(x, 6), 7),
        (lambda x: _written(x, [0, 6]), 7),
    ],
)
def test_positions_in_the_forward_must_be_within_the_axis(
    read: Callable[[torch.Tensor], torch.Tensor], least: int
) -> None:
    """As real passes judge: the least size runs, the one before it does not."""
    assert cnnshape.inspect(Reads(read), ("N", 8)).constraints == (f"N >= {least}",)
    assert read(torch.zeros(least, 8)).numel()
    with pytest.raises((IndexError, RuntimeError)):
        read(torch.zeros(least - 1, 8))


def test_positions_from_the_size_itself_are_no_demand() -> None:
    report = cnnshape.inspect(Reads(lambda x: x[x.shape[0] // 2] + x[-1]), ("N", 8))
    assert report.constraints == ()


def test_a_list_of_positions_is_looked_at_without_memory_too() -> None:
    """Meta itself takes x[[0, 3]] of two rows."""
    for read in (lambda x: x[[0, 3]], lambda x: x[:, [0, -9]], lambda x: _written(x, [3, 1])):
        assert cnnshape.inspect(Reads(read), (4, 9), device="meta").error is None
        error = cnnshape.inspect(Reads(read), (2, 8), device="meta").error
        assert error is not None
        assert error.kind == "index.out_of_range"
        assert "outside of dimension" in (error.diagnosis or "")


def test_the_first_pass_is_within_the_axis_too():
    """Two examples are usual; an index of 3 needs four of them."""

    class Rows(nn.Module):
        def forward(self, x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            return x[rows]

    report = cnnshape.inspect(Rows(), {"x": ("N", 16), "rows": torch.arange(4)})
    assert report.constraints == ("N >= 4",)


def test_demands_beyond_the_usual_sizes_are_met():
    """Row 8 of the batch is the ninth example; a handful of examples is usual."""

    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("rows", torch.tensor([0, 8]))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[self.rows]

    report = cnnshape.inspect(Rows(), ("N", 5))
    assert report.constraints == ("N >= 9",)
    assert not any("no other size" in note for note in report.notes)


def test_a_number_from_a_float_is_no_demand():
    """⌊√16⌋ = 4 looks as if T had to be 16; 25 and 64 are as good."""
    report = cnnshape.inspect(networks.SquareTokens(), ("N", "T", 4))
    assert not any("T" in text and "== 16" in text for text in report.constraints)
    assert not any("fixed" in note for note in report.notes)
    assert any("no expression in the letters" in note for note in report.notes)


def test_a_condition_of_one_branch_is_no_demand():
    """At 224 nothing is resized, and the reshape seems to need multiples of 8."""
    report = cnnshape.inspect(networks.Resizing(), (1, 3, "H", "W"))
    assert report.constraints == ()
    check_everywhere(networks.Resizing(), (1, 3, "H", "W"), [{"H": 20, "W": 31}, {"H": 8, "W": 3}])


def test_what_is_refused_beyond_the_demands_is_told():
    notes = cnnshape.inspect(networks.Spectrum(), (1, "L")).notes
    told = [note for note in notes if "the model needs more than is listed" in note]
    assert len(told) == 1
    lengths = [int(n) for n in re.findall(r"L = (\d+)", told[0])]
    assert lengths
    assert all(n <= 32 for n in lengths)


def integers(*texts: str) -> ModelInputs:
    return from_specs(parse_inputs(texts))


# ---- bad input --------------------------------------------------------------------------


def message(error: type[CnnshapeError], model: Any, shape: Shape) -> str:
    with pytest.raises(error) as raised:
        cnnshape.inspect(model, shape)
    return str(raised.value)


def test_a_letter_in_the_channel_place():
    assert message(UsageError, "lenet", ("N", "C", "H", "W")) == (
        "C can only be 1: C1 (Conv2d) takes 1 channel; write -i N,1,H,W"
    )


def test_two_letters_that_must_be_equal():
    assert message(UsageError, networks.Square(), (1, 1, "H", "W")) == (
        "the model forces H and W to be equal (matmul in Square): use one letter for both, "
        "as in -i 1,1,H,H"
    )


def test_a_size_that_depends_on_the_data():
    text = message(CnnshapeError, networks.Masked(), (1, 3, "H", "W"))
    assert text.startswith("the sizes behind a boolean index in Masked (networks.py:")
    assert "depend on the data, not on the input's size" in text


def test_a_model_that_accepts_nothing():
    text = message(ModelFailedError, networks.Never(), (1, 3, "H", "W"))
    assert text.startswith("no size of H and W was accepted (")
    assert "second" in text
    assert "4 channels" in text


def test_sizes_that_a_refusal_names_are_tried():
    report = cnnshape.inspect(networks.OneSize(), (1, 3, "H", "W"))  # 271 is beyond 1 to 256
    assert report.constraints == ("H == 1024", "W == 271")
    assert [note.partition(" (")[0] for note in report.notes] == ["H = 1024", "W = 271"]
    assert report.layer("conv").output_shapes == ((1, 4, "H - 2", "W - 2"),)


def test_a_size_that_a_refusal_names_may_be_that_of_one_input_alone():
    report = cnnshape.inspect(networks.PictureAndText(), ("1,3,H,W", "1,L"))
    assert "L = 77 (fixed by positions)" in report.notes
    assert report.layer("conv").output_shapes == ((1, 4, "H - 2", "W - 2"),)


@pytest.mark.parametrize("length", [64, 512, 2048])
def test_a_table_of_positions_bounds_the_length(length):
    report = cnnshape.inspect(networks.Table(length), "1,L,4")
    assert report.constraints == (f"{length} >= L",)
    assert report.outputs[0].shape == (1, "L", 4)


def test_a_model_without_values_that_looks_at_some_runs_on_fake_tensors():
    with torch.device("meta"):
        model = networks.Scaled()
    report = cnnshape.inspect(model, "2,L,6")
    assert report.device == "fake"
    assert report.outputs[0].shape == (2, "L", 6)
    assert report.constraints == ("30 >= L",)
    assert cnnshape.sizes(model, "2,L,6", range=(1, 40)).letters["L"].ranges == ((1, 30),)


def fitter_of(size: Sum) -> tuple[Fitter, tuple[int, ...]]:
    """For one value of that size, at six heights."""
    points = [{"H": height} for height in (249, 415, 224, 285, 283, 507)]
    numbers = tuple(map(size.value, points))
    traces = [SimpleNamespace(values=[SimpleNamespace(shape=(number,))]) for number in numbers]
    runs = [Run(point, cast("Any", trace)) for point, trace in zip(points, traces, strict=True)]
    return Fitter(runs), numbers


def test_numbers_are_fitted_by_halvings_rounded_down_or_up_first():
    size = (letter("H") + 31) // 32
    fitter, numbers = fitter_of(size)
    assert fitter.fit(numbers) == size  # so have (H + 12)//29 - 1 and (H + 7)//32


def test_a_size_is_rounded_up_before_one_more_is_added():
    """At these heights, none of which 64 divides, H//64 + 1 is the same."""
    size = (letter("H") + 63) // 64
    fitter, numbers = fitter_of(size)
    assert fitter.fit(numbers) == size
    assert fitter.steps == {"H": 64}


def test_rows_of_all_channels_are_a_multiple_of_the_rows():
    size = (letter("H") + 3) // 4
    fitter, numbers = fitter_of(size * 144)
    assert fitter.fit(numbers) == size * 144
    assert fitter.fit(tuple(n // 144 for n in numbers)) == size


class Patches(nn.Module):
    """Resizes what cannot be cut into patches, to sizes of which int() forgets the origin."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.fc = nn.Linear(6, 5)

    def forward(self, x):
        x = self.conv(x)
        n, c, h, w = x.shape
        high, wide = int(math.ceil(h / 2) * 2), int(math.ceil(w / 2) * 2)
        if (high, wide) != (h, w):
            x = functional.interpolate(x, size=(high, wide))
        x = x.reshape(n * c * (high // 2), 2, wide // 2, 2).transpose(1, 2)
        x = x.reshape(n, c, (high // 2) * (wide // 2), 4).transpose(1, 3)
        return self.fc(x.reshape(n * 4, (high // 2) * (wide // 2), -1))


def test_a_forward_that_resizes_odd_pictures_has_one_expression_for_all():
    report = cnnshape.inspect(Patches(), (1, 3, "H", "W"))
    patches = "((H + 3)//4)*((W + 3)//4)"
    assert report.outputs[0].shape == (4, patches, 5)
    assert not any("not hold" in note for note in report.notes)
    for h, w in ((8, 8), (9, 12), (6, 64), (65, 3)):
        numbers = cnnshape.inspect(Patches(), (1, 3, h, w))
        at = {"H": h, "W": w}
        assert numbers.outputs[0].shape[1] == eval(patches, at)
        assert numbers.totals.macs == eval(str(report.totals.macs), at)


class Steps(nn.Module):
    """A loop over the time: each step multiplies, and all are stacked if that is asked."""

    def __init__(self, stacked):
        super().__init__()
        self.first = nn.Linear(6, 4)
        self.weight = nn.Parameter(torch.ones(4, 4))
        self.stacked = stacked

    def forward(self, x):
        x = self.first(x)
        states = [x.new_zeros(x.shape[0], 4)]
        for step in range(x.shape[1]):
            states.append(torch.tanh(x[:, step] + states[-1] @ self.weight))
        return torch.stack(states[1:], 1) if self.stacked else states[-1]


@pytest.mark.parametrize("stacked", [False, True])
def test_what_a_loop_costs_is_unknown_and_said_so(stacked):
    report = cnnshape.inspect(Steps(stacked), ("N", "L", 6))
    at = report.letters["L"]
    assert report.totals.macs is report.totals.backward_macs is None  # 24·L·N + 16·L·N
    (note,) = [note for note in report.notes if note.startswith("MACs unknown")]
    assert f"the rows are those of N = 2, L = {at}" in note
    first, root = report.layer("first"), report.layer("")
    assert (first.macs, root.macs, root.subtree_macs) == ("24*L*N", None, None)
    assert report.outputs[0].shape == (("N", "?", 4) if stacked else ("N", 4))
    assert report.constraints == ()  # not L >= 16, which is the last turn of the loop


def test_a_size_that_was_proposed_is_known_to_later_fits():
    size = ((letter("H") + 1) // 2) * ((letter("H") + 3) // 5)
    fitter, numbers = fitter_of(size)
    assert fitter.fit(numbers) is None
    fitter, numbers = fitter_of(size)
    fitter.learn([fitter.decide(0, 0, size)])
    assert fitter.fit(numbers) == size


def test_letters_need_no_device():
    with pytest.raises(UsageError, match="leave --device cpu out, or give numbers"):
        cnnshape.inspect("lenet", (1, 1, "H", "W"), device="cpu")


# ---- torchvision ------------------------------------------------------------------------


@pytest.mark.torchvision
def test_resnet18_ends_in_one_division():
    report = cnnshape.inspect("torchvision:resnet18", ("N", 3, "H", "W"))
    assert report.layer("layer4").output_shapes[0] == ("N", 512, "(H + 31)//32", "(W + 31)//32")
    assert report.constraints == ()
    # torchvision publishes 1.814 GMAC for 224×224.
    assert value(report.totals.macs, N=1, H=224, W=224) == pytest.approx(1.814e9, rel=1e-3)


@pytest.mark.slow
@pytest.mark.torchvision
@pytest.mark.parametrize(
    "name",
    [
        *("alexnet", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "mobilenet_v2"),
        *("mobilenet_v3_small", "regnet_x_400mf", "resnet50", "shufflenet_v2_x1_0"),
        *("squeezenet1_0", "swin_t", "vgg11", "vit_b_16", "convnext_tiny", "maxvit_t"),
    ],
)
def test_the_zoo_at_twenty_sizes(name: str):
    from cnnshape.analysis.build import build_report
    from cnnshape.experiments.symbolic.letters import filled
    from cnnshape.loading.prepare import prepare
    from cnnshape.loading.tensors import make_tensors

    report = cnnshape.inspect(f"torchvision:{name}", (1, 3, "H", "W"))
    prepared = prepare(f"torchvision:{name}", (1, 3, "H", "W"))
    conditions = [compile(text, "", "eval") for text in report.constraints]
    allowed = [
        {"H": h, "W": w}
        for h in range(1, 330)
        for w in (224, h, 330 - h)
        if all(eval(c, {}, {"H": h, "W": w}) for c in conditions)
    ]
    tried = 0
    for letters in allowed[:: max(1, len(allowed) // 24)]:
        args, kwargs = make_tensors(filled(prepared.inputs, letters), device="meta")
        recorded = record(prepared.module, Inputs(args, kwargs), device="meta")
        assert recorded.trace.failure is None, letters
        numbers = build_report(recorded.trace)
        rows = {(layer.path, layer.call): layer for layer in numbers.layers}
        for layer in report.layers:
            row = rows[layer.path, layer.call]
            if layer.called and row.called:
                computed = [tuple(value(n, **letters) for n in s) for s in layer.output_shapes]
                assert computed == list(row.output_shapes), (layer.path, letters)
        assert value(report.totals.macs, **letters) == numbers.totals.macs
        tried += 1
    assert tried >= 20 or len(allowed) < 20


def test_the_size_that_a_model_says_it_is_made_for_is_tried_first():
    """As the architectures of timm say; no message names it, and no list of usual sizes has it."""

    class Particular(nn.Conv2d):
        default_cfg: ClassVar = {"input_size": (1, 1300, 1302)}

        def forward(self, x):
            if x.shape[2] * x.shape[3] != 1300 * 1302:
                raise ValueError("no")
            return super().forward(x)

    report = cnnshape.inspect(Particular(1, 2, 3), (1, 1, "H", "W"))
    assert report.error is None
    assert report.layers[0].output_shapes == ((1, 2, "H - 2", "W - 2"),)
    Particular.default_cfg = {}
    with pytest.raises(ModelFailedError, match="no size of H and W was accepted"):
        cnnshape.inspect(Particular(1, 2, 3), (1, 1, "H", "W"))
