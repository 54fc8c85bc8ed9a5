"""Writing a source with its shapes: beside each line on the screen, or into the file itself."""

from __future__ import annotations

import io
import os
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path

from cnnshape.analysis.annotate import AnnotatedFunction, Annotations
from cnnshape.files import python_lines, python_text
from cnnshape.messages import say
from cnnshape.rendering.batch import Batch
from cnnshape.rendering.failure import error_lines
from cnnshape.rendering.json_ import dump
from cnnshape.rendering.line_text import wording
from cnnshape.rendering.styled_text import EMPTY, Line, Span, cells, elide, span
from cnnshape.rendering.summary import header
from cnnshape.rendering.writer import Writer
from cnnshape.rendering.written_comment import NOT_RUN, is_ours
from cnnshape.words import counted

#: Comments of a function stand below each other, unless a line is longer than this.
_FURTHEST = 64
_LEAST = 16


def comments(annotations: Annotations, function: AnnotatedFunction) -> dict[int, str]:
    """What is said of each statement, by the line that it ends in."""
    report = annotations.report
    words = wording(Batch.of(report), [row.dtype for row in report.inputs])
    told = {note.statement.end: words.of(note) for note in function.notes}
    ran = {note.statement.line for note in function.notes if note.passes}
    left_out = (n.statement for n in function.notes if not n.passes and n.statement.first)
    told |= {each.end: NOT_RUN for each in left_out if each.above in ran}
    return {line: text for line, text in told.items() if text}


def _lines(annotations: Annotations, room: int | None) -> list[Line]:
    lines: list[Line] = [*header(annotations.report, room)]
    file = ""
    for function in annotations.functions:
        if function.file != file:
            file = function.file
            lines += [EMPTY, (span(_shown_path(file), "title"),)]
        else:
            lines.append(EMPTY)
        lines += _function(annotations, function, room)
    if not annotations.functions:
        lines += [EMPTY, (span(say("no function of the model's own has a source to show"), "dim"),)]
    if annotations.error is not None:
        lines += [EMPTY, *error_lines(annotations.error, annotations.class_name, room)]
    return lines


def _shown_path(file: str) -> str:
    relative = os.path.relpath(file)
    return file if relative.startswith("..") else relative


def _function(
    annotations: Annotations, function: AnnotatedFunction, room: int | None
) -> Iterator[Line]:
    begin, end = function.source.body
    told = comments(annotations, function)
    digits = len(str(end))
    indent = len(function.lines[0]) - len(function.lines[0].lstrip())
    texts = [line[indent:] if not line[:indent].strip() else line for line in function.lines]
    widths = [cells(text) for line, text in enumerate(texts, begin) if line in told]
    column = max([w for w in widths if w <= _FURTHEST], default=0) + 2
    if room is not None:
        column = min(column, max(room // 2, _LEAST))
    failed = annotations.error.source if annotations.error else None
    if function.calls > 1:
        yield (Span(" " * (digits + 2)), span(counted(function.calls, "call"), "dim"))
    for line, text in enumerate(texts, begin):
        here = failed is not None and (failed.file, failed.line) == (function.file, line)
        number = Span(f"{line:>{digits}} ", "bad" if here else "dim")
        mark = Span("✗" if here else " ", "bad")
        comment = told.get(line, "")
        gap = " " * max(column - cells(text), 2)
        if comment and room is not None:
            comment = elide(comment, max(room - digits - 4 - cells(text) - len(gap), _LEAST))
        style = "dim" if comment == NOT_RUN else "bad" if here else "good"
        said = (Span(gap), span(f"# {comment}", style)) if comment else ()
        yield (number, mark, Span(" "), span(text.rstrip(), "strong" if here else ""), *said)


# ---- into the file ------------------------------------------------------------------------


def with_comments(annotations: Annotations) -> dict[Path, str]:
    """Every file of the annotated functions, with their comments put in or made anew."""
    by_file: dict[str, list[AnnotatedFunction]] = {}
    for function in annotations.functions:
        by_file.setdefault(function.file, []).append(function)
    found: dict[Path, str] = {}
    for file, functions in by_file.items():
        text = python_text(file)
        if text is not None:
            found[Path(file)] = _commented(text, annotations, functions)
    return found


def changed_lines(file: Path, text: str) -> list[tuple[int, str]]:
    """The lines that a file would have and has not, with their numbers in it."""
    before, after = python_lines(python_text(file) or ""), python_lines(text)
    return [
        (min(place, len(before)) + 1, line.strip())
        for kind, place, _, begin, end in SequenceMatcher(
            None, before, after, autojunk=False
        ).get_opcodes()
        if kind != "equal"
        for place, line in enumerate(after[begin:end] or [""], place)
    ]


def _commented(text: str, annotations: Annotations, functions: Sequence[AnnotatedFunction]) -> str:
    lines = python_lines(text)
    columns = _comments_in(text)
    letters = annotations.report.letters
    for function in functions:
        told = comments(annotations, function)
        names: dict[int, set[str]] = {}
        for note in function.notes:
            own = names.setdefault(note.statement.end, set())
            own.update(note.statement.reads, note.statement.binds)
        for line, own in names.items():
            if line in columns:
                comment = told.get(line, "")
                # What would not be known again could not be renewed.
                comment = comment if is_ours(comment, own, letters) else ""
                ours = partial(is_ours, names=own, letters=letters)
                lines[line - 1] = _line(lines[line - 1], columns[line], comment, ours)
    return "".join(lines)


def _comments_in(text: str) -> Mapping[int, int | None]:
    """The column of the comment of each line; None where there is none and one can be put.

    Lines that end within a text or with a backslash are left out.
    """
    marked = text.startswith("\ufeff")
    found: dict[int, int | None] = {}
    for token in tokenize.generate_tokens(io.StringIO(text[marked:], newline="").readline):
        line, column = token.start
        if token.type == tokenize.COMMENT:
            found[line] = column + (marked and line == 1)
        elif token.type in (tokenize.NEWLINE, tokenize.NL):
            found.setdefault(line, None)
    return found


def _line(line: str, column: int | None, comment: str, is_own: Callable[[str], bool]) -> str:
    """A line with its comment; what its author wrote beside it stays."""
    body = line.rstrip("\r\n")
    end = line[len(body) :]
    author = "" if column is None else body[column:].rstrip()
    code = body if column is None else body[:column].rstrip()
    first, gap, last = author.rpartition("  # ")
    if is_own(last.strip() if gap else author.removeprefix("#").strip()):
        author = first if gap else ""
    elif not comment:
        return line
    parts = [code, author, f"# {comment}" if comment else ""]
    written = "  ".join(part for part in parts if part)
    return (written if comment or author or column is not None else body) + end


WRITER: Writer[Annotations] = Writer(
    _lines, {"json": lambda annotations: dump(annotations.to_dict())}
)
