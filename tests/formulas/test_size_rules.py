"""Sizes and conditions against numbers worked out by hand or taken from papers."""

from __future__ import annotations

import pytest

from cnnshape import formulas
from cnnshape.errors import ImpossibleSizeError, UsageError
from cnnshape.formulas.roles import example, named_rule
from cnnshape.formulas.whole_shapes import derive_glu

#: kind, input shape, arguments, output shape: worked out by hand.
BY_HAND = [
    # LeNet on 28×28 (LeCun et al. 1998, with padding 2 in place of 32×32)
    ("conv", (1, 1, 28, 28), {"kernel_size": 5, "padding": 2, "out_channels": 6}, (1, 6, 28, 28)),
    ("max_pool", (1, 6, 28, 28), {"kernel_size": 2}, (1, 6, 14, 14)),
    ("conv", (1, 6, 14, 14), {"kernel_size": 5, "out_channels": 16}, (1, 16, 10, 10)),
    ("conv", (1, 16, 5, 5), {"kernel_size": 5, "out_channels": 120}, (1, 120, 1, 1)),
    ("flatten", (1, 16, 5, 5), {}, (1, 400)),
    ("linear", (1, 400), {"in_features": 400, "out_features": 120}, (1, 120)),
    # AlexNet's first layers: 224 → 55 → 27
    ("conv", (3, 224, 224), {"kernel_size": 11, "stride": 4, "padding": 2, "dims": 2}, (3, 55, 55)),
    ("max_pool", (64, 55, 55), {"kernel_size": (3, 3), "stride": 2}, (64, 27, 27)),
    # ResNet's stem: 224 → 112 → 56
    ("conv", (2, 3, 224, 224), {"kernel_size": 7, "stride": 2, "padding": 3}, (2, 3, 112, 112)),
    ("max_pool", (2, 8, 112, 112), {"kernel_size": 3, "stride": 2, "padding": 1}, (2, 8, 56, 56)),
    # asymmetric, dilated, one and three axes
    ("conv", (1, 1, 10, 20), {"kernel_size": (3, 5), "stride": (1, 2)}, (1, 1, 8, 8)),
    ("conv", (1, 1, 10), {"kernel_size": 3, "dilation": 4}, (1, 1, 2)),
    ("conv", (2, 0, 5, 5), {"kernel_size": 3, "out_channels": 8}, (2, 0, 3, 3)),  # as torch does
    ("conv", (1, 4, 9, 9, 9), {"kernel_size": 3, "groups": 2, "dims": 3}, (1, 4, 7, 7, 7)),
    ("conv", (1, 1, 7, 7), {"kernel_size": 4, "padding": "same"}, (1, 1, 7, 7)),
    (
        "conv",
        (1, 1, 3, 3),
        {"kernel_size": 4, "padding": "same", "padding_mode": "reflect"},
        (1, 1, 3, 3),
    ),
    ("conv", (1, 1, 7, 7), {"kernel_size": 4, "padding": "valid"}, (1, 1, 4, 4)),
    # DCGAN: 4 → 8 → 16
    ("conv_transpose", (1, 8, 4, 4), {"kernel_size": 4, "stride": 2, "padding": 1}, (1, 8, 8, 8)),
    (
        "conv_transpose",
        (1, 1, 14, 14),
        {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1},
        (1, 1, 28, 28),
    ),
    (
        "conv_transpose",
        (1, 1, 14, 14),
        {"kernel_size": 3, "stride": 2, "padding": 1, "output_size": (28, 27)},
        (1, 1, 28, 27),
    ),
    # ceil_mode, with and without the last window being cut off
    ("max_pool", (1, 1, 7, 7), {"kernel_size": 2, "ceil_mode": True}, (1, 1, 4, 4)),
    (
        "max_pool",
        (1, 1, 3),
        {"kernel_size": 2, "stride": 3, "ceil_mode": True, "dims": 1},
        (1, 1, 1),
    ),
    ("avg_pool", (1, 1, 7, 7), {"kernel_size": 3, "stride": 2, "padding": 1}, (1, 1, 4, 4)),
    ("lp_pool", (1, 1, 9, 9), {"kernel_size": 3}, (1, 1, 3, 3)),
    ("adaptive_pool", (1, 512, 13, 9), {"output_size": (7, None)}, (1, 512, 7, 9)),
    ("fractional_pool", (1, 1, 10, 10), {"kernel_size": 2, "output_ratio": 0.75}, (1, 1, 7, 7)),
    ("max_unpool", (1, 1, 5, 5), {"kernel_size": 2}, (1, 1, 10, 10)),
    ("unfold", (1, 3, 10, 12), {"kernel_size": (4, 5)}, (1, 60, 56)),
    ("fold", (1, 60, 56), {"output_size": (10, 12), "kernel_size": (4, 5)}, (1, 3, 10, 12)),
    ("upsample", (1, 1, 5, 7), {"scale_factor": 1.5}, (1, 1, 7, 10)),
    ("upsample", (1, 1, 5, 7), {"size": (3, 20), "mode": "bilinear"}, (1, 1, 3, 20)),
    ("pixel_shuffle", (1, 9, 4, 4), {"upscale_factor": 3}, (1, 1, 12, 12)),
    ("pixel_unshuffle", (1, 1, 12, 12), {"downscale_factor": 3}, (1, 9, 4, 4)),
    ("pad", (1, 1, 4, 4), {"padding": (1, 2, 3, -1)}, (1, 1, 6, 7)),
    ("pad", (1, 1, 4, 4), {"padding": 2, "mode": "reflect"}, (1, 1, 8, 8)),
    ("unflatten", (2, 400), {"dim": 1, "unflattened_size": (16, 5, -1)}, (2, 16, 5, 5)),
    ("bilinear", (2, 20), {"input2_shape": (2, 30), "out_features": 40}, (2, 40)),
    ("embedding", (2, 10), {"embedding_dim": 64}, (2, 10, 64)),
    ("channel_shuffle", (1, 8, 4, 4), {"groups": 2}, (1, 8, 4, 4)),
    ("glu", (2, 128), {}, (2, 64)),
]


