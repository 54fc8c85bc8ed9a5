"""Sentences for people: English by themselves, another language when somebody reads them.

:func:`say` makes a sentence of a template and its values. It *is* the English text, so JSON, logs
and tests read it as any other; and since template and values are kept, :func:`translated` says the
same in the reader's language, the values inside it too.

>>> sentence = say("{layer} expects {arriving}", layer="conv1", arriving=say("nothing"))
>>> sentence, isinstance(sentence, str)
('conv1 expects nothing', True)
"""

from __future__ import annotations

import functools
import gettext
import os
import re
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

ENGLISH = "en"
#: The catalogues of the other languages, a folder each.
TRANSLATIONS = Path(__file__).with_name("translations")
DOMAIN = "cnnshape"

#: Chinese has no spaces, and none beside its marks; a template has them around values, which
#: mostly are numbers or code.
_SPACE = re.compile(
    "(?<=[\u3001-\u9fff\uff01-\uff5e]) (?=[\u3001-\u9fff\uff01-\uff5e])"
    "|(?<=[\u3001\u3002\uff01-\uff5e]) (?! )|(?<! ) (?=[\u3001\u3002\uff01-\uff5e])"
)
#: The template in English → in another language, or itself where the catalogue has none.
_LookUp = Callable[[str], str]


class Said(str):
    """An English text that remembers how it was made.

    Attributes:
        template: what catalogues have a translation of; empty where the text is made of pieces.
        values: what stands in the template's places.
        pieces: texts that stand one after another, each translated by itself.
    """

    __slots__ = ("pieces", "template", "values")

    template: str
    values: Mapping[str, object]
    pieces: tuple[str, ...]

    def __new__(  # noqa: PYI034 - Self came with Python 3.11
        cls,
        text: str,
        template: str = "",
        values: Mapping[str, object] | None = None,
        pieces: tuple[str, ...] = (),
    ) -> Said:
        """The text with what it was made of."""
        said = super().__new__(cls, text)
        said.template, said.values, said.pieces = template, values or {}, pieces
        return said

    def __add__(self, other: str) -> Said:
        return joined("", (self, other))

    def __radd__(self, other: str) -> Said:
        return joined("", (other, self))


def say(template: str, /, **values: object) -> Said:
    """A sentence: the template with its values, as ``str.format`` puts them in.

    The template is a literal, since the catalogues are made by reading the source; translations
    may leave a value out or change the order.

    >>> say("{{x}} has {sizes}", sizes="6×28×28")
    '{x} has 6×28×28'
    """
    return Said(template.format(**values), template, values)


def joined(separator: str, texts: Iterable[str]) -> Said:
    """Texts one after another, each of which is still translated by itself.

    >>> joined("; ", ["a", say("b")]).pieces
    ('a', '; ', 'b')
    """
    pieces: list[str] = []
    for text in texts:
        pieces += [separator, text] if pieces and separator else [text]
    return Said("".join(pieces), pieces=tuple(pieces))


def translated(text: str, language: str | None = None) -> str:
    """A text in a language, by default the reader's; as it is where there is no translation.

    >>> translated("not made by say", "zh"), translated(say("hello"), "tlh")
    ('not made by say', 'hello')
    """
    if not isinstance(text, Said):  # as nearly every cell of a table
        return text
    look_up = _catalogue(readers_language() if language is None else language)
    return text if look_up is None else _SPACE.sub("", _in_words_of(look_up, text))


def looked_up(text: str, language: str | None = None) -> str:
    """A text that has no places, such as the help of a command, in the reader's language.

    >>> looked_up("Commands", "zh"), looked_up("Commands", "en")
    ('命令', 'Commands')
    """
    look_up = _catalogue(readers_language() if language is None else language)
    return look_up(text) if look_up and text else text


def _in_words_of(look_up: _LookUp, text: str) -> str:
    if not isinstance(text, Said):
        return text
    if text.pieces:
        return "".join(_in_words_of(look_up, piece) for piece in text.pieces)
    if not text.template:  # nothing was joined
        return text
    template = look_up(text.template)
    if template == text.template and not text.values:
        return text  # a form of a word, such as a plural, may differ from its template
    return template.format_map(
        {
            name: _in_words_of(look_up, value) if isinstance(value, str) else value
            for name, value in text.values.items()
        }
    )


#: Set while something is written that has one language for every reader.
_LANGUAGE: ContextVar[str] = ContextVar("language", default="")


@contextmanager
def in_language(language: str) -> Generator[None]:
    """Whatever is translated meanwhile is in this language, as a file is for others to read.

    >>> with in_language("zh"):
    ...     translated(say("not tried"))
    '没有试过'
    """
    token = _LANGUAGE.set(language)
    try:
        yield
    finally:
        _LANGUAGE.reset(token)


def readers_language() -> str:
    """``zh``, or whatever the reader asks for by ``CNNSHAPE_LANG``; English by default.

    The system's language counts only where standard output is a terminal: what a script reads does
    not change with the machine.
    """
    if set_to := _LANGUAGE.get():
        return set_to
    asked = os.environ.get("CNNSHAPE_LANG", "")
    if not asked and sys.stdout is not None and sys.stdout.isatty():
        asked = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return asked.replace("-", "_").partition(".")[0].partition("_")[0].lower() or ENGLISH


@functools.cache
def _catalogue(language: str) -> _LookUp | None:
    """Nothing for English, and for a language that is not there."""
    known = language != ENGLISH and gettext.find(DOMAIN, TRANSLATIONS, [language])
    return gettext.translation(DOMAIN, TRANSLATIONS, [language]).gettext if known else None
