"""MODEL arguments taken apart."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnshape.errors import ModelConstructionError, ModelNotFoundError, UsageError
from cnnshape.loading.model import load
from cnnshape.loading.spec import parse_spec


@pytest.mark.parametrize(
    ("text", "kind", "source", "name"),
    [
        ("lenet", "bundled", "lenet", None),
        ("lenet_d2l", "bundled", "lenet-d2l", None),
        (" basic-cnn ", "bundled", "basic-cnn", None),
        ("torchvision:resnet18", "torchvision", "resnet18", None),
        ("timm:vit_base_patch16_224.augreg_in1k", "timm", "vit_base_patch16_224.augreg_in1k", None),
        ("package.module:Net", "dotted", "package.module", "Net"),
        ("module:Outer.Inner", "dotted", "module", "Outer.Inner"),
        ("torchvision.models:resnet18", "dotted", "torchvision.models", "resnet18"),
        ("net.py:Net", "file", "net.py", "Net"),
        ("path/to/file.py:Outer.Inner", "file", "path/to/file.py", "Outer.Inner"),
        ("net.py", "file", "net.py", None),
        (r"C:\x\net.py:Net", "file", r"C:\x\net.py", "Net"),
        (r"C:\Program Files (x86)\my nets\net.py:Net(a=1)", "file",
         r"C:\Program Files (x86)\my nets\net.py", "Net"),
        ("NET.PY:Net", "file", "NET.PY", "Net"),
        ("C:net.py", "file", "C:net.py", None),
        ("dir.py/net.py:Net", "file", "dir.py/net.py", "Net"),
        ("my-net.py:Net", "file", "my-net.py", "Net"),
        ("网络.py:网", "file", "网络.py", "网"),
    ],
)  # fmt: skip
def test_every_form(text: str, kind: str, source: str, name: str | None) -> None:
    spec = parse_spec(text)
    assert (spec.kind, spec.source, spec.name) == (kind, source, name)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("()", ()),
        ("(num_classes=10)", (("num_classes", 10),)),
        ("(a=1, b=-2.5, c='x')", (("a", 1), ("b", -2.5), ("c", "x"))),
        ("(a=True, b=None, c=False)", (("a", True), ("b", None), ("c", False))),
        ("(a=(1, -2), b=[3, 4])", (("a", (1, -2)), ("b", [3, 4]))),
        ("(c={'k': (5,)})", (("c", {"k": (5,)}),)),
        ('(path="other.py:Net(x)")', (("path", "other.py:Net(x)"),)),
        ("(a=1e-3,)", (("a", 0.001),)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("model", ["net.py:Net", "lenet", "torchvision:resnet18", "a.b:Net"])
def test_keyword_literals(model: str, arguments: str, expected: object) -> None:
    assert parse_spec(model + arguments).arguments == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("net.py:Net(10)", "must be given by name, as in Net(num_classes=10)"),
        ("net.py:Net(**{'a': 1})", "`**` is not allowed"),
        ("net.py:Net(a=1, a=2)", "the argument a stands twice"),
        ("net.py:Net(a=nn.ReLU)", "a=nn.ReLU in 'net.py:Net(a=nn.ReLU)' is not a literal"),
        ("net.py:Net(a=__import__('os').system('true'))", "is not a literal"),
        ("net.py:Net(a=1+1)", "is not a literal"),
        ("net.py:Net(a=)", "cannot read the arguments"),
        ("net.py:Net(a=1)(b=2)", "cannot read the arguments"),
        ("net.py:", "names no class after the file: write net.py:Name"),
        ("net.py(a=1)", "names no class after the file: write net.py:Name"),
        ("package.module:", "write package.module:Name"),
        ("torchvision:", "names no model: write torchvision:NAME"),
        ("", "the model is empty"),
        ("cnnshape.models.lenet.LeNet", "write cnnshape.models.lenet:LeNet"),
        ("what is this?", "cannot read 'what is this?' as a model"),
        ("lenett", "unknown model 'lenett'; did you mean lenet"),
        ("zzz", "bundled are lenet, lenet-d2l, lenet-nopad, basic-cnn and mlp"),
        ("a" * 20_000, "longer than 10,000 characters"),
    ],
)
def test_what_is_said_of_a_bad_model(text: str, words: str) -> None:
    with pytest.raises(ModelNotFoundError) as error:
        parse_spec(text)
    assert words in str(error.value)


@pytest.mark.parametrize("depth", [100, 4000])
def test_hostile_nesting_is_refused_quickly(depth: int) -> None:
    text = "net.py:Net(a=" + "(" * depth + ")" * depth + ")"
    # Python's parser stops at 200 parentheses; below, `()` in `()` is one empty tuple.
    if depth < 200:
        assert parse_spec(text).arguments == (("a", ()),)
        return
    with pytest.raises(ModelNotFoundError, match="cannot read the arguments"):
        parse_spec(text)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_in_one_sentence(text: str) -> None:
    try:
        parse_spec(text)
    except UsageError as error:
        assert str(error)  # noqa: PT017


def test_catalog_names_are_asked_for_only_when_nothing_fits() -> None:
    def names() -> list[str]:
        return ["torchvision:resnet18", "timm:resnet18", "timm:resnet26"]

    with pytest.raises(ModelNotFoundError, match="did you mean torchvision:resnet18 or timm:resn"):
        parse_spec("resnet18", names)

    def never() -> list[str]:
        raise AssertionError

    assert parse_spec("lenet", never).kind == "bundled"
    with pytest.raises(ModelNotFoundError, match="did you mean lenet"):
        parse_spec("lennet", never)


def test_a_run_folder_is_one_with_a_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    (tmp_path / "plain").mkdir()
    assert parse_spec(str(tmp_path / "run")).kind == "run"
    with pytest.raises(ModelNotFoundError, match=r"holds no config\.json.*FILE\.py:Name"):
        parse_spec(str(tmp_path / "plain"))
    # A folder never hides a bundled network of the same name.
    (tmp_path / "lenet").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse_spec("lenet").kind == "bundled"


def test_parsing_needs_no_torch() -> None:
    code = (
        "import sys, cnnshape.loading.spec as s, cnnshape.loading.inputs as i, "
        "cnnshape.loading.run_options as d\n"
        "s.parse_spec('net.py:Net(a=1)'); i.parse_inputs(['N,1,28,28', 'm=1,2:bool'])\n"
        "i.from_python((1, 2)).specs; d.require(d.parse_device('cpu'))\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_layers_of_torch_take_arguments_by_position():
    spec = parse_spec("torch.nn:Conv2d(3, 1, (3, 5), padding=1)")
    assert (spec.positional, spec.arguments) == ((3, 1, (3, 5)), (("padding", 1),))
    assert load("torch.nn:Conv2d(3, 1, (3, 5), padding=1)").module.kernel_size == (3, 5)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("LSTM(8, 6, 2, True, True)", "LSTM(8, 6, num_layers=2, batch_first=True)"),
        ("GRU(8, 6)", "GRU(8, 6)"),
        ("RNN(8, 6, 2, 'relu', False)", "RNN(8, 6, num_layers=2, bias=False)"),
    ],
)
def test_recurrent_layers_do_too_though_they_name_no_parameter(text: str, shown: str):
    assert str(load(f"torch.nn:{text}").module) == shown
    with pytest.raises(ModelConstructionError, match="no place for 9 values"):
        load("torch.nn:LSTM(8, 6, 1, True, False, 0.0, False, 0, 1)")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("torch.nn:Conv2d(3, 1, 3, in_channels=4)", "Conv2d is given in_channels twice"),
        ("torch.nn:ReLU(True, 2)", "no place for 2 values; it takes inplace"),
        ("torch.nn:Conv2d(x, 1, 3)", "x in 'torch.nn:Conv2d(x, 1, 3)' is not a literal"),
        ("torch.nn:Conv2d(*[3, 1, 3])", "must be given by name"),
    ],
)
def test_arguments_by_position_that_do_not_fit(text: str, words: str):
    with pytest.raises((ModelNotFoundError, ModelConstructionError), match=re.escape(words)):
        load(text)
