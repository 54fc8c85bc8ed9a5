"""Files of every kind that people have, loaded as MODEL."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from cnnshape.errors import ModelConstructionError, ModelNotFoundError
from cnnshape.loading.model import LoadedModel, load

PLAIN = """
from torch import nn

class Net(nn.Module):
    def __init__(self, width=3, *, num_classes=10):
        super().__init__()
        self.fc = nn.Linear(width, num_classes)

    def forward(self, x):
        return self.fc(x)
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def load_text(folder: Path, text: str, name: str = "Net") -> LoadedModel:
    return load(f"{write(folder, 'net.py', text)}:{name}")


@pytest.fixture(autouse=True)
def _process_stays_as_it_was():
    path, argv, folder = sys.path[:], sys.argv[:], Path.cwd()
    stdout = sys.stdout
    yield
    assert sys.path == path
    assert sys.argv == argv
    assert Path.cwd() == folder
    assert sys.stdout is stdout


def refuse(spec: object, error: type[Exception] = ModelConstructionError) -> str:
    with pytest.raises(error) as caught:
        load(str(spec))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_class_with_literals(tmp_path: Path) -> None:
    path = write(tmp_path, "net.py", PLAIN)
    loaded = load(f"{path}:Net(width=7, num_classes=2)")
    assert loaded.module.fc.weight.shape == (2, 7)
    assert loaded.class_name == "Net"
    assert loaded.usual_inputs is None
    assert not loaded.on_meta


def test_relative_path_and_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "nets", "net.py", PLAIN)
    monkeypatch.chdir(tmp_path)
    assert load("nets/net.py:Net").class_name == "Net"
    assert load(f"nets{os.sep}net.py:Net").class_name == "Net"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert load("~/nets/net.py:Net").class_name == "Net"
    monkeypatch.undo()


def test_factory_instance_and_nested_class(tmp_path: Path) -> None:
    text = PLAIN + (
        "\ndef build(depth=2):\n    return nn.Sequential(*[nn.ReLU() for _ in range(depth)])\n"
        "\nnet = nn.Sequential(nn.Conv2d(1, 2, 3))\n"
        "\nclass Outer:\n    class Inner(nn.Linear):\n"
        "        def __init__(self):\n            super().__init__(4, 4)\n"
        "\nmake = lambda: nn.ReLU()\n"
    )
    path = write(tmp_path, "net.py", text)
    assert len(load(f"{path}:build(depth=3)").module) == 3
    assert isinstance(load(f"{path}:net").module[0], nn.Conv2d)
    assert load(f"{path}:Outer.Inner").class_name == "Inner"
    assert load(f"{path}:make").class_name == "ReLU"


def test_without_a_name_the_only_class_is_taken(tmp_path: Path) -> None:
    path = write(tmp_path, "net.py", "from torch.nn import Linear\n" + PLAIN)
    assert load(str(path)).class_name == "Net"
    path = write(tmp_path, "seq.py", "from torch import nn\nnet = nn.Sequential(nn.Linear(1, 1))\n")
    assert load(str(path)).class_name == "Sequential"


def test_an_instance_stands_for_a_class_that_needs_arguments(tmp_path: Path) -> None:
    needs = PLAIN.replace("width=3", "width")
    path = write(tmp_path, "net.py", f"{needs}\nnet = Net(7)\n")
    assert load(str(path)).module.fc.in_features == 7
    path = write(tmp_path, "net.py", f"{PLAIN}\nnet = Net(7)\n")
    assert load(str(path)).module.fc.in_features == 3


def test_without_a_name_several_classes_are_listed(tmp_path: Path) -> None:
    path = write(tmp_path, "net.py", PLAIN + "\nclass Block(nn.Module):\n    pass\n")
    message = refuse(path, ModelNotFoundError)
    assert message == f"{path} defines 2 networks, Net and Block: say which, as in {path}:Block"
    path = write(tmp_path, "net.py", PLAIN + "\nclass Block(nn.Module):\n    pass\nnet = Net()\n")
    message = refuse(path, ModelNotFoundError)
    told = "Net, Block and net (an instance): say which, as in"
    assert message == f"{path} defines 3 networks, {told} {path}:net"
    path = write(tmp_path, "none.py", "x = 1\n")
    assert "defines no nn.Module class" in refuse(path, ModelNotFoundError)


def test_a_file_that_prints_prints_to_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_text(tmp_path, "print('while importing')\n" + PLAIN.replace(
        "super().__init__()", "super().__init__(); print('while building')"
    ))  # fmt: skip
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "while importing\nwhile building\n"


