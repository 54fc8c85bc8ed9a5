"""``cnnshape.sizes``: which input sizes a model accepts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from torch import nn

from cnnshape.errors import UsageError
from cnnshape.experiments.sizing.result import AcceptedSizes
from cnnshape.experiments.subject import Prepared, prepare, prepare_texts

Mode = Literal["eval", "train"]
Progress = Callable[[str], None]

#: Seconds after which a search stops, unless the caller allows more.
TIME_LIMIT = 60.0


def sizes(
    model: nn.Module | str,
    inputs: object,
    *,
    range: tuple[int, int] = (1, 256),
    mode: Mode = "eval",
    why: bool = False,
    fit: str | int | Sequence[int] | None = None,
    dtype: str | None = None,
    weights: str | Path | None = None,
    time_limit: float = TIME_LIMIT,
    progress: Progress | None = None,
) -> AcceptedSizes:
    """Which sizes a model accepts, found by trying them without memory.

    Args:
        model: an ``nn.Module``, or a MODEL argument of the command line such as ``"lenet"``.
        inputs: as for :func:`cnnshape.inspect`, with letters for the sizes that may vary.
        range: the smallest and the largest size to try, for every letter.
        mode: ``eval`` or ``train``.
        why: name the layer that refuses the first size outside.
        fit: sizes that the model should take, one per letter other than the batch (``"64x64"``)
            or one for all; the result says what to change.
        dtype: the floating dtype to run in; the model's own if None.
        weights: a state dict file, for a model given by name.
        time_limit: seconds after which the search stops and says that it did.
        progress: is told what is being tried.

    Raises:
        UsageError: the model or the inputs cannot be used, or there are no letters.
        ModelFailedError: the model accepts nothing in the range.

    >>> import cnnshape
    >>> accepted = cnnshape.sizes("lenet", (1, 1, "H", "W"))
    >>> accepted.letters["H"].ranges, accepted.joint
    (((28, 31),), None)
    >>> cnnshape.sizes("lenet-nopad", (1, 1, "H", "W"), range=(1, 64)).joint
    '16*(H//4 - 3)*(W//4 - 3) == 256'
    """
    prepared = prepare(model, inputs, dtype=dtype, weights=weights)
    if fit is not None:
        fit = str(fit) if isinstance(fit, str | int) else "x".join(map(str, fit))
    return sizes_of(
        prepared,
        limits=range,
        mode=mode,
        why=why,
        fit=fit,
        time_limit=time_limit,
        progress=progress,
    )


def sizes_spec(
    spec: str,
    inputs: Sequence[str],
    *,
    limits: tuple[int, int] = (1, 256),
    mode: Mode = "eval",
    why: bool = False,
    fit: str | None = None,
    dtype: str | None = None,
    weights: str | Path | None = None,
    time_limit: float = TIME_LIMIT,
    progress: Progress | None = None,
) -> AcceptedSizes:
    """As :func:`sizes`, from the texts of a command line: MODEL and ``--input``."""
    if not inputs:
        raise UsageError("sizes needs an input with letters for what may vary: -i 1,1,H,W")
    prepared = prepare_texts(spec, inputs, dtype=dtype, weights=weights)
    return sizes_of(
        prepared,
        limits=limits,
        mode=mode,
        why=why,
        fit=fit,
        time_limit=time_limit,
        progress=progress,
    )


def sizes_of(
    prepared: Prepared,
    *,
    limits: tuple[int, int],
    mode: Mode,
    why: bool,
    fit: str | None,
    time_limit: float,
    progress: Progress | None,
) -> AcceptedSizes:
    """The search, and what else was asked for."""
    from cnnshape.experiments.sizing.search import accepted_sizes

    low, high = limits
    accepted = accepted_sizes(
        prepared, low=low, high=high, mode=mode, seconds=time_limit, progress=progress
    )
    if why:
        from cnnshape.experiments.sizing.why import rejections

        accepted = replace(accepted, why=rejections(prepared, accepted, mode))
    if fit is not None:
        from cnnshape.experiments.sizing.fitting import fit as fitted
        from cnnshape.experiments.sizing.fitting import sizes_from_text

        wanted = sizes_from_text(fit, prepared, accepted.base)
        accepted = replace(accepted, fit=fitted(prepared, wanted, accepted.base, mode))
    return accepted
