"""Importing the user's code, with the process left in order.

While code loads, the folders it imports from come first in ``sys.path``, ``sys.argv``
holds nothing but its name, and what it prints goes to stderr. Afterwards ``sys.path``
and ``sys.argv`` are as before, and so are modules that other code had imported under
the same names.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import sysconfig
from collections.abc import Generator, Sequence
from pathlib import Path
from types import ModuleType

from cnnshape.errors import ModelConstructionError, ModelNotFoundError
from cnnshape.loading.blame import blame_user_code
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
    path, argv = sys.path[:], sys.argv[:]
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
    return [name for name in sys.modules if name.partition(".")[0] in found]


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
    import importlib.util

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
    """
    try:
        with blame_user_code(name, None):
            return importlib.import_module(name)
    except ModelConstructionError as error:
        cause = error.__cause__
        missing = cause.name if isinstance(cause, ModuleNotFoundError) else None
        # Only if the name itself is missing, not something that the module imports.
        if missing is not None and (name == missing or name.startswith(f"{missing}.")):
            raise ModelNotFoundError(
                f"there is no module {missing!r}{_module_hint(missing)} "
                "(looked in the working directory and in the installed packages)"
            ) from cause
        raise


def _module_hint(name: str) -> str:
    import pkgutil

    package = name.rpartition(".")[0]
    parent = sys.modules.get(package) if package else None
    path = list(getattr(parent, "__path__", [])) if parent is not None else [str(Path.cwd())]
    prefix = f"{package}." if package else ""
    return did_you_mean(name, [prefix + info.name for info in pkgutil.iter_modules(path)])
