"""The pages that a project has beside its code: they parse, and say what is so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import cnnshape

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("file", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda f: f.name)
def test_yaml_parses(file: Path) -> None:
    assert isinstance(yaml.safe_load(file.read_text(encoding="utf-8")), dict)


@pytest.mark.parametrize("name", ["wrong_number", "error"])
def test_a_report_asks_for_version_and_json(name: str) -> None:
    file = ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml"
    form = yaml.safe_load(file.read_text(encoding="utf-8"))
    labels = " ".join(field["attributes"].get("label", "") for field in form["body"])
    assert "cnnshape --version" in labels
    assert "-f json" in labels


def test_the_citation_names_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == cnnshape.__version__
    assert citation["cff-version"] == "1.2.0"


def test_workflows_splice_no_foreign_text_into_a_shell() -> None:
    for file in (ROOT / ".github" / "workflows").glob("*.yml"):
        for job in yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"].values():
            for step in job["steps"]:
                spliced = re.findall(
                    r"\$\{\{\s*github\.(?:event|head_ref|ref_name)", step.get("run", "")
                )
                assert not spliced, file.name


def step(workflow: str, name: str) -> str:
    """What a step of a workflow runs."""
    file = ROOT / ".github" / "workflows" / workflow
    jobs = yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"].values()
    (found,) = [s for job in jobs for s in job["steps"] if s.get("name") == name]
    return found["run"]


@pytest.mark.skipif(sys.platform == "win32", reason="the workflow runs on Linux")
def test_a_release_says_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    subprocess.run(
        ["bash", "-euc", step("release.yml", "the package says where it comes from")],
        cwd=tmp_path,
        env=os.environ | {"ADDRESS": "https://forge.example/us/cnnshape"},
        check=True,
    )
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["urls"]["Issues"] == "https://forge.example/us/cnnshape/issues"
    assert project["name"] == "cnnshape"


@pytest.mark.skipif(sys.platform == "win32", reason="the workflow runs on Linux")
@pytest.mark.parametrize(
    ("heading", "code"),
    [
        ("## 1.2.3 (2026-12-01)", 0),
        ("## 1.2.3", 1),
        ("## Unreleased", 1),
        ("## 1.2.30 (2026-12-01)", 1),
    ],
)
def test_a_release_needs_its_heading_in_the_changelog(
    heading: str, code: int, tmp_path: Path
) -> None:
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n{heading}\n")
    done = subprocess.run(
        ["bash", "-euc", step("release.yml", "the changelog has the version, with its day")],
        cwd=tmp_path,
        env=os.environ | {"TAG": "v1.2.3"},
        capture_output=True,
    )
    assert done.returncode == code


def test_the_changelog_is_by_version() -> None:
    headings = re.findall(r"^## (.*)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased" or headings[0].startswith(f"{cnnshape.__version__} (")
    for heading in headings[1:]:
        assert re.fullmatch(r"\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", heading)


def test_one_script_builds_the_wheel_everywhere() -> None:
    for file in (".ci/run", ".github/workflows/release.yml"):
        assert "bash .ci/wheel" in (ROOT / file).read_text(encoding="utf-8")


def test_the_security_policy_says_what_runs_code() -> None:
    policy = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "Naming a model of your own runs it" in policy


def test_every_dependency_is_named_with_why() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    told = (ROOT / "docs" / "install.md").read_text(encoding="utf-8").lower()
    for needed in project["dependencies"]:
        name = re.match(r"[\w-]+", needed)[0].lower()
        assert f"| {name} |" in told or name in (
            "torch", "torchvision", "filelock", "jinja2", "tomli"  # torch has them; Python 3.10's
        ), name  # fmt: skip


def test_every_extra_is_listed_where_installing_is_told() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    extras = re.findall(r"^(\w+) = \[", section, re.MULTILINE)
    told = (ROOT / "docs" / "install.md").read_text(encoding="utf-8").partition("## Extras")[2]
    assert extras
    for extra in extras:
        assert f"`{extra}`" in told, extra
