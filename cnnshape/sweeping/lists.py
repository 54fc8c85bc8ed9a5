"""A list of models: one on each line, with inputs of its own behind it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from cnnshape.errors import UsageError
from cnnshape.loading.literals import Option
from cnnshape.loading.shapes import has_form_of_shape, parse_inputs


def lines_of(source: str) -> Iterator[tuple[str, str]]:
    """Where each line stands, and what it says; empty ones and remarks (``#``) do not count."""
    name = "standard input" if source == "-" else source[1:]
    try:
        text = sys.stdin.read() if source == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or "it is no text"
        raise UsageError(f"cannot read the list {name}: {reason}") from error
    lines = [(f"line {at} of {name}", line.strip()) for at, line in enumerate(text.split("\n"), 1)]
    named = [(where, line) for where, line in lines if line and not line.startswith("#")]
    if not named:
        raise UsageError(f"the list {name} names no model: write one on each line")
    yield from named


def with_inputs(line: str) -> tuple[str, tuple[str, ...]]:
    """A model, and the inputs that stand behind it.

    >>> with_inputs("my nets/a.py:Net(a=1, b=2) 1,3,8,8 mask=1,8:bool")
    ('my nets/a.py:Net(a=1, b=2)', ('1,3,8,8', 'mask=1,8:bool'))
    """
    *words, last = re.split(r"\s+", line)
    given: list[str] = []
    while words and _is_input(last):
        given.insert(0, last)
        last = words.pop()
    kept = len(words) + 1
    return _first_words(line, kept), tuple(given)


def _first_words(line: str, number: int) -> str:
    return re.match(rf"(?:\S+\s+){{{number - 1}}}\S+", line)[0]  # type: ignore[index]


def _is_input(word: str) -> bool:
    name, equals, value = word.partition("=")
    if not equals:
        return has_form_of_shape(word)
    try:
        return name.isidentifier() and all(
            isinstance(given, Option) or has_form_of_shape(value) for given in parse_inputs([word])
        )
    except UsageError:
        return False
