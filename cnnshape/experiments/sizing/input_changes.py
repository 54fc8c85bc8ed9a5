"""What to do to a picture whose size a model refuses: pad, resize or crop it to one that it takes.

The model stays as it is, and so does every size that it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cnnshape.analysis.report import Report
from cnnshape.experiments.sizing.result import AcceptedSizes, Adaptation, How, SizeSet
from cnnshape.experiments.symbolic.letters import Letters, batch_letters, shapes_of
from cnnshape.experiments.symbolic.run_at_sizes import report_at
from cnnshape.loading.prepare import Prepared
from cnnshape.messages import say
from cnnshape.tracing.trace import Shape

#: So far above the wanted size another one is looked for.
_FAR = 512
_MODES = {3: "linear", 4: "bilinear", 5: "trilinear"}
_FIRST_SPATIAL = 2
#: A picture that is cropped keeps at least half of each side.
_MOST_CUT = 2


def input_changes(
    prepared: Prepared, accepted: AcceptedSizes, wanted: Letters, failed: Report
) -> Iterator[Adaptation]:
    """Changes of the one input that has letters, each run at the size that it leads to.

    Args:
        prepared: the model, with letters in its input.
        accepted: the sizes that it takes.
        wanted: those that it refused.
        failed: the report of that.
    """
    picture = _Picture.of(prepared, wanted, failed)
    if picture is None:
        return
    names = list(picture.axes.values())
    above = _each(accepted, names, wanted, _at_least)
    below = _each(accepted, names, wanted, _at_most)
    usual = {name: accepted.base[name] for name in names}
    padded = _ran(prepared, wanted, above)
    if above is not None and padded is not None:
        yield picture.padded(above, padded)
    resized = usual if above is None else _nearest(wanted, [above, below or above])
    if picture.can_be_resized and _ran(prepared, wanted, resized) is not None:
        yield picture.resized(resized)
    if below is None or any(_MOST_CUT * n < wanted[name] for name, n in below.items()):
        return
    if _ran(prepared, wanted, below) is not None:
        yield picture.cropped(below)


def _ran(prepared: Prepared, wanted: Letters, other: Letters | None) -> Report | None:
    if other is None:
        return None
    report = report_at(prepared, {**wanted, **other}, trials=False)
    return report if report.error is None else None


def _nearest(wanted: Letters, several: Sequence[Letters]) -> Letters:
    return min(several, key=lambda sizes: sum(abs(n - wanted[name]) for name, n in sizes.items()))


# ---- sizes that are accepted ---------------------------------------------------------------------


def _each(
    accepted: AcceptedSizes,
    names: Sequence[str],
    wanted: Letters,
    find: Callable[[SizeSet, int, int], int | None],
) -> Letters | None:
    """The size that ``find`` chooses for each letter; None where one has none."""
    if accepted.joint is not None:
        return None  # they are not chosen one by one
    high = accepted.tested[1]
    found = {name: find(accepted.letters[name], wanted[name], high) for name in names}
    if None in found.values():
        return None
    return {name: n for name, n in found.items() if n is not None}


def _at_least(sizes: SizeSet, size: int, high: int) -> int | None:
    return next((n for n in range(size, size + _FAR) if _takes(sizes, n, high)), None)


def _at_most(sizes: SizeSet, size: int, high: int) -> int | None:
    return next((n for n in range(size, 0, -1) if _takes(sizes, n, high)), None)


def _takes(sizes: SizeSet, size: int, high: int) -> bool:
    """Whether a size belongs to the set, which goes on above what was tested if it reaches it."""
    if size <= high or not sizes.ranges:
        return size in sizes
    step = max(sizes.multiple_of, sizes.period)
    last = size - -(-(size - high) // step) * step
    return sizes.ranges[-1][1] > high - step and last in sizes


# ---- the picture ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Picture:
    """The input with the letters, which stand on these axes, and the sizes wanted of it."""

    name: str
    shape: Shape
    dtype: str
    axes: Mapping[int, str]
    wanted: Letters

    @classmethod
    def of(cls, prepared: Prepared, wanted: Letters, failed: Report) -> _Picture | None:
        """The input; None where there are several, which would have to be changed alike."""
        shapes = shapes_of(prepared.inputs)
        if len(shapes) != 1 or not failed.trace.inputs:
            return None
        given = failed.trace.inputs[0]
        batches = batch_letters(prepared.inputs)
        free = {a: n for a, n in enumerate(shapes[0]) if isinstance(n, str) and n not in batches}
        value = failed.trace.values[given.value]
        return cls(given.name, value.shape, value.dtype, free, wanted)

    @property
    def can_be_resized(self) -> bool:
        """Whether ``interpolate`` does this: a letter for a channel is no size of a picture."""
        pixels = self.dtype.startswith(("float", "bfloat"))
        return pixels and len(self.shape) in _MODES and min(self.axes) >= _FIRST_SPATIAL

    def padded(self, to: Letters, report: Report) -> Adaptation:
        """Zeros behind the last row and column."""
        first = min(axis for axis, name in self.axes.items() if to[name] != self.wanted[name])
        missing = {axis: to[name] - self.wanted[name] for axis, name in self.axes.items()}
        backwards = range(len(self.shape) - 1, first - 1, -1)
        amounts = [n for axis in backwards for n in (0, missing.get(axis, 0))]
        padded = f"F.pad({self.name}, ({', '.join(map(str, amounts))}))"
        text = say("{change} before the call", change=padded)
        if not self._shrinks(report):
            text += say(", then {change}", change=f"y[{self._slices(self.wanted)}]")
        return self._change(text, "pad", to)

    def _shrinks(self, report: Report) -> bool:
        """Whether no output has the size of the input, which would have to be cut again."""
        sizes = report.trace.shapes(report.trace.inputs)[0]
        return not any(
            len(output.shape) == len(sizes)
            and all(output.shape[axis] == sizes[axis] for axis in self.axes)
            for output in report.outputs
        )

    def resized(self, to: Letters) -> Adaptation:
        """All of the picture, larger or smaller."""
        sizes = [
            to[self.axes[axis]] if axis in self.axes else size
            for axis, size in enumerate(self.shape)
        ][_FIRST_SPATIAL:]
        size = f"({', '.join(map(str, sizes))})" if len(sizes) > 1 else str(sizes[0])
        mode = _MODES[len(self.shape)]
        resized = f'F.interpolate({self.name}, size={size}, mode="{mode}")'
        return self._change(say("{change} before the call", change=resized), "interpolate", to)

    def cropped(self, to: Letters) -> Adaptation:
        """A part of the picture."""
        cropped = f"{self.name}[{self._slices(to)}]"
        return self._change(say("{change} before the call", change=cropped), "crop", to)

    def _slices(self, to: Letters) -> str:
        axes = range(min(self.axes), len(self.shape))
        ends = [f":{to[self.axes[axis]]}" if axis in self.axes else ":" for axis in axes]
        return ", ".join(["...", *ends])

    def _change(self, text: str, how: How, to: Letters) -> Adaptation:
        return Adaptation("insert_before", text, "", verified=True, how=how, leads_to=to)
