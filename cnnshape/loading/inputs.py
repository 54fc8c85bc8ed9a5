"""The inputs of a model, described: from SHAPE texts or Python values to arguments of forward.

A :class:`ModelInputs` holds what ``forward`` will be called with, where an
:class:`~cnnshape.loading.shapes.InputSpec` stands for each tensor that is yet to be made
(:func:`cnnshape.loading.tensors.make_tensors`). Importing this module does not import torch.

>>> inputs = from_texts(["1,3,8,8", "mask=1,8:bool"])
>>> inputs.args[0].shape, inputs.kwargs["mask"].dtype
((1, 3, 8, 8), 'bool')
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, cast

from cnnshape.errors import InputError
from cnnshape.loading.shapes import InputSpec, Size, parse_input, parse_inputs


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

    def map(self, change: Callable[[Any], Any]) -> ModelInputs:
        """The same arguments with every description and every ready value changed.

        >>> from_python([(1, 3), (1, 4)]).map(str).args
        (['1,3', '1,4'],)
        """
        return ModelInputs(_mapped(change, self.args), _mapped(change, dict(self.kwargs)))


def from_texts(texts: Sequence[str]) -> ModelInputs | None:
    """Arguments from every ``--input`` of a command line; None if there is none.

    Raises:
        ShapeSyntaxError: a text cannot be read, or a keyword is given twice.
    """
    return from_specs(parse_inputs(texts)) if texts else None


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


def _elements(leaf: Any) -> int:
    if isinstance(leaf, InputSpec):
        if leaf.tensors is not None:
            return sum(map(_elements, leaf.tensors))
        return math.prod(size for size in leaf.shape if isinstance(size, int))
    # A tensor, told by its method: this module does not import torch.
    return int(leaf.numel()) if hasattr(leaf, "numel") else 0


def _mapped(change: Callable[[Any], Any], tree: Any) -> Any:
    if isinstance(tree, Mapping):
        items = cast("Mapping[Any, Any]", tree).items()
        return {key: _mapped(change, value) for key, value in items}
    if isinstance(tree, (list, tuple)) and not hasattr(tree, "_fields"):
        values = [_mapped(change, value) for value in cast("list[Any]", tree)]
        return values if isinstance(tree, list) else tuple(values)
    return change(tree)
