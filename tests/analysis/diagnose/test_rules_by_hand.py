"""What a rule says and proposes first, for one failing call each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import cnnshape
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.proposals.inputs import as_first_taken
from cnnshape.analysis.diagnose.rules.attention import _as_padding
from cnnshape.analysis.diagnose.rules.convolution import _of_other
from cnnshape.analysis.diagnose.rules.resampling import interpolate
from cnnshape.analysis.diagnose.rules.reshaping import expand
from cnnshape.tracing.execute import Inputs, record


class Call(nn.Module):
    def __init__(self, function: Callable[..., torch.Tensor], *layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList(layers)

    def forward(self, *args: torch.Tensor) -> torch.Tensor:
        return self.function(*self.layers, *args)


def without_source(file: str = "<string>") -> nn.Module:
    """A model whose class stands in no file and in no module."""
    names: dict[str, type[nn.Module]] = {}
    code = (
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)\n"
        "    def forward(self, x, mask):\n"
        "        return self.attend(x, x, x, attn_mask=mask)[0]\n"
    )
    exec(compile(code, file, "exec"), names)
    return names["Net"]()


CONV = nn.Conv2d(3, 8, 3)
CASES = [
    # a dimension of size 1 too many, wherever it stands; frames of a video
    (CONV, [(1, 5, 3, 8, 8)], "conv.rank", ["input.squeeze(0)"]),
    (CONV, [(5, 1, 3, 8, 8)], "conv.rank", ["input.squeeze(1)"]),
    (CONV, [(2, 5, 3, 8, 8)], "conv.rank", ["input.flatten(0, 1)"]),
    # an order for more dimensions: what is left of it, where that is an order and turns something
    (Call(lambda x: x.permute(3, 1, 0, 2)), [(2, 3, 4)], "permute.rank",
     ["input 1.unsqueeze(0)", "x.permute(1, 0, 2)"]),
    (Call(lambda x: x.permute(3, 0, 1, 2)), [(2, 3, 4)], "permute.rank", ["input 1.unsqueeze(0)"]),
    # a mask per example, where no source says how it is handed over
    (without_source(), [(3, 5, 8), (3, 5)], "mha.mask", []),
    # a mask that was computed from an input, without a place for the class token
    (Call(lambda attend, x, m: attend(x, x, x, key_padding_mask=m > 0)[0],
          nn.MultiheadAttention(8, 2, batch_first=True)), [(3, 5, 8), (3, 4)], "mha.mask",
     ["F.pad(input 2, (1, 0))"]),
    # rows for a picture
    (Call(lambda x: F.interpolate(x, scale_factor=2, mode="bicubic")), [(2, 3, 8)],
     "interpolate.mode", ["input 1.unsqueeze(0)"]),
    # pictures of two sizes, one on the other
    (Call(lambda x, y: torch.stack([x, y])), [(2, 3, 8, 8), (2, 3, 4, 4)], "stack.sizes",
     ["torch.stack([x, F.interpolate(y, size=(8, 8))])"]),
    # a window of a layer whose function does not say over how many axes it works
    (nn.Unfold(5), [(2, 3, 3, 3)], "operation.arguments", []),
    # probabilities have the scores' own shape
    (nn.CrossEntropyLoss(), [(4, 10), (4, 12)], "loss.target_shape", []),
    # a tensor of no numbers has no size that others could make up for
    (Call(lambda fc, x: fc(x)[:, :0].view(2, 5), nn.Linear(4, 3)), [(2, 4)], "view.size", None),
]  # fmt: skip


@pytest.mark.parametrize(("model", "shapes", "kind", "texts"), CASES)
def test_kind_and_corrections(
    model: nn.Module, shapes: list[tuple[int, ...]], kind: str, texts: list[str] | None
) -> None:
    error = cnnshape.inspect(model, tuple(map(torch.zeros, shapes))).error
    assert error is not None
    assert error.kind == kind
    assert texts is None or [suggestion.text for suggestion in error.suggestions] == texts


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        return self.fc(x)


def test_an_unknown_argument_is_one_of_the_call_inside() -> None:
    error = cnnshape.inspect(Call(lambda inner, x: inner(x, flag=True), Inner()), (2, 8)).error
    assert error is not None
    (change,) = error.suggestions
    assert (change.action, change.text) == ("change_call", "the call without flag=…")


def test_an_argument_that_is_missing_beside_a_named_one() -> None:
    error = cnnshape.inspect(Call(lambda inner, x: inner(mask=x), Inner()), (2, 8)).error
    assert error is not None
    assert "needs x, but" in (error.diagnosis or "")
    assert "is called with 1 argument" in (error.diagnosis or "")


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((1, 5, 3, 8, 8), "{x}.squeeze(0)"),
        ((5, 1, 3, 8, 8), "{x}.squeeze(1)"),
        ((2, 5, 3, 8, 8), "{x}.flatten(0, 1)"),
    ],
)
def test_five_dimensions_for_a_convolution_of_pictures(shape: tuple[int, ...], text: str) -> None:
    found = _of_other(shape, 2, 3)
    assert found is not None
    assert found[0] == text


@pytest.mark.parametrize(
    ("shape", "texts"),
    [((3, 8, 8), ["input 1.unsqueeze(0)"]), ((2, 8), []), ((2, 3, 8, 8, 8), [])],
)
def test_a_dimension_of_one_is_proposed_where_one_is_missing(
    shape: tuple[int, ...], texts: list[str]
) -> None:
    """Bicubic takes four: what the rule says before anything is tried."""
    enlarge = Call(lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"))
    found = interpolate(Failing.of(record(enlarge, Inputs((torch.zeros(shape),))).trace))
    assert found is not None
    texts_of_inputs = [at.text for at in found.suggestions if at.text.startswith("input")]
    assert texts_of_inputs == texts


@pytest.mark.parametrize(
    ("call", "shape", "texts"),
    [
        (Call(lambda x: x.expand(5, 4)), (1, 3), ["x.expand(5, -1)"]),
        (Call(lambda x: x.expand(4)), (3,), []),  # expand(-1) would expand nothing
    ],
)
def test_what_can_be_expanded_is(call: nn.Module, shape: tuple[int, ...], texts: list[str]) -> None:
    found = expand(Failing.of(record(call, Inputs((torch.zeros(shape),))).trace))
    assert found is not None
    assert [at.text for at in found.suggestions] == texts


@pytest.mark.parametrize("file", ["<string>", "/a/file/that/is/gone.py"])
def test_a_call_without_source_is_not_rewritten(file: str) -> None:
    given = Inputs((torch.zeros(3, 5, 8), torch.zeros(3, 5)))
    failing = Failing.of(record(without_source(file), given).trace)
    assert _as_padding(failing) is None


@pytest.mark.parametrize(
    ("shape", "texts"),
    [
        ((3, 8, 8), ["input.unsqueeze(0)"]),
        ((2, 1, 3, 8, 8), ["input.squeeze(1)"]),
        ((1, 2, 3, 8, 8), ["input.squeeze(0)"]),
        ((2, 8, 8, 3), ["input.permute(0, 3, 1, 2)"]),
        ((2, 8, 8, 4), []),
    ],
)
def test_a_first_convolution_says_what_the_input_lacks(
    shape: tuple[int, ...], texts: list[str]
) -> None:
    """What as_first_taken proposes by itself: its pictures are 3×H×W, with a batch in front."""
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(288, 10))
    trace = record(net, Inputs((torch.zeros(shape),))).trace
    assert [found.text for found in as_first_taken(Failing.of(trace))] == texts


class Borrowing(nn.Module):
    def __init__(self, other: nn.Conv2d) -> None:
        super().__init__()
        self.others = [other]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, self.others[0].weight)


def test_a_function_with_the_weight_of_a_layer_elsewhere_is_no_layer() -> None:
    conv = nn.Conv2d(3, 8, 3)
    model = nn.ModuleDict({"a": conv, "b": Borrowing(conv)})
    error = cnnshape.inspect(Call(lambda inner, x: inner["b"](x), model), (1, 4, 8, 8)).error
    assert error is not None
    assert error.diagnosis == "conv2d in layers.0.b expects 3 channels, but 4 arrive"


def test_of_three_the_one_that_differs_is_named() -> None:
    join = Call(lambda x, y, z: torch.cat([x, y, z], 1))
    error = cnnshape.inspect(join, (torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(4, 3))).error
    assert error is not None
    assert "x 2×3 and z 4×3 differ in dimension 0" in (error.diagnosis or "")


class Misspelt(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.relu() + x.meen()


class Shortcut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x) + x


@pytest.mark.parametrize(
    ("model", "kind", "text"),
    [
        (Misspelt(), "change_source", "x.mean"),
        (Shortcut(), "change_source", "self.shortcut = nn.Conv2d(3, 8, 1)"),
    ],
)
def test_what_kind_of_change_it_is(model: nn.Module, kind: str, text: str) -> None:
    """A name and a shortcut change the source, by the contract."""
    error = cnnshape.inspect(model, (2, 3, 9, 9)).error
    assert error is not None
    assert [change.action for change in error.suggestions if text in change.text] == [kind]
