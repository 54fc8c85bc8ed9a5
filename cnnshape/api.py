"""The public functions: what ``import cnnshape`` offers and what the commands call."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

from torch import nn

from cnnshape.analysis.build import build_report
from cnnshape.analysis.claims import CheckResult, budgets, runs, sizes
from cnnshape.analysis.expect import expected_shapes
from cnnshape.analysis.hand_formula import hand_formula
from cnnshape.analysis.report import ReportData
from cnnshape.analysis.snapshot import compare_with_snapshot, snapshot_rows
from cnnshape.errors import UsageError
from cnnshape.experiments.forward import run
from cnnshape.experiments.second_opinion import torchinfo_opinion
from cnnshape.experiments.subject import Prepared, prepare, prepare_texts
from cnnshape.loading.device import parse_device, require
from cnnshape.loading.expectations import (
    Expectations,
    parse_pattern,
    read_expectation,
    read_expectation_file,
)

Mode = Literal["eval", "train"]


class Report(ReportData):
    """A report that shows itself: ``print(report)``, Rich, Jupyter, ``report.save("net.json")``.

    The data are those of :class:`~cnnshape.analysis.report.ReportData`; see there for the
    attributes.
    """

    @classmethod
    def of(cls, data: ReportData) -> Report:
        """The same data as a report that shows itself."""
        return cls(**{field.name: getattr(data, field.name) for field in fields(data)})

    def __str__(self) -> str:
        """The table as plain text, as wide as the terminal."""
        from cnnshape.rendering.text import terminal_width, to_text

        return to_text(self, width=terminal_width())

    def __rich__(self) -> Any:
        """The table for Rich to draw."""
        from cnnshape.rendering.table import render_table

        return render_table(self)

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        """The table for Jupyter: HTML with a plain-text fallback."""
        from cnnshape.rendering.text import to_html, to_text

        return {"text/plain": to_text(self), "text/html": to_html(self)}

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> Path:
        """Write the report; the format comes from the suffix unless ``format`` names it.

        Raises:
            OutputError: the suffix is not known, or the file cannot be written.
        """
        from cnnshape.rendering.formats import write_report

        return write_report(self, path, format=format)


def inspect(
    model: nn.Module | str,
    inputs: object = None,
    *,
    device: str = "auto",
    mode: Mode = "eval",
    dtype: str | None = None,
    weights: str | Path | None = None,
) -> Report:
    """Every layer's shape, parameters, cost and size check, from one forward pass.

    Args:
        model: an ``nn.Module``, or a MODEL argument of the command line such as ``"lenet"``.
        inputs: a shape, a tensor, a tuple of these for several inputs, a dict of them for
            keyword inputs; None for the usual input of a named model.
        device: ``auto``, ``cpu``, ``meta``, ``cuda``, ``cuda:1``, ``mps``.
        mode: ``eval`` or ``train``. The model's own flags are as before afterwards.
        dtype: the floating dtype to run in; the model's own if None.
        weights: a state dict file, for a model given by name.

    Returns:
        The report. If the model raised, ``report.error`` says where and the rows end there.

    Raises:
        UsageError: the model, the inputs or the device cannot be used.

    >>> import cnnshape
    >>> report = cnnshape.inspect("lenet")
    >>> report.totals.params, report.totals.macs
    (61706, 416520)
    >>> report.layer("S2").output_shapes
    ((1, 16, 5, 5),)
    """
    require(parse_device(device))
    prepared = prepare(model, inputs, real=_needs_real(device), dtype=dtype, weights=weights)
    return _inspect(prepared, device, mode)


def inspect_spec(
    spec: str,
    inputs: Sequence[str] = (),
    *,
    device: str = "auto",
    mode: Mode = "eval",
    dtype: str | None = None,
    weights: str | Path | None = None,
) -> Report:
    """As :func:`inspect`, from the texts of a command line: MODEL and ``--input``."""
    require(parse_device(device))
    prepared = prepare_texts(spec, inputs, real=_needs_real(device), dtype=dtype, weights=weights)
    return _inspect(prepared, device, mode)


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
        expect: shapes by path, ``None`` or ``"*"`` for any size; or a file of them; or the
            JSON report of an earlier day.
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
    """
    require(parse_device(device))
    prepared = prepare(model, inputs, real=_needs_real(device), dtype=dtype, weights=weights)
    return _check(
        prepared,
        device,
        mode,
        _expectations(expect),
        formulas or {},
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
    derived = dict(map(_formula_option, formulas))
    prepared = prepare_texts(spec, inputs, real=_needs_real(device), dtype=dtype, weights=weights)
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
    formulas: Mapping[str, str],
    *,
    budget: tuple[int | None, int | None],
) -> CheckResult:
    report = _inspect(prepared, device, mode)
    claims = [*runs(report), *sizes(report)]
    for expected in expectations:
        if expected.snapshot is not None:
            claims += compare_with_snapshot(report, snapshot_rows(expected.snapshot))
        claims += expected_shapes(report, expected.shapes)
    for kind, expression in formulas.items():
        claims += hand_formula(report, kind, expression)
    claims += budgets(report, *budget)
    opinion = torchinfo_opinion(prepared.subject, report) if report.error is None else None
    return CheckResult(tuple(claims), opinion.sentences if opinion else (), spec=prepared.spec)


def _needs_real(device: str) -> bool:
    """A device that was named holds the whole model, however large."""
    return device not in ("auto", "meta")


def _inspect(prepared: Prepared, device: str, mode: Mode) -> Report:
    if prepared.inputs.has_letters:
        return _inspect_letters(prepared, device, mode)
    recorded = run(prepared.subject, device=device, mode=mode)
    report = build_report(
        recorded.trace,
        spec=prepared.spec,
        exception=recorded.exception,
        notes=prepared.notes,
    )
    if report.error is not None:
        from cnnshape.experiments.try_fix import with_tried_suggestions

        report = with_tried_suggestions(report, prepared.subject)
    return Report.of(report)


def _inspect_letters(prepared: Prepared, device: str, mode: Mode) -> Report:
    """Sizes as expressions; they are worked out on meta, whatever the machine has."""
    if device not in ("auto", "meta"):
        raise UsageError(
            f"letters in the input are worked out without a device: leave --device {device} out, "
            "or give numbers"
        )
    from cnnshape.experiments.symbolic.report import symbolic_report

    return Report.of(symbolic_report(prepared, mode))
