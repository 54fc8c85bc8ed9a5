"""Part 1: 80 torchvision classifiers on meta, each tool beside the bare pass."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from tests.benchmarks.document import Section, failures, table
from tests.benchmarks.measure import LONGEST, Failure, Timing, alone, in_turn
from tests.benchmarks.peers import PRINTED, TOOLS, bare

#: Where the work around the pass weighs most.
SMALL = ("squeezenet1_1", "vgg16", "alexnet")
_GOALS = {"cnnshape": "≤ 0.8, none above 2.5", "cnnshape, printed": "≤ 0.9"}

#: The bare pass and the tool, or why there is nothing to compare.
Pair = tuple[Timing, Timing] | Failure


def measured(tool: str, names: Sequence[str], rounds: int) -> dict[str, Pair]:
    """A tool and the bare pass, in turn, on each model."""
    import torch

    from tests.benchmarks.networks import classifier

    torch.set_num_threads(1)
    call = {**TOOLS, **PRINTED}[tool]
    found: dict[str, Pair] = {}
    for name in names:
        model, x = classifier(name)
        times = in_turn({"bare": lambda: bare(model, x), "tool": lambda: call(model, x)}, rounds)
        one, other = times["bare"], times["tool"]
        assert isinstance(one, Timing)
        found[name] = (one, other) if isinstance(other, Timing) else other
    return found


def chosen(number: int) -> list[str]:
    """So many of the classifiers, spread over all of them, the small ones among them."""
    names = alone(_names, timeout=LONGEST)
    assert not isinstance(names, Failure), names.cause
    if number >= len(names):
        return names
    spread = names[:: max(1, len(names) // max(1, number - len(SMALL)))]
    return sorted({*SMALL[:number], *spread[: max(0, number - len(SMALL))]})


def _names() -> list[str]:
    from tests.benchmarks.networks import classifiers

    return classifiers()


def section(models: int, rounds: int) -> Section:
    """Measure all tools on so many of the models."""
    names = chosen(models)
    rows: list[list[str]] = []
    failed: list[tuple[str, str]] = []
    for tool in [*TOOLS, *PRINTED]:
        found = alone(measured, tool, names, rounds, timeout=LONGEST * len(names))
        if isinstance(found, Failure):
            failed.append((tool, found.cause))
            rows.append([tool, *["–"] * 6, f"0 of {len(names)}", ""])
            continue
        failed += [(f"{tool} on {n}", p.cause) for n, p in found.items() if isinstance(p, Failure)]
        rows.append(_row(tool, found))
    head = ("tool", "total", "median", "worst", *SMALL, "models", "goal (total)")
    text = (
        "The tool's answer as data (cnnshape's as JSON) or printed, as a multiple of the bare pass "
        f"of the same model on the meta device, batch 1; {len(names)} models.\n\n"
    )
    return Section("1. Classifiers on meta", text + table(head, rows) + "\n" + failures(failed))


def _row(tool: str, found: dict[str, Pair]) -> list[str]:
    pairs = {name: pair for name, pair in found.items() if not isinstance(pair, Failure)}
    answered = f"{len(pairs)} of {len(found)}"
    if not pairs:
        return [tool, *["–"] * 6, answered, ""]
    ratios = {name: tool.median / bare.median for name, (bare, tool) in pairs.items()}
    total = sum(t.median for _, t in pairs.values()) / sum(b.median for b, _ in pairs.values())
    noise = statistics.median(time.noise for pair in pairs.values() for time in pair)
    worst = max(ratios, key=lambda name: ratios[name])
    return [
        tool,
        f"{total:.2f} ± {noise * total:.2f}",
        f"{statistics.median(ratios.values()):.2f}",
        f"{ratios[worst]:.2f} ({worst})",
        *(f"{ratios[name]:.2f}" if name in ratios else "–" for name in SMALL),
        answered,
        _GOALS.get(tool, ""),
    ]
