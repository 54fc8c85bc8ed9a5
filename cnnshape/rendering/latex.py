r"""A LaTeX table in the style of papers (booktabs), its sizes as mathematics.

>>> shape_latex((6, 28, 28)), shape_latex(("N", "H//2 - 4"))
('$6 \\times 28 \\times 28$', '$N \\times (\\lfloor H/2 \\rfloor - 4)$')
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from cnnshape.analysis.report import Report
from cnnshape.rendering import escape
from cnnshape.rendering.columns import Column, align_of, choose_columns, paired, title_of
from cnnshape.rendering.failure import one_line
from cnnshape.rendering.row import DEFAULT, Row, Table, TableOptions
from cnnshape.rendering.rows import select_rows
from cnnshape.rendering.styled_text import plain
from cnnshape.rendering.summary import footer, header
from cnnshape.tracing.trace import Dim, Shape

_LETTERS = {"left": "l", "right": "r", "center": "c"}
#: A page holds about this many rows; longer tables must be able to break.
_PAGE = 45
#: How tightly an expression holds together; what binds less gets brackets.
_SUM, _PRODUCT, _ATOM = 1, 2, 3
_MARKS = {"match": r"$\checkmark$", "mismatch": r"$\times$", "uncovered": "?", "": ""}


def to_latex(report: Report, options: TableOptions = DEFAULT) -> str:
    r"""The report as a ``tabular``, or as a ``longtable`` where it does not fit on a page.

    The first lines, comments, name the packages it needs and say what the notes say. With a caption
    or a label a ``tabular`` stands in a ``table`` of its own.
    """
    table = select_rows(report, options)
    parts = paired(choose_columns(table, options.columns, options.formulas))
    long = len(table.rows) > _PAGE
    environment = "longtable" if long else "tabular"
    packages = "booktabs,amsmath,amssymb" + (",longtable" if long else "")
    what = " ".join(plain(line).strip() for line in header(report, None))
    letters = "".join(_LETTERS[align_of(part)] for part in parts)
    last = [plain(line).strip() for line in footer(report, None)][:1]
    if report.error is not None:
        last = [one_line(report), *last]
    told = _caption(options)
    floats = bool(told) and not long
    return "\n".join(
        [
            f"% {escape.visible(what)}",
            rf"% \usepackage{{{packages}}}",
            *(f"% note: {escape.visible(note)}" for note in report.notes),
            *([r"\begin{table}", r"\centering", told] if floats else []),
            rf"\begin{{{environment}}}{{{letters}}}",
            *([rf"{told} \\"] if told and long else []),
            r"\toprule",
            _row([escape.latex(title_of(part)) for part in parts]),
            r"\midrule" + ("\n\\endhead" if long else ""),
            *(_row([_cell(row, part, table) for part in parts]) for row in table.rows),
            r"\midrule",
            *(_across(escape.latex(line), len(parts)) for line in last),
            r"\bottomrule",
            rf"\end{{{environment}}}",
            *([r"\end{table}"] if floats else []),
        ]
    )


def _caption(options: TableOptions) -> str:
    r"""Caption and label as LaTeX.

    >>> print(_caption(TableOptions(caption="LeNet_5, 50% smaller", label="tab:lenet")))
    \caption{LeNet\_5, 50\% smaller}\label{tab:lenet}
    """
    caption = rf"\caption{{{escape.latex(options.caption)}}}" if options.caption else ""
    return caption + (rf"\label{{{options.label}}}" if options.label else "")


def _row(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _across(text: str, columns: int) -> str:
    return rf"\multicolumn{{{columns}}}{{l}}{{{text}}} \\"


def _cell(row: Row, part: tuple[Column, ...], table: Table) -> str:
    hide = table.hide_batch
    if len(part) == 2:
        return _in_and_out(row, part, hide)
    only = part[0]
    if only.name == "layer":
        return _label(row)
    if only.name == "check":
        return _MARKS[row.status]
    if only.name == "output" and row.outputs and row.state == "ran":
        return _shapes(row.outputs, hide)
    if only.name == "input":
        return _shapes(row.inputs, hide)
    if only.name == "macs" and isinstance(row.macs, str):
        return f"${dim_latex(row.macs)}$"
    text = escape.latex(only.text(row, hide))
    return rf"\textit{{{text}}}" if text and row.sums and only.align == "right" else text


def _label(row: Row) -> str:
    indent = rf"\hspace*{{{row.depth - 1}em}}" if row.depth > 1 else ""
    mark = r"$\times$ " if row.state == "failed" else ""
    name = rf"\texttt{{{escape.latex(row.label)}}}" if row.role != "operation" else ""
    tag = f" {escape.latex(row.tag)}" if row.tag else ""
    return f"{indent}{mark}{name}{tag}"


def _in_and_out(row: Row, part: tuple[Column, ...], hide: bool) -> str:
    out = escape.latex(part[1].text(row, hide))
    if row.state in ("failed", "unfinished"):
        return rf"{_shapes(row.inputs, hide)} $\to$ {out}"
    if row.state != "ran":
        return out if not row.outputs else _shapes(row.outputs, hide and row.role != "parameter")
    shown = _shapes(row.inputs, hide) if row.changed else ""
    out = _shapes(row.outputs, hide)
    return rf"{shown} $\to$ {out}" if shown else out


def _shapes(shapes: Sequence[Shape], hide: bool) -> str:
    if not shapes:
        return ""
    first = shape_latex(shapes[0][1:] if hide else shapes[0])
    return first if len(shapes) == 1 else f"{first} +{len(shapes) - 1}"


# ---- sizes as mathematics ---------------------------------------------------------------


def shape_latex(shape: Shape) -> str:
    """A shape as mathematics; an expression that would run into its neighbours gets brackets."""
    if not shape:
        return "scalar"
    least = _PRODUCT + 1 if len(shape) > 1 else _SUM
    product = r" \times ".join(_bound(dim, least) for dim in shape)
    return f"${product}$"


def dim_latex(dim: Dim) -> str:
    r"""One size or count as mathematics, without dollars.

    >>> print(dim_latex("120*(H//4 - 6)*max(W, 2)"))
    120(\lfloor H/4 \rfloor - 6)\max(W, 2)
    """
    return _bound(dim, _SUM)


def _bound(dim: Dim, least: int) -> str:
    if isinstance(dim, int):
        return str(dim)
    try:
        # Parsed, never evaluated: sizes are expressions of letters and integers.
        text, binding = _write(ast.parse(dim, mode="eval").body)
    except (SyntaxError, _UnknownError, RecursionError):
        return rf"\text{{{escape.latex(dim)}}}"
    return text if binding >= least else f"({text})"


class _UnknownError(ValueError):
    """Something that no size is made of."""


def _write(node: ast.expr) -> tuple[str, int]:
    match node:
        case ast.Name(id=name):
            return _name(name), _ATOM
        case ast.Constant(value=int(number)):
            return str(number), _ATOM
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"-{_at_least(operand, _PRODUCT)}", _SUM
        case ast.BinOp(left=left, op=operator, right=right):
            return _operation(left, operator, right)
        case ast.Call(func=ast.Name(id="max" | "min" as name), args=arguments):
            inside = ", ".join(_write(argument)[0] for argument in arguments)
            return rf"\{name}({inside})", _ATOM
        case _:
            raise _UnknownError


def _name(name: str) -> str:
    return name if len(name) == 1 else rf"\mathit{{{escape.latex(name)}}}"


def _operation(left: ast.expr, operator: ast.operator, right: ast.expr) -> tuple[str, int]:
    match operator:
        case ast.Add():
            return f"{_write(left)[0]} + {_write(right)[0]}", _SUM
        case ast.Sub():
            return f"{_write(left)[0]} - {_at_least(right, _PRODUCT)}", _SUM
        case ast.Mult():
            first, second = _at_least(left, _PRODUCT), _at_least(right, _PRODUCT)
            dot = r" \cdot " if second[0].isdigit() else ""
            return f"{first}{dot}{second}", _PRODUCT
        case ast.FloorDiv():
            return rf"\lfloor {_at_least(left, _PRODUCT)}/{_at_least(right, _ATOM)} \rfloor", _ATOM
        case ast.Mod():
            return rf"({_at_least(left, _ATOM)} \bmod {_at_least(right, _ATOM)})", _ATOM
        case _:
            raise _UnknownError


def _at_least(node: ast.expr, least: int) -> str:
    text, binding = _write(node)
    return text if binding >= least else f"({text})"
