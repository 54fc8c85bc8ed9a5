"""Installing beside a torch that is there: pip's own resolver, on an index of empty packages."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytest.importorskip("pip")

ROOT = Path(__file__).parents[1]
DEPENDENCIES: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "dependencies"
]


def make_wheel(folder: Path, name: str, version: str, requires: list[str]) -> None:
    info = f"{name}-{version}.dist-info"
    needed = "".join(f"Requires-Dist: {one}\n" for one in requires)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            f"Provides-Extra: train\n{needed}",
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every torch since 2.6 with its torchvision, and what else cnnshape depends on."""
    folder = tmp_path_factory.mktemp("index")
    for minor in range(6, 15):
        make_wheel(folder, "torch", f"2.{minor}.0", [])
        needed = f"torch==2.{minor}.0" if minor < 14 else f"torch>=2.{minor}.0"
        make_wheel(folder, "torchvision", f"0.{minor + 15}.0", [needed])
    for needed in DEPENDENCIES:
        name = re.match(r"[\w-]+", needed)[0].lower()
        if not name.startswith("torch") or name == "torchinfo":
            make_wheel(folder, name, "99.0", [])
    make_wheel(folder, "cnnshape", "99.0", [*DEPENDENCIES, 'matplotlib; extra == "train"'])
    return folder


def planned(
    tmp_path: Path, index: Path, there: list[str], asked: list[str], later: Path | None = None
) -> dict[str, str]:
    """What pip would install where these packages are, by name; from ``later``, if given."""
    venv.create(tmp_path / "env", with_pip=False)
    python = next((tmp_path / "env").glob("[bS]*/python*"))
    pip = [sys.executable, "-m", "pip", "--isolated", "--python", str(python), "install"]
    offline = ["--no-index", "--find-links"]
    subprocess.run([*pip, "--quiet", *offline, str(index), *there], check=True, capture_output=True)
    done = subprocess.run(
        [*pip, "--dry-run", *offline, str(later or index), *asked],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("Would install")]
    return dict(word.rsplit("-", 1) for word in line.split()[2:])


def test_torch_and_its_torchvision_stay(tmp_path: Path, index: Path) -> None:
    there = ["torch==2.6.0", "torchvision==0.21.0"]
    new = planned(tmp_path, index, there, ["cnnshape"])
    assert "torchinfo" in new
    assert not {"torch", "torchvision"} & set(new)


def test_a_torch_that_is_named_stays_and_gets_its_torchvision(tmp_path: Path, index: Path) -> None:
    new = planned(tmp_path, index, ["torch==2.9.0"], ["cnnshape", "torch==2.9.0"])
    assert "torch" not in new
    assert new["torchvision"] == "0.24.0"


def test_a_torch_alone_is_moved_by_pip(tmp_path: Path, index: Path) -> None:
    """What docs/install.md warns of; once pip is wiser, the warning can go."""
    new = planned(tmp_path, index, ["torch==2.9.0"], ["cnnshape"])
    assert new["torch"] == "2.14.0"


def test_an_extra_is_added_to_what_is_there(tmp_path: Path, index: Path) -> None:
    """The command that errors name, where no index has cnnshape itself."""
    alone = tmp_path / "alone"
    alone.mkdir()
    make_wheel(alone, "matplotlib", "99.0", [])
    there = ["cnnshape", "torch==2.9.0"]
    assert planned(tmp_path, index, there, ["cnnshape[train]"], alone) == {"matplotlib": "99.0"}
