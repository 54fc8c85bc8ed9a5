"""What a reader should know about a pass beside its numbers: why some are missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cnnshape.analysis.accounts import Accounts, shown_name
from cnnshape.operations.axes import Size
from cnnshape.tracing.trace import UNSEEN, Operation, Plain, Trace, Unknown
from cnnshape.words import listed, with_article

#: Results that run the body of ``forward`` only when somebody asks for their items.
_LAZY = {
    "generator": "list(model(x))",
    "map": "list(model(x))",
    "filter": "list(model(x))",
    "coroutine": "asyncio.run(model(x))",
    "async_generator": "asyncio.run(…)",
}
_NAMES = 3


def remarks(trace: Trace, accounts: Accounts, macs: Sequence[Size]) -> tuple[str, ...]:
    """Sentences for the reader; none for most models.

    ``macs`` are those of every operation.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> class Steps(torch.nn.Module):
    ...     def forward(self, x):
    ...         yield x + 1
    >>> trace = record(Steps(), Inputs((torch.zeros(1),))).trace
    >>> print(*remarks(trace, Accounts(trace), []))
    Steps.forward returns a generator, whose body has not run: what list(model(x)) would run is
    not counted; return a list to see it
    """
    return (
        *_result(trace),
        *_unregistered(trace),
        *_scripted(trace),
        *_packed(trace),
        *_uncounted(trace, accounts, macs),
    )


def _result(trace: Trace) -> Iterator[str]:
    """A model that did not fail and gave nothing with a shape."""
    if trace.failure is not None or trace.outputs or not trace.calls:
        return
    kind, forward = trace.calls[0].result_type, f"{trace.modules[0].type}.forward"
    if kind in _LAZY:
        yield (
            f"{forward} returns {with_article(kind)}, whose body has not run: what {_LAZY[kind]} "
            "would run is not counted; return a list to see it"
        )
    elif kind == "NoneType":
        yield f"{forward} returns None: is its return statement missing?"
    elif kind:
        yield f"{forward} returns {with_article(kind)}, in which no tensor was found"


def _unregistered(trace: Trace) -> Iterator[str]:
    """Layers that no optimizer and no ``.to()`` will ever see."""
    holding = [
        f"{module.path or module.type}.{name}"
        for module in trace.modules
        for name in module.unregistered
    ]
    if holding:
        more = f" and {len(holding) - _NAMES} more" if len(holding) > _NAMES else ""
        are, kind = ("is", "a plain list or dict") if len(holding) == 1 else ("are", "plain lists")
        yield (
            f"{', '.join(holding[:_NAMES])}{more} {are} {kind} of layers, of which torch does not "
            "know: their parameters are not counted, not trained and not moved; use nn.ModuleList "
            "or nn.ModuleDict"
        )


def _scripted(trace: Trace) -> Iterator[str]:
    """Modules that torch runs outside Python, whose layers cannot be watched."""
    ran = {trace.calls[op.call].path for op in trace.operations if op.name == UNSEEN}
    called = {call.path for call in trace.calls}
    hidden = [path for path in sorted(ran) if _has_uncalled(trace, path, called)]
    if hidden:
        named = [path or trace.modules[0].type for path in hidden[:_NAMES]]
        more = f" and {len(hidden) - _NAMES} more" if len(hidden) > _NAMES else ""
        verb, its = ("runs", "its") if len(hidden) == 1 else ("run", "their")
        yield (
            f"{', '.join(named)}{more} {verb} in TorchScript or another language: {its} layers "
            "cannot be watched and stand as not called, though they may have run"
        )


def _packed(trace: Trace) -> Iterator[str]:
    """Quantized layers, whose weights are no tensors: their columns of parameters are empty."""
    packed = (
        op
        for op in trace.operations
        if op.name.startswith("quantized") and _hides((*op.args, *op.kwargs.values()))
    )
    paths = dict.fromkeys(trace.calls[op.call].path for op in packed)
    if paths:
        names = [path or trace.modules[0].type for path in paths]
        verb, its = ("keeps", "its") if len(names) == 1 else ("keep", "their")
        yield (
            f"{_several(names)} {verb} {its} weights packed for quantized kernels, not as "
            "parameters: they are not counted"
        )


def _hides(argument: Plain) -> bool:
    """Whether packed weights, of whatever size, are among the arguments."""
    if isinstance(argument, tuple):
        return any(map(_hides, argument))
    if isinstance(argument, Unknown):
        return argument.type == "ScriptObject"
    return isinstance(argument, dict) and "weight" in argument


def _has_uncalled(trace: Trace, path: str, called: set[str]) -> bool:
    below = f"{path}." if path else ""
    return any(
        module.path.startswith(below) and module.path not in called
        for module in trace.modules
        if module.path != path
    )


def _uncounted(trace: Trace, accounts: Accounts, macs: Sequence[Size]) -> Iterator[str]:
    """Which operations make the total unknown, where they ran, and why."""
    unknown = [op for op, count in zip(trace.operations, macs, strict=True) if count is None]
    hidden = [op for op in unknown if op.opaque]
    new = [op for op in unknown if not op.opaque and accounts.entry(op) is None]
    listed = [op for op in unknown if not op.opaque and accounts.entry(op) is not None]
    for found, (one, several) in (
        (new, ("is not in the table of operations", "are not in the table of operations")),
        (hidden, ("runs outside Python and cannot be counted",
                  "run outside Python and cannot be counted")),
        (listed, ("has a cost that is not told by its sizes",
                  "have a cost that is not told by their sizes")),
    ):  # fmt: skip
        names = tuple(dict.fromkeys(_placed(trace, found)))
        if names:
            yield f"MACs unknown: {_several(names)} {one if len(names) == 1 else several}"


def _placed(trace: Trace, operations: Iterable[Operation]) -> Iterator[str]:
    """``mylib::op in layer features.0``: once for each place and name."""
    for op in operations:
        path = trace.calls[op.call].path
        where = f"layer {path}" if path else trace.modules[0].type
        yield f"{'code' if op.name == UNSEEN else spelled(op.name)} in {where}"


def spelled(name: str) -> str:
    """An operator as torch names it: ``mylib::op``.

    >>> spelled("mylib.op"), spelled("conv2d"), spelled("linalg_svd.default")
    ('mylib::op', 'conv2d', 'linalg_svd')
    """
    return shown_name(name).replace(".", "::", 1)


def _several(names: Sequence[str]) -> str:
    if len(names) <= _NAMES:
        return listed(names)
    return f"{', '.join(names[:_NAMES])} and {len(names) - _NAMES} more"
