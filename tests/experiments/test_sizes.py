"""Accepted sizes, held against brute force on the CPU."""

from __future__ import annotations

import json
import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import cnnshape
from cnnshape.errors import ModelFailedError, UsageError
from cnnshape.experiments.sizing.result import AcceptedSizes, Adaptation, SizeSet, describe
from cnnshape.loading.inputs import from_specs
from cnnshape.loading.model import load
from cnnshape.loading.shapes import parse_inputs
from cnnshape.rendering.sizes import set_text
from cnnshape.tracing.execute import Inputs
from cnnshape.tracing.repeat import repeated
from tests.experiments import networks

#: Longer ranges are looked at by samples of pairs.
LONG = (1, 5000)


def says(accepted: AcceptedSizes, **letters: int) -> bool:
    """Whether the result, as a reader of the JSON would apply it, accepts these sizes."""
    data = json.loads(json.dumps(accepted.to_dict()))
    for name, size in letters.items():
        told = data["letters"][name]
        if not any(low <= size <= high for low, high in told["ranges"]):
            return False
        if size % told["multiple_of"]:
            return False
        if "remainders" in told and size % told["period"] not in told["remainders"]:
            return False
    return data["joint"] is None or bool(eval(data["joint"], {"__builtins__": {}}, letters))


def differences(accepted: AcceptedSizes, model: nn.Module, channels: int, pairs: list) -> list:
    """The pairs of H and W at which a real pass disagrees with the result."""
    wrong = []
    with repeated(model, device="cpu") as attempt:
        for h, w in pairs:
            done = attempt(Inputs((torch.zeros(1, channels, h, w),)))
            runs = done.exception is None and all(shape[0] == 1 for shape in done.shapes)
            if runs != says(accepted, H=h, W=w):
                wrong.append((h, w))
    return wrong


def axes_and_diagonal(low: int, high: int, usual: int) -> list[tuple[int, int]]:
    sizes = range(low, high + 1)
    return [
        *((n, usual) for n in sizes),
        *((usual, n) for n in sizes),
        *((n, n) for n in sizes),
    ]


def test_lenet():
    accepted = cnnshape.sizes("lenet", (1, 1, "H", "W"))
    data = accepted.to_dict()
    assert data["letters"] == {
        "H": {"ranges": [[28, 31]], "multiple_of": 1},
        "W": {"ranges": [[28, 31]], "multiple_of": 1},
    }
    assert data["joint"] is None
    assert data["tested"] == [1, 256]
    assert data["every_size"] is True
    assert data["exceptions"] == []


@pytest.mark.parametrize(
    ("name", "joint"),
    [
        ("lenet-nopad", "16*(H//4 - 3)*(W//4 - 3) == 256"),
        ("basic-cnn", "20*(H//4 - 3)*(W//4 - 3) == 320"),
    ],
)
def test_pairs_that_are_tied(name: str, joint: str):
    """a·b = 16 with a = H//4 − 3: 1·16, 2·8, 4·4, …, each of four sizes."""
    accepted = cnnshape.sizes(name, (1, 1, "H", "W"))
    assert accepted.joint == joint
    assert accepted.letters["H"].ranges == ((16, 23), (28, 31), (44, 47), (76, 79))
    assert says(accepted, H=16, W=76)
    assert not says(accepted, H=16, W=28)
    inside = [n for n in range(1, 257) if n in accepted.letters["H"]]
    pairs = [(h, w) for h in inside for w in inside]  # 400 pairs, 80 of them accepted
    assert sum(says(accepted, H=h, W=w) for h, w in pairs) == 80
    assert differences(accepted, load(name, real=True).module, 1, pairs[::3]) == []


@pytest.mark.parametrize("name", ["lenet", "lenet-nopad", "basic-cnn"])
def test_a_grid_of_pairs_against_the_cpu(name: str):
    accepted = cnnshape.sizes(name, (1, 1, "H", "W"))
    pairs = [(h, w) for h in range(1, 90, 5) for w in range(2, 90, 7)]
    assert differences(accepted, load(name, real=True).module, 1, pairs) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet", "lenet-nopad", "basic-cnn"])
