"""Which part of a shape a row needs to show: the batch is left out where it never changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from cnnshape.analysis.report import Layer, OperationRow, Report
from cnnshape.rendering.palette import kind_of
from cnnshape.rendering.units import shape_text
from cnnshape.tracing.trace import Dim, Shape


def constant_batch(report: Report) -> Dim | None:
    """The size that every shape of the report begins with, or None.

    None also where a layer with known rank ran without a batch dimension.
    """
    if not report.inputs or not report.inputs[0].shape:
        return None
    batch = report.inputs[0].shape[0]
    rows: Iterable[Layer | OperationRow] = chain(report.layers, report.operations)
    shapes = chain.from_iterable((*row.input_shapes, *row.output_shapes) for row in rows)
    if any(not shape or shape[0] != batch for shape in shapes):
        return None
    return None if any(_unbatched(layer) for layer in report.layers) else batch


def _unbatched(layer: Layer) -> bool:
    """A ``…2d`` layer whose input has three dimensions: the first one is its channels."""
    dimensions = re.search(r"([1-3])d$", layer.kind)
    if dimensions is None or not layer.input_shapes:
        return False
    rank = len(layer.input_shapes[0])
    if kind_of(layer.kind) == "norm":  # BatchNorm1d takes N×C as well
        return rank < 2
    return rank < int(dimensions.group(1)) + 2


def shapes_text(shapes: Sequence[Shape], hide_batch: bool) -> str:
    """The first shape, and how many stand behind it.

    >>> shapes_text([(1, 6, 28, 28)], True), shapes_text([(1, 197, 768)] * 3, True)
    ('6×28×28', '197×768 +2')
    >>> shapes_text([(1, 10)], False), shapes_text([(2,)], True), shapes_text([], True)
    ('1×10', 'scalar', '')
    """
    if not shapes:
        return ""
    first = shape_text(shapes[0][1:] if hide_batch else shapes[0])
    return first if len(shapes) == 1 else f"{first} +{len(shapes) - 1}"


def elements(shapes: Iterable[Shape]) -> int:
    """How many numbers the shapes hold together; expressions count as nothing."""
    return sum(_product(shape) for shape in shapes)


def _product(shape: Shape) -> int:
    total = 1
    for dim in _numbers(shape):
        total *= dim
    return total


def _numbers(shape: Shape) -> Iterator[int]:
    return (dim if isinstance(dim, int) else 0 for dim in shape)
