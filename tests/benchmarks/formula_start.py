"""How long ``cnnshape formula`` takes, as a multiple of a Python that does nothing.

    python tests/benchmarks/formula_start.py

An evaluation shall take at most 6 ×, most of which is importing Click; testing an expression less
than a second. Runs take turns, and the median of the pairs' ratios counts, because machines drift.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

BARE = [sys.executable, "-c", "pass"]
CLICK = [sys.executable, "-c", "import click"]
EVALUATE = "conv --input 28 --kernel 5 --padding 2".split()
TEST = ["conv", "(W - F + 2P)/S + 1"]


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - started


def ratio(command: list[str], runs: int = 25) -> float:
    seconds(command)  # the first run may have to compile
    return statistics.median(seconds(command) / seconds(BARE) for _ in range(runs))


def main() -> int:
    formula = [sys.executable, "-m", "cnnshape", "formula"]
    evaluated = ratio([*formula, *EVALUATE])
    tested = min(seconds([*formula, *TEST]) for _ in range(3))
    print(f"import click        {ratio(CLICK):.1f} × bare Python")
    print(f"formula, evaluated  {evaluated:.1f} × bare Python")
    print(f"formula, tested     {tested:.2f} s")
    return 0 if evaluated <= 6 and tested < 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