def test_every_pair_against_the_cpu(name: str):
    """All pairs up to 128 (those up to 256 take ten minutes a network, and agree as well)."""
    accepted = cnnshape.sizes(name, (1, 1, "H", "W"), range=(1, 128))
    pairs = [(h, w) for h in range(1, 129) for w in range(1, 129)]
    assert differences(accepted, load(name, real=True).module, 1, pairs) == []


def test_a_unet_takes_multiples_of_16():
    model = networks.UNet()
    accepted = cnnshape.sizes(model, (1, 3, "H", "W"), range=(1, 100))
    assert accepted.letters["H"] == SizeSet(((16, 96),), 16)
    assert accepted.joint is None
    assert differences(accepted, model, 3, axes_and_diagonal(1, 100, 32)) == []


def test_a_model_of_one_size():
    model = networks.Tokens()
    accepted = cnnshape.sizes(model, (1, 3, "H", "W"), range=(1, 80))
    assert accepted.letters["W"].ranges == ((32, 32),)
    assert differences(accepted, model, 3, axes_and_diagonal(1, 80, 32)) == []


def test_squares_only():
    accepted = cnnshape.sizes(networks.Square(), (1, 1, "H", "W"), range=(1, 40))
    assert accepted.joint == "H == W"
    assert differences(accepted, networks.Square(), 1, axes_and_diagonal(1, 40, 9)) == []


def test_what_only_meta_would_take_is_not_accepted():
    accepted = cnnshape.sizes(networks.Shrinking(), (1, 3, "H", "W"), range=(1, 40))
    assert accepted.letters["H"].ranges == ((4, 40),)
    assert differences(accepted, networks.Shrinking(), 3, axes_and_diagonal(1, 40, 16)) == []


def test_a_batch_that_must_stay_whole_is_one_condition():
    """16·H·W numbers per picture in rows of 400: H·W = 25, whatever the batch."""
    accepted = cnnshape.sizes(networks.TornBatch(), ("N", 3, "H", "W"), range=(1, 30))
    assert accepted.joint == "H*W == 25"
    assert accepted.letters["N"].ranges == ((1, 30),)
    assert accepted.base["N"] == 2


def test_positions_beyond_the_table_are_refused_though_meta_takes_them():
    tokens = from_specs(parse_inputs(["1,T:int64"]))
    accepted = cnnshape.sizes(networks.Positions(), tokens, range=(1, 40), why=True)
    assert accepted.letters["T"].ranges == ((1, 24),)
    assert accepted.device == "meta"
    assert accepted.why[0].path == "places"


def test_a_length_is_no_number_of_channels():
    accepted = cnnshape.sizes(networks.SquareTokens(), (1, "T", 4), range=(1, 50))
    assert [n for n in range(1, 51) if n in accepted.letters["T"]] == [1, 4, 9, 16, 25, 36, 49]
    assert accepted.base == {"T": 16}


def test_sizes_that_tear_the_batch_apart_are_flagged():
    accepted = cnnshape.sizes(networks.TornBatch(), (1, 3, "H", "W"), range=(1, 60))
    # 16·H·W = 400 keeps the picture whole: 1×25, 5×5, 25×1.
    assert [n for n in range(1, 61) if n in accepted.letters["H"]] == [1, 5, 25]
    assert accepted.batch_changing["H"].multiple_of == 5
    assert "torn apart or glued together: H: multiples of 5" in str(accepted)


def test_a_range_without_accepted_sizes():
    with pytest.raises(ModelFailedError) as raised:
        cnnshape.sizes("lenet", (1, 1, "H", "W"), range=(40, 60))
    assert str(raised.value).startswith(
        "the model accepts no H and W from 40 to 60; it does accept H = 28, W = 28, since it needs "
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": (1, 1, 28, 28)}, "sizes needs letters for what may vary, as in -i 1,1,H,W"),
        ({"inputs": (1, 1, "H", "W"), "range": (9, 3)}, "the range 9:3 is empty"),
        ({"inputs": (1, 1, "H", "W"), "fit": "64x64x64"}, "give 2 sizes, one each for H, W"),
        ({"inputs": (1, 1, "H", "W"), "fit": "big"}, "--fit big: give sizes, as in 64x64"),
    ],
)
def test_wrong_usage(arguments: dict, message: str):
    with pytest.raises(UsageError) as raised:
        cnnshape.sizes("lenet", **({"range": (26, 33)} | arguments))
    assert message in str(raised.value)


