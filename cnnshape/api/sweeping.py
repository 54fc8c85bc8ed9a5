"""``cnnshape.sweep``: many models, each inspected in a process of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnshape.errors import CnnshapeError, MissingInputError, UsageError
from cnnshape.loading.inputs import from_texts
from cnnshape.loading.run_options import Mode, run_options
from cnnshape.messages import say
from cnnshape.rendering.escape import visible
from cnnshape.sweeping.comparison import changes
from cnnshape.sweeping.isolation import Lost, import_once, isolated_each
from cnnshape.sweeping.limits import Room, parse_memory, room
from cnnshape.sweeping.packages import package_of, with_version
from cnnshape.sweeping.result import Sweep
from cnnshape.sweeping.results import RowFile, read_rows, replace_rows
from cnnshape.sweeping.row import Row, key_of
from cnnshape.sweeping.subjects import Asked, Subject, asked_for, parse_shard, part, subjects_of

if TYPE_CHECKING:
    from cnnshape.analysis.report import Report

TIME_LIMIT = 300.0
#: Characters of a cause that are kept.
_CAUSE = 500
#: What every process needs.
_MODULES = ("torch", "cnnshape.api.inspecting")
#: What the models of a catalog need, by how they begin.
_LIBRARIES = {
    "torchvision:": "torchvision.models",
    "timm:": "timm",
    "hf:": "transformers.modeling_utils",
}


def sweep(
    models: str | Iterable[str] = (),
    inputs: str | Sequence[str] = (),
    *,
    mode: Mode = "eval",
    device: str = "auto",
    output: str | os.PathLike[str] | None = None,
    retry: bool = False,
    compare: str | os.PathLike[str] | None = None,
    shard: str | None = None,
    time_limit: float | None = TIME_LIMIT,
    memory_limit: str | int | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
    on_row: Callable[[Row], object] | None = None,
) -> Sweep:
    """Inspect many models, each in a process of its own that may take so much and no more.

    A model that fails, takes too long, takes too much memory or ends its process has a row that
    says so, and the others go on. With ``output`` every row is kept at once; the same call goes on
    where an earlier one was ended.

    Args:
        models: MODEL arguments as texts, in which ``*`` and ``?`` may stand, as in ``"timm:*"``,
            ``"torchvision:resnet*"``, ``"net.py:*"``, ``"hf:models/*"``; ``"@models.txt"`` for a
            list with one on each line, an input behind it. None: those of ``compare``.
        inputs: shapes as texts, ``"1,3,224,224"``, for models without an input of their own; else
            what each is usually run on.
        mode: ``eval`` or ``train``.
        device: as for :func:`cnnshape.inspect`.
        output: a ``.csv`` or ``.jsonl`` file. Models whose rows stand there already are not looked
            at again.
        retry: look again at those that failed.
        compare: a file of an earlier day; ``.changes`` says what is different.
        shard: ``"2/8"`` for the second of eight parts of the models.
        time_limit: seconds for each model; None for no limit.
        memory_limit: for each model, ``"4GB"`` or bytes, with the 0.3 GB of torch; by default an
            equal share of this machine's memory.
        jobs: how many at once; one on each core by default, and never more, nor more than there is
            memory for.
        scheduler: the address of a Dask scheduler, whose workers then do the work.
        on_row: called with every new row.

    Returns:
        The rows; ``.failed`` are those without a result.

    Raises:
        UsageError: a pattern fits nothing, a file cannot be used, a number makes no sense.

    >>> import cnnshape
    >>> found = cnnshape.sweep(["lenet", "mlp"], jobs=1)
    >>> sorted((row.model, row.params, row.macs) for row in found.rows)
    [('lenet', 61706, 416520), ('mlp', 669706, 668672)]
    """
    plan = planned(
        [models] if isinstance(models, str) else models,
        [inputs] if isinstance(inputs, str) else inputs,
        mode=mode,
        device=device,
        output=output,
        retry=retry,
        compare=compare,
        shard=shard,
        time_limit=time_limit,
        memory_limit=memory_limit,
        jobs=jobs,
        scheduler=scheduler,
    )
    rows: list[Row] = []
    for row in carried_out(plan):
        rows.append(row)
        if on_row is not None:
            on_row(row)
    return plan.result(rows)


# ---- the plan -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """A sweep that can begin.

    Attributes:
        todo: the models that have no row yet.
        kept: the rows that stand in the file already.
        earlier: the rows of an earlier day that they are compared with.
        room: how many at once, and what each may take.
        device, output, scheduler: as for :func:`sweep`.
        libraries: what the models need, as far as it can be imported.
    """

    todo: tuple[Subject, ...]
    kept: tuple[Row, ...]
    earlier: tuple[Row, ...] | None
    room: Room
    device: str
    output: str | os.PathLike[str] | None
    scheduler: str | None
    libraries: tuple[str, ...]

    def result(self, rows: Sequence[Row]) -> Sweep:
        """What was found, once these rows are there."""
        every = (*self.kept, *rows)
        missing = len(self.todo) - len(rows)
        if self.earlier is None:
            return Sweep(every, missing=missing)
        keys = {key_of(subject) for subject in self.todo} - {row.key for row in rows}
        earlier = [row for row in self.earlier if row.key not in keys]  # not looked at yet
        return Sweep(every, changes(earlier, every), missing)


def planned(
    models: Iterable[str],
    inputs: Sequence[str] = (),
    *,
    mode: Mode = "eval",
    device: str = "auto",
    output: str | os.PathLike[str] | None = None,
    retry: bool = False,
    compare: str | os.PathLike[str] | None = None,
    shard: str | None = None,
    time_limit: float | None = TIME_LIMIT,
    memory_limit: str | int | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
) -> Plan:
    """Everything that can be wrong with a sweep is found out here; arguments as for :func:`sweep`.

    Raises:
        UsageError: something is.
    """
    run_options(device=device, mode=mode)
    if isinstance(memory_limit, str):
        memory_limit = parse_memory(memory_limit)
    place = room(jobs, time_limit, memory_limit)
    if scheduler is not None:
        if jobs is not None:
            raise UsageError(
                say("jobs is for this machine: a cluster has as many as it has threads")
            )
        limits = replace(place.limits, memory=memory_limit)
        place = Room(1, limits)
    which = parse_shard(shard) if shard is not None else None
    asked = asked_for(models)
    earlier = None if compare is None else _earlier(compare, output, which)
    if not asked and earlier is None:
        raise UsageError(
            say('no model is named: give patterns such as "timm:resnet*" or files, or @models.txt')
        )
    named = [each.pattern for each in asked] or [row.model for row in earlier or ()]
    libraries = tuple(_libraries(named))
    import_once(_MODULES, libraries)
    subjects = subjects_of(asked, inputs, mode) if asked else [row.subject for row in earlier or ()]
    if which is not None:
        subjects = part(subjects, which)
    kept = [] if output is None else _kept(output, subjects, retry=retry)
    done = {row.key for row in kept}
    return Plan(
        tuple(subject for subject in subjects if key_of(subject) not in done),
        tuple(kept),
        None if earlier is None else tuple(_comparable(earlier, asked, mode)),
        place,
        device,
        output,
        scheduler,
        libraries,
    )


def _earlier(
    compare: str | os.PathLike[str],
    output: str | os.PathLike[str] | None,
    shard: tuple[int, int] | None,
) -> list[Row]:
    if shard is not None:
        raise UsageError(
            say("a part of the models cannot be compared with all: leave the shard out")
        )
    path = Path(compare)
    if not path.is_file():
        raise UsageError(say("cannot read {file}: there is no such file", file=path))
    if output is not None and path.resolve() == Path(output).resolve():
        raise UsageError(
            say("{file} would be compared with itself: write the rows to another file", file=path)
        )
    rows = read_rows(path)
    if not rows:
        raise UsageError(say("{file} has no row to compare with", file=path))
    return rows


def _comparable(earlier: Iterable[Row], asked: Sequence[Asked], mode: Mode) -> Iterator[Row]:
    """The earlier rows that stand for what was asked for today."""
    for row in earlier:
        if not asked or (row.mode == mode and any(each.fits(row.model) for each in asked)):
            yield row


def _kept(path: str | os.PathLike[str], subjects: Sequence[Subject], *, retry: bool) -> list[Row]:
    """The rows of these models that stand in the file; whether it can be written is seen here."""
    every = read_rows(path)
    RowFile(path)  # behind the reading: it takes off half a line
    wanted = set(map(key_of, subjects))
    again = {row.key for row in every if retry and row.status != "ok" and row.key in wanted}
    if again:
        replace_rows(path, [row for row in every if row.key not in again])
    return list({row.key: row for row in every if row.key in wanted - again}.values())


# ---- carrying it out ----------------------------------------------------------------------


def carried_out(plan: Plan) -> Generator[Row]:
    """The rows as they come; each stands in the file by then.

    Raises:
        OutputError: the file can no longer be written.
        CnnshapeError: the scheduler cannot be reached any more.
    """
    file = None if plan.output is None else RowFile(plan.output)
    look = partial(inspected, device=plan.device)
    for subject, found in _outcomes(plan, look):
        row = _lost(subject, found) if isinstance(found, Lost) else found
        if file is not None:
            file.add(row)
        yield row


def _outcomes(plan: Plan, look: Callable[[Subject], Row]) -> Iterator[tuple[Subject, Row | Lost]]:
    if plan.scheduler is not None:
        from cnnshape.sweeping.cluster import on_cluster

        return on_cluster(
            look, plan.todo, plan.room.limits, plan.scheduler, _MODULES, plan.libraries
        )
    return isolated_each(look, plan.todo, plan.room.limits, plan.room.jobs)


def _libraries(models: Sequence[str]) -> Iterator[str]:
    """The packages that models need."""
    for prefix, name in _LIBRARIES.items():
        if any(model.startswith(prefix) for model in models):
            yield name


def inspected(subject: Subject, device: str = "auto") -> Row:
    """Look at one model; whatever is wrong with it stands in the row."""
    import torch

    torch.set_num_threads(1)  # as many processes as there are cores
    start = time.perf_counter()
    row = _begun(subject)
    module = None
    try:
        from cnnshape.api.inspecting import report_of
        from cnnshape.loading.prepare import prepare

        options = run_options(device=device, mode=subject.mode)
        prepared = prepare(subject.model, from_texts(subject.inputs), options)
        module = prepared.module
        if not subject.inputs:
            row = replace(row, input=tuple(visible(str(spec)) for spec in prepared.inputs.specs))
        row = _with_report(row, report_of(prepared, suggest=False))
    except MissingInputError as error:
        row = replace(row, status="no_input", error=_cause(str(error)))
    except CnnshapeError as error:
        row = replace(row, status="failed", error=_cause(str(error)))
    except Exception as error:  # noqa: BLE001 - the row says what
        row = replace(row, status="failed", error=_cause(f"{type(error).__name__}: {error}"))
    seconds = round(time.perf_counter() - start, 2)
    return replace(row, seconds=seconds, package=visible(package_of(subject.model, module)))


def _begun(subject: Subject) -> Row:
    model, inputs, _ = key_of(subject)
    today = datetime.now(tz=timezone.utc).date().isoformat()
    torch = with_version("torch").partition(" ")[2]
    return Row(model, inputs, not inputs, subject.mode, torch=torch, date=today)


def _with_report(row: Row, report: Report) -> Row:
    totals, error = report.totals, report.error
    measured: dict[str, Any] = {
        "params": totals.params,
        "trainable_params": totals.trainable_params,
        "macs": totals.macs,
        "output": tuple(
            tuple(size if isinstance(size, int) else size.replace(" ", "") for size in each.shape)
            for each in report.outputs
        ),
        "match": totals.match,
        "mismatch": totals.mismatch,
        "uncovered": totals.uncovered,
    }
    if error is not None:
        place = f"{error.path} ({error.type})" if error.path else error.type
        why = error.diagnosis or f"{place}: {error.exception}: {error.message}"
        measured |= {"status": "failed", "error": _cause(why)}
        measured |= {"macs": None, "output": ()}  # of a part of the model
    return replace(row, device=report.device, **measured)


def _lost(subject: Subject, lost: Lost) -> Row:
    row = _begun(subject)
    package = visible(package_of(subject.model))
    return replace(row, status=lost.status, error=_cause(lost.cause), package=package)


def _cause(text: str) -> str:
    words = visible(" ".join(text.split()))
    return words if len(words) <= _CAUSE else f"{words[:_CAUSE]}…"
