"""Checkpoints listed without a model."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.cli.main import run
from cnnshape.errors import ModelConstructionError, UsageError, WeightsError
from cnnshape.models.lenet import LeNet

#: LeNet's tensors by hand: 6·25, 6, 16·6·25, 16, 120·16·25, 120, 84·120, 84, 10·84, 10.
COUNTS = [150, 6, 2_400, 16, 48_000, 120, 10_080, 84, 840, 10]


def safetensors(path: Path, header: object, data: int) -> Path:
    """A file of that header and so many bytes of data, as the format lays them out."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(data))
    return path


def entry(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("name", ["lenet.pt", "lenet.pth", "lenet.bin"])
def test_a_state_dict(tmp_path: Path, name: str, new: bool) -> None:
    file = tmp_path / name
    torch.save(LeNet().state_dict(), file, _use_new_zipfile_serialization=new)
    report = cnnshape.params(str(file))
    assert [tensor.count for tensor in report.parameters] == COUNTS
    assert sum(COUNTS) == 61_706
    assert report.parameters[4].shape == (120, 16, 5, 5)
    assert {tensor.dtype for tensor in report.parameters} == {"float32"}
    assert "61,706 numbers in 10 tensors (241 KiB)" in str(report)
    # Whether a tensor is a parameter, and what is in it, the header does not say.
    assert {(tensor.trainable, tensor.values) for tensor in report.parameters} == {(None, None)}
    assert report.to_dict()["model"] == {"spec": str(file), "class": None}


def test_the_state_dict_in_a_checkpoint(tmp_path: Path) -> None:
    torch.save({"model": LeNet().state_dict(), "epoch": 3}, tmp_path / "checkpoint.pt")
    report = cnnshape.params(str(tmp_path / "checkpoint.pt"))
    assert [tensor.count for tensor in report.parameters] == COUNTS


def test_a_tied_weight_is_listed_once(tmp_path: Path) -> None:
    weight = torch.ones(5, 3)
    state = {"embed.weight": weight, "head.weight": weight, "other": weight[:2]}
    torch.save(state, tmp_path / "tied.pt")
    first, other = cnnshape.params(str(tmp_path / "tied.pt")).parameters
    assert (first.name, first.shared_with, first.count) == ("embed.weight", ("head.weight",), 15)
    assert (other.name, other.count) == ("other", 6)


def test_safetensors_from_the_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)  # not needed for it
    header = {
        "__metadata__": {"format": "pt"},
        "fc.weight": entry([4, 3], 0, 48),
        "fc.bias": entry([4], 48, 56, "BF16"),
        "step": entry([], 56, 64, "I64"),
        "scale": entry([2], 64, 66, "F8_E4M3"),
        "packed": entry([4], 66, 68, "F4"),
        "none": entry([0, 7], 68, 68),
    }
    report = cnnshape.params(str(safetensors(tmp_path / "m.safetensors", header, 68)))
    assert [(t.name, t.shape, t.dtype, t.count, t.bytes) for t in report.parameters] == [
        ("fc.weight", (4, 3), "float32", 12, 48),
        ("fc.bias", (4,), "bfloat16", 4, 8),
        ("step", (), "int64", 1, 8),
        ("scale", (2,), "float8_e4m3fn", 2, 2),
        ("packed", (4,), "f4", 4, 2),
        ("none", (0, 7), "float32", 0, 0),
    ]


def test_what_the_library_wrote(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.torch")
    library.save_file(LeNet().state_dict(), tmp_path / "lenet.safetensors")
    report = cnnshape.params(str(tmp_path / "lenet.safetensors"))
    assert sorted(tensor.count or 0 for tensor in report.parameters) == sorted(COUNTS)


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"a": entry([2], 0, 8)}, 4),  # truncated
        ({"a": entry([2], 0, 8)}, 9),
        ({"a": entry([3], 0, 8)}, 8),  # 12 bytes, says the shape
        ({"a": entry([-2], 0, 8)}, 8),
        ({"a": entry([2], 8, 0)}, 8),
        ({"a": entry([2**62, 2**62], 0, 8)}, 8),
        ({"a": {"dtype": "F32"}}, 0),
        ({"a": 3}, 0),
        ({"a": {"dtype": None, "shape": None, "data_offsets": None}}, 0),
        ([], 0),
        (b"{", 0),
        (b"\xff\xfe", 0),
        (b"[" * 100_000, 0),
    ],
)
def test_damaged_safetensors(tmp_path: Path, header: object, data: int) -> None:
    file = safetensors(tmp_path / "m.safetensors", header, data)
    with pytest.raises(WeightsError, match="is damaged or no checkpoint") as error:
        cnnshape.params(str(file))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\x05", struct.pack("<Q", 2**63) + b"{}"])