def test_own_folder_is_importable_while_it_loads(tmp_path: Path) -> None:
    write(tmp_path, "blocks_of_mine.py", "WIDTH = 5\n")
    text = PLAIN.replace("width=3", "width=None").replace(
        "super().__init__()",
        "super().__init__()\n        from blocks_of_mine import WIDTH; width = WIDTH",
    )
    assert load_text(tmp_path, text).module.fc.in_features == 5


def test_two_projects_with_the_same_module_names(tmp_path: Path) -> None:
    for width in (5, 6):
        folder = tmp_path / str(width)
        write(folder, "shared_name.py", f"WIDTH = {width}\n")
        write(folder, "net.py", "from shared_name import WIDTH\n" + PLAIN.replace("=3", "=WIDTH"))
    assert load(f"{tmp_path / '5' / 'net.py'}:Net").module.fc.in_features == 5
    assert load(f"{tmp_path / '6' / 'net.py'}:Net").module.fc.in_features == 6
    assert load(f"{tmp_path / '5' / 'net.py'}:Net").module.fc.in_features == 5


def test_modules_imported_before_are_the_same_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine"
    write(mine, "common_helpers.py", "WIDTH = 5\n")
    write(mine, "net.py", PLAIN)
    monkeypatch.syspath_prepend(str(mine))
    import common_helpers
    import net

    other = tmp_path / "other"
    write(other, "common_helpers.py", "WIDTH = 6\n")
    write(other, "net.py", "import common_helpers\n" + PLAIN.replace("=3", "=common_helpers.WIDTH"))
    assert load(f"{other / 'net.py'}:Net").module.fc.in_features == 6
    assert load(f"{mine / 'net.py'}:Net").module.fc.in_features == 3
    assert sys.modules["common_helpers"] is common_helpers
    assert sys.modules["net"] is net
    del sys.modules["net"], sys.modules["common_helpers"]


def test_a_file_named_like_a_library_does_not_replace_it(tmp_path: Path) -> None:
    for name in ("random", "torch", "json"):
        before = sys.modules.get(name)
        path = write(tmp_path / name, f"{name}.py", PLAIN)
        assert load(f"{path}:Net").class_name == "Net"
        assert sys.modules.get(name) is before
    import random

    assert random.random() >= 0


@pytest.mark.parametrize("name", ["my-net.py", "3net.py", "net.v2.py", "空 间.py", "class.py"])
def test_file_names_that_are_no_identifiers(tmp_path: Path, name: str) -> None:
    assert load(f"{write(tmp_path, name, PLAIN)}:Net").class_name == "Net"


def test_dataclasses_and_future_annotations(tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "from typing import ClassVar\n@dataclass\nclass Config:\n"
        "    width: int = 4\n    kind: ClassVar[str] = 'x'\n"
    ) + PLAIN.replace("width=3", "config=Config()").replace("(width", "(config.width")
    assert load_text(tmp_path, text).module.fc.in_features == 4


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    assert load_text(tmp_path, PLAIN).module.fc.in_features == 3
    edited = PLAIN.replace("width=3", "width=44")
    assert load_text(tmp_path, edited).module.fc.in_features == 44


def test_file_in_a_package_with_relative_imports(tmp_path: Path) -> None:
    write(tmp_path, "pack_of_nets/__init__.py", "from .settings import WIDTH\n")
    write(tmp_path, "pack_of_nets/settings.py", "WIDTH = 9\n")
    write(tmp_path, "pack_of_nets/deep/__init__.py", "")
    write(
        tmp_path,
        "pack_of_nets/deep/net.py",
        "from ..settings import WIDTH\nfrom . import __name__ as package\n"
        "from pack_of_nets import WIDTH as SAME\nassert SAME is WIDTH\n"
        + PLAIN.replace("=3", "=WIDTH"),
    )
    loaded = load(f"{tmp_path / 'pack_of_nets' / 'deep' / 'net.py'}:Net")
    assert loaded.module.fc.in_features == 9
    assert type(loaded.module).__module__ == "pack_of_nets.deep.net"
    # An edited file is read again here too.
    write(tmp_path, "pack_of_nets/deep/net.py", PLAIN.replace("=3", "=11"))
    again = load(f"{tmp_path / 'pack_of_nets' / 'deep' / 'net.py'}:Net")
    assert again.module.fc.in_features == 11


def test_package_init_file(tmp_path: Path) -> None:
    write(tmp_path, "pack_with_net/__init__.py", "from .inner import WIDTH\n" + PLAIN)
    write(tmp_path, "pack_with_net/inner.py", "WIDTH = 1\n")
    assert load(f"{tmp_path / 'pack_with_net' / '__init__.py'}:Net").class_name == "Net"


