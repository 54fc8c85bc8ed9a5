"""Which models are meant: names, patterns, lists, parts."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnshape.errors import ModelNotFoundError, ShapeSyntaxError, UsageError
from cnnshape.sweeping.subjects import (
    Asked,
    Subject,
    asked_for,
    parse_shard,
    part,
    subjects_of,
)


def models(*arguments: str) -> list[str]:
    return [subject.model for subject in subjects_of(asked_for(arguments))]


def test_bundled_names_and_what_has_no_pattern():
    assert models("lenet*", "mlp", "lenet") == ["lenet", "lenet-d2l", "lenet-nopad", "mlp"]
    assert models("timm:resnet18", "a/b.py:Net(sizes=[3, 4])", "package.module:Net") == [
        "timm:resnet18",
        "a/b.py:Net(sizes=[3, 4])",
        "package.module:Net",
    ]


@pytest.mark.torchvision
def test_a_pattern_of_torchvision_with_arguments():
    import torchvision

    names = [n for n in torchvision.models.list_models() if n.startswith("resnet")]
    assert models("torchvision:resnet*(num_classes=10)") == [
        f"torchvision:{name}(num_classes=10)" for name in names
    ]
    assert models("torchvision:resnet?8") == ["torchvision:resnet18"]


def test_folders_of_configurations(tmp_path):
    for name in ("bert", "gpt"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({"model_type": name}))
    (tmp_path / "notes").mkdir()
    assert models(f"hf:{tmp_path}/*") == [f"hf:{tmp_path}/bert", f"hf:{tmp_path}/gpt"]


NETWORKS = """
from torch import nn
from torch.nn import Linear
class Block(nn.Module): ...
class Net(Block): ...
class Options: ...
built = nn.Sequential()
def make(): return Net()
print("hello")
"""


def test_the_networks_of_files(tmp_path, capfd):
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text(NETWORKS)
    a, b = f"{tmp_path}/a.py", f"{tmp_path}/b.py"
    assert models(f"{a}:*") == [f"{a}:Block", f"{a}:Net", f"{a}:built"]
    assert models(f"{tmp_path}/*.py:N*(width=2)") == [f"{a}:Net(width=2)", f"{b}:Net(width=2)"]
    assert models(f"{tmp_path}/*.py") == [a, b]
    assert capfd.readouterr() == ("", "")


def test_a_file_that_cannot_be_run(tmp_path):
    (tmp_path / "a.py").write_text("import no_such_module_at_all")
    with pytest.raises(ModelNotFoundError, match="no_such_module_at_all"):
        models(f"{tmp_path}/a.py:*")
    (tmp_path / "b.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(ModelNotFoundError, match=r"b.py cannot be run to list its networks: .*SIG"):
        models(f"{tmp_path}/b.py:*")
    with pytest.raises(ModelNotFoundError, match="no file"):
        models(f"{tmp_path}/c.py:*")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("lenett*", "no model fits 'lenett*'; did you mean lenet"),
        ("torchvision:resnot*", "did you mean torchvision:resnet"),
        ("hf:no/such/*", "no model fits 'hf:no/such/*'"),
        ("package.module:*", "name the models of a module one by one"),
        ("lenett", "did you mean lenet"),
        ("", "the model is empty"),
        ("lenet(1)", "by name"),
    ],
)
def test_what_means_nothing(pattern, said):
    with pytest.raises(UsageError) as error:
        models(pattern)
    assert said in str(error.value)


def test_a_catalog_that_is_not_installed(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UsageError, match="timm"):
        models("timm:*")


# ---- lists --------------------------------------------------------------------------------


def test_a_list(tmp_path, monkeypatch):
    text = """
    # the small ones
    lenet  1,1,32,32
    my nets/a.py:Net(a=1, b="x y") 1,3,8,8 mask=1,8:bool scale=2.5

    mlp-typo.py:Net
    lenett
    """
    (tmp_path / "models.txt").write_text(text)
    expected = [
        ("lenet", ("1,1,32,32",)),
        ('my nets/a.py:Net(a=1, b="x y")', ("1,3,8,8", "mask=1,8:bool", "scale=2.5")),
        ("mlp-typo.py:Net", ()),
        ("lenett", ()),
    ]
    found = asked_for([f"@{tmp_path / 'models.txt'}"])
    assert [(each.pattern, each.inputs) for each in found] == expected
    assert found[0].where == f"line 3 of {tmp_path / 'models.txt'}"
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert [each.pattern for each in asked_for(["-"])] == [each[0] for each in expected]
    # A name that is mistyped has a row that says so; the others go on.
    assert subjects_of([found[3]]) == [Subject("lenett")]
    assert subjects_of([found[0], Asked("mlp")], ["1,1,8,8"]) == [
        Subject("lenet", ("1,1,32,32",)),
        Subject("mlp", ("1,1,8,8",)),
    ]


def test_lists_that_cannot_be_read(tmp_path):
    file = tmp_path / "models.txt"
    with pytest.raises(UsageError, match=r"cannot read the list .*: No such file"):
        asked_for([f"@{file}"])
    file.write_text("# nothing\n\n")
    with pytest.raises(UsageError, match="names no model"):
        asked_for([f"@{file}"])
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="no text"):
        asked_for([f"@{file}"])
    file.write_text("lenet\nlenett* 1,1,28,28\n")
    with pytest.raises(ModelNotFoundError, match=r"line 2 of .*: no model fits 'lenett\*'"):
        subjects_of(asked_for([f"@{file}"]))


def test_inputs_that_cannot_be_used():
    with pytest.raises(ShapeSyntaxError):
        subjects_of([Asked("lenet")], ["1,,"])
    with pytest.raises(UsageError, match="numbers"):
        subjects_of([Asked("lenet")], ["N,1,H,W"])


# ---- parts --------------------------------------------------------------------------------


@given(st.integers(0, 40), st.integers(1, 12))
def test_parts_have_nothing_in_common_and_are_all_together(number, parts):
    every = [Subject(f"m{n}") for n in range(number)]
    found = [part(every, (which, parts)) for which in range(1, parts + 1)]
    assert sorted(s.model for each in found for s in each) == sorted(s.model for s in every)
    sizes = [len(each) for each in found]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("text", ["9/8", "0/8", "1/0", "2", "2/", "-1/3", "a/b", "1/2/3", "", "½"])
def test_what_is_no_part(text):
    with pytest.raises(UsageError, match="is no part"):
        parse_shard(text)
