"""Knowing a comment again that annotate wrote: nothing that a person wrote may be taken for one."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

NOT_RUN = "not run"
_OR, _ARROW = " | ", " → "
_DTYPE = re.compile(r" (?:u?int\d+|b?float\d+\w*|bool|complex\d+)$")
_RANGE = re.compile(r"(\d)…\d+")
_RAISES = re.compile(r"raises \w+")
_NAMED = re.compile(r"([^\W\d]\w*)(?: =)? (.+)")
_LETTER = re.compile(r"[A-Z]\w?")
#: The signs of sizes as Python has them; ``@`` stands in no expression of sizes.
_AS_PYTHON = str.maketrans({"×": "@", "·": "*", "−": "-", "?": "_"})
_BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def is_ours(comment: str, names: Collection[str], letters: Collection[str] = ()) -> bool:
    """Whether a comment is one that :class:`.line_text.Wording` writes beside such a line.

    Args:
        comment: without its ``#``.
        names: what the line reads and binds.
        letters: names of sizes, besides single capital ones.

    >>> is_ours("6×28×28 → 6×((H + 1)//2 − 1)", ["x"]), is_ours("x 3×32×32, k = 5", ["x", "k"])
    (True, True)
    >>> is_ours("normalise", ["x"]), is_ours("kernel 3×3", ["x"]), is_ours("3×3, as in VGG", [])
    (False, False, False)
    >>> is_ours("x = the features", ["x"]), is_ours("(as in VGG, 3×3)", [])
    (False, False)
    """
    if comment == NOT_RUN:
        return True
    if not any(mark in comment for mark in ("×", "→", "=")):
        return False
    runs = _RANGE.sub(r"\1", comment).removeprefix("→ ").split(_OR)
    known = _Known(names, letters)
    return all(run == "…" or _RAISES.fullmatch(run) or known.has_run(run) for run in runs)


class _Known:
    """The parts of a comment, by what stands on its line."""

    def __init__(self, names: Collection[str], letters: Collection[str]) -> None:
        self._names = names
        self._letters = letters

    def has_run(self, run: str) -> bool:
        before, arrow, after = run.partition(_ARROW)
        if arrow:
            return self._all_items(before) and self._is_item(after)
        return self._all_items(run) or all(map(self._is_named, _parts(run)))

    def _is_named(self, part: str) -> bool:
        match = _NAMED.fullmatch(part)
        return match is not None and match[1] in self._names and self._is_item(match[2])

    def _all_items(self, text: str) -> bool:
        return all(map(self._is_item, _parts(text)))

    def _is_item(self, text: str) -> bool:
        if text == "…" or self._is_tensor(text) or _is_literal(text):
            return True
        if text[:1] + text[-1:] == "()":
            return self._all_items(text[1:-1])
        if text[:1] + text[-1:] == "{}":
            items = (item.partition(": ") for item in _parts(text[1:-1]))
            return all(key == "…" or self._is_item(item) for key, _, item in items)
        return False

    def _is_tensor(self, text: str) -> bool:
        """A shape and its dtype: sizes are whole numbers, letters, sums and products of them."""
        try:
            tree = ast.parse(_DTYPE.sub("", text).translate(_AS_PYTHON), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        return all(map(self._in_sizes, ast.walk(tree.body)))

    def _in_sizes(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            known = node.id in ("_", "scalar", "min", "max") or node.id in self._letters
            return known or _LETTER.fullmatch(node.id) is not None
        if isinstance(node, ast.Constant):
            return type(node.value) is int
        return isinstance(node, _OF_SIZES)


_OF_SIZES = (ast.BinOp, ast.UnaryOp, ast.Call, ast.operator, ast.unaryop, ast.expr_context)


def _is_literal(text: str) -> bool:
    """A number, a text or a truth value, as Python writes it."""
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text in ("inf", "-inf", "nan")
    return isinstance(value, bool | int | float | str) and repr(value) == text


def _parts(text: str) -> Iterator[str]:
    """What stands between commas that are in no brackets."""
    begin = depth = 0
    for place, sign in enumerate(text):
        depth += _BRACKETS.get(sign, 0)
        if sign == "," and not depth and text[place + 1 : place + 2] == " ":
            yield text[begin:place]
            begin = place + 2
    yield text[begin:]
