"""Look at every model of a zoo in several ways and write what came out, a line of JSON for each.

    python -m tests.zoo.run timm --names 'resnet*' --out results.jsonl
    python -m tests.zoo.run timm --sample 200 --seed 0 --ways eval,letters --out results.jsonl
    python -m tests.zoo.run timm --spread --ways svg --out results.jsonl
    python -m tests.zoo.run --summary results.jsonl

The zoos are timm, transformers and other packages, as far as they are installed. Models are built
and run without weights, and without memory where they need no values, each way with a time limit.
What stands in the file already is skipped, so that a run that was ended goes on. A line:

    name, way, ok, seconds, error         did it run; seconds of the processor; what was raised
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
import contextlib
import fnmatch
import json
import random
import re
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.zoo.others import others_model, others_names
from tests.zoo.summary import summary
from tests.zoo.timm_models import timm_model, timm_names
from tests.zoo.transformers_models import transformers_model, transformers_names
from tests.zoo.ways import WAYS, Line

Build = Callable[[str, str], "tuple[Any, Any]"]

ZOOS: dict[str, tuple[Callable[[], list[str]], Build]] = {
    "timm": (timm_names, timm_model),
    "transformers": (transformers_names, transformers_model),
    "others": (others_names, others_model),
}


class OutOfTimeError(BaseException):
    """No Exception, so that no model catches it."""


def main() -> None:
    """Run the models that are asked for."""
    asked = _arguments()
    if asked.summary:
        lines = (json.loads(line) for path in asked.summary for line in _lines(path))
        print(summary(lines))
        return
    names, build = ZOOS[asked.zoo]
    before = list(map(json.loads, _lines(asked.out)))
    done = {(line["name"], line["way"]) for line in before}
    failed = {line["name"] for line in before if line["way"] == "eval" and not line["ok"]}
    ends = time.monotonic() + asked.total
    for name in _chosen(names(), asked):
        ways = [way for way in asked.ways.split(",") if (name, way) not in done]
        if name in failed:
            continue
        if time.monotonic() > ends:
            return
        with asked.out.open("a") as file:
            file.writelines(f"{json.dumps(line)}\n" for line in lines_of(name, build, ways, asked))


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
    parser.add_argument("--total", type=int, default=10**6, help="seconds for all of them")
    parser.add_argument("--summary", type=Path, nargs="+", help="read files of results instead")
    return parser.parse_args()


class _Raw(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the docstring."""


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


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


# ---- one model ----------------------------------------------------------------------------


def lines_of(
    name: str, build: Build, ways: Sequence[str], asked: argparse.Namespace
) -> Iterator[Line]:
    """Build one model, look at it in several ways, and judge each."""
    built: tuple[Any, Any] | None = None
    for way in ways:
        start = time.process_time()
        line: Line = {"name": name, "way": way, "ok": False}
        try:
            with within(asked.limit), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if built is None:
                    built = build(name, "meta")
                start = time.process_time()
                found = WAYS[way](*built)
                if _needs_values(found, built[0]):
                    built = build(name, "cpu")
                    start = time.process_time()
                    found = WAYS[way](*built)
                line |= found
        except (Exception, OutOfTimeError) as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            line["error"] = f"{type(error).__name__} at {where}: {error}"[:400]
        yield line | {"seconds": round(time.process_time() - start, 2)}
        if way == "eval" and not line["ok"]:
            return  # it would fail in the other ways as well


def _needs_values(found: Line, model: Any) -> bool:
    """Whether the model failed for want of values, and is small enough to be given some."""
    small = sum(p.numel() for p in model.parameters()) < 500_000_000
    return not found["ok"] and small and "the model has none" in found.get("where", "")


@contextlib.contextmanager
def within(seconds: int) -> Generator[None]:
    """Raise :class:`OutOfTimeError` inside the block after so many seconds."""

    def end(*_: object) -> None:
        raise OutOfTimeError(f"{seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


if __name__ == "__main__":
    sys.setrecursionlimit(10_000)
    main()
