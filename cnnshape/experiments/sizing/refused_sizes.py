"""Sizes that a model does not accept: what refuses them, and what to change so that it does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import torch
from torch import nn

from cnnshape.analysis.report import Report
from cnnshape.errors import UsageError
from cnnshape.experiments.sizing.result import AcceptedSizes, Adaptation, Fit, Rejection
from cnnshape.experiments.symbolic.letters import Letters, batch_letters
from cnnshape.experiments.symbolic.run_at_sizes import at_sizes, report_at
from cnnshape.interrupts import let_through
from cnnshape.loading.prepare import Prepared
from cnnshape.tracing.execute import Inputs
from cnnshape.tracing.repeat import repeated
from cnnshape.tracing.trace import Trace

#: So far from the usual size a refusal is looked for, where letters are tied.
_STEPS = 32


def rejections(prepared: Prepared, accepted: AcceptedSizes) -> tuple[Rejection, ...]:
    """For each letter, what refuses the first size below and the first above."""
    found: list[Rejection] = []
    for points in _outside(accepted):
        for letters in points:
            error = report_at(prepared, letters).error
            if error is not None:
                message = (error.message.strip().splitlines() or [""])[0]
                found.append(Rejection(letters, error.path, error.type, message, error.diagnosis))
                break
    return tuple(found)


def _outside(accepted: AcceptedSizes) -> Iterator[Iterable[Letters]]:
    """For each letter and direction, the sizes to try until one is refused."""
    low, high = accepted.tested
    for name in accepted.letters:
        usual = accepted.base[name]
        sizes = accepted.letters[name]
        if accepted.joint is not None:
            # Tied to the others, which stay: outwards from the usual size.
            for ways in (range(usual - 1, 0, -1), range(usual + 1, high + 2)):
                yield ({**accepted.base, name: n} for n in islice(ways, _STEPS))
            continue
        below = next((n for n in range(min(usual, high), 0, -1) if n not in sizes), None)
        above = next((n for n in range(max(usual, low), high + 2) if n not in sizes), None)
        yield from ([{**accepted.base, name: n}] for n in (below, above) if n)


# ---- what to change, tried on a copy ----------------------------------------------------

_CROSS = re.compile(r"[x×,]")


def _sizes_from_text(text: str, prepared: Prepared, base: Letters) -> Letters:
    """``64x64`` as values of the letters, the batch left as it is."""
    batches = batch_letters(prepared.inputs)
    names = [name for name in prepared.inputs.letters if name not in batches]
    parts = [part.strip() for part in _CROSS.split(text)]
    if not all(part.isdecimal() and 0 < len(part) < 10 and int(part) > 0 for part in parts):
        raise UsageError(f"--fit {text[:40]}: give sizes, as in 64x64, of up to nine digits")
    if len(parts) == 1:
        parts *= len(names)
    if len(parts) != len(names):
        letters = ", ".join(names)
        raise UsageError(f"--fit {text}: give {len(names)} sizes, one each for {letters}")
    return {**base, **dict(zip(names, map(int, parts), strict=True))}


def fit_to(prepared: Prepared, text: str, base: Letters) -> Fit:
    """Whether the model takes sizes, and if not, changes that were tried and make it run.

    Args:
        prepared: the model, with letters in its input.
        text: the sizes, ``64x64``.
        base: the usual sizes; the batch stays as it is there.

    Raises:
        UsageError: there are more or fewer sizes than letters.
    """
    letters = _sizes_from_text(text, prepared, base)
    report = report_at(prepared, letters)
    if report.error is None:
        return Fit(letters, accepted=True, reason="")
    error = report.error
    reason = error.diagnosis or error.message.strip().splitlines()[0]
    changes = [
        Adaptation(s.action, s.text, s.path, verified=s.verified and bool(s.runs))
        for s in error.suggestions
        if s.action not in ("set_input", "change_call") and s.runs
    ]
    changes += _pools(prepared, report, letters, base)
    return Fit(letters, accepted=False, reason=reason, changes=tuple(changes))


def _pools(
    prepared: Prepared, failed: Report, letters: Letters, base: Letters
) -> Iterator[Adaptation]:
    """An adaptive pool behind the last layer with spatial axes, giving the size it usually has."""
    usual = report_at(prepared, base).trace
    found = _before_flattening(usual, failed)
    if found is None:
        return
    path, size = found
    text = f"nn.AdaptiveAvgPool{len(size)}d({size}) after {path}"
    if _runs_with_pool(at_sizes(prepared, letters), path, size):
        yield Adaptation("insert_after", text, path, verified=True)


def _before_flattening(usual: Trace, failed: Report) -> tuple[str, tuple[int, ...]] | None:
    """The last layer that ran before the failure on spatial axes, and its usual sizes there."""
    ran = failed.trace
    has_children = {call.parent for call in ran.calls}
    usually = {call.path: call for call in usual.calls if call.outputs}
    for call in reversed(ran.calls):
        known = usually.get(call.path)
        if call.index in has_children or not call.outputs or known is None:
            continue
        shape = usual.shape(known.outputs[0].value)
        sizes = tuple(int(n) for n in shape[2:])
        if len(shape) in (3, 4, 5) and sizes:
            return call.path, sizes
    return None


def _runs_with_pool(prepared: Prepared, path: str, size: Sequence[int]) -> bool:
    """Whether the whole model runs for real with the pool in its place."""
    kinds: dict[int, type[nn.Module]] = {
        1: nn.AdaptiveAvgPool1d,
        2: nn.AdaptiveAvgPool2d,
        3: nn.AdaptiveAvgPool3d,
    }
    pool = kinds[len(size)](tuple(size))
    module = prepared.real_module()
    target = module.get_submodule(path)

    def pooled(_module: nn.Module, _arguments: object, result: torch.Tensor) -> torch.Tensor:
        return pool(result)

    with repeated(module, device="cpu", mode=prepared.options.mode) as attempt:
        target.register_forward_hook(pooled)  # for as long as the model is kept as it was
        done = let_through(attempt, Inputs(*prepared.arguments("cpu")))
        return done.exception is None
