"""``cnnshape.check``: hold a model to claims."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from cnnshape.analysis.causes import with_causes
from cnnshape.analysis.claims import CheckResult, Claim, budgets, runs, sizes
from cnnshape.analysis.expect import expected_shapes
from cnnshape.analysis.hand_formula import hand_formula
from cnnshape.analysis.report import Report
from cnnshape.analysis.snapshot import compare_with_snapshot, snapshot_rows
from cnnshape.api.inspecting import report_of
from cnnshape.errors import UsageError
from cnnshape.experiments.torchinfo_check import compared_with_torchinfo
from cnnshape.loading.expectations import Expectations, parse_pattern, read_expectation_file
from cnnshape.loading.prepare import Prepared, prepare
from cnnshape.loading.run_options import Mode, run_options
from cnnshape.messages import say

#: Shapes by path; or a file of them, or of an earlier report; or what was read from one.
Expect = Mapping[str, object] | str | os.PathLike[str] | Expectations


def check(
    model: nn.Module | str,
    inputs: object = None,
    *,
    args: tuple[Any, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    expect: Expect | Sequence[Expect] | None = None,
    formulas: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
    max_params: int | None = None,
    max_macs: int | None = None,
    device: str = "auto",
    mode: Mode = "eval",
    dtype: str | None = None,
    weights: str | Path | None = None,
    trust_pickle: bool = False,
    exact: bool = False,
    annotations: bool = False,
) -> CheckResult:
    """Hold a model to its size formulas, expected shapes, hand-derived formulas and budgets.

    Args:
        model: as for :func:`cnnshape.inspect`.
        inputs: as for :func:`cnnshape.inspect`.
        args: as for :func:`cnnshape.inspect`.
        kwargs: as for :func:`cnnshape.inspect`.
        expect: shapes by path, ``None`` or ``"*"`` for any size, texts such as ``"H//2 - 4"``
            where the input has letters; or a file of them; or the JSON report of an earlier day;
            or several of these.
        formulas: a size formula by kind of layer, tested on every layer of that kind; pairs
            where one kind has several.
        max_params: the most parameters that are allowed.
        max_macs: the most multiply-accumulates that are allowed.
        device: as for :func:`cnnshape.inspect`.
        mode: as for :func:`cnnshape.inspect`.
        dtype: as for :func:`cnnshape.inspect`.
        weights: as for :func:`cnnshape.inspect`.
        trust_pickle: unpickle a file given as model, which runs whatever it says.
        exact: as for :func:`cnnshape.inspect`.
        annotations: hold jaxtyping's annotations in the model's own source, such as
            ``x: Float[Tensor, "n 6 h w"]``, against the pass.

    Returns:
        Every claim with both sides; ``.ok`` is true if all hold.

    >>> import cnnshape
    >>> result = cnnshape.check("lenet", expect={"C1": (1, 6, 28, 28)}, max_params=60_000)
    >>> [claim.what for claim in result.claims if not claim.ok]
    ['max-params']
    >>> print(cnnshape.check("lenet", max_params=60_000))  # doctest: +ELLIPSIS
    FAIL  max-params  model  61,706, more than 60,000
    ok    size        C1     1×6×28×28                  ⌊(28 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1 = 28
    ...
    7 ok, 1 failed
    """
    options = run_options(
        device=device,
        mode=mode,
        dtype=dtype,
        weights=weights,
        trust_pickle=trust_pickle,
        exact=exact,
    )
    for name, limit in (("max_params", max_params), ("max_macs", max_macs)):
        if limit is not None and not isinstance(limit, int):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(say("{name} is a whole number, not {given!r}", name=name, given=limit))
    expected = list(_expectations(expect))
    prepared = prepare(model, inputs, options, args=args, kwargs=kwargs)
    report = report_of(prepared)
    claims = [*runs(report), *sizes(report), *_as_expected(report, expected)]
    pairs = formulas.items() if isinstance(formulas, Mapping) else formulas or ()
    for kind, expression in pairs:
        claims += hand_formula(report, kind, expression)
    claims += budgets(report, max_params, max_macs)
    claims += _as_annotated(prepared, report) if annotations else []
    # torchinfo takes no letters, and stops where a model raises.
    comparable = report.error is None and not prepared.inputs.has_letters
    information = compared_with_torchinfo(prepared, report) if comparable else ()
    from cnnshape.rendering.summary import not_run

    information = (*filter(None, (not_run(report),)), *information)
    return CheckResult(
        with_causes(report, claims), information, spec=prepared.spec, error=report.error
    )


def _as_annotated(prepared: Prepared, report: Report) -> list[Claim]:
    from cnnshape.analysis.annotate import annotated
    from cnnshape.analysis.written_types import annotation_claims
    from cnnshape.experiments.line_pass import visited_lines
    from cnnshape.files import python_text

    found = annotated(report, visited_lines(prepared, report))
    files = {function.file for function in found.functions}
    texts = {file: (python_text(file) or "").removeprefix("\ufeff") for file in files}
    return annotation_claims(found, texts)


def _expectations(expect: Expect | Sequence[Expect] | None) -> Iterator[Expectations]:
    if isinstance(expect, Expectations):
        yield expect
    elif isinstance(expect, Mapping):
        yield Expectations({path: parse_pattern(shape) for path, shape in expect.items()})
    elif isinstance(expect, str | os.PathLike):
        yield read_expectation_file(Path(expect))
    else:
        for each in expect or ():
            yield from _expectations(each)


def _as_expected(report: Report, expectations: Iterable[Expectations]) -> Iterator[Claim]:
    for expected in expectations:
        if expected.snapshot is not None:
            yield from compare_with_snapshot(report, snapshot_rows(expected.snapshot))
        yield from expected_shapes(report, expected.shapes)
