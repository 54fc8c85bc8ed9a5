"""Write docs/zoo.md from the result files of ``python -m tests.zoo.run``.

python -m tests.zoo.report timm.jsonl transformers.jsonl others.jsonl
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from cnnshape.rendering.escape import markdown, markdown_code
from cnnshape.sweeping.lines import whole_lines
from cnnshape.words import listed
from tests.zoo.looking import Line

PAGE = Path(__file__).parents[2] / "docs" / "zoo.md"

_WAYS = {"eval": "eval", "train": "train", "letters": "sizes in letters", "svg": "drawn"}
_BEGINNING = """\
# Models of other packages

<!-- Written by `python -m tests.zoo.report FILE...`: what is changed here by hand is lost. -->

Whether cnnshape is right is also measured on models that nobody here wrote. Each was built from its
package, without weights, run on what it is usually run on, and held against what torch itself
says:

* **eval, train**: it runs to its end; the parameters are `sum(p.numel())` over the model; the
  columns of the table add up to the totals; no size contradicts its formula.
* **sizes in letters**: with H and W (or L) for the sizes that vary, every expression is held
  against passes at the usual size and at a larger one.
* **drawn**: the picture is written, and well-formed.

A cell says how many are right, of how many were looked at. Models that do not run in eval mode are
not looked at in the other ways.
"""


def is_right(line: Line) -> bool:
    """Whether the model ran, and nothing that was judged is wrong."""
    exact = line.get("params_exact", True) and line.get("columns_add_up", True) is not False
    return bool(line["ok"] and exact and not line.get("mismatch"))


def page(lines: Iterable[Line]) -> str:
    """The whole page."""
    latest = {(line.get("package", "?"), line["name"], line["way"]): line for line in lines}
    packages: dict[str, list[Line]] = {}
    for (package, _, _), line in sorted(latest.items()):
        packages.setdefault(package, []).append(line)
    every = list(latest.values())
    return "\n".join(
        (_BEGINNING, *_table(packages, every), "", *_macs(every), "", *_wrong(packages), "")
    )


def _table(packages: dict[str, list[Line]], every: Sequence[Line]) -> Iterator[str]:
    titles = ["package", *_WAYS.values(), "sizes that match", "torch", "date"]
    yield _row(titles)
    yield f"| :--- |{' ---: |' * 5} :--- | :--- |"
    for package, lines in packages.items():
        yield _row([markdown(package), *_cells(lines)])
    if len(packages) > 1:
        yield _row(["**together**", *_cells(every)])


def _cells(lines: Sequence[Line]) -> Iterator[str]:
    for way in _WAYS:
        found = [line for line in lines if line["way"] == way]
        yield f"{sum(map(is_right, found)):,} of {len(found):,}" if found else "–"
    yield f"{sum(line.get('match') or 0 for line in lines if line['way'] == 'eval'):,}"
    yield _listed(lines, "torch")
    dates = sorted({line["date"] for line in lines if "date" in line})
    yield " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else "–"


def _listed(lines: Sequence[Line], key: str) -> str:
    return listed(sorted({markdown(line[key]) for line in lines if line.get(key)})) or "–"


def _macs(lines: Sequence[Line]) -> Iterator[str]:
    """MACs are held against torch's own counter, which does not know every kernel either."""
    ran = [line for line in lines if line["way"] == "eval" and line["ok"]]
    kinds: dict[str, Callable[[Line], bool]] = {
        "equal those of torch's own counter (`torch.utils.flop_counter`)": lambda line: (
            _both(line) and line["macs"] == line["macs_counted"]
        ),
        "differ from it; it does not know every kernel": lambda line: (
            _both(line) and line["macs"] != line["macs_counted"]
        ),
        "are known and it cannot count them": lambda line: (
            line.get("macs") is not None and line.get("macs_counted") is None
        ),
        "are not known": lambda line: line.get("macs") is None,
    }
    yield f"Of the {len(ran):,} models that run in eval mode, the MACs of"
    yield ""
    for words, fits in kinds.items():
        yield f"* {sum(map(fits, ran)):,} {words}"


def _both(line: Line) -> bool:
    return None not in (line.get("macs"), line.get("macs_counted"))


def _wrong(packages: dict[str, list[Line]]) -> Iterator[str]:
    yield "## What does not run, or is not right"
    for package, lines in packages.items():
        wrong = [line for line in lines if not is_right(line)]
        if not wrong:
            continue
        yield ""
        yield f"### {markdown(package)}"
        yield ""
        yield _row(["model", "way", "why"])
        yield "| :--- | :--- | :--- |"
        for line in wrong:
            yield _row([markdown_code(line["name"]), _WAYS[line["way"]], markdown(_why(line))])


def _why(line: Line) -> str:
    if line.get("error"):
        words = " ".join(line["error"].split())
        return words if len(words) <= 200 else f"{words[:200]}…"
    if line.get("mismatch"):
        return "; ".join(line.get("wrong", ()))[:200]
    return "parameters" if not line.get("params_exact", True) else "columns do not add up"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    found = [json.loads(text) for name in sys.argv[1:] for text in whole_lines(Path(name))[0]]
    PAGE.write_text(page(found), encoding="utf-8")
