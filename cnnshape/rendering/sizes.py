"""The accepted sizes as a person says them: ``H: 28…31``, ``H ≥ 32``, ``H: multiples of 16``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cnnshape.experiments.sizing.result import AcceptedSizes, Adaptation, Fit, Rejection, SizeSet
from cnnshape.messages import joined, say
from cnnshape.rendering.failure import further_changes, source_line
from cnnshape.rendering.json_ import dump
from cnnshape.rendering.printing import PROSE
from cnnshape.rendering.styled_text import EMPTY, Line, Span, paragraph, span
from cnnshape.rendering.summary import title
from cnnshape.rendering.units import duration, expression_text
from cnnshape.rendering.writer import Writer
from cnnshape.words import counted, times

_INDENT, _DEEPER = "  ", "    "


def set_text(name: str, sizes: SizeSet, low: int, high: int) -> str:
    """One letter's sizes.

    >>> set_text("H", SizeSet(((28, 31),)), 1, 256)
    'H: 28…31'
    >>> set_text("H", SizeSet(((32, 256),)), 1, 256)
    'H ≥ 32'
    >>> set_text("H", SizeSet(((16, 256),), 16), 1, 256)
    'H: multiples of 16'
    >>> set_text("H", SizeSet(((224, 224),)), 1, 256), set_text("H", SizeSet(((1, 256),)), 1, 256)
    ('H = 224', 'H: every size')
    >>> set_text("H", SizeSet(((33, 256),), 1, 32, (1,)), 1, 256)
    'H ≥ 33, H mod 32 = 1'
    """
    if not sizes.ranges:
        return say("{letter}: none", letter=name)
    first, last = sizes.ranges[0][0], sizes.ranges[-1][1]
    step = sizes.multiple_of
    open_ended = last > high - step
    single = len(sizes.ranges) == 1
    if single and first == last:
        return f"{name} = {first}"
    if sizes.remainders:
        shown = ", ".join(map(str, sizes.remainders))
        sign = "=" if len(sizes.remainders) == 1 else "in"
        start = f"{name} ≥ {first}, " if first > low else ""
        return f"{start}{name} mod {sizes.period} {sign} {shown}"
    if step > 1:
        some = say("{letter}: multiples of {step}", letter=name, step=step)
        if not single or not open_ended:
            return say("{sizes} in {ranges}", sizes=some, ranges=_ranges(sizes, open_ended))
        return some if first < low + step else say("{sizes} from {least}", sizes=some, least=first)
    if single and open_ended:
        return say("{letter}: every size", letter=name) if first == low else f"{name} ≥ {first}"
    return f"{name}: {_ranges(sizes, open_ended)}"


def _ranges(sizes: SizeSet, open_ended: bool) -> str:
    texts = [str(a) if a == b else f"{a}…{b}" for a, b in sizes.ranges]
    if open_ended and sizes.ranges[-1][0] != sizes.ranges[-1][1]:
        texts[-1] = f"≥ {sizes.ranges[-1][0]}"
    return ", ".join(texts)


def letters_text(letters: Mapping[str, int]) -> str:
    """``H = 28, W = 30``."""
    return ", ".join(f"{name} = {number}" for name, number in letters.items())


def _lines(accepted: AcceptedSizes, width: int | None) -> Iterator[Line]:
    low, high = accepted.tested
    name = title(accepted.class_name, accepted.spec, width)
    yield (*name, Span("   input ", "dim"), span(accepted.shape.replace(",", "×")))
    yield EMPTY
    for letter, sizes in accepted.letters.items():
        yield (Span(_INDENT), span(set_text(letter, sizes, low, high), "name"))
    if accepted.joint is not None:
        together = expression_text(accepted.joint)
        yield (Span(_INDENT), span(say("together: "), "dim"), span(together, "name"))
        shown = "; ".join(map(letters_text, accepted.examples))
        if shown:
            yield from paragraph(say("for example {sizes}", sizes=shown), width, "dim", _DEEPER)
    yield EMPTY
    yield from paragraph(_tested(accepted), width, "dim")
    for letter, sizes in accepted.batch_changing.items():
        text = set_text(letter, sizes, low, high)
        said = say(
            "not counted, since rows of the batch are torn apart or glued together: {sizes}",
            sizes=text,
        )
        yield from paragraph(said, width, "dim")
    if accepted.exceptions:
        shown = "; ".join(map(letters_text, accepted.exceptions[:3]))
        more = len(accepted.exceptions) - 3
        if more > 0:
            shown = say("{names} and {left} more", names=shown, left=more)
        said = say("some tries do not follow these conditions: {sizes}", sizes=shown)
        yield from paragraph(said, width, "dim")
    for note in accepted.notes:
        yield from paragraph(say("note: {note}", note=note), width, "dim")
    for rejection in accepted.why:
        yield from _rejection(rejection, width)
    if accepted.fit is not None:
        yield from _fit(accepted.fit, width)


def _tested(accepted: AcceptedSizes) -> str:
    low, high = accepted.tested
    names = joined(say(" and of "), accepted.letters)
    what = (
        say("every size of {letters} from {low} to {high}", letters=names, low=low, high=high)
        if accepted.every_size
        else say("some sizes of {letters} from {low} to {high}", letters=names, low=low, high=high)
    )
    if len(accepted.letters) > 1:
        what = say("{sizes}, the others as usual; then equal sizes, and pairs", sizes=what)
    where = (
        say("on meta")
        if accepted.device == "meta"
        else say("on the {device}", device=accepted.device.upper())
    )
    text = say(
        "tested: {sizes}: {inputs} {where}, {time}",
        sizes=what, inputs=counted(accepted.tries, "input"), where=where,
        time=duration(accepted.seconds),
    )  # fmt: skip
    if accepted.every_size:
        return text
    return say(
        "{tested}; between those the size formulas decide (a longer --time-limit tries more)",
        tested=text,
    )


def _rejection(rejection: Rejection, width: int | None) -> Iterator[Line]:
    yield EMPTY
    where = rejection.path or rejection.type
    kind = f" ({rejection.type})" if rejection.path else ""
    yield (
        Span(_INDENT),
        Span("✗ ", "bad"),
        span(letters_text(rejection.letters), "name"),
        span(say(" is refused by "), "dim"),
        span(f"{where}{kind}"),
    )
    if rejection.source is not None:
        yield (Span(_INDENT), *source_line(rejection.source))
    yield from paragraph(rejection.diagnosis or rejection.message, width, indent=_DEEPER)


def _fit(fit: Fit, width: int | None) -> Iterator[Line]:
    yield EMPTY
    sizes = letters_text(fit.letters)
    if fit.accepted:
        yield (
            Span(_INDENT),
            Span("✓ ", "good"),
            span(say("{sizes} is accepted as it is", sizes=sizes)),
        )
        return
    yield (Span(_INDENT), Span("✗ ", "bad"), span(say("{sizes} is not accepted", sizes=sizes)))
    if fit.source is not None:
        yield (Span(_INDENT), *source_line(fit.source))
    yield from paragraph(fit.reason, width, indent=_DEEPER)
    if not fit.changes:
        yield from paragraph(
            say("no change was found that makes the model run"), width, indent=_DEEPER
        )
        return
    how = {
        1: say("To take it (tried, and the model runs):"),
        2: say("To take it, either (both tried, both run):"),
    }
    several = say("To take it, any of (all tried, all run):")
    yield (Span(_INDENT), span(how.get(len(fit.changes), several)))
    for change in fit.changes:
        # A parameter's text says itself what becomes what.
        named = change.action == "set_argument" and bool(change.path)
        target = f"{change.path} = " if named else ""
        yield (Span(f"{_DEEPER}· "), span(joined("", (target, change.text))))
        if change.suggestion is not None:
            for further in further_changes(change.suggestion):
                yield (Span(_DEEPER), span(say("  and "), "dim"), span(further))
        yield from paragraph(_cost(change, fit), width, "dim", f"{_DEEPER}  ")


#: So many of the sizes that a change costs are named.
_NAMED = 6


def _cost(change: Adaptation, fit: Fit) -> str:
    """What becomes of the other sizes."""
    if change.leads_to is not None:
        sizes = times(change.leads_to.values())
        return say(
            "{done}; the model stays as it is, with every size it takes",
            done=_done(change.how, sizes),
        )
    if not change.tried:
        return say("not known: which other sizes it costs")
    if not change.costs:
        return say("keeps the other sizes ({tried} tried)", tried=change.tried)
    varying = [name for name in change.costs[0] if name in fit.letters]
    named = [times(letters[name] for name in varying) for letters in change.costs[:_NAMED]]
    more = ["…"] if len(change.costs) > _NAMED else []
    which = ", ".join([*named, *more])
    every = len(change.costs) == change.tried
    number = (
        say("all {tried}", tried=change.tried)
        if every
        else say("{number} of {tried}", number=len(change.costs), tried=change.tried)
    )
    return say("costs other sizes, {number} that were tried: {sizes}", number=number, sizes=which)


def _done(how: str, sizes: str) -> str:
    match how:
        case "pad":
            return say("padded to {sizes}", sizes=sizes)
        case "interpolate":
            return say("resized to {sizes}", sizes=sizes)
        case _:
            return say("cropped to {sizes}", sizes=sizes)


WRITER: Writer[AcceptedSizes] = Writer(
    _lines,
    {"json": lambda accepted: dump(accepted.to_dict())},
    lambda accepted: _lines(accepted, PROSE),
)
