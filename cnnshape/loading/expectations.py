"""Reading what a model is expected to be: ``PATH=SHAPE``, or a JSON, YAML, TOML or CSV file."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cnnshape.errors import UsageError
from cnnshape.messages import joined, say

#: A shape as it is expected; None stands for any size, a text for one with letters: H//2.
Pattern = tuple[int | str | None, ...]

_HOW = say("write a shape as 1,6,28,28, with * for a size that does not matter")
_WITH_LETTERS = re.compile(r"[\w\s+\-−*/·×()⌊⌋⌈⌉{}\\^,]*[^\W\d_][\w\s+\-−*/·×()⌊⌋⌈⌉{}\\^,]*")


@dataclass(frozen=True, slots=True)
class Expectations:
    """What one ``--expect`` asks for: shapes by path, or the layers of an earlier report."""

    shapes: Mapping[str, Pattern]
    snapshot: tuple[Mapping[str, Any], ...] | None = None


def read_expectation(text: str) -> Expectations:
    """Read one ``--expect``: ``C1=1,6,28,28`` or a file.

    Raises:
        UsageError: neither; a file says which line cannot be read.

    >>> read_expectation("features.*=*,64,28,28").shapes
    {'features.*': (None, 64, 28, 28)}
    """
    path, equals, shape = text.partition("=")
    if equals and not _is_file(text):
        if not path.strip() or not shape.strip():
            raise UsageError(say("--expect {text}: give PATH=SHAPE; {how}", text=text, how=_HOW))
        return Expectations({path.strip(): parse_pattern(shape)})
    if not _is_file(text):
        raise UsageError(
            say(
                "--expect {text}: there is no such file; give PATH=SHAPE as in C1=1,6,28,28, "
                "or a JSON, YAML, TOML or CSV file",
                text=text,
            )
        )
    return read_expectation_file(Path(text))


def _is_file(text: str) -> bool:
    """Whether there is a file of this name; no file can have a name that is too long."""
    try:
        return Path(text).is_file()
    except OSError:
        return False


def parse_pattern(shape: object) -> Pattern:
    """A shape from a text such as ``*,6,28,28`` or a list of sizes.

    >>> parse_pattern("*x6x28x28"), parse_pattern([1, 10])
    ((None, 6, 28, 28), (1, 10))
    >>> parse_pattern("N,16,H//2 - 4,max(W, 8)")
    ('N', 16, 'H//2 - 4', 'max(W, 8)')
    """
    if isinstance(shape, str):
        parts: list[Any] = [part.strip() for part in _split(shape.strip())]
        if not parts[-1]:  # (7,), and () of a single number
            del parts[-1]
    elif isinstance(shape, list | tuple):
        parts = cast("list[Any]", shape)
    elif isinstance(shape, int) and not isinstance(shape, bool):
        parts = [shape]
    else:
        raise UsageError(say("{shape!r} is no shape; {how}", shape=shape, how=_HOW))
    return tuple(_size(part, shape) for part in parts)


def _split(shape: str) -> list[str]:
    """A shape's sizes: parted by commas that stand in no bracket, else by × or x."""
    if shape[:1] in ("[", "(") and shape[-1:] in ("]", ")"):
        shape = shape[1:-1]
    if "," not in shape:
        return shape.split("×" if "×" in shape else "x")
    parts = [""]
    depth = 0
    for character in shape:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _size(part: object, shape: object) -> int | str | None:
    if part is None or part == "*":
        return None
    if isinstance(part, int) and not isinstance(part, bool) and part >= 0:
        return part
    if isinstance(part, str) and part.isdecimal() and len(part) < 19:
        return int(part)
    if isinstance(part, str) and _WITH_LETTERS.fullmatch(part):
        return part
    raise UsageError(
        say(
            "{size!r} in {shape!r} is no size; {how}",
            size=str(part)[:40],
            shape=str(shape)[:60],
            how=_HOW,
        )
    )


