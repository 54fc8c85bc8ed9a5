"""From a MODEL and its inputs, as a user gives them, to a subject that can be run."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cnnshape.errors import UsageError
from cnnshape.experiments.forward import Subject
from cnnshape.loading.dtypes import dtype_kind, parse_dtype, torch_dtype
from cnnshape.loading.forward import check_against_forward, missing_input_error
from cnnshape.loading.inputs import (
    ModelInputs,
    from_python,
    from_specs,
    make_tensors,
    parse_inputs,
)
from cnnshape.loading.model import load
from cnnshape.loading.unwrap import unwrap
from cnnshape.tracing.execute import Inputs


@dataclass(frozen=True)
class Prepared:
    """A subject with what the report says about where it came from.

    Attributes:
        subject: the model and its inputs, ready to be run.
        spec: how the model was named.
        inputs: the inputs as they were described; letters stand for symbolic sizes.
        notes: what the reader should know about how it was loaded.
        usual: what a named model is usually run on, if that is known.
    """

    subject: Subject
    spec: str
    inputs: ModelInputs
    notes: tuple[str, ...] = ()
    usual: ModelInputs | None = None


def describe_inputs(inputs: object) -> ModelInputs:
    """Arguments from what a Python caller hands in; a dict names keyword inputs.

    >>> describe_inputs((1, 1, 28, 28)).elements
    784
    """
    if isinstance(inputs, ModelInputs):
        return inputs
    if isinstance(inputs, Mapping):
        return from_python((), inputs)  # pyright: ignore[reportUnknownArgumentType]
    return from_python(inputs)


def prepare(
    model: nn.Module | str,
    inputs: object = None,
    *,
    real: bool = False,
    dtype: str | torch.dtype | None = None,
    weights: str | Path | None = None,
) -> Prepared:
    """Load what has to be loaded and make sure that the inputs fit ``forward``.

    Args:
        model: a module, or a MODEL argument as on the command line.
        inputs: as :func:`describe_inputs` reads them; None for the model's usual ones.
        real: the model needs real parameters, however many.
        dtype: the floating dtype to run in; the model's own if None.
        weights: a state dict to load, for a MODEL argument.

    Raises:
        UsageError: the model or the inputs cannot be used; the sentence says what to do.
    """
    floating = None if dtype is None else _floating(dtype)
    if isinstance(model, str):
        return _prepare_spec(model, inputs, real=real, dtype=floating, weights=weights)
    if not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
        if isinstance(model, type) and issubclass(model, nn.Module):
            name = model.__name__
            raise UsageError(f"{name} is a class: give a model made of it, as in {name}(…)")
        raise UsageError(
            f"a model is an nn.Module or a name such as 'lenet', not {type(model).__name__}"
        )
    if weights is not None:
        raise UsageError("weights= is for a model given by name; load them into the module instead")
    module = unwrap(model)
    if inputs is None:
        raise missing_input_error(module, type(module).__name__, python=True)
    if floating is not None:
        module = copy.deepcopy(module).to(torch_dtype(floating))
    described = describe_inputs(inputs)
    check_against_forward(module, described, python=True)
    return Prepared(
        Subject(module, _maker(described, module, floating)), type(module).__name__, described
    )


def prepare_texts(
    spec: str,
    texts: Sequence[str],
    *,
    real: bool = False,
    dtype: str | None = None,
    weights: str | Path | None = None,
) -> Prepared:
    """As :func:`prepare`, from a command line's MODEL and ``--input`` texts."""
    inputs = from_specs(parse_inputs(texts)) if texts else None
    return prepare(spec, inputs, real=real, dtype=dtype, weights=weights)


def _prepare_spec(
    spec: str,
    inputs: object,
    *,
    real: bool,
    dtype: str | None,
    weights: str | Path | None,
) -> Prepared:
    described = None if inputs is None else describe_inputs(inputs)

    def build(real: bool) -> tuple[nn.Module, Any]:
        loaded = load(spec, weights=weights, real=real)
        module = unwrap(loaded.module)
        return (module if dtype is None else module.to(torch_dtype(dtype))), loaded

    module, loaded = build(real)
    if described is None:
        if loaded.usual_inputs is None:
            raise missing_input_error(module, spec)
        described = from_specs(loaded.usual_inputs)
    check_against_forward(module, described)
    subject = Subject(
        module,
        _maker(described, module, dtype),
        rebuild=(lambda: build(real=True)[0]) if loaded.on_meta else None,
    )
    return Prepared(
        subject,
        spec,
        described,
        (loaded.note,) if loaded.note else (),
        None if loaded.usual_inputs is None else from_specs(loaded.usual_inputs),
    )


def _maker(inputs: ModelInputs, module: nn.Module, dtype: str | None) -> Any:
    from cnnshape.loading.inputs import model_dtype

    floating = dtype or model_dtype(module)

    def make(device: str) -> Inputs:
        args, kwargs = make_tensors(inputs, device=device, dtype=floating)
        return Inputs(args, kwargs)

    return make


def _floating(dtype: str | torch.dtype) -> str:
    text = str(dtype).removeprefix("torch.")
    name = parse_dtype(text)
    if dtype_kind(name) != "float":
        raise UsageError(
            f"--dtype takes a floating dtype for the model, not {text}; give an input its own "
            f"dtype as in -i 1,128:{text}"
        )
    return name
