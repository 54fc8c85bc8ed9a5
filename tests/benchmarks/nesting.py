"""Part 4: pictures and tables of modules that are nested deep."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tests.benchmarks.document import Section, failures, table
from tests.benchmarks.measure import LONGEST, Failure, alone, growth, spent

if TYPE_CHECKING:
    from torch import Tensor, nn


#: Inspects a model, and gives what then writes the picture or the table.
Prepare = Callable[["nn.Module", "Tensor"], Callable[[], object]]


def _our_picture(model: nn.Module, x: Tensor) -> Callable[[], object]:
    from cnnshape import draw, inspect
    from cnnshape.rendering.diagram.graphviz_process import lay_out

    report = inspect(model, x, device="meta")
    return lambda: lay_out(draw(report).source)


def _torchview_picture(model: nn.Module, x: Tensor) -> Callable[[], object]:
    from torchview import draw_graph

    from cnnshape.rendering.diagram.graphviz_process import lay_out

    graph = draw_graph(model, input_data=x, device="meta", expand_nested=True, depth=10**6)
    return lambda: lay_out(graph.visual_graph.source)


def _our_table(model: nn.Module, x: Tensor) -> Callable[[], object]:
    from cnnshape import inspect

    report = inspect(model, x, device="meta")
    return lambda: str(report)


def _torchinfo_table(model: nn.Module, x: Tensor) -> Callable[[], object]:
    from torchinfo import summary

    found = summary(model, input_data=x, device="meta", depth=10**6, verbose=0)
    return lambda: str(found)


#: What is made, by whom, how deep, the goal.
JOBS: list[tuple[str, str, Prepare, int, str]] = [
    ("picture", "cnnshape", _our_picture, 150, "< 1 s, < 300 MB"),
    ("picture", "torchview", _torchview_picture, 150, ""),
    ("picture", "cnnshape", _our_picture, 300, "< 2 s, < 300 MB"),
    ("picture", "torchview", _torchview_picture, 300, ""),
    ("table", "cnnshape", _our_table, 500, "< 0.3 s"),
    ("table", "torchinfo", _torchinfo_table, 500, ""),
]


class Figures(NamedTuple):
    """Processor seconds of the three steps, and the memory of the last two in bytes."""

    passed: float
    inspected: float
    written: float
    memory: int


def measured(prepare: Prepare, depth: int) -> Figures:
    """The bare pass, inspecting, and writing what was found."""
    import torch

    from tests.benchmarks.networks import nested

    torch.set_num_threads(1)
    sys.setrecursionlimit(10**6)
    x = torch.zeros(1, 8, device="meta")
    prepare(nested(2).to("meta").eval(), x)()  # imports
    model = nested(depth).to("meta").eval()
    model(x)
    times = [spent()]

    def make() -> None:
        times.append(spent())
        write = prepare(model, x)
        times.append(spent())
        write()
        times.append(spent())

    with torch.no_grad():
        model(x)
    times.append(spent())
    memory = growth(make)
    return Figures(times[1] - times[0], times[3] - times[2], times[4] - times[3], memory)


def section(models: int, rounds: int) -> Section:
    """Measure each once in every round; a deep one takes long, so at most three."""
    del models
    rows: list[list[str]] = []
    failed: list[tuple[str, str]] = []
    for what, tool, make, depth, goal in JOBS:
        runs: list[Figures] = []
        for _ in range(min(rounds, 3)):
            run = alone(measured, make, depth, timeout=2 * LONGEST)
            if isinstance(run, Failure):
                failed.append((f"{what} by {tool}, {depth} deep", run.cause))
                break
            runs.append(run)
        if len(runs) < min(rounds, 3):
            rows.append([f"{what} by {tool}", str(depth), *["–"] * 4, goal])
            continue
        middle = sorted(runs, key=lambda run: run.inspected + run.written)[len(runs) // 2]
        rows.append(
            [
                f"{what} by {tool}",
                str(depth),
                f"{middle.passed * 1e3:.0f} ms",
                f"{middle.inspected:.2f} s",
                f"{middle.written:.2f} s",
                f"{middle.memory / 2**20:,.0f} MiB",
                goal,
            ]
        )
    head = ("what", "deep", "bare pass", "inspected", "written", "memory", "goal (written)")
    text = (
        "Modules one inside the other, each with a layer and a connection around it, inspected on "
        "meta; with every level open where a tool has a choice. Pictures are laid out by the same "
        "Graphviz.\n\n"
    )
    return Section("4. Deep nesting", text + table(head, rows) + "\n" + failures(failed))
