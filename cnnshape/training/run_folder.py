"""Where a run is written: its folder, and the ``config.json`` in it."""

from __future__ import annotations

import contextlib
import errno
import json
import platform
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from cnnshape._version import __version__
from cnnshape.errors import OutputError, RunFolderError
from cnnshape.files import write_atomic
from cnnshape.loading.run_folder import CONFIG, FORMAT, RESULT, read_run
from cnnshape.loading.spec import parse_spec
from cnnshape.training.config import TrainingConfig
from cnnshape.training.devices import describe_device
from cnnshape.training.distributed import Processes
from cnnshape.training.session import Data

LOCK = ".lock"
"""The file that is locked; it stays, empty."""

# A network file system without locks: two writers cannot be told apart there, and refusing
# to train at all would be worse.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})


def config_document(config: TrainingConfig, data: Data, processes: Processes) -> dict[str, Any]:
    """All of ``config.json``: enough to rebuild the model, and to train it again."""
    return {
        "format": FORMAT,
        "cnnshape": __version__,
        "model": {"name": model_name(config), "input_shape": list(data.fit.shape)},
        "data": {
            "name": config.data,
            "classes": list(data.splits.classes),
            "train": len(data.train),
            "validation": len(data.validation),
            "test": len(data.splits.test.labels),
            "mean": list(data.statistics.mean),
            "std": list(data.statistics.std),
            "background": list(data.statistics.background),
            "dark_background": data.statistics.dark_background,
            "extent": data.statistics.extent,
            "sharpness": list(data.statistics.sharpness),
            "fingerprint": data.splits.fingerprint(),
        },
        "training": config.to_dict(),
        "environment": environment(processes),
    }


def environment(processes: Processes) -> dict[str, Any]:
    """The versions and the machine that a result may depend on."""
    packages = ("torchvision", "scikit-learn", "numpy", "pillow")
    versions = {package: _installed(package) for package in packages}
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        **versions,
        "platform": platform.platform(),
        "device": describe_device(processes.device),
        "threads": torch.get_num_threads(),
        "processes": processes.world,
    }


def _installed(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def claim_folder(output: str | None, config: TrainingConfig) -> Path:
    """Make the folder of a new run: ``output``, or the next free ``runs/MODEL-DATA``.

    Raises:
        OutputError: ``output`` holds a run already, or something else, or cannot be made.
    """
    if output is not None:
        folder = Path(output)
        _refuse_run(folder)
        if folder.is_dir() and any(entry.name != LOCK for entry in folder.iterdir()):
            raise OutputError(f"{folder} is a folder with other things in it: {_ANOTHER}")
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"{folder} is a file: {_ANOTHER}")
        _make(folder)
        return folder
    base = Path("runs") / default_name(config)
    folder, number = base, 1
    while not _make(folder):
        number += 1
        folder = base.with_name(f"{base.name}-{number}")
    return folder


_ANOTHER = "choose another --output"


def _refuse_run(folder: Path) -> None:
    if (folder / CONFIG).exists():
        raise OutputError(
            f"{folder} holds a run already: go on with `cnnshape train --resume {folder}`, "
            f"or {_ANOTHER}"
        )


def _make(folder: Path) -> bool:
    """Whether the folder is new: of two runs that begin at once only one is told so."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    except FileExistsError:
        if folder.is_dir():
            return False
        raise OutputError(f"cannot make the run folder {folder}: a file is in its way") from None
    except OSError as error:
        raise OutputError(f"cannot make the run folder {folder}: {error.strerror}") from error
    return True


def default_name(config: TrainingConfig) -> str:
    """The run folder's name without a number.

    >>> default_name(TrainingConfig(model="lenet", data="folder:my/pets"))
    'lenet-pets'
    >>> default_name(TrainingConfig(model="nets/small.py:Net(width=8)"))
    'Net-digits'
    """
    data = config.data
    if data.startswith("folder:"):
        data = Path(data.removeprefix("folder:")).resolve().name or "folder"
    return f"{short_name(config)}-{data}"


def short_name(config: TrainingConfig) -> str:
    """What the model is called in the names of folders and above pictures."""
    spec = parse_spec(config.model)
    if spec.kind == "file":
        return spec.name or Path(spec.source).stem
    return spec.name or spec.source


def model_name(config: TrainingConfig) -> str:
    """What ``config.json`` calls the model."""
    spec = parse_spec(config.model)
    return spec.source if spec.kind == "bundled" and not spec.arguments else spec.text


def earlier_attempt(output: str | None, config: TrainingConfig) -> Path | None:
    """The folder that this very run had begun before an elastic launcher restarted it."""
    if output is not None:
        folders = [Path(output)]
    else:
        base = Path("runs") / default_name(config)
        numbered = [*base.parent.glob(f"{base.name}-*"), base]
        folders = sorted(
            (folder for folder in numbered if (folder / CONFIG).is_file()),
            key=lambda folder: (folder / CONFIG).stat().st_mtime,
            reverse=True,
        )
    for folder in folders:
        if (folder / CONFIG).is_file() and not (folder / RESULT).exists():
            run = read_run(folder)
            if dict(run.settings) == config.to_dict():
                return folder
    return None


@contextlib.contextmanager
def locked(folder: Path) -> Generator[None]:
    """Be the only writer of the folder inside the block; a dead holder's lock is let go of.

    Raises:
        RunFolderError: another process is training in this folder.
        OutputError: the folder cannot be written to.
    """
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise RunFolderError(
            f"another process is training in {folder}: wait for it, or stop it first"
        ) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def write_config(folder: Path, document: dict[str, Any]) -> None:
    """Write ``config.json``, which makes the folder a run.

    Raises:
        OutputError: another process has done so meanwhile, or it cannot be written.
    """
    with locked(folder):
        _refuse_run(folder)
        write_atomic(folder / CONFIG, _readable(document))


def _readable(document: dict[str, Any]) -> str:
    """JSON for people: indented, but short lists on one line."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return re.sub(
        r"\[\n\s+([^\[\]{}]*?)\n\s+\]",
        lambda match: "[" + re.sub(r",\n\s+", ", ", match[1]) + "]",
        text,
    )