@pytest.mark.torchvision
def test_the_result_says_when_time_was_short():
    accepted = cnnshape.sizes("torchvision:resnet18", (1, 3, "H", "W"), time_limit=0.7)
    assert not accepted.every_size
    assert accepted.letters["H"].ranges == ((1, 256),)
    assert "some sizes of H and of W from 1 to 256" in str(accepted)


def test_the_usual_sizes_are_tried_however_short_the_time():
    accepted = cnnshape.sizes("lenet", (1, 1, "H", "W"), time_limit=0.001)
    assert not accepted.every_size
    assert accepted.letters["H"].ranges == ((28, 31),)


# ---- why, and what would fit ------------------------------------------------------------


def test_the_layer_that_refuses_the_first_size_outside():
    accepted = cnnshape.sizes("lenet", (1, 1, "H", 28), why=True)
    below, above = accepted.why
    assert (below.letters["H"], below.path) == (27, "C3")
    assert (above.letters["H"], above.path) == (32, "F4")
    assert above.diagnosis is not None
    assert above.diagnosis.startswith("F4 expects 120 features, but 240 arrive")


def test_what_makes_64_by_64_fit():
    accepted = cnnshape.sizes("lenet-nopad", (1, 1, "H", "W"), fit="64x64")
    assert accepted.fit is not None
    assert not accepted.fit.accepted
    assert "2704 arrive: 16 channels × 13 × 13" in accepted.fit.reason
    texts = {change.text for change in accepted.fit.changes}
    assert "nn.Linear(in_features=2704, out_features=120)" in texts
    assert "nn.AdaptiveAvgPool2d((4, 4)) after conv.5" in texts
    assert all(change.verified for change in accepted.fit.changes)


def test_a_size_that_fits_already():
    accepted = cnnshape.sizes("lenet", (1, 1, "H", "W"), fit=(30, 29))
    assert accepted.fit is not None
    assert accepted.fit.accepted
    assert "H = 30, W = 29 is accepted as it is" in str(accepted)


# ---- torchvision ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.torchvision
@pytest.mark.parametrize(
    ("name", "low", "high", "usual", "first"),
    [
        ("vgg16", 24, 72, 64, 32),
        ("alexnet", 56, 110, 96, 63),
        ("resnet18", 1, 64, 64, 1),
        ("inception_v3", 68, 84, 80, 75),
    ],
)
def test_published_networks_on_both_axes_and_the_diagonal(
    name: str, low: int, high: int, usual: int, first: int
):
    spec = f"torchvision:{name}"
    accepted = cnnshape.sizes(spec, (1, 3, "H", "W"), range=(low, high))
    assert accepted.letters["H"].ranges == ((max(first, low), high),)
    model = load(spec, real=True).module.eval()
    assert differences(accepted, model, 3, axes_and_diagonal(low, high, usual)) == []


# ---- describing sets --------------------------------------------------------------------


@given(st.sets(st.integers(1, 120), min_size=1))
def test_a_description_holds_exactly_the_set(sizes: set[int]):
    told = describe(sizes, 1, 120)
    assert {n for n in range(1, 121) if n in told} == sizes


