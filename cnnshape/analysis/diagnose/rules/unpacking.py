"""Results taken apart into another number of names: ``a, b = x.split(3, dim=1)``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.failing import Failing, sizes
from cnnshape.analysis.diagnose.source_nodes import instead, nodes_on
from cnnshape.analysis.diagnose.wording import who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import ModuleCall, Operation
from cnnshape.words import plural, times

#: Recurrent layers return two things, of which the second may be two again.
_RETURNS = {"LSTM": "out, (h, c)", "GRU": "out, h", "RNN": "out, h"}


def results(failing: Failing) -> Diagnosis | None:
    """More or fewer results than names, or a tensor taken apart along its first dimension."""
    failure, call = failing.failure, failing.call
    if failure.type not in ("ValueError", "TypeError") or failing.operation is not None:
        return None
    if call is None:
        return None
    for node, text in nodes_on(failure.source, ast.Assign):
        target = node.targets[0]
        if not isinstance(target, ast.Tuple) or not isinstance(node.value, ast.Call):
            continue
        names, function = len(target.elts), node.value.func
        if any(isinstance(item, ast.Starred) for item in target.elts):
            continue
        written = ast.unparse(function)
        child = _called(failing, call, function)
        if child is not None:
            return _of_module(failing, child, names, (node, text))
        made = _pieces(failing, call)
        if made is not None and len(made.outputs) != names:
            return _of_operation(failing, made, names, (node, text, written))
    return None


def _called(failing: Failing, call: ModuleCall, function: ast.expr) -> ModuleCall | None:
    """The call of the child that the line has made."""
    name = function.attr if isinstance(function, ast.Attribute) else ""
    path = f"{call.path}.{name}".lstrip(".")
    finished = [c for c in failing.trace.children(call.index) if c.finished and c.path == path]
    return finished[-1] if finished else None


def _of_module(
    failing: Failing, child: ModuleCall, names: int, line: tuple[ast.Assign, str]
) -> Diagnosis | None:
    module, node = failing.trace.module(child.path), line[0]
    name = who(child.path, module.type)
    if child.result_type in ("Tensor", "Parameter") and child.outputs:
        shape = sizes(failing.trace.values[child.outputs[0].value]) or ()
        sentence = (
            say(
                "{layer} returns one tensor, {shape}, which is taken apart along its first "
                "dimension: {parts} for {names} names",
                layer=name,
                shape=times(shape),
                parts=plural(shape[0], "part"),
                names=names,
            )
            if shape
            else say("{layer} returns a single number, which cannot be taken apart", layer=name)
        )
        return Diagnosis("unpack.count", sentence)
    returned = _RETURNS.get(module.kind)
    if returned is None:
        return None
    sentence = say(
        "{layer} returns ({returned}), and not {names} things",
        layer=name,
        returned=returned,
        names=names,
    )
    right = ast.unparse(node.value)
    change = instead(failing, node, line[1], f"{_named(node, returned)} = {right}")
    return Diagnosis("unpack.count", sentence, (), (change,))


def _named(node: ast.Assign, returned: str) -> str:
    """``out, (h, c)`` with the names that are written, where there are as many."""
    target = node.targets[0]
    assert isinstance(target, ast.Tuple)
    names = [ast.unparse(item) for item in target.elts]
    if len(names) == 3 and returned == _RETURNS["LSTM"]:
        return f"{names[0]}, ({names[1]}, {names[2]})"
    return returned


def _pieces(failing: Failing, call: ModuleCall) -> Operation | None:
    """The last operation of the failing forward, if it makes several tensors."""
    own = [op for op in failing.trace.own_operations(call.index) if not op.failed]
    several = own and (len(own[-1].outputs) > 1 or own[-1].name in ("split", "chunk", "unbind"))
    return own[-1] if several else None


def _of_operation(
    failing: Failing, made: Operation, names: int, line: tuple[ast.Assign, str, str]
) -> Diagnosis:
    given = sizes(failing.trace.values[made.inputs[0]]) if made.inputs else None
    of = say(" of {shape}", shape=times(given)) if given else ""
    sentence = say(
        "{call}(…){of_shape} gives {tensors} for {names} names",
        call=line[2],
        of_shape=of,
        tensors=plural(len(made.outputs), "tensor"),
        names=names,
    )
    return Diagnosis("unpack.count", sentence, (), tuple(_as_many(failing, made, names, line)))


def _as_many(
    failing: Failing, made: Operation, names: int, line: tuple[ast.Assign, str, str]
) -> Iterator[Suggestion]:
    """As many pieces as names: for ``chunk`` their number, for ``split`` their size."""
    node, text, _ = line
    value, old = node.value, made.args[1] if len(made.args) > 1 else None
    assert isinstance(value, ast.Call)
    dim = made.kwargs.get("dim", made.args[2] if len(made.args) > 2 else 0)
    shape = sizes(failing.trace.values[made.inputs[0]]) or ()
    if type(old) is not int or type(dim) is not int or not -len(shape) <= dim < len(shape):
        return
    size, exact = shape[dim], shape[dim] % names == 0
    new = {"chunk": names, "split": size // names}.get(made.name)
    where = [a for a in value.args if isinstance(a, ast.Constant) and a.value == old]
    if exact and new is not None and where:
        yield instead(failing, where[0], str(old), str(new), text)