@pytest.mark.parametrize("stand", ["elsewhere", "project", "models"])
@pytest.mark.parametrize("folder", ["models", "my-models", "torch"])
def test_relative_imports_without_init_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand: str, folder: str
) -> None:
    project = tmp_path / "project"
    write(project, "settings_here.py", "WIDTH = 9\n")
    write(project, f"{folder}/blocks.py", "from ..settings_here import WIDTH\n")
    text = "from .blocks import WIDTH\nfrom ..settings_here import WIDTH as SAME\n"
    path = write(project, f"{folder}/net.py", text + PLAIN.replace("=3", "=WIDTH"))
    (tmp_path / "elsewhere").mkdir()
    with monkeypatch.context() as context:
        context.chdir({"elsewhere": tmp_path / "elsewhere", "project": project}.get(
            stand, project / folder
        ))  # fmt: skip
        assert load(f"{path}:Net").module.fc.in_features == 9
        assert load(f"{path}:Net").module.fc.in_features == 9
    import torch as same

    assert same is torch


def test_two_projects_with_relative_imports_and_the_same_folder_names(tmp_path: Path) -> None:
    for width in (5, 6):
        write(tmp_path, f"{width}/nets_dir/blocks.py", f"WIDTH = {width}\n")
        text = "from .blocks import WIDTH\n" + PLAIN.replace("=3", "=WIDTH")
        path = write(tmp_path, f"{width}/nets_dir/net.py", text)
        assert load(f"{path}:Net").module.fc.in_features == width


def test_relative_import_of_what_is_not_there(tmp_path: Path) -> None:
    message = refuse(f"{write(tmp_path, 'net.py', 'from .blocks import x')}:Net")
    assert message.startswith("net.py raised ModuleNotFoundError (net.py, line 1)")
    assert "blocks" in message


def test_file_in_a_package_that_is_written_as_a_script(tmp_path: Path) -> None:
    write(tmp_path, "scripts_pack/__init__.py", "")
    write(tmp_path, "scripts_pack/blocks_beside.py", "WIDTH = 4\n")
    text = "from blocks_beside import WIDTH\n" + PLAIN.replace("=3", "=WIDTH")
    path = write(tmp_path, "scripts_pack/net.py", text)
    assert load(f"{path}:Net").module.fc.in_features == 4


def test_working_directory_is_importable_for_a_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "source_tree/nets.py", "WIDTH = 8\n")
    text = "from source_tree.nets import WIDTH\n" + PLAIN.replace("=3", "=WIDTH")
    path = write(tmp_path, "tools/net.py", text)
    with monkeypatch.context() as context:
        context.chdir(tmp_path)
        assert load(f"{path}:Net").module.fc.in_features == 8


def test_a_copy_of_an_installed_package(tmp_path: Path) -> None:
    import hypothesis.errors as installed

    write(tmp_path, "hypothesis/__init__.py", "WIDTH = 6\n")
    text = "from . import WIDTH\n" + PLAIN.replace("=3", "=WIDTH")
    path = write(tmp_path, "hypothesis/errors.py", text)
    assert load(f"{path}:Net").module.fc.in_features == 6
    assert sys.modules["hypothesis.errors"] is installed


def test_the_command_line_is_hidden_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["cnnshape", "inspect", "net.py:Net"])
    text = (
        "import argparse\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--width', type=int, default=8)\nargs = parser.parse_args()\n"
    )
    assert load_text(tmp_path, text + PLAIN.replace("=3", "=args.width")).module.fc.in_features == 8


def test_main_block_is_not_run(tmp_path: Path) -> None:
    load_text(tmp_path, PLAIN + "\nif __name__ == '__main__':\n    raise RuntimeError\n")


def test_exit_while_importing(tmp_path: Path) -> None:
    path = write(tmp_path, "net.py", PLAIN + "\nimport sys; sys.exit('done')\n")
    message = refuse(f"{path}:Net")
    assert "net.py called sys.exit('done') while it was loaded" in message
    assert '`if __name__ == "__main__":`' in message


def test_exit_while_building(tmp_path: Path) -> None:
    text = PLAIN.replace("super().__init__()", "raise SystemExit(3)")
    assert "called sys.exit(3)" in refuse(f"{write(tmp_path, 'net.py', text)}:Net")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import not_installed_anywhere\n", "net.py raised ModuleNotFoundError (net.py, line 1)"),
        ("import not_installed_anywhere\n", ": No module named 'not_installed_anywhere'"),
        ("x = 1\n1 / 0\n", "net.py raised ZeroDivisionError (net.py, line 2): division by zero"),
        ("def broken(:\n", "net.py raised SyntaxError (net.py, line 1)"),
        ("raise ValueError('first\\nsecond')\n", "ValueError (net.py, line 1): first"),
        ("class E(Exception):\n    def __str__(self): raise RuntimeError\nraise E\n",
         "net.py raised E (net.py, line 3): (its message cannot be shown)"),
        ("raise KeyError\n", "(no message)"),
        ("def f(): f()\nf()\n", "net.py raised RecursionError (net.py, line 1)"),
    ],
)  # fmt: skip
def test_raising_while_importing(tmp_path: Path, text: str, words: str) -> None:
    assert words in refuse(f"{write(tmp_path, 'net.py', text)}:Net")


