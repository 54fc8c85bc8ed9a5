"""Colours by kind of layer, shared by tables, pictures and pages, and the themes of pictures.

A kind is never told by its colour alone: its words stand beside it everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, get_args

from cnnshape.operations import TABLE
from cnnshape.operations.table import Family

Kind = Literal[
    "convolution",
    "pooling",
    "linear",
    "norm",
    "activation",
    "shape",
    "merge",
    "io",
    "container",
    "other",
]


@dataclass(frozen=True, slots=True)
class KindStyle:
    """How a kind is drawn: the surface, its outline and accent, and the text upon it."""

    fill: str
    line: str
    text: str = "#1f2430"


LIGHT: Mapping[Kind, KindStyle] = MappingProxyType(
    {
        "convolution": KindStyle("#dbe9f6", "#2b5f94"),
        "pooling": KindStyle("#fde5cf", "#a65a12"),
        "linear": KindStyle("#e4dcf1", "#5b3f8c"),
        "norm": KindStyle("#dff0e3", "#2f6f44"),
        "activation": KindStyle("#f3f3f0", "#77776f"),
        "shape": KindStyle("#f9f0d0", "#8a6d1b"),
        "merge": KindStyle("#ffffff", "#444b57"),
        "io": KindStyle("#3b4252", "#3b4252", "#ffffff"),
        "container": KindStyle("#f7f8fa", "#b8bec9"),
        "other": KindStyle("#f3f3f0", "#77776f"),
    }
)

#: The same hues: fills as dark as the page, lines light enough to stand on it.
DARK: Mapping[Kind, KindStyle] = MappingProxyType(
    {
        "convolution": KindStyle("#22303f", "#85add6", "#e6e9ef"),
        "pooling": KindStyle("#46301b", "#e8ac72", "#e6e9ef"),
        "linear": KindStyle("#2e263b", "#a692c9", "#e6e9ef"),
        "norm": KindStyle("#263b2d", "#90cba3", "#e6e9ef"),
        "activation": KindStyle("#313130", "#b0b0ab", "#e6e9ef"),
        "shape": KindStyle("#42391f", "#dfc57c", "#e6e9ef"),
        "merge": KindStyle("#1b1e24", "#aab0bb", "#e6e9ef"),
        "io": KindStyle("#d8dee9", "#d8dee9", "#1b1e24"),
        "container": KindStyle("#20242b", "#4b5261", "#e6e9ef"),
        "other": KindStyle("#313130", "#b0b0ab", "#e6e9ef"),
    }
)

FAILING_LIGHT = KindStyle("#fbe0e0", "#b3261e")
FAILING_DARK = KindStyle("#431f1d", "#e27f79", "#e6e9ef")
EDGE, EDGE_TEXT = "#8a8f98", "#555b66"


@dataclass(frozen=True, slots=True)
class Theme:
    """Every colour that a picture uses.

    Attributes:
        page: the background.
        kinds: fill, line and text by kind of layer.
        failing: the layer that raised.
        edge: arrows. ``edge_text`` is the shapes beside them.
        muted: parameters, and what else is said quietly inside a box.
        frame_text: the titles of frames.
    """

    name: str
    page: str
    kinds: Mapping[Kind, KindStyle]
    failing: KindStyle
    edge: str
    edge_text: str
    muted: str
    frame_text: str

    def style(self, kind: Kind) -> KindStyle:
        """How a kind is drawn."""
        return self.kinds[kind]


_LIGHT = Theme("light", "#ffffff", LIGHT, FAILING_LIGHT, EDGE, EDGE_TEXT, EDGE_TEXT, EDGE_TEXT)
_DARK = Theme("dark", "#1b1e24", DARK, FAILING_DARK, "#7d8491", "#b4bac5", "#b4bac5", "#c6cbd4")


def _mono() -> Theme:
    """For print: kinds differ by their words alone, strips by a light grey."""
    kinds: dict[Kind, KindStyle] = {
        kind: KindStyle("#ffffff", "#333333", "#000000") for kind in get_args(Kind)
    }
    for kind in ("norm", "activation", "shape", "other"):
        kinds[kind] = KindStyle("#eeeeee", "#333333", "#000000")
    kinds["container"] = KindStyle("#fafafa", "#8c8c8c", "#000000")
    kinds["io"] = KindStyle("#222222", "#222222", "#ffffff")
    failing = KindStyle("#ffffff", "#000000", "#000000")
    return Theme("mono", "#ffffff", kinds, failing, "#555555", "#333333", "#444444", "#333333")


ThemeName = Literal["light", "dark", "mono"]
THEMES: Mapping[str, Theme] = {theme.name: theme for theme in (_LIGHT, _DARK, _mono())}

#: Text colours for a terminal whose background nobody knows: the same hues at the one
#: lightness that keeps a contrast of 4.5 : 1 on white and on black alike (WCAG AA).
TERMINAL: Mapping[Kind, str] = MappingProxyType(
    {
        "convolution": "#3778bc",
        "pooling": "#b26113",
        "linear": "#8566ba",
        "norm": "#388451",
        "activation": "#76766e",
        "shape": "#90721c",
        "merge": "#76766e",
        "io": "#76766e",
        "container": "#76766e",
        "other": "#76766e",
    }
)
TERMINAL_DIM, TERMINAL_GOOD, TERMINAL_BAD = "#767676", "#388451", "#dc362c"


@dataclass(frozen=True, slots=True)
class TextStyle:
    """How a word is set in a table; no colour means that of the text around it."""

    color: str | None = None
    bold: bool = False


#: What the pieces of a table's lines are styled with, beside the kinds themselves.
TEXT_STYLES: Mapping[str, TextStyle] = MappingProxyType(
    {
        **{kind: TextStyle(color) for kind, color in TERMINAL.items()},
        "": TextStyle(),
        "name": TextStyle(),
        "title-name": TextStyle(bold=True),
        "container": TextStyle(),
        "strong": TextStyle(bold=True),
        "title": TextStyle(TERMINAL_DIM),
        "guide": TextStyle(TERMINAL_DIM),
        "dim": TextStyle(TERMINAL_DIM),
        "tag": TextStyle(TERMINAL["convolution"], bold=True),
        "link": TextStyle(TERMINAL["convolution"]),
        "good": TextStyle(TERMINAL_GOOD),
        "bad": TextStyle(TERMINAL_BAD, bold=True),
    }
)

#: The kind of an operation by its family in the table.
_OF_FAMILY: Mapping[Family, Kind] = MappingProxyType(
    {
        "convolution": "convolution",
        "pooling": "pooling",
        "linear": "linear",
        "lookup": "linear",
        "attention": "linear",
        "recurrent": "linear",
        "norm": "norm",
        "activation": "activation",
        "arithmetic": "merge",
        "joining": "merge",
        "moving": "shape",
        "splitting": "shape",
        "slicing": "shape",
        "indexing": "shape",
        "padding": "shape",
        "resizing": "shape",
        "shuffling": "shape",
        "reduction": "shape",
    }
)

#: What is left are classes: torch's containers, and the words that others are called after.
#: Looked for from the top, in a name without dimension, ``Lazy`` and underscores.
_WORDS: tuple[tuple[Kind, str], ...] = (
    ("norm", r"(batch|layer|group|instance|rms)norm|norm$|lrn$"),
    ("shape", r"pad$|^upsampl"),
    ("convolution", r"^(deform|quantized)?conv"),
    ("pooling", r"pool"),
    ("linear", r"linear$|attention|^rnn(cell)?$"),
    ("activation", r"relu|elu|sigmoid|softm|tanh|softplus|silu|mish|swish|shrink"),
    ("activation", r"drop(out|path)|stochasticdepth"),
    ("shape", r"flatten|view|reshape|permute|transpose|squeeze|expand|crop"),
    ("io", r"^(input|output)$"),
    ("container", r"^(sequential|module(list|dict)|container|parameter(list|dict))$"),
    ("container", r"^(transformer|transformer(en|de)coder(layer)?|module)$"),
)


@lru_cache(maxsize=4096)
def family_of(name: str) -> Family | None:
    """The family of an operation, or of the function behind a layer; None where there is none.

    >>> family_of("hstack"), family_of("LazyConv2d"), family_of("Bottleneck")
    ('joining', 'convolution', None)
    """
    entry = TABLE.find(name) or TABLE.behind(name.rpartition(".")[2].removeprefix("Lazy"))
    return None if entry is None else entry.family


@lru_cache(maxsize=4096)
def kind_of(name: str) -> Kind:
    """The kind of a layer (its ``torch.nn`` class) or of an operation (its function's name).

    >>> kind_of("LazyConv2d"), kind_of("max_pool2d"), kind_of("F.gelu"), kind_of("Upsample")
    ('convolution', 'pooling', 'activation', 'shape')
    >>> kind_of("Sequential"), kind_of("Bottleneck"), kind_of("cat")
    ('container', 'other', 'merge')
    """
    family = family_of(name)
    return _by_word(name) if family is None else _OF_FAMILY.get(family, "other")


@lru_cache(maxsize=4096)
def _by_word(name: str) -> Kind:
    """The kind of a class by the words in its name."""
    plain = re.sub(r"^Lazy", "", name.rpartition(".")[2].replace("_", ""))
    plain = re.sub(r"[1-3]d$", "", plain).lower()
    for kind, words in _WORDS:
        if re.search(words, plain):
            return kind
    return "other"
