"""What inspecting costs beside what it cannot avoid, as ratios within one run.

    python tests/benchmarks/inspect_overhead.py

1. ``cnnshape.inspect`` on meta, everything included, beside the bare forward pass on meta, for
   twelve varied torchvision models. Goal: at most 1.4 over all of them.
2. The command ``cnnshape inspect lenet`` beside ``python -c "import torch"``, in turn. Goal: at
   most 1.15.

Ratios are of medians of interleaved runs, since a machine's speed drifts.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

MODELS = (
    "alexnet vgg16 resnet18 resnet152 densenet121 googlenet mobilenet_v3_large efficientnet_b0 "
    "regnet_y_400mf convnext_tiny vit_b_16 swin_t"
).split()


def interleaved(
    one: Callable[[], object], other: Callable[[], object], runs: int
) -> tuple[float, float]:
    """Median seconds of each, run in turn after one warm-up."""
    times: tuple[list[float], list[float]] = ([], [])
    for run in range(runs + 1):
        for function, taken in zip((one, other), times, strict=True):
            started = time.perf_counter()
            function()
            if run:
                taken.append(time.perf_counter() - started)
    return statistics.median(times[0]), statistics.median(times[1])


def row(name: str, bare: float, ours: float) -> str:
    return f"{name:<22}{bare * 1e3:>7.1f}ms{ours * 1e3:>8.1f}ms{ours / bare:>8.2f}"


def on_meta() -> float:
    import torch

    import cnnshape
    from cnnshape.loading.model import load

    torch.set_num_threads(1)
    bare_total = ours_total = 0.0
    print(f"{'model':<22}{'bare':>9}{'inspect':>10}{'ratio':>8}")
    for name in MODELS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = load(f"torchvision:{name}", budget=0).module.eval()
        x = torch.zeros(1, 3, 224, 224, device="meta")

        def bare(model=model, x=x) -> object:
            with torch.no_grad():
                return model(x)

        def ours(model=model) -> object:
            return cnnshape.inspect(model, (1, 3, 224, 224), device="meta")

        bare_time, our_time = interleaved(bare, ours, runs=5)
        bare_total += bare_time
        ours_total += our_time
        print(row(name, bare_time, our_time))
    print(row("all", bare_total, ours_total))
    return ours_total / bare_total


def start_up() -> float:
    def command(*words: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True)

    ours, torch_alone = interleaved(
        command("-m", "cnnshape", "inspect", "lenet", "--input", "1,1,28,28"),
        command("-c", "import torch"),
        runs=9,
    )
    ratio = ours / torch_alone
    print(f"inspect lenet {ours:.2f} s, import torch {torch_alone:.2f} s, ratio {ratio:.3f}")
    return ratio


if __name__ == "__main__":
    start_up()
    on_meta()
