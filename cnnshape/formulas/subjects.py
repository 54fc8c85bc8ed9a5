"""A kind of layer as the subject of a question: its rule along one axis, in the short names.

The layers say ``kernel_size``; the command line, and people, say ``kernel``. A *role* is the
short name of one argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnshape.errors import UsageError
from cnnshape.formulas.registry import axis_rule, canonical
from cnnshape.formulas.rule import AxisRule

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

_POOLS = frozenset({"max_pool", "avg_pool", "lp_pool"})


class Subject:
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


def subject(
    kind: str, *, ceil_mode: bool = False, roles: Sequence[str] = (), mode: str | None = None
) -> Subject:
    """The subject for a kind.

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
    if ceil_mode and name not in _POOLS:
        raise UsageError(f"{name} has no ceil_mode; {', '.join(sorted(_POOLS))} have")
    if name == "pad" and not {"before", "after"} & set(roles) and mode in (None, "constant"):
        from cnnshape.formulas.padding import BOTH_SIDES

        return Subject(name, BOTH_SIDES)
    options: dict[str, Any] = {"ceil_mode": ceil_mode}
    if mode is not None:
        options["mode"] = mode
    if name == "upsample" and "output" in roles and "factor" not in roles:
        options["size"] = 1
    rule, _ = axis_rule(name, **options)
    return Subject(name, rule, ceil_mode=ceil_mode)