@pytest.mark.parametrize(("kind", "shape", "arguments", "output"), BY_HAND)
def test_size_by_hand(kind, shape, arguments, output):
    assert formulas.derive(kind, shape, **arguments).output == output


def test_every_kind_is_worked_out_by_hand():
    assert {kind for kind, *_ in BY_HAND} == set(formulas.KINDS)


@pytest.mark.parametrize(
    ("kind", "shape", "arguments", "words"),
    [
        (
            "conv",
            (1, 1, 0, 4),
            {"kernel_size": 3, "padding": "same", "out_channels": 1},
            "the input must be at least 1, not 0",
        ),
        ("conv", (1, 1, 5, 5), {"kernel_size": 7}, "kernel 7 does not fit into 5 + 2·0"),
        ("conv", (1, 1, 5, 9), {"kernel_size": 7}, "does not fit into 5 + 2·0 along the height"),
        (
            "conv",
            (1, 1, 5, 5),
            {"kernel_size": 3, "dilation": 4},
            "kernel 3 with dilation 4 spans 9 and does not fit into 5 + 2·0",
        ),
        ("conv", (1, 1, 5, 5), {"kernel_size": 3, "stride": 0}, "stride must be at least 1, not 0"),
        ("conv", (1, 1, 5, 5), {"kernel_size": 3, "padding": -1}, "padding must be at least 0"),
        ("conv", (1, 3, 5, 5), {"kernel_size": 3, "groups": 2}, "3 input channels cannot be split"),
        ("conv", (1, 3, 5, 5), {"kernel_size": 3, "in_channels": 4}, "expects 4 channels, but 3"),
        (
            "conv",
            (1, 1, 5, 5),
            {"kernel_size": 3, "padding": "same", "stride": 2},
            "needs stride 1",
        ),
        (
            "conv",
            (1, 1, 2, 2),
            {"kernel_size": 3, "padding": 2, "padding_mode": "reflect"},
            "a reflected padding of 2 does not fit into 2",
        ),
        (  # one before, two after
            "conv",
            (1, 1, 2, 2),
            {"kernel_size": 4, "padding": "same", "padding_mode": "reflect"},
            "a reflected padding of 2 does not fit into 2",
        ),
        ("conv", (5, 5), {"kernel_size": 3, "dims": 2}, "takes an input of 3 or 4 axes"),
        (
            "conv_transpose",
            (1, 1, 4, 4),
            {"kernel_size": 3, "output_padding": 1},
            "output_padding 1 must be smaller than stride 1 or dilation 1",
        ),
        (
            "conv_transpose",
            (1, 1, 4, 4),
            {"kernel_size": 3, "stride": 2, "output_size": (20, 20)},
            "output_size 20 cannot be reached: this layer gives 9 to 10",
        ),
        ("max_pool", (1, 4, 4), {"kernel_size": 3, "padding": 2}, "more than half of kernel 3"),
        (
            "max_pool",
            (1, 1, 1),
            {"kernel_size": 2, "dims": 2},
            "kernel 2 does not fit into 1 + 2·0",
        ),
        (
            "avg_pool",
            (1, 2, 9, 9),
            {"kernel_size": 3, "padding": 1, "dims": 3},
            "does not fit into 2",
        ),
        ("fold", (1, 61, 56), {"output_size": (10, 12), "kernel_size": (4, 5)}, "61 values"),
        (
            "fold",
            (1, 60, 55),
            {"output_size": (10, 12), "kernel_size": (4, 5)},
            "7×8 = 56 positions",
        ),
        ("pixel_shuffle", (1, 8, 4, 4), {"upscale_factor": 3}, "8 channels are no multiple"),
        ("pad", (1, 1, 4), {"padding": (5, 0), "mode": "circular"}, "wraps around more than once"),
        ("pad", (1, 1, 4), {"padding": (-3, -2)}, "more is cut away than there is: 4 − 3 − 2"),
        (
            "linear",
            (1, 256),
            {"in_features": 400, "out_features": 9},
            "expects 400 features, but 256",
        ),
        ("unflatten", (2, 10), {"dim": 1, "unflattened_size": (3, -1)}, "10 cannot be split"),
        ("upsample", (1, 1, 2), {"scale_factor": 0.3}, "leaves nothing"),
        (
            "upsample",
            (1, 1, 2, 2),
            {"size": 4, "mode": "linear"},
            "linear does not interpolate 2 axes",
        ),
        ("glu", (3,), {}, "3 is odd"),
    ],
)
def test_broken_condition_in_words(kind, shape, arguments, words):
    with pytest.raises(ImpossibleSizeError) as error:
        formulas.derive(kind, shape, **arguments)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("convulution", {}, "did you mean convolution"),
        ("shape", {}, "known are conv, conv_transpose, max_pool"),
        ("conv", {}, "kernel_size"),
        ("conv", {"kernel_size": 3, "colour": 1}, "colour"),
        ("conv", {"kernel_size": 2.5}, "kernel_size must be an integer"),
        ("conv", {"kernel_size": 3, "padding": "full"}, "'same' or 'valid'"),
    ],
)
def test_misuse_in_words(kind, arguments, words):
    with pytest.raises(UsageError) as error:
        formulas.derive(kind, (1, 1, 9, 9), **arguments)
    assert words in str(error.value)


