"""Executing a Python file as a module: alone, in its package, or with relative imports."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import keyword
import sys
import zlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from cnnshape.errors import ModelNotFoundError
from cnnshape.loading.blame import blame_user_code
from cnnshape.loading.imports import is_taken
from cnnshape.words import did_you_mean


def find_file(source: str) -> Path:
    """The absolute path of a Python file, or an error that names the nearest ones.

    Raises:
        ModelNotFoundError: there is no such file.
    """
    path = Path(source).expanduser()
    try:
        if path.is_file():
            return path.resolve()
        siblings = [p.name for p in path.parent.glob("*.py")] if path.parent.is_dir() else []
    except (OSError, ValueError):
        siblings = []
    if not path.parent.is_dir():
        raise ModelNotFoundError(f"there is no file {source}: the folder {path.parent} is missing")
    raise ModelNotFoundError(f"there is no file {source}{did_you_mean(path.name, siblings)}")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file, and the module it is when it is imported.

    Attributes:
        path: the file, absolute.
        name: its module's name; dotted if it lies in a package.
        root: the folder that the name is counted from.
        packages: names and folders of parent packages that have no ``__init__.py`` and are
            needed because the file imports relatively.
    """

    path: Path
    name: str
    root: Path
    packages: tuple[tuple[str, Path], ...] = ()

    @property
    def package(self) -> str | None:
        """The top-level package, or None for a file of its own."""
        top, dot, _ = self.name.partition(".")
        return top if dot else None

    @property
    def folders(self) -> tuple[Path, ...]:
        """What is importable while it loads: its root, its own folder, the working directory."""
        return tuple(dict.fromkeys((self.root, self.path.parent, Path.cwd())))


def place_file(path: Path) -> SourceFile:
    """Decide as which module a file is to be imported.

    In a chain of folders with an ``__init__.py`` it is a module of that package. Otherwise,
    if it imports relatively (``from .blocks import Block``), its folders count as packages:
    up to the working directory if it lies below that, else as many as it refers to.

    Args:
        path: an absolute path, as from :func:`find_file`.
    """
    folder, parts = path.parent, [path.stem]
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        parts.insert(0, folder.name)
        folder = folder.parent
    if folder != path.parent and all(map(_is_name, parts)):
        if parts[-1] == "__init__":
            parts.pop()
        return SourceFile(path, ".".join(parts), folder)
    levels = _relative_levels(path)
    if levels == 0 or not _is_name(path.stem) or levels >= len(path.parents):
        return SourceFile(path, _lone_name(path), path.parent)
    return _in_bare_folders(path, levels)


def _in_bare_folders(path: Path, levels: int) -> SourceFile:
    """A file with relative imports whose folders have no ``__init__.py``."""
    here = Path.cwd()
    root = path.parents[levels]
    if here in path.parents and len(path.relative_to(here).parts) > levels:
        root = here
    folders = [folder for folder in reversed(path.parents) if root in folder.parents]
    names = [folder.name for folder in folders]
    # Dots would part a name further, and a folder called like a library must not hide it.
    if not all(map(_is_name, names)) or is_taken(names[0]):
        folders = folders[-levels:]
        names = [f"folder_{zlib.crc32(str(folder).encode()):08x}" for folder in folders]
    packages = tuple((".".join(names[: i + 1]), folder) for i, folder in enumerate(folders))
    return SourceFile(path, ".".join([*names, path.stem]), root, packages)


def _is_name(part: str) -> bool:
    return part.isidentifier() and not keyword.iskeyword(part)


def _relative_levels(path: Path) -> int:
    """How many folders up the file's relative imports reach; 0 if it has none."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return 0  # importing it will say what is wrong
    return max((n.level for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)), default=0)


def _lone_name(path: Path) -> str:
    """The file's stem, unless something installed has that name or it is no name at all."""
    if _is_name(path.stem) and not is_taken(path.stem):
        return path.stem
    return f"file_{zlib.crc32(str(path).encode()):08x}"


def import_file(source: SourceFile) -> ModuleType:
    """Execute a file as a module, each time anew.

    Call it inside :func:`~cnnshape.loading.imports.importable`.

    Raises:
        ModelConstructionError: the file raised, or called ``sys.exit``.
    """
    with blame_user_code(source.path.name, source.path), _put_back(source.name):
        for name, folder in source.packages:
            _make_package(name, folder)
        if source.package is not None:
            return importlib.import_module(source.name)
        spec = importlib.util.spec_from_file_location(source.name, source.path)
        if spec is None or spec.loader is None:
            raise ModelNotFoundError(f"{source.path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        # Registered before it runs: dataclasses and pickle look their module up by name.
        sys.modules[source.name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(source.name, None)
            raise
        return module


def _make_package(name: str, folder: Path) -> None:
    """Put a package of this folder into ``sys.modules``, as an ``__init__.py`` would."""
    path: list[str] = getattr(sys.modules.get(name), "__path__", [])
    if str(folder) in path:
        return
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package


@contextlib.contextmanager
def _put_back(name: str) -> Generator[None]:
    """Forget the module ``name`` inside the block, so that its file is read again.

    A module that other code had imported under that name is what they find afterwards,
    or their classes would no longer be the ones they know.
    """
    before = sys.modules.pop(name, None)
    package, _, last = name.rpartition(".")
    try:
        yield
    finally:
        if before is not None:
            sys.modules[name] = before
            if package in sys.modules:
                setattr(sys.modules[package], last, before)
