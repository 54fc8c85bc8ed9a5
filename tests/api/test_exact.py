"""What the table of operations tells on meta is marked as told, and proves nothing."""

from __future__ import annotations

import gc
import json
import pickle

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.cli.main import run


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 6, batch_first=True)
        self.fc = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.lstm(x)[0])


def inspected(**how: bool) -> cnnshape.Report:
    return cnnshape.inspect(Tagger(), (2, 5, 8), device="meta", **how)


def test_a_recurrent_layer_is_told_by_the_table_on_meta() -> None:
    report = inspected()
    lstm, fc = report.layer("lstm"), report.layer("fc")
    assert lstm.output_shapes[0] == (2, 5, 6)
    assert lstm.check is not None
    assert lstm.check.to_dict()["by"] == "table"
    assert lstm.check.mark == ""
    assert fc.check is not None
    assert fc.check.mark == "match"
    assert "by" not in fc.check.to_dict()
    # The one that torch computed; nothing is said to be uncovered.
    assert (report.totals.match, report.totals.mismatch, report.totals.uncovered) == (1, 0, 0)


def test_it_has_no_mark_in_the_table_and_no_claim_in_check() -> None:
    rows = {line.split()[0]: line for line in str(inspected()).splitlines() if line.strip()}
    assert "✓" in rows["fc"]
    assert "✓" not in rows["lstm"]
    assert "1 layer was not run, its size is known (--exact runs it)" in str(inspected())
    result = cnnshape.check(Tagger(), (2, 5, 8), device="meta")
    assert [claim.path.split()[0] for claim in result.claims if claim.what == "size"] == ["fc"]
    assert result.information[0] == "1 layer was not run, its size is known (--exact runs it)"
    exact = cnnshape.check(Tagger(), (2, 5, 8), device="meta", exact=True)
    assert "not run" not in str(exact)


@pytest.mark.parametrize("how", [{"device": "meta", "exact": True}, {"device": "cpu"}])
def test_torch_says_the_same_where_it_runs(how: dict[str, object]) -> None:
    report = cnnshape.inspect(Tagger(), (2, 5, 8), **how)  # type: ignore[arg-type]
    lstm = report.layer("lstm")
    assert lstm.check is not None
    assert "by" not in lstm.check.to_dict()
    assert (report.totals.match, report.totals.uncovered) == (2, 0)
    assert lstm.output_shapes == inspected().layer("lstm").output_shapes


def test_convolutions_pools_and_linear_layers_are_always_torchs_own() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.AdaptiveAvgPool2d(2), nn.Upsample(scale_factor=2, mode="bilinear"), nn.Flatten(),
        nn.Linear(64, 5),
    )  # fmt: skip
    trace = cnnshape.inspect(net, (2, 3, 12, 12), device="meta").trace
    told = [operation.name for operation in trace.operations if operation.by_table]
    assert told == ["batch_norm", "relu"]


def test_the_command_has_the_same_switch(capsys: pytest.CaptureFixture[str]) -> None:
    for switch, by in (([], "table"), (["--exact"], None)):
        model = ["torch.nn:LSTM(input_size=8,hidden_size=6)", "-i", "5,2,8"]
        assert run(["inspect", *model, "--device", "meta", "-f", "json", *switch]) == 0
        (layer,) = json.loads(capsys.readouterr().out)["layers"]
        assert layer["check"].get("by") == by


def test_receptive_fields_are_worked_out_when_read_also_behind_pickle() -> None:
    report = cnnshape.inspect(nn.Sequential(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3)), (1, 1, 9, 9))
    copied = pickle.loads(pickle.dumps(report))
    assert copied == report
    assert copied.layer("1").receptive_field == report.layer("1").receptive_field == (5, 5)
    assert report.layer("1").receptive_field_offset == (0, 0)


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_collection_is_as_it_was(enabled: bool) -> None:
    seen: list[bool] = []

    class Looks(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(gc.isenabled())
            return x + 1

    before = gc.isenabled()
    try:
        gc.enable() if enabled else gc.disable()
        str(cnnshape.inspect(Looks(), (1, 2)))
        assert gc.isenabled() is enabled
        assert seen == [False]
    finally:
        gc.enable() if before else gc.disable()
