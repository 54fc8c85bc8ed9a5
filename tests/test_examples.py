"""Every number that the worked examples print, against hand-worked values or plain arithmetic."""

from __future__ import annotations

import math
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

EXAMPLES = Path(__file__).parents[1] / "examples"

Example = Callable[[str], list[str]]

PICTURE = [[3, 4, 6, 5, 7], [2, 4, 6, 8, 2], [1, 6, 7, 8, 4], [9, 7, 4, 6, 2], [3, 7, 5, 4, 1]]
KERNEL = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


@pytest.fixture
def example(capsys: pytest.CaptureFixture[str]) -> Iterator[Example]:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(1)

    def run(name: str) -> list[str]:
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out.splitlines()

    yield run
    torch.set_num_threads(threads)
    torch.set_rng_state(state)


def matrix(lines: list[str]) -> list[list[int]]:
    return [[int(number) for number in line.split()] for line in lines]


def convolved(padding: int, stride: int) -> list[list[int]]:
    """The definition, in plain Python."""
    size = 5 + 2 * padding
    padded = [[0] * size for _ in range(size)]
    for row in range(5):
        padded[row + padding][padding : padding + 5] = PICTURE[row]
    places = range(0, size - 2, stride)
    return [
        [
            sum(padded[y + i][x + j] * KERNEL[i][j] for i in range(3) for j in range(3))
            for x in places
        ]
        for y in places
    ]


def test_every_script_is_listed_and_tested() -> None:
    scripts = {file.stem for file in EXAMPLES.glob("*.py")}
    listed = set(re.findall(r"\]\((\w+)\.py\)", (EXAMPLES / "README.md").read_text()))
    tested = set(re.findall(r'example\("(\w+)"\)', Path(__file__).read_text(encoding="utf-8")))
    assert scripts == listed == tested


def test_convolve_5x5(example: Example) -> None:
    lines = example("convolve_5x5")
    assert lines[0] == "size: ⌊(5 + 2·1 − 1·(3 − 1) − 1)/1⌋ + 1 = 5"
    # 4·1 + 6·2 + 8·3 + 6·4 + 7·5 + 8·6 + 7·7 + 4·8 + 6·9
    assert lines[1] == "middle: 4 + 12 + 24 + 24 + 35 + 48 + 49 + 32 + 54 = 282"
    found = matrix(lines[2:])
    assert found == [
        [91, 168, 224, 215, 127],
        [114, 211, 295, 262, 149],
        [192, 259, 282, 214, 122],
        [194, 251, 253, 169, 86],
        [96, 112, 110, 68, 31],
    ]
    assert found == convolved(padding=1, stride=1)


def test_convolve_5x5_stride_2(example: Example) -> None:
    lines = example("convolve_5x5_stride_2")
    assert lines[0].endswith("= 2")
    assert matrix(lines[1:]) == [[211, 262], [251, 169]] == convolved(padding=0, stride=2)


def test_max_pool_4x4(example: Example) -> None:
    lines = example("max_pool_4x4")
    assert lines[0] == "size: ⌊(4 + 2·0 − 1·(2 − 1) − 1)/2⌋ + 1 = 2"
    assert matrix(lines[1:]) == [[4, 8], [9, 8]]


def test_keep_the_size(example: Example) -> None:
    assert example("keep_the_size") == [
        "kernel 1, padding 0: 28 → 28",
        "kernel 3, padding 1: 28 → 28",
        "kernel 5, padding 2: 28 → 28",
        "kernel 7, padding 3: 28 → 28",
        "kernel 4: no padding keeps 28",
        "kernel 4, padding 2: 28 → 29",
        "kernel 3, padding 1, stride 2: 28 → 14",
    ]


def test_size_formulas(example: Example) -> None:
    lines = example("size_formulas")
    assert lines[0] == "conv, W: conditional, round down; holds when dilation=1"
    assert lines[2] == "conv, H: conditional, round down; holds when dilation=1"
    assert lines[5] == "max_pool, W: conditional, round down; holds when dilation=1, padding=0"
    # The counterexamples hold up against the layers themselves.
    for line in (text for text in lines if text.startswith("  it gives")):
        numbers = {name: int(value) for name, value in re.findall(r"(\w+) (\d+)", line)}
        arguments = {name: numbers[name] for name in ("stride", "padding", "dilation")}
        kind = torch.nn.Conv1d(1, 1, numbers["kernel"], **arguments)
        if lines.index(line) > 4:
            kind = torch.nn.MaxPool1d(numbers["kernel"], **arguments)
        assert kind(torch.zeros(1, 1, numbers["input"])).shape[-1] == numbers["framework"]
        assert numbers["gives"] != numbers["framework"]