def test_safetensors_without_a_header(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match="its header is longer than the file"):
        cnnshape.params(str(tmp_path / "m.safetensors"))


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_a_sharded_checkpoint(tmp_path: Path, suffix: str) -> None:
    states = [{"a.weight": torch.ones(2, 3)}, {"b.weight": torch.ones(4), "b.bias": torch.ones(5)}]
    places: dict[str, str] = {}
    for number, state in enumerate(states, 1):
        shard = f"model-{number:05}-of-00002.{suffix}"
        places |= dict.fromkeys(state, shard)
        if suffix == "bin":
            torch.save(state, tmp_path / shard)
            continue
        end, header = 0, {}
        for name, tensor in state.items():
            header[name] = entry(list(tensor.shape), end, end + 4 * tensor.numel())
            end += 4 * tensor.numel()
        safetensors(tmp_path / shard, header, end)
    index = tmp_path / f"model.{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8")
    report = cnnshape.params(str(index))
    assert [(t.name, t.count) for t in report.parameters] == [
        ("a.weight", 6), ("b.weight", 4), ("b.bias", 5),
    ]  # fmt: skip
    (tmp_path / places["b.bias"]).unlink()
    with pytest.raises(WeightsError, match="there is no such file beside it"):
        cnnshape.params(str(index))


@pytest.mark.parametrize(
    "index",
    [
        "{}",
        '{"weight_map": []}',
        '{"weight_map": {"a": "../../secret.safetensors"}}',
        '{"weight_map": {"a": "/etc/passwd"}}',
        '{"weight_map": {"a": 3}}',
        '{"weight_map": {"a": ".."}}',
        "no JSON",
    ],
)
def test_an_odd_index(tmp_path: Path, index: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    with pytest.raises(WeightsError):
        cnnshape.params(str(tmp_path / "model.safetensors.index.json"))


class Touch:
    """Whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("new", [True, False])
def test_a_payload_does_not_run(tmp_path: Path, new: bool) -> None:
    state = {**LeNet().state_dict(), "payload": Touch(tmp_path / "made")}
    torch.save(state, tmp_path / "m.pt", _use_new_zipfile_serialization=new)
    with pytest.raises(ModelConstructionError, match="unpickling runs whatever the file says"):
        cnnshape.params(str(tmp_path / "m.pt"))
    assert not (tmp_path / "made").exists()


def test_truncated_torch_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(LeNet().state_dict(), tmp_path / "new.pt")
    torch.save(LeNet().state_dict(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    for name in ("new.pt", "old.pt"):
        whole = (tmp_path / name).read_bytes()
        for share in (0.01, 0.5, 0.999):
            (tmp_path / "cut.pt").write_bytes(whole[: int(len(whole) * share)])
            assert run(["params", str(tmp_path / "cut.pt")]) == 2
            error = capsys.readouterr().err
            assert error.startswith("error: ")
            assert error.count("\n") == 1


def test_a_file_that_is_a_model_after_all(tmp_path: Path) -> None:
    torch.save(nn.Linear(4, 2), tmp_path / "whole.pt")
    report = cnnshape.params(str(tmp_path / "whole.pt"), trust_pickle=True)
    assert (report.class_name, [p.count for p in report.parameters]) == ("Linear", [8, 2])


def test_weights_for_weights(tmp_path: Path) -> None:
    torch.save(LeNet().state_dict(), tmp_path / "lenet.pt")
    with pytest.raises(UsageError, match="leave --weights out"):
        cnnshape.params(str(tmp_path / "lenet.pt"), weights=tmp_path / "lenet.pt")
