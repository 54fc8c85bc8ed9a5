"""Hold every size rule against real torch layers on the CPU, over random configurations.

    OMP_WAIT_POLICY=passive python tests/benchmarks/formulas_against_torch.py --count 220000

Compares the whole output shape, and whether the configuration is accepted at all. Prints the
number of configurations, how many were accepted, and every disagreement (at most --show per kind).
Exit code 1 if there is any.

`undecided` are configurations on which torch's own CPU backends differ: float32 accepts what
float64 rejects. They are counted apart, and no rule can agree with both: transposed convolutions
with dilation 0, and with --threads 1 those with a 1×1 kernel whose padding leaves nothing. With
torch before 2.15 they include what only newer ones refuse (see ``older_torch_differs``).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch

from cnnshape import formulas
from cnnshape.errors import CnnshapeError
from tests.formulas.configurations import GENERATORS, Configuration, by_torch, older_torch_differs


def _cannot_be_decided(
    configuration: Configuration, actual: object, ours: tuple[int, ...] | None, reason: str
) -> bool:
    other = by_torch(configuration, torch.float64)[0]
    return other != actual or older_torch_differs(configuration, ours, reason)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000, help="configurations in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", choices=list(GENERATORS))
    parser.add_argument("--show", type=int, default=10, help="disagreements shown per kind")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    # Which of torch's backends runs depends on whether there are several threads, as usual.
    torch.set_num_threads(options.threads)
    kinds = options.kind or list(GENERATORS)
    pick = random.Random(options.seed).randint
    started = time.perf_counter()
    tried = dict.fromkeys(kinds, 0)
    accepted = dict.fromkeys(kinds, 0)
    wrong = dict.fromkeys(kinds, 0)
    undecided = dict.fromkeys(kinds, 0)
    for index in range(options.count):
        name = kinds[index % len(kinds)]
        configuration = GENERATORS[name](pick)
        actual, message = by_torch(configuration)
        try:
            ours = formulas.derive(
                configuration.kind, configuration.shape, **configuration.arguments
            ).output
            reason = ""
        except CnnshapeError as error:
            ours, reason = None, str(error)
        tried[name] += 1
        accepted[name] += actual is not None
        if ours == actual:
            continue
        if _cannot_be_decided(configuration, actual, ours, reason):
            undecided[name] += 1
        else:
            wrong[name] += 1
            if wrong[name] <= options.show:
                print(f"{configuration!r}\n  torch: {actual} {message}\n  rule:  {ours} {reason}")
    print(f"torch {torch.__version__}, seed {options.seed}, {time.perf_counter() - started:.0f} s")
    for name in kinds:
        print(
            f"{name:18} {tried[name]:7} tried {accepted[name]:7} accepted {wrong[name]:5} wrong "
            f"{undecided[name]:4} undecided"
        )
    columns = (tried, accepted, wrong, undecided)
    tried_all, accepted_all, wrong_all, undecided_all = (sum(c.values()) for c in columns)
    print(
        f"{'all':18} {tried_all:7} tried {accepted_all:7} accepted {wrong_all:5} wrong "
        f"{undecided_all:4} undecided"
    )
    return 1 if wrong_all else 0


if __name__ == "__main__":
    raise SystemExit(main())
