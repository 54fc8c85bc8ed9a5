"""``--nproc N``: torch's own launcher starts N processes of the same command.

As ``torchrun --standalone`` does, without restarts: the processes meet in a store of the
launcher, on a port that the system chooses. The first one's output is this command's output;
errors are handed over and told once, here. Across machines, and for restarts, use ``torchrun``.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnnshape.errors import CnnshapeError, UsageError
from cnnshape.words import counted

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig

_PARENT = "CNNSHAPE_PARENT"
"""Names the launching process to those that it starts."""


def launch(processes: int, arguments: Sequence[str], *, oversubscribe: bool = False) -> int:
    """Run ``python -m cnnshape`` with ``arguments`` in several processes.

    Ctrl-C or SIGTERM is passed on, and the processes save and stop; a second Ctrl-C makes them
    stop at once.

    Args:
        processes: how many; no more than there are cores, each of them takes one at least.
        arguments: of the command line.
        oversubscribe: allow more of them.

    Returns:
        The exit code: 0, 130 when it was interrupted, or that of a process that failed.

    Raises:
        UsageError: fewer than two processes are asked for, or more than there are cores; or
            what a process raised.
        CnnshapeError: what a process raised, or that one was killed.
    """
    if processes < 2:
        raise UsageError(f"--nproc {processes}: leave it out to train in one process")
    cores = os.cpu_count() or 1
    if processes > cores and not oversubscribe:
        raise UsageError(
            f"--nproc {processes}: this machine has {counted(cores, 'core')}, and more processes "
            "than that slow each other down; --oversubscribe starts them all the same"
        )
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import elastic_launch

    # The launcher fills in what looks like a variable of its own.
    command = ["-m", "cnnshape", *(argument.replace("$", "$$") for argument in arguments)]
    with tempfile.TemporaryDirectory(prefix="cnnshape-") as logs, _left_as_it_was():
        os.environ[_PARENT] = str(os.getpid())
        # Without this each process takes every core, and together they are slower than one.
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // processes)))
        try:
            elastic_launch(_standalone(processes, logs), sys.executable)(*command)
        except SignalException:
            return 130
        except ChildFailedError as error:
            return _verdict(error, Path(logs))
    return 0


def _standalone(processes: int, logs: str) -> LaunchConfig:
    """``torchrun --standalone``, with the output of all processes but the first in files."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
    from torch.distributed.launcher.api import LaunchConfig

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        # Also where the machine's own name leads nowhere.
        local_addr="127.0.0.1",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(logs, dict.fromkeys(range(1, processes), Std.ALL)),
    )
    # Others keep their meaning: a run under nohup outlives its terminal. Torch 2.6 has no choice.
    if hasattr(config, "signals_to_handle"):
        config.signals_to_handle = "SIGTERM,SIGINT"
    return config


@contextlib.contextmanager
def _left_as_it_was() -> Generator[None]:
    """Put back what the launcher changes in this process, and keep its log to itself."""
    environment, level = dict(os.environ), logging.root.manager.disable
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    logging.disable()
    try:
        yield
    finally:
        logging.disable(level)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.environ.clear()
        os.environ.update(environment)


def _verdict(error: ChildFailedError, logs: Path) -> int:
    """The exit code of the process that failed first, told in its own words."""
    rank, failure = error.get_first_failure()
    code = failure.exitcode
    if code < 0:
        raise CnnshapeError(
            f"process {rank} of this run was killed by signal {-code}; "
            "the run continues from its last checkpoint with --resume"
        )
    if Path(failure.error_file).is_file():
        raise (UsageError if code == UsageError.exit_code else CnnshapeError)(failure.message)
    for log in logs.glob(f"*/attempt_0/{rank}/stderr.log"):
        sys.stderr.write(log.read_text(encoding="utf-8", errors="replace"))
    return code


def as_worker(work: Callable[[], int]) -> int:
    """Do ``work``, its exit code; in a process that :func:`launch` started, as a part of that.

    Such a process ends when the launching one does, however that ends: it would otherwise go
    on training in a folder that somebody resumes. And it leaves its errors to be told there.
    """
    parent = os.environ.get(_PARENT)
    if parent is None:
        return work()
    threading.Thread(target=_end_with, args=(int(parent),), daemon=True).start()
    try:
        return work()
    except CnnshapeError as error:
        if "--debug" in sys.argv:
            traceback.print_exc()
        told = json.dumps({"message": str(error), "timestamp": int(time.time())})
        Path(os.environ["TORCHELASTIC_ERROR_FILE"]).write_text(told, encoding="utf-8")
        return error.exit_code


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
