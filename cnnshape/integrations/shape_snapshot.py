"""A report as a text that lies beside a test: one line a layer, and what differs from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from cnnshape.rendering.escape import visible
from cnnshape.rendering.printing import as_text
from cnnshape.rendering.styled_text import draw_grid, span
from cnnshape.rendering.units import amount_text, shape_text

if TYPE_CHECKING:
    from cnnshape.analysis.report import Layer, Report
    from cnnshape.tracing.trace import Shape

Row = tuple[str, ...]
#: Of a difference: the mark, the path, the class, the sizes, the parameters.
_COLUMNS = 5


def snapshot_text(report: Report, written_by: str) -> str:
    """What is kept of a report: its inputs, a line for each layer, its parameters.

    >>> import cnnshape
    >>> print(snapshot_text(cnnshape.inspect("mlp", ("N", 1, 28, 28)), "written today"), end="")
    # MLP, written today
    input                x           N×1×28×28
    flatten              Flatten     N×1×28×28 → N×784
    linear_relu_stack    Sequential  N×784 → N×10
    linear_relu_stack.0  Linear      N×784 → N×512      401,920 parameters
    linear_relu_stack.1  ReLU        N×512
    linear_relu_stack.2  Linear      N×512              262,656 parameters
    linear_relu_stack.3  ReLU        N×512
    linear_relu_stack.4  Linear      N×512 → N×10       5,130 parameters
    output                           N×10
    """
    return f"# {visible(report.class_name)}, {written_by}\n{_aligned(_rows(report))}\n"


def difference(before: str, after: str) -> str:
    r"""What differs, as a table: ``-`` before each line that was, ``+`` before each that is.

    Lines that are the same are left out; how far the columns stand apart does not count.

    >>> print(difference("fc   Linear  1×4\nb  ReLU  1×4\n", "fc  Linear  1×5\nb  ReLU  1×4\n"))
    -  fc  Linear  1×4
    +  fc  Linear  1×5
    """
    old, new = _read(before), _read(after)
    changed: list[Row] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            changed += [("-", *row) for row in old[a:b]] + [("+", *row) for row in new[c:d]]
    return _aligned(changed)


def _rows(report: Report) -> Iterator[Row]:
    for one in report.inputs:
        yield "input", one.name, shape_text(one.shape)
    for layer in report.layers:
        if layer.path:
            yield _row(layer)
    for one in report.outputs:
        yield "output", one.name, shape_text(one.shape)


def _row(layer: Layer) -> Row:
    path = layer.path + (f"[{layer.call}]" if layer.call else "")
    own = layer.params if layer.call == 0 else 0
    params = "" if own == 0 else f"{'?' if own is None else amount_text(own)} parameters"
    return path, layer.type, _sizes(layer), params


def _sizes(layer: Layer) -> str:
    if not layer.called:
        return "never called"
    arriving, leaving = _shapes(layer.input_shapes), _shapes(layer.output_shapes)
    return leaving if arriving == leaving else f"{arriving} → {leaving}"


def _shapes(shapes: Sequence[Shape]) -> str:
    return ", ".join(map(shape_text, shapes)) or "nothing"


def _aligned(rows: Iterable[Row]) -> str:
    """Rows as lines, with two spaces or more between their columns."""
    cells = [(*row, *("",) * (_COLUMNS - len(row))) for row in rows]
    lines = draw_grid(
        ("",) * _COLUMNS, ("left",) * _COLUMNS, [[(span(c),) for c in row] for row in cells], ""
    )
    return as_text(lines[1:]).rstrip("\n")


def _read(text: str) -> list[Row]:
    """The rows of a snapshot, without the line above them that says what it is."""
    lines = [line for n, line in enumerate(text.splitlines()) if n or not line.startswith("# ")]
    rows = [tuple(cell.strip() for cell in line.split("  ") if cell.strip()) for line in lines]
    return [row for row in rows if row]
