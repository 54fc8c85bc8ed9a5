"""Part 6: how the time grows with the depth, the width and the nesting of a network."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.benchmarks.document import Section, failures, table
from tests.benchmarks.measure import LONGEST, Failure, alone, failure, limited, spent

if TYPE_CHECKING:
    from torch import Tensor, nn

_LIMIT = 20
SIZES = (10, 100, 1000, 10_000)
#: Ten thousand modules nested overflow the stack of torch itself, which ends the process.
_DEEPEST = 1000


def _bare(model: nn.Module, x: Tensor) -> None:
    model(x)


def _json(model: nn.Module, x: Tensor) -> None:
    from tests.benchmarks.peers import cnnshape

    cnnshape(model, x)


def _printed(model: nn.Module, x: Tensor) -> None:
    from tests.benchmarks.peers import cnnshape_text

    cnnshape_text(model, x)


def _source(model: nn.Module, x: Tensor) -> None:
    from cnnshape import draw

    assert draw(model, x, device="meta").source


def _torchinfo(model: nn.Module, x: Tensor) -> None:
    from tests.benchmarks.peers import torchinfo_text

    torchinfo_text(model, x)


JOBS: dict[str, Callable[..., None]] = {
    "bare pass": _bare,
    "cnnshape as JSON": _json,
    "cnnshape printed": _printed,
    "cnnshape drawn, not laid out": _source,
    "torchinfo printed": _torchinfo,
}


def measured(job: Callable[..., None], shape: str) -> list[float | Failure]:
    """Processor seconds at each size, up to the first that fails."""
    import torch

    from tests.benchmarks.networks import Wide, deep, nested

    torch.set_num_threads(1)
    sys.setrecursionlimit(10**6)
    build = {"depth": deep, "width": Wide, "nesting": nested}[shape]
    x = torch.zeros(1, 8, device="meta")
    found: list[float | Failure] = []
    with torch.no_grad():
        job(build(2).to("meta").eval(), x)  # imports
        for size in SIZES:
            if shape == "nesting" and size > _DEEPEST:
                break
            model = build(size).to("meta").eval()
            started = spent()
            try:
                with limited(_LIMIT):
                    job(model, x)
                found.append(spent() - started)
            except Exception as error:
                found.append(failure(error))
                break
    return found


def slope(times: list[float]) -> float | None:
    """The power of the size with which the last tenfold grew.

    >>> slope([0.1, 1.0, 100.0])
    2.0
    """
    return math.log10(times[-1] / times[-2]) if len(times) > 1 and times[-2] > 0 else None


def section(models: int, rounds: int) -> Section:
    """Each once: what grows by the wrong power shows in one run."""
    del models, rounds
    rows: list[list[str]] = []
    failed: list[tuple[str, str]] = []
    for shape in ("depth", "width", "nesting"):
        for name, job in JOBS.items():
            found = alone(measured, job, shape, timeout=LONGEST * 3)
            if isinstance(found, Failure):
                failed.append((f"{name}, {shape}", found.cause))
                found = []
            times = [each for each in found if not isinstance(each, Failure)]
            failed += [
                (f"{name}, {shape} {size:,}", each.cause)
                for size, each in zip(SIZES, found, strict=False)
                if isinstance(each, Failure)
            ]
            shown = [f"{each:.3g} s" for each in times] + ["–"] * (len(SIZES) - len(times))
            power = slope(times)
            rows.append([f"{shape}: {name}", *shown, "–" if power is None else f"{power:.2f}"])
    head = ("what", *(f"{size:,}" for size in SIZES), "slope")
    text = (
        "Linear layers one after the other, side by side, and nested, on meta: processor seconds, "
        "and the power of the size by which the last tenfold grew (1 is in proportion). "
        "Nested ten thousand deep, torch itself overflows the stack.\n\n"
    )
    return Section("6. Growth", text + table(head, rows) + "\n" + failures(failed))
