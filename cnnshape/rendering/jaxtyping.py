"""Writing jaxtyping's annotations of tensors into a file: ``x: Float[Tensor, "n 1 h w"]``."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path

from cnnshape.analysis.annotate import AnnotatedFunction, Annotations
from cnnshape.analysis.tensor_types import TensorType, read_type
from cnnshape.analysis.written_types import RETURN, Place, places_in, types_of
from cnnshape.files import python_lines, python_text

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
    whole = python_text(file) or ""
    text = whole.removeprefix("\ufeff")
    mark = whole[: len(whole) - len(text)]
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
    return mark + _with_imports(_edited(text, edits), kinds)


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
    lines = python_lines(text)
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
    lines = python_lines(text)
    lines.insert(_behind_imports(body), "".join(f"{line}{end}" for line in new))
    return "".join(lines)


def _behind_imports(body: Sequence[ast.stmt]) -> int:
    """Behind the imports above the first function or class, or else behind the docstring."""
    last = 0
    for place, node in enumerate(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            break
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        shares = node.lineno <= last  # another statement on the same line may go on below it
        if shares or isinstance(node, ast.Import | ast.ImportFrom) or (is_text and not place):
            last = node.end_lineno or last
    return last
