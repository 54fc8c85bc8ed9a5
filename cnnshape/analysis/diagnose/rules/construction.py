"""Layers that cannot be built, with the numbers that meet there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from math import gcd
from typing import Any

from cnnshape.analysis.diagnose.building import Building
from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.edits import SetArguments
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.words import did_you_mean, listed, nearest, plural

#: What has to be a multiple of what.
_MULTIPLES = (
    ("in_channels", "groups"),
    ("out_channels", "groups"),
    ("num_channels", "num_groups"),
    ("embed_dim", "num_heads"),
    ("d_model", "nhead"),
)
#: How many of the nearest numbers are proposed.
_NEAREST = 2


def failed(building: Building, why: str) -> str:
    """What could not be built, in which line, and why."""
    if not building.layer:
        return say("building {owner} failed: {why}", owner=building.owner, why=why)
    return say(
        "building {owner} failed in {code}: {why}",
        owner=building.owner,
        code=building.written(),
        why=why,
    )


def _changed(
    building: Building, changes: Mapping[str, ast.expr], values: Mapping[str, Any]
) -> Suggestion:
    """The layer's line with other arguments; ``values`` are what they come to."""
    name = next(iter(values))
    return Suggestion(
        action="set_argument",
        text=building.written(changes),
        path="",
        argument=name,
        from_=building.arguments.get(name),
        to=values[name],
        edits=(SetArguments("", tuple(values.items())),),
    )


def _set(building: Building, name: str, value: Any) -> Suggestion:
    return _changed(building, {name: ast.Constant(value)}, {name: value})


# ---- sizes that do not divide -----------------------------------------------------------------


def _division(building: Building) -> Diagnosis | None:
    """Groups that do not divide the channels, heads that do not divide the width."""
    given = building.arguments
    pairs = [
        (whole, part)
        for whole, part in _MULTIPLES
        if type(given.get(whole)) is int and type(given.get(part)) is int and given[part] > 0
    ]
    odd = [(whole, part) for whole, part in pairs if given[whole] % given[part]]
    if not odd:
        return None
    whole, part = odd[0]
    sizes = [given[one] for one, other in pairs if other == part]
    why = say(
        "{whole} is no multiple of {part}",
        whole=f"{whole} = {given[whole]}",
        part=f"{part} = {given[part]}",
    )
    found = tuple(_set(building, part, n) for n in divisors_near(gcd(*sizes), given[part]))
    return Diagnosis("init.division", failed(building, why), (), found)


def divisors_near(number: int, wanted: int) -> list[int]:
    """The divisors nearest to what was wanted, the larger of two that are as near first."""
    divisors = [n for n in range(1, abs(number) + 1) if number % n == 0]
    return sorted(divisors, key=lambda n: (abs(n - wanted), -n))[:_NEAREST]


# ---- numbers of the wrong kind ----------------------------------------------------------------


def _fraction(building: Building) -> Diagnosis | None:
    """``nn.Linear(64 / 2, 10)``: a division gives a number with a fraction, even if it is 0."""
    for name, value in building.arguments.items():
        if not isinstance(value, float) or name not in building.whole:
            continue
        why = say("{name} is {value!r}, and a size is a whole number", name=name, value=value)
        node = building.argument_node(name)
        if node is None or not value.is_integer():
            return Diagnosis("init.whole", failed(building, why))
        number = {name: int(value)}
        return Diagnosis(
            "init.whole",
            failed(building, why),
            (),
            (_changed(building, {name: _whole(node)}, number),),
        )
    return None


