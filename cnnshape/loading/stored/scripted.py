"""A TorchScript archive, module by module and operation by operation.

Its compiled code runs out of sight. But it lies in the archive as graphs, one per method, whose
nodes are operators of torch, calls of submodules, and branches; run one by one from here, every
layer and every operation can be watched.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import nn

_MANGLED = re.compile(r"___torch_mangle_\d+\.")
_FUNCTIONAL = "__torch__.torch.nn.functional."

Values = dict[str, Any]
"""The values of a running graph by the names that it gives them."""


_Known = dict[torch.Tensor, nn.Parameter]


def opened(script: torch.jit.ScriptModule) -> nn.Module:
    """The same model made of modules that can be watched; itself where that cannot be done.

    It cannot where a graph has a kind of node that is not known here, such as a function of the
    author's own or an attribute that is written.
    """
    try:
        module = Scripted(script)
        for part in cast("Iterator[Scripted]", module.modules()):
            part.check()
    except Exception:  # noqa: BLE001 - also where torch's own, private, view of it has changed
        return script
    return module


class Scripted(nn.Module):
    """One module of an archive, with its parameters, buffers and submodules."""

    def __init__(self, script: torch.jit.ScriptModule, known: _Known | None = None) -> None:
        super().__init__()
        known = {} if known is None else known
        # Where a report finds the author's class, and the names of the inputs.
        self._ty = str(script.original_name)
        self.training = script.training
        for name, parameter in script.named_parameters(recurse=False):
            # A tied one stays one: the archive gives the same tensor under both names.
            if parameter not in known:
                known[parameter] = nn.Parameter(parameter, requires_grad=parameter.requires_grad)
            self.register_parameter(name, known[parameter])
        for name, buffer in script.named_buffers(recurse=False):
            self.register_buffer(name, buffer)
        for name, child in script.named_children():
            self.add_module(name, Scripted(cast("torch.jit.ScriptModule", child), known))
        # In a tuple, so that it is no submodule.
        self._script = (script,)
        self._signature = _signature(script)
        self._inputs = tuple(self._signature.parameters)

    def check(self) -> None:
        """Look at every node of every method.

        Raises:
            NotImplementedError: one is of a kind that is not known here.
        """
        compiled = self._script[0]._c  # noqa: SLF001 - the wrapper shows only forward's graph
        for method in compiled._method_names():  # noqa: SLF001
            for node in _nodes(compiled._get_method(method).graph):  # noqa: SLF001
                if node.kind() == "prim::Constant":
                    _constant(node)
                elif node.kind() not in _NODES:
                    _operator(node)

    def read(self, name: str) -> Any:
        """An attribute: a tensor or module of this module, anything else of the archive's."""
        own = name in self._parameters or name in self._buffers or name in self._modules
        return getattr(self if own or name == "training" else self._script[0], name)

    def run(self, method: str, arguments: Sequence[Any]) -> Any:
        """Run a method with positional arguments."""
        graph = self._script[0]._c._get_method(method).graph  # noqa: SLF001
        given = [value.debugName() for value in graph.inputs()]
        values: Values = dict(zip(given, (self, *arguments), strict=True))
        (result,) = _run(graph, values)
        return result

    def forward(self, *args: Any, method: str = "forward", **kwargs: Any) -> Any:
        """Run the archive's forward; a traced one is another method each time it is called."""
        if method != "forward":
            return self.run(method, args)
        given = self._signature.bind(*args, **kwargs)
        given.apply_defaults()
        return self.run("forward", given.args)


def _signature(script: Any) -> inspect.Signature:
    """What forward takes; nothing for a module that has none, such as a list of others."""
    schema = getattr(getattr(script, "forward", None), "schema", None)
    arguments = schema.arguments[1:] if schema is not None else ()
    return inspect.Signature(
        [
            inspect.Parameter(
                argument.name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=argument.default_value
                if argument.has_default_value()
                else inspect.Parameter.empty,
            )
            for argument in arguments
        ]
    )


def _nodes(block: Any) -> Iterator[Any]:
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


def _run(block: Any, values: Values) -> list[Any]:
    for node in block.nodes():
        results = _results(node, values)
        for output, result in zip(node.outputs(), results, strict=True):
            values[output.debugName()] = result
    return [values[value.debugName()] for value in block.outputs()]


