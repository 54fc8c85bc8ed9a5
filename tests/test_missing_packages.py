"""A package that is missing or broken: what needs it says so in one sentence, with one command.

Each command runs in a process of its own that does not find the package.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
HIDING = ROOT / "tests" / "hiding"


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="each command runs in a fork")


def run_each(folder: Path, cases: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The cases of ``tests/hiding/server.py`` with their results, one after the other."""
    done = subprocess.run(
        [sys.executable, str(HIDING / "server.py")],
        input=json.dumps(cases),
        cwd=folder,
        # No programs: a dot on the PATH would stand in for pygraphviz.
        env=os.environ | {"PYTHONPATH": str(ROOT), "PATH": str(folder)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return [case | result for case, result in zip(cases, json.loads(done.stdout), strict=True)]


def python(folder: Path, *arguments: str, hidden: str) -> subprocess.CompletedProcess[str]:
    """Python without one package."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ
        | {"HIDDEN": hidden, "PYTHONPATH": os.pathsep.join((str(HIDING), str(ROOT)))},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def one_sentence(done: dict[str, Any]) -> str:
    """The error of a command that ends with 2: one line, and no traceback."""
    assert done["code"] == 2, done
    (line,) = [line for line in done["err"].splitlines() if line.startswith("error: ")]
    return line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\n\n"
        "class Net(nn.Linear):\n"
        "    def __init__(self):\n"
        "        super().__init__(4, 2)\n\n"
        "    def forward(self, x):\n"
        "        return super().forward(x)\n"
    )
    (tmp_path / "shapes.yaml").write_text("C1: 1,6,28,28\n")
    (tmp_path / "w.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    for name, config in {
        "bert": {"model_type": "bert"},
        "unet": {"_class_name": "UNet2DModel", "sample_size": 8},
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(config))
    (tmp_path / "p.pgm").write_bytes(b"P5 28 28 255\n" + bytes(784))
    return tmp_path


MISSING = [
    ("timm", "inspect timm:resnet18", "pip install timm"),
    ("transformers", "inspect hf:bert", "pip install transformers"),
    ("diffusers", "inspect hf:unet", "pip install diffusers"),
    ("safetensors", "inspect lenet --weights w.safetensors", "pip install safetensors"),
    ("sklearn", "train lenet --epochs 1 --output run", 'pip install "cnnshape[train]"'),
    ("matplotlib", "features lenet p.pgm --layer C1 -o f.png", 'pip install "cnnshape[train]"'),
    ("jaxtyping", "annotate net.py:Net -i 1,4 --jaxtyping --write", "pip install jaxtyping"),
    ("tensorboard", "train lenet --epochs 1 --tensorboard --output r", "pip install tensorboard"),
    ("distributed", "sweep lenet --scheduler tcp://127.0.0.1:1 -o z.csv",
     'pip install "cnnshape[cluster]"'),
    ("torchvision", "inspect torchvision:resnet18", "torchvision"),
    ("torchvision", "train lenet --data mnist --output run", "torchvision"),
    # What comes with cnnshape, and was taken away.
    ("yaml", "check lenet --expect shapes.yaml", "pip install PyYAML"),
    ("pygraphviz", "draw lenet -o lenet.svg", "(pip install pygraphviz)"),
    ("graphviz", "draw lenet -o lenet.svg", "pip install graphviz"),
    ("jinja2", "formula conv --input 8 --kernel 3 -o c.html", "pip install jinja2"),
    ("PIL", "formula conv --input 8 --kernel 3 -o c.png", "pip install pillow"),
    ("pebble", "sweep lenet -o z.csv", "pip install pebble"),
    ("filelock", "train lenet --epochs 1 --output run", "pip install filelock"),
]  # fmt: skip


def test_a_missing_package_names_its_command(folder: Path) -> None:
    cases = [{"hidden": package, "command": command} for package, command, _ in MISSING]
    for done, (package, _, mend) in zip(run_each(folder, cases), MISSING, strict=True):
        said = one_sentence(done)
        assert mend in said, (package, said)
        assert said.count("pip install") == 1, said


def test_torch_itself_is_missing(folder: Path) -> None:
    done = python(folder, "-m", "cnnshape", "inspect", "lenet", hidden="torch")
    assert done.returncode == 2
    assert done.stderr == "error: this needs torch, which is not installed: pip install torch\n"


@pytest.mark.parametrize(
    ("package", "module", "mend"),
    [
        ("sphinx", "cnnshape.integrations.sphinx", 'pip install "cnnshape[sphinx]"'),
        ("pymdownx", "cnnshape.integrations.mkdocs", 'pip install "cnnshape[mkdocs]"'),
    ],
)
def test_an_integration_names_its_command(
    package: str, module: str, mend: str, folder: Path
) -> None:
    last = python(folder, "-c", f"import {module}", hidden=package).stderr.splitlines()[-1]
    assert last.startswith("cnnshape.errors.MissingDependencyError: ")
    assert mend in last


#: What neither a table, nor a formula, nor DOT, nor a check of sizes needs.
UNNEEDED = (
    "torchvision,torchinfo,pygraphviz,yaml,jinja2,markupsafe,pebble,rich,PIL,sklearn,matplotlib,"
    "timm,transformers"
)
NEED_LITTLE = [
    "inspect lenet",
    "inspect lenet -f json",
    "formula conv --input 28 --kernel 5",
    "check lenet",
    "sizes lenet -i 1,1,H,28 --range 26:30",
    "annotate lenet",
    "params lenet",
    "compare lenet lenet-d2l",
    "draw lenet -o lenet.dot",
    "models lenet",
]


def test_what_a_missing_package_does_not_concern(folder: Path) -> None:
    cases = [{"hidden": UNNEEDED, "command": command} for command in NEED_LITTLE]
    for done in run_each(folder, cases):
        assert done["code"] == 0, done
        if done["command"] == "check lenet":
            assert "torchinfo is not installed: pip install torchinfo" in done["out"]


BROKEN = {
    "another torch": "RuntimeError('operator torchvision::nms does not exist')",
    "another Python": "ImportError('cannot import name nms')",
    "another C++": "OSError('torchvision/_C.so: undefined symbol: _ZN3c10')",
}
NEED_TORCHVISION = [
    "inspect torchvision:resnet18",
    "inspect torchvision.models:resnet18 -i 1,3,64,64",
    "compare lenet torchvision:resnet18",
    "sweep torchvision:resnet* -o z.csv",
    "predict torchvision:resnet18 p.pgm",
    "train lenet --data mnist --output mnist",
]
#: Others import it: it is blamed, not they.
IMPORT_TORCHVISION = {"timm": "inspect timm:resnet18", "transformers": "inspect hf:bert"}
NEED_NONE = [
    "--version",
    "inspect lenet",
    "check lenet",
    "sizes lenet -i 1,1,H,28 --range 26:30",
    "annotate lenet",
    "compare lenet lenet-d2l",
    "params lenet",
    "models",
    "draw lenet -o lenet.svg",
    "inspect lenet -o lenet.html",
    "predict lenet p.pgm",
    "train lenet --epochs 1 --output run",
    "evaluate run",
    "features run --page -o run.html",
]


def shadow(folder: Path, raised: str) -> str:
    """A folder whose torchvision raises as one for another torch does."""
    package = folder / "shadow" / "torchvision"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"raise {raised}\n")
    return str(package.parent)


def test_a_torchvision_that_does_not_fit_breaks_nothing_else(folder: Path) -> None:
    first = shadow(folder, BROKEN["another torch"])
    for done in run_each(folder, [{"first": first, "command": command} for command in NEED_NONE]):
        assert done["code"] == 0, done


def test_what_needs_torchvision_says_that_it_does_not_fit(folder: Path) -> None:
    others = [command for name, command in IMPORT_TORCHVISION.items() if find_spec(name)]
    cases = [
        {"first": first, "command": command}
        for cause, first in {
            cause: shadow(folder / cause, BROKEN[cause]) for cause in BROKEN
        }.items()
        for command in [*NEED_TORCHVISION, *(others if cause == "another torch" else [])]
    ]
    for done in run_each(folder, cases):
        said = one_sentence(done)
        assert "does not work with torch" in said, done
        assert said.count("pip install") == 1, said
