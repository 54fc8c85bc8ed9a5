"""A row of the tables of messages: torch's words, and the sentence for them with its numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.wording import arrive, dims
from cnnshape.analysis.messages.place import Place
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import Said, joined
from cnnshape.words import plural, times

#: Sizes as messages write them: `2, 7200`, `2x7200`, `2 x 7200`.
SIZES = r"-?\d+(?:(?:, ?| ?x ?)-?\d+)*,?"


def shape_group(name: str) -> str:
    """A pattern for a shape, in brackets of any kind or as ``torch.Size``, as a named group."""
    return rf"(?:torch\.Size\()?[\[(](?P<{name}>{SIZES})[\])]\)?"


def sizes_of(value: Any) -> tuple[int, ...]:
    """A shape of a message; of one size it is a number there."""
    return tuple(value) if isinstance(value, tuple) else (int(value),)


def worded(template: str) -> str:
    """A suggestion's text that has words beside its code, marked for those who translate it."""
    return template


class Number(int):
    """A number of a message: ``{n}`` in digits, ``{n:feature}`` counted, ``{n:arrive}``.

    Nouns and verbs are English; translations take ``{n}`` and have their own.
    """

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(int(self))
        if spec == "arrive":
            return f"{int(self)} {arrive(self)}"
        return dims(self) if spec == "dims" else plural(self, spec)


class Shape(tuple[int, ...]):
    """Sizes of a message: ``{shape}`` is 2×7200, ``{shape:arrive}`` 2 dimensions arrive.

    For translations ``{shape:rank}`` is the number alone.
    """

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if spec == "dims":
            return dims(len(self))
        if spec == "arrive":
            return f"{dims(len(self))} {arrive(len(self))}"
        if spec == "rank":
            return str(len(self))
        if spec == "plus":
            return " + ".join(map(str, self))
        return spec.join(map(str, self)) if spec else times(self, "a scalar")


@dataclass(frozen=True, slots=True)
class Fix:
    """A suggestion in which the message's numbers stand by their names; none if it comes out empty.

    Attributes:
        argument: what it changes, if it is an argument of the layer.
        before, after: the names of the numbers that it replaces, and by which.
    """

    text: str
    argument: str = ""
    before: str = ""
    after: str = ""
    action: Literal["set_argument", "set_input", "insert_before", "change_call"] = "set_argument"


Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One message of torch.

    Attributes:
        kind: of the error, as in :data:`~cnnshape.analysis.diagnose.diagnosis.KINDS`.
        pattern: the words, with a named group for each number.
        sentence: what is wrong; ``{who}`` is the layer.
        layer: of which class that layer is, where the traceback does not say.
        when: whether the row fits the numbers and the place; later rows are asked otherwise.
        more: further numbers that follow from those of the message.
    """

    kind: str
    pattern: str
    sentence: str
    fixes: tuple[Fix, ...] = ()
    layer: str = Said("layer", "some layer")
    when: Callable[[Found, Place], bool] | None = None
    more: Callable[[Found], Found] | None = None


def read_row(row: Row, message: str, place: Place) -> Diagnosis | None:
    """What a row says of a message; None if it is another message.

    >>> row = Row("glu.size", r"is size (?P<n>\\d+)", "{who} gets {n:feature}")
    >>> read_row(row, "Halving: dimension 1 is size 9", Place("self.act")).sentence
    'act gets 9 features'
    """
    match = re.search(row.pattern, message)
    if match is None:
        return None
    found: dict[str, Any] = {name: _value(text) for name, text in match.groupdict().items()}
    if isinstance(found.get("input"), Number):
        found["input"] = Shape((found["input"],))  # of one dimension
    if row.when is not None and not row.when(found, place):
        return None
    found |= {"who": place.who(row.layer), "expression": place.expression}
    if row.more is not None:
        found |= row.more(found)
    return Diagnosis(
        kind=row.kind,
        sentence=Said(row.sentence.format(**found), row.sentence, found),
        suggestions=tuple(
            suggestion
            for fix in row.fixes
            if (suggestion := _suggestion(fix, found, place)).text
            # A function that the model calls by itself has no arguments of a layer.
            and not (place.functional and fix.action == "set_argument")
        ),
    )


def _value(text: str | None) -> Any:
    if text is None:
        return ""
    if re.fullmatch(r"-?\d+", text):
        return Number(text)
    if re.fullmatch(SIZES, text):
        return Shape(int(size) for size in re.findall(r"-?\d+", text))
    return text


def _suggestion(fix: Fix, found: Found, place: Place) -> Suggestion:
    text = Said(fix.text.format(**found), fix.text, found)
    path = place.path if place.in_layer else ""
    if fix.action == "set_argument" and text.startswith("nn.") and place.owned and not path:
        text = joined(" = ", (place.name, text))  # so it is called there, whatever its path is
    return Suggestion(
        action=fix.action,
        text=text,
        path=path,
        argument=fix.argument or None,
        from_=_plain(found.get(fix.before)),
        to=_plain(found.get(fix.after)),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Shape):
        return list(value)
    return int(value) if isinstance(value, Number) else value