def test_substitutions_of_equal_axes_are_given_once():
    square = formulas.derive("conv", (1, 1, 28, 28), kernel_size=5, padding=2)
    assert square.formula == "⌊(H + 2P − D(K − 1) − 1)/S⌋ + 1"
    assert square.substitution == "⌊(28 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1 = 28"
    oblong = formulas.derive("avg_pool", (1, 1, 8, 9), kernel_size=2)
    assert oblong.substitution == "⌊(8 + 2·0 − 2)/2⌋ + 1 = 4; ⌊(9 + 2·0 − 2)/2⌋ + 1 = 4"
    assert [axis.axis for axis in oblong.axes] == ["height", "width"]


@pytest.mark.parametrize(
    ("kind", "shape", "arguments", "formula", "substitution"),
    [
        ("linear", (1, 400), {"out_features": 120}, None, "in_features = 400 → out_features = 120"),
        ("flatten", (1, 16, 5, 5), {}, "C·H·W", "16·5·5 = 400"),
        (
            "conv_transpose",
            (1, 1, 4, 4),
            {"kernel_size": 4, "stride": 2, "padding": 1},
            "(H − 1)S − 2P + D(K − 1) + A + 1",
            "(4 − 1)·2 − 2·1 + 1·(4 − 1) + 0 + 1 = 8",
        ),
        ("pad", (1, 1, 4), {"padding": (-1, 2)}, "H + L + R", "4 + (−1) + 2 = 5"),
        ("upsample", (1, 1, 7), {"scale_factor": 2.5}, "⌊H·F⌋", "⌊7·2.5⌋ = 17"),
        ("adaptive_pool", (1, 1, 9), {"output_size": 4, "dims": 1}, "O", "4"),
    ],
)
def test_formula_and_substitution(kind, shape, arguments, formula, substitution):
    derived = formulas.derive(kind, shape, **arguments)
    assert derived.substitution == substitution
    assert formula is None or derived.formula == formula


