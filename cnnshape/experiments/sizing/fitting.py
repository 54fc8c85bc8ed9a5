"""What to change so that a model takes a size that it does not accept, tried on a copy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import torch
from torch import nn

from cnnshape.analysis.report import Report
from cnnshape.errors import UsageError
from cnnshape.experiments.sizing.result import Adaptation, Fit, Letters
from cnnshape.experiments.symbolic.at_sizes import at_sizes, report_at
from cnnshape.experiments.symbolic.letters import batch_letters
from cnnshape.loading.prepare import Prepared
from cnnshape.tracing.execute import Inputs
from cnnshape.tracing.repeat import repeated
from cnnshape.tracing.trace import Trace

_CROSS = re.compile(r"[x×,]")


def sizes_from_text(text: str, prepared: Prepared, base: Letters) -> Letters:
    """``64x64`` as values of the letters, the batch left as it is.

    Raises:
        UsageError: it has another number of sizes than there are letters.
    """
    batches = batch_letters(prepared.inputs)
    names = [name for name in prepared.inputs.letters if name not in batches]
    parts = [part.strip() for part in _CROSS.split(text)]
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"--fit {text}: give sizes, as in 64x64")
    if len(parts) == 1:
        parts *= len(names)
    if len(parts) != len(names):
        letters = ", ".join(names)
        raise UsageError(f"--fit {text}: give {len(names)} sizes, one each for {letters}")
    return {**base, **dict(zip(names, map(int, parts), strict=True))}


def fit(prepared: Prepared, letters: Letters, base: Letters) -> Fit:
    """Whether the model takes these sizes, and if not, changes that were tried and make it run."""
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

    handle = target.register_forward_hook(pooled)
    try:
        with repeated(module, device="cpu", mode=prepared.options.mode) as attempt:
            return attempt(Inputs(*prepared.arguments("cpu"))).exception is None
    finally:
        handle.remove()
