"""JSON against its schema, Markdown and LaTeX against hostile text, formats by suffix."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from cnnshape.analysis.report import Report
from cnnshape.errors import OutputError, UsageError
from cnnshape.files import check_target, write_atomic
from cnnshape.formats import choose_format, format_of
from cnnshape.rendering.csv_ import to_csv
from cnnshape.rendering.json_ import inspect_schema, to_json
from cnnshape.rendering.latex import dim_latex, shape_latex, to_latex
from cnnshape.rendering.markdown import to_markdown
from cnnshape.rendering.report import report_text
from cnnshape.rendering.row import TableOptions
from cnnshape.rendering.writer import FORMATS, LIST_FORMATS
from tests.rendering import report_builder as build
from tests.rendering.report_builder import Net
from tests.rendering.test_table import hostile

REPORTS: dict[str, Callable[[], Report]] = {
    "lenet": build.lenet,
    "resnet": build.resnet_like,
    "failing": build.failing,
    "diagnosed": lambda: build.failing(diagnosed=True),
    "symbolic": build.symbolic,
    "tangle": build.tangle,
    "hostile": lambda: hostile('"\\\x00\ud800'),
}


@pytest.mark.parametrize("name", REPORTS)
def test_json_is_what_the_published_schema_says(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(inspect_schema())
    jsonschema.validate(json.loads(to_json(REPORTS[name]())), inspect_schema())


def test_json_has_the_keys_of_the_contract() -> None:
    data = json.loads(to_json(build.lenet()))
    assert data["model"] == {"spec": "lenet", "class": "LeNet"}
    assert data["inputs"] == [{"name": "x", "shape": [1, 1, 28, 28], "dtype": "float32"}]
    first = data["layers"][1]
    expected = {"path": "C1", "type": "Conv2d", "depth": 1, "call": 0, "called": True}
    expected |= {"input_shapes": [[1, 1, 28, 28]], "output_shapes": [[1, 6, 28, 28]]}
    expected |= {"params": 156, "macs": 117_600, "subtree_params": 156, "subtree_macs": 117_600}
    assert {key: first[key] for key in expected} == expected
    assert data["operations"][0]["op"] == "view"
    assert data["totals"]["params"] == sum(layer["params"] for layer in data["layers"]) == 61_706
    assert data["totals"]["macs"] == sum(layer["macs"] for layer in data["layers"]) == 416_520
    assert data["totals"]["checks"] == {"match": 7, "mismatch": 0, "uncovered": 0}


def test_json_of_a_failure_keeps_the_original_message_and_the_suggestions() -> None:
    error = json.loads(to_json(build.failing(diagnosed=True)))["error"]
    assert error["message"] == "mat1 and mat2 shapes cannot be multiplied (2x256 and 400x120)"
    assert (error["path"], error["op"], error["source"]) == ("fc1", "linear", "net.py:17")
    assert error["suggestions"][0]["from"] == 400
    assert error["suggestions"][0]["to"] == 256


def test_json_has_a_row_per_line_and_no_number_that_json_does_not_know() -> None:
    text = to_json(replace(build.lenet(), seconds=float("nan")))
    assert sum(line.startswith('    {"path"') for line in text.splitlines()) == 12
    assert "NaN" not in text


@pytest.mark.parametrize(
    "wrong",
    [
        lambda data: data.pop("layers"),
        lambda data: data["layers"][0].update(params=-1),
        lambda data: data["layers"][0].update(check={"status": "maybe"}),
        lambda data: data.update(mode="both"),
        lambda data: data["totals"].update(params="many"),
    ],
)
def test_the_schema_refuses_what_is_no_report(wrong: Callable[[dict], object]) -> None:
    data = json.loads(to_json(build.lenet()))
    wrong(data)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, inspect_schema())


@pytest.mark.parametrize("name", ["=SUM(A1)", "+1", "-1", "@x", "\tx"])
def test_no_cell_of_csv_is_a_formula(name: str) -> None:
    for row in csv.reader(io.StringIO(to_csv(hostile(name)))):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t"))]


def test_csv_reads_back_names_with_commas_and_quotes() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(hostile('a,"b"')))))
    assert [row["type"] for row in rows] == ['a,"b"', 'a,"b"']


def test_csv_takes_columns_depth_and_order() -> None:
    options = TableOptions(columns=("layer", "params"), sort="params", depth=1)
    rows = list(csv.reader(io.StringIO(to_csv(build.resnet_like(), options))))
    assert rows[:3] == [["path", "params"], ["fc", "200705000"], ["layer1", "131584"]]


@pytest.mark.parametrize("name", ["a|b", "*x*", "_init_", "`code`", "<script>", "[x](y)", "a\nb"])
def test_markdown_tables_survive_any_name(name: str) -> None:
    text = to_markdown(hostile(name))
    plain = to_markdown(hostile("plain"))
    assert len(text.splitlines()) == len(plain.splitlines())
    rows = [line for line in text.splitlines() if line.startswith("|")]
    bars = [len(_split_row(line)) for line in rows]
    assert len(set(bars)) == 1
    assert "<script>" not in text.replace("`<script>`", "")  # in code it is literal


def _split_row(line: str) -> list[str]:
    import re

    return re.split(r"(?<!\\)\|", line)


def test_markdown_takes_the_same_columns_as_the_table() -> None:
    text = to_markdown(build.lenet(), TableOptions(columns=("layer", "macs"), depth=1))
    assert "| layer | MACs |" in text
    assert "| `C2` | 240,000 |" in text


@pytest.mark.parametrize("name", ["50%", "a_b", "x & y", "{z}", "$1", "#2", "~", "^", "\\input{x}"])
def test_latex_escapes_any_name(name: str) -> None:
    rows = [line for line in to_latex(hostile(name)).splitlines() if line.endswith("\\\\")]
    shown = "".join(rows)
    for special in "%$#":
        assert f"\\{special}" in shown if special in name else True
    columns = {line.replace("\\&", "").count("&") for line in rows if "multicolumn" not in line}
    assert len(columns) == 1
    assert "\\input" not in shown


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_can_be_set_with_the_packages_it_names(tmp_path: Path) -> None:
    """All tables in one document, in Debian's smallest TeX."""
    tables = [to_latex(make()) for name, make in REPORTS.items() if name != "hostile"]
    tables += [to_latex(build.lenet(), TableOptions(formulas=True))]
    tables += [to_latex(build.symbolic(), TableOptions(formulas=True, sort="params"))]
    tables += [to_latex(build.long_net(60), TableOptions(expand=True))]
    tables += [to_latex(hostile(name)) for name in ("a_b%$#&{}~^", "\\end{tabular}", "<|>\"'`é")]
    named = {line[2:] for table in tables for line in table.splitlines()[:3] if "package" in line}
    body = "\n\n".join(tables)
    text = "\n".join(
        [r"\documentclass{article}", *named, r"\begin{document}", body, r"\end{document}", ""]
    )
    (tmp_path / "tables.tex").write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-1500:]


