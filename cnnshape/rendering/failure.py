"""What is said when the model raised: where, in which line, why, and what to change."""

from __future__ import annotations

import linecache
import os
import re
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import TextIO

from cnnshape.analysis.report import ErrorReport, Report, Suggestion
from cnnshape.cells import MAY_BREAK, cells, filled
from cnnshape.messages import joined, say, translated
from cnnshape.rendering.styled_text import EMPTY, Line, Span, span
from cnnshape.tracing.trace import Source
from cnnshape.words import listed, ordinal

_INDENT = "  "
_NO_MARK = Span("")
#: A line may break wherever a text may, but not at the spaces around an operator.
_BREAK = re.compile(rf"(?![−+=×·/→])(?<![−+=×·/→] )(?:{MAY_BREAK.pattern})")
#: Some frameworks put whole configurations into a message; the JSON report has all of it.
_MOST_LINES = 20
_MOST_STEPS = 12
#: So many places of the same change are named.
_MOST_PLACES = 3
_OVERLOADS = ", but expected one of:\n"
_NOT_TRIED, _TRIED = say("not tried"), say("tried")
_RUNS, _GETS_PAST = say("tried, runs"), say("tried, gets past this point")
#: What one, two and more suggestions begin with.
_CHOICES = (say("To fix"), say("To fix, either"), say("To fix, any of"))
#: What holds for each → what is said of two, and of more.
_TOGETHER: dict[str, tuple[str, str]] = {
    _NOT_TRIED: (say("both not tried"), say("all not tried")),
    _TRIED: (say("both tried"), say("all tried")),
    _RUNS: (say("both tried, both run"), say("all tried, all run")),
    _GETS_PAST: (
        say("both tried, gets past this point"),
        say("all tried, gets past this point"),
    ),
}
#: Stands for a space at which no line may be broken.
_GLUE = "\N{NO-BREAK SPACE}"


def failure_lines(report: Report, room: int | None) -> list[Line]:
    """The panel below a table that ends at a failing row; nothing if the model ran."""
    return [] if report.error is None else error_lines(report.error, report.class_name, room)


def error_lines(error: ErrorReport, class_name: str, room: int | None) -> list[Line]:
    """The panel alone, for an error that has no table."""
    lines = _words(headline(error, class_name), room, "bad", mark=Span("✗ ", "bad"))
    if error.source is not None:
        lines.append(source_line(error.source))
    if error.built is not None:
        function = say("in {function}", function=error.built.function)
        lines.append((*source_line(error.built), Span("   "), span(function, "dim")))
    lines += _derivation(error.derivation, room)
    if error.patterns:
        first, *others = error.patterns
        lines += _derivation((say("axes: {pattern}", pattern=first), *others), room)
    if not error.diagnosis and error.arguments:
        lines += _words(say("it received {given}", given=", ".join(error.arguments)), room)
    if error.message or not error.diagnosis:
        said = error.message
        if error.diagnosis:
            said = said.partition(_OVERLOADS)[0]  # torch lists what the function takes instead
        message = ": ".join(filter(None, (error.exception, said)))
        lines += _message(message, room, "dim" if error.diagnosis else "")
    if error.suggestions:
        lines.append(EMPTY)
        lines += _suggestions(error.suggestions, room)
    return lines


def print_error(error: ErrorReport, class_name: str, stream: TextIO) -> None:
    """The panel alone on a stream: fitted and in colour where that is a terminal."""
    from cnnshape.rendering.printing import as_text

    terminal = stream.isatty()
    lines = error_lines(error, class_name, get_terminal_size().columns if terminal else None)
    plain = not terminal or bool(os.environ.get("NO_COLOR"))
    print(as_text(lines, color=not plain), file=stream)


def place(error: ErrorReport, class_name: str) -> str:
    """The failing module as a sentence names it: ``fc1 (Linear, 2nd call)``."""
    path = error.path or class_name
    words: list[str] = [error.type] if error.path and error.type else []
    if error.call:
        words.append(say("{nth} call", nth=ordinal(error.call + 1)))
    return joined("", (path, " (", joined(", ", words), ")")) if words else path


def one_line(report: Report) -> str:
    """The failure in a single line, for stderr beside machine-readable output."""
    error = report.error
    if error is None:
        return ""
    if error.diagnosis:
        said = headline(error, report.class_name)
    else:
        first, *_ = f"{error.exception}: {error.message}".strip().splitlines()
        said = say("{place}: {sentence}", place=place(error, report.class_name), sentence=first)
    return joined("", (said, f" [{error.source}]")) if error.source else said


def headline(error: ErrorReport, class_name: str) -> str:
    """Why it failed in one sentence that names the place."""
    named = place(error, class_name)
    if error.diagnosis:
        mentioned = _mentions(error.diagnosis, error, class_name)
        if mentioned:
            return error.diagnosis
        return say("{place}: {sentence}", place=named, sentence=error.diagnosis)
    if error.op:
        return say("{place} failed in {operation}", place=named, operation=error.op)
    return say("{place} failed", place=named)


def _derivation(steps: Sequence[str], room: int | None) -> list[Line]:
    """Where the arriving size comes from, as one sentence: the result, then how it came about."""
    if not steps:
        return []
    if len(steps) > _MOST_STEPS:
        left = len(steps) - _MOST_STEPS
        half = _MOST_STEPS // 2
        steps = (*steps[:half], say("… {left} more …", left=left), *steps[-half:])
    # No line is broken within a step.
    whole = None if room is None else room - cells(_INDENT)
    told = map(translated, steps)
    pieces = [
        step if whole is not None and cells(step) > whole else step.replace(" ", _GLUE)
        for step in told
    ]
    text = translated(say("; ")).join(pieces)
    return [
        tuple(Span(part.text.replace(_GLUE, " "), part.style) for part in line)
        for line in _words(text, room, "dim")
    ]


