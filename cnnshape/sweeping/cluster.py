"""The same work on the workers of a Dask cluster: each starts a fresh process for a task, as here.

A worker that goes away has its task done by another one. A task that several workers have gone away
with is given up, and its row says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from cnnshape.errors import CnnshapeError, MissingDependencyError, UsageError
from cnnshape.sweeping.isolation import Limits, Lost, import_once, isolated

if TYPE_CHECKING:
    from distributed import Client

Task = TypeVar("Task")
Result = TypeVar("Result")

#: Seconds in which a scheduler has to answer.
_PATIENCE = 10
#: Those of Dask that have a level of their own.
_LOGGERS = ("distributed", "distributed.client")


class ClusterLostError(CnnshapeError):
    """The scheduler of a cluster does not answer any more."""


def on_cluster(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    limits: Limits,
    address: str,
    modules: Sequence[str] = (),
    libraries: Sequence[str] = (),
) -> Iterator[tuple[Task, Result | Lost]]:
    """Each task with its outcome as they end, on whichever worker that is.

    The workers need cnnshape and the packages of the models, and see the same files.

    Args:
        function: as for :func:`~cnnshape.sweeping.isolation.isolated`.
        tasks: what it is called with.
        limits: of each task.
        address: of the scheduler, ``tcp://host:8786``.
        modules: what every process needs, as for
            :func:`~cnnshape.sweeping.isolation.import_once`.
        libraries: likewise.

    Raises:
        MissingDependencyError: Dask is not installed.
        UsageError: there is no scheduler at the address.
        ClusterLostError: it went away.
    """
    call = partial(_in_worker, function, limits, (tuple(modules), tuple(libraries)))
    with _quiet():
        client = _connected(address)
        try:
            futures: dict[Any, Task] = {
                client.submit(call, task, pure=False): task for task in tasks
            }
            for future in _as_completed(client, list(futures)):
                if future.cancelled():
                    raise ClusterLostError(
                        f"the scheduler at {address} does not answer any more: "
                        f"{len(futures)} of {len(tasks)} models have no row yet"
                    )
                yield futures.pop(future), _outcome(future)
                future.release()
        finally:
            client.close(timeout=1)


def _in_worker(
    function: Callable[[Task], Result],
    limits: Limits,
    imports: tuple[Sequence[str], Sequence[str]],
    task: Task,
) -> Result | Lost:
    import_once(*imports)
    return isolated(function, task, limits)


def _outcome(future: Any) -> Any:
    """The result, or why the cluster has none."""
    error = future.exception()
    if error is None:
        return future.result()
    if type(error).__name__ == "KilledWorker":
        return Lost("killed", "several workers of the cluster ended while they had this model")
    return Lost("failed", f"{type(error).__name__}: {error}")


def _connected(address: str) -> Client:
    from distributed import Client

    try:
        return Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(
            f"no scheduler answers at {address!r}: give the address that `dask scheduler` prints, "
            "as in tcp://host:8786"
        ) from error


def _as_completed(client: Client, futures: list[Any]) -> Iterator[Any]:
    from distributed import as_completed

    return iter(as_completed(futures, loop=client.loop))


@contextmanager
def _quiet() -> Generator[None]:
    """Dask tells of every attempt to reach a scheduler; one sentence at the end is enough.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import_module("distributed")  # which gives its loggers their levels
    except ImportError as error:
        raise MissingDependencyError(
            'a scheduler is one of Dask, which is not installed: pip install "cnnshape[cluster]"'
        ) from error
    before = {log: log.level for log in map(logging.getLogger, _LOGGERS)}
    try:
        for log in before:
            log.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for log, level in before.items():
            log.setLevel(level)
