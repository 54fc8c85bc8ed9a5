"""``cnnshape.sizes``: which input sizes a model accepts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from cnnshape.experiments.sizing.result import AcceptedSizes
from cnnshape.loading.prepare import prepare
from cnnshape.loading.run_options import Mode, run_options

Progress = Callable[[str], None]

#: Seconds after which a search stops, unless the caller allows more.
TIME_LIMIT = 60.0


def sizes(
    model: nn.Module | str,
    inputs: object = None,
    *,
    args: tuple[Any, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    range: tuple[int, int] = (1, 256),
    mode: Mode = "eval",
    why: bool = False,
    fit: str | int | Sequence[int] | None = None,
    dtype: str | None = None,
    weights: str | Path | None = None,
    trust_pickle: bool = False,
    time_limit: float = TIME_LIMIT,
    progress: Progress | None = None,
) -> AcceptedSizes:
    """Which sizes a model accepts, found by trying them without memory.

    Args:
        model: an ``nn.Module``, or a MODEL argument of the command line such as ``"lenet"``.
        inputs: as for :func:`cnnshape.inspect`, with letters for the sizes that may vary.
        args: as for :func:`cnnshape.inspect`.
        kwargs: as for :func:`cnnshape.inspect`.
        range: the smallest and the largest size to try, for every letter.
        mode: ``eval`` or ``train``.
        why: name the layer that refuses the first size outside.
        fit: sizes that the model should take, one per letter other than the batch (``"64x64"``)
            or one for all; the result says what to change, and what each change costs.
        dtype: the floating dtype to run in; the model's own if None.
        weights: a state dict file, for a model given by name.
        trust_pickle: unpickle a file given as model, which runs whatever it says.
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
    from cnnshape.experiments.sizing.search import accepted_sizes

    options = run_options(mode=mode, dtype=dtype, weights=weights, trust_pickle=trust_pickle)
    prepared = prepare(model, inputs, options, args=args, kwargs=kwargs)
    low, high = range
    accepted = accepted_sizes(prepared, low=low, high=high, seconds=time_limit, progress=progress)
    if not why and fit is None:
        return accepted
    if why:
        from cnnshape.experiments.sizing.refused_sizes import rejections

        accepted = replace(accepted, why=rejections(prepared, accepted))
    if fit is not None:
        from cnnshape.experiments.sizing.fit import fit_to

        text = str(fit) if isinstance(fit, str | int) else "x".join(map(str, fit))
        accepted = replace(accepted, fit=fit_to(prepared, text, accepted))
    return accepted
