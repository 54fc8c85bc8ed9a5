"""Writing a comparison: a table of what differs, Markdown for a pull request, JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cnnshape.analysis.compare import Change, Compared, Comparison, Side, Status, WeightsFit
from cnnshape.messages import joined, say
from cnnshape.rendering import escape
from cnnshape.rendering.json_ import dump
from cnnshape.rendering.styled_text import (
    EMPTY,
    Line,
    Span,
    draw_grid,
    elide,
    paragraph,
    plain,
    span,
    width,
)
from cnnshape.rendering.units import amount_text, count, shapes_text, short_count
from cnnshape.rendering.writer import Writer
from cnnshape.tracing.trace import Dim, Shape
from cnnshape.words import counted

#: Of each status: its mark, and the style of its row.
_LOOKS: dict[Status, tuple[str, str]] = {
    "added": ("+", "good"),
    "removed": ("−", "bad"),
    "renamed": ("→", "tag"),
    "changed": ("~", "tag"),
    "same": ("", ""),
}
_STATUS: dict[str, str] = {
    "added": say("added"),
    "removed": say("removed"),
    "renamed": say("renamed"),
    "changed": say("changed"),
    "same": say("same"),
}
_TITLES = ("", "layer", "type", "out", "params", "")
_ALIGNS = ("left", "left", "left", "left", "right", "left")
#: From here on a number is told with three digits in the last lines.
_MANY = 10_000_000
_MOST_NAMES = 6


def _lines(comparison: Comparison, room: int | None) -> list[Line]:
    rows = [_cells(*shown) for shown in listed(comparison)]
    lines: list[Line] = [_title(comparison), EMPTY]
    if rows:
        lines += [*_fitted(rows, room), EMPTY]
    for sentence in sentences(comparison):
        lines += paragraph(sentence, room)
    return lines


def _title(comparison: Comparison) -> Line:
    a, b = _name(comparison.a), _name(comparison.b)
    return (span(a, "title-name"), Span(" → ", "dim"), span(b, "title-name"))


def _name(model: Compared) -> str:
    return model.name or model.class_name


def listed(comparison: Comparison) -> Iterator[tuple[Change, Sequence[Change]]]:
    """The layers that differ, each with those that came or went below it.

    Of a container only what is its own: its modules have rows, and what came or went whole is one.
    """
    layers = comparison.layers
    for place, change in enumerate(layers):
        if change.inside or change.status == "same" or _moved_on(change):
            continue
        own = [what for what in change.changes if what not in ("input", "output")]
        if change.container and change.status == "changed" and not own:
            continue
        yield change, _below(layers, place)


def row_texts(change: Change, below: Sequence[Change]) -> list[str]:
    """The cells of a row as plain texts: mark, layer, type, result, parameters, remark."""
    return [plain(cell) for cell in _cells(change, below)]


def _moved_on(change: Change) -> bool:
    """Whether only its number in a container is another, because of what stands before it."""
    if change.status != "renamed" or change.a is None or change.b is None:
        return False
    (_, _, before), (_, _, after) = change.a.path.rpartition("."), change.b.path.rpartition(".")
    return before.isdigit() and after.isdigit()


def _below(layers: Sequence[Change], place: int) -> Sequence[Change]:
    end = place + 1
    while end < len(layers) and layers[end].inside and layers[end].status == layers[place].status:
        end += 1
    return layers[place + 1 : end]


def _cells(change: Change, below: Sequence[Change]) -> list[Line]:
    side = change.b or change.a
    assert side is not None
    mark, style = _LOOKS[change.status]
    return [
        (Span(mark, style),),
        _path(change, side),
        _pair(change, _type, style),
        _pair(change, _output, style),
        _pair(change, lambda each: _params(each, below), style),
        (span(_remark(change, below), "dim"),),
    ]


def _path(change: Change, side: Side) -> Line:
    if "name" in change.changes and change.a is not None:
        return (span(change.a.label, "dim"), Span(" → ", "dim"), span(side.label, "strong"))
    return (span(side.label or say("(model)"), _LOOKS[change.status][1] or "strong"),)


def _pair(change: Change, text: Callable[[Side], str], style: str) -> Line:
    """One thing of both sides: once where it is the same."""
    texts = [text(side) for side in (change.a, change.b) if side is not None]
    if len(texts) == 2 and texts[0] != texts[1]:
        return (
            span(texts[0] or say("none"), "dim"),
            Span(" → ", "dim"),
            span(texts[1] or say("none")),
        )
    return (span(texts[-1], style if change.status in ("added", "removed") else "dim"),)


def _type(side: Side) -> str:
    return side.type


def _output(side: Side) -> str:
    return shapes_text(side.output_shapes, hide_batch=False) if side.called else say("never called")


def _params(side: Side, below: Sequence[Change]) -> str:
    """Its parameters; with those of what came or went with it."""
    counts = [side.params, *(each.params for c in below if (each := c.b or c.a) is not None)]
    if None in counts:
        return "?"
    total = sum(number for number in counts if number is not None)
    return count(total) if total else ""


def _remark(change: Change, below: Sequence[Change]) -> str:
    if below:
        return say("with {layers} in it", layers=counted(len(below), "layer"))
    settings = [f"{name} {a!r} → {b!r}" for name, (a, b) in change.settings.items()]
    shapes = ""
    if change.a and change.b and "input" in change.changes and "output" not in change.changes:
        shapes = say("takes {before} → {after}", before=_shapes(change.a), after=_shapes(change.b))
    return joined(", ", filter(None, (*settings, shapes)))


def _shapes(side: Side) -> str:
    return shapes_text(side.input_shapes, hide_batch=False)


def _fitted(rows: Sequence[list[Line]], room: int | None) -> list[Line]:
    """The table; where it is too wide the remarks are cut off, then left out, then the types."""
    lines = draw_grid(_TITLES, _ALIGNS, rows)
    if room is None or max(map(width, lines)) <= room:
        return lines
    without = draw_grid(_TITLES, _ALIGNS, [[*row[:-1], EMPTY] for row in rows])
    left = room - max(map(width, without)) - 2
    if left >= _SHORTEST:
        cut = [[*row[:-1], (span(elide(plain(row[-1]), left), "dim"),)] for row in rows]
        return draw_grid(_TITLES, _ALIGNS, cut)
    if max(map(width, without)) <= room:
        return without
    return draw_grid(_TITLES, _ALIGNS, [[*row[:2], EMPTY, *row[3:5], EMPTY] for row in rows])


#: A remark is not cut shorter than this.
_SHORTEST = 16


def sentences(comparison: Comparison) -> Iterator[str]:
    """What is said below the table: why a model raised, the counts, the totals, the checkpoint."""
    a, b = comparison.a, comparison.b
    for model in (a, b):
        if model.error is not None:
            said = model.error.diagnosis or model.error.message
            yield say(
                "{model} raises, and its layers end there: {reason}",
                model=_name(model), reason=said,
            )  # fmt: skip
    told = [(status, comparison.counts[status]) for status in _LOOKS if comparison.counts[status]]
    yield joined(
        " · ",
        (
            say("{number} {status}", number=number, status=_STATUS[status])
            if place
            else say("{layers} {status}", layers=counted(number, "layer"), status=_STATUS[status])
            for place, (status, number) in enumerate(told)
        ),
    )
    moved = sum(map(_moved_on, comparison.layers))
    if moved:
        yield (
            say("not listed: 1 of the renamed only has another number in the container")
            if moved == 1
            else say(
                "not listed: {number} of the renamed only have another number in the container",
                number=moved,
            )
        )
    params = _ratio(say("parameters"), a.params, b.params)
    yield joined(" · ", (params, _ratio(say("MACs"), a.macs, b.macs)))
    for model, fit in zip((a, b), comparison.weights or (), strict=False):
        yield _fit(_name(model), fit)


def _ratio(noun: str, one: Dim | None, other: Dim | None) -> str:
    """Two totals: ``11.7 M → 21.8 M parameters (×1.86)``.

    >>> _ratio("MACs", 200, 100), _ratio("MACs", 200, 200), _ratio("MACs", None, 200)
    ('200 → 100 MACs (×0.5)', '200 MACs', '? → 200 MACs')
    """
    texts = _amount(one), _amount(other)
    if one is not None and one == other:
        return say("{amount} {noun}", amount=texts[0], noun=noun)
    if isinstance(one, int) and isinstance(other, int) and texts[0] == texts[1]:
        texts = count(one), count(other)
    both = say("{before} → {after} {noun}", before=texts[0], after=texts[1], noun=noun)
    if isinstance(one, int) and isinstance(other, int) and one:
        return say("{numbers} (×{ratio})", numbers=both, ratio=_ratio_text(other / one))
    return both


def _ratio_text(ratio: float) -> str:
    """Three digits, or as many as it takes to be no 1.

    >>> _ratio_text(1.8647), _ratio_text(1.00006), _ratio_text(0.5), _ratio_text(1042.0)
    ('1.86', '1.0001', '0.5', '1042')
    """
    digits = next(n for n in (3, 4, 5, 6, 8, 12) if n == 12 or float(f"{ratio:.{n}g}") != 1)
    return f"{ratio:.{digits}g}" if ratio < 1000 else f"{ratio:.0f}"


def _amount(amount: Dim | None) -> str:
    if amount is None:
        return "?"
    if isinstance(amount, int):
        return count(amount) if amount < _MANY else short_count(amount)
    return amount_text(amount)


def _fit(name: str, fit: WeightsFit) -> str:
    every = len(fit.fitting) + len(fit.other_size) + len(fit.missing)
    parts: list[str] = [
        say(
            "{file} fits {number} of {tensors} of {model}",
            file=fit.file, number=len(fit.fitting), tensors=counted(every, "tensor"), model=name,
        )
    ]  # fmt: skip
    if fit.other_size:
        sizes = [
            say(
                "{tensor} ({stored} in the file, {wanted} in the model)",
                tensor=tensor,
                stored=_size(stored),
                wanted=_size(wanted),
            )
            for tensor, (stored, wanted) in fit.other_size.items()
        ]
        parts.append(say("of another size: {tensors}", tensors=_few(sizes)))
    if fit.missing:
        parts.append(say("not in the file: {tensors}", tensors=_few(fit.missing)))
    if fit.unused:
        parts.append(say("only in the file: {tensors}", tensors=_few(fit.unused)))
    return joined(say("; "), parts)


def _size(shape: Shape | None) -> str:
    return (
        say("no size yet")
        if shape is None
        else shapes_text([shape], hide_batch=False) or say("scalar")
    )


def _few(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    shown = joined(", ", names[:_MOST_NAMES])
    return say("{names} and {left} more", names=shown, left=more) if more > 0 else shown


def _markdown(comparison: Comparison) -> str:
    """A line about both, the table, the totals: what a pull request gets as a comment."""
    a, b = escape.markdown(_name(comparison.a)), escape.markdown(_name(comparison.b))
    lines = [f"**{a}** → **{b}**", ""]
    shown = list(listed(comparison))
    if shown:
        lines += ["| | layer | type | out | params | |", "|:--|:--|:--|:--|--:|:--|"]
        for change, below in shown:
            texts = (escape.markdown(plain(cell)) for cell in _cells(change, below))
            lines.append(f"| {' | '.join(texts)} |")
        lines.append("")
    return "\n".join([*lines, "  \n".join(map(escape.markdown, sentences(comparison)))])


def _page(comparison: Comparison) -> str:
    from cnnshape.rendering.page.compare_page import compare_page

    return compare_page(comparison)


WRITER: Writer[Comparison] = Writer(
    _lines,
    {
        "json": lambda comparison: dump(comparison.to_dict()),
        "markdown": _markdown,
        "html": _page,
    },
)
