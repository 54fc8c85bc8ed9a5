"""A size along one axis or several, with the numbers put into the formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from cnnshape.errors import UsageError
from cnnshape.formulas.derivation import AxisDerivation, derive_axes, joined
from cnnshape.formulas.evaluation import Evaluation
from cnnshape.formulas.registry import DEFAULTS, STRIDE_IS_KERNEL, WHOLE_SHAPES, canonical
from cnnshape.formulas.rule import AxisRule
from cnnshape.formulas.subjects import Subject, subject


def evaluate(
    kind: str,
    arguments: Mapping[str, Any],
    *,
    ceil_mode: bool = False,
    mode: str | None = None,
) -> Evaluation:
    """Apply the rule of a kind.

    Args:
        kind: A kind or an alias.
        arguments: role → a number, or one per axis; ``padding`` may be ``"same"``.
        ceil_mode: For pooling.
        mode: The mode of padding, for ``pad``.

    Raises:
        ImpossibleSizeError: The layer cannot be applied to this input.
        UsageError: An argument is missing, unknown, or never possible.
    """
    name = canonical(kind)
    given = {role: value for role, value in arguments.items() if value is not None}
    if name in WHOLE_SHAPES:
        from cnnshape.formulas import whole

        return whole.evaluate_whole(name, given)
    about, given = _about(name, given, ceil_mode=ceil_mode, mode=mode)
    filled = complete(about, given)
    count = max(_length(value) for value in filled.values())
    rows = [
        {role: _along(role, value, index, count) for role, value in filled.items()}
        for index in range(count)
    ]
    for row in rows:
        check_arguments(about, row)
    axes = derive_axes(about.rule, [about.values(row) for row in rows])
    return evaluation(name, about.rule, axes)


def evaluation(kind: str, rule: AxisRule, axes: Sequence[AxisDerivation]) -> Evaluation:
    """Gather the axes."""
    sizes = tuple(axis.output for axis in axes)
    blocks = kind in ("unfold", "fold")
    return Evaluation(
        kind,
        sizes if len(axes) > 1 else axes[0].output,
        axes[0].formula,
        joined(axes),
        tuple(axes),
        prod(sizes) if blocks and len(sizes) > 1 else None,
        rule.source,
    )


def _about(
    name: str, given: dict[str, Any], *, ceil_mode: bool, mode: str | None
) -> tuple[Subject, dict[str, Any]]:
    """The subject, and the arguments as it takes them."""
    padding = given.get("padding")
    if name == "conv" and isinstance(padding, str):
        if padding == "same":
            from cnnshape.formulas.convolution import CONV_SAME

            strides = given.pop("stride", 1)
            if any(step != 1 for step in (strides if isinstance(strides, tuple) else (strides,))):
                raise UsageError("padding 'same' needs stride 1")
            del given["padding"]
            return Subject(name, CONV_SAME), given
        given["padding"] = 0
    elif isinstance(padding, str):
        raise UsageError(f"{name} takes no padding {padding!r}")
    about = subject(name, ceil_mode=ceil_mode, roles=tuple(given), mode=mode)
    if name == "pad" and "padding" in given and "before" in about.roles:
        given["before"] = given["after"] = given.pop("padding")
    if name == "fold" and "output" in given and "input" not in given:
        # The sizes that matter to a fold are those of the picture it makes.
        given["input"] = given.pop("output")
    return about, given


def complete(about: Subject, given: Mapping[str, Any], but: Sequence[str] = ()) -> dict[str, Any]:
    """Every argument of a rule, with its default where there is one.

    Raises:
        UsageError: One is missing, or is not an argument of this kind.
    """
    unknown = [role for role in given if role not in about.roles]
    if unknown:
        raise UsageError(
            f"{about.kind} has no {unknown[0]}; its formula has {', '.join(about.roles)}"
        )
    filled: dict[str, Any] = {}
    for role in about.roles:
        if role in but:
            continue
        if role in given:
            filled[role] = given[role]
        elif role == "stride" and about.rule.kind in STRIDE_IS_KERNEL:
            if "kernel" in given:
                filled[role] = given["kernel"]
        elif role in DEFAULTS:
            filled[role] = DEFAULTS[role]
        if role not in filled and not (role == "stride" and "kernel" in but):
            raise UsageError(
                f"{about.kind} needs {role}: give --{role.replace('_', '-')}, "
                f"as in {example(about)}"
            )
    return filled


def example(about: Subject) -> str:
    """A command that works, for an error message."""
    usual = {"input": "28", "kernel": "5", "output": "7", "factor": "2", "padding": "1"}
    needed = [role for role in about.roles if role not in DEFAULTS]
    if about.kind == "pad":
        needed.append("padding")
    flags = " ".join(f"--{role} {usual[role]}" for role in needed)
    return f"cnnshape formula {about.kind} {flags}"


def check_arguments(about: Subject, row: Mapping[str, Any]) -> None:
    """Refuse what no layer takes, whatever the input: stride 0, a negative kernel.

    Raises:
        UsageError: There is such an argument.
    """
    if row.get("input", 0) < 0:
        raise UsageError(f"input cannot be negative: {row['input']}")
    for condition in about.rule.conditions:
        if condition.argument:
            left, right = condition.bounds(*about.values(row))
            if left > right:
                raise UsageError(condition.sentence(*about.values(row)))


def _length(value: Any) -> int:
    return len(value) if isinstance(value, tuple) else 1


def _along(role: str, value: Any, axis: int, count: int) -> Any:
    if not isinstance(value, tuple):
        return value
    if len(value) == 1:
        return value[0]
    if len(value) != count:
        raise UsageError(f"{role} has {len(value)} numbers, but there are {count} axes")
    return value[axis]