def _whole(node: ast.expr) -> ast.expr:
    """The same as a whole number: ``64 // 2`` for ``64 / 2``, ``int(n)`` for ``n``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return ast.BinOp(node.left, ast.FloorDiv(), node.right)
    if isinstance(node, ast.Constant) and isinstance(node.value, float):
        return ast.Constant(int(node.value))
    return ast.Call(ast.Name("int"), [node], [])


def _too_small(building: Building) -> Diagnosis | None:
    """Sizes below 1; below 0 for a padding."""
    for name, value in building.arguments.items():
        least = 0 if "padding" in name else 1
        if type(value) is int and value < least and name in building.whole:
            why = say(
                "{name} is {value}, and has to be at least {least}",
                name=name,
                value=value,
                least=least,
            )
            return Diagnosis("init.size", failed(building, why))
    return None


def _same_padding(building: Building) -> Diagnosis | None:
    """``padding="same"`` keeps the size, which a stride does not."""
    given = building.arguments
    stride, kernel, dilation = (given.get(n) for n in ("stride", "kernel_size", "dilation"))
    if given.get("padding") != "same" or stride in (None, 1) or _all(stride, 1):
        return None
    why = say("padding='same' keeps the size, and stride={stride!r} does not", stride=stride)
    pads = _paddings(kernel, dilation)
    found = () if pads is None else (_set(building, "padding", pads),)
    return Diagnosis("init.padding", failed(building, why), (), found)


def _all(value: Any, number: int) -> bool:
    return isinstance(value, tuple) and all(item == number for item in value)


def _paddings(kernel: Any, dilation: Any) -> Any:
    """What keeps the size at a stride of 1: half the kernel, if that is odd."""
    axes = len(kernel) if isinstance(kernel, tuple) else 1
    kernels = kernel if isinstance(kernel, tuple) else (kernel,)
    spread = dilation if isinstance(dilation, tuple) else (dilation or 1,) * axes
    if len(kernels) != len(spread) or any(type(k) is not int or k % 2 == 0 for k in kernels):
        return None
    pads = tuple(d * (k - 1) // 2 for k, d in zip(kernels, spread, strict=True))
    return pads[0] if len(set(pads)) == 1 else pads


# ---- arguments and names ----------------------------------------------------------------------


def _arguments(building: Building) -> Diagnosis | None:
    """Arguments that are missing, or that the class does not have."""
    node = building.node
    if building.exception != "TypeError" or node is None or building.arguments:
        return None
    if any(isinstance(a, ast.Starred) for a in node.args) or not building.parameters:
        return None
    keywords = [keyword.arg for keyword in node.keywords]
    if None in keywords:  # **settings
        return None
    given = {*building.parameters[: len(node.args)], *keywords}
    unknown = [name for name in keywords if name and name not in building.parameters]
    missing = [name for name in building.required if name not in given]
    more = "" if len(building.required) == len(building.parameters) else ", …"
    takes = f"{building.layer}({', '.join(building.required)}{more})"
    if unknown:
        why = say("{function} has no argument {name!r}", function=building.layer, name=unknown[0])
        why += did_you_mean(unknown[0], building.parameters, 1)
        found = tuple(_renamed(building, unknown[0], given))
        return Diagnosis("init.arguments", failed(building, why), (), found)
    if missing:
        why = say("{function} needs {missing} as well", function=takes, missing=listed(missing))
        return Diagnosis("init.arguments", failed(building, why))
    if len(node.args) > len(building.parameters):
        why = say(
            "{layer} takes {arguments}, and {given} are given",
            layer=building.layer,
            arguments=plural(len(building.parameters), "argument"),
            given=len(node.args),
        )
        return Diagnosis("init.arguments", failed(building, why))
    return None


def _renamed(building: Building, old: str, given: set[str | None]) -> Iterator[Suggestion]:
    near = [name for name in nearest(old, building.parameters) if name not in given]
    assert building.node is not None
    if near:
        keywords = [
            ast.keyword(near[0] if k.arg == old else k.arg, k.value) for k in building.node.keywords
        ]
        text = ast.unparse(ast.Call(building.node.func, building.node.args, keywords))
        yield Suggestion("set_argument", text, "", near[0], old, near[0])


def _spread(building: Building) -> Diagnosis | None:
    """``nn.Sequential([a, b])``, which takes its modules one by one."""
    node = building.node
    if building.layer != "nn.Sequential" or node is None or len(node.args) != 1 or node.keywords:
        return None
    if not building.message.startswith(("list ", "tuple ", "generator ")):
        return None
    text = ast.unparse(ast.Call(node.func, [ast.Starred(node.args[0])], []))
    change = Suggestion("set_argument", text, "", None, building.written(), text)
    why = say("nn.Sequential takes its modules one by one, and a list arrives")
    return Diagnosis("init.arguments", failed(building, why), (), (change,))


#: The rules about layers of torch and calls of classes, in order.
LAYERS = (_arguments, _spread, _division, _fraction, _same_padding, _too_small)
