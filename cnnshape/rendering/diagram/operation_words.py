"""Functional calls in words: ``view 120×1×1 → 120``, ``+ pos_embedding``, ``[:, 0]``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from cnnshape.analysis.accounts import Accounts
from cnnshape.operations.axes import Joined
from cnnshape.rendering.diagram.layer_words import convolution, embedding, linear, pooling
from cnnshape.rendering.units import shape_text
from cnnshape.tracing.trace import Operation, Ref, Shape, Trace

Config = Mapping[str, Any]

#: How Python's operators are written in a picture.
_SIGNS = {"+": "+", "-": "−", "*": "×", "/": "÷"}
CONCAT = "concat"
_SPELLED = {"scaled_dot_product_attention": "attention"}


def operation_words(
    trace: Trace, ops: Sequence[Operation], hide_batch: Callable[[Shape], Shape]
) -> tuple[str, str]:
    """Name and details of a functional call, or of several that follow each other.

    The details are the settings if a size rule covers a single call, else the change of shape
    from the first to the last.

    Args:
        trace: the recording.
        ops: operations, each fed by the one before.
        hide_batch: takes the batch off a shape where it goes without saying.
    """
    op, accounts = ops[0], Accounts(trace)
    if len(ops) == 1:
        rule = accounts.rule(op)
        if rule is not None and rule.kind in _RULES:
            words = [word for word in _RULES[rule.kind](rule.arguments) if word]
            return op.name, ", ".join(words)
        sign = sign_of(accounts, op)
        if sign:
            return _arithmetic(accounts, op, sign), ""
    names = [_called(one) for one in ops]
    if len(names) > 3:
        names[1:-1] = ["…"]
    return " · ".join(names), _change(trace, op, ops[-1], hide_batch)


def _called(op: Operation) -> str:
    """An operation's name, with what was taken or raised to: ``[:, 0]``, ``pow 2``."""
    if op.name == "getitem":
        return _index(op)
    if op.name == "setitem":
        return f"{_index(op)} ="
    scalars = [f"{a:g}" for a in op.args[1:2] if type(a) in (int, float)]
    return (
        f"{op.name} {scalars[0]}"
        if op.name == "pow" and scalars
        else _SPELLED.get(op.name, op.name)
    )


def _change(
    trace: Trace, first: Operation, last: Operation, hide_batch: Callable[[Shape], Shape]
) -> str:
    """``120×1×1 → 120`` where the shape is another afterwards."""
    data = [v for v in first.inputs if trace.values[v].origin not in ("parameter", "buffer")]
    if not data or not last.outputs:
        return ""
    before, after = trace.shape(data[0]), trace.shape(last.outputs[0])
    if before == after and len(last.outputs) == 1:
        return ""
    text = shape_text(hide_batch(after))
    if len(last.outputs) > 1 and not last.inplace:
        same = len({trace.shape(value) for value in last.outputs}) == 1
        text = f"{len(last.outputs)} × {text}" if same else f"{len(last.outputs)} parts"
    if before == after:
        return text
    return f"{shape_text(hide_batch(before))} → {text}"


def _index(op: Operation) -> str:
    """``[:, 0]`` as it was written."""
    key = op.args[1] if len(op.args) > 1 else None
    keys = cast("Sequence[Any]", key) if isinstance(key, tuple) else (key,)
    return f"[{', '.join(_key(one) for one in keys)}]"


def _key(key: object) -> str:
    if isinstance(key, slice):
        start, stop, step = _bound(key.start), _bound(key.stop), _bound(key.step)
        return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
    return "tensor" if isinstance(key, Ref) else ("…" if key == "..." else str(key))


def _bound(value: object) -> str:
    return "" if value is None else str(value)


def sign_of(accounts: Accounts, op: Operation) -> str:
    """What is written between several tensors of which one is made; empty where it has no sign."""
    entry, account = accounts.entry(op), accounts.of(op)
    if account is not None and any(isinstance(one, Joined) for one in account.results[0]):
        return CONCAT
    return "" if entry is None else _SIGNS.get(entry.operator, "")


def _arithmetic(accounts: Accounts, op: Operation, sign: str) -> str:
    """``+ pos_embedding``, ``× 0.5``: what a tensor is added to or multiplied with."""
    trace = accounts.trace
    names = [name.rpartition(".")[2] for name in op.parameters]
    held = [trace.values[value] for value in op.inputs]
    if not names:
        names = [value.name.rpartition(".")[2] for value in held
                 if value.origin == "buffer" and value.name]  # fmt: skip
    if not names:
        names = [f"{arg:g}" for arg in op.args if isinstance(arg, int | float) and arg is not True]
    if not names:
        makers = (value.producer for value in held if value.producer is not None)
        made = (trace.operations[maker] for maker in makers)
        names = [one.name for one in made if accounts.makes(one)]
    if sign == CONCAT:
        names = [name for name in names if not name.lstrip("-").isdigit()]
    elif not names and len(held) > 1:
        names = [_beside(accounts, op)]
    return f"{sign} {', '.join(names)}" if any(names) else op.name


def _beside(accounts: Accounts, op: Operation) -> str:
    """What a tensor without a name is; empty where it is not known."""
    if len(set(op.inputs)) == 1:
        return "itself"
    fed = [_is_fed(accounts, value) for value in op.inputs]
    return "constant" if fed.count(False) else ""


def _is_fed(accounts: Accounts, value: int) -> bool:
    """Whether numbers of an input went into a value."""
    trace, seen, todo = accounts.trace, set[int](), [value]
    while todo:
        at = todo.pop()
        if trace.values[at].origin == "input":
            return True
        maker = trace.values[at].producer
        if at in seen or maker is None or accounts.makes(trace.operations[maker]):
            continue
        seen.add(at)
        todo += trace.operations[maker].inputs
    return False


def _conv_rule(arguments: Config) -> list[str]:
    axes = int(arguments.get("dims") or 2)
    return convolution(f"Conv{axes}d", arguments)


def _pool_rule(arguments: Config) -> list[str]:
    return pooling(f"MaxPool{arguments.get('dims') or 2}d", arguments)


_RULES: dict[str, Callable[[Config], list[str]]] = {
    "conv": _conv_rule,
    "conv_transpose": _conv_rule,
    "max_pool": _pool_rule,
    "avg_pool": _pool_rule,
    "lp_pool": _pool_rule,
    "adaptive_pool": lambda c: pooling(f"Adaptive{c.get('dims') or 2}d", c),
    "linear": lambda c: linear("", c),
    "embedding": lambda c: embedding("", c),
}