@given(st.integers(2, 40), st.integers(0, 39), st.integers(1, 60))
def test_residues_are_described_exactly(period: int, remainder: int, start: int):
    sizes = {n for n in range(start, 257) if n % period in (remainder % period, 0)}
    if sizes:
        told = describe(sizes, 1, 256)
        assert {n for n in range(1, 257) if n in told} == sizes


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ([28, 29, 30, 31], "H: 28…31"),
        (range(32, 257), "H ≥ 32"),
        (range(16, 257, 16), "H: multiples of 16"),
        (range(64, 257, 32), "H: multiples of 32 from 64"),
        ([224], "H = 224"),
        (range(1, 257), "H: every size"),
        ([*range(16, 24), *range(28, 32)], "H: 16…23, 28…31"),
        ([n for n in range(1, 257) if n % 32 in (0, 31)], "H mod 32 in 0, 31"),
        ([n for n in range(1, 257) if n % 8 == 1], "H mod 8 = 1"),
        ([*range(5, 9), *range(20, 257)], "H: 5…8, ≥ 20"),
    ],
)
def test_sets_in_words(sizes, text: str):
    assert set_text("H", describe(list(sizes), 1, 256), 1, 256) == text


class Flattened(nn.Module):
    """Two poolings and a linear layer, the rows made by ``view(-1, 576)``."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3)
        self.second = nn.Conv2d(8, 16, 3)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(576, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.second(self.pool(self.first(x))))
        return self.fc(x.view(-1, 576))


def test_a_pool_is_offered_where_the_forward_itself_flattens():
    """6×6 with 16 channels are 576; whatever arrives is pooled to that."""
    model = Flattened()
    accepted = cnnshape.sizes(model, (1, 3, "H", "W"), range=(1, 60), fit="50x50")
    assert accepted.fit is not None
    texts = [change.text for change in accepted.fit.changes]
    assert "nn.AdaptiveAvgPool2d((6, 6)) after pool" in texts
    model.pool.register_forward_hook(
        lambda _m, _a, x: nn.functional.adaptive_avg_pool2d(x, (6, 6)) if x.shape[-1] < 20 else x
    )
    assert model(torch.zeros(1, 3, 50, 50)).shape == (1, 10)


def test_why_looks_beyond_the_neighbours_where_letters_are_tied():
    """From 33 the row of 6 ends at 29 and at 34: ⌊(⌊(H − 2)/2⌋ − 2)/2⌋ = 6 for 30…33."""
    accepted = cnnshape.sizes(Flattened(), (1, 3, "H", "W"), range=(1, 60), why=True)
    told = {(r.letters["H"], r.letters["W"]) for r in accepted.why}
    usual = accepted.base["H"]
    assert told == {(29, usual), (34, usual), (usual, 29), (usual, 34)}


class Fixed(nn.Module):
    """Learned positions for 16 patches."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 8, 8)
        self.positions = nn.Parameter(torch.zeros(1, 16, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.patches(x).flatten(2).transpose(1, 2) + self.positions


def test_a_parameter_to_change_is_written_once():
    text = str(cnnshape.sizes(Fixed(), (1, 3, "S", "S"), range=(1, 60), fit=48))
    assert "· positions = nn.Parameter(torch.empty(1, 36, 8))" in text


class AtLeastFour(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] < 4:
            raise ValueError("at least 4 rows")
        return self.features(x)


def test_a_model_that_refuses_small_batches():
    accepted = cnnshape.sizes(AtLeastFour(), ("N", 16), range=(1, 20))
    assert accepted.to_dict()["letters"]["N"]["ranges"] == [[4, 20]]


class Rows(nn.Module):
    def forward(self, x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return x[rows]


def test_indices_that_were_handed_over():
    """Row 3 is the fourth; the result has four rows whatever the input has."""
    given = {"x": ("N", 16), "rows": torch.tensor([0, 1, 2, 3])}
    accepted = cnnshape.sizes(Rows(), given, range=(1, 20))
    assert accepted.to_dict()["letters"]["N"]["ranges"] == [[4, 20]]
    assert not accepted.batch_changing


def test_a_long_range_is_described_without_looking_at_every_pair():
    """16 × 4 × 4 features: of the squares 28…31, as the joint condition says."""
    accepted = cnnshape.sizes("lenet-nopad", (1, 1, "H", "W"), range=LONG, time_limit=3)
    assert not accepted.every_size
    assert accepted.tested == LONG
    assert accepted.exceptions == ()
    for side in (16, 27, 28, 31, 32, 4999):
        assert says(accepted, H=side, W=side) == (28 <= side < 32), side
    assert accepted.tries < 5000


def test_a_long_range_of_letters_that_are_free():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1))
    accepted = cnnshape.sizes(model, (1, 1, "H", "W"), range=LONG, time_limit=3)
    assert accepted.joint is None
    assert {name: s.ranges for name, s in accepted.letters.items()} == {
        "H": ((3, 5000),),
        "W": ((3, 5000),),
    }


def test_the_time_limit_ends_the_search_for_a_first_size():
    """Nothing between 3,000 and 90,000 is accepted; trying all of it would take minutes."""
    started = time.monotonic()
    with pytest.raises(ModelFailedError, match="that was tried before time was up"):
        cnnshape.sizes("lenet", (1, 1, "H", "W"), range=(3000, 90_000), time_limit=1)
    assert time.monotonic() - started < 30  # a busy machine; without the limit it is minutes


@pytest.mark.parametrize("limits", [(1, 100_001), (1, 10**9 + 1), (10**9, 10**9 + 5)])
def test_a_range_beyond_reason_is_refused(limits):
    with pytest.raises(UsageError, match=r"is too long: at most 100,000 sizes"):
        cnnshape.sizes("lenet", (1, 1, "H", "W"), range=limits)


# ---- what a change costs -------------------------------------------------------------------------


class Small(nn.Module):
    """Two levels of a U-Net: every side is a multiple of 2."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)
        self.last = nn.Conv2d(8, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.first(x)
        return self.last(torch.cat([a, self.up(self.pool(a))], 1))


@pytest.fixture(scope="module")
def changes() -> list[Adaptation]:
    accepted = cnnshape.sizes(Small(), (1, 1, "H", "W"), range=(1, 24), fit=21)
    assert accepted.fit is not None
    return list(accepted.fit.changes)


def test_what_keeps_the_other_sizes_comes_before_what_costs_them(changes):
    assert [change.text for change in changes[:4]] == [
        "F.pad(x, (0, 1, 0, 1)) before the call, then y[..., :21, :21]",
        "torch.cat([a, nn.functional.interpolate(self.up(self.pool(a)), size=a.shape[-2:])], 1)",
        'F.interpolate(x, size=(22, 22), mode="bilinear") before the call',
        "x[..., :20, :20] before the call",
    ]
    assert all(not change.costs for change in changes[:4])
    assert all(change.verified for change in changes)


def test_an_output_padding_costs_every_even_size(changes):
    """It adds a row and a column to what is joined with the picture: 20 → 10 → 21."""
    padding = next(change for change in changes if "output_padding" in change.text)
    assert len(padding.costs) == padding.tried == 12
    assert {"H": 20, "W": 20} in padding.costs
    assert changes.index(padding) >= 4


def test_a_result_of_another_shape_is_no_size_that_is_kept(changes):
    """Joined one below the other the pictures run as well, but are twice as high."""
    other = next((change for change in changes if "dim=2" in change.text), None)
    assert other is None or len(other.costs) == other.tried


def test_the_changes_do_what_they_say():
    model, x = Small(), torch.rand(1, 1, 21, 21)
    padded = model(nn.functional.pad(x, (0, 1, 0, 1)))[..., :21, :21]
    assert padded.shape == x.shape
    with pytest.raises(RuntimeError):
        model(x)


def test_tokens_are_padded_and_not_interpolated():
    class Pairs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(10, 4)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.embed(ids).view(len(ids), -1, 8)

    accepted = cnnshape.sizes(Pairs(), "1,S:int64", range=(1, 20), fit=7)
    assert accepted.fit is not None
    texts = [change.text for change in accepted.fit.changes]
    assert texts[0] == "F.pad(ids, (0, 1)) before the call"
    assert not any("interpolate" in text for text in texts)


def test_above_the_range_the_pattern_goes_on():
    accepted = cnnshape.sizes(Small(), (1, 1, "S", "S"), range=(1, 16), fit=33)
    assert accepted.fit is not None
    assert accepted.fit.changes[0].leads_to == {"S": 34}