def _mentions(text: str, error: ErrorReport, class_name: str) -> bool:
    """Whether a sentence names the place itself."""
    return (error.path or class_name) in text


def source_line(source: Source) -> Line:
    """A place in somebody's code, and the line that stands there."""
    code = source.code
    if code is None:
        linecache.checkcache(source.file)  # it may have been edited since
        code = linecache.getline(source.file, source.line).strip()
    return (
        Span(_INDENT),
        span(str(source), "link"),
        span(f"  {code}" if code else "", ""),
    )


def _message(message: str, room: int | None, style: str) -> list[Line]:
    lines: list[Line] = []
    for part in message.strip().splitlines():
        lines += _words(part, room, style)
    if len(lines) > _MOST_LINES:
        left = len(lines) - _MOST_LINES
        more = say("… {left} more lines; -f json has all", left=left)
        lines = [*lines[:_MOST_LINES], (Span(_INDENT), span(more))]
    return lines


def _suggestions(suggestions: Sequence[Suggestion], room: int | None) -> list[Line]:
    states = {tried(suggestion) for suggestion in suggestions}
    together = states.pop() if len(states) == 1 else ""
    several = min(len(suggestions), len(_CHOICES)) - 1
    heading = say("{choice}:", choice=_CHOICES[several])
    if together:
        state = _TOGETHER[together][several - 1] if several else together
        heading = say("{choice} ({state}):", choice=_CHOICES[several], state=state)
    lines: list[Line] = [(Span(_INDENT), span(heading))]
    for suggestion in suggestions:
        note = tried(suggestion) if not together else ""
        text = correction(suggestion)
        lines += _words(text, room, mark=Span("· ", "dim"), indent=_INDENT * 2)
        for text in further_changes(suggestion):
            lines += _words(text, room, mark=span(say("  and "), "dim"), indent=_INDENT * 2)
        if note:
            lines[-1] = (*lines[-1], Span("   "), span(note, "dim"))
    return lines


def further_changes(suggestion: Suggestion) -> list[str]:
    """What belongs to a suggestion; the same change in several places is told once."""
    places: dict[tuple[str, str | None], list[Suggestion]] = {}
    for further in suggestion.then:
        if further.path == suggestion.path and further.text == suggestion.text:
            continue  # one line with several arguments says it all
        places.setdefault((further.text, further.argument), []).append(further)
    return [
        further_change(found[0])
        if len(found) == 1
        else say("the same in {places}", places=_named(found))
        for found in places.values()
    ]


def _named(found: Sequence[Suggestion]) -> str:
    """The places of a change: ``blocks[1].conv, blocks[2].conv, blocks[3].conv and 1 more``."""
    places = [as_written(one.path) for one in found]
    left = len(places) - _MOST_PLACES
    if left <= 0:
        return listed(places)
    return listed([*places[:_MOST_PLACES], say("{left} more", left=left)])


def correction(suggestion: Suggestion) -> str:
    """A suggestion as one would write it: ``fc1 = nn.Linear(256, 120)``."""
    whole = " = " in suggestion.text or " instead of " in suggestion.text
    if suggestion.action == "set_argument" and suggestion.path and not whole:
        return joined(" = ", (as_written(suggestion.path), suggestion.text))
    if suggestion.action == "insert_before":
        if not suggestion.path:
            return say("{change} before the call", change=suggestion.text)
        module = as_written(suggestion.path)
        return say("{change} before {module}", change=suggestion.text, module=module)
    return suggestion.text


def as_written(path: str) -> str:
    """A module as its owner's code reaches it: ``features[3]``, ``model[0]``, ``fc1``.

    >>> as_written("features.3"), as_written("0"), as_written("layer1.0.conv2")
    ('features[3]', 'model[0]', 'layer1[0].conv2')
    """
    written = ""
    for part in path.split("."):
        if part.isdigit():
            written = f"{written or 'model'}[{part}]"
        else:
            written = f"{written}.{part}" if written else part
    return written


def further_change(suggestion: Suggestion) -> str:
    """A change that belongs to another one, shortly: ``fc1 in_features 400 → 256``."""
    if suggestion.action == "set_argument" and suggestion.argument and suggestion.to is not None:
        change = f"{suggestion.argument} {suggestion.from_} → {suggestion.to}"
        return f"{as_written(suggestion.path)} {change}".strip()
    return correction(suggestion)


def tried(suggestion: Suggestion) -> str:
    """What is known of a suggestion: ``tried, runs``."""
    if not suggestion.verified:
        return _NOT_TRIED
    if suggestion.runs is None:
        return _TRIED
    return _RUNS if suggestion.runs else _GETS_PAST


def _words(
    text: str, room: int | None, style: str = "", mark: Span = _NO_MARK, indent: str = _INDENT
) -> list[Line]:
    """A text broken between words; lines after the first line up with it."""
    hang = Span(" " * cells(mark.text))
    left = None if room is None else room - cells(indent + mark.text)
    return [
        (Span(indent), mark if number == 0 else hang, span(line, style))
        for number, line in enumerate(filled(translated(text), left, _BREAK))
    ]