def test_latex_of_sizes() -> None:
    assert shape_latex((6, 28, 28)) == r"$6 \times 28 \times 28$"
    assert shape_latex(("N", "H//4 - 6")) == r"$N \times (\lfloor H/4 \rfloor - 6)$"
    assert dim_latex("(H + 31)//32") == r"\lfloor (H + 31)/32 \rfloor"
    assert dim_latex("a - (b - c)") == "a - (b - c)"
    assert dim_latex("not an expression") == r"\text{not an expression}"
    assert dim_latex("__import__('os')") == r"\text{\_\_import\_\_('os')}"


def test_long_latex_tables_can_break_between_pages() -> None:
    text = to_latex(build.long_net(60), TableOptions(expand=True))
    assert r"\begin{longtable}" in text
    assert r"\endhead" in text
    assert r"\begin{tabular}" in to_latex(build.lenet())


def test_latex_writes_symbolic_sizes_as_mathematics() -> None:
    text = to_latex(build.symbolic())
    assert r"$6 \times \lfloor H/2 \rfloor \times \lfloor W/2 \rfloor$" in text
    assert r"$16(\lfloor H/4 \rfloor - 6)(\lfloor W/4 \rfloor - 6)$" in text


@pytest.mark.parametrize(
    ("path", "format"),
    [
        ("a.json", "json"),
        ("a.shapes.JSON", "json"),
        ("a.csv", "csv"),
        ("a.md", "markdown"),
        ("a.markdown", "markdown"),
        ("a.tex", "latex"),
        ("a.txt", "table"),
    ],
)
def test_the_suffix_decides(path: str, format: str) -> None:
    assert format_of(path) == format


