"""The end of a run: the best weights on the test pictures, and what the folder still lacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import torch

from cnnshape.errors import RunFolderError
from cnnshape.files import write_atomic
from cnnshape.loading.run_folder import BEST, Run, load_weights, read_checkpoint
from cnnshape.training.evaluation import evaluate_batches
from cnnshape.training.output import RESULT
from cnnshape.training.report import write_pictures
from cnnshape.training.results import EpochRecord, Evaluation, RunResult
from cnnshape.training.session import Session, bundled
from cnnshape.training.state import TrainingState


def finish(session: Session, state: TrainingState, *, interrupted: bool) -> RunResult:
    """Measure the best weights on the test pictures and write what the folder still lacks."""
    test = None
    if not interrupted:
        best = session.processes.on_main(lambda: read_checkpoint(session.folder / BEST))
        model = bundled(session.config).load_class()(num_classes=len(session.data.splits.classes))
        load_weights(model, best.get("model"), session.folder / BEST)
        test = evaluate_batches(
            model.to(session.processes.device),
            session.test_batches,
            torch.arange(len(session.data.splits.test.labels)),
            session.prepare,
            session.processes,
            classes=session.data.splits.classes,
            worst=True,
        )
    result = result_of(session, state, test, interrupted=interrupted)
    if session.processes.main:
        draw(session, result)
        if test is not None:
            text = json.dumps(result.to_dict(), ensure_ascii=False) + "\n"
            write_atomic(session.folder / RESULT, text)
    return result


def result_of(
    session: Session,
    state: TrainingState,
    test: Evaluation | None = None,
    *,
    interrupted: bool = False,
) -> RunResult:
    """What has been reached so far."""
    return RunResult(
        folder=session.folder,
        history=tuple(state.history),
        best_epoch=state.best_epoch,
        test=test,
        interrupted=interrupted,
        stopped_early=state.stopped_early,
        seconds=round(state.seconds, 3),
    )


def draw(session: Session, result: RunResult) -> None:
    """The run's pictures."""
    write_pictures(result, session.data, title_of(session))


def title_of(session: Session) -> str:
    """What stands above the run's pictures."""
    return f"{bundled(session.config).name} on {session.config.data}"


def finished_result(run: Run) -> RunResult | None:
    """What a finished run's ``result.json`` tells."""
    file = run.folder / RESULT
    if not file.is_file():
        return None
    try:
        content = cast("Mapping[str, Any]", json.loads(file.read_text(encoding="utf-8")))
        return RunResult(
            folder=run.folder,
            history=tuple(EpochRecord.from_dict(record) for record in content["history"]),
            best_epoch=content["best_epoch"],
            test=Evaluation.from_dict(content["test"]),
            stopped_early=content["stopped_early"],
            seconds=content["seconds"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunFolderError(
            f"{file} is damaged; delete it, and `cnnshape train --resume {run.folder}` "
            "measures the best weights again"
        ) from error
