"""What the diagnosis costs: while nothing fails, and when a network of usual size does.

    python -m tests.benchmarks.diagnose_cost

1. A call inside ``with cnnshape.explain():`` beside the bare call. Goal: a microsecond or two.
2. The diagnosis of a ResNet-50 with a wrong last layer, beside one forward pass. Goal: under a
   second.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
import torchvision
from torch import nn

import cnnshape
from cnnshape.analysis.build import build_report
from cnnshape.experiments.attempt import Setup
from cnnshape.experiments.search_fixes import try_suggestions
from cnnshape.tracing.execute import Inputs, record


def seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def while_nothing_fails(calls: int = 5000, rounds: int = 9) -> None:
    """Print what the context manager adds to one call."""
    model, x = nn.Identity(), torch.zeros(1)
    explain = cnnshape.explain  # imported before the clock starts

    def bare() -> None:
        for _ in range(calls):
            model(x)

    def explained() -> None:
        for _ in range(calls):
            with explain():
                model(x)

    pairs = [(seconds(bare), seconds(explained)) for _ in range(rounds)]
    extra = statistics.median(with_it - without for without, with_it in pairs) / calls
    ratio = statistics.median(with_it / without for without, with_it in pairs)
    print(f"explain(): {extra * 1e6:.2f} µs more per call, {ratio:.2f} × a bare nn.Identity")


def a_resnet(rounds: int = 5) -> None:
    """Print how long the diagnosis of a broken ResNet-50 takes."""
    model = torchvision.models.resnet50()
    given = Inputs((torch.randn(1, 3, 224, 224),))
    cnnshape.inspect(nn.Linear(10, 2), (2, 7))  # imports

    def forward() -> None:
        with torch.no_grad():
            model.eval()(given.args[0])

    forwards = [seconds(forward) for _ in range(rounds)]
    model.fc = nn.Linear(1000, 10)
    report = build_report(record(model, given, mode="eval").trace)

    def diagnose() -> None:
        found = try_suggestions(report.error, report.trace, Setup(model, given, "cpu", "eval"))
        assert found.suggestions[0].text == "nn.Linear(in_features=2048, out_features=10)"

    diagnoses = [seconds(diagnose) for _ in range(rounds)]
    one, other = statistics.median(diagnoses), statistics.median(forwards)
    print(f"ResNet-50: {one:.2f} s, a forward pass {other:.2f} s, ratio {one / other:.1f}")


if __name__ == "__main__":
    while_nothing_fails()
    a_resnet()
