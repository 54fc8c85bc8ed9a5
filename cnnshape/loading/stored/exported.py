"""Programs of ``torch.export``: read from a ``.pt2`` file without unpickling, and made whole again.

An exported program is a list of operations that remembers which module each came from. Put back
below those modules (``torch.export.unflatten``), its layers have their names and sizes again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
from collections.abc import Generator, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from cnnshape.loading.shapes import InputSpec


class NeedsPickleError(Exception):
    """A file holds Python objects, or machine code, and nobody said that it may be trusted."""


def read_exported(path: Path, *, trust_pickle: bool = False) -> ExportedProgram:
    """The program in a ``.pt2`` file.

    Args:
        path: the file.
        trust_pickle: unpickle what it holds beside tensors, which runs whatever the file says.

    Raises:
        NeedsPickleError: it holds such things and may not.
        Exception: torch cannot read it.
    """
    with contextlib.nullcontext() if trust_pickle else _nothing_unpickled(), _quiet_log():
        try:
            return torch.export.load(path)
        except pickle.UnpicklingError as error:
            raise NeedsPickleError from error


@contextlib.contextmanager
def _nothing_unpickled() -> Generator[None]:
    """In the block ``torch.load`` reads tensors only, and export's reader no object and no code."""
    switches = {name: os.environ.pop(name, None) for name in (_FORCE, _FORCE_NOT)}
    os.environ[_FORCE] = "1"
    # The reader of later versions; earlier ones have nothing but `torch.load`.
    reader: dict[str, Any] = {}
    with contextlib.suppress(ImportError):
        reader = vars(import_module("torch.export.pt2_archive._package"))
    kept = {name: reader[name] for name in _UNSAFE if name in reader}
    reader.update({name: _UNSAFE[name] for name in kept})
    try:
        yield
    finally:
        reader.update(kept)
        del os.environ[_FORCE]
        os.environ.update({name: value for name, value in switches.items() if value is not None})


def _refuse(*_: object, **__: object) -> NoReturn:
    raise pickle.UnpicklingError


#: torch's own switch: every ``torch.load`` reads as with ``weights_only=True``; and its opposite.
_FORCE, _FORCE_NOT = "TORCH_FORCE_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
#: What its reader would run: objects that are no tensors, and compiled libraries.
_UNSAFE: dict[str, Any] = {"pickle": SimpleNamespace(loads=_refuse), "_load_aoti": _refuse}


@contextlib.contextmanager
def _quiet_log() -> Generator[None]:
    """Keep torch from logging the traceback of what is told in a sentence."""
    log = logging.getLogger("torch.export")
    before = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = before


def module_of(program: ExportedProgram) -> nn.Module:
    """The program as a module with the submodules of the model that was exported.

    Where torch cannot put it back below them, all of its operations are the module's own.

    >>> program = torch.export.export(nn.Sequential(nn.Linear(4, 2)), (torch.ones(1, 4),))
    >>> [name for name, _ in module_of(program).named_children()]
    ['0']
    """
    try:
        module: nn.Module = torch.export.unflatten(program)
    except Exception:  # noqa: BLE001 - it raises anything for a program that it cannot put back
        return program.module()
    # Where its submodules keep the class that their author wrote.
    vars(module)["_ty"] = _class_of(program)
    vars(module)["_inputs"] = program.graph_signature.user_inputs
    return module


def _class_of(program: ExportedProgram) -> str:
    for node in program.graph.nodes:
        for path, kind in dict(node.meta.get("nn_module_stack") or {}).values():
            if path == "":
                return str(getattr(kind, "__qualname__", kind))
    return "ExportedProgram"


def usual_inputs(program: ExportedProgram) -> tuple[InputSpec, ...] | None:
    """The inputs that the model was exported with; None if they are not tensors or not known.

    >>> program = torch.export.export(nn.Linear(4, 2), (torch.ones(1, 4),))
    >>> [str(spec) for spec in usual_inputs(program)]
    ['1,4:float32']
    """
    if program.example_inputs is None:
        return None
    args, kwargs = program.example_inputs
    try:
        return (*(_spec(value) for value in args), *_named(kwargs))
    except TypeError:
        return None


def _named(values: Mapping[str, object], above: str = "") -> Iterator[InputSpec]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _named(cast("Mapping[str, object]", value), f"{above}{name}.")
        else:
            yield _spec(value, f"{above}{name}")


def _spec(value: object, name: str | None = None) -> InputSpec:
    if isinstance(value, list):
        return InputSpec(name=name, tensors=tuple(map(_spec, cast("list[object]", value))))
    if not isinstance(value, Tensor):
        raise TypeError
    return InputSpec(tuple(value.shape), str(value.dtype).removeprefix("torch."), name)
