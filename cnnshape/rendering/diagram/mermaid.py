"""The picture as a Mermaid flowchart, which GitHub and many wikis draw from text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cnnshape.rendering.diagram.boxes import Frame, boxes_of
from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.choose_depth import View
from cnnshape.rendering.diagram.identifiers import Names
from cnnshape.rendering.diagram.labels import Caption
from cnnshape.rendering.diagram.legend import Entry, graph_legend
from cnnshape.rendering.escape import visible
from cnnshape.rendering.palette import Kind, Theme

#: Words that Mermaid reads as its own wherever they stand.
_RESERVED = frozenset(
    "end graph flowchart subgraph class classDef style click default direction linkStyle href call "
    "interpolate".split()
)
_CODES = {
    "#": "#35;",
    '"': "#quot;",
    "<": "#lt;",
    ">": "#gt;",
    "&": "#amp;",
    "`": "#96;",
    "\\": "#92;",
    "*": "#42;",
}
#: Lines of a box are broken by us alone; a frame's title stands clear of its first box.
SETUP = (
    '  %%{init: {"flowchart": {"wrappingWidth": 600, '
    '"subGraphTitleMargin": {"top": 4, "bottom": 14}}}}%%'
)
_UNSAFE = re.compile(r"[^0-9A-Za-z_]")


@dataclass
class MermaidWriter:
    """Writes one view as a flowchart."""

    view: View
    captions: Captions
    theme: Theme
    direction: str
    legend: bool = False
    ids: dict[int, str] = field(default_factory=dict[int, str])
    names: Names = field(default_factory=Names)
    kinds: dict[Kind, list[str]] = field(default_factory=dict[Kind, list[str]])
    failing: list[str] = field(default_factory=list[str])

    def write(self) -> str:
        """The whole flowchart."""
        flow = self.view.graph.flow
        for key in boxes_of(self.view.root):
            self.ids[key] = self._id(flow.nodes[key].id)
        direction = "TD" if self.direction == "TB" else self.direction
        lines = [f"flowchart {direction}", SETUP]
        lines += self._items(self.view.root, flow.path, "  ")
        for tail, head, _, label in self.captions.edges():
            arrow = "-->" if tail < head else "-.->"
            arrow += f'|"{words(label)}"|' if label else ""
            lines.append(f"  {self.ids[tail]} {arrow} {self.ids[head]}")
        if self.legend:
            entries = graph_legend(self.view, self.captions)
            lines += legend_lines(entries, self.kinds, self.names)
        return "\n".join([*lines, *self._styles()]) + "\n"

    def _id(self, name: str) -> str:
        return node_id(name, self.names)

    def _items(self, frame: Frame, within: str, indent: str) -> list[str]:
        flow = self.view.graph.flow
        lines: list[str] = []
        for item in frame.items:
            if not isinstance(item, Frame):
                lines.append(indent + self._box(item))
                continue
            path = flow.trace.calls[item.call].path
            name, what = self.captions.naming.frame(item, within)
            identity = self._id(f"frame_{path}")
            lines.append(f'{indent}subgraph {identity}["{words(f"{name} · {what}".strip(" ·"))}"]')
            inside = self.captions.naming.inner_path(item, within)
            lines += self._items(item, inside, indent + "  ")
            lines.append(f"{indent}end")
            self.kinds.setdefault("container", []).append(identity)
        return lines

    def _box(self, key: int) -> str:
        caption = self.captions.box(key)
        identity = self.ids[key]
        if caption.failed:
            self.failing.append(identity)
        else:
            self.kinds.setdefault(caption.kind, []).append(identity)
        return _shape(identity, caption)

    def _styles(self) -> list[str]:
        lines = flowchart_styles(self.kinds, self.theme)
        if self.failing:
            style = self.theme.failing
            lines.append(
                f"  classDef failing fill:{style.fill},stroke:{style.line},color:{style.text},"
                "stroke-width:3px"
            )
            lines.append(f"  class {','.join(self.failing)} failing")
        return lines


def node_id(name: str, names: Names) -> str:
    """A name that Mermaid takes for an id and nothing else."""
    safe = _UNSAFE.sub("_", name)
    if safe in _RESERVED or not safe[:1].isalpha() or safe[0] in "ox":
        safe = f"n_{safe}"  # `a---oB` would be an arrow with a circle at its end
    return names.unique(safe).replace(".", "_")


def flowchart_box(name: str, caption: Caption, names: Names) -> tuple[str, str]:
    """The id and the line of a box."""
    identity = node_id(name, names)
    return identity, _shape(identity, caption)


def flowchart_styles(kinds: Mapping[Kind, Sequence[str]], theme: Theme) -> list[str]:
    """The colours: a class per kind, and its members."""
    lines: list[str] = []
    for kind, members in kinds.items():
        style = theme.style(kind)
        lines.append(f"  classDef {kind} fill:{style.fill},stroke:{style.line},color:{style.text}")
        lines.append(f"  class {','.join(members)} {kind}")
    return lines


def legend_lines(entries: Sequence[Entry], kinds: dict[Kind, list[str]], names: Names) -> list[str]:
    """The legend as a frame: a box for each colour of ``kinds``, and one for the other signs."""
    lines = [f'  subgraph {node_id("legend", names)}["Legend"]']
    signs: list[str] = []
    for entry in entries:
        if entry.sample == "box" and entry.kind in kinds:
            identity = node_id(f"legend_{entry.kind}", names)
            kinds[entry.kind].append(identity)
            lines.append(f'    {identity}("{words(entry.words)}")')
        elif entry.text and entry.sample != "box":
            signs.append(words(f"{entry.text}: {entry.words}"))
        elif entry.sample == "dashed":
            signs.append(words(f"dashed: {entry.words}"))
    if signs:
        lines.append(f'    {node_id("legend_signs", names)}["{"<br>".join(signs)}"]')
    return [*lines, "  end"]


def _shape(identity: str, caption: Caption) -> str:
    text = _text(caption)
    if caption.sign and not caption.strips:
        return f'{identity}(("{text}"))'
    if caption.pill or caption.sign:
        return f'{identity}(["{text}"])'
    return f'{identity}("{text}")'


def _text(caption: Caption) -> str:
    title = " · ".join(part for part in (caption.title, caption.aside) if part)
    if caption.pill:
        return words(" ".join([title, *caption.lines]).strip())
    strips = [strip.text for strip in caption.strips]
    if caption.sign:
        return words(" ".join([caption.sign, *strips]))
    return "<br>".join(words(line) for line in (title, *caption.lines, *strips) if line)


def words(text: str) -> str:
    """Text that Mermaid shows as it is: what it would interpret becomes a character code.

    >>> words('a "b" <c> #1'), words("+ relu"), words("_DenseBlock conv_1")
    ('a #quot;b#quot; #lt;c#gt; #35;1', '#43; relu', '#95;DenseBlock conv_1')
    """
    # Mermaid reads \\n as a new line even where the backslash is a code: a gap of no width helps.
    parted = visible(text).replace("\\n", "\\\N{ZERO WIDTH SPACE}n")
    coded = "".join(_CODES.get(character, character) for character in parted)
    # At the beginning of a line + and - would be a list, an _ outside a word an emphasis.
    coded = re.sub(r"^[+-]", lambda match: f"#{ord(match[0])};", coded)
    return re.sub(r"(?<!\w)_|_(?!\w)", "#95;", coded)