def test_a_file_of_bytes(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_bytes(b"\xff\xfe\x00x = 1")
    assert refuse(f"{path}:Net").startswith("net.py raised ")


def test_raising_while_building_names_the_line(tmp_path: Path) -> None:
    text = PLAIN.replace(
        "super().__init__()", "super().__init__()\n        assert width > 5, 'narrow'"
    )
    message = refuse(f"{write(tmp_path, 'net.py', text)}:Net")
    assert message == "constructing Net raised AssertionError (net.py, line 7): narrow"


def test_forgotten_super_init(tmp_path: Path) -> None:
    text = PLAIN.replace("super().__init__()", "pass")
    message = refuse(f"{write(tmp_path, 'net.py', text)}:Net")
    assert "before Module.__init__() call" in message


def test_endless_recursion_while_building(tmp_path: Path) -> None:
    text = PLAIN.replace("super().__init__()", "Net()")
    assert "RecursionError" in refuse(f"{write(tmp_path, 'net.py', text)}:Net")


def test_keyboard_interrupt_passes(tmp_path: Path) -> None:
    path = write(tmp_path, "net.py", "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load(f"{path}:Net")


@pytest.mark.parametrize(
    ("text", "spec", "words"),
    [
        (PLAIN.replace("width=3", "width, depth"), "Net",
         "Net needs width and depth: give them as literals, Net(width=…, depth=…)"),
        (PLAIN.replace("width=3", "width"), "Net(num_classes=1)", "Net needs width: give it as"),
        (PLAIN, "Net(num_clases=3)", "Net has no argument 'num_clases'; did you mean num_classes?"),
        (PLAIN, "Net(q=3)", "Net has no argument 'q'; it takes width and num_classes"),
        ("def make(x, /): pass\n", "make", "it takes some by position only"),
        (PLAIN + "\nnet = Net()\n", "net(width=2)", "net is an instance, already built"),
        ("def make(): return [1]\n", "make", "make returned a list, expected an nn.Module"),
        ("def make(): pass\n", "make", "make returned a NoneType, expected an nn.Module"),
        ("x = 5\n", "x", "x is no nn.Module but an int"),
        ("class Plain: pass\n", "Plain", "the class Plain is no nn.Module"),
        ("import torch\nx = torch.zeros(3)\n", "x", "x is no nn.Module but a Tensor"),
    ],
)  # fmt: skip
def test_what_cannot_be_built(tmp_path: Path, text: str, spec: str, words: str) -> None:
    assert words in refuse(f"{write(tmp_path, 'net.py', text)}:{spec}")


def test_names_that_are_not_there(tmp_path: Path) -> None:
    path = write(tmp_path, "network.py", PLAIN + "\ndef build(): return Net()\n")
    assert refuse(f"{path}:net", ModelNotFoundError).endswith("has no 'net'; did you mean Net?")
    assert refuse(f"{path}:Xyz", ModelNotFoundError).endswith("it defines Net and build")
    missing = tmp_path / "netwrk.py"
    assert refuse(f"{missing}:Net", ModelNotFoundError) == (
        f"there is no file {missing}; did you mean network.py?"
    )
    nowhere = tmp_path / "no" / "net.py"
    assert "the folder" in refuse(f"{nowhere}:Net", ModelNotFoundError)
    (tmp_path / "folder.py").mkdir()
    assert "there is no file" in refuse(f"{tmp_path / 'folder.py'}:Net", ModelNotFoundError)


def test_scripted_and_wrapped_modules(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "net.py",
        PLAIN + "\nimport torch\ndef scripted(): return torch.jit.script(Net())\n"
        "def parallel(): return nn.DataParallel(Net())\n"
        "def compiled(): return torch.compile(Net())\n",
    )
    for name in ("scripted", "parallel", "compiled"):
        assert load(f"{path}:{name}").class_name == "Net"


@pytest.mark.usefixtures("torchvision")
def test_nothing_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    text = (
        "from torchvision.models import resnet18\nfrom torchvision.models.segmentation import *\n"
        "def net(): return resnet18(weights='DEFAULT')\n"
    )
    path = write(tmp_path, "net.py", text)
    download = torch.hub.download_url_to_file
    message = refuse(f"{path}:net")
    assert "wants to download https://download.pytorch.org/models/resnet18-" in message
    assert "weights=None" in message
    assert torch.hub.download_url_to_file is download
    assert "HF_HUB_OFFLINE" not in os.environ
