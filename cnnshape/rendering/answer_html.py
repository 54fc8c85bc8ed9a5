"""An answer of ``cnnshape.formula`` as HTML: its text, in the terminal's colours."""

from __future__ import annotations

import re
from collections.abc import Callable

from cnnshape.formulas.text_style import Style
from cnnshape.rendering.printing import as_html
from cnnshape.rendering.styled_text import Line, Span

#: What an answer calls important, as the terminal's styles are called.
_STYLES = {"good": "good", "bad": "bad", "warn": "tag", "strong": "strong", "quiet": "dim"}
#: Between these stand a style and its text; no text has them.
_BEGIN, _MIDDLE, _END = "\ue000", "\ue001", "\ue002"
_PIECE = re.compile(rf"{_BEGIN}(\w+){_MIDDLE}(.*?){_END}")


def html_of(text: Callable[[Style], str]) -> str:
    """The text of an answer as one ``<pre>``; what it quotes is escaped.

    >>> page = html_of(lambda style: "W < 3 is " + style("wrong", "bad"))
    >>> page[page.index(">") + 1 :]
    'W &lt; 3 is <span style="color:#dc362c;font-weight:bold">wrong</span></pre>'
    """
    marked = text(lambda piece, what: f"{_BEGIN}{what}{_MIDDLE}{piece}{_END}")
    return as_html(_line(line) for line in marked.splitlines())


def _line(marked: str) -> Line:
    spans: list[Span] = []
    place = 0
    for match in _PIECE.finditer(marked):
        spans += [Span(marked[place : match.start()]), Span(match[2], _STYLES[match[1]])]
        place = match.end()
    return (*spans, Span(marked[place:]))
