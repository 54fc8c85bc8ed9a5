"""What Tab offers for a MODEL and for the path of a layer; nothing of the reader's own is run.

Names of torchvision and timm are kept in a file of the user's cache, a file per version, so that
torch is imported for them once. A file of code is read, not imported.
"""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem
    from torch import nn

    Items = list[CompletionItem]

_CATALOGS = ("torchvision", "timm")


def models(_context: click.Context, _parameter: click.Parameter, typed: str) -> Items:
    """Bundled names, catalogs and their names, files, and what a file defines."""
    catalog, colon, _ = typed.partition(":")
    if colon and catalog in _CATALOGS:
        return _offered((f"{catalog}:{name}" for name in _catalog(catalog)), typed)
    if colon and catalog.endswith(".py"):
        return _offered((f"{catalog}:{name}" for name in _defined(catalog)), typed)
    from cnnshape.models.registry import bundled_models

    names = [model.name for model in bundled_models()]
    found = _offered([*names, *(f"{catalog}:" for catalog in _CATALOGS), "hf:"], typed)
    return [*found, _item(typed, "file")]


def layers(context: click.Context, _parameter: click.Parameter, typed: str) -> Items:
    """The paths of the layers of the MODEL that stands on the same line."""
    return _offered(_paths(_model(context)), typed)


def expected(context: click.Context, _parameter: click.Parameter, typed: str) -> Items:
    """The same for ``--expect PATH=SHAPE``, which may be a file as well."""
    found = _offered((f"{path}=" for path in _paths(_model(context))), typed)
    return [*found, _item(typed, "file")]


def _model(context: click.Context) -> str:
    """The MODEL on the line; where an option still lacks its value, Click has not read it."""
    rest = [word for word in context.args if not word.startswith("-")]
    return str(context.params.get("model") or (rest[0] if rest else ""))


def _offered(names: Iterable[str], typed: str) -> Items:
    return [_item(name) for name in names if name.startswith(typed)]


def _item(value: str, type: str = "plain") -> CompletionItem:
    from click.shell_completion import CompletionItem

    return CompletionItem(value, type=type)


# ---- a file of code -------------------------------------------------------------------------


def _defined(file: str) -> list[str]:
    """The classes, functions and instances of a file that may be models, as it is written."""
    found: list[str] = []
    for node in _statements(file):
        if isinstance(node, ast.ClassDef):
            found += [node.name] if node.bases else []
        elif isinstance(node, ast.FunctionDef):
            found += [] if _required(node.args) else [node.name]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return found


def _required(arguments: ast.arguments) -> bool:
    return len(arguments.posonlyargs) + len(arguments.args) > len(arguments.defaults)


def _statements(file: str) -> list[ast.stmt]:
    with suppress(OSError, UnicodeDecodeError, SyntaxError, ValueError):
        return ast.parse(Path(file).read_text(encoding="utf-8")).body
    return []


def _assigned(file: str, name: str) -> Iterator[str]:
    """The attributes that the class sets up: ``self.conv1 = …``."""
    for node in _statements(file):
        if not isinstance(node, ast.ClassDef) or node.name != name:
            continue
        for part in ast.walk(node):
            if isinstance(part, ast.Assign) and isinstance(part.value, ast.Call):
                own = [target for target in part.targets if isinstance(target, ast.Attribute)]
                yield from (t.attr for t in own if isinstance(t.value, ast.Name))


# ---- what takes torch ---------------------------------------------------------------------


def _catalog(name: str) -> list[str]:
    return _cached(f"{name}-{_version(name)}", lambda: _listed(name))


def _listed(name: str) -> list[str]:
    from cnnshape.loading.listing import list_models

    catalogs: Any = (name,)
    return [model.name.rpartition(":")[2] for model in list_models(catalogs=catalogs).models]


def _paths(model: str) -> list[str]:
    """The layers of a model; of a file's class what it assigns, since Tab runs no file."""
    file, colon, name = model.partition(":")
    if colon and file.endswith(".py"):
        return list(dict.fromkeys(_assigned(file, name.partition("(")[0])))
    from cnnshape.models.registry import find_bundled

    catalog = model.partition(":")[0]
    if find_bundled(model) is None and catalog not in _CATALOGS:
        return []
    version = _version(catalog if catalog in _CATALOGS else "cnnshape")
    return _cached(f"layers-{model}-{version}", lambda: _named_modules(model))


def _named_modules(model: str) -> list[str]:
    from cnnshape.loading.model import load

    net: nn.Module = load(model, budget=0).module
    return [name for name, _ in net.named_modules() if name]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def _cached(key: str, made: Callable[[], list[str]]) -> list[str]:
    """A list out of the user's cache, or made and put there; a cache that fails is none."""
    safe = "".join(c if c.isalnum() or c in "-._" else "_" for c in key)
    file = _cache_folder() / f"{safe}.json"
    with suppress(OSError, ValueError):
        names: Any = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(names, list):
            return [name for name in names if isinstance(name, str)]  # pyright: ignore[reportUnknownVariableType]
    names = made()
    with suppress(Exception):  # what cannot be kept is made again
        from cnnshape.files import write_atomic

        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, json.dumps(names))
    return names


def _cache_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "cnnshape"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cnnshape"
