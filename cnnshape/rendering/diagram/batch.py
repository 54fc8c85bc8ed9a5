"""Whether the batch goes without saying."""

from __future__ import annotations

from dataclasses import dataclass

from cnnshape.analysis.report import Layer, Report
from cnnshape.rendering.palette import kind_of
from cnnshape.tracing.trace import Dim, Shape


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
        if len(sizes) != 1 or listed or any(_unbatched(layer) for layer in report.layers):
            return cls(None)
        return cls(sizes.pop())

    def hidden(self, shape: Shape) -> Shape:
        """The shape without its batch, where it has one."""
        if self.size is not None and len(shape) > 1 and shape[0] == self.size:
            return shape[1:]
        return shape


def _unbatched(layer: Layer) -> bool:
    """A convolution or pooling whose input has no room for a batch."""
    if kind_of(layer.kind) not in ("convolution", "pooling") or not layer.input_shapes:
        return False
    axes = next((n for n in (1, 2, 3) if layer.kind.endswith(f"{n}d")), None)
    return axes is not None and len(layer.input_shapes[0]) < axes + 2
