"""The one call behind ``cnnshape.formula``: evaluate, solve, test, or follow a chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from cnnshape.errors import UsageError
from cnnshape.messages import say

if TYPE_CHECKING:
    from cnnshape.formulas.chain import Chain
    from cnnshape.formulas.judgement import Judgements
    from cnnshape.formulas.size_evaluation import Evaluation
    from cnnshape.formulas.solutions import Solutions
    from cnnshape.formulas.worked import Worked

#: A size, or one per axis.
Sizes = int | Sequence[int]


@overload
def formula(
    kind: str,
    /,
    *,
    input: Sizes | None = None,
    kernel: Sizes | None = None,
    stride: Sizes | None = None,
    padding: Sizes | str | None = None,
    dilation: Sizes | None = None,
    output_padding: Sizes | None = None,
    output: Sizes | None = None,
    factor: float | Sequence[float] | None = None,
    before: Sizes | None = None,
    after: Sizes | None = None,
    groups: int | None = None,
    mode: str | None = None,
    ceil_mode: bool = False,
) -> Evaluation: ...
@overload
def formula(
    kind: str,
    expression: str,
    /,
    *,
    input: int | None = None,
    kernel: int | None = None,
    stride: int | None = None,
    padding: int | None = None,
    dilation: int | None = None,
    output_padding: int | None = None,
    output: int | None = None,
    factor: float | None = None,
    before: int | None = None,
    after: int | None = None,
    ceil_mode: bool = False,
) -> Judgements: ...
@overload
def formula(
    kind: str,
    /,
    *,
    solve: str | Sequence[str],
    output: int | str | None = None,
    input: int | None = None,
    kernel: int | None = None,
    stride: int | None = None,
    padding: int | None = None,
    dilation: int | None = None,
    output_padding: int | None = None,
    factor: int | None = None,
    before: int | None = None,
    after: int | None = None,
    ceil_mode: bool = False,
    ranges: Mapping[str, tuple[int, int]] | None = None,
) -> Solutions: ...
@overload
def formula(*, layers: str, input: Sizes) -> Chain: ...
@overload
def formula(
    kind: str,
    /,
    *,
    matrix: str | Sequence[object],
    weights: str | Sequence[object] | None = None,
    steps: bool = False,
    kernel: Sizes | None = None,
    stride: Sizes | None = None,
    padding: Sizes | str | None = None,
    dilation: Sizes | None = None,
    output_padding: Sizes | None = None,
    ceil_mode: bool = False,
) -> Worked: ...
def formula(
    kind: str | None = None,
    expression: str | None = None,
    /,
    *,
    input: Sizes | None = None,
    kernel: Sizes | None = None,
    stride: Sizes | None = None,
    padding: Sizes | str | None = None,
    dilation: Sizes | None = None,
    output_padding: Sizes | None = None,
    output: Sizes | str | None = None,
    factor: float | Sequence[float] | None = None,
    before: Sizes | None = None,
    after: Sizes | None = None,
    groups: int | None = None,
    mode: str | None = None,
    ceil_mode: bool = False,
    solve: str | Sequence[str] | None = None,
    ranges: Mapping[str, tuple[int, int]] | None = None,
    layers: str | None = None,
    matrix: str | Sequence[object] | None = None,
    weights: str | Sequence[object] | None = None,
    steps: bool = False,
) -> Evaluation | Solutions | Judgements | Chain | Worked:
    """Evaluate, solve, or test a size formula, or work a layer out on a matrix; without torch.

    Args:
        kind: What kind of layer, one of :data:`cnnshape.formulas.KINDS`.
        expression: A formula to test, in plain text, unicode or LaTeX. Sizes that are given
            beside it are held fixed.
        input: The size of the input, or one per axis; so too the other sizes.
        kernel: The size of the kernel.
        stride: 1 by default, the kernel for pooling.
        padding: 0 by default; ``"same"`` for a convolution.
        dilation: 1 by default.
        output_padding: 0 by default.
        output: The wanted size to solve for (``"same"``: the input's), or the size that an
            adaptive pooling or an upsampling is told to give.
        factor: The scale factor of an upsampling or a pixel shuffle.
        before: What ``pad`` adds before the first element.
        after: What ``pad`` adds after the last one.
        groups: The groups of a channel shuffle.
        mode: The mode of ``pad``: constant, reflect, replicate, circular.
        ceil_mode: The ``ceil_mode`` of a pooling.
        solve: One or two arguments to solve for, in place of giving them.
        ranges: argument → (first, last) in which to look for answers.
        layers: A chain such as ``"conv k5 p2, pool 2"``; no ``kind`` then.
        matrix: Numbers to apply the layer to: ``"1 2 3; 4 5 6"``, rows of them, or a CSV file.
        weights: The kernel of a convolution on that matrix, likewise.
        steps: Show each window, product and sum.

    Raises:
        ImpossibleSizeError: The layer cannot be applied to this input.
        UsageError: An argument is missing, unknown or contradictory.
        FormulaSyntaxError: The formula cannot be read; the message points at the character.

    >>> formula("conv", input=28, kernel=5, padding=2).output
    28
    >>> print(formula("conv", input=28, kernel=5, padding=2))
    ⌊(H + 2P − D(K − 1) − 1)/S⌋ + 1
    <BLANKLINE>
      H = 28, K = 5, S = 1, P = 2, D = 1
      = ⌊(28 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1
      = ⌊(28 + 4 − 4 − 1)/1⌋ + 1
      = ⌊27/1⌋ + 1
      = 27 + 1
      = 28
    >>> formula("conv", "(W - F + 2P)/S + 1").verdict
    'conditional'
    >>> formula("conv", input=28, kernel=5, output=28, solve="padding").solutions
    ({'padding': 2},)
    >>> formula(layers="conv k5 p2, pool 2, conv k5, pool 2", input=28).output
    5
    >>> formula("conv", matrix="1 2 3; 4 5 6; 7 8 9", weights="1 0; 0 -1").output
    ((-4, -4), (-4, -4))
    """
    given: dict[str, Any] = {
        "input": _sizes("input", input),
        "kernel": _sizes("kernel", kernel),
        "stride": _sizes("stride", stride),
        "padding": padding if isinstance(padding, str) else _sizes("padding", padding),
        "dilation": _sizes("dilation", dilation),
        "output_padding": _sizes("output_padding", output_padding),
        "factor": _factor(kind, factor),
        "before": _sizes("before", before),
        "after": _sizes("after", after),
        "groups": groups,
    }
    wanted = output if isinstance(output, str) else _sizes("output", output)
    given = {role: value for role, value in given.items() if value is not None}
    if layers is not None:
        return _chain(kind, expression, layers, given)
    if kind is None:
        from cnnshape.formulas.registry import KINDS

        raise UsageError(
            say(
                "which kind of layer? Give one of {kinds}; for a chain, layers as "
                "in 'conv k5 p2, pool 2'",
                kinds=", ".join(KINDS),
            )
        )
    if matrix is not None:
        if expression is not None or solve is not None or wanted is not None:
            raise UsageError(
                say("a matrix is worked out by itself: no formula, solve or output beside it")
            )
        return _work_out(kind, matrix, weights, given, ceil_mode=ceil_mode, steps=steps)
    if weights is not None or steps:
        raise UsageError(say("weights and steps belong to a matrix; give matrix as well"))
    if expression is not None:
        return _test(kind, expression, given, wanted, solve, ceil_mode=ceil_mode)
    if solve is not None:
        return _solve(kind, solve, given, wanted, ranges, ceil_mode=ceil_mode)
    if isinstance(wanted, str):
        raise UsageError(
            say("output {wanted} is understood together with solve only", wanted=repr(wanted))
        )
    from cnnshape.formulas.size_evaluation import evaluate

    if wanted is not None:
        given["output"] = wanted
    return evaluate(kind, given, ceil_mode=ceil_mode, mode=mode)


def _work_out(
    kind: str,
    matrix: str | Sequence[object],
    weights: str | Sequence[object] | None,
    given: dict[str, Any],
    *,
    ceil_mode: bool,
    steps: bool,
) -> Worked:
    from cnnshape.formulas.worked import work_out

    known = ("kernel", "stride", "padding", "dilation", "output_padding")
    unknown = [role for role in given if role not in known]
    if unknown:
        raise UsageError(
            say(
                "{unknown} says nothing beside a matrix; {known} do",
                unknown=unknown[0],
                known=", ".join(known),
            )
        )
    return work_out(kind, matrix, weights, arguments=given, ceil_mode=ceil_mode, with_steps=steps)


def _chain(kind: str | None, expression: str | None, layers: str, given: dict[str, Any]) -> Chain:
    from cnnshape.formulas.chain import chain

    if kind is not None or expression is not None:
        raise UsageError(say("a chain of layers takes no kind and no formula beside it"))
    if "input" not in given:
        raise UsageError(say("a chain of layers needs the size it begins with: give input"))
    rest = [role for role in given if role != "input"]
    if rest:
        raise UsageError(say("write {rest} inside the chain, as in 'conv k5 p2'", rest=rest[0]))
    return chain(layers, given["input"])


def _test(
    kind: str,
    expression: str,
    given: dict[str, Any],
    output: Any,
    solve: object,
    *,
    ceil_mode: bool,
) -> Judgements:
    from cnnshape.formulas.judgement import Judgements
    from cnnshape.formulas.verdict import judge_all

    if solve is not None:
        raise UsageError(say("a formula is tested or solved, not both"))
    if output is not None:
        given["output"] = output
    for role, value in given.items():
        if isinstance(value, tuple | str):
            raise UsageError(
                say("a formula is tested along one axis; {role} must be one number", role=role)
            )
    return Judgements(judge_all(kind, expression, ceil_mode=ceil_mode, given=given))


def _solve(
    kind: str,
    solve: str | Sequence[str],
    given: dict[str, Any],
    output: Any,
    ranges: Mapping[str, tuple[int, int]] | None,
    *,
    ceil_mode: bool,
) -> Solutions:
    from cnnshape.formulas.solutions import solve as search

    unknowns = solve.split(",") if isinstance(solve, str) else list(solve)
    unknowns = [name.strip().replace("-", "_").removesuffix("_size") for name in unknowns]
    if isinstance(output, tuple):
        raise UsageError(say("solve works along one axis; output must be one number"))
    if isinstance(given.get("padding"), str):
        raise UsageError(say("padding must be a number here"))
    return search(kind, unknowns, given, output=output, ranges=ranges, ceil_mode=ceil_mode)


def _factor(kind: str | None, factor: float | Sequence[float] | None) -> Any:
    """A number or one per axis; only upsampling takes others than whole ones."""
    each = tuple(factor) if isinstance(factor, Sequence) else (factor,)
    for number in each if (kind or "").startswith("pixel") else ():
        if number is not None and number % 1:
            raise UsageError(
                say(
                    "the factor of {kind} must be a whole number, not {number}",
                    kind=kind,
                    number=number,
                )
            )
    return each if isinstance(factor, Sequence) else factor


def _sizes(name: str, value: object) -> int | tuple[int, ...] | None:
    """An integer, or a tuple of them."""
    if value is None:
        return None
    if isinstance(value, bool):
        raise UsageError(say("{name} must be a whole number, not {value}", name=name, value=value))
    if isinstance(value, int):
        return value
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = tuple(value)
        for item in items:
            if isinstance(item, bool) or not isinstance(item, int):
                raise UsageError(
                    say("{name} must be whole numbers, not {item}", name=name, item=repr(item))
                )
        if not items:
            raise UsageError(say("{name} is empty", name=name))
        return items[0] if len(items) == 1 else items
    raise UsageError(
        say(
            "{name} must be a whole number, or one per axis, not {value}",
            name=name,
            value=repr(value),
        )
    )
