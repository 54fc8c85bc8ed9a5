"""Single messages, the numbers worked out by hand; and the wordings that docs/errors lists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cnnshape.analysis.diagnose.diagnosis import KINDS
from cnnshape.analysis.messages.explain_text import ROWS, explain_text

DOCS = Path(__file__).parents[3] / "docs" / "errors"


def said(text: str) -> tuple[str | None, str | None, list[str]]:
    found = explain_text(text)
    assert found is not None
    return found.kind, found.diagnosis, [suggestion.text for suggestion in found.suggestions]


@pytest.mark.parametrize(
    ("message", "kind", "sentence", "fixes"),
    [
        (
            "mat1 and mat2 shapes cannot be multiplied (2x7200 and 100x10)",
            "linear.in_features",
            "a Linear expects 100 features, but 7200 arrive",
            ["nn.Linear(in_features=7200, out_features=10)"],
        ),
        (
            # 6·784 = 4704: LeNet's first maps of one picture
            "mat1 and mat2 shapes cannot be multiplied (6x784 and 4704x10)",
            "input.missing_batch",
            (
                "a Linear expects 4704 features, but 784 arrive: 6·784 = 4704, so one picture may "
                "have "
                "come without its batch, and its first dimension was taken for it"
            ),
            ["x.unsqueeze(0), for one picture", "nn.Linear(in_features=784, out_features=10)"],
        ),
        (
            # 16 channels of 10×10: two pictures are 2·16·10 rows of 10, and not of 16·10·10
            "mat1 and mat2 shapes cannot be multiplied (320x10 and 1600x5)",
            "linear.missing_flatten",
            (
                "a Linear expects 1600 features, but 10 arrive in 320 rows: as many as rows of "
                "pictures "
                "that are not flattened"
            ),
            ["torch.flatten(x, 1)"],
        ),
        (
            "size mismatch, m1: [2 x 7], m2: [9 x 4]",
            "linear.in_features",
            "a Linear expects 9 features, but 7 arrive",
            ["nn.Linear(in_features=7, out_features=4)"],
        ),
        (
            (
                "Given groups=1, weight of size [16, 3, 5, 7], expected input[2, 1, 32, 32] to "
                "have 3 "
                "channels, but got 1 channels instead"
            ),
            "conv.in_channels",
            "a convolution expects 3 channels, but 1 arrives",
            ["nn.Conv2d(1, 16, kernel_size=(5, 7), …)"],
        ),
        (
            (
                "Given groups=1, weight of size [16, 3, 3, 3], expected input[1, 224, 224, 3] to "
                "have 3 "
                "channels, but got 224 channels instead"
            ),
            "input.channels_last",
            (
                "a convolution expects 3 channels, but 224 arrive: 1×224×224×3 has its 3 in the "
                "last "
                "dimension, and PyTorch wants them second"
            ),
            ["x.permute(0, 3, 1, 2)"],
        ),
        (
            (
                "Given transposed=1, weight of size [4, 2, 2, 2], expected input[1, 8, 7, 7] to "
                "have 4 "
                "channels, but got 8 channels instead"
            ),
            "conv.in_channels",
            "a transposed convolution expects 4 channels, but 8 arrive",
            ["nn.ConvTranspose2d(8, 2, kernel_size=2, …)"],
        ),
        (
            "shape '[-1, 400]' is invalid for input of size 2704",
            "view.size",
            "a tensor of 2704 numbers cannot become ?×400: 2704 is not divisible by 400",
            [],
        ),
        (
            (
                "Given normalized_shape=[64], expected input with shape [*, 64], but got input of "
                "size[2, 5, 32]"
            ),
            "layer_norm.normalized_shape",
            "a LayerNorm normalises 64 in the last dimension, but 32 arrive (of 2×5×32)",
            ["normalized_shape=32 instead of 64"],
        ),
        (
            (
                "Given normalized_shape=[32], expected input with shape [*, 32], but got input of "
                "size[2, 32, 7, 7]"
            ),
            "layer_norm.normalized_shape",
            (
                "a LayerNorm normalises 32 in the last dimension, but 7 arrive (of 2×32×7×7): the "
                "32 are "
                "its dimension 1"
            ),
            [],
        ),
        (
            (
                "split_with_sizes expects split_sizes to sum exactly to 10 (input tensor's size at "
                "dimension 1), but got split_sizes=[4, 5]"
            ),
            "split.sizes",
            "split takes 4 + 5 = 9 of dimension 1, which has 10",
            [],
        ),
        (
            "Target size (torch.Size([4])) must be the same as input size (torch.Size([4, 1]))",
            "loss.shapes",
            "predictions 4×1 and targets 4 must have the same shape",
            ["target.view(4, 1)"],
        ),
        (
            "Target size (torch.Size([3])) must be the same as input size (torch.Size([4, 1]))",
            "loss.shapes",
            "predictions 4×1 and targets 3 must have the same shape",
            [],
        ),
        (
            (
                "Expected all tensors to be on the same device, but found at least two devices, "
                "cuda:0 "
                "and cpu!"
            ),
            "device.mismatch",
            "tensors on cuda:0 and on cpu meet: model and data must be on one device",
            ["x.to(next(model.parameters()).device)"],
        ),
        (
            (
                "Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor) should "
                "be the "
                "same"
            ),
            "device.mismatch",
            (
                "a layer has weights of torch.cuda.FloatTensor, but torch.FloatTensor arrives: "
                "model and "
                "data must be on one device"
            ),
            ["x.to(next(model.parameters()).device)"],
        ),
        (
            "Input type (unsigned char) and bias type (float) should be the same",
            "dtype.mismatch",
            "a layer has weights of float32, but uint8 arrives",
            ["x.float()"],
        ),
        (
            "'Tensor' object has no attribute 'veiw'. Did you mean: 'view'?",
            "attribute.misspelt",
            "a tensor has no 'veiw'",
            ["view"],
        ),
    ],
)
def test_message(message, kind, sentence, fixes):
    assert said(message) == (kind, sentence, fixes)
    assert said(f"RuntimeError: {message}") == (kind, sentence, fixes)


def test_rows_that_are_pictures_or_channels():
    """2·32·4 rows of 4 for 32 features: 2·4 maps of 2·4·4 numbers, or 32 channels not pooled."""
    kind, sentence, fixes = said("mat1 and mat2 shapes cannot be multiplied (256x4 and 32x3)")
    assert kind == "linear.in_features"
    assert sentence.endswith("neither flattened nor pooled")
    assert len(fixes) == 2


def test_rows_that_are_no_pictures():
    """16 channels of 10×10 would come in rows of 160, and 32 are none."""
    kind, _, fixes = said("mat1 and mat2 shapes cannot be multiplied (32x10 and 1600x5)")
    assert (kind, fixes) == ("linear.in_features", ["nn.Linear(in_features=10, out_features=5)"])


def test_a_function_has_no_arguments_of_a_layer():
    text = (
        'Traceback (most recent call last):\n  File "net.py", line 9, in forward\n'
        "    return F.linear(x, self.weight)\n"
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x7 and 9x4)\n"
    )
    assert said(text) == ("linear.in_features", "linear expects 9 features, but 7 arrive", [])


def test_a_depthwise_convolution_gets_no_half_correction():
    kind, _, fixes = said(
        "Given groups=16, weight of size [16, 1, 3, 3], expected input[1, 24, 8, 8] to have 16 "
        "channels, but got 24 channels instead"
    )
    assert (kind, fixes) == ("conv.in_channels", [])


def test_an_attribute_of_something_else_is_none_of_ours():
    found = explain_text("AttributeError: 'Request' object has no attribute 'user'")
    assert (found.kind, found.diagnosis, found.suggestions) == (None, None, ())
    assert found.exception == "AttributeError"


#: Wordings that stand on several pages, or are told apart only by the code around them.
ELSEWHERE = {
    "assign.sizes": {"expand.size"},
    "attention.length": {"linear.in_features", "matmul.sizes"},
    "attention.mask": {"expand.size", "broadcast"},
    "dtype.target": {"dtype.mismatch"},
    "group_norm.num_groups": {"group_norm.num_channels"},
    "input.missing_batch": {"batch_norm.rank"},
    "input.missing_channel": {"conv.in_channels"},
    "loss.target_range": {"index.out_of_range"},
    "embedding.index": {"index.out_of_range"},
    "matmul.batch": {"broadcast"},
    "matmul.sizes": {"linear.in_features", "broadcast"},
    "squeeze.batch": {"batch_norm.rank", "dim.out_of_range"},
    "view.batch": {"loss.batch", "broadcast", "matmul.batch"},
}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind in {row.kind for row in ROWS}])
def test_the_wordings_of_the_pages(kind):
    """No wording is taken for something that its page does not allow."""
    page = (DOCS / f"{kind}.md").read_text(encoding="utf-8")
    for wording in re.search(r"```text\n(.+?)```", page, re.DOTALL)[1].splitlines():
        found = explain_text(wording)
        if found is not None and found.kind is not None:
            assert found.kind in {kind} | ELSEWHERE.get(kind, set()), wording


def test_a_kernel_over_one_axis():
    """9 steps of 4 channels for a layer of 3: what its one size of a kernel is, goes on."""
    text = (
        "Given groups=1, weight of size [8, 3, 5], expected input[2, 4, 9] to have 3 channels, "
        "but got 4 channels instead"
    )
    _, sentence, fixes = said(text)
    assert sentence == "a convolution expects 3 channels, but 4 arrive"
    assert fixes == ["nn.Conv1d(4, 8, kernel_size=5, …)"]


def test_an_input_of_one_dimension():
    _, sentence, _ = said("non-empty 2D or 3D (batch mode) tensor expected for input")
    assert sentence == "a pooling layer takes 3 dimensions, or 2 without the batch"
    _, sentence, _ = said("Expected 2D or 3D (batch mode) tensor for input, but got: [7]")
    assert sentence == (
        "a pooling layer takes 3 dimensions, or 2 without the batch, but 1 dimension arrives: 7"
    )
