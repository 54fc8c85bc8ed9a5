"""Look at every model of a zoo in several ways and write what came out, a line of JSON for each.

    python -m tests.zoo.run timm --names 'resnet*' --out results.jsonl
    python -m tests.zoo.run timm --sample 200 --seed 0 --ways eval,letters --out results.jsonl
    python -m tests.zoo.run timm --spread --ways svg --out results.jsonl
    python -m tests.zoo.run --summary results.jsonl

The zoos are timm, transformers and other packages, as far as they are installed. Models are built
and run without weights, and without memory where they need no values, each way of each in a process
of its own with limits, by the machinery of `cnnshape sweep`: first all in the first way, then those
that ran in the others. What stands in the file already is skipped: a run that was ended goes on.
`python -m tests.zoo.report` writes docs/zoo.md from such files. A line:

    name, way, ok, seconds, error         did it run; seconds of the processor; what was raised
    package, torch, date                  versions, and the day
    where, notes                          the device and why; what is said beside the numbers
  eval, train:
    params_exact                          params equal sum(p.numel()) over the model's parameters
    columns_add_up                        params and MACs of the rows make the totals
    match, mismatch, uncovered            the size check
    uncovered_kinds                       {type of layer: how many}
    macs, macs_counted                    the total (null where unknown); by torch's own counter
  letters:
    points                                the sizes at which another pass judged the expressions
    mismatch, wrong                       the expressions that were wrong there, and no note says so
    partial, unknown                      notes on expressions that hold in a part of the sizes only
  svg:
    bytes                                 of the picture

It is no test: nothing is collected from it.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cnnshape.sweeping.isolation import Lost, import_once, isolated_each
from cnnshape.sweeping.limits import parse_memory, room
from cnnshape.sweeping.lines import GrowingFile, whole_lines
from tests.zoo.looking import ZOOS, Line, Look, looked
from tests.zoo.summary import summary

WAYS = ("eval", "train", "letters", "svg")
#: What every process of a zoo needs.
_LIBRARIES = {"timm": ["timm"], "transformers": ["transformers"], "others": []}


def main() -> None:
    """Run the models that are asked for."""
    asked = _arguments()
    if asked.summary:
        print(summary(line for path in asked.summary for line in _lines(path)))
        return
    import_once(["torch", "cnnshape.api.inspecting"], _LIBRARIES[asked.zoo])
    ends = time.monotonic() + asked.total
    names = _chosen(ZOOS[asked.zoo][0](), asked)
    for way in asked.ways.split(","):
        before = list(_lines(asked.out))
        done = {(line["name"], line["way"]) for line in before}
        failed = {line["name"] for line in before if line["way"] == "eval" and not line["ok"]}
        looks = [
            Look(asked.zoo, name, way)
            for name in names
            if (name, way) not in done and name not in failed
        ]
        for line in _carried_out(looks, asked):
            print(f"{line['name']} {line['way']} {'ok' if line['ok'] else line['error']}")
            if time.monotonic() > ends:
                return


def _carried_out(looks: Sequence[Look], asked: argparse.Namespace) -> Iterator[Line]:
    """Each line as it comes; it stands in the file by then."""
    memory = None if asked.memory is None else parse_memory(asked.memory)
    place = room(asked.jobs, asked.limit, memory)
    file = GrowingFile(asked.out)
    for look, found in isolated_each(looked, looks, place.limits, place.jobs):
        line = found
        if isinstance(found, Lost):  # a model that would fail in the other ways as well
            line = look.line() | {"error": found.cause, "seconds": None}
        file.add(json.dumps(line))
        yield line


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Raw)
    parser.add_argument("zoo", nargs="?", choices=sorted(ZOOS))
    parser.add_argument("--names", default="*", help="a pattern of names")
    parser.add_argument("--sample", type=int, help="so many of them, drawn by --seed")
    parser.add_argument("--spread", action="store_true", help="one of each family first")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ways", default="eval", help=f"any of {', '.join(WAYS)}")
    parser.add_argument("--out", type=Path, default=Path("results.jsonl"))
    parser.add_argument("--limit", type=int, default=120, help="seconds for one model in one way")
    parser.add_argument("--memory", help="for one model, as 4GB; the machine's by default")
    parser.add_argument("--jobs", type=int, default=1, help="so many at once")
    parser.add_argument("--total", type=int, default=10**6, help="seconds for all of them")
    parser.add_argument("--summary", type=Path, nargs="+", help="read files of results instead")
    return parser.parse_args()


class _Raw(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the docstring."""


def _lines(path: Path) -> Iterator[Line]:
    return map(json.loads, whole_lines(path)[0])


def _chosen(names: Iterable[str], asked: argparse.Namespace) -> list[str]:
    chosen = sorted(fnmatch.filter(names, asked.names))
    if asked.spread or asked.sample is not None:
        random.Random(asked.seed).shuffle(chosen)
    if asked.spread:
        chosen = spread(chosen)
    return chosen[: asked.sample]


def spread(names: Sequence[str]) -> list[str]:
    """One of each family after another; a family is what stands before the first digit or mark."""
    seen: Counter[str] = Counter()
    turns: dict[str, int] = {}
    for name in names:
        family = re.match(r"[a-z]*", name.lower())[0]  # type: ignore[index]
        turns[name] = seen[family]
        seen[family] += 1
    return sorted(names, key=turns.__getitem__)


if __name__ == "__main__":
    main()
