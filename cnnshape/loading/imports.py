"""Importing the user's code: files and dotted modules, with the process left in order.

Naming a file runs it, as ``python file.py`` would. While it loads, its own folder (for
dotted paths the working directory) is importable, ``sys.argv`` holds nothing but the
file, and what it prints goes to stderr; ``sys.path``, ``sys.argv`` and the modules that
other code had imported under the same names are put back afterwards.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import keyword
import sys
import sysconfig
import traceback
import zlib
from collections.abc import Generator
from pathlib import Path
from types import ModuleType

from cnnshape.errors import CnnshapeError, ModelConstructionError, ModelNotFoundError
from cnnshape.loading.nearest import did_you_mean


@contextlib.contextmanager
def importable(folder: Path, argv0: str) -> Generator[None]:
    """Make ``folder`` importable inside the block, before everything else.

    Modules that were imported elsewhere under a name that ``folder`` defines itself (two
    projects with a ``layers.py`` each) step aside inside the block and return after it.
    """
    path, argv = sys.path[:], sys.argv[:]
    aside = {name: sys.modules.pop(name) for name in _namesakes(folder)}
    sys.path.insert(0, str(folder))
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


def _namesakes(folder: Path) -> list[str]:
    """Names in ``sys.modules`` whose top-level module ``folder`` would define differently.

    The standard library and installed packages never step aside: as in a script, what is
    imported already wins there.
    """
    try:
        local = {entry.stem if entry.suffix == ".py" else entry.name for entry in folder.iterdir()}
    except OSError:
        return []
    installed = [Path(place).resolve() for place in _installed_places()]
    found: set[str] = set()
    for top in local & set(sys.modules):
        origin = _origin(sys.modules[top])
        if origin is None or top in {"__main__", "cnnshape"} or folder in origin.parents:
            continue
        if not any(place in origin.parents for place in installed):
            found.add(top)
    return [name for name in sys.modules if name.partition(".")[0] in found]


def _installed_places() -> set[str]:
    paths = sysconfig.get_paths()
    return {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}


def _origin(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return Path(file).resolve()
    # A package without __init__.py has no file, only the folders it spans.
    for place in list(getattr(module, "__path__", None) or ()):
        return Path(place).resolve() / "__init__.py"
    return None


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


def file_root(path: Path) -> tuple[Path, str | None]:
    """The folder to make importable for a file, and its dotted name if it is in a package.

    A package is a chain of folders with an ``__init__.py``.
    """
    folder, parts = path.parent, [path.stem]
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        parts.insert(0, folder.name)
        folder = folder.parent
    if len(parts) > 1 and parts[-1] == "__init__":
        parts.pop()
    in_package = folder != path.parent and all(
        part.isidentifier() and not keyword.iskeyword(part) for part in parts
    )
    return (folder, ".".join(parts)) if in_package else (path.parent, None)


def import_file(path: Path, dotted: str | None) -> ModuleType:
    """Execute a file as a module; call it inside :func:`importable`.

    Raises:
        ModelConstructionError: the file raised, or called ``sys.exit``.
    """
    name = dotted or _module_name(path)
    with blame_user_code(path.name, path), _put_back(name):
        if dotted is not None:
            return importlib.import_module(dotted)
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ModelNotFoundError(f"{path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        # Registered before it runs: dataclasses and pickle look their module up by name.
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        return module


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


def _module_name(path: Path) -> str:
    """The file's stem, unless another module is or would be imported under that name."""
    current = sys.modules.get(path.stem)
    if current is not None:
        free = _origin(current) == path
    else:
        with contextlib.suppress(ImportError, ValueError, AttributeError):
            found = importlib.util.find_spec(path.stem)
            if found is None or found.origin is None or Path(found.origin).resolve() == path:
                return path.stem
        free = False
    return path.stem if free else f"{path.stem}_{zlib.crc32(str(path).encode()):08x}"


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


@contextlib.contextmanager
def blame_user_code(what: str, path: Path | None) -> Generator[None]:
    """Turn whatever the user's code raises inside the block into one sentence.

    Errors of cnnshape itself and Ctrl-C pass. The original is the new error's cause.

    Raises:
        ModelConstructionError: with the type, the place and the message of what was raised.
    """
    try:
        yield
    except (CnnshapeError, KeyboardInterrupt):
        raise
    except SystemExit as error:
        raise ModelConstructionError(
            f"{what} called sys.exit({'' if error.code is None else repr(error.code)}) while it "
            'was loaded; put what a script runs below `if __name__ == "__main__":`'
        ) from error
    except BaseException as error:
        raise ModelConstructionError(
            f"{what} raised {type(error).__name__}{_place(error, path)}: {safe_message(error)}"
        ) from error


def _place(error: BaseException, path: Path | None) -> str:
    """`` (net.py, line 3)``: the last line of the traceback that is in the user's file."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f" ({Path(error.filename).name}, line {error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if path is not None and Path(f.filename) == path]
    here = Path(__file__).parent
    other = [
        f for f in frames if Path(f.filename).parent != here and not f.filename.startswith("<")
    ]
    for frame in (own or other)[-1:]:
        return f" ({Path(frame.filename).name}, line {frame.lineno})"
    return ""


def safe_message(error: BaseException) -> str:
    r"""The first line of an error's text, whatever its ``__str__`` does.

    >>> safe_message(ValueError("too\nlong"))
    'too'
    """
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:  # noqa: BLE001 - an exception whose str() raises must not raise here
        return "(its message cannot be shown)"
    lines = text.strip().splitlines()
    return lines[0] if lines else "(no message)"
