"""Models from files: ``.pt2``, TorchScript, and pickles, which run only if they are trusted."""

from __future__ import annotations

import csv
import io
import json
import pickle
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.cli.main import run
from cnnshape.errors import ModelConstructionError, ModelNotFoundError
from cnnshape.loading.model import load
from cnnshape.models.lenet import LeNet

# LeNet by hand: 156 + 2,416 + 48,120 + 10,164 + 850 parameters, and the multiply-accumulates
# 6·28²·25 + 16·10²·150 + 120·400 + 84·120 + 10·84.
PARAMETERS = 61_706
MACS = 117_600 + 240_000 + 48_000 + 10_080 + 840


class Touch:
    """Whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return (Path.touch, (self.path,))


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    program = torch.export.export(LeNet().eval(), (torch.rand(1, 1, 28, 28),))
    torch.export.save(program, tmp_path / "lenet.pt2")
    return tmp_path / "lenet.pt2"


def test_layers_of_an_exported_program_show_their_windows(tmp_path: Path) -> None:
    """They have no settings of their own: what they ran says them."""
    model = nn.Sequential(nn.Conv2d(4, 8, (3, 5), stride=2, padding=1, groups=2), nn.MaxPool2d(2))
    program = torch.export.export(model.eval(), (torch.rand(1, 4, 16, 16),))
    torch.export.save(program, tmp_path / "net.pt2")
    text = cnnshape.inspect(str(tmp_path / "net.pt2")).to_text("csv")
    rows = {row["path"]: row for row in csv.DictReader(io.StringIO(text))}
    names = ("kernel", "stride", "padding", "groups")
    assert [rows["0"][name] for name in names] == ["3×5", "2", "1", "2"]
    assert [rows["1"][name] for name in names] == ["2", "2", "0", "1"]


@pytest.fixture(params=["script", "trace"])
def scripted(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LeNet().eval()
        if request.param == "script":
            module = torch.jit.script(model)
        else:
            module = torch.jit.trace(model, torch.rand(1, 1, 28, 28))
        torch.jit.save(module, tmp_path / "lenet.pt")
    return tmp_path / "lenet.pt"


def refused(path: Path, **options: bool) -> str:
    with pytest.raises(ModelConstructionError) as error:
        load(str(path), **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_an_exported_program_has_the_layers_of_its_model(exported: Path) -> None:
    report = cnnshape.inspect(str(exported))
    assert (report.totals.params, report.totals.macs) == (PARAMETERS, MACS)
    assert (report.totals.match, report.totals.mismatch, report.totals.uncovered) == (7, 0, 0)
    assert report.class_name == "LeNet"
    assert [(value.name, value.shape) for value in report.inputs] == [("x", (1, 1, 28, 28))]
    first = report.layer("C1")
    assert (first.type, first.params, first.macs) == ("Conv2d", 156, 117_600)
    assert first.output_shapes == ((1, 6, 28, 28),)


def test_a_module_made_of_an_exported_program() -> None:
    program = torch.export.export(LeNet().eval(), (torch.rand(1, 1, 28, 28),))
    report = cnnshape.inspect(program.module(), (1, 1, 28, 28))
    assert (report.totals.params, report.totals.macs) == (PARAMETERS, MACS)
    assert (report.totals.match, report.totals.mismatch) == (7, 0)
    checked = [row for row in report.operations if row.check and row.check.rule == "conv"]
    assert [row.op for row in checked] == ["conv2d.default"] * 3


class Slid(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x.unfold(1, 3, 2).mean(-1).flatten(1))


def test_operators_of_an_exported_program_have_their_usual_names() -> None:
    """``aten.unfold`` is ``Tensor.unfold``, which slides along one axis, and not ``F.unfold``."""
    program = torch.export.export(Slid(), (torch.zeros(2, 9, 4),))
    for model in (Slid(), program.module()):
        report = cnnshape.inspect(model, (2, 9, 4))
        types = [line.split()[1] for line in str(report).splitlines() if "  ·  " in line]
        assert types[:3] == ["sliding_window", "mean", "flatten"]
        assert report.totals.mismatch == 0


def test_an_operator_of_ones_own_has_the_name_that_it_is_registered_under() -> None:
    with torch.library._scoped_library("slid", "DEF") as library:  # pyright: ignore[reportPrivateUsage]
        library.define("twice(Tensor x) -> Tensor")
        library.impl("twice", lambda x: x * 2, "CompositeExplicitAutograd")

        class Own(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return torch.ops.slid.twice(x)

        program = torch.export.export(Own(), (torch.zeros(2, 3),))
        for model in (Own(), program.module()):
            notes = cnnshape.inspect(model, (2, 3)).notes
            assert any("slid::twice in " in note for note in notes)


def test_what_an_exported_program_writes_into() -> None:
    class Writes(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            doubled = x * 2
            doubled[0].add_(1)
            return doubled

    module = torch.export.export(Writes(), (torch.rand(2, 3),)).module()
    report = cnnshape.inspect(module, (2, 3))
    # What comes out was written through a view of it, last.
    producer = report.trace.values[report.trace.calls[0].outputs[0].value].producer
    assert producer is not None
    assert report.trace.operations[producer].name == "add_.Tensor"


def test_an_exported_program_is_drawn(exported: Path) -> None:
    source = cnnshape.draw(str(exported)).source
    assert all(name in source for name in ("C1", "C2", "C3", "F4", "OUT"))


def test_keyword_inputs_of_an_exported_program(tmp_path: Path) -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor, *, scale: torch.Tensor) -> torch.Tensor:
            return x * scale

    program = torch.export.export(Two(), (torch.rand(2, 3),), {"scale": torch.rand(3)})
    torch.export.save(program, tmp_path / "two.pt2")
    usual = load(str(tmp_path / "two.pt2")).usual_inputs
    assert usual is not None
    assert [str(spec) for spec in usual] == ["2,3:float32", "scale=3:float32"]
    assert cnnshape.inspect(str(tmp_path / "two.pt2")).error is None


def test_an_exported_program_that_needs_pickle(exported: Path, tmp_path: Path) -> None:
    hostile, made = tmp_path / "hostile.pt2", tmp_path / "made"
    buffer = io.BytesIO()
    torch.save((Touch(made),), buffer)
    with zipfile.ZipFile(exported) as old, zipfile.ZipFile(hostile, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, buffer.getvalue() if "sample_inputs" in name else content)
    assert "add --trust-pickle" in refused(hostile)
    assert not made.exists()


def test_an_object_among_the_constants_of_an_exported_program(
    exported: Path, tmp_path: Path
) -> None:
    hostile, made = tmp_path / "hostile.pt2", tmp_path / "made"
    with zipfile.ZipFile(exported) as old, zipfile.ZipFile(hostile, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("model_constants_config.json"):
                payload = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True}
                content = json.dumps({"config": {"c": {**payload, "tensor_meta": None}}}).encode()
                folder = name.rpartition("/")[0]
                new.writestr(f"{folder}/opaque_obj_0", pickle.dumps(Touch(made)))
            new.writestr(name, content)
    refused(hostile)
    assert not made.exists()


def test_a_torchscript_archive(scripted: Path) -> None:
    report = cnnshape.inspect(str(scripted), (1, 1, 28, 28))
    assert report.error is None
    assert (report.totals.params, report.totals.macs) == (PARAMETERS, MACS)
    assert [value.shape for value in report.outputs] == [(1, 10)]
    assert (report.totals.match, report.totals.mismatch, report.totals.uncovered) == (7, 0, 0)
    assert report.class_name == "LeNet"
    assert [value.name for value in report.inputs] == ["x"]
    first = report.layer("C1")
    assert (first.type, first.macs, first.output_shapes) == ("Conv2d", 117_600, ((1, 6, 28, 28),))
    source = cnnshape.draw(report).source
    assert all(name in source for name in ("C1", "C2", "C3", "F4", "OUT"))


@pytest.mark.parametrize("new", [True, False])
def test_a_pickled_module_is_not_unpickled(tmp_path: Path, new: bool) -> None:
    file, made = tmp_path / "whole.pth", tmp_path / "made"
    torch.save(Touch(made), file, _use_new_zipfile_serialization=new)
    message = refused(file)
    assert "unpickling runs whatever the file says" in message
    assert "--weights" in message
    assert "--trust-pickle" in message
    assert not made.exists()


def test_a_pickled_module_that_is_trusted(tmp_path: Path) -> None:
    torch.save(LeNet(), tmp_path / "whole.pth")
    assert "cnnshape.models.lenet.LeNet" in refused(tmp_path / "whole.pth")
    report = cnnshape.inspect(str(tmp_path / "whole.pth"), (1, 1, 28, 28), trust_pickle=True)
    assert report.totals.params == PARAMETERS
    torch.save({"model": LeNet(), "epoch": 3}, tmp_path / "checkpoint.pth")
    loaded = load(str(tmp_path / "checkpoint.pth"), trust_pickle=True)
    assert loaded.class_name == "LeNet"
    torch.save(Path("nothing"), tmp_path / "path.pth")
    assert "expected an nn.Module" in refused(tmp_path / "path.pth", trust_pickle=True)


def test_the_class_of_a_pickled_module_is_found_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pickled_net.py").write_text(
        "from torch import nn\nclass Net(nn.Linear):\n    pass\n", encoding="utf-8"
    )
    save = "import torch, pickled_net; torch.save(pickled_net.Net(4, 2), 'whole.pth')"
    subprocess.run([sys.executable, "-c", save], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    assert run(["inspect", "whole.pth", "-i", "1,4", "--trust-pickle"]) == 0
    assert "10 parameters" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["state.pth", "state.pt", "weights.bin"])
@pytest.mark.parametrize("new", [True, False])
def test_weights_are_no_model(tmp_path: Path, name: str, new: bool) -> None:
    torch.save(LeNet().state_dict(), tmp_path / name, _use_new_zipfile_serialization=new)
    message = refused(tmp_path / name)
    assert "holds weights (10 tensors), no model" in message
    assert f"FILE.py:Name --weights {tmp_path / name}" in message


def test_other_things_that_are_no_model(tmp_path: Path) -> None:
    torch.save({"model": LeNet().state_dict(), "epoch": 1}, tmp_path / "checkpoint.pt")
    assert "holds a checkpoint, no model" in refused(tmp_path / "checkpoint.pt")
    torch.save(torch.ones(3), tmp_path / "tensor.pt")
    assert "holds a tensor, no model" in refused(tmp_path / "tensor.pt")
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert "holds weights, no model" in refused(tmp_path / "model.safetensors")


def test_damaged_files(exported: Path, scripted: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.pth"
    torch.save(LeNet(), whole)
    for file in (exported, scripted, whole):
        for share in (0.1, 0.5, 0.99):
            cut = tmp_path / f"cut{file.suffix}"
            cut.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
            assert "it is damaged" in refused(cut)
    for content in (b"", b"hello", b"\x80\x02", b"PK\x03\x04", b"cos\nsystem\n(S'true'\ntR."):
        (tmp_path / "odd.pt").write_bytes(content)
        refused(tmp_path / "odd.pt")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "lenet.pt2").write_bytes(b"")
    with pytest.raises(ModelNotFoundError, match=r"did you mean lenet\.pt2"):
        load(str(tmp_path / "lenet.pt"))


def test_a_saved_model_takes_no_arguments() -> None:
    with pytest.raises(ModelNotFoundError, match="takes no arguments: leave \\(a=1\\) out"):
        load("net.pt2(a=1)")


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(LeNet(), tmp_path / "whole.pth")
    for command in (["inspect"], ["check"], ["params"], ["draw", "-o", "a.svg"]):
        assert run([*command, str(tmp_path / "whole.pth")]) == 2
        assert "is pickled" in capsys.readouterr().err
