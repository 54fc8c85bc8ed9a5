"""What came out of a zoo: figures for every way, and each model that stands out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

Line = dict[str, Any]

#: Why a line stands out. Where a key is missing, its way does not tell.
_STANDS_OUT = {
    "failed": lambda line: not line["ok"],
    "over 60 s": lambda line: (line["seconds"] or 0) > 60,
    "parameters not exact": lambda line: not line.get("params_exact", True),
    "columns do not add up": lambda line: not line.get("columns_add_up", True),
    "mismatches": lambda line: line.get("mismatch"),
    "uncovered": lambda line: line.get("uncovered"),
    "MACs unknown": lambda line: "macs" in line and line["macs"] is None,
    "MACs counted otherwise": lambda line: (
        None not in (line.get("macs"), line.get("macs_counted"))
        and line["macs"] != line["macs_counted"]
    ),
    "sizes without an expression": lambda line: line.get("unknown"),
    "expressions that hold in part": lambda line: line.get("partial"),
}


def summary(results: Iterable[Line]) -> str:
    """Figures over all results, and every model that stands out."""
    by_way: dict[str, list[Line]] = {}
    for line in results:
        by_way.setdefault(line["way"], []).append(line)
    return "\n".join(text for way, lines in by_way.items() for text in _summary(way, lines))


def _summary(way: str, lines: list[Line]) -> Iterator[str]:
    ran = [line for line in lines if line["ok"]]
    yield f"== {way}: {len(lines)} models, {len(ran)} ran"
    for key in ("match", "mismatch", "uncovered"):
        yield f"{key}: {sum(line.get(key, 0) for line in ran)}"
    for title, stands_out in _STANDS_OUT.items():
        found = [line for line in (lines if title == "failed" else ran) if stands_out(line)]
        yield f"{title}: {len(found)}"
        yield from (f"  {line['name']}: {_told(line)}" for line in found)
    kinds: Counter[str] = Counter()
    for line in ran:
        kinds.update(line.get("uncovered_kinds", {}))
    yield f"uncovered: {dict(kinds.most_common())}"


def _told(line: Line) -> str:
    macs = f"MACs {line['macs']} {line['macs_counted']}" if "macs" in line else ""
    said = (line.get("error"), line.get("wrong"), line.get("uncovered_kinds"), macs)
    notes = "; ".join(line.get("notes", ()))
    return f"{line['seconds']} s {' '.join(str(each) for each in said if each)} {notes}"[:600]
