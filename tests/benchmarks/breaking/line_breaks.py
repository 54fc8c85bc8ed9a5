"""One call in the forward of a class is wrong: an axis, a number, a name, or left out."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator

from torch import nn

from tests.benchmarks.breaking.broken import Broken
from tests.benchmarks.breaking.sources import lines_of, replaced, source_of, with_source

Draw = Callable[[random.Random], Broken | None]
#: A sort of break, the node that is written differently, and how.
_Rewrite = tuple[str, ast.AST, str]

_LIBRARIES = frozenset({"torch", "F", "nn", "math", "self", "super()"})
#: How many arguments of a call stand before its dimensions, the tensor among them.
_DIMS_AFTER = {
    **dict.fromkeys("flatten softmax log_softmax mean sum transpose unsqueeze squeeze".split(), 1),
    **dict.fromkeys("cat concat concatenate stack unbind amax permute select".split(), 1),
    "chunk": 2,
    "split": 2,
}
_AXES = frozenset("transpose permute movedim swapaxes".split())
_ONES = frozenset({"unsqueeze", "squeeze"})
_SHAPES = frozenset({"view", "reshape"})
#: Done to the argument of a layer, where nobody meant it.
_ADDED = (".flatten(1)", ".transpose(1, 2)", ".unsqueeze(0)", ".mean(1)", ".squeeze(0)")


def line_breaks(model: nn.Module) -> Iterator[tuple[str, Draw]]:
    """Every call that can be written wrongly, by kind."""
    for cls in dict.fromkeys(type(module) for module in model.modules()):
        text = source_of(cls)
        if text is None:
            continue
        for function in _methods(ast.parse(text)):
            for node in ast.walk(function):
                for kind, place, new in _rewrites(node, text):
                    yield kind, _rewritten(model, cls, text, (kind, place, new))


def _methods(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for cls in tree.body:
        for item in cls.body if isinstance(cls, ast.ClassDef) else ():
            if isinstance(item, ast.FunctionDef) and "forward" in item.name:
                yield item


def _rewritten(model: nn.Module, cls: type, text: str, rewrite: _Rewrite) -> Draw:
    kind, place, new = rewrite

    def draw(chance: random.Random) -> Broken | None:
        changed = replaced(text, place, new)
        words = f"{cls.__name__}: {lines_of(text, place)} → {_first_difference(text, changed)}"
        return Broken("line", kind, words, with_source(model, cls, changed))

    return draw


def _first_difference(text: str, changed: str) -> str:
    """The line of the changed text that is another."""
    lines = changed.splitlines()
    differing = (b for a, b in zip(text.splitlines(), lines, strict=False) if a != b)
    return next(differing, lines[-1]).strip()


def _rewrites(node: ast.AST, text: str) -> Iterator[_Rewrite]:
    if isinstance(node, ast.If):
        yield from _shortcut(node, text)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        left, right = (ast.unparse(side) for side in (node.left, node.right))
        yield "operands exchanged", node, f"({right}) @ ({left})"
    elif isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        yield from _left_out(node, name)
        yield from _other_dims(node, name)
        if name in _SHAPES:
            yield from _other_sizes(node)
        yield from _misspelt(node)
        yield from _exchanged(node)
        if _is_layer(node) and len(node.args) == 1 and isinstance(node.args[0], ast.Name):
            for added in _ADDED:
                yield "axis changed before a layer", node.args[0], node.args[0].id + added


def _shortcut(node: ast.If, text: str) -> Iterator[_Rewrite]:
    """``if self.downsample is not None: identity = self.downsample(x)``."""
    words = ("downsample", "shortcut", "conv_skip")
    if any(word in ast.unparse(node.test) for word in words) and len(node.body) == 1:
        yield "shortcut removed", node.body[0], "pass"


def _left_out(node: ast.Call, name: str) -> Iterator[_Rewrite]:
    tensor = _tensor(node)
    if tensor is None or _is_layer(node):
        return
    inside = ast.unparse(tensor)
    flattens = name in _SHAPES and len(node.args) == 2 and ast.unparse(node.args[1]) == "-1"
    if name == "flatten" or flattens:
        yield "flatten left out", node, inside
    elif name in _ONES:
        yield "squeeze or unsqueeze left out", node, inside
    elif name in _AXES:
        yield "transpose left out", node, inside


def _other_dims(node: ast.Call, name: str) -> Iterator[_Rewrite]:
    if name not in _DIMS_AFTER:
        return
    before = _DIMS_AFTER[name] - (_receiver(node) is not None)
    given = [a for a in node.args[before:] if _number(a) is not None]
    given += [k.value for k in node.keywords if k.arg in ("dim", "start_dim")]
    for argument in given:
        number = _number(argument)
        for other in () if number is None else (number - 1, number + 1):
            yield "another dim", argument, str(other)
    if name in _AXES and len(given) > 2:
        for i in range(node.args.index(given[0]), len(node.args) - 1):
            order = [*node.args[:i], node.args[i + 1], node.args[i], *node.args[i + 2 :]]
            turned = ast.unparse(ast.Call(node.func, order, node.keywords))
            yield "permute in another order", node, turned


def _other_sizes(node: ast.Call) -> Iterator[_Rewrite]:
    for argument in node.args[0 if _receiver(node) is not None else 1 :]:
        number = _number(argument)
        if number is not None and number > 0:
            yield "view with another number", argument, str(number * 2)
            yield "view with another number", argument, str(number + 1)
        elif number is None:
            yield "view with another number", argument, f"{_factor(argument)} * 2"
            yield "view with another number", argument, f"{_factor(argument)} // 2"


def _misspelt(node: ast.Call) -> Iterator[_Rewrite]:
    function = node.func
    if not isinstance(function, ast.Attribute) or len(function.attr) < 4:
        return
    name, receiver = function.attr, ast.unparse(function.value)
    wrong = name[:2] + name[3:]
    if receiver == "self":
        yield "layer misspelt", function, f"self.{wrong}"
    elif receiver not in _LIBRARIES and not receiver.startswith("self."):
        yield "method misspelt", function, f"{receiver}.{wrong}"


def _exchanged(node: ast.Call) -> Iterator[_Rewrite]:
    if len(node.args) < 2 or any(_number(a) is not None for a in node.args[:2]):
        return
    if isinstance(node.func, ast.Name) and node.func.id in ("getattr", "isinstance", "zip"):
        return
    first, second, *rest = node.args
    if ast.dump(first) != ast.dump(second) and not isinstance(first, ast.Starred):
        exchanged = ast.Call(node.func, [second, first, *rest], node.keywords)
        yield "arguments exchanged", node, ast.unparse(exchanged)


def _is_layer(node: ast.Call) -> bool:
    return ast.unparse(node.func).startswith("self.")


def _receiver(node: ast.Call) -> ast.expr | None:
    """What stands before the dot of a tensor's method."""
    function = node.func
    if not isinstance(function, ast.Attribute):
        return None
    plain = ast.unparse(function.value)
    return None if plain in _LIBRARIES else function.value


def _tensor(node: ast.Call) -> ast.expr | None:
    return _receiver(node) or (node.args[0] if node.args else None)


def _number(node: ast.expr) -> int | None:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return value if type(value) is int else None


def _factor(node: ast.expr) -> str:
    text, atoms = ast.unparse(node), ast.Name | ast.Attribute | ast.Call | ast.Subscript
    return text if isinstance(node, atoms) else f"({text})"
