"""The inputs of a model: from SHAPE texts or Python values to tensors.

A :class:`ModelInputs` holds what ``forward`` will be called with, where an
:class:`~cnnshape.loading.shapes.InputSpec` stands for each tensor that is yet to be made.
Importing this module does not import torch.

>>> inputs = from_specs(parse_inputs(["1,3,8,8", "mask=1,8:bool"]))
>>> args, kwargs = make_tensors(inputs)
>>> args[0].shape, kwargs["mask"].dtype
(torch.Size([1, 3, 8, 8]), torch.bool)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, cast

from cnnshape.errors import InputError, ShapeSyntaxError
from cnnshape.loading.dtypes import dtype_kind, parse_dtype, torch_dtype
from cnnshape.loading.shapes import InputSpec, Size, parse_input, parse_inputs
from cnnshape.words import listed

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = [
    "InputSpec",
    "ModelInputs",
    "from_python",
    "from_specs",
    "make_tensors",
    "model_dtype",
    "parse_input",
    "parse_inputs",
]


@dataclass(frozen=True, slots=True)
class ModelInputs:
    """The arguments of one forward pass, some of them still descriptions.

    Attributes:
        args: positional arguments: :class:`InputSpec`, ready values, or lists, tuples and
            dictionaries of them.
        kwargs: keyword arguments, likewise.
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def specs(self) -> tuple[InputSpec, ...]:
        """Every description in the arguments, in order."""
        return tuple(leaf for leaf in _leaves((self.args, self.kwargs)) if _is_spec(leaf))

    @property
    def letters(self) -> tuple[str, ...]:
        """The symbolic sizes, in the order they first appear.

        >>> from_python((1, 1, "H", "W")).letters
        ('H', 'W')
        """
        return tuple(dict.fromkeys(letter for spec in self.specs for letter in spec.letters))

    @property
    def has_letters(self) -> bool:
        """Whether any size is symbolic."""
        return bool(self.letters)

    @property
    def elements(self) -> int:
        """Numbers in all tensors together; a letter counts as 1.

        >>> from_specs(parse_inputs(["1,3,8,8", "[3,2,2],[3,1,1]"])).elements
        207
        """
        return sum(map(_elements, _leaves((self.args, self.kwargs))))


def from_specs(specs: Sequence[InputSpec]) -> ModelInputs:
    """Arguments from what was typed: names become keywords, dotted names dictionaries.

    >>> from_specs(parse_inputs(["batch.image=1,3,8,8", "batch.mask=1,8:bool"])).kwargs.keys()
    dict_keys(['batch'])
    """
    kwargs: dict[str, Any] = {}
    for spec in specs:
        if spec.name is None:
            continue
        *parents, last = spec.name.split(".")
        place = kwargs
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = spec
    return ModelInputs(tuple(spec for spec in specs if spec.name is None), kwargs)


def from_python(inputs: object = (), kwargs: Mapping[str, object] | None = None) -> ModelInputs:
    """Arguments from what a Python caller hands in.

    ==========================  ========================================================
    given                       means
    ==========================  ========================================================
    ``(1, 1, 28, 28)``          the shape of one tensor (letters allowed); so does a list
                                of ints or a ``torch.Size``
    ``"1,128:int64"``           the same as a text, with a dtype
    a tensor, or anything else  itself
    a tuple of these            several positional inputs
    a list of these             one input that is a list
    a dict of these             keyword inputs (inside another: one input that is a dict)
    ==========================  ========================================================

    Args:
        inputs: the above.
        kwargs: keyword inputs beside positional ones.

    Raises:
        InputError: a bare number, or a negative size.
        ShapeSyntaxError: a text that cannot be read.

    >>> from_python((1, 1, 28, 28)).args[0].shape
    (1, 1, 28, 28)
    >>> [spec.shape for spec in from_python(((1, 3, 8, 8), (1, 5))).args]
    [(1, 3, 8, 8), (1, 5)]
    >>> from_python({"ids": "1,128:int64"}).kwargs["ids"].dtype
    'int64'
    """
    named = {name: _from_value(value) for name, value in (kwargs or {}).items()}
    if isinstance(inputs, ModelInputs):
        return ModelInputs(inputs.args, {**inputs.kwargs, **named})
    if inputs is None:
        return ModelInputs((), named)
    if isinstance(inputs, Mapping):
        given = cast("Mapping[str, object]", inputs)
        return ModelInputs((), {**{k: _from_value(v) for k, v in given.items()}, **named})
    if isinstance(inputs, (int, float)):
        raise InputError(
            f"the input is the number {inputs}: give a shape such as (1, {inputs}), or a tensor"
        )
    _refuse_odd_sizes(inputs)
    if isinstance(inputs, tuple) and not _is_shape(cast("tuple[Any, ...]", inputs)):
        several = cast("tuple[object, ...]", inputs)
        if not hasattr(several, "_fields"):
            return ModelInputs(tuple(_from_value(value) for value in several), named)
    return ModelInputs((_from_value(inputs),), named)


