"""Exceptions of the forward itself: raised on purpose, without end, from a shape taken apart."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.edits import ChangeInput, Step
from cnnshape.analysis.diagnose.failing import Failing, sizes
from cnnshape.analysis.diagnose.source_code import line_of
from cnnshape.analysis.diagnose.suggest import new_input, unsqueeze_input
from cnnshape.analysis.diagnose.wording import dims, who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import joined, say
from cnnshape.tracing.trace import Source
from cnnshape.words import listed, times

#: Settings under which models remember what pictures they were made for.
_SIZES = ("image_size", "img_size", "input_size", "resolution")


def recursion(failing: Failing) -> Diagnosis | None:
    """The module calls itself, or one calls another in a circle."""
    if failing.failure.type != "RecursionError":
        return None
    counts: dict[str, int] = {}
    for call in failing.trace.calls:
        if not call.finished:
            counts[call.path] = counts.get(call.path, 0) + 1
    repeated = [path for path, count in counts.items() if count > 1]
    if not repeated:
        sentence = say(
            "{module} recurses without end", module=who(failing.path, failing.module.type)
        )
        return Diagnosis("raised.recursion", sentence)
    names = listed(who(path, failing.trace.module(path).type) for path in repeated[:3])
    sentence = say("{module} calls itself without end", module=names)
    if len(repeated) > 1:
        sentence = say("{modules} call each other without end", modules=names)
    return Diagnosis("raised.recursion", sentence)


def stopped(failing: Failing) -> Diagnosis | None:
    """``sys.exit()`` or ``os._exit()`` inside a forward pass."""
    if failing.failure.type == "ProcessExitError":
        sentence = say(
            "{type}.forward is stopped: {reason}",
            type=failing.module.type,
            reason=failing.failure.message,
        )
        return Diagnosis("raised.exit", sentence)
    if failing.failure.type != "SystemExit":
        return None
    code = failing.failure.message
    ended = f"sys.exit({code})" if code else "sys.exit()"
    sentence = say("{type}.forward ends the program: {call}", type=failing.module.type, call=ended)
    return Diagnosis("raised.exit", sentence)


def own(failing: Failing) -> Diagnosis | None:
    """An exception of the author's own: a raise or an assert in a forward of theirs."""
    if failing.operation is not None or failing.module.builtin or failing.call is None:
        return None
    if failing.failure.type in (
        "TypeError",
        "AttributeError",
        "KeyError",
        "IndexError",
        "NameError",
    ):
        return None
    received = [
        _received(item.name, times(shape))
        for item in failing.call.inputs
        if (shape := sizes(failing.trace.values[item.value])) is not None
    ]
    sentence = _what_happened(failing)
    message = failing.failure.message.strip().splitlines()
    if message:
        sentence = say("{what}: {message}", what=sentence, message=message[0])
    if received:
        sentence += say("; it received {tensors}", tensors=joined(say(", "), received))
    return Diagnosis("raised.own", sentence, (), tuple(_meant_size(failing)))


def _received(name: str, shape: str) -> str:
    """A tensor by its name; ``[0]`` is one that has none."""
    return (
        f"{name} {shape}"
        if name[:1] != "["
        else say("input {name} {shape}", name=name, shape=shape)
    )


def _what_happened(failing: Failing) -> str:
    """Whether the author raised it, asserted it, or a line of theirs failed."""
    forward, exception = f"{failing.module.type}.forward", failing.failure.type
    if line_of(failing.failure.source).startswith("raise"):
        return say("{forward} itself raises {exception}", forward=forward, exception=exception)
    if exception == "AssertionError":
        return say("{forward} asserts otherwise", forward=forward)
    return say("{forward} fails with {exception}", forward=forward, exception=exception)


def _meant_size(failing: Failing) -> Iterator[Suggestion]:
    """A picture of the size that the model has among its settings."""
    trace = failing.trace
    if not trace.inputs:
        return
    value = trace.values[trace.inputs[0].value]
    shape = sizes(value)
    if shape is None or len(shape) != 4 or not value.name:
        return
    for module in (failing.module, trace.modules[0]):
        for name in _SIZES:
            setting = module.config.get(name)
            pair = setting if isinstance(setting, tuple) else (setting, setting)
            numbers = tuple(n for n in pair if type(n) is int and n > 0)
            if len(numbers) == 2 and numbers != shape[2:]:
                yield new_input(value.name, shape, (*shape[:2], *numbers))
                return


# ---- a shape taken apart ------------------------------------------------------------------


def unpacking(failing: Failing) -> Diagnosis | None:
    """``b, c, h, w = x.shape`` of a tensor with another number of dimensions; ``x.shape[3]``."""
    if failing.failure.type not in ("ValueError", "IndexError") or failing.operation is not None:
        return None
    wanted = _shape_use(failing.failure.source)
    if wanted is None or failing.call is None:
        return None
    count, at_least = wanted
    for named in failing.call.inputs:
        value = failing.trace.values[named.value]
        shape = sizes(value)
        if shape is None or (len(shape) > count if at_least else len(shape) == count):
            continue
        label = value.name or say("the input")
        used = f"shape[{count}]" if at_least else say("{count} sizes", count=count)
        sentence = say(
            "{type}.forward takes {sizes} from {input} {shape}, which has {dims}",
            type=failing.module.type,
            sizes=used,
            input=label,
            shape=times(shape),
            dims=dims(len(shape)),
        )
        found: list[Suggestion] = []
        rank = count + 1 if at_least else count
        if value.origin == "input" and len(shape) == rank - 1:
            found.append(unsqueeze_input(value))
        if value.origin == "input" and rank == 3 and len(shape) == 4:
            steps = (Step("flatten", (2,)), Step("transpose", (1, 2)))
            suggestion = Suggestion(
                action="set_input",
                text=f"{label}.flatten(2).transpose(1, 2)",
                path="",
                argument=label,
                from_=list(shape),
                to=[shape[0], shape[2] * shape[3], shape[1]],
                edits=(ChangeInput(label, steps),),
            )
            found.append(suggestion)
        return Diagnosis("input.rank", sentence, (), tuple(found))
    return None


def _shape_use(source: Source | None) -> tuple[int, bool] | None:
    """How many sizes a line takes from a shape, and whether more would do."""
    if source is None:
        return None
    line = line_of(source).rstrip(":")
    try:
        tree = ast.parse(line)
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            starred = any(isinstance(e, ast.Starred) for e in node.targets[0].elts)
            if _is_shape(node.value) and not starred:
                return len(node.targets[0].elts), False
        if isinstance(node, ast.Subscript) and _is_shape(node.value):
            index = node.slice
            if isinstance(index, ast.Constant) and isinstance(index.value, int):
                return index.value, True
    return None


def _is_shape(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "shape"
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args
    return called and isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "size"
