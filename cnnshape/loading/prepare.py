"""A MODEL and its inputs, as a user gives them, become one finished thing that can be run."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from torch import nn

from cnnshape.errors import DeviceError, UsageError
from cnnshape.interrupts import held
from cnnshape.loading.catalogs import timm_inputs
from cnnshape.loading.dtypes import torch_dtype
from cnnshape.loading.forward_signature import (
    check_against_forward,
    missing_input_error,
    swallowed,
    taken_as_dictionary,
)
from cnnshape.loading.initialised import check_initialised
from cnnshape.loading.inputs import ModelInputs, from_python, from_specs, given_inputs
from cnnshape.loading.model import LoadedModel, load
from cnnshape.loading.run_options import RunOptions
from cnnshape.loading.tensors import make_tensors, model_dtype
from cnnshape.loading.unwrap import unwrap
from cnnshape.messages import say
from cnnshape.words import listed


@dataclass(frozen=True)
class Prepared:
    """A model with inputs that fit it: all that a pass needs.

    Attributes:
        module: the model, nothing wrapped around it; its parameters may live on meta.
        inputs: the inputs as they were described; letters stand for symbolic sizes.
        options: where and how it is to be run.
        spec: how the model was named.
        notes: what the reader should know about how it was loaded.
        usual: what a named model is usually run on, if that is known.
        rebuild: builds the model once more with real parameters; None if ``module`` has them.
    """

    module: nn.Module
    inputs: ModelInputs
    options: RunOptions
    spec: str
    notes: tuple[str, ...] = ()
    usual: ModelInputs | None = None
    rebuild: Callable[[], nn.Module] | None = None

    @property
    def has_values(self) -> bool:
        """Whether there are real parameters to run with: a module built on meta has none."""
        return self.rebuild is not None or not any(
            tensor.is_meta for tensor in (*self.module.parameters(), *self.module.buffers())
        )

    def real_module(self) -> nn.Module:
        """The model with real parameters.

        Raises:
            DeviceError: it was handed over on meta, without any.
        """
        if not self.has_values:
            raise DeviceError(
                f"{self.spec} was built on meta and has no values to run with: build it on the "
                "CPU, or leave the device to be meta"
            )
        return self.module if self.rebuild is None else self.rebuild()

    def arguments(self, device: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What ``forward`` is called with, on a device; the same values each time.

        Raises:
            InputError: a size is a letter and has no number.
        """
        dtype = self.options.dtype or model_dtype(self.module)
        return make_tensors(self.inputs, device=device, dtype=dtype)


def prepare(
    model: nn.Module | str,
    inputs: object = None,
    options: RunOptions | None = None,
    *,
    args: tuple[Any, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Prepared:
    """Load what has to be loaded and make sure that the inputs fit ``forward``.

    Args:
        model: a module, or a MODEL argument as on the command line.
        inputs: as :func:`~cnnshape.loading.inputs.from_python` reads them; None for the model's
            usual ones.
        options: where and how it is to be run; None for all as usual.
        args: in the place of ``inputs``, positional arguments that are handed over as they are.
        kwargs: keyword arguments that are handed over as they are.

    Raises:
        UsageError: the model or the inputs cannot be used; the sentence says what to do.

    >>> prepared = prepare("lenet")
    >>> prepared.inputs.args[0].shape, prepared.arguments("meta")[0][0].device.type
    ((1, 1, 28, 28), 'meta')
    """
    given = given_inputs(inputs, args, kwargs)
    if isinstance(model, str):
        prepared = _named(model, given, options or RunOptions())
    else:
        prepared = _in_hand(model, given, options or RunOptions())
    if isinstance(inputs, Mapping) and kwargs is None:
        prepared = _with_dictionary(prepared, cast("Mapping[Any, Any]", inputs))
    check_against_forward(prepared.module, prepared.inputs, python=not isinstance(model, str))
    said = swallowed(prepared.module, prepared.inputs)
    return replace(prepared, notes=(*prepared.notes, *said)) if said else prepared


def _with_dictionary(prepared: Prepared, given: Mapping[Any, Any]) -> Prepared:
    """A dictionary is the one argument of a forward that knows none of its keys."""
    name = taken_as_dictionary(prepared.module, list(given))
    if name is None:
        return prepared
    keys = listed((repr(key) for key in given), "or")
    note = f"forward takes no {keys}: the dictionary is handed over as its one argument, {name}"
    return replace(
        prepared, inputs=ModelInputs(from_python((given,)).args), notes=(*prepared.notes, note)
    )


def _named(spec: str, given: ModelInputs | None, options: RunOptions) -> Prepared:
    def build(*, real: bool) -> LoadedModel:
        loaded = load(spec, weights=options.weights, real=real, trust_pickle=options.trust_pickle)
        module = unwrap(loaded.module)
        if options.dtype is not None:
            with held():  # torch switches gradients off meanwhile
                module = module.to(torch_dtype(options.dtype))
        return replace(loaded, module=module)

    loaded = build(real=options.real)
    usual = None if loaded.usual_inputs is None else from_specs(loaded.usual_inputs)
    inputs = usual if given is None else given
    if inputs is None:
        raise missing_input_error(loaded.module, spec)
    return Prepared(
        loaded.module,
        inputs,
        options,
        spec,
        notes=(loaded.note,) if loaded.note else (),
        usual=usual,
        rebuild=(lambda: build(real=True).module) if loaded.on_meta else None,
    )


def _in_hand(model: nn.Module, given: ModelInputs | None, options: RunOptions) -> Prepared:
    if not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _no_module(model)
    if options.weights is not None:
        raise UsageError(
            say("weights= is for a model given by name; load them into the module instead")
        )
    module = unwrap(model)
    check_initialised(module)
    name = type(module).__name__
    if given is None:
        raise missing_input_error(module, name, python=True)
    if options.dtype is not None:
        with held():
            module = copy.deepcopy(module).to(torch_dtype(options.dtype))
    made_for = timm_inputs(module, {})  # what an architecture of timm says of itself
    return Prepared(
        module, given, options, name, usual=None if made_for is None else from_specs(made_for)
    )


def _no_module(model: object) -> UsageError:
    if isinstance(model, type) and issubclass(model, nn.Module):
        name = model.__name__
        return UsageError(
            say("{name} is a class: give a model made of it, as in {name}(…)", name=name)
        )
    return UsageError(
        say(
            "a model is an nn.Module or a name such as 'lenet', not {type}",
            type=type(model).__name__,
        )
    )