def _from_value(value: object) -> Any:
    """One argument: shapes and texts become specs, containers are walked, the rest stays."""
    if isinstance(value, str):
        return parse_input(value)
    if isinstance(value, Mapping):
        return {key: _from_value(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        items = cast("list[Any] | tuple[Any, ...]", value)
        if _is_shape(items):
            return _shape(items)
        walked = [_from_value(item) for item in items]
        return walked if isinstance(items, list) else tuple(walked)
    return value


def _is_shape(items: Sequence[Any]) -> bool:
    """Whether a tuple or list gives sizes: whole numbers and letters, nothing else."""
    return bool(items) and all(
        (not isinstance(item, bool) and isinstance(item, (int, Integral)))
        or (isinstance(item, str) and item.isidentifier())
        for item in items
    )


def _refuse_odd_sizes(items: object) -> None:
    """Numbers that were meant as a shape: ``(1, 3, 32.0, 32.0)``."""
    if not isinstance(items, (list, tuple)) or hasattr(items, "_fields"):
        return
    sizes = cast("list[Any] | tuple[Any, ...]", items)
    odd = next((size for size in sizes if isinstance(size, (bool, float))), None)
    if odd is not None and all(isinstance(size, (Real, str)) for size in sizes):
        raise InputError(
            f"the size {odd} in {sizes} is no whole number: give sizes such as (1, 3, 32, 32), "
            "and numbers that are no sizes as tensors, torch.tensor(0.5)"
        )


def _shape(items: Sequence[Size]) -> InputSpec:
    for size in items:
        if not isinstance(size, str) and int(size) < 0:
            raise InputError(f"the size {size} in {tuple(items)} is negative: sizes are 0 or more")
    return InputSpec(tuple(size if isinstance(size, str) else int(size) for size in items))


def make_tensors(
    inputs: ModelInputs | Sequence[InputSpec],
    *,
    device: str = "cpu",
    dtype: str | torch.dtype | None = None,
    seed: int = 0,
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Make every described tensor; the same values each time, on every device.

    Floating ones are drawn from a normal distribution, integers are 1 (a valid index of any
    ``Embedding`` with two rows or more, a valid length for packing), ``uint8`` ones are
    pictures 0…255, booleans are True. The process's random generators are not used.
    Values that were given ready are moved to ``device`` if they are tensors.

    Args:
        inputs: from :func:`from_specs` or :func:`from_python`.
        device: any torch device; on ``meta`` no memory is used.
        dtype: for floating tensors whose description names none; float32 by default.
        seed: for other values.

    Raises:
        InputError: a size is a letter and has no number.
    """
    import torch

    from cnnshape.loading.tensors import TensorMaker

    if not isinstance(inputs, ModelInputs):
        inputs = from_specs(inputs)
    if inputs.has_letters:
        raise InputError(
            f"the size {listed(inputs.letters)} has no number: give numbers, as in 1,1,28,28"
        )
    if dtype is None or isinstance(dtype, str):
        dtype = torch_dtype(parse_dtype(dtype or "float32"))
    make = TensorMaker(torch.device(device), dtype, seed)
    args, kwargs = _map_leaves(make, (inputs.args, dict(inputs.kwargs)))
    return args, kwargs


def model_dtype(module: nn.Module) -> str:
    """The canonical name of the model's floating dtype: that of its first such parameter.

    >>> from torch import nn
    >>> model_dtype(nn.Linear(2, 2).double()), model_dtype(nn.ReLU())
    ('float64', 'float32')
    """
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            name = str(tensor.dtype).removeprefix("torch.")
            try:
                return name if dtype_kind(parse_dtype(name)) == "float" else "float32"
            except ShapeSyntaxError:  # a storage format, such as float8_e8m0fnu
                return "float32"
    return "float32"


def _is_spec(leaf: object) -> bool:
    return isinstance(leaf, InputSpec)


def _leaves(tree: object) -> Iterator[Any]:
    if isinstance(tree, Mapping):
        for value in cast("Mapping[Any, Any]", tree).values():
            yield from _leaves(value)
    elif isinstance(tree, (list, tuple)) and not hasattr(tree, "_fields"):
        for value in cast("list[Any]", tree):
            yield from _leaves(value)
    else:
        yield tree


def _map_leaves(change: Callable[[Any], Any], tree: Any) -> Any:
    if isinstance(tree, Mapping):
        items = cast("Mapping[Any, Any]", tree).items()
        return {key: _map_leaves(change, value) for key, value in items}
    if isinstance(tree, (list, tuple)) and not hasattr(tree, "_fields"):
        values = [_map_leaves(change, value) for value in cast("list[Any]", tree)]
        return values if isinstance(tree, list) else tuple(values)
    return change(tree)


def _elements(leaf: Any) -> int:
    if isinstance(leaf, InputSpec):
        if leaf.tensors is not None:
            return sum(map(_elements, leaf.tensors))
        return math.prod(size for size in leaf.shape if isinstance(size, int))
    # A tensor, told by its method: this module does not import torch.
    return int(leaf.numel()) if hasattr(leaf, "numel") else 0
