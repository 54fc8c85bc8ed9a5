"""From settings, or an interrupted run, to a finished run folder."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch

from cnnshape.errors import CnnshapeError, DataError, RunFolderError, TrainingDivergedError
from cnnshape.files import write_atomic
from cnnshape.loading.network import build_network, written
from cnnshape.loading.run_folder import (
    BEST,
    CONFIG,
    LAST,
    RESULT,
    Run,
    build_model,
    check_trust,
    load_state,
    read_checkpoint,
    read_run,
)
from cnnshape.loading.spec import parse_spec
from cnnshape.loading.user_code import find_file
from cnnshape.training.batches import at_once
from cnnshape.training.checkpoint import TrainingState, holds_epoch, repair
from cnnshape.training.config import TrainingConfig
from cnnshape.training.devices import describe_device
from cnnshape.training.distributed import Processes, joined
from cnnshape.training.evaluation import Evaluator
from cnnshape.training.loop import listening, train_epochs
from cnnshape.training.observer import Observer, Observers, RunStart
from cnnshape.training.plotting import have_matplotlib
from cnnshape.training.results import EpochRecord, Evaluation, RunResult
from cnnshape.training.run_figures import CurveKeeper, write_pictures
from cnnshape.training.run_folder import (
    claim_folder,
    config_document,
    earlier_attempt,
    locked,
    model_name,
    short_name,
    write_config,
)
from cnnshape.training.sampling import epoch_batches
from cnnshape.training.session import (
    Data,
    Session,
    check_batches,
    load_session_data,
    prepare_session,
)


def train(
    config: TrainingConfig, *, output: str | None = None, observer: Observer | None = None
) -> RunResult:
    """Train a network from nothing and write a run folder.

    The caller's random state is left as it was. Under ``torchrun`` every process calls
    this with the same arguments, and the first one writes.

    Args:
        config: what is trained, on what, and how; see :func:`configure`.
        output: the run folder; the next free ``runs/MODEL-DATA`` without one.
        observer: hears what happens.

    Raises:
        CnnshapeError: a subclass says what is wrong: with the data, the device, the
            folder, or that the loss has diverged.
    """
    observer = observer or Observer()
    with joined(config.device) as processes:
        data = _load_data(config, processes, observer)
        config = config.replace(model=_absolute(config.model))
        folder, begun = processes.on_main(lambda: _new_folder(output, config, data, processes))
        return _run(config, data, folder, processes, observer, resumed=begun)


def resume(
    folder: str | Path,
    *,
    device: str | None = None,
    observer: Observer | None = None,
    trust_code: bool = False,
) -> RunResult:
    """Go on with an interrupted run, exactly as if it had never been interrupted.

    A finished run is left unchanged, unless its ``best.pt`` is gone or damaged: then the last
    epoch takes the place of the best. Another device, or another number of processes,
    changes the result only by floating-point rounding.

    Args:
        folder: the run folder.
        device: another device.
        observer: hears what happens.
        trust_code: run the code that the folder names, where it names any.

    Raises:
        RunFolderError: the folder is no run, is damaged, is being trained in, or names code
            that is not trusted.
        DataError: the data have changed since the run began.
    """
    run = read_run(folder)
    check_trust(run, trust_code=trust_code)
    finished = _finished(run)
    best = run.folder / BEST
    if finished is not None:
        model = build_model(run, trust_code=trust_code)
        if holds_epoch(best, model, finished.best_epoch):
            return finished
    _refuse_links(run.folder)
    try:
        config = TrainingConfig.from_dict(run.settings)
    except CnnshapeError as error:
        raise RunFolderError(f"{run.folder} cannot be continued: {error}") from error
    if model_name(config) != run.model:
        raise RunFolderError(
            f"{run.folder / CONFIG} names two networks, {run.model!r} and {config.model!r}"
        )
    if device is not None:
        config = config.replace(device=device)
    config = config.replace(input=",".join(map(str, (1, *run.input_shape))))
    observer = observer or Observer()
    with joined(config.device) as processes:
        data = _load_data(config, processes, observer)
        if data.splits.fingerprint() != run.data.get("fingerprint"):
            raise DataError(
                f"the pictures of {config.data} are not those that {run.folder} began with, "
                "so going on would not be the same run: restore them, or train anew"
            )
        with _threads(run, processes):
            return _run(config, data, run.folder, processes, observer, resumed=True)


def _absolute(model: str) -> str:
    """The MODEL as it can be found from any folder."""
    spec = parse_spec(model)
    if spec.kind != "file":
        return model
    return written(replace(spec, source=str(find_file(spec.source))))


def _refuse_links(folder: Path) -> None:
    """A folder from somebody else may hold a link to any file, which would be written over."""
    for file in sorted(folder.iterdir()):
        if file.is_symlink():
            raise RunFolderError(
                f"{file} is a link, and going on would write to where it leads: "
                "put a file of its own there"
            )


@contextlib.contextmanager
def _threads(run: Run, processes: Processes) -> Generator[None]:
    """As many threads as the run began with: how sums are split among them rounds them."""
    wanted = run.environment.get("threads")
    alone = processes.world == 1 and processes.device.type == "cpu"
    before = torch.get_num_threads()
    if not alone or type(wanted) is not int or not 0 < wanted <= 1024:
        yield
        return
    torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _load_data(config: TrainingConfig, processes: Processes, observer: Observer) -> Data:
    """Load the data; the main process first, so that only one downloads.

    What goes wrong there goes wrong for all, in the same words.
    """
    loaded: list[Data] = []
    processes.on_main(lambda: loaded.append(load_session_data(config, observer.note)))
    data = loaded[0] if loaded else load_session_data(config)
    check_batches(config, data, processes)
    return data


def _new_folder(
    output: str | None, config: TrainingConfig, data: Data, processes: Processes
) -> tuple[Path, bool]:
    """The folder, and whether an earlier attempt had begun it."""
    if processes.restarted:
        earlier = earlier_attempt(output, config)
        if earlier is not None:
            return earlier, True
    folder = claim_folder(output, config)
    write_config(folder, config_document(config, data, processes))
    return folder, False


def _run(
    config: TrainingConfig,
    data: Data,
    folder: Path,
    processes: Processes,
    observer: Observer,
    *,
    resumed: bool,
) -> RunResult:
    devices = [processes.device] if processes.device.type == "cuda" else []
    with contextlib.ExitStack() as stack:
        processes.on_main(lambda: stack.enter_context(locked(folder)))
        stack.enter_context(torch.random.fork_rng(devices=devices))
        stop = stack.enter_context(listening())
        session, state = prepare_session(config, data, folder, processes)
        if resumed:
            _restore(session, state, observer)
        if processes.main:
            observer = Observers([observer, CurveKeeper(_title(session))])
        observer.started(_start(session, state))
        if processes.main and not have_matplotlib():
            observer.note('no curves are drawn without matplotlib: pip install "cnnshape[train]"')
        try:
            interrupted = train_epochs(session, state, observer, stop)
        except TrainingDivergedError:
            if processes.main:
                _draw(session, _result(session, state))
            raise
        result = _finish(session, state, interrupted=interrupted)
    observer.ended(result)
    return result


def _restore(session: Session, state: TrainingState, observer: Observer) -> None:
    """Take up ``last.pt``; without one the run begins again, which is the same run."""
    last, processes = session.folder / LAST, session.processes
    checkpoint = processes.on_main(lambda: read_checkpoint(last) if last.is_file() else None)
    if checkpoint is None:
        return
    load_state(state.model, checkpoint.get("model"), last)
    state.restore(checkpoint, str(last))
    lost = processes.on_main(lambda: repair(session.folder, state))
    if lost and processes.main:
        observer.note(lost)
    state.best_epoch = processes.from_main(state.best_epoch)


def _start(session: Session, state: TrainingState) -> RunStart:
    data, config = session.data, session.config
    return RunStart(
        folder=session.folder,
        config=config,
        model=state.model,
        input_shape=data.fit.shape,
        classes=data.splits.classes,
        train=len(data.train),
        validation=len(data.validation),
        test=len(data.splits.test.labels),
        batches=len(epoch_batches(data.train, config.batch_size, config.seed, 1, session.least)),
        device=describe_device(session.processes.device),
        processes=session.processes.world,
        data_note="; ".join(part for part in (data.splits.note, session.where) if part),
        history=tuple(state.history),
        best_epoch=state.best_epoch,
    )


def _finish(session: Session, state: TrainingState, *, interrupted: bool) -> RunResult:
    """Measure the best weights on the test pictures and write what the folder still lacks."""
    test = None
    if not interrupted:
        processes, splits = session.processes, session.data.splits
        best = processes.on_main(lambda: read_checkpoint(session.folder / BEST))
        spec, shape = parse_spec(session.config.model), session.data.fit.shape
        model = build_network(spec, len(splits.classes), shape)
        load_state(model, best.get("model"), session.folder / BEST)
        measure = Evaluator(session.prepare, processes, splits.classes, at_once=at_once(shape))
        every = torch.arange(len(splits.test.labels))
        test = measure(model.to(processes.device), session.test_batches, every, worst=True)
    result = _result(session, state, test, interrupted=interrupted)
    if session.processes.main:
        _draw(session, result)
        if test is not None:
            text = json.dumps(result.to_dict(), ensure_ascii=False) + "\n"
            write_atomic(session.folder / RESULT, text)
    return result


def _result(
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


def _draw(session: Session, result: RunResult) -> None:
    """The run's pictures."""
    write_pictures(result, session.data, _title(session))


def _title(session: Session) -> str:
    """What stands above the run's pictures."""
    return f"{short_name(session.config)} on {session.config.data}"


def _finished(run: Run) -> RunResult | None:
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
