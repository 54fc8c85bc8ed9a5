"""What a closed box says of its inside, worked out by hand from the networks here."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.choose_depth import make_view
from cnnshape.rendering.diagram.dataflow import build_flow
from cnnshape.rendering.diagram.draw_options import DrawOptions
from cnnshape.rendering.diagram.drawing import draw_report
from tests.rendering.diagram.models import Residual, UNet, report_of

IMAGE, TOKENS = (1, 8, 8, 8), (1, 16, 12)


def said(model: nn.Module, *shapes: tuple[int, ...]) -> tuple[str, ...]:
    """The phrases for a module that is closed inside another one."""
    report = report_of(nn.Sequential(model, nn.Identity()), *shapes)
    return build_flow(report.trace).inner_words.of(1)


class Block(nn.Module):
    """Two layers, whose result is joined with the input in some way."""

    def __init__(self, join: str) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.short, self.norm = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)
        self.join = join

    def forward(self, x: Tensor) -> Tensor:
        y = self.two(F.relu(self.one(x)))
        if self.join == "projected":
            return F.relu(y + self.norm(self.short(x)))
        if self.join == "concat":
            return torch.cat([x, y], 1)
        if self.join == "middle":  # the sum is not the end
            return self.short(x + y)
        if self.join == "parallel":  # two branches of two layers each: no skip
            return y + self.short(self.one(x))
        return {"sum": lambda: F.relu(self.norm(y) + x), "none": lambda: y}[self.join]()


@pytest.mark.parametrize(
    ("join", "words"),
    [
        ("sum", ("+ input",)),
        ("projected", ("+ projected input",)),
        ("concat", ("concat with input",)),
        ("middle", ("1 skip",)),
        ("parallel", ()),
        ("none", ()),
    ],
)
def test_what_the_input_is_joined_to(join: str, words: tuple[str, ...]) -> None:
    assert said(Block(join), IMAGE) == words


def test_what_each_of_several_blocks_is_joined_to() -> None:
    assert said(nn.Sequential(Residual(), Residual()), IMAGE) == ("each + input",)
    mixed = nn.Sequential(Block("projected"), Block("sum"), Block("sum"))
    assert said(mixed, IMAGE) == ("each + input, the first projected",)
    assert said(nn.Sequential(Block("none"), Block("sum")), IMAGE) == ("1 skip",)


class Dense(nn.Module):
    """Each layer reads the input and what those before it made; ``missing`` leaves one out."""

    def __init__(self, layers: int, *, missing: bool = False) -> None:
        super().__init__()
        widths = [8 + 4 * n - 4 * (missing and n == 2) for n in range(layers)]
        self.layers = nn.ModuleList(nn.Conv2d(width, 4, 3, padding=1) for width in widths)
        self.missing = missing

    def forward(self, x: Tensor) -> Tensor:
        made = [x]
        for n, layer in enumerate(self.layers):
            given = [made[0], *made[2:]] if self.missing and n == 2 else made
            made.append(F.relu(layer(torch.cat(given, 1))))
        return torch.cat(made, 1)


class Growing(Dense):
    """The same, joined step by step: ``x = cat([x, layer(x)])``."""

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.cat([x, F.relu(layer(x))], 1)
        return x


def test_a_dense_block() -> None:
    assert said(Dense(3), IMAGE) == ("each joined to all before",)
    assert said(Growing(4), IMAGE) == ("each joined to all before",)
    assert said(Dense(2), IMAGE) != ("each joined to all before",)  # two say nothing of all
    assert said(Dense(3, missing=True), IMAGE) != ("each joined to all before",)
    assert said(nn.Sequential(Dense(3), nn.Conv2d(20, 8, 1), Growing(3)), IMAGE) == (
        "2 dense blocks",
    )


class Written(nn.Module):
    """An attention written out, or by torch's function; with windows of 2×2, which may be moved."""

    def __init__(self, how: str, heads: int = 3, window: int = 0, shift: int = 0) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(12, 36), nn.Linear(12, 12)
        self.how, self.heads, self.window, self.shift = how, heads, window, shift

    def forward(self, x: Tensor) -> Tensor:
        n, w = x.shape[0], self.window
        if w:
            x = x.view(n, 4, 4, 12)
            if self.shift:
                x = torch.roll(x, (-self.shift, -self.shift), (1, 2))
            x = x.view(n, 4 // w, w, 4 // w, w, 12).transpose(2, 3).reshape(-1, w * w, 12)
        parts = self.qkv(x).unflatten(-1, (3, self.heads, 12 // self.heads))
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        if self.how == "function":
            y = F.scaled_dot_product_attention(q, k, v)
        elif self.how == "einsum":
            weights = torch.einsum("bhid,bhjd->bhij", q * 0.5, k).softmax(-1)
            y = torch.einsum("bhij,bhjd->bhid", weights, v)
        else:
            y = (q @ k.transpose(-2, -1) * 0.5).softmax(-1) @ v
        return self.out(y.transpose(1, 2).flatten(2))


@pytest.mark.parametrize("how", ["function", "product", "einsum"])
def test_heads_and_windows(how: str) -> None:
    assert said(Written(how), TOKENS) == ("3 heads of 4",)
    assert said(Written(how, 2, window=2), TOKENS) == ("2 heads of 6", "windows 2×2")
    moved = said(Written(how, 2, window=2, shift=1), TOKENS)
    assert moved == ("2 heads of 6", "windows 2×2 shifted by 1")
    # One window is all that there is: torch splits no axis, and nothing is said.
    assert said(Written(how, 2, window=4), TOKENS) == ("2 heads of 6",)


def test_a_softmax_over_classes_is_no_attention() -> None:
    assert said(nn.Sequential(nn.Linear(12, 5), nn.Softmax(-1)), TOKENS) == ()


class Axial(nn.Module):
    """Attention along the rows of a picture, without heads: its third axis from the end is none."""

    def forward(self, x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(x, x, x)


def test_an_axis_that_was_never_split_is_no_head() -> None:
    assert said(nn.Sequential(Axial(), Axial()), (1, 5, 6, 12)) == ()


class Shared(nn.Module):
    """Four heads of queries, two of keys and values."""

    def __init__(self, *, repeated: bool) -> None:
        super().__init__()
        self.q, self.kv, self.repeated = nn.Linear(12, 12), nn.Linear(12, 12), repeated

    def forward(self, x: Tensor) -> Tensor:
        q = self.q(x).unflatten(-1, (4, 3)).transpose(1, 2)
        k, v = self.kv(x).unflatten(-1, (2, 2, 3)).permute(2, 0, 3, 1, 4).unbind(0)
        if self.repeated:
            k, v = (
                one[:, :, None].expand(-1, -1, 2, -1, -1).reshape(1, 4, 16, 3) for one in (k, v)
            )
        return F.scaled_dot_product_attention(q, k, v, enable_gqa=not self.repeated)


@pytest.mark.parametrize("repeated", [True, False])
def test_heads_that_share_their_keys(repeated: bool) -> None:
    words = said(nn.Sequential(Shared(repeated=repeated), nn.Identity()), TOKENS)
    assert words == ("4 heads of 3, 2 for keys and values",)


class Encoder(nn.Module):
    """Two levels and what is below them."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.ModuleList(nn.Conv2d(8, 8, 3, 2, 1) for _ in range(3))

    def forward(self, x: Tensor) -> list[Tensor]:
        made: list[Tensor] = []
        for level in self.levels:
            x = F.relu(level(x))
            made.append(x)
        return made


class Decoder(nn.Module):
    """Back up, with what the encoder kept."""

    def __init__(self) -> None:
        super().__init__()
        self.ups = nn.ModuleList(nn.ConvTranspose2d(width, 8, 2, 2) for width in (8, 16))

    def forward(self, kept: Sequence[Tensor]) -> Tensor:
        *others, x = kept
        for up, other in zip(self.ups, reversed(others), strict=True):
            x = torch.cat([up(x), other], 1)
        return x


class Both(nn.Module):
    """An encoder and a decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


def test_skips_of_an_encoder() -> None:
    report = report_of(Both(), IMAGE)
    view = make_view(build_flow(report.trace), depth=1)
    captions = Captions(view, report, frozenset())
    boxes = {box.title: box.lines for box in map(captions.box, view.graph.boxes)}
    assert boxes["encoder"] == ("Encoder, 3 × Conv2d, 2 skips leave",)
    assert boxes["decoder"] == ("Decoder, 2 × ConvTranspose2d, 2 skips enter",)
    assert said(UNet(), (1, 3, 16, 16)) == ("2 skips",)


def test_one_result_that_many_read_is_no_skip_that_leaves() -> None:
    assert said(Both(), IMAGE) == ("2 skips",)
    net = nn.Sequential(nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU()), Residual(), Residual())
    assert build_flow(report_of(net, (1, 3, 8, 8)).trace).inner_words.of(1) == ()


class Merging(nn.Module):
    """Slices of a picture, joined along its channels, and a layer."""

    def __init__(self, step: int = 2, *, starts: Sequence[tuple[int, int]] = ()) -> None:
        super().__init__()
        self.step = step
        self.starts = starts or [(i, j) for i in range(step) for j in range(step)]
        self.reduce = nn.Linear(12 * len(self.starts), 6)

    def forward(self, x: Tensor) -> Tensor:
        parts = [x[:, i :: self.step, j :: self.step] for i, j in self.starts]
        return self.reduce(torch.cat(parts, -1))


def test_space_that_becomes_depth() -> None:
    picture = (1, 12, 12, 12)
    assert said(Merging(), picture) == ("every second row and column, 4 parts",)
    assert said(Merging(3), picture) == ("every third row and column, 9 parts",)
    assert said(Merging(starts=[(0, 0), (0, 1), (1, 0)]), picture) == ()
    assert said(Merging(starts=[(0, 0), (0, 1), (1, 0), (1, 0)]), picture) == ()


def test_it_opens_only_with_everything() -> None:
    report = report_of(nn.Sequential(Merging(), nn.Linear(6, 2)), (1, 12, 12, 12))
    closed = draw_report(report).source
    opened = draw_report(report, DrawOptions(expand=True)).source
    assert "Merging, 1 linear" in closed
    assert "::2" not in closed
    assert "Merging, 1 linear" not in opened
    assert opened.count("::2") >= 4
