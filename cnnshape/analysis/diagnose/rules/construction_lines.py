"""Lines of the author's own constructor: names, ``super().__init__()``, asserts, odd widths."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from cnnshape.analysis.diagnose.building import Building
from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.rules.construction import LAYERS, divisors_near, failed
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import Absent
from cnnshape.words import listed, times


def diagnose_building(building: Building) -> Diagnosis:
    """Why a model could not be built; what was raised and where, if no rule knows more."""
    for rule in (_super, _misspelt, *LAYERS, _odd_width, _asserted):
        found = rule(building)
        if found is not None:
            return found
    lines = building.message.strip().splitlines()
    return Diagnosis("raised.init", failed(building, lines[0] if lines else building.exception))


def _failed(building: Building, why: str) -> str:
    """The same where the sentence itself has what stands in the line."""
    return say("building {owner} failed: {why}", owner=building.owner, why=why)


def _misspelt(building: Building) -> Diagnosis | None:
    """``nn.Liner``, or a variable of ``__init__`` that is not defined."""
    absent = building.absent
    if absent is None or not absent.near:
        return None
    what = say("{module} has no attribute {name!r}", module=absent.owner, name=absent.name)
    if not absent.owner:
        what = say("__init__ uses {name!r}, which is not defined", name=absent.name)
    why = what + say("; did you mean {names}?", names=listed(absent.near, "or"))
    kind = "attribute.misspelt" if absent.owner else "name.undefined"
    found = tuple(_respelt(building, absent))[:1] if len(absent.near) == 1 else ()
    return Diagnosis(kind, _failed(building, why), (), found)


def _respelt(building: Building, absent: Absent) -> Iterator[Suggestion]:
    for node in () if building.line is None else ast.walk(building.line):
        spelled = getattr(node, "attr", getattr(node, "id", ""))
        if isinstance(node, ast.Attribute | ast.Name) and spelled == absent.name:
            old = ast.unparse(node)
            new = old.removesuffix(absent.name) + absent.near[0]
            yield Suggestion("change_source", new, "", absent.name, old, new)


def _super(building: Building) -> Diagnosis | None:
    """Layers assigned before ``super().__init__()`` has made the place for them."""
    if building.initialised:
        return None
    why = say(
        "{owner}.__init__ assigns layers before super().__init__() has run", owner=building.owner
    )
    advice = say("super().__init__() as the first line of {owner}.__init__", owner=building.owner)
    change = Suggestion("change_source", advice, "")
    return Diagnosis("init.super", _failed(building, why), (), (change,))


def _asserted(building: Building) -> Diagnosis | None:
    """An assert in ``__init__``, with the numbers that it compares."""
    line = building.line
    if building.exception != "AssertionError" or not isinstance(line, ast.Assert):
        return None
    numbers = {
        text: building.plain[text]
        for node in ast.walk(line.test)
        if isinstance(node, ast.Name | ast.Attribute)
        and type(building.plain.get(text := ast.unparse(node))) in (int, float, bool, str)
    }
    met = listed(f"{name} = {value!r}" for name, value in numbers.items())
    said = building.message.strip().splitlines()
    why = say("{owner}.__init__ asserts {test}", owner=building.owner, test=ast.unparse(line.test))
    if met:
        why += say(", with {numbers}", numbers=met)
    if said:
        why += say(": {message}", message=said[0])
    found = tuple(_divided(line.test, numbers))
    return Diagnosis("raised.init", _failed(building, why), (), found)


def _divided(test: ast.expr, numbers: Mapping[str, Any]) -> Iterator[Suggestion]:
    """For ``a % b == 0`` the values of ``b`` that divide ``a``."""
    if not isinstance(test, ast.Compare) or ast.unparse(test.comparators[0]) != "0":
        return
    left = test.left
    if not isinstance(left, ast.BinOp) or not isinstance(left.op, ast.Mod):
        return
    whole, part = ast.unparse(left.left), ast.unparse(left.right)
    if type(numbers.get(whole)) is int and type(numbers.get(part)) is int:
        name = part.rpartition(".")[2]
        for number in divisors_near(numbers[whole], numbers[part]):
            text = f"{name}={number}"
            yield Suggestion("set_argument", text, "", name, numbers[part], number)


def _odd_width(building: Building) -> Diagnosis | None:
    """Sinusoidal positions of an odd width, which have one cosine less than sines."""
    line = building.line
    if not isinstance(line, ast.Assign) or not isinstance(line.targets[0], ast.Subscript):
        return None
    target = line.targets[0]
    name, index = ast.unparse(target.value), target.slice
    shape = building.plain.get(name)
    items = index.elts if isinstance(index, ast.Tuple) else [index]
    last = items[-1]
    slices = isinstance(last, ast.Slice) and [ast.unparse(n) for n in (last.lower, last.step) if n]
    if not isinstance(shape, tuple) or slices != ["1", "2"] or shape[-1] % 2 == 0:
        return None
    half, written = shape[-1] // 2, ast.unparse(target)
    if str(half + 1) not in building.message:
        return None
    why = say(
        "{target} of {name} {shape} has {half} columns, and {more} come: an odd width has one odd "
        "column less than even ones",
        target=written,
        name=name,
        shape=times(shape),
        half=half,
        more=half + 1,
    )
    changes = tuple(_even(building, line, name, shape))
    return Diagnosis("assign.sizes", _failed(building, why), (), changes)


def _even(
    building: Building, line: ast.Assign, name: str, shape: tuple[int, ...]
) -> Iterator[Suggestion]:
    kept = ":, " * (len(shape) - 1)
    right = ast.unparse(line.value)
    right = right if isinstance(line.value, ast.Call | ast.Name | ast.Subscript) else f"({right})"
    text = f"{ast.unparse(line.targets[0])} = {right}[{kept}: {name}.size({len(shape) - 1}) // 2]"
    yield Suggestion("change_source", text, "", None, ast.unparse(line), text)
    widths = [key for key, value in building.plain.items() if value == shape[-1]]
    for width in widths[:1]:
        even = shape[-1] + 1
        yield Suggestion("set_argument", f"{width}={even}", "", width, shape[-1], even)
