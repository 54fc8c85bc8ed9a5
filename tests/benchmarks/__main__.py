"""cnnshape beside its peers, measured in turn on the same models, written as a page.

    python -m tests.benchmarks                                   all of it, about an hour
    python -m tests.benchmarks --only classifiers --models 8 --rounds 3 --out -

Sections that are measured replace those of the page; the others stay. This process imports no
torch: what is measured runs in processes of its own.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

from tests.benchmarks.document import Section, dated, page, write

PARTS = (
    *("classifiers", "real_run", "commands", "nesting", "decoder", "growth"),
    *("correctness", "pages", "live_pages", "facts"),
)


def main() -> int:
    """Measure the parts that are asked for, one after the other."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART")
    parser.add_argument("--models", type=int, default=80, help="at most so many models a part")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", default="docs/benchmarks.md", help="the page, or - to print it")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    measured: list[Section] = []
    for part in options.only:
        print(f"{part} …", file=sys.stderr)
        found = importlib.import_module(f"tests.benchmarks.{part}")
        section = dated(found.section(options.models, options.rounds), options.rounds)
        measured.append(section)
        if options.out != "-":  # at once: a part that fails later loses nothing
            write([section], Path(options.out))
    if options.out == "-":
        print(page(measured))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
