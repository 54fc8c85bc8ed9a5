"""What ``--help`` looks like in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

from cnnshape.cells import MAY_BREAK, cells, filled
from cnnshape.cli.click_sentences import remembered
from cnnshape.messages import looked_up, say, translated

#: Stands before lines that are not rewrapped; Click's mark.
_AS_IT_IS = "\b\n"
#: ``[default: …]`` stays in one line.
_BREAK = re.compile(rf"(?![^\[]*\])(?:{MAY_BREAK.pattern})")


class HelpPage(click.HelpFormatter):
    """Click's page, with its texts in the reader's language.

    Click counts characters and breaks lines at spaces. A Chinese character is two cells wide, and
    has no space beside it, so what is translated is laid out here.
    """

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """``Usage: cnnshape inspect [OPTIONS] MODEL``; the names of arguments stay."""
        if prefix is None:
            prefix = translated(say("Usage: "))
        for words in (say("[OPTIONS]"), say("COMMAND [ARGS]...")):
            args = args.replace(words, translated(words))
        super().write_usage(prog, args, prefix)

    def write_heading(self, heading: str) -> None:
        """A heading and its colon."""
        line = translated(say("{heading}:", heading=looked_up(heading)))
        self.write(f"{'':>{self.current_indent}}{line}\n")

    def write_text(self, text: str) -> None:
        """Paragraphs, between which lines may stand as they are."""
        told = _told(text)
        if told == text:
            super().write_text(text)
            return
        indent = " " * self.current_indent
        paragraphs: list[str] = []
        for paragraph in told.split("\n\n"):
            code = paragraph.startswith(_AS_IT_IS)
            room = self.width - self.current_indent
            lines = paragraph.splitlines()[1:] if code else filled(paragraph, room)
            paragraphs.append("\n".join(f"{indent}{line}" for line in lines))
        self.write("\n\n".join(paragraphs) + "\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Options or commands, and beside them what they are."""
        rows = list(rows)
        told = [(first, _told(second)) for first, second in rows]
        if told == rows:
            super().write_dl(rows, col_max, col_spacing)
            return
        indent = " " * self.current_indent
        column = min(max(cells(first) for first, _ in told), col_max) + col_spacing
        room = max(self.width - column - 2, 10)
        for first, second in told:
            lines = filled(second, room, _BREAK)
            begins = [first, *[""] * (len(lines) - 1)]
            if cells(first) + col_spacing > column:
                self.write(f"{indent}{first}\n")
                begins[0] = ""
            for begin, line in zip(begins, lines, strict=True):
                self.write(f"{indent}{begin:<{column}}{line}".rstrip() + "\n")


class Context(click.Context):
    """Click's, with our page of help."""

    formatter_class = HelpPage


def _told(text: str) -> str:
    """A text of the help, and the default that Click has put behind it."""
    whole = looked_up(text)
    if whole != text:
        return whole
    words, bracket, settings = text.rpartition("  [")
    if not bracket:
        return text
    told = [translated(remembered(setting)) for setting in settings.rstrip("]").split("; ")]
    return f"{looked_up(words)}{bracket}{'; '.join(told)}]"
