"""A model saved whole in a file: an exported program, a TorchScript archive, or a pickle.

What a file is, is read from its content, not from its suffix. Unpickling runs whatever the file
says, so a pickled module is refused unless the caller says that the file may be trusted.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from cnnshape.errors import ModelConstructionError, ModelNotFoundError
from cnnshape.loading.blame import blame_user_code, safe_message
from cnnshape.loading.shapes import InputSpec
from cnnshape.messages import say
from cnnshape.words import counted, did_you_mean, listed, with_article

Content = Literal["exported", "script", "weights", "pickle", "damaged"]

_TRUST = say("if you trust the file, add --trust-pickle (in Python trust_pickle=True)")


def content_of(path: Path) -> Content:
    """What a file holds, as far as its outside tells; ``pickle`` may be weights or anything.

    Raises:
        ModelNotFoundError: there is no such file.
    """
    if not path.is_file():
        near = [file.name for file in path.parent.glob("*")] if path.parent.is_dir() else []
        raise ModelNotFoundError(f"there is no file {path}{did_you_mean(path.name, near)}")
    if path.name.lower().endswith((".safetensors", ".safetensors.index.json", ".bin.index.json")):
        return "weights"
    if zipfile.is_zipfile(path):
        return _zip_content(path)
    with path.open("rb") as file:
        # Every torch before 1.6, and whoever asks for it today, writes pickles one by one.
        return "pickle" if file.read(1) == b"\x80" else "damaged"


def _zip_content(path: Path) -> Content:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] or name for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "damaged"
    if names & _EXPORTED or any(name.startswith(_EXPORTED_FOLDERS) for name in names):
        return "exported"
    if "constants.pkl" in names or any(name.startswith("code/") for name in names):
        return "script"
    return "pickle" if "data.pkl" in names else "damaged"


#: What marks a ``.pt2`` file, by today's reader and by that of torch 2.6.
_EXPORTED = {"archive_format", "serialized_exported_program.json"}
_EXPORTED_FOLDERS = ("models/", "data/aotinductor/")


def load_saved(
    path: Path, *, trust_pickle: bool = False
) -> tuple[nn.Module, tuple[InputSpec, ...] | None]:
    """The model in a file, and its usual inputs if the file knows them.

    Args:
        path: ``.pt2``, TorchScript, or what ``torch.save`` wrote.
        trust_pickle: unpickle a module saved whole, which runs whatever the file says.

    Raises:
        ModelNotFoundError: there is no such file.
        ModelConstructionError: it is damaged, holds weights alone, or would have to be unpickled.
    """
    content = content_of(path)
    if content == "exported":
        return _exported(path, trust_pickle)
    if content == "script":
        return _script(path), None
    if content == "pickle":
        return _unpickled(path, trust_pickle), None
    if content == "weights":
        raise _only_weights(path, "weights")
    raise _damaged(path)


def _exported(path: Path, trust_pickle: bool) -> tuple[nn.Module, tuple[InputSpec, ...] | None]:
    from cnnshape.loading.stored.exported import (
        NeedsPickleError,
        module_of,
        read_exported,
        usual_inputs,
    )

    try:
        program = read_exported(path, trust_pickle=trust_pickle)
    except NeedsPickleError as error:
        raise ModelConstructionError(
            say(
                "{file} holds Python objects or machine code beside the exported program, and "
                "reading them runs whatever the file says; export it again with tensors alone, or, "
                "{otherwise}",
                file=path,
                otherwise=_TRUST,
            )
        ) from error
    except Exception as error:
        raise _damaged(path, error) from error
    return module_of(program), usual_inputs(program)


def _script(path: Path) -> nn.Module:
    from cnnshape.loading.stored.scripted import opened

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls TorchScript deprecated at every step
            script = torch.jit.load(str(path), map_location="cpu")
    except Exception as error:
        raise _damaged(path, error) from error
    return opened(script)


def _damaged(path: Path, error: Exception | None = None) -> ModelConstructionError:
    reason = "" if error is None else f" ({type(error).__name__}: {safe_message(error)})"
    return ModelConstructionError(
        say(
            "{file} cannot be read as a model{reason}: it is damaged, or was written by something "
            "other than torch.export.save, torch.jit.save or torch.save",
            file=path,
            reason=reason,
        )
    )


def _unpickled(path: Path, trust: bool) -> nn.Module:
    """A module saved whole, if it may be unpickled; weights are told from it without that."""
    try:
        content: object = torch.load(path, map_location="meta", weights_only=True)
    except pickle.UnpicklingError as error:
        if not trust:
            raise _refused(path) from error
    except Exception as error:
        raise _damaged(path, error) from error
    else:
        raise _only_weights(path, _described(content))
    from cnnshape.loading.user_code import importable

    with (
        importable([Path.cwd()], str(path)),
        blame_user_code(say("unpickling {file}", file=path.name), None),
    ):
        content = torch.load(path, map_location="cpu", weights_only=False)
    module = _module_in(content)
    if module is None:
        raise ModelConstructionError(
            say(
                "{file} holds {type}, expected an nn.Module",
                file=path,
                type=with_article(type(content).__name__),
            )
        )
    return module


def _module_in(content: object) -> nn.Module | None:
    """The module itself, or the one in the dictionary that a training loop saved."""
    if isinstance(content, Mapping):
        values = cast("Mapping[Any, object]", content).values()
        content = next((value for value in values if isinstance(value, nn.Module)), None)
    return content if isinstance(content, nn.Module) else None


def _refused(path: Path) -> ModelConstructionError:
    found = _foreign_classes(path)
    named = f" ({listed(found[:3])}{', …' if len(found) > 3 else ''})" if found else ""
    return ModelConstructionError(
        say(
            "{file} is pickled{named}, and unpickling runs whatever the file says: name the "
            "model's code instead, as in FILE.py:Name, with its weights as --weights, or, "
            "{otherwise}",
            file=path,
            named=named,
            otherwise=_TRUST,
        )
    )


def _foreign_classes(path: Path) -> list[str]:
    """What unpickling would import, read from the pickle without running it."""
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # noqa: BLE001 - the older format has no list, and a hostile one may be any
        return []


def _only_weights(path: Path, what: str) -> ModelConstructionError:
    return ModelConstructionError(
        say(
            "{file} holds {what}, no model: name the model and give the file as weights, "
            "FILE.py:Name --weights {file}; {command} lists what it holds",
            file=path,
            what=what,
            command=f"`cnnshape params {path}`",
        )
    )


def _described(content: object) -> str:
    if isinstance(content, Tensor):
        return say("a tensor")
    if not isinstance(content, Mapping):
        return with_article(type(content).__name__)
    values = list(cast("Mapping[Any, object]", content).values())
    tensors = sum(isinstance(value, Tensor) for value in values)
    if tensors < len(values):
        return say("a checkpoint")
    return say("weights ({tensors})", tensors=counted(tensors, "tensor"))
