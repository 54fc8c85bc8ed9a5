"""Importing the user's code, a dotted module or a file, with the process left in order.

While code loads, the folders it imports from come first in ``sys.path``, ``sys.argv``
holds nothing but its name, and what it prints goes to stderr. Afterwards ``sys.path``,
``sys.argv`` and the working directory are as before, and so are modules that other code had
imported under the same names. A file is a module alone, in its package, or with relative imports.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import keyword
import os
import sys
import sysconfig
import zlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from cnnshape.errors import ModelConstructionError, ModelNotFoundError
from cnnshape.interrupts import let_through
from cnnshape.loading.blame import blame_user_code
from cnnshape.messages import say
from cnnshape.words import did_you_mean


@contextlib.contextmanager
def importable(folders: Sequence[Path], argv0: str, package: str | None = None) -> Generator[None]:
    """Make ``folders`` importable inside the block, before everything else, in this order.

    Modules that were imported elsewhere under a name that the folders define themselves
    (two projects with a ``layers.py`` each) step aside inside the block and return after it.

    Args:
        folders: resolved paths.
        argv0: what ``sys.argv`` holds meanwhile.
        package: a top-level name that must come from the first folder, even if an
            installed package is called the same.
    """
    path, argv, working = sys.path[:], sys.argv[:], Path.cwd()
    aside = {name: sys.modules.pop(name) for name in _namesakes(folders, package)}
    sys.path[:0] = [str(folder) for folder in folders]
    sys.argv[:] = [argv0]
    importlib.invalidate_caches()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path[:] = path
        sys.argv[:] = argv
        os.chdir(working)
        if aside:
            tops = {name.partition(".")[0] for name in aside}
            for name in [name for name in sys.modules if name.partition(".")[0] in tops]:
                del sys.modules[name]
            sys.modules.update(aside)


def _namesakes(folders: Sequence[Path], package: str | None) -> list[str]:
    """Names in ``sys.modules`` whose top-level module the folders would define differently.

    The standard library and installed packages do not step aside: as in a script, what is
    imported already wins there.
    """
    own: set[str] = set()
    for folder in folders:
        with contextlib.suppress(OSError):
            own |= {e.stem if e.suffix == ".py" else e.name for e in folder.iterdir()}
    found = {
        top
        for top in own & sys.modules.keys()
        if (place := origin(sys.modules[top])) is not None
        and top not in {"__main__", "cnnshape"}
        and not any(folder in place.parents for folder in folders)
        and not _is_installed(place)
    }
    if package in sys.modules:
        place = origin(sys.modules[package])
        if place is None or folders[0] not in place.parents:
            found.add(package)
    return [name for name in list(sys.modules) if name.partition(".")[0] in found]


def _is_installed(place: Path) -> bool:
    paths = sysconfig.get_paths()
    homes = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    return any(Path(home).resolve() in place.parents for home in homes)


def is_taken(name: str) -> bool:
    """Whether a top-level name belongs to the standard library or an installed package."""
    if name in sys.stdlib_module_names:
        return True
    module = sys.modules.get(name)
    if module is not None:
        place = origin(module)
        return place is None or _is_installed(place)
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return False
    return spec is not None and spec.origin is not None and _is_installed(Path(spec.origin))


def origin(module: ModuleType) -> Path | None:
    """The file a module comes from; for a package without ``__init__.py`` where that would be."""
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return Path(file).resolve()
    for place in list(getattr(module, "__path__", None) or ()):
        return Path(place).resolve() / "__init__.py"
    return None


def import_dotted(name: str) -> ModuleType:
    """Import ``package.module``; call it inside :func:`importable`.

    Raises:
        ModelNotFoundError: there is no such module, or a package on the way to it.
        ModelConstructionError: the module raised while it was imported.
        MissingDependencyError: it is one of torchvision, which does not fit the installed torch.
    """
    if name.partition(".")[0] == "torchvision":
        from cnnshape.loading.installed_torchvision import import_torchvision

        import_torchvision()
    try:
        with blame_user_code(name, None):
            return let_through(importlib.import_module, name)
    except ModelConstructionError as error:
        cause = error.__cause__
        missing = cause.name if isinstance(cause, ModuleNotFoundError) else None
        # Only if the name itself is missing, not something that the module imports.
        if missing is not None and (name == missing or name.startswith(f"{missing}.")):
            raise ModelNotFoundError(
                say(
                    "there is no module {name!r}{hint} (looked in the working directory and in the "
                    "installed packages)",
                    name=missing,
                    hint=_module_hint(missing),
                )
            ) from cause
        raise


def _module_hint(name: str) -> str:
    import pkgutil

    package = name.rpartition(".")[0]
    parent = sys.modules.get(package) if package else None
    path = list(getattr(parent, "__path__", [])) if parent is not None else [str(Path.cwd())]
    prefix = f"{package}." if package else ""
    return did_you_mean(name, [prefix + info.name for info in pkgutil.iter_modules(path)])


# ---- files ------------------------------------------------------------------------------


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
        raise ModelNotFoundError(
            say(
                "there is no file {file}: the folder {folder} is missing",
                file=source,
                folder=path.parent,
            )
        )
    raise ModelNotFoundError(
        say("there is no file {file}{hint}", file=source, hint=did_you_mean(path.name, siblings))
    )


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
        names = [f"folder_{zlib.crc32(os.fsencode(folder)):08x}" for folder in folders]
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
    return f"file_{zlib.crc32(os.fsencode(path)):08x}"


def import_file(source: SourceFile) -> ModuleType:
    """Execute a file as a module, each time anew.

    Call it inside :func:`importable`.

    Raises:
        ModelConstructionError: the file raised, or called ``sys.exit``.
    """
    with blame_user_code(source.path.name, source.path), _put_back(source.name):
        for name, folder in source.packages:
            _make_package(name, folder)
        if source.package is not None:
            return let_through(importlib.import_module, source.name)
        spec = importlib.util.spec_from_file_location(source.name, source.path)
        if spec is None or spec.loader is None:
            raise ModelNotFoundError(say("{file} is not a Python file", file=source.path))
        module = importlib.util.module_from_spec(spec)
        # Registered before it runs: dataclasses and pickle look their module up by name.
        sys.modules[source.name] = module
        try:
            let_through(spec.loader.exec_module, module)
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
