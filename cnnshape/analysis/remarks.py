"""What a reader should know about a pass beside its numbers: why some are missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cnnshape.analysis.accounts import Accounts, shown_name
from cnnshape.messages import joined, say
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
        yield say(
            "{forward} returns {result}, whose body has not run: what {call} "
            "would run is not counted; return a list to see it",
            forward=forward, result=with_article(kind), call=_LAZY[kind],
        )  # fmt: skip
    elif kind == "NoneType":
        yield say("{forward} returns None: is its return statement missing?", forward=forward)
    elif kind:
        yield say(
            "{forward} returns {result}, in which no tensor was found",
            forward=forward, result=with_article(kind),
        )  # fmt: skip


def _unregistered(trace: Trace) -> Iterator[str]:
    """Layers that no optimizer and no ``.to()`` will ever see."""
    holding = [
        f"{module.path or module.type}.{name}"
        for module in trace.modules
        for name in module.unregistered
    ]
    if holding:
        yield (
            say(
                "{names} is a plain list or dict of layers, of which torch does not "
                "know: their parameters are not counted, not trained and not moved; use "
                "nn.ModuleList or nn.ModuleDict",
                names=holding[0],
            )
            if len(holding) == 1
            else say(
                "{names} are plain lists of layers, of which torch does not "
                "know: their parameters are not counted, not trained and not moved; use "
                "nn.ModuleList or nn.ModuleDict",
                names=_first(holding),
            )
        )


def _scripted(trace: Trace) -> Iterator[str]:
    """Modules that torch runs outside Python, whose layers cannot be watched."""
    ran = {trace.calls[op.call].path for op in trace.operations if op.name == UNSEEN}
    called = {call.path for call in trace.calls}
    hidden = [path for path in sorted(ran) if _has_uncalled(trace, path, called)]
    if hidden:
        named = [path or trace.modules[0].type for path in hidden]
        yield (
            say(
                "{names} runs in TorchScript or another language: its layers "
                "cannot be watched and stand as not called, though they may have run",
                names=named[0],
            )
            if len(named) == 1
            else say(
                "{names} run in TorchScript or another language: their layers "
                "cannot be watched and stand as not called, though they may have run",
                names=_first(named),
            )
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
        yield (
            say(
                "{names} keeps its weights packed for quantized kernels, not as "
                "parameters: they are not counted",
                names=names[0],
            )
            if len(names) == 1
            else say(
                "{names} keep their weights packed for quantized kernels, not as "
                "parameters: they are not counted",
                names=_several(names),
            )
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
        (new, (say("is not in the table of operations"),
               say("are not in the table of operations"))),
        (hidden, (say("runs outside Python and cannot be counted"),
                  say("run outside Python and cannot be counted"))),
        (listed, (say("has a cost that is not told by its sizes"),
                  say("have a cost that is not told by their sizes"))),
    ):  # fmt: skip
        names = tuple(dict.fromkeys(_placed(trace, found)))
        if names:
            yield say(
                "MACs unknown: {operations} {why}",
                operations=_several(names), why=one if len(names) == 1 else several,
            )  # fmt: skip


def _placed(trace: Trace, operations: Iterable[Operation]) -> Iterator[str]:
    """``mylib::op in layer features.0``: once for each place and name."""
    for op in operations:
        path = trace.calls[op.call].path
        where = say("layer {path}", path=path) if path else trace.modules[0].type
        what = say("code") if op.name == UNSEEN else spelled(op.name)
        yield say("{operation} in {place}", operation=what, place=where)


def spelled(name: str) -> str:
    """An operator as torch names it: ``mylib::op``.

    >>> spelled("mylib.op"), spelled("conv2d"), spelled("linalg_svd.default")
    ('mylib::op', 'conv2d', 'linalg_svd')
    """
    return shown_name(name).replace(".", "::", 1)


def _several(names: Sequence[str]) -> str:
    if len(names) <= _NAMES:
        return listed(names)
    return _first(names)


def _first(names: Sequence[str]) -> str:
    shown, left = joined(", ", names[:_NAMES]), len(names) - _NAMES
    return say("{names} and {left} more", names=shown, left=left) if left > 0 else shown
