"""The arguments of a size rule by their short names, called *roles*: defaults, and what is missing.

The layers say ``kernel_size``; the command line, and people, say ``kernel``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnshape.errors import UsageError
from cnnshape.formulas.registry import DEFAULTS, STRIDE_IS_KERNEL, axis_rule, canonical
from cnnshape.formulas.rule import AxisRule
from cnnshape.messages import say

#: An argument as a rule calls it → its role.
ROLES: dict[str, str] = {
    "input": "input",
    "kernel_size": "kernel",
    "stride": "stride",
    "padding": "padding",
    "dilation": "dilation",
    "output_padding": "output_padding",
    "output_size": "output",
    "size": "output",
    "scale_factor": "factor",
    "upscale_factor": "factor",
    "downscale_factor": "factor",
    "before": "before",
    "after": "after",
}

#: The order in which counterexamples are compared and arguments are shown.
ORDER = (
    "input",
    "kernel",
    "stride",
    "padding",
    "dilation",
    "output_padding",
    "output",
    "factor",
    "before",
    "after",
)

_WITH_CEIL_MODE = frozenset({"max_pool", "avg_pool", "lp_pool"})


class NamedRule:
    """One kind with its options fixed: the rule, and the rule's roles in the rule's order."""

    __slots__ = ("ceil_mode", "kind", "roles", "rule")

    def __init__(self, kind: str, rule: AxisRule, *, ceil_mode: bool = False) -> None:
        self.kind = kind
        self.rule = rule
        self.ceil_mode = ceil_mode
        self.roles: tuple[str, ...] = tuple(ROLES[name] for name in rule.names.values())

    @property
    def letters(self) -> dict[str, str]:
        """Role → the letter that the rule's formula uses."""
        return dict(zip(self.roles, self.rule.names, strict=True))

    def values(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The rule's values, in its order, out of arguments by role."""
        return tuple(arguments[role] for role in self.roles)


def named_rule(
    kind: str, *, ceil_mode: bool = False, roles: Sequence[str] = (), mode: str | None = None
) -> NamedRule:
    """The rule of a kind.

    Args:
        kind: A kind or an alias.
        ceil_mode: For pooling.
        roles: Arguments that are given or named; they choose between variants of a rule
            (upsampling to a size or by a factor).
        mode: The mode of padding, for ``pad``.

    Raises:
        UsageError: The kind has no formula along one axis, or no ``ceil_mode``.
    """
    name = canonical(kind)
    if ceil_mode and name not in _WITH_CEIL_MODE:
        raise UsageError(
            say(
                "{name} has no ceil_mode; {with_ceil_mode} have",
                name=name,
                with_ceil_mode=", ".join(sorted(_WITH_CEIL_MODE)),
            )
        )
    if name == "pad" and not {"before", "after"} & set(roles) and mode in (None, "constant"):
        from cnnshape.formulas.padding import BOTH_SIDES

        return NamedRule(name, BOTH_SIDES)
    options: dict[str, Any] = {"ceil_mode": ceil_mode}
    if mode is not None:
        options["mode"] = mode
    if name == "upsample" and "output" in roles and "factor" not in roles:
        options["size"] = 1
    rule, _ = axis_rule(name, **options)
    return NamedRule(name, rule, ceil_mode=ceil_mode)


def complete(named: NamedRule, given: Mapping[str, Any], but: Sequence[str] = ()) -> dict[str, Any]:
    """Every argument of a rule, with its default where there is one.

    Raises:
        UsageError: One is missing, or is not an argument of this kind.
    """
    unknown = [role for role in given if role not in named.roles]
    if unknown:
        raise UsageError(
            say(
                "{kind} has no {unknown}; its formula has {named}",
                kind=named.kind,
                unknown=unknown[0],
                named=", ".join(named.roles),
            )
        )
    filled: dict[str, Any] = {}
    for role in named.roles:
        if role in but:
            continue
        if role in given:
            filled[role] = given[role]
        elif role == "stride" and named.rule.kind in STRIDE_IS_KERNEL:
            if "kernel" in given:
                filled[role] = given["kernel"]
        elif role in DEFAULTS:
            filled[role] = DEFAULTS[role]
        if role not in filled and not (role == "stride" and "kernel" in but):
            raise UsageError(
                say(
                    "{kind} needs {role}: give --{role2}, as in {example}",
                    kind=named.kind,
                    role=role,
                    role2=role.replace("_", "-"),
                    example=example(named),
                )
            )
    return filled


def example(named: NamedRule) -> str:
    """A command that works, for an error message."""
    usual = {"input": "28", "kernel": "5", "output": "7", "factor": "2", "padding": "1"}
    needed = [role for role in named.roles if role not in DEFAULTS]
    if named.kind == "pad":
        needed.append("padding")
    flags = " ".join(f"--{role} {usual[role]}" for role in needed)
    return f"cnnshape formula {named.kind} {flags}"


def check_arguments(named: NamedRule, row: Mapping[str, Any]) -> None:
    """Refuse what no layer takes, whatever the input: stride 0, a negative kernel.

    Raises:
        UsageError: There is such an argument.
    """
    if row.get("input", 0) < 0:
        raise UsageError(say("input cannot be negative: {row}", row=row["input"]))
    for condition in named.rule.conditions:
        if condition.argument:
            left, right = condition.bounds(*named.values(row))
            if left > right:
                raise UsageError(condition.sentence(*named.values(row)))
