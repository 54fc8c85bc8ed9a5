"""``cnnshape.check``: hold a model to claims."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import nn

from cnnshape.analysis.claims import CheckResult, budgets, runs, sizes
from cnnshape.analysis.expect import expected_shapes
from cnnshape.analysis.hand_formula import hand_formula
from cnnshape.analysis.snapshot import compare_with_snapshot, snapshot_rows
from cnnshape.api.inspecting import Mode, inspect_prepared, needs_real
from cnnshape.errors import UsageError
from cnnshape.experiments.second_opinion import torchinfo_opinion
from cnnshape.experiments.subject import Prepared, prepare, prepare_texts
from cnnshape.loading.device import parse_device, require
from cnnshape.loading.expectations import (
    Expectations,
    parse_pattern,
    read_expectation,
    read_expectation_file,
)


def check(
    model: nn.Module | str,
    inputs: object = None,
    *,
    expect: Mapping[str, object] | str | os.PathLike[str] | None = None,
    formulas: Mapping[str, str] | None = None,
    max_params: int | None = None,
    max_macs: int | None = None,
    device: str = "auto",
    mode: Mode = "eval",
    dtype: str | None = None,
    weights: str | Path | None = None,
) -> CheckResult:
    """Hold a model to its size formulas, expected shapes, hand-derived formulas and budgets.

    Args:
        model: as for :func:`inspect`.
        inputs: as for :func:`inspect`.
        expect: shapes by path, ``None`` or ``"*"`` for any size, texts such as ``"H//2 - 4"``
            where the input has letters; or a file of them; or the JSON report of an earlier day.
        formulas: a size formula by kind of layer, tested on every layer of that kind.
        max_params: the most parameters that are allowed.
        max_macs: the most multiply-accumulates that are allowed.
        device: as for :func:`inspect`.
        mode: as for :func:`inspect`.
        dtype: as for :func:`inspect`.
        weights: as for :func:`inspect`.

    Returns:
        Every claim with both sides; ``.ok`` is true if all hold.

    >>> import cnnshape
    >>> result = cnnshape.check("lenet", expect={"C1": (1, 6, 28, 28)}, max_params=60_000)
    >>> [claim.what for claim in result.claims if not claim.ok]
    ['max-params']
    >>> print(cnnshape.check("lenet", max_params=60_000))  # doctest: +ELLIPSIS
    ok    size        C1     1×6×28×28                      ⌊(28 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1 = 28
    ...
    FAIL  max-params  model  61,706, more than 60,000
    ...
    7 ok, 1 failed
    """
    require(parse_device(device))
    for name, limit in (("max_params", max_params), ("max_macs", max_macs)):
        if limit is not None and not isinstance(limit, int):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(f"{name} is a whole number, not {limit!r}")
    prepared = prepare(model, inputs, real=needs_real(device), dtype=dtype, weights=weights)
    return _check(
        prepared,
        device,
        mode,
        _expectations(expect),
        tuple((formulas or {}).items()),
        budget=(max_params, max_macs),
    )


def check_spec(
    spec: str,
    inputs: Sequence[str] = (),
    *,
    expectations: Sequence[str] = (),
    formulas: Sequence[str] = (),
    max_params: int | None = None,
    max_macs: int | None = None,
    device: str = "auto",
    mode: Mode = "eval",
    dtype: str | None = None,
    weights: str | Path | None = None,
) -> CheckResult:
    """As :func:`check`, from the texts of a command line."""
    require(parse_device(device))
    expected = [read_expectation(text) for text in expectations]
    derived = [_formula_option(text) for text in formulas]
    prepared = prepare_texts(spec, inputs, real=needs_real(device), dtype=dtype, weights=weights)
    return _check(prepared, device, mode, expected, derived, budget=(max_params, max_macs))


def _formula_option(text: str) -> tuple[str, str]:
    kind, equals, expression = text.partition("=")
    if not equals or not expression.strip():
        raise UsageError(f'--formula {text}: give KIND=EXPRESSION, as in conv="(W - F + 2P)/S + 1"')
    return kind.strip(), expression


def _expectations(
    expect: Mapping[str, object] | str | os.PathLike[str] | None,
) -> list[Expectations]:
    if expect is None:
        return []
    if isinstance(expect, Mapping):
        return [Expectations({path: parse_pattern(shape) for path, shape in expect.items()})]
    return [read_expectation_file(Path(expect))]


def _check(
    prepared: Prepared,
    device: str,
    mode: Mode,
    expectations: Sequence[Expectations],
    formulas: Sequence[tuple[str, str]],
    *,
    budget: tuple[int | None, int | None],
) -> CheckResult:
    if formulas and prepared.inputs.has_letters:
        raise UsageError(
            "a hand-derived formula is tested on sizes that are numbers: give some, as in "
            "-i 1,1,28,28 (in general, `cnnshape formula conv EXPRESSION` tests it)"
        )
    report = inspect_prepared(prepared, device, mode)
    claims = [*runs(report), *sizes(report)]
    for expected in expectations:
        if expected.snapshot is not None:
            claims += compare_with_snapshot(report, snapshot_rows(expected.snapshot))
        claims += expected_shapes(report, expected.shapes)
    for kind, expression in formulas:
        claims += hand_formula(report, kind, expression)
    claims += budgets(report, *budget)
    # torchinfo takes no letters, and stops where a model raises.
    comparable = report.error is None and not prepared.inputs.has_letters
    opinion = torchinfo_opinion(prepared.subject, report) if comparable else None
    information = opinion.sentences if opinion else ()
    return CheckResult(tuple(claims), information, spec=prepared.spec, error=report.error)
