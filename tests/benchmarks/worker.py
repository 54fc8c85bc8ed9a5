"""A fresh process that calls one function: reads it from stdin, writes what it gave to stdout.

A plain process, not one of multiprocessing, since some tools refuse to work in those.
"""

from __future__ import annotations

import os
import pickle
import sys
import warnings

from tests.benchmarks.measure import failure


def main() -> None:
    """Call, and send what came of it."""
    warnings.simplefilter("ignore")
    function, arguments = pickle.load(sys.stdin.buffer)
    answers = os.dup(1)
    # Some tools print; what counts is the table. What native code prints goes the same way.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        answer = function(*arguments)
    except Exception as error:
        answer = failure(error)
    with os.fdopen(answers, "wb") as pipe:
        pickle.dump(answer, pipe)


if __name__ == "__main__":
    main()
    os._exit(0)
