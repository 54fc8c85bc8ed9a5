"""The words of one box, and the HTML-like label in which Graphviz is given them.

Every text is escaped; an empty one makes no element.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from cnnshape.rendering.escape import visible
from cnnshape.rendering.palette import Kind, KindStyle, Theme

_TABLE = '<table border="0" cellborder="0" cellspacing="0" cellpadding="1">'
#: Longer lines than this would stretch their boxes, in letters.
_LINE = 44


@dataclass(frozen=True, slots=True)
class Strip:
    """One thin line below a layer."""

    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Caption:
    """The words of one box.

    Attributes:
        title: the name, in bold.
        aside: what stands quietly at the right: parameters.
        lines: details below the title.
        strips: the followers.
        kind: the colour.
        sign: the sign of a merge, which then is all that the box says besides its strips.
        tooltip: everything known about the box, in lines.
        failed: the box is where the model raised.
        pill: an input or output.
    """

    title: str
    aside: str = ""
    lines: tuple[str, ...] = ()
    strips: tuple[Strip, ...] = ()
    kind: Kind = "other"
    sign: str = ""
    tooltip: str = ""
    failed: bool = False
    pill: bool = False


def packed(phrases: Sequence[str], longest: int = _LINE) -> list[str]:
    """Phrases as few lines, none longer than ``longest`` unless a phrase alone is.

    >>> packed(["Bottleneck, 3 conv", "+ input"]), packed(["12 heads", "2 skips"], 10)
    (['Bottleneck, 3 conv, + input'], ['12 heads', '2 skips'])
    """
    lines: list[str] = []
    for phrase in phrases:
        if lines and len(lines[-1]) + len(phrase) + 2 <= longest:
            lines[-1] += f", {phrase}"
        else:
            lines.append(phrase)
    return lines


def wrapped(text: str) -> list[str]:
    """A message in a few short lines, so that it does not stretch its box."""
    lines = textwrap.wrap(" ".join(text.split()), _LINE)
    return lines if len(lines) <= 4 else [*lines[:4], "…"]


def text(words: str) -> str:
    """``words`` as they are, whatever is in them.

    >>> text('a<b> & "c"'), text("x" + chr(27))
    ('a&lt;b&gt; &amp; &quot;c&quot;', 'x\\\\x1b')
    """
    shown = visible(words)
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        shown = shown.replace(character, entity)
    return shown


def _font(words: str, *, color: str, size: int) -> str:
    if not words:
        return ""
    return f'<font color="{color}" point-size="{size}">{text(words)}</font>'


def _bold(words: str, color: str) -> str:
    return f'<font color="{color}"><b>{text(words)}</b></font>' if words else ""


def box_label(caption: Caption, theme: Theme) -> str:
    """Name and parameters, the layer in words, a strip per follower."""
    style = theme.failing if caption.failed else theme.style(caption.kind)
    aside = _font(caption.aside, color=theme.muted, size=10)
    title = f'<td align="left">{_bold(caption.title, style.text)}</td>'
    if aside:
        title += f'<td align="right">&#160;&#160;{aside}</td>'
    span = ' colspan="2"' if aside else ""
    rows = [f"<tr>{title}</tr>"]
    details = [_font(line, color=style.text, size=10) for line in caption.lines]
    rows += [f'<tr><td{span} align="left">{detail}</td></tr>' for detail in details]
    for strip in caption.strips:
        rows.append(f'<tr><td{span} height="3" cellpadding="0"></td></tr>')
        rows.append(f"<tr>{_strip(strip.text, theme.style(strip.kind), span)}</tr>")
    return f"<{_TABLE}{''.join(rows)}</table>>"


def _strip(words: str, style: KindStyle, span: str) -> str:
    return (
        f'<td{span} align="left" bgcolor="{style.fill}" style="rounded" cellpadding="3">'
        f"{_font(words, color=style.text, size=10)}</td>"
    )


def sign_label(caption: Caption, theme: Theme) -> str:
    """A merge with its activation: the sign, and the strips beside it."""
    style = theme.style("merge")
    size = 14 if len(caption.sign) == 1 else 11
    cells = f'<td><font color="{style.text}" point-size="{size}">{text(caption.sign)}</font></td>'
    for strip in caption.strips:
        cells += '<td width="4" cellpadding="0"></td>'
        cells += _strip(strip.text, theme.style(strip.kind), "")
    return f"<{_TABLE}<tr>{cells}</tr></table>>"


def pill_label(caption: Caption, theme: Theme) -> str:
    """An input or output: its name and its shape."""
    style = theme.style("io")
    details = "".join(_font(line, color=style.text, size=12) for line in caption.lines)
    gap = "&#160;&#160;" if details else ""
    return f"<{_bold(caption.title, style.text)}{gap}{details}>"


def letter_label(letter: str, shape: str, theme: Theme) -> str:
    """Where an arrow goes on in another part of the page."""
    gap = "&#160;&#160;" if shape else ""
    words = _font(shape, color=theme.edge_text, size=10)
    return f"<{_bold(letter, theme.frame_text)}{gap}{words}>"


def title_label(name: str, what: str, theme: Theme) -> str:
    """The title of a frame."""
    gap = "&#160;&#160;" if name and what else ""
    words = _font(what, color=theme.frame_text, size=11)
    return f"<{_bold(name, theme.frame_text)}{gap}{words}>"


def escaped(text: str) -> str:
    """Text for an attribute in which Graphviz would read backslashes as escapes."""
    return text.replace("\\", "\\\\").replace("\n", "\\n")
