"""The JSON report: one row per line, so that two of them can be compared with ``diff``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any, cast

from cnnshape.analysis.report import Report


def to_json(report: Report, *, patterns: bool = False) -> str:
    """The report as ``-f json`` prints it; valid against :func:`inspect_schema`."""
    data = report.to_dict()
    if patterns:
        data["patterns"] = [row.to_dict() for row in report.patterns]
    return dump(data)


def dump(data: Mapping[str, Any]) -> str:
    """An object with one line per entry, and per item of a list of objects.

    >>> print(dump({"ok": True, "rows": [{"a": 1}, {"a": None}], "shape": (1, 2)}))
    {
      "ok": true,
      "rows": [
        {"a": 1},
        {"a": null}
      ],
      "shape": [1, 2]
    }
    """
    entries = [f"  {_text(key)}: {_value(value)}" for key, value in data.items()]
    return "{\n" + ",\n".join(entries) + "\n}"


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        items = cast("Sequence[object]", value)
        if items and all(isinstance(item, Mapping) for item in items):
            return "[\n" + ",\n".join(f"    {_text(item)}" for item in items) + "\n  ]"
    return _text(value)


def _text(value: object) -> str:
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)


def plain(value: object) -> object:
    """What JSON can say: numbers that are none become words, anything unknown its text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, bool | int | str):
        return _sound(value) if isinstance(value, str) else value
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value)
        return {_sound(str(key)): plain(item) for key, item in entries.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in cast("Sequence[object]", value)]
    return _sound(str(value))


def _sound(text: str) -> str:
    """Text that UTF-8 can hold: a lone surrogate becomes an escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@lru_cache(maxsize=1)
def _schema_text() -> str:
    folder = resources.files("cnnshape.rendering") / "schema"
    return (folder / "inspect.schema.json").read_text(encoding="utf-8")


def inspect_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``cnnshape inspect -f json``.

    >>> inspect_schema()["title"]
    'cnnshape inspect'
    """
    return json.loads(_schema_text())