class Affine:
    """A symbolic size a·H + b under one floor, enough to follow a rule by hand."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __add__(self, other):
        return Affine(f"({self.text} + {other})")

    __radd__ = __add__

    def __sub__(self, other):
        return Affine(f"({self.text} - {other})")

    def __mul__(self, other):
        return Affine(f"({self.text} * {other})")

    __rmul__ = __mul__

    def __floordiv__(self, other):
        return Affine(f"({self.text} // {other})")

    def minimum(self, other):
        return Affine(f"min({self.text}, {getattr(other, 'text', other)})")

    def maximum(self, other):
        return Affine(f"max({self.text}, {getattr(other, 'text', other)})")


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("conv", {"kernel_size": 5, "padding": 2, "stride": 2, "dilation": 3}),
        ("conv", {"kernel_size": 4, "padding": "same"}),
        ("conv_transpose", {"kernel_size": 3, "stride": 2, "output_padding": 1}),
        ("max_pool", {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
        ("avg_pool", {"kernel_size": 2}),
        ("lp_pool", {"kernel_size": 2, "ceil_mode": True}),
        ("upsample", {"scale_factor": 2.0}),
        ("upsample", {"scale_factor": 0.5}),
        ("upsample", {"scale_factor": 1.5}),
        ("pixel_shuffle", {"upscale_factor": 3}),
        ("pad", {"before": 2, "after": -1}),
    ],
)
def test_symbolic_sizes_follow_the_numbers(kind, arguments):
    symbolic = formulas.axis_size(kind, Affine("H"), **arguments)
    for size in range(16, 40):
        expected = formulas.axis_size(kind, size, **arguments)
        assert eval(symbolic.text, {"H": size, "min": min, "max": max}) == expected


def test_the_unshuffle_of_a_symbol_divides():
    assert formulas.axis_size("pixel_unshuffle", Affine("H"), downscale_factor=2).text == "(H // 2)"


def test_a_transposed_convolution_to_nothing():
    """Several rows of float32 come out as size 0, unless more is added than a stride leaves."""
    taken = {"kernel_size": 1, "padding": 2, "stride": 2, "output_padding": 1}
    derived = formulas.derive("conv_transpose", (2, 1, 2), dims=1, out_channels=1, **taken)
    assert derived.output == (2, 1, 0)  # (2 − 1)·2 − 2·2 + 1 + 1
    refused = {"kernel_size": 2, "padding": 2, "dilation": 2, "output_padding": 1}
    with pytest.raises(ImpossibleSizeError, match="the output would be 0"):  # −4 + 2 + 1 + 1
        formulas.derive("conv_transpose", (2, 1, 1), dims=1, out_channels=1, **refused)


def test_the_axis_that_a_gate_halves():
    (axis,) = derive_glu((2, 128)).axes
    assert (axis.input, axis.output) == (128, 64)


def test_the_example_in_a_message_has_what_the_kind_needs():
    assert example(named_rule("upsample")) == "cnnshape formula upsample --input 28 --factor 2"
    assert example(named_rule("pad")).endswith("--padding 1")
