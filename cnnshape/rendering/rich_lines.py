"""Styled lines as something rich prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from cnnshape.rendering.palette import TEXT_STYLES
from cnnshape.rendering.spans import Line

_STYLES = {
    name: Style(color=style.color, bold=style.bold or None) for name, style in TEXT_STYLES.items()
}


class Lines:
    """Styled lines as a rich renderable. Text is never read as markup."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.lines = list(lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines:
            for text, style in line:
                yield Segment(text, _STYLES[style])
            yield Segment.line()


class Fitted:
    """Styled lines that are laid out for the console's width when they are printed."""

    def __init__(self, lay_out: Callable[[int], Iterable[Line]]) -> None:
        self.lay_out = lay_out

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Lines(self.lay_out(options.max_width))
