"""What may not be imported before it is needed, and which names are public."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import cnnshape


def python(code: str, folder: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    return done.stdout


HEAVY = "torch torchvision numpy rich graphviz pygraphviz torchinfo sympy yaml".split()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["formula", "--help"],
        ["formula", "conv", "--input", "28", "--kernel", "5"],
        ["formula", "conv", "(W - F + 2P)/S + 1"],
        ["inspect", "--help"],
        ["check", "--help"],
        ["explain", "--help"],
        ["models", "--help"],
        ["sweep", "--help"],
    ],
)
def test_nothing_heavy_is_imported(arguments):
    code = (
        "import sys, contextlib, io\n"
        "from cnnshape.cli.main import run\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        f"    run({arguments!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert python(code).strip() == "[]"


#: What is only for pictures, pages, training, sweeps, YAML and the models of others.
SPECIAL = (
    "pygraphviz graphviz PIL jinja2 yaml matplotlib sklearn scipy pebble filelock torchvision timm "
    "transformers torchinfo rich sympy"
).split()


def test_a_pass_imports_no_more_than_it_needs(tmp_path):
    script = tmp_path / "fails.py"
    script.write_text("import torch\ntorch.nn.Linear(4, 2)(torch.zeros(1, 3))\n")
    code = (
        "import sys, contextlib, io\n"
        "from cnnshape.cli.main import run\n"
        "def imported(*commands):\n"
        "    with contextlib.redirect_stdout(io.StringIO()) as out:\n"
        "        codes = [run(command.split()) for command in commands]\n"
        f"    return codes, [name for name in {SPECIAL!r} if name in sys.modules]\n"
        "print(imported('formula conv --input 28 --kernel 5', 'inspect lenet', 'params lenet',"
        f"               'inspect lenet -f json', 'annotate lenet', 'explain {script.name}'))\n"
        "print(imported('check lenet --expect C1=1,6,28,28'))\n"
    )
    first, second = python(code, tmp_path).splitlines()
    assert first == "([0, 0, 0, 0, 0, 1], [])"
    assert second == "([0], ['torchinfo'])"  # whose totals stand beside ours


def test_importing_the_package_is_light():
    code = f"import sys, cnnshape; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert python(code).strip() == "[]"


def test_public_names():
    assert set(cnnshape.__all__) >= {
        "CnnshapeError",
        "Report",
        "UsageError",
        "check",
        "formula",
        "inspect",
        "params",
    }
    for name in cnnshape.__all__:
        assert getattr(cnnshape, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'inspekt'"):
        cnnshape.inspekt


def test_python_dash_m():
    done = subprocess.run(
        [sys.executable, "-m", "cnnshape", "--version"],
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "cnnshape",
        "Python",
        "torch",
        "torchvision",
        "Graphviz",
    ]


def test_unknown_command_names_the_nearest(capsys):
    from cnnshape.cli.main import run

    assert run(["inspekt", "lenet"]) == 2
    assert "no command 'inspekt'; did you mean inspect?" in capsys.readouterr().err