def _results(node: Any, values: Values) -> Sequence[Any]:
    inputs = [values[value.debugName()] for value in node.inputs()]
    kind = node.kind()
    if kind == "prim::If":
        branches = list(node.blocks())
        return _run(branches[0 if inputs[0] else 1], values)
    if kind == "prim::Loop":
        return _loop(node, inputs, values)
    if kind in ("prim::TupleUnpack", "prim::ListUnpack"):
        return tuple(inputs[0])
    result = _NODES[kind](node, inputs) if kind in _NODES else _operated(node, inputs)
    return (result,) if node.outputsSize() == 1 else tuple(result or ())


def _loop(node: Any, inputs: list[Any], values: Values) -> list[Any]:
    (body,) = node.blocks()
    times, going, *carried = inputs
    names = [value.debugName() for value in body.inputs()]
    turn = 0
    while going and turn < times:
        values.update(zip(names, (turn, *carried), strict=True))
        going, *carried = _run(body, values)
        turn += 1
    return carried


def _constant(node: Any) -> Any:
    kind = str(node.output().type())
    if not kind.startswith("__torch__."):
        return node.output().toIValue()
    name = _MANGLED.sub("", kind)
    function = getattr(F, name.removeprefix(_FUNCTIONAL), None)
    if not name.startswith(_FUNCTIONAL) or function is None:
        raise NotImplementedError(f"the function {name}")
    return function


def _raise(_node: Any, inputs: list[Any]) -> Any:
    raise RuntimeError(str(inputs[0]))


def _method(node: Any, inputs: list[Any]) -> Any:
    module, *arguments = inputs
    name = node.s("name")
    if name == "forward":
        return module(*arguments)
    again = name.startswith("forward")
    return module(*arguments, method=name) if again else module.run(name, arguments)


_NODES: dict[str, Callable[[Any, list[Any]], Any]] = {
    "prim::Constant": lambda node, _: _constant(node),
    "prim::GetAttr": lambda node, inputs: inputs[0].read(node.s("name")),
    "prim::CallMethod": _method,
    "prim::CallFunction": lambda _, inputs: inputs[0](*inputs[1:]),
    "prim::ListConstruct": lambda _, inputs: inputs,
    "prim::TupleConstruct": lambda _, inputs: tuple(inputs),
    "prim::DictConstruct": lambda _, inputs: dict(zip(inputs[::2], inputs[1::2], strict=True)),
    "prim::TupleIndex": lambda _, inputs: inputs[0][inputs[1]],
    "prim::TupleUnpack": _raise,
    "prim::ListUnpack": _raise,
    "prim::If": _raise,
    "prim::Loop": _raise,
    "prim::NumToTensor": lambda _, inputs: torch.tensor(inputs[0]),
    "prim::Uninitialized": lambda _, __: None,
    "prim::unchecked_cast": lambda _, inputs: inputs[0],
    "prim::device": lambda _, inputs: inputs[0].device,
    "prim::RaiseException": _raise,
    "aten::warn": lambda _, __: None,
    "aten::format": lambda _, inputs: inputs[0].format(*inputs[1:]),
}


def _operated(node: Any, inputs: list[Any]) -> Any:
    operator = _operator(node)
    named = [argument.name for argument in operator._schema.arguments if argument.kwarg_only]  # noqa: SLF001
    first = len(inputs) - len(named)
    return operator(*inputs[:first], **dict(zip(named, inputs[first:], strict=True)))


def _operator(node: Any) -> Any:
    """The operator of torch that a node runs.

    Raises:
        NotImplementedError: it runs none that is known.
    """
    schema = str(node.schema())
    if "..." in schema:  # as many arguments as there are; the interpreter's own
        raise NotImplementedError(schema)
    return _by_name(schema.partition("(")[0])


@functools.cache
def _by_name(name: str) -> Any:
    space, _, rest = name.partition("::")
    packet, _, overload = rest.partition(".")
    try:
        return getattr(getattr(getattr(torch.ops, space), packet), overload or "default")
    except (AttributeError, RuntimeError):
        raise NotImplementedError(f"the operator {name}") from None