def test_unknown_suffixes_list_the_known_ones() -> None:
    known = r"\.txt, \.json, \.csv, \.md, \.markdown, \.tex"
    with pytest.raises(OutputError, match=rf"^\.xls is no known format; use one of {known}, or"):
        format_of("a.xls")
    with pytest.raises(OutputError, match=r"^lenet has no suffix; use one of"):
        format_of("lenet")
    with pytest.raises(OutputError, match=r"^\.html is a page .* cnnshape inspect for pages$"):
        format_of("a.html")
    with pytest.raises(OutputError, match=r"\.svg is a picture .* cnnshape draw"):
        format_of("a.svg")
    with pytest.raises(OutputError, match=r"^\.tex is no known format; use one of .txt, .json, "):
        format_of("a.tex", LIST_FORMATS)


def test_a_named_format_beats_the_suffix() -> None:
    assert choose_format("a.txt", "json", FORMATS) == "json"
    assert choose_format(None, None, FORMATS) == "table"
    assert choose_format("-", None, FORMATS) == "table"
    with pytest.raises(UsageError, match="no format 'yaml'; use one of table, json, csv"):
        choose_format(None, "yaml", FORMATS)


def test_targets_are_checked_before_any_work(tmp_path: Path) -> None:
    check_target(tmp_path / "new.json")
    with pytest.raises(OutputError, match="there is no folder"):
        check_target(tmp_path / "missing" / "new.json")
    with pytest.raises(OutputError, match="it is a folder; give a file name"):
        check_target(tmp_path)


@pytest.mark.parametrize("suffix", ["json", "csv", "md", "tex", "txt"])
def test_save_writes_the_suffixs_format(tmp_path: Path, suffix: str) -> None:
    path = build.lenet().save(tmp_path / f"lenet.{suffix}")
    text = path.read_text(encoding="utf-8")
    assert "C1" in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_a_report_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "lenet.json"
    target.write_text("old", encoding="utf-8")
    with pytest.raises(UsageError, match="no column 'zzz'"):
        write_atomic(target, report_text(build.lenet(), "csv", TableOptions(columns=("zzz",))))
    with pytest.raises(UsageError, match="no format 'yaml'"):
        build.lenet().save(target, "yaml")
    assert target.read_text(encoding="utf-8") == "old"


def test_a_model_without_inputs_or_outputs_has_a_table_in_every_format() -> None:
    report = Net("Nothing").report(inputs=(), outputs=())
    for each in FORMATS:
        assert "Nothing" in report_text(report, each)


def test_a_caption_and_a_label_make_a_table_of_its_own() -> None:
    options = TableOptions(caption="LeNet_5, 50% of it", label="tab:lenet")
    lines = to_latex(build.lenet(), options).splitlines()
    assert lines[2:5] == [
        r"\begin{table}",
        r"\centering",
        r"\caption{LeNet\_5, 50\% of it}\label{tab:lenet}",
    ]
    assert lines[5].startswith(r"\begin{tabular}")
    assert lines[-2:] == [r"\end{tabular}", r"\end{table}"]


def test_a_long_table_has_its_caption_inside() -> None:
    long = to_latex(build.long_net(60), TableOptions(expand=True, caption="All"))
    assert r"\begin{table}" not in long
    at = next(i for i, line in enumerate(long.splitlines()) if line == r"\caption{All} \\")
    assert long.splitlines()[at - 1].startswith(r"\begin{longtable}")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--caption", "x"], "--caption is for a table in LaTeX"),
        (["--label", "tab:x", "-f", "json"], "--label is for a table in LaTeX"),
        (["--label", "a}b", "-f", "latex"], "--label takes letters, digits and"),
    ],
)
def test_a_caption_elsewhere_and_a_key_that_is_none(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from cnnshape.cli.main import run

    assert run(["inspect", "lenet", *arguments]) == 2
    assert words in capsys.readouterr().err
