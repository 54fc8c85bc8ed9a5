"""A size worked out: the rule of a kind with the numbers put in, along one axis or several."""

# ruff: noqa: ARG005 - every kind of whole shapes takes the shape and what is given

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import prod
from typing import Any, NamedTuple

from cnnshape.errors import UsageError
from cnnshape.formulas.derivation import AxisDerivation, Derivation, derive_axes, joined
from cnnshape.formulas.expression import latex, substitute
from cnnshape.formulas.layer_arguments import Shape
from cnnshape.formulas.registry import WHOLE_SHAPES, canonical, derive
from cnnshape.formulas.roles import NamedRule, check_arguments, complete, named_rule
from cnnshape.formulas.text_style import Style, unstyled
from cnnshape.messages import say, translated
from cnnshape.shown import told


class Evaluation(NamedTuple):
    """The sizes a layer gives, axis by axis."""

    kind: str
    #: One number for one axis, or a number per axis.
    output: int | tuple[int, ...]
    formula: str
    substitution: str
    axes: tuple[AxisDerivation, ...]
    #: For unfold and fold: the positions of all axes together.
    total: int | None = None
    source: str = ""

    def __str__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        """The same for Jupyter."""
        return told(self.text)

    def text(self, style: Style = unstyled) -> str:
        """The formula, the numbers, and the derivation line by line."""
        axes = _distinct(self.axes)
        lines = [self.formula]
        for axis in axes:
            lines.append("")
            if len(axes) > 1:
                lines.append(style(translated(axis.axis), "strong"))
            if axis.values:
                lines.append(
                    "  " + ", ".join(f"{letter} = {value}" for letter, value in axis.values)
                )
            lines += _steps(axis, style)
        if not axes:
            lines += ["", f"  {self.substitution}"]
        if isinstance(self.output, tuple) and self.axes:
            shown = " × ".join(map(str, self.output))
            if self.total is not None:
                positions = say("{product} = {total} positions", product=shown, total=self.total)
                shown = translated(positions)
            lines += ["", style(shown, "good")]
        return "\n".join(lines)

    def latex(self) -> str:
        """The formula and each axis's substitution, as lines of LaTeX."""
        lines: list[str] = []
        for axis in _distinct(self.axes):
            if axis.expression is None:
                lines.append(axis.substitution.replace("·", r" \cdot ").replace("→", r"\to"))
                continue
            numbers = substitute(axis.expression, dict(axis.values))
            lines.append(f"{latex(axis.expression)} = {latex(numbers)} = {axis.output}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any] | list[dict[str, Any]]:
        """The contract's JSON: an object, or a list of them for several axes."""
        several = [
            {
                "kind": self.kind,
                "output": axis.output,
                "formula": axis.formula,
                "substitution": axis.substitution,
            }
            for axis in self.axes
        ]
        return several if isinstance(self.output, tuple) else several[0]


def _distinct(axes: Iterable[AxisDerivation]) -> list[AxisDerivation]:
    """Axes whose numbers differ; one stands for all that are alike."""
    found: dict[str, AxisDerivation] = {}
    for axis in axes:
        found.setdefault(axis.substitution, axis)
    return list(found.values())


def _steps(axis: AxisDerivation, style: Style) -> list[str]:
    steps = list(axis.steps)
    if axis.expression is None:
        return [f"  {step}" for step in steps]
    *before, last = steps
    return [*(f"  = {step}" for step in before), "  = " + style(last, "good")]


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
        return _evaluate_shape(name, given)
    named, rows = configured(name, given, ceil_mode=ceil_mode, mode=mode)
    axes = derive_axes(named.rule, [named.values(row) for row in rows])
    sizes = tuple(axis.output for axis in axes)
    first, *others = axes
    blocks = name in ("unfold", "fold") and others
    return Evaluation(
        name,
        sizes if others else first.output,
        first.formula,
        joined(axes),
        axes,
        prod(sizes) if blocks else None,
        named.rule.source,
    )


def configured(
    kind: str,
    arguments: Mapping[str, Any],
    *,
    ceil_mode: bool = False,
    mode: str | None = None,
) -> tuple[NamedRule, list[dict[str, Any]]]:
    """The rule of a kind, and every argument that it takes along each axis.

    The arguments are those of :func:`evaluate`; the conditions of the rule are not looked at.

    Raises:
        UsageError: An argument is missing, unknown, or never possible.
    """
    given = {role: value for role, value in arguments.items() if value is not None}
    named, given = _named_rule(canonical(kind), given, ceil_mode=ceil_mode, mode=mode)
    filled = complete(named, given)
    count = max(_length(value) for value in filled.values())
    rows = [
        {role: _along(role, value, index, count) for role, value in filled.items()}
        for index in range(count)
    ]
    for row in rows:
        check_arguments(named, row)
    return named, rows


def _named_rule(
    name: str, given: dict[str, Any], *, ceil_mode: bool, mode: str | None
) -> tuple[NamedRule, dict[str, Any]]:
    """The rule, and the arguments as it takes them."""
    padding = given.get("padding")
    if name == "conv" and isinstance(padding, str):
        if padding == "same":
            from cnnshape.formulas.convolution import CONV_SAME

            strides = given.pop("stride", 1)
            if any(step != 1 for step in (strides if isinstance(strides, tuple) else (strides,))):
                raise UsageError("padding 'same' needs stride 1")
            del given["padding"]
            return NamedRule(name, CONV_SAME), given
        given["padding"] = 0
    elif isinstance(padding, str):
        raise UsageError(f"{name} takes no padding {padding!r}")
    named = named_rule(name, ceil_mode=ceil_mode, roles=tuple(given), mode=mode)
    if name == "pad" and "padding" in given and "before" in named.roles:
        given["before"] = given["after"] = given.pop("padding")
    if name == "fold" and "output" in given and "input" not in given:
        # The sizes that matter to a fold are those of the picture it makes.
        given["input"] = given.pop("output")
    return named, given


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


# ---- kinds whose rule is about whole shapes ------------------------------------------------


class _ShapeKind(NamedTuple):
    """A kind whose rule is about whole shapes: its roles, its derivation, a command that works."""

    roles: tuple[str, ...]
    derive: Callable[[Shape, Mapping[str, Any]], Derivation]
    example: str


def _linear(shape: Shape, given: Mapping[str, Any]) -> Derivation:
    return derive("linear", shape, out_features=_number(given["output"], "output"))


def _bilinear(shape: Shape, given: Mapping[str, Any]) -> Derivation:
    if len(shape) != 2:
        raise UsageError("bilinear takes two inputs, as in --input 20x30")
    output = _number(given["output"], "output")
    return derive("bilinear", shape[:1], input2_shape=shape[1:], out_features=output)


def _embedding(shape: Shape, given: Mapping[str, Any]) -> Derivation:
    return derive("embedding", shape, embedding_dim=_number(given["output"], "output"))


def _channel_shuffle(shape: Shape, given: Mapping[str, Any]) -> Derivation:
    return derive("channel_shuffle", (1, *shape), groups=_number(given["groups"], "groups"))


_SHAPE_KINDS = {
    "flatten": _ShapeKind(
        ("input",),
        lambda shape, given: derive("flatten", shape, start_dim=0),
        "--input 16x5x5",
    ),
    "unflatten": _ShapeKind(
        ("input", "output"),
        lambda shape, given: derive(
            "unflatten", shape, dim=-1, unflattened_size=_shape(given["output"])
        ),
        "--input 400 --output 16x5x5",
    ),
    "linear": _ShapeKind(("input", "output"), _linear, "--input 400 --output 120"),
    "bilinear": _ShapeKind(("input", "output"), _bilinear, "--input 20x30 --output 40"),
    "embedding": _ShapeKind(("input", "output"), _embedding, "--input 2x10 --output 64"),
    "channel_shuffle": _ShapeKind(
        ("input", "groups"), _channel_shuffle, "--input 8x28x28 --groups 2"
    ),
    "glu": _ShapeKind(("input",), lambda shape, given: derive("glu", shape), "--input 128"),
}


def _evaluate_shape(name: str, given: Mapping[str, Any]) -> Evaluation:
    kind = _SHAPE_KINDS[name]
    for role in given:
        if role not in kind.roles:
            raise UsageError(f"{name} has no {role}; it takes {', '.join(kind.roles)}")
    for role in kind.roles:
        if role not in given:
            raise UsageError(f"{name} needs {role}: give --{role}, as in {shape_example(name)}")
    derived = kind.derive(_shape(given["input"]), given)
    output = derived.output if len(derived.output) != 1 else derived.output[0]
    return Evaluation(name, output, derived.formula, derived.substitution, derived.axes)


def shape_example(kind: str) -> str:
    """A command that works, for a kind whose rule is about whole shapes."""
    return f"cnnshape formula {kind} {_SHAPE_KINDS[kind].example}"


def _shape(value: Any) -> Shape:
    return value if isinstance(value, tuple) else (value,)


def _number(value: Any, role: str) -> int:
    if isinstance(value, tuple):
        raise UsageError(f"{role} must be one number, not {value}")
    return int(value)