def read_expectation_file(file: Path) -> Expectations:
    """Read a file by its suffix."""
    readers = {
        ".json": _json,
        ".yaml": _yaml,
        ".yml": _yaml,
        ".toml": _toml,
        ".csv": _csv,
    }
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise UsageError(
            say("{file}: expectations are read from .json, .yaml, .toml and .csv files", file=file)
        )
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(say("cannot read {file}: {reason}", file=file, reason=error)) from error
    try:
        content = reader(file, text)
    except RecursionError:
        raise UsageError(
            say("{file}: lists within lists without end are no shapes", file=file)
        ) from None
    if isinstance(content, Mapping) and isinstance(content.get("layers"), list):
        if content.get("schema") != 1:
            raise UsageError(
                say(
                    "{file}: this report has schema {schema!r}, and only 1 is known; write it anew "
                    "with cnnshape inspect -o",
                    file=file,
                    schema=content.get("schema"),
                )
            )
        layers = cast("list[Any]", content["layers"])
        for number, layer in enumerate(layers):
            damaged = _damaged_field(layer)
            if damaged is not None:
                raise UsageError(
                    say(
                        "{file}: {field} of layers[{number}] is not what a report has there; write "
                        "it anew with cnnshape inspect -o",
                        file=file,
                        field=damaged,
                        number=number,
                    )
                )
        return Expectations({}, tuple(layers))
    if not isinstance(content, Mapping):
        raise UsageError(say("{file}: expected paths with shapes, as in C1: 1,6,28,28", file=file))
    try:
        return Expectations(dict(_flattened(cast("Mapping[str, Any]", content))))
    except UsageError as error:
        raise UsageError(joined(": ", (str(file), *error.args))) from None


def _damaged_field(layer: Any) -> str | None:
    """The first field of a report's layer that is not of its kind."""
    if not isinstance(layer, Mapping):
        return say("the row")
    fields = cast("Mapping[str, Any]", layer)
    right: Mapping[str, Callable[[Any], bool]] = {
        "path": lambda value: isinstance(value, str),
        "type": lambda value: isinstance(value, str),
        "call": _is_count,
        "params": lambda value: value is None or _is_count(value),
        "called": lambda value: isinstance(value, bool),
        "output_shapes": lambda value: isinstance(value, list) and all(map(_is_shape, value)),
    }
    if "path" not in fields:
        return "path"
    wrong = (name for name, holds in right.items() if name in fields and not holds(fields[name]))
    return next(wrong, None)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_shape(value: Any) -> bool:
    """Sizes, those in letters as text; None where one is unknown."""
    sizes = cast("list[Any]", value if isinstance(value, list) else [object()])
    return all(size is None or isinstance(size, str) or _is_count(size) for size in sizes)


def _flattened(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Pattern]]:
    """Dotted paths; TOML reads ``features.0 = …`` as a table inside a table."""
    for key, value in content.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flattened(cast("Mapping[str, Any]", value), f"{path}.")
        else:
            yield path, parse_pattern(value)


def _json(file: Path, text: str) -> Any:
    def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for number, (key, _) in enumerate(pairs):
            if any(key == other for other, _ in pairs[:number]):
                raise UsageError(say("{file}: {key!r} stands there twice", file=file, key=key))
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=once_each)
    except json.JSONDecodeError as error:
        raise UsageError(
            say(
                "{file}: no JSON at line {line}, column {column}: {reason}",
                file=file,
                line=error.lineno,
                column=error.colno,
                reason=error.msg,
            )
        ) from None


def _yaml(file: Path, text: str) -> Any:
    import yaml

    class OnceEach(yaml.SafeLoader):
        """Takes no key twice: the first of them would be forgotten."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            for number, key in enumerate(keys):
                if key in keys[:number]:
                    line = node.value[number][0].start_mark.line + 1
                    raise UsageError(
                        say(
                            "{file}: {key!r} stands there twice, again at line {line}",
                            file=file,
                            key=key,
                            line=line,
                        )
                    )
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, OnceEach)  # noqa: S506 - a safe loader that refuses more
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = (
            say(" at line {line}, column {column}", line=mark.line + 1, column=mark.column + 1)
            if mark
            else ""
        )
        raise UsageError(
            say("{file}: no YAML{place}: {reason}", file=file, place=place, reason=error.problem)
        ) from None
    except yaml.YAMLError as error:
        raise UsageError(say("{file}: no YAML: {reason}", file=file, reason=error)) from None


def _toml(file: Path, text: str) -> Any:
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib  # pyright: ignore[reportMissingImports]

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(say("{file}: no TOML: {reason}", file=file, reason=error)) from None


def _csv(file: Path, text: str) -> dict[str, str]:
    """``path,shape`` per line: the shape quoted, written with ×, or in the cells that follow."""
    shapes: dict[str, str] = {}
    for number, cells in enumerate(csv.reader(io.StringIO(text)), start=1):
        if not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
            continue
        if number == 1 and cells[0].strip().lower() == "path":
            continue
        if len(cells) < 2:
            raise UsageError(
                say(
                    "{file}: line {number} has no shape; write path,1x6x28x28",
                    file=file,
                    number=number,
                )
            )
        shapes[cells[0].strip()] = ",".join(cell.strip() for cell in cells[1:])
    return shapes
