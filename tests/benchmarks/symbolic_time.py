"""How long sizes as expressions take.

    python -m tests.benchmarks.symbolic_time

1. In a warm process, beside inspecting the same model at one size. Goals: LeNet 0.3 s, ResNet-18
   1 s, DenseNet-121 6 s.
2. The sizes that LeNet accepts, every pair of 1…256. Goal: under a second.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def warm(rounds: int = 5) -> None:
    """Print the time of each model with letters and with numbers."""
    from cnnshape import inspect

    for name, letters, numbers in (
        ("lenet", "N,1,H,W", "1,1,28,28"),
        ("torchvision:resnet18", "N,3,H,W", "1,3,224,224"),
        ("torchvision:densenet121", "N,3,H,W", "1,3,224,224"),
    ):

        def with_letters(name: str = name, shape: str = letters) -> object:
            return inspect(name, shape, device="meta")

        def with_numbers(name: str = name, shape: str = numbers) -> object:
            return inspect(name, shape, device="meta")

        with_letters()
        pairs = [(seconds(with_letters), seconds(with_numbers)) for _ in range(rounds)]
        ours, plain = (statistics.median(times) for times in zip(*pairs, strict=True))
        print(f"{name:<24}{ours:>7.3f} s{plain:>9.3f} s at one size{ours / plain:>7.1f} ×")


def accepted(rounds: int = 5) -> None:
    """Print how long the search for LeNet's sizes takes."""
    from cnnshape import sizes

    def search() -> object:
        return sizes("lenet", "1,1,H,W")

    search()
    print(f"sizes lenet: {statistics.median(seconds(search) for _ in range(rounds)):.3f} s")


if __name__ == "__main__":
    warm()
    accepted()
