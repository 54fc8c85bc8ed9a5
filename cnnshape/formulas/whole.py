"""Kinds whose rule is about whole shapes, not about one axis: linear, flatten, embedding, …."""

# ruff: noqa: ARG005 - every kind takes the shape and what is given

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cnnshape.errors import UsageError
from cnnshape.formulas.derivation import Derivation
from cnnshape.formulas.evaluation import Evaluation
from cnnshape.formulas.registry import derive

#: kind → the arguments it takes on the command line.
KINDS: dict[str, tuple[str, ...]] = {
    "flatten": ("input",),
    "unflatten": ("input", "output"),
    "linear": ("input", "output"),
    "bilinear": ("input", "output"),
    "embedding": ("input", "output"),
    "channel_shuffle": ("input", "groups"),
    "glu": ("input",),
}


def evaluate_whole(kind: str, given: Mapping[str, Any]) -> Evaluation:
    """Apply such a rule.

    Raises:
        UsageError: An argument is missing or unknown.
        ImpossibleSizeError: The layer cannot be applied to this input.
    """
    wanted = KINDS[kind]
    for role in given:
        if role not in wanted:
            raise UsageError(f"{kind} has no {role}; it takes {', '.join(wanted)}")
    for role in wanted:
        if role not in given:
            raise UsageError(f"{kind} needs {role}: give --{role}, as in {EXAMPLES[kind]}")
    derived = _DERIVE[kind](_sizes(given["input"]), given)
    output: int | tuple[int, ...] = derived.output
    if len(derived.output) == 1:
        output = derived.output[0]
    return Evaluation(kind, output, derived.formula, derived.substitution, derived.axes)


def _sizes(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


def _number(value: Any, what: str) -> int:
    if isinstance(value, tuple):
        raise UsageError(f"{what} must be one number, not {value}")
    return int(value)


def _linear(shape: tuple[int, ...], given: Mapping[str, Any]) -> Derivation:
    return derive("linear", shape, out_features=_number(given["output"], "output"))


def _bilinear(shape: tuple[int, ...], given: Mapping[str, Any]) -> Derivation:
    if len(shape) != 2:
        raise UsageError("bilinear takes two inputs, as in --input 20x30")
    output = _number(given["output"], "output")
    return derive("bilinear", shape[:1], input2_shape=shape[1:], out_features=output)


#: A command that works, for each kind.
EXAMPLES = {
    "flatten": "cnnshape formula flatten --input 16x5x5",
    "unflatten": "cnnshape formula unflatten --input 400 --output 16x5x5",
    "linear": "cnnshape formula linear --input 400 --output 120",
    "bilinear": "cnnshape formula bilinear --input 20x30 --output 40",
    "embedding": "cnnshape formula embedding --input 2x10 --output 64",
    "channel_shuffle": "cnnshape formula channel_shuffle --input 8x28x28 --groups 2",
    "glu": "cnnshape formula glu --input 128",
}
_DERIVE: dict[str, Callable[[tuple[int, ...], Mapping[str, Any]], Derivation]] = {
    "flatten": lambda shape, given: derive("flatten", shape, start_dim=0),
    "unflatten": lambda shape, given: derive(
        "unflatten", shape, dim=-1, unflattened_size=_sizes(given["output"])
    ),
    "linear": _linear,
    "bilinear": _bilinear,
    "embedding": lambda shape, given: derive(
        "embedding", shape, embedding_dim=_number(given["output"], "output")
    ),
    "channel_shuffle": lambda shape, given: derive(
        "channel_shuffle", (1, *shape), groups=_number(given["groups"], "groups")
    ),
    "glu": lambda shape, given: derive("glu", shape),
}
