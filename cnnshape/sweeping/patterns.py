"""The models that a MODEL argument fits in which ``*`` and ``?`` stand."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

from cnnshape.errors import ModelNotFoundError, UsageError
from cnnshape.loading.spec import parse_spec
from cnnshape.models.registry import bundled_models
from cnnshape.words import did_you_mean

_WILD = re.compile(r"[*?]|\[[^\]]*\]")
_CODE = re.compile(r"(?P<path>.+\.py):(?P<name>[^:]+)")


def fitting(pattern: str) -> list[str]:
    """The models that a pattern fits; the pattern itself where nothing in it is wild."""
    head, bracket, rest = pattern.partition("(")
    if not _WILD.search(head):
        return [pattern]
    catalog, colon, name = head.partition(":")
    if colon and catalog in _CATALOGS:
        known = [f"{catalog}:{each}" for each in _CATALOGS[catalog]()]
        found = [each for each in known if fnmatchcase(each, head)]
    elif catalog == "hf" and colon:
        known, found = [], _configurations(name)
    elif code := _CODE.fullmatch(head):
        known, found = [], _in_files(code["path"], code["name"])
    elif colon:
        raise UsageError(
            f"{pattern!r}: patterns are for timm:, torchvision:, hf:, files and bundled names; "
            "name the models of a module one by one"
        )
    else:
        known = [model.name for model in bundled_models()]
        found = [each for each in known if fnmatchcase(each, head)] or _files(head)
    if not found:
        plain = _WILD.sub("", name or head)
        raise ModelNotFoundError(f"no model fits {pattern!r}{did_you_mean(plain, known)}")
    return [f"{each}{bracket}{rest}" for each in found]


def _torchvision_names() -> list[str]:
    from cnnshape.loading.catalogs import torchvision_names

    return torchvision_names()


def _timm_names() -> list[str]:
    from cnnshape.loading.catalogs import import_timm

    return list(import_timm().list_models())


_CATALOGS: dict[str, Callable[[], list[str]]] = {
    "timm": _timm_names,
    "torchvision": _torchvision_names,
}


def _configurations(pattern: str) -> list[str]:
    """Folders with a configuration of transformers or diffusers, and such files."""
    return [
        f"hf:{path}"
        for path in _paths(pattern)
        if path.endswith(".json") or (Path(path) / "config.json").is_file()
    ]


def _files(pattern: str) -> list[str]:
    """Files of code and saved models, and folders of runs."""
    return [path for path in _paths(pattern) if _is_model(path)]


def _is_model(path: str) -> bool:
    try:
        parse_spec(path)
    except ModelNotFoundError:
        return False
    return True


def _in_files(path: str, name: str) -> list[str]:
    """The networks of files whose names fit."""
    from cnnshape.sweeping.networks import networks_in

    files = _paths(path) if _WILD.search(path) else [path]
    return [
        f"{file}:{each}"
        for file in files
        for each in (networks_in(file) if _WILD.search(name) else [name])
        if fnmatchcase(each, name)
    ]


def _paths(pattern: str) -> list[str]:
    return sorted(glob.glob(os.path.expanduser(pattern), recursive=True))  # noqa: PTH111, PTH207
