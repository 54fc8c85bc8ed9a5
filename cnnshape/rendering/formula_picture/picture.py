"""The whole picture of a formula: heading, what is given, cells and windows, what was judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cnnshape.errors import ImpossibleSizeError, UsageError
from cnnshape.formulas.derivation import AxisDerivation, derive_axes
from cnnshape.formulas.expression import unicode
from cnnshape.formulas.roles import NamedRule
from cnnshape.formulas.windows import AxisWindows, axis_windows
from cnnshape.rendering.field_marks import Mark, marks_as_svg
from cnnshape.rendering.formula_picture.ink import Ink, extent, width_of, words
from cnnshape.rendering.formula_picture.one_axis import AxisPicture
from cnnshape.rendering.formula_picture.two_axes import GridPicture
from cnnshape.rendering.palette import ThemeName
from cnnshape.words import times

_MARGIN = 24.0
_HEAD, _BODY = 17.0, 13.0
_APART = 56.0


@dataclass(frozen=True)
class FormulaPicture:
    """A finished picture.

    Attributes:
        reason: why the size is impossible; empty where it is possible.
    """

    width: float
    height: float
    marks: tuple[Mark, ...]
    title: str
    reason: str = ""

    def render(self, format: str) -> bytes:
        """As ``svg``, ``png`` or ``pdf``."""
        size = self.width, self.height
        if format == "svg":
            return marks_as_svg(self.marks, size, self.title, None).encode("utf-8")
        from cnnshape.rendering.field_raster import paint

        return paint(self.marks, size, None, "png" if format == "png" else "pdf", 2.0)


@dataclass(frozen=True)
class Judged:
    """A formula by hand beside the picture: as it was read, its value here, what is said of it."""

    text: str
    value: str
    lines: tuple[str, ...]
    right: bool


def formula_picture(
    named: NamedRule,
    rows: Sequence[Mapping[str, Any]],
    *,
    theme: ThemeName = "light",
    judged: Sequence[Judged] = (),
) -> FormulaPicture:
    """Draw a layer's windows along one axis or two.

    Args:
        named: the rule of its kind.
        rows: role → number, for each axis.
        theme: the colours.
        judged: what was found about formulas by hand, for this configuration.

    Raises:
        UsageError: the kind has no windows, or there are more than two axes.
    """
    if len(rows) > 2:
        raise UsageError(f"a picture shows one axis or two, not {len(rows)}")
    axes = [axis_windows(named, row) for row in rows]
    ink = Ink.of(theme)
    derived, reason = _derived(named, rows)
    head = _heading(named, derived, reason, ink)
    caption = _caption(named, rows)
    y = extent(head)[1] + 26
    head.append(replace(words(0, y, _BODY, ink.text, caption), bold=True))
    body = [replace(mark, y=mark.y + y + 22) for mark in _body(named, axes, ink)]
    right, _ = extent([*body, head[-1]])
    side = [replace(mark, x=mark.x + right + _APART, y=mark.y + y) for mark in _judged(judged, ink)]
    marks = [*head, *body, *side]
    width, height = extent(marks)
    width, height = width + 2 * _MARGIN, height + 2 * _MARGIN
    page = Mark("rect", 0, 0, width, height, ink.page)
    placed = [replace(mark, x=mark.x + _MARGIN, y=mark.y + _MARGIN) for mark in marks]
    result = f"impossible: {reason}" if reason else f"output {_outputs(derived)}"
    return FormulaPicture(
        width, height, (page, *placed), f"{named.kind}: {caption}; {result}", reason
    )


def _body(named: NamedRule, axes: Sequence[AxisWindows], ink: Ink) -> list[Mark]:
    if len(axes) == 1:
        return AxisPicture(axes[0], named.kind, ink, named.ceil_mode).marks()
    return GridPicture((axes[0], axes[1]), named.kind, ink, named.ceil_mode).marks()


def _derived(
    named: NamedRule, rows: Sequence[Mapping[str, Any]]
) -> tuple[tuple[AxisDerivation, ...], str]:
    """The derivation of each axis; none, and the reason, where the size is impossible."""
    try:
        return derive_axes(named.rule, [named.values(row) for row in rows]), ""
    except ImpossibleSizeError as error:
        return (), str(error)


def _outputs(derived: Sequence[AxisDerivation]) -> str:
    return times(axis.output for axis in derived)


def _heading(
    named: NamedRule, derived: Sequence[AxisDerivation], reason: str, ink: Ink
) -> list[Mark]:
    """The kind, its formula, and that with the numbers put in."""
    kind = replace(words(0, 14, _HEAD, ink.text, named.kind), bold=True)
    x = width_of(kind) + 12
    formula = unicode(named.rule.expression)
    lines = [formula, *dict.fromkeys(axis.substitution for axis in derived)]
    if named.kind == "adaptive_pool":
        lines = ["window i: ⌊iH/O⌋ … ⌈(i + 1)H/O⌉ − 1"]
    marks = [kind]
    for place, text in enumerate(lines):
        sign = "" if place == 0 else "= "
        marks.append(replace(words(x, 14 + 25 * place, _HEAD, ink.text, sign + text), serif=True))
    if reason:
        marks.append(words(x, 14 + 25, _BODY, ink.bad.line, f"impossible: {reason}"))
    return marks


def _caption(named: NamedRule, rows: Sequence[Mapping[str, Any]]) -> str:
    """What is given: one number where the axes have the same."""
    parts: list[str] = []
    for role in named.roles:
        values = [row[role] for row in rows]
        text = str(values[0]) if len(set(values)) == 1 and role != "input" else times(values)
        parts.append(f"{role.replace('_', ' ')} {text}")
    if "padding" not in named.roles and named.kind == "conv":
        parts.append("padding same")
    return ", ".join([*parts, *(["ceil_mode"] if named.ceil_mode else [])])


def _judged(judged: Sequence[Judged], ink: Ink) -> list[Mark]:
    """Formulas by hand, one under the other."""
    marks: list[Mark] = []
    y = 0.0
    if judged:
        marks.append(replace(words(0, y, _BODY, ink.text, "judged beside it"), bold=True))
    for each in judged:
        y += 30
        text = f"{each.text} = {each.value}"
        marks.append(replace(words(0, y, _HEAD, ink.text, text), serif=True))
        for line in each.lines:
            y += 19
            color = ink.quiet if each.right else ink.bad.line
            marks.append(words(0, y, 12, color, line))
    return marks
