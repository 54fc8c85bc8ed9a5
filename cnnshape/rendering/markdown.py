"""A Markdown table (GitHub's dialect) for READMEs and issues."""

from __future__ import annotations

from collections.abc import Sequence

from cnnshape.analysis.report import Report
from cnnshape.rendering import escape
from cnnshape.rendering.columns import (
    Column,
    align_of,
    choose_columns,
    in_and_out,
    paired,
    title_of,
)
from cnnshape.rendering.failure import failure_lines
from cnnshape.rendering.patterns import pattern_markdown
from cnnshape.rendering.row import DEFAULT, Row, Table, TableOptions
from cnnshape.rendering.rows import select_rows
from cnnshape.rendering.styled_text import plain
from cnnshape.rendering.summary import footer, header

_RULES = {"left": ":---", "right": "---:", "center": ":---:"}


def to_markdown(report: Report, options: TableOptions = DEFAULT) -> str:
    """The report as Markdown: a line about the model, the table, a line of totals.

    Layers have their whole paths; sums of the rows below are in italics.
    """
    table = select_rows(report, options)
    columns = paired(choose_columns(table, options.columns, options.formulas))
    lines = [_bold_first(plain(line)) for line in header(report, None)]
    lines += ["", _row([title_of(part) for part in columns])]
    lines.append(_row([_RULES[align_of(part)] for part in columns]))
    lines += [_row([_cell(row, part, table) for part in columns]) for row in table.rows]
    if options.patterns:
        lines += ["", *pattern_markdown(report.patterns)]
    failure = failure_lines(report, 100)
    if failure:
        text = "\n".join(plain(line) for line in failure).strip("\n")
        lines += ["", "```text", text.replace("```", "` ` `"), "```"]
    lines += [
        "",
        "  \n".join(escape.markdown(plain(line).strip()) for line in footer(report, None)),
    ]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _bold_first(text: str) -> str:
    name, gap, rest = text.partition("  ")
    return f"**{escape.markdown(name)}**{gap}{escape.markdown(rest)}"


def _cell(row: Row, part: tuple[Column, ...], table: Table) -> str:
    if len(part) == 2:
        return escape.markdown(in_and_out(row, table.hide_batch))
    only = part[0]
    if only.name == "layer":
        return _name(row)
    text = escape.markdown(only.text(row, table.hide_batch))
    if only.name == "type" and row.role == "operation":
        return f"*{text}*"
    return f"*{text}*" if text and row.sums and only.align == "right" else text


def _name(row: Row) -> str:
    mark = "✗ " if row.state == "failed" else ""
    name = "" if row.role == "operation" else escape.markdown_code(row.name)
    return f"{mark}{name} {row.tag}".strip()
