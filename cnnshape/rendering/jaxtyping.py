"""Writing jaxtyping's annotations of tensors into a file: ``x: Float[Tensor, "n 1 h w"]``."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path

from cnnshape.analysis.annotate import AnnotatedFunction, Annotations
from cnnshape.analysis.tensor_types import TensorType, read_type
from cnnshape.analysis.written_types import RETURN, Place, places_in, types_of

_TENSOR = re.compile(r"(?:torch\.)?Tensor")


def with_types(annotations: Annotations) -> dict[Path, str]:
    """Every file with the annotations that its functions should have.

    Written are those that are missing, plain ``Tensor``, and jaxtyping's own; others stay. What
    they need is imported behind the last import of the file.
    """
    by_file: dict[str, list[AnnotatedFunction]] = {}
    for function in annotations.functions:
        by_file.setdefault(function.file, []).append(function)
    return {Path(file): _typed(Path(file), functions) for file, functions in by_file.items()}


def _typed(file: Path, functions: Sequence[AnnotatedFunction]) -> str:
    with file.open(encoding="utf-8", newline="") as stream:
        text = stream.read()
    places = places_in(text)
    edits: list[tuple[Place, str]] = []
    kinds: set[str] = set()
    for function in functions:
        known = places.get(function.source.body[0], {})
        for name, wanted in types_of(function).items():
            place = known.get(name)
            if place is not None and _is_free(place) and place.text != str(wanted):
                edits.append((place, _written(place, name, wanted)))
                kinds.add(wanted.kind)
    return _with_imports(_edited(text, edits), kinds)


def _is_free(place: Place) -> bool:
    """Whether there is no annotation that says something else."""
    if not place.text:
        return place.open
    return bool(_TENSOR.fullmatch(place.text)) or read_type(place.text) is not None


def _written(place: Place, name: str, wanted: TensorType) -> str:
    if place.text:
        return str(wanted)
    return f" -> {wanted}" if name == RETURN else f": {wanted}"


def _edited(text: str, edits: Sequence[tuple[Place, str]]) -> str:
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    for place, new in sorted(edits, key=lambda edit: edit[0].span, reverse=True):
        begin = starts[place.span.line - 1] + place.span.column
        end = starts[place.span.end_line - 1] + place.span.end_column
        text = text[:begin] + new + text[end:]
    return text


def _with_imports(text: str, kinds: set[str]) -> str:
    """The names that the annotations use, imported where they are not yet."""
    body = ast.parse(text).body
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    known = {alias.asname or alias.name for node in imports for alias in node.names}
    missing = sorted(kinds - known)
    new = [f"from jaxtyping import {', '.join(missing)}"] if missing else []
    new += ["from torch import Tensor"] if kinds and "Tensor" not in known else []
    if not new:
        return text
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    last = imports[-1].end_lineno if imports else _first_line(body)
    lines.insert(last or 0, "".join(f"{line}{end}" for line in new))
    return "".join(lines)


def _first_line(body: Sequence[ast.stmt]) -> int:
    """Behind the docstring of a file that imports nothing."""
    first = body[0] if body else None
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return (first.end_lineno or 0) if first is not None and is_text else 0
