"""Where each window of a layer lies along one axis: what it reads, and what no window reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cnnshape.errors import UsageError
from cnnshape.formulas.roles import NamedRule
from cnnshape.words import listed

#: The kinds whose windows lie over their output: each element of the input spreads into one.
SPREADING = frozenset({"conv_transpose", "max_unpool", "fold"})
#: The kinds that have windows.
WINDOWED = (
    "conv", "conv_transpose", "max_pool", "avg_pool", "lp_pool", "adaptive_pool", "max_unpool",
    "unfold", "fold",
)  # fmt: skip


@dataclass(frozen=True)
class AxisWindows:
    """The windows along one axis.

    They lie over the *row*: the padded input, or the output of a layer that spreads its input.
    Positions count from the first element of the row; what is before 0 is padding, or is cut away.

    Attributes:
        spreads: the windows lie over the output.
        size: the elements of the row, padding not counted; below 1 where an output is impossible.
        count: the windows, one for each element on the other side.
        stride: from one window to the next.
        span: from the first element of a window to its last, both counted.
        dilation: from one element of a window to the next.
        before: how far the padding reaches before the row.
        after: how far it reaches behind it.
        added: what output_padding adds at the end of the row.
        adaptive: the windows share the row evenly; stride, span and dilation say nothing.
    """

    spreads: bool
    size: int
    count: int
    stride: int = 1
    span: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0
    added: int = 0
    adaptive: bool = False

    def window(self, index: int) -> range:
        """The positions that a window reads (or is written to), padding included.

        >>> [list(AxisWindows(False, 8, 4, 2, 3, 1, 1, 1).window(i)) for i in (0, 3)]
        [[-1, 0, 1], [5, 6, 7]]
        >>> AxisWindows(False, 7, 3, adaptive=True).window(1)
        range(2, 5)
        """
        if self.adaptive:
            return range(index * self.size // self.count, -(-(index + 1) * self.size // self.count))
        first = index * self.stride - self.before
        return range(first, first + self.span, self.dilation)

    @property
    def reach(self) -> int:
        """The position behind the last window; behind the padding before where there is none."""
        return self.window(self.count - 1).stop if self.count > 0 else -self.before

    @property
    def row(self) -> range:
        """Every position with its padding, and what a last window takes beyond it."""
        end = max(self.size + self.after, self.reach)
        return range(-self.before, max(end, -self.before))

    @property
    def left_over(self) -> range:
        """The positions at the end of the padded row that no window reaches.

        >>> AxisWindows(False, 8, 4, 2, 3, 1, 1, 1).left_over
        range(8, 9)
        """
        end = self.size + self.after
        return range(min(self.reach, end), end) if self.count > 0 else range(0)

    @property
    def beyond(self) -> range:
        """The positions beyond the padded row that the last window takes in, by ceil_mode."""
        end = self.size + self.after
        return range(end, max(end, self.reach))


def axis_windows(named: NamedRule, values: Mapping[str, int]) -> AxisWindows:
    """The windows of a layer along one axis, whether its conditions hold or not.

    Args:
        named: the rule of its kind.
        values: role → number.

    Raises:
        UsageError: the kind has no windows, or no window can be placed with these numbers.

    >>> from cnnshape.formulas.roles import named_rule
    >>> row = {"input": 8, "kernel": 3, "stride": 2, "padding": 1, "dilation": 1}
    >>> axis_windows(named_rule("conv"), row).count
    4
    """
    if named.kind not in WINDOWED:
        raise UsageError(f"{named.kind} has no windows; {listed(WINDOWED)} have")
    n, size = values["input"], int(named.rule.size(*named.values(values)))
    if named.kind == "adaptive_pool":
        return AxisWindows(False, n, size, adaptive=True)
    kernel, dilation = values["kernel"], values.get("dilation", 1)
    stride, padding = values.get("stride", 1), values.get("padding", 0)
    span = dilation * (kernel - 1) + 1
    if "padding" not in named.roles and named.kind == "conv":  # "same"
        return AxisWindows(
            False, n, n, 1, span, dilation, (span - 1) // 2, (span - 1) - (span - 1) // 2
        )
    if named.kind not in SPREADING or named.kind == "fold":
        count = max(size, 0)
        return AxisWindows(named.kind == "fold", n, count, stride, span, dilation, padding, padding)
    cut = max((n - 1) * stride + span - padding - size, 0)
    added = values.get("output_padding", 0)
    return AxisWindows(True, size, n, stride, span, dilation, padding, cut, added)
