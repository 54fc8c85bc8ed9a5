"""torchvision, or one sentence about why it cannot be imported and the command that mends it.

It is built for one release of torch. One for another release, or for CUDA beside a torch for the
CPU, raises while it is imported: only what needs it may notice.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from types import ModuleType

import torch

from cnnshape.errors import MissingDependencyError
from cnnshape.messages import say

#: Where the builds of torch lie whose version ends in ``+cpu``, ``+cu126``, ….
_INDEX = "https://download.pytorch.org/whl/"
_BUILD = re.compile(r"cpu|xpu|cu\d+|rocm[\d.]+")


def import_torchvision(module: str = "torchvision") -> ModuleType:
    """``torchvision``, or a module of it.

    Raises:
        MissingDependencyError: it is missing or does not fit the installed torch.
    """
    try:
        importlib.import_module("torchvision")
        return importlib.import_module(module)
    except Exception as error:
        # A wheel for another torch dies with "operator torchvision::nms does not exist".
        raise MissingDependencyError(_why(error)) from error


def blame_torchvision(error: BaseException) -> None:
    """Say that torchvision does not work if this is what ``error`` of another package comes from.

    Raises:
        MissingDependencyError: then.
    """
    try:
        import_torchvision()
    except MissingDependencyError as broken:
        causes = [error]
        while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
            causes.append(cause)
        if str(broken.__cause__) in map(str, causes):
            raise broken from error


def _why(error: Exception) -> str:
    there, mend = _version("torchvision"), _command()
    if isinstance(error, ModuleNotFoundError) and error.name == "torchvision":
        return say("torchvision is not installed: {command}", command=mend)
    reason = str(error).partition("\n")[0] or type(error).__name__
    return say(
        "torchvision {version} does not work with torch {torch} ({reason}): {command}",
        version=there or say("(unknown version)"),
        torch=torch.__version__,
        reason=reason,
        command=mend,
    )


def _command() -> str:
    """What brings the torchvision of the installed torch, which itself is not moved.

    Named with its version: pip would else fetch the newest torchvision and the torch of that.
    """
    version = _version("torch")
    if version is None:
        return "pip install --upgrade torch torchvision"
    base, _, build = version.partition("+")
    index = f" --index-url {_INDEX}{build}" if _BUILD.fullmatch(build) else ""
    there = _version("torchvision")
    if there is not None and _release(base) == _release(_needed_torch()):
        # The right release of the wrong build, which pip takes for the right one.
        same = f"torchvision=={there.partition('+')[0]}"
        return f"pip install --force-reinstall --no-deps {same}{index}"
    return f"pip install --upgrade torch=={version} torchvision{index}"


def _needed_torch() -> str:
    """What the installed torchvision says of torch: ``torch==2.6.0``, ``torch (>=2.14.0)``."""
    needed = importlib.metadata.requires("torchvision") or ()
    return next((one for one in needed if re.match(r"torch\b", one)), "")


def _release(version: str) -> str | None:
    """The 2.14 of 2.14.1."""
    found = re.search(r"\d+\.\d+", version)
    return found and found[0]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
