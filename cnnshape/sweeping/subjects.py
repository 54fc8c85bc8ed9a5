"""Which models a sweep looks at: names, patterns, lists of them, and a part of all.

>>> found = subjects_of(asked_for(["lenet*"]))
>>> [subject.model for subject in part(found, parse_shard("2/2"))]
['lenet-d2l']
"""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from cnnshape.errors import ModelNotFoundError, UsageError
from cnnshape.loading.inputs import from_texts
from cnnshape.loading.literals import Option
from cnnshape.loading.run_options import Mode
from cnnshape.loading.shapes import has_form_of_shape, parse_inputs
from cnnshape.loading.spec import parse_spec
from cnnshape.models.registry import bundled_models
from cnnshape.words import did_you_mean

_WILD = re.compile(r"[*?]|\[[^\]]*\]")
_CODE = re.compile(r"(?P<path>.+\.py):(?P<name>[^:]+)")
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
        found = _named(asked.pattern)
        if found == [asked.pattern] and not asked.where:
            parse_spec(asked.pattern)  # one that is mistyped in a list has a row that says so
    except UsageError as error:
        if not asked.where:
            raise
        raise type(error)(f"{asked.where}: {error}") from error
    return found


# ---- lists --------------------------------------------------------------------------------


def _asked(argument: str) -> Iterator[Asked]:
    if argument != "-" and not argument.startswith("@"):
        yield Asked(argument)
        return
    for where, line in _lines(argument):
        pattern, inputs = _with_inputs(line)
        try:
            _check_inputs(inputs)
        except UsageError as error:
            raise type(error)(f"{where}: {error}") from error
        yield Asked(pattern, inputs, where)


def _lines(source: str) -> Iterator[tuple[str, str]]:
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


def _with_inputs(line: str) -> tuple[str, tuple[str, ...]]:
    """A model, and the inputs that stand behind it.

    >>> _with_inputs("my nets/a.py:Net(a=1, b=2) 1,3,8,8 mask=1,8:bool")
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


# ---- patterns -----------------------------------------------------------------------------


def _named(pattern: str) -> list[str]:
    """The models that a pattern fits; the pattern itself where nothing in it is wild."""
    head, bracket, rest = pattern.partition("(")
    if not _WILD.search(head):
        return [pattern]
    catalog, colon, name = head.partition(":")
    if colon and catalog in _CATALOGS:
        known = [f"{catalog}:{each}" for each in _CATALOGS[catalog]()]
        found = [each for each in known if fnmatchcase(each, head)]
    elif catalog == "hf" and colon:
        known, found = [], _configurations(name)
    elif code := _CODE.fullmatch(head):
        known, found = [], _in_files(code["path"], code["name"])
    elif colon:
        raise UsageError(
            f"{pattern!r}: patterns are for timm:, torchvision:, hf:, files and bundled names; "
            "name the models of a module one by one"
        )
    else:
        known = [model.name for model in bundled_models()]
        found = [each for each in known if fnmatchcase(each, head)] or _files(head)
    if not found:
        plain = _WILD.sub("", name or head)
        raise ModelNotFoundError(f"no model fits {pattern!r}{did_you_mean(plain, known)}")
    return [f"{each}{bracket}{rest}" for each in found]


def _torchvision_names() -> list[str]:
    from cnnshape.loading.catalogs import torchvision_names

    return torchvision_names()


def _timm_names() -> list[str]:
    from cnnshape.loading.catalogs import import_timm

    return list(import_timm().list_models())


_CATALOGS: dict[str, Callable[[], list[str]]] = {
    "timm": _timm_names,
    "torchvision": _torchvision_names,
}


def _configurations(pattern: str) -> list[str]:
    """Folders with a configuration of transformers or diffusers, and such files."""
    return [
        f"hf:{path}"
        for path in _paths(pattern)
        if path.endswith(".json") or (Path(path) / "config.json").is_file()
    ]


def _files(pattern: str) -> list[str]:
    """Files of code and saved models, and folders of runs."""
    return [path for path in _paths(pattern) if _is_model(path)]


def _is_model(path: str) -> bool:
    try:
        parse_spec(path)
    except ModelNotFoundError:
        return False
    return True


def _in_files(path: str, name: str) -> list[str]:
    """The networks of files whose names fit."""
    from cnnshape.sweeping.networks import networks_in

    files = _paths(path) if _WILD.search(path) else [path]
    return [
        f"{file}:{each}"
        for file in files
        for each in (networks_in(file) if _WILD.search(name) else [name])
        if fnmatchcase(each, name)
    ]


def _paths(pattern: str) -> list[str]:
    return sorted(glob.glob(os.path.expanduser(pattern), recursive=True))  # noqa: PTH111, PTH207


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
