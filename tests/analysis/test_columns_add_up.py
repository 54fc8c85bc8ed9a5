"""Every parameter stands in exactly one row, whatever ran and whatever did not."""

from __future__ import annotations

import csv
from pathlib import Path

import torch
from torch import nn

import cnnshape
from cnnshape.models.lenet import LeNet


class Stops(nn.Module):
    """The second layer does not fit the first; the third is never reached."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 5), nn.Linear(6, 7), nn.Linear(7, 9)

    def forward(self, x):
        return self.c(self.b(self.a(x)))


class Container(nn.Module):
    """It has no forward; its layers and its bias are used from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(4))
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)


class Outer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.mid = Container(), nn.Linear(4, 4)

    def forward(self, x):
        return self.inner.b(self.mid(self.inner.a(x))) + self.inner.bias


class Blocks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Outer(), Outer()])

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def rows(report: cnnshape.Report, folder: Path) -> list[dict[str, str]]:
    path = folder / "report.csv"
    report.save(path)
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_layers_behind_a_failure_are_listed_as_not_called(tmp_path: Path):
    report = cnnshape.inspect(Stops(), (2, 4))
    assert report.error is not None
    # 4·5 + 5, 6·7 + 7 and 7·9 + 9
    layers = [
        (layer["path"], layer["called"], layer["params"]) for layer in report.to_dict()["layers"]
    ]
    assert layers == [("", True, 0), ("a", True, 25), ("b", True, 49), ("c", False, 72)]
    assert report.totals.params == 146
    table = rows(report, tmp_path)
    assert sum(int(row["params"]) for row in table) == 146
    assert [row["row"] for row in table if row["path"] == "c"] == ["not called"]
    assert "c  " not in str(report).split("146 parameters")[0]  # the table ends with the failure


def test_parameters_of_a_container_that_nobody_calls_have_a_row(tmp_path: Path):
    # Three layers of 4·4 + 4, and a bias of 4.
    for model, params in ((Outer(), 64), (Blocks(), 128)):
        report = cnnshape.inspect(model, (2, 4))
        assert report.totals.params == params
        assert sum(int(row["params"] or 0) for row in rows(report, tmp_path)) == params
        assert sum(layer.params or 0 for layer in report.layers) == params
    assert "weights only       4" in str(report)


class Transformed(nn.Module):
    """A product that can be counted, and a transform that cannot, in one forward."""

    def forward(self, x):
        return torch.fft.fft(x @ x.T).real


def test_an_operation_of_unknown_cost_says_so_wherever_it_is_written(tmp_path: Path):
    report = cnnshape.inspect(Transformed(), (2, 8))
    # 2·2 numbers, each a sum of 8 products; the module's own sum is not known.
    assert [(row["type"], row["macs"]) for row in rows(report, tmp_path)] == [
        ("Transformed", ""), ("T", "0"), ("matmul", "32"), ("fft_fft", ""),
    ]  # fmt: skip
    note = "MACs unknown: fft_fft in Transformed has a cost that is not told by its sizes"
    assert f"\n% note: {note}\n" in report.to_text("latex")
    assert note.replace("_", r"\_") in report.to_text("markdown")


def test_frozen_parameters_are_not_trainable():
    """LeNet's C1 has 6·(1·5·5 + 1) = 156 of 61,706."""
    model = LeNet()
    model.C1.requires_grad_(False)
    report = cnnshape.inspect(model, (1, 1, 28, 28))
    assert (report.totals.params, report.totals.trainable_params) == (61706, 61550)
    data = report.to_dict()
    assert [row["trainable_params"] for row in data["layers"] if row["path"] == "C1"] == [0]
    model.requires_grad_(False)
    assert cnnshape.inspect(model, (1, 1, 28, 28)).totals.trainable_params == 0


def test_a_failed_pass_has_cost_what_ran():
    """2 rows of 4 numbers to 5: 40; the layer that failed has multiplied nothing."""
    data = cnnshape.inspect(Stops(), (2, 4)).to_dict()
    assert data["totals"]["macs"] == 40
    assert {row["path"]: row["macs"] for row in data["layers"]} == {"": 0, "a": 40, "b": 0, "c": 0}
