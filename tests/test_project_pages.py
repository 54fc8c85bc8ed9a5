"""The pages that a project has beside its code: they parse, and say what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import cnnshape

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


def test_every_extra_is_listed_where_installing_is_told() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    extras = re.findall(r"^(\w+) = \[", section, re.MULTILINE)
    told = (ROOT / "docs" / "install.md").read_text(encoding="utf-8").partition("## Extras")[2]
    assert extras
    for extra in extras:
        assert f"`{extra}`" in told, extra