def test_convolve_100x100(example: Example) -> None:
    assert example("convolve_100x100") == [
        "input  (1, 5, 100, 100)",
        "output (1, 10, 98, 98)",
        "weight (10, 5, 3, 3)",
        "parameters 460 = 10·5·3·3 + 10",
        "multiply-accumulates 4,321,800 = 98·98·10·5·3·3",
    ]
    assert (10 * 5 * 3 * 3 + 10, 98 * 98 * 10 * 5 * 3 * 3) == (460, 4_321_800)


def test_convolve_a_picture(
    example: Example, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["convolve_a_picture.py", str(tmp_path / "a.png")])
    lines = example("convolve_a_picture")
    assert lines[0] == "before (3, 427, 640)"
    assert lines[1] == "after  (1, 425, 638) as the formula says: 425×638"
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_lenet_layer_by_layer(example: Example) -> None:
    rows = [line.split() for line in example("lenet_layer_by_layer")]
    assert [row[1] for row in rows] == [
        "1×1×28×28", "1×6×28×28", "1×6×28×28", "1×6×14×14", "1×16×10×10", "1×16×10×10",
        "1×16×5×5", "1×400", "1×120", "1×120", "1×84", "1×84", "1×10",
    ]  # fmt: skip
    assert {" ".join(row[2:]) for row in rows} == {"as predicted"}


def test_mlp_layer_by_layer(example: Example) -> None:
    assert example("mlp_layer_by_layer") == [
        "images  (3, 28, 28)",
        "flatten (3, 784)",
        "linear  (3, 20) smallest value below zero: True",
        "relu    (3, 20) smallest value: 0.0",
        "zeros where the input was negative: True",
        "softmax (3, 10)",
        "each row adds up to [1.0, 1.0, 1.0]",
    ]


def test_softmax_of_one_image(example: Example) -> None:
    lines = example("softmax_of_one_image")
    scores, parts = ([float(text) for text in line.split()[1:]] for line in lines[:2])
    exponentials = [math.exp(score) for score in scores]
    for part, value in zip(parts, exponentials, strict=True):
        assert part == pytest.approx(value / sum(exponentials), abs=2e-4)
    assert lines[2] == "they add up to 1.0"
    assert lines[3] == f"predicted class {parts.index(max(parts))}"
    assert lines[4].endswith("True")


def test_first_values(example: Example) -> None:
    lines = example("first_values")
    sizes = [tuple(line.split()[:2]) for line in lines[:-1]]
    assert sizes == [
        ("linear_relu_stack.0.weight", "512×784"),
        ("linear_relu_stack.0.bias", "512"),
        ("linear_relu_stack.2.weight", "512×512"),
        ("linear_relu_stack.2.bias", "512"),
        ("linear_relu_stack.4.weight", "10×512"),
        ("linear_relu_stack.4.bias", "10"),
    ]
    # A linear layer draws from ±1/√(number of inputs).
    for line, inputs in zip(lines[:-1], (784, 784, 512, 512, 512, 512), strict=True):
        values = [float(text) for text in line.split()[2:-1]]
        assert len(values) == 4
        assert max(map(abs, values)) <= 1 / math.sqrt(inputs)
    assert lines[-1] == "669,706 parameters"
    assert 784 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10 == 669_706


def test_one_pooling_used_twice(example: Example) -> None:
    lines = example("one_pooling_used_twice")
    pooling = [line for line in lines if line.startswith("pooling")]
    assert [" ".join(line.split()[1:6]) for line in pooling] == [
        "call 0 1×10×24×24 → 1×10×12×12",
        "call 1 1×20×8×8 → 1×20×4×4",
    ]
    # 24·24·10·25 + 8·8·20·10·25 + 320·10
    assert lines[-1] == "8,490 parameters, 467,200 multiply-accumulates"
    assert 24 * 24 * 10 * 25 + 8 * 8 * 20 * 250 + 3200 == 467_200


def test_train_on_digits(example: Example) -> None:
    lines = example("train_on_digits")
    assert [line.split()[1] for line in lines[:6]] == ["1", "2", "3", "4", "5", "6"]
    losses = [float(line.split()[3]) for line in lines[:6]]
    assert losses[5] < losses[0] / 4
    match = re.fullmatch(r"test accuracy (\d\d\.\d\d) % \((\d+)/360\)", lines[6])
    assert match is not None
    assert float(match[1]) >= 95
    assert float(match[1]) == round(int(match[2]) / 3.6, 2)
