"""Part 7: whose parameters and MACs are right: by hand on small models, as published on large."""

from __future__ import annotations

from collections import Counter

from tests.benchmarks.classifiers import chosen
from tests.benchmarks.document import Section, failures, table
from tests.benchmarks.measure import LONGEST, Failure, alone, failure, limited
from tests.benchmarks.peers import TOOLS, Figures

#: Tools that count something.
COUNTING = [name for name in TOOLS if name != "torchview"]
#: Within a hundredth: right but for what a tool counts besides (biases, activations).
_NEAR = 0.01
RIGHT, NEAR, WRONG, NOTHING, FAILED = "✓", "≈", "✗", "–", "!"


def verdict(said: int | None, right: int) -> str:
    """How near a tool came.

    >>> verdict(100, 100), verdict(101, 100), verdict(200, 100), verdict(None, 100)
    ('✓', '≈', '✗ 2.00', '–')
    """
    if said is None:
        return NOTHING
    if said == right:
        return RIGHT
    if right and abs(said - right) <= _NEAR * right:
        return NEAR
    return f"{WRONG} {said / right:.2f}" if right else WRONG


def on_small(tool: str) -> dict[str, Figures | Failure]:
    """What a tool says about each of the small models, on the CPU."""
    import torch

    from tests.benchmarks.small_models import CASES

    found: dict[str, Figures | Failure] = {}
    for name, case in CASES.items():
        try:
            with limited():
                found[name] = TOOLS[tool](case.build().eval(), torch.rand(case.shape))
        except Exception as error:
            found[name] = failure(error)
    return found


def truth() -> dict[str, Figures]:
    """What is right for the small models."""
    from tests.benchmarks.small_models import CASES

    return {name: Figures(case.params, case.macs) for name, case in CASES.items()}


def on_published(tool: str, names: list[str]) -> dict[str, tuple[str, str] | Failure]:
    """Verdicts on parameters and MACs of classifiers, against torchvision's published figures.

    Only weights that were measured at the usual size count. What is published is rounded to
    a millionth of 10⁹ MACs, so that is all that can be compared.
    """
    from torchvision import models

    from tests.benchmarks.networks import classifier

    found: dict[str, tuple[str, str] | Failure] = {}
    for name in names:
        model, x = classifier(name)
        fitting = [
            weights.meta
            for weights in models.get_model_weights(name)
            if weights.transforms().crop_size[0] == x.shape[-1]
        ]
        if not fitting:
            continue
        if name in ("googlenet", "inception_v3"):  # published without the branches of training
            model.aux_logits = False
            model.AuxLogits = model.aux1 = model.aux2 = None
        try:
            with limited():
                said = TOOLS[tool](model, x)
        except Exception as error:
            found[name] = failure(error)
            continue
        macs = None if said.macs is None else round(said.macs / 1e6)
        found[name] = (
            verdict(said.params, fitting[0]["num_params"]),
            verdict(macs, round(fitting[0]["_ops"] * 1e3)),
        )
    return found


def section(models: int, rounds: int) -> Section:
    """Ask every tool once: a figure does not drift."""
    del rounds
    right = alone(truth, timeout=LONGEST * 5)
    failed: list[tuple[str, str]] = []
    small: list[list[str]] = []
    for tool in COUNTING:
        found = alone(on_small, tool, timeout=LONGEST * 10)
        if isinstance(found, Failure):
            failed.append((tool, found.cause))
            found = {}
        row = [tool]
        for name, figures in right.items():
            said = found.get(name)
            if not isinstance(said, Figures):
                row.append(FAILED)
                failed += [(f"{tool} on {name}", said.cause)] if said else []
                continue
            row.append(f"{verdict(said.params, figures.params)} {verdict(said.macs, figures.macs)}")
        small.append(row)
    names = chosen(models)
    large: list[list[str]] = []
    for tool in COUNTING:
        judged = alone(on_published, tool, names, timeout=LONGEST * len(names))
        if isinstance(judged, Failure):
            failed.append((f"{tool} on the classifiers", judged.cause))
            continue
        failed += [(f"{tool} on {n}", v.cause) for n, v in judged.items() if isinstance(v, Failure)]
        pairs = [each for each in judged.values() if not isinstance(each, Failure)]
        large.append(
            [
                tool,
                str(len(judged)),
                *(_tally([pair[place] for pair in pairs]) for place in (0, 1)),
                str(len(judged) - len(pairs)),
            ]
        )
    text = (
        "Parameters, then MACs, of small models as worked out by hand "
        "(`tests/benchmarks/small_models.py`): ✓ right, ≈ within a hundredth, ✗ with the factor, "
        "– says nothing, ! fails. The MACs of some tools count biases or activations as well, "
        "which ≈ forgives on large models and not on these.\n\n"
        + table(("tool", *right), small)
        + "\n\nAgainst the figures that torchvision publishes with its weights, of models that "
        "were measured at the size above, on meta:\n\n"
        + table(("tool", "models", "parameters ✓ ≈ ✗ –", "MACs ✓ ≈ ✗ –", "failed"), large)
    )
    return Section("7. Correctness", text + "\n" + failures(failed))


def _tally(verdicts: list[str]) -> str:
    counted = Counter(each[:1] for each in verdicts)
    return " ".join(str(counted[mark]) for mark in (RIGHT, NEAR, WRONG, NOTHING))
