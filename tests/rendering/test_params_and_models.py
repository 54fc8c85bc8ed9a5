"""What ``params`` and ``models`` print."""

from __future__ import annotations

import csv
import io
import json

import pytest

from cnnshape.experiments.parameters import (
    HookEntry,
    ModuleEntry,
    Parameters,
    TensorEntry,
)
from cnnshape.loading.listing import ListedModel, Listing, list_models
from cnnshape.rendering.models import WRITER
from cnnshape.rendering.styled_text import cells


def entry(name: str, shape: tuple[int, ...] | None, **changes: object) -> TensorEntry:
    import math

    number = None if shape is None else math.prod(shape)
    data: dict[str, object] = {
        "name": name,
        "module": name.rpartition(".")[0],
        "shape": shape,
        "dtype": "float32",
        "count": number,
        "bytes": None if number is None else 4 * number,
        "trainable": True,
        "shared_with": (),
        "values": None if number is None else tuple([0.5, -0.25, 1.0][:number]),
    }
    return TensorEntry(**(data | changes))  # type: ignore[arg-type]


def report() -> Parameters:
    return Parameters(
        spec="net.py:Net",
        class_name="Net",
        modules=(ModuleEntry("conv", "Conv2d"), ModuleEntry("bn", "BatchNorm2d")),
        parameters=(
            entry("conv.weight", (10, 5, 3, 3), shared_with=("twin.weight",)),
            entry("conv.bias", (10,), trainable=False),
            entry("bn.weight", None),
        ),
        buffers=(
            entry("bn.running_mean", (10,), trainable=False),
            entry("bn.seen", (), dtype="int64", values=(7,), persistent=False, bytes=8),
        ),
        hooks=(HookEntry("conv", "forward_hook", "watch"),),
    )


def test_the_table_shows_everything_module_by_module() -> None:
    assert report().to_text("table") == (
        "Net  net.py:Net\n"
        "\n"
        "  name             what                         shape     dtype    count  values\n"
        "  conv.weight      parameter, also twin.weight  10×5×3×3  float32    450"
        "   0.5000  -0.2500        1 …\n"
        "  conv.bias        parameter, frozen            10        float32     10"
        "   0.5000  -0.2500        1 …\n"
        "  conv             forward hook                                           watch\n"
        "  bn.weight        parameter, uninitialised     ?         float32      ?\n"
        "  bn.running_mean  buffer                       10        float32     10"
        "   0.5000  -0.2500        1 …\n"
        "  bn.seen          buffer, not saved            scalar    int64        1        7\n"
        "\n"
        "  460 parameters in 3 tensors (1.80 KiB) · 1 uninitialised one not counted"
        " · 10 of them frozen · 2 buffers of 11 numbers · 1 hook"
    )


@pytest.mark.parametrize("width", [70, 80, 100])
def test_a_narrow_terminal_gets_fewer_values(width: int) -> None:
    lines = report().to_text("table", width).splitlines()
    assert max(cells(line) for line in lines) <= max(width, 78)
    assert "450" in lines[3]


def test_json_is_the_contracts() -> None:
    data = json.loads(report().to_text("json"))
    assert data["parameters"][0] == {
        "name": "conv.weight",
        "shape": [10, 5, 3, 3],
        "dtype": "float32",
        "count": 450,
        "trainable": True,
        "shared_with": ["twin.weight"],
        "values": [0.5, -0.25, 1.0],
    }
    assert data["parameters"][2]["values"] is None
    assert data["buffers"][1]["persistent"] is False
    assert data["hooks"] == [
        {"path": "conv", "kind": "forward_hook", "function": "watch", "tensor": None}
    ]


def test_csv_and_markdown_have_a_row_each() -> None:
    rows = list(csv.DictReader(io.StringIO(report().to_text("csv"))))
    assert [row["name"] for row in rows][:3] == ["conv.weight", "conv.bias", "conv"]
    assert (rows[0]["shape"], rows[0]["count"], rows[3]["count"]) == ("10x5x3x3", "450", "")
    text = report().to_text("markdown")
    assert "| `conv.weight` | parameter, also twin.weight | 10×5×3×3 | float32 | 450 |" in text


def listing(pattern: str | None) -> Listing:
    bundled = list_models(None, ("bundled",)).models
    other = (
        ListedModel("torchvision:resnet18", "torchvision", "classification"),
        ListedModel("torchvision:fcn_resnet50", "torchvision", "segmentation"),
    )
    return Listing(pattern, (*bundled, *other), ("torchvision 1 does not work",), False)


def test_the_overview_has_the_bundled_networks_the_families_and_the_forms() -> None:
    text = WRITER.text(listing(None), "table", width=80)
    assert "  lenet        1,1,28,28   61,706  LeNet-5 with ReLU and max pooling" in text
    assert "  classification, 1\n    resnet18\n  segmentation, 1\n    fcn_resnet50\n" in text
    assert "  torchvision 1 does not work\n" in text
    assert "timm:NAME\n  not installed: pip install timm\n" in text
    assert "  path/to/file.py:Name    a class, a function that returns a module" in text


def test_a_pattern_gives_a_name_per_line_ready_to_be_copied() -> None:
    lines = WRITER.text(listing("res"), "table").splitlines()
    assert lines[5].split() == ["torchvision:resnet18", "classification"]
    assert lines[0].startswith("lenet ")


def test_listings_as_data() -> None:
    data = json.loads(WRITER.text(listing(None), "json"))
    assert data["models"][0] == {
        "name": "lenet",
        "catalog": "bundled",
        "family": "",
        "description": "LeNet-5 with ReLU and max pooling, one attribute per layer",
        "input": [1, 1, 28, 28],
        "params": 61_706,
    }
    rows = list(csv.DictReader(io.StringIO(WRITER.text(listing(None), "csv"))))
    assert [row["params"] for row in rows[:2]] == ["61706", "61706"]
    assert "| `mlp` | bundled |" in WRITER.text(listing(None), "markdown")


def test_patterns_ignore_case_and_underscores_and_may_name_a_catalog() -> None:
    def names(pattern: str) -> list[str]:
        return [model.name for model in list_models(pattern, ("bundled",)).models]

    assert names("LENET_D2L") == ["lenet-d2l"]
    assert names("cnn") == ["basic-cnn"]
    assert names("timm:") == []
    assert names("zzz") == []
