"""Part 2: runs with real numbers on the CPU, and the memory they need."""

from __future__ import annotations

from tests.benchmarks.document import Section, failures, table
from tests.benchmarks.measure import LONGEST, Failure, Timing, alone, growth, in_turn
from tests.benchmarks.peers import TOOLS, bare

MODELS = {"resnet50": "≤ 1.10", "vit_b_16": "≤ 1.05", "mobilenet_v3_large": "≤ 1.5"}
_BATCH = 8


def measured(tool: str, name: str, rounds: int) -> tuple[Timing, Timing] | Failure:
    """The bare pass and the tool, in turn."""
    import torch

    from tests.benchmarks.networks import classifier

    torch.set_num_threads(1)
    model, x = classifier(name, "cpu")
    times = in_turn({"bare": lambda: bare(model, x), "tool": lambda: TOOLS[tool](model, x)}, rounds)
    one, other = times["bare"], times["tool"]
    if isinstance(one, Failure):
        return one
    return other if isinstance(other, Failure) else (one, other)


def memory(tool: str) -> int:
    """What a run of resnet50 on a batch adds to a process at its peak, in bytes."""
    import torch

    from tests.benchmarks.networks import classifier

    torch.set_num_threads(1)
    call = TOOLS.get(tool, bare)
    model, x = classifier("resnet50", "cpu")
    bare(model, x[..., :32, :32])  # what torch itself loads and keeps
    call(torch.nn.Linear(2, 2), torch.zeros(1, 2))  # imports
    batch = x.repeat(_BATCH, 1, 1, 1)
    return growth(lambda: call(model, batch))


def section(models: int, rounds: int) -> Section:
    """Measure all tools on the models."""
    names = list(MODELS)[:models]
    failed: list[tuple[str, str]] = []
    rows: list[list[str]] = []
    least = alone(memory, "bare", timeout=LONGEST)
    for tool in TOOLS:
        row = [tool]
        for name in names:
            pair = alone(measured, tool, name, rounds, timeout=LONGEST * (rounds + 1))
            if isinstance(pair, Failure):
                failed.append((f"{tool} on {name}", pair.cause))
                row.append("–")
                continue
            one, other = pair
            ratio = other.median / one.median
            row.append(f"{ratio:.2f} ± {(one.noise + other.noise) * ratio:.2f}")
        used = alone(memory, tool, timeout=LONGEST)
        if isinstance(used, Failure) or isinstance(least, Failure):
            failed += [
                (f"{tool}, memory", x.cause) for x in (used, least) if isinstance(x, Failure)
            ]
            row += ["–", "–"]
        else:
            row += [f"{used / least:.2f}", f"{used / 2**20:,.0f}"]
        rows.append(row)
    rows.append(["*goal for cnnshape*", *(MODELS[name] for name in names), "≤ 1.1", ""])
    head = ("tool", *names, f"memory, batch {_BATCH}", "in MiB")
    text = (
        "Batch 1 at 224, one thread, as multiples of the bare pass. Memory is what a run of "
        f"resnet50 on a batch of {_BATCH} adds to the process at its peak, likewise.\n\n"
    )
    return Section("2. Real runs on the CPU", text + table(head, rows) + "\n" + failures(failed))
