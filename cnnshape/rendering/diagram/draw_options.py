"""What a reader asked of a picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast, get_args

from cnnshape.errors import UsageError
from cnnshape.rendering.diagram.paper import page_of
from cnnshape.rendering.palette import ThemeName

Style = Literal["graph", "blocks", "tree"]
Direction = Literal["TB", "LR"]
Show = Literal["shapes", "params", "macs", "receptive-field", "formula"]

SHOWN: frozenset[Show] = frozenset(("shapes", "params"))


@dataclass(frozen=True, slots=True)
class DrawOptions:
    """How a picture is drawn.

    Attributes:
        style: ``graph`` for the data flow, ``blocks`` for feature maps as boxes, ``tree`` for
            the hierarchy of modules.
        depth: modules deeper than this are not opened; None for what stays readable.
        direction: from top to bottom or from left to right; None for what suits the style.
        show: what is written beside the names.
        theme: the colours.
        expand: repeated blocks and everything below them are drawn one by one.
        collapse: paths of modules that are not opened.
        only: the path of the one module that is drawn; ``""`` for the whole model.
        fit: the page that it must fit on: ``a4``, ``letter``, ``slide``, ``column`` or a size such
            as ``400x300``; ``""`` for as large as it gets.
        legend: what colours, lines, signs and figures mean stands below the picture.
    """

    style: Style = "graph"
    depth: int | None = None
    direction: Direction | None = None
    show: frozenset[Show] = field(default=SHOWN)
    theme: ThemeName = "light"
    expand: bool = False
    collapse: tuple[str, ...] = ()
    only: str = ""
    fit: str = ""
    legend: bool = False

    def __post_init__(self) -> None:
        _known("style", self.style, get_args(Style))
        _known("theme", self.theme, get_args(ThemeName))
        if self.direction is not None:
            _known("direction", self.direction, get_args(Direction))
        if self.fit:
            page_of(self.fit)
        if self.depth is not None and self.depth < 1:
            raise UsageError(f"depth must be 1 or more, not {self.depth}")


def _known(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{value!r} is no {what}; choose one of {', '.join(choices)}")


def parse_show(words: str | Iterable[str]) -> frozenset[Show]:
    """What to show, from ``"shapes,macs"`` or the words themselves.

    >>> sorted(parse_show("shapes, macs")), parse_show("")
    (['macs', 'shapes'], frozenset())

    Raises:
        UsageError: a word is none of those that can be shown.
    """
    listed = words.split(",") if isinstance(words, str) else list(words)
    chosen = [word.strip().replace("_", "-") for word in listed]
    for word in filter(None, chosen):
        if word not in get_args(Show):
            raise UsageError(f"cannot show {word!r}; choose from {', '.join(get_args(Show))}")
    return frozenset(cast("list[Show]", [word for word in chosen if word]))


def draw_options(**given: object) -> DrawOptions:
    """Options from what was typed: ``show`` as words, ``direction`` in any case.

    >>> draw_options(style="graph", show="shapes,macs", direction="lr").direction
    'LR'

    Raises:
        UsageError: there is no such option, or a value is not one of its choices.
    """
    known = {one.name for one in fields(DrawOptions)}
    for name in given:
        if name not in known:
            raise UsageError(
                f"no option {name!r} for drawing; there are {', '.join(sorted(known))}"
            )
    values = dict(given)
    if isinstance(show := values.get("show"), str | list | tuple | set | frozenset):
        values["show"] = parse_show(cast("str | Iterable[str]", show))
    if isinstance(direction := values.get("direction"), str):
        values["direction"] = direction.upper()
    if isinstance(collapse := values.get("collapse"), str):
        values["collapse"] = (collapse,)
    elif "collapse" in values:
        values["collapse"] = tuple(cast("Iterable[str]", values["collapse"]))
    return DrawOptions(**cast("dict[str, Any]", values))
