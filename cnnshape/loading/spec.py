"""Reading a MODEL argument: which kind it is and which keyword literals it carries.

Nothing is imported or executed here, and torch is not needed: a text becomes a
:class:`ModelSpec`, which :func:`cnnshape.loading.model.load` turns into a module.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cnnshape.errors import ModelNotFoundError
from cnnshape.messages import say
from cnnshape.models.registry import bundled_models, find_bundled
from cnnshape.words import did_you_mean, listed

Kind = Literal["bundled", "torchvision", "timm", "dotted", "file", "run", "saved", "hf"]

_LONGEST = 10_000
"""Characters a MODEL may have; a hostile literal is refused before Python's parser sees it."""

# Non-greedy, so that the first `.py` that is followed by a name, arguments or the end
# closes the path: drive letters, spaces and parentheses may stand before it.
_FILE = re.compile(
    r"(?P<path>.+?\.py)(?::(?P<name>[\w.]*))?(?P<arguments>\(.*\))?", re.DOTALL | re.IGNORECASE
)
_CATALOG = re.compile(
    r"(?P<catalog>torchvision|timm):(?P<name>[^()]*)(?P<arguments>\(.*\))?", re.DOTALL
)
_DOTTED = re.compile(
    r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*):(?P<name>[\w.]*)(?P<arguments>\(.*\))?", re.DOTALL
)
_SAVED = re.compile(
    r"(?P<path>.+\.(?:pt2|pt|pth|ts|torchscript|bin|ckpt|safetensors|(?:safetensors|bin)\.index\.json))"
    r"(?P<arguments>\(.*\))?",
    re.DOTALL | re.IGNORECASE,
)
_PLAIN = re.compile(r"(?P<name>[\w.-]+)(?P<arguments>\(.*\))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One MODEL argument, taken apart.

    Attributes:
        text: what was typed.
        kind: how the model is found.
        source: the bundled or catalog name, the dotted module, the file or the folder.
        name: the attribute inside a module or file (``Net``, ``Outer.Inner``), or None.
        arguments: keyword literals in the order they were typed.
        positional: literals without a name, for the layers of torch.nn.
        trust_pickle: whether a module saved whole may be unpickled.
        seed: of the random generators while it is built.
    """

    text: str
    kind: Kind
    source: str
    name: str | None = None
    arguments: tuple[tuple[str, object], ...] = ()
    positional: tuple[object, ...] = ()
    trust_pickle: bool = False
    seed: int = 0


def parse_spec(text: str, more_names: Callable[[], Iterable[str]] | None = None) -> ModelSpec:
    r"""Take a MODEL argument apart.

    Args:
        text: what was typed.
        more_names: asked for further names to suggest when ``text`` names nothing; they
            may be costly to list, so it is called only then.

    Raises:
        ModelNotFoundError: the text is none of the forms, or its arguments are not
            keyword literals.

    >>> parse_spec("lenet").kind
    'bundled'
    >>> spec = parse_spec("nets/small.py:Net(num_classes=10, sizes=(3, -1), bias=None)")
    >>> spec.kind, spec.source, spec.name
    ('file', 'nets/small.py', 'Net')
    >>> spec.arguments
    (('num_classes', 10), ('sizes', (3, -1)), ('bias', None))
    >>> parse_spec(r"C:\x\net.py:Net").source
    'C:\\x\\net.py'
    >>> parse_spec("torchvision:resnet18").source
    'resnet18'
    >>> parse_spec("package.module:Net").kind
    'dotted'
    >>> parse_spec("exported/net.pt2").kind, parse_spec("hf:models/bert").kind
    ('saved', 'hf')
    """
    text = text.strip()
    if not text:
        raise ModelNotFoundError(
            say(
                "the model is empty: give a bundled name (lenet), torchvision:NAME, timm:NAME, "
                "package.module:Name, path/to/file.py:Name or a file such as net.pt2"
            )
        )
    if len(text) > _LONGEST:
        raise ModelNotFoundError(
            say("the model's text is longer than {most:,} characters", most=_LONGEST)
        )
    spec = (
        _bundled(text)
        or _catalog(text)
        or _run(text)
        or _configured(text)
        or _dotted(text)
        or _file(text)
        or _saved(text)
    )
    if spec is None:
        raise ModelNotFoundError(_unknown(text, more_names))
    return spec


def _bundled(text: str) -> ModelSpec | None:
    match = _PLAIN.fullmatch(text)
    model = find_bundled(match["name"]) if match else None
    if match is None or model is None:
        return None
    return ModelSpec(text, "bundled", model.name, None, _arguments(match["arguments"], text))


def _catalog(text: str) -> ModelSpec | None:
    match = _CATALOG.fullmatch(text)
    if match is None:
        return None
    kind: Kind = "torchvision" if match["catalog"] == "torchvision" else "timm"
    if not match["name"]:
        raise ModelNotFoundError(
            say("{text!r} names no model: write {kind}:NAME", text=text, kind=kind)
        )
    return ModelSpec(text, kind, match["name"], None, _arguments(match["arguments"], text))


def _run(text: str) -> ModelSpec | None:
    folder = Path(text)
    try:
        if not folder.is_dir():
            return None
    except (OSError, ValueError):  # too long for a path, or a null byte
        return None
    from cnnshape.loading.run_folder import is_run_folder

    if not is_run_folder(folder):
        raise ModelNotFoundError(
            say(
                "the folder {folder!r} holds no config.json, so it is not a run of `cnnshape "
                "train`; for code, name a file in it: {file}:Name",
                folder=text,
                file=(folder / "FILE.py").as_posix(),
            )
        )
    return ModelSpec(text, "run", text)


def _file(text: str) -> ModelSpec | None:
    match = _FILE.fullmatch(text)
    if match is None:
        return None
    if match["name"] == "" or (match["arguments"] and match["name"] is None):
        raise ModelNotFoundError(
            say(
                "{text!r} names no class after the file: write {file}:Name",
                text=text,
                file=match["path"],
            )
        )
    return ModelSpec(
        text, "file", match["path"], match["name"], _arguments(match["arguments"], text)
    )


def _configured(text: str) -> ModelSpec | None:
    catalog, colon, source = text.partition(":")
    if catalog != "hf" or not colon:
        return None
    if not source:
        raise ModelNotFoundError(
            say("{text!r} names no model: write hf:FOLDER or hf:config.json", text=text)
        )
    return ModelSpec(text, "hf", source)


def _saved(text: str) -> ModelSpec | None:
    match = _SAVED.fullmatch(text)
    if match is None:
        return None
    if match["arguments"]:
        raise ModelNotFoundError(
            say(
                "{path} is a model already built and takes no arguments: leave {arguments} out",
                path=match["path"],
                arguments=match["arguments"],
            )
        )
    return ModelSpec(text, "saved", match["path"])


def _dotted(text: str) -> ModelSpec | None:
    match = _DOTTED.fullmatch(text)
    # `net.py:Net` and, on Windows, `C:net.py` are files.
    if match is None or match["module"].lower().endswith(".py"):
        return None
    if match["name"].lower().endswith(".py"):
        return None
    if not match["name"]:
        raise ModelNotFoundError(
            say(
                "{text!r} names no attribute: write {module}:Name",
                text=text,
                module=match["module"],
            )
        )
    inside, positional = match["arguments"], ()
    if match["module"] == "torch.nn" and inside is not None:
        # Layers of torch are known by the order of their arguments.
        inside, positional = _without_positional(inside, text)
    found = _arguments(inside, text)
    return ModelSpec(text, "dotted", match["module"], match["name"], found, positional)


def _unknown(text: str, more_names: Callable[[], Iterable[str]] | None) -> str:
    """The sentence for a text that is no form of MODEL."""
    match = _PLAIN.fullmatch(text)
    if match is None:
        return say(
            "cannot read {text!r} as a model: give a bundled name (lenet), "
            "torchvision:NAME, timm:NAME, package.module:Name, "
            "path/to/file.py:Name(argument=literal) or net.pt2",
            text=text,
        )
    name = match["name"]
    package, _, attribute = name.rpartition(".")
    if package:
        return say(
            "cannot find a model {name!r}: to import from a module write {package}:{attribute}",
            name=name,
            package=package,
            attribute=attribute,
        )
    names = [model.name for model in bundled_models()]
    listing = say("(`cnnshape models` lists all; for your own code write FILE.py:Name)")
    hint = did_you_mean(name, names, cutoff=0.75)
    if not hint and more_names is not None:
        known = list(more_names())
        # `resnet18` means `torchvision:resnet18`, not the fuzzy neighbours of its letters.
        exact = [other for other in known if other.partition(":")[2] == name]
        hint = (
            say("; did you mean {names}?", names=listed(exact, "or"))
            if exact
            else did_you_mean(name, known)
        )
    bundled = "" if hint else say(": bundled are {names}", names=listed(names))
    return say(
        "unknown model {name!r}{hint}{bundled} {listing}",
        name=name,
        hint=hint,
        bundled=bundled,
        listing=listing,
    )


def _arguments(text: str | None, whole: str) -> tuple[tuple[str, object], ...]:
    """Keyword literals of ``(a=1, b="x")``; parsed with ``ast``, never evaluated."""
    if text is None:
        return ()
    try:
        call = ast.parse(f"f{text}", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        call = None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ModelNotFoundError(
            say(
                "cannot read the arguments in {text!r}: write keyword literals, as in "
                "Net(num_classes=10, width=0.5)",
                text=whole,
            )
        )
    if call.args:
        raise ModelNotFoundError(
            say(
                "the arguments in {text!r} must be given by name, as in Net(num_classes=10)",
                text=whole,
            )
        )
    found: dict[str, object] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise ModelNotFoundError(
                say("`**` is not allowed in {text!r}: write the names out", text=whole)
            )
        if keyword.arg in found:
            raise ModelNotFoundError(
                say("the argument {name} stands twice in {text!r}", name=keyword.arg, text=whole)
            )
        found[keyword.arg] = _literal(keyword, whole)
    return tuple(found.items())


def _without_positional(text: str, whole: str) -> tuple[str, tuple[object, ...]]:
    """``(3, 1, kernel_size=3)`` as ``(kernel_size=3)`` and the values ``3, 1``."""
    try:
        call = ast.parse(f"f{text}", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return text, ()  # refused with the others
    if not isinstance(call, ast.Call) or any(isinstance(x, ast.Starred) for x in call.args):
        return text, ()
    values = tuple(_literal(ast.keyword(None, item), whole) for item in call.args)
    return ast.unparse(ast.Call(ast.Name("f"), [], call.keywords)).removeprefix("f"), values


def _literal(keyword: ast.keyword, whole: str) -> object:
    try:
        return ast.literal_eval(keyword.value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        name = f"{keyword.arg}=" if keyword.arg else ""
        raise ModelNotFoundError(
            say(
                "{argument}{value} in {text!r} is not a literal: give a number, a quoted "
                "string, True, False, None, or a tuple, list or dict of them",
                argument=name,
                value=ast.unparse(keyword.value),
                text=whole,
            )
        ) from None
