"""What changes nothing and is left out: a reader looks for it in vain."""

from __future__ import annotations

from cnnshape.rendering.diagram.draft import Box
from cnnshape.rendering.diagram.graph import Flow, Node
from cnnshape.tracing.trace import Operation

#: Operations that leave the numbers as they are, or move them to another dtype or device.
_TRIVIAL = frozenset(
    "contiguous to type type_as float half double bfloat16 int long bool cpu cuda detach clone "
    "alias requires_grad lift_fresh data positive real stochastic_depth".split()
)
#: They leave everything as it is where the shape is the same afterwards.
_RESHAPING = frozenset(
    "view reshape flatten unflatten squeeze expand view_as reshape_as expand_as broadcast_to "
    "getitem pad".split()
)


def says_nothing(flow: Flow, box: Box) -> bool:
    """Whether a box hands on the numbers that it gets; a closed module if all inside it does."""
    return all(_hands_on(flow, flow.nodes[node]) for node in box.head.nodes)


def _hands_on(flow: Flow, node: Node) -> bool:
    if node.operation is not None:
        op = flow.trace.operations[node.operation]
        if "dropout" in op.name:
            return flow.trace.execution.mode == "eval"
        return op.name in _TRIVIAL or _same_shape(flow, op)
    module = flow.module(node)
    if module is None or node.call is None:
        return False
    if "Dropout" in module.kind:
        return not module.config.get("p", 0.5)
    start, stop = flow.trace.calls[node.call].operations
    return start == stop


def _same_shape(flow: Flow, op: Operation) -> bool:
    """A reshape to the shape it has already, a slice of everything, a padding with nothing."""
    if op.name not in _RESHAPING or not op.inputs or len(op.outputs) != 1:
        return False
    values = flow.trace.values
    before, after = values[op.inputs[0]], values[op.outputs[0]]
    if before.shape != after.shape or before.dtype != after.dtype:
        return False
    arguments = op.args[1] if len(op.args) > 1 else None
    if op.name == "pad":
        return isinstance(arguments, list | tuple) and not any(arguments)
    if op.name == "getitem":
        keys = arguments if isinstance(arguments, tuple) else (arguments,)
        return all(key == "..." or isinstance(key, slice) for key in keys)
    return True
