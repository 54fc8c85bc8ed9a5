"""Graphviz's SVG made accessible: a title, a description, tooltips, stable ids, text as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from cnnshape.analysis.report import Report
from cnnshape.rendering.fonts import FONT, text_width
from cnnshape.rendering.units import shape_text
from cnnshape.words import counted

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"

#: Letters that the measuring font has; the width of others is a guess.
_KNOWN = frozenset(map(chr, (*range(0x20, 0x180), *range(0x370, 0x460)))) | frozenset(
    "×→−·÷⌊⌋⌈⌉≥≤≠…–—✓✗∞√′″"
)

#: The texts of a node or edge and how wide each was measured, by the element's id.
Widths = Mapping[str, Sequence[tuple[str, float]]]


def finished(svg: bytes, title: str, description: str, widths: Widths) -> bytes:
    """Turn what Graphviz wrote into what belongs into a document.

    * ``<title>`` and ``<desc>`` say what the picture shows; screen readers get it as one image.
    * The tooltips, which Graphviz writes as links, become titles of their elements.
    * Every text keeps the width that its box was made for, whatever font a viewer has.
    """
    ET.register_namespace("", _SVG)
    root = ET.fromstring(svg)  # noqa: S314 - what Graphviz wrote a moment ago
    root.set("role", "img")
    root.set("aria-labelledby", "title desc")
    root.set("font-family", FONT)
    for group in root.iter(f"{{{_SVG}}}g"):
        _name(group, widths)
    graph = root.find(f"{{{_SVG}}}g")
    if graph is not None:
        # The picture's own title stands at the top; a second one would hide it as a tooltip.
        for old in graph.findall(f"{{{_SVG}}}title"):
            graph.remove(old)
        graph.attrib.pop("id", None)
    for text in root.iter(f"{{{_SVG}}}text"):
        text.attrib.pop("font-family", None)
        text.attrib.pop(_SPACE, None)
    root.insert(0, _element("desc", description, "desc"))
    root.insert(0, _element("title", title, "title"))
    return ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _element(tag: str, text: str, identity: str) -> ET.Element:
    element = ET.Element(f"{{{_SVG}}}{tag}", {"id": identity})
    element.text = text
    element.tail = "\n"
    return element


def _name(group: ET.Element, widths: Widths) -> None:
    """Give a node, edge or frame its tooltip as its title, and its texts their widths."""
    title = group.find(f"{{{_SVG}}}title")
    link = group.find(f"{{{_SVG}}}g/{{{_SVG}}}a")
    if link is not None:
        tooltip = link.get(f"{{{_XLINK}}}title", "")
        if title is not None and tooltip:
            title.text = plain(tooltip)
        holder = group.find(f"{{{_SVG}}}g")
        assert holder is not None
        place = list(group).index(holder)
        group.remove(holder)
        for child in reversed(list(link)):
            group.insert(place, child)
    for text in group.findall(f"{{{_SVG}}}text"):
        if not (text.text or "").strip():
            group.remove(text)  # a gap between two words
    known = widths.get(group.get("id", ""), ())
    measured = [(plain(words), width) for words, width in known if words.strip()]
    texts = group.findall(f"{{{_SVG}}}text")
    if [plain(text.text or "") for text in texts] != [words for words, _ in measured]:
        return
    for text, (words, width) in zip(texts, measured, strict=True):
        _fit(text, words, width)


def plain(words: str) -> str:
    """A text as it was given: Graphviz lets no line break between two blanks."""
    return words.replace("\N{NO-BREAK SPACE}", " ")


def _fit(text: ET.Element, words: str, width: float) -> None:
    """Make a text as wide as it was measured, so that it fits its box in any font."""
    bare = words.strip()
    if bare != words:  # blanks keep a label off its line; here a shift does that
        size = float(text.get("font-size", "10"))
        gap = (len(words) - len(words.lstrip())) * text_width(" ", size)
        text.text = bare
        text.set("x", f"{float(text.get('x', '0')) + gap / 2:.2f}")
        width -= gap
    if width > 0 and all(character in _KNOWN for character in bare):
        text.set("textLength", f"{width:.1f}")
        text.set("lengthAdjust", "spacingAndGlyphs")


def measured_widths(layout: Mapping[str, Any]) -> dict[str, list[tuple[str, float]]]:
    """The width of every text in Graphviz's JSON, by the id of its node or edge."""
    result: dict[str, list[tuple[str, float]]] = {}
    for thing in (*layout.get("objects", ()), *layout.get("edges", ())):
        texts = [op for op in thing.get("_ldraw_", ()) if op.get("op") == "T"]
        if texts and "id" in thing:
            result[thing["id"]] = [(op["text"], float(op["width"])) for op in texts]
    return result


def describe(report: Report) -> tuple[str, str]:
    """The title of a picture of a model, and a sentence for those who cannot see it."""
    title = f"Architecture of {report.class_name}"
    ins = ", ".join(f"{row.name} {shape_text(row.shape)}" for row in report.inputs)
    outs = ", ".join(shape_text(row.shape) for row in report.outputs)
    words = [f"{report.class_name} takes {ins or 'no tensor'} and gives {outs or 'no tensor'}."]
    layers = sum(1 for row in report.layers if row.called and row.path)
    words.append(f"{counted(layers, 'module call')}")
    if report.totals.params is not None:
        words[-1] += f", {counted(report.totals.params, 'parameter')}"
    words[-1] += "."
    if report.error is not None:
        words.append(f"It fails at {report.error.path or 'its own forward'}.")
    return title, " ".join(words)
