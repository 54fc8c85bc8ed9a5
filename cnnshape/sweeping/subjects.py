"""Which models a sweep looks at: names, patterns, lists of them, and a part of all.

>>> found = subjects_of(asked_for(["lenet*"]))
>>> [subject.model for subject in part(found, parse_shard("2/2"))]
['lenet-d2l']
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from cnnshape.errors import UsageError
from cnnshape.loading.inputs import from_texts
from cnnshape.loading.run_options import Mode
from cnnshape.loading.spec import parse_spec
from cnnshape.sweeping.lists import lines_of, with_inputs
from cnnshape.sweeping.patterns import fitting

_SHARD = re.compile(r"(\d{1,6})/(\d{1,6})")


@dataclass(frozen=True, slots=True)
class Subject:
    """One model that is to be looked at.

    Attributes:
        model: the MODEL argument.
        inputs: as ``-i`` takes them; empty for the model's usual ones.
        mode: ``eval`` or ``train``.
    """

    model: str
    inputs: tuple[str, ...] = ()
    mode: Mode = "eval"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: a pattern, inputs of its own, and the line of a list where it stands."""

    pattern: str
    inputs: tuple[str, ...] = ()
    where: str = ""

    def fits(self, model: str) -> bool:
        """Whether a model of an earlier day would have been meant."""
        return model == self.pattern or fnmatchcase(model, self.pattern)


def asked_for(arguments: Iterable[str]) -> list[Asked]:
    """What stands in the arguments, and in the lists that they name: ``@FILE``, ``-``.

    Raises:
        UsageError: a list cannot be read, or is empty.
    """
    return [asked for argument in arguments for asked in _asked(argument)]


def _asked(argument: str) -> Iterator[Asked]:
    if argument != "-" and not argument.startswith("@"):
        yield Asked(argument)
        return
    for where, line in lines_of(argument):
        pattern, inputs = with_inputs(line)
        try:
            _check_inputs(inputs)
        except UsageError as error:
            raise type(error)(f"{where}: {error}") from error
        yield Asked(pattern, inputs, where)


def subjects_of(
    asked: Iterable[Asked], inputs: Sequence[str] = (), mode: Mode = "eval"
) -> list[Subject]:
    """Every model that is meant, once, in the order in which they are named.

    Args:
        asked: MODEL arguments, in which ``*`` and ``?`` may stand.
        inputs: what goes into those for which no input of their own is given.
        mode: of all of them.

    Raises:
        UsageError: a pattern fits nothing.
        MissingDependencyError: the package of a pattern is not installed.

    >>> [subject.model for subject in subjects_of(asked_for(["lenet-*", "mlp(hidden=64)"]))]
    ['lenet-d2l', 'lenet-nopad', 'mlp(hidden=64)']
    """
    _check_inputs(inputs)
    found = (
        Subject(model, each.inputs or tuple(inputs), mode)
        for each in asked
        for model in _meant(each)
    )
    return list(dict.fromkeys(found))


def _check_inputs(texts: Sequence[str]) -> None:
    given = from_texts(texts)
    if given is not None and given.has_letters:
        raise UsageError(
            "a sweep runs models on sizes that are numbers: `cnnshape inspect` takes letters"
        )


def _meant(asked: Asked) -> list[str]:
    try:
        found = fitting(asked.pattern)
        if found == [asked.pattern] and not asked.where:
            parse_spec(asked.pattern)  # one that is mistyped in a list has a row that says so
    except UsageError as error:
        if not asked.where:
            raise
        raise type(error)(f"{asked.where}: {error}") from error
    return found


# ---- a part of all ------------------------------------------------------------------------


def parse_shard(text: str) -> tuple[int, int]:
    """Which part of how many, as in ``2/8``.

    Raises:
        UsageError: it is none.

    >>> parse_shard("2/8")
    (2, 8)
    """
    match = _SHARD.fullmatch(text.strip())
    which, parts = map(int, match.groups()) if match else (0, 0)
    if not 1 <= which <= parts:
        raise UsageError(f"{text!r} is no part: write 2/8 for the second of eight")
    return which, parts


def part(subjects: Sequence[Subject], shard: tuple[int, int]) -> list[Subject]:
    """Every n-th; the parts have no model in common, and together all of them."""
    which, parts = shard
    return list(subjects[which - 1 :: parts])
