"""Whether the batch goes without saying: in every row of a table, in a shape on a picture."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from cnnshape.analysis.report import Layer, OperationRow, Report
from cnnshape.rendering.palette import kind_of
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


@dataclass(frozen=True, slots=True)
class Batch:
    """The size that every input begins with; None if they do not share one.

    >>> Batch(8).hidden((8, 3, 32, 32)), Batch(8).hidden((64, 49, 96)), Batch(8).hidden((8,))
    ((3, 32, 32), (64, 49, 96), (8,))
    """

    size: Dim | None

    @classmethod
    def of(cls, report: Report) -> Batch:
        """The batch of a report; none where an input came without one."""
        shapes = [row.shape for row in report.inputs]
        if not shapes or any(len(shape) < 2 for shape in shapes):
            return cls(None)
        sizes = {shape[0] for shape in shapes}
        listed = any("[" in row.name for row in report.inputs)
        windows = (x for x in report.layers if kind_of(x.kind) in ("convolution", "pooling"))
        if len(sizes) != 1 or listed or any(_unbatched(layer) for layer in windows):
            return cls(None)
        return cls(sizes.pop())

    def hidden(self, shape: Shape) -> Shape:
        """The shape without its batch, where it has one."""
        if self.size is not None and len(shape) > 1 and shape[0] == self.size:
            return shape[1:]
        return shape


def _unbatched(layer: Layer) -> bool:
    """A ``…2d`` layer whose input has three dimensions: the first one is its channels."""
    dimensions = re.search(r"([1-3])d$", layer.kind)
    if dimensions is None or not layer.input_shapes:
        return False
    rank = len(layer.input_shapes[0])
    if kind_of(layer.kind) == "norm":  # BatchNorm1d takes N×C as well
        return rank < 2
    return rank < int(dimensions.group(1)) + 2
