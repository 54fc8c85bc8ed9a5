"""Inputs with letters in their shapes, and numbers put in the place of the letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cnnshape.formulas.algebra import Whole, letter
from cnnshape.loading.inputs import ModelInputs
from cnnshape.loading.shapes import InputSpec
from cnnshape.tracing.structure import named_tensors
from cnnshape.tracing.trace import Trace

#: A number for each letter.
Letters = Mapping[str, int]


def filled(inputs: ModelInputs, values: Letters) -> ModelInputs:
    """The same inputs with numbers in the place of letters.

    >>> from cnnshape.loading.inputs import from_python
    >>> filled(from_python((1, 1, "H", "W")), {"H": 28, "W": 30}).args[0].shape
    (1, 1, 28, 30)
    """

    def number(leaf: Any) -> Any:
        return _filled_spec(leaf, values) if isinstance(leaf, InputSpec) else leaf

    return inputs.map(number)


def _filled_spec(spec: InputSpec, values: Letters) -> InputSpec:
    members = spec.tensors
    return replace(
        spec,
        shape=tuple(values[n] if isinstance(n, str) else n for n in spec.shape),
        tensors=None if members is None else tuple(_filled_spec(m, values) for m in members),
    )


def shapes_of(inputs: ModelInputs) -> list[tuple[int | str, ...]]:
    """The shape of every tensor among the inputs, in the order of the recording's inputs.

    >>> from cnnshape.loading.inputs import from_python
    >>> shapes_of(from_python(("N", 1, "H", "W")))
    [('N', 1, 'H', 'W')]
    """
    found: list[tuple[int | str, ...]] = []

    def note(leaf: Any) -> Any:
        if isinstance(leaf, InputSpec):
            members = (leaf,) if leaf.tensors is None else leaf.tensors
            found.extend(member.shape for member in members)
        else:
            tensors = (tensor for _, tensor in named_tensors("", leaf))
            found.extend(tuple(int(n) for n in tensor.shape) for tensor in tensors)
        return leaf

    inputs.map(note)
    return found


def input_sizes(inputs: ModelInputs, trace: Trace) -> dict[int, tuple[Whole, ...]]:
    """The sizes of a recording's input values as letters and numbers."""
    return {
        named.value: tuple(letter(n) if isinstance(n, str) else n for n in shape)
        for named, shape in zip(trace.inputs, shapes_of(inputs), strict=False)
    }


def places(inputs: ModelInputs) -> dict[str, tuple[int, int]]:
    """For each letter, the axis where it first stands and how many axes that tensor has.

    >>> from cnnshape.loading.inputs import from_python
    >>> places(from_python(("N", 1, "H", "W")))
    {'N': (0, 4), 'H': (2, 4), 'W': (3, 4)}
    """
    found: dict[str, tuple[int, int]] = {}
    for shape in shapes_of(inputs):
        for axis, size in enumerate(shape):
            if isinstance(size, str):
                found.setdefault(size, (axis, len(shape)))
    return found


def batch_letters(inputs: ModelInputs) -> frozenset[str]:
    """Letters that stand first in a tensor of two or more axes: the batch, as a rule.

    >>> from cnnshape.loading.inputs import from_python
    >>> batch_letters(from_python(("N", 1, "H", "W")))
    frozenset({'N'})
    """
    return frozenset(name for name, (axis, rank) in places(inputs).items() if not axis and rank > 1)
