"""A recording read as a plain chain: one value after another, each made of the one before.

The steps are the operations that reached torch with the arguments that they were given, so that a
layer, a subclass of it and a functional call are one and the same. What has branches, or a step
that :mod:`cnnshape.rendering.live.reading` does not know, is refused in one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cnnshape.analysis.accounts import Accounts, shown_name
from cnnshape.analysis.report import Check, Report
from cnnshape.errors import UsageError
from cnnshape.rendering.diagram.layer_words import layer_words
from cnnshape.rendering.live.call import Given, Refused
from cnnshape.rendering.live.reading import read
from cnnshape.tracing.trace import Operation, Trace
from cnnshape.words import ordinal, times

MOST_WEIGHTS = 4_000_000
"""Parameters that a page carries: 16 MB, and a third more as text."""
MOST_MACS = 200_000_000
"""Multiply-accumulates of one picture: about a third of a second in a browser."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of the chain.

    Attributes:
        kind: which of the page's computations it is: ``conv``, ``max_pool``, ``relu``, …
        name: the layer's path, with which call it is where it is called again; the operation's
            name where a forward calls it as a function.
        words: it in words, as in ``Conv2d 5×5, 1→6, pad 2``.
        arguments: numbers and lists of them, by their names.
        weights: names of parameters and buffers, by what they are to the operation.
        input: the shape that arrives, without the batch.
        output: the shape that leaves, without the batch.
        size: how its size follows, as in ``⌊(28 + 2·2 − 5)/1⌋ + 1 = 28``; may be empty.
    """

    kind: str
    name: str
    words: str
    arguments: Mapping[str, Any]
    weights: Mapping[str, str]
    input: tuple[int, ...]
    output: tuple[int, ...]
    size: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As the page reads it."""
        return {
            "kind": self.kind,
            "name": self.name,
            "words": self.words,
            **self.arguments,
            "weights": dict(self.weights),
            "input": list(self.input),
            "output": list(self.output),
            "size": self.size,
        }


@dataclass(frozen=True, slots=True)
class Chain:
    """All steps from the picture to the result.

    Attributes:
        input: channels, height, width of the picture.
        steps: in the order of the data.
    """

    input: tuple[int, ...]
    steps: tuple[Step, ...]

    @property
    def weights(self) -> tuple[str, ...]:
        """The names of all parameters and buffers that are computed with, each once."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.weights.values()))

    def to_dict(self) -> dict[str, Any]:
        """As the page reads it."""
        return {"input": list(self.input), "steps": [step.to_dict() for step in self.steps]}


def chain_of(report: Report) -> Chain:
    """The report's network as a chain.

    Raises:
        UsageError: a page cannot compute it; the sentence names the layer and says why.

    >>> import cnnshape
    >>> [step.kind for step in chain_of(cnnshape.inspect("lenet")).steps][:4]
    ['conv', 'relu', 'max_pool', 'conv']
    """
    return _Walk(report).chain()


@dataclass
class _Walk:
    """The value that has been reached, and how."""

    report: Report
    accounts: Accounts = field(init=False)
    batched: bool = True

    def __post_init__(self) -> None:
        self.accounts = Accounts(self.report.trace)

    @property
    def trace(self) -> Trace:
        return self.report.trace

    def chain(self) -> Chain:
        """Follow the picture to the result."""
        first = self._picture()
        _check_size(self.report)
        readers = self._readers()
        value, steps = first, list[Step]()
        while value in readers:
            operation, *more = readers[value]
            if more:
                both = f"reads {self._maker(value)}, and so does {self._name(operation)}"
                raise self._refusal(more[-1], both)
            step = self._step(operation, value)
            if step is not None:
                steps.append(step)
            value = operation.outputs[0]
        if value not in [named.value for named in self.trace.outputs] or not steps:
            raise UsageError(
                f"a page cannot compute {self.report.spec}: its result does not follow from the "
                "picture by a plain chain of layers"
            )
        return Chain(_sizes(self.trace.shape(first))[1:], tuple(steps))

    def _picture(self) -> int:
        """The value that the picture is."""
        values = [named.value for named in self.trace.inputs]
        shape = self.trace.shape(values[0]) if len(values) == 1 else ()
        if len(shape) != 4 or shape[0] != 1:
            given = ", ".join(times(self.trace.shape(value)) for value in values)
            raise UsageError(
                f"a page computes a network of one picture, 1×C×H×W; {self.report.spec} was given "
                f"{given or 'nothing'}"
            )
        return values[0]

    def _readers(self) -> dict[int, list[Operation]]:
        """Which operations read each value that depends on the picture."""
        readers: dict[int, list[Operation]] = {}
        for operation in self.trace.operations:
            entry = self.accounts.entry(operation)
            if not operation.outputs or (entry and self.accounts.makes(operation)):
                continue
            for value in dict.fromkeys(operation.inputs):
                if not self.trace.values[value].static:
                    readers.setdefault(value, []).append(operation)
        return readers

    def _step(self, operation: Operation, value: int) -> Step | None:
        trace = self.trace
        moving = [other for other in operation.inputs if not trace.values[other].static]
        if moving != [value]:
            raise self._refusal(operation, "takes the results of more than one layer")
        result = trace.values[operation.outputs[0]]
        if result.dtype not in ("float32", "float64"):
            raise self._refusal(operation, f"gives {result.dtype}, and a page computes in float32")
        before, was_batched = self._plain(value), self.batched
        self.batched = was_batched and _has_batch(_sizes(result.shape))
        after = self._plain(result.id)
        given = Given(operation, self.accounts, before, after, was_batched)
        try:
            found = read(given)
        except Refused as reason:
            raise self._refusal(operation, str(reason)) from None
        if found is None:
            return None
        check = self._check(operation)
        return Step(
            kind=found.kind,
            name=self._name(operation),
            words=self._words(operation),
            arguments=found.arguments,
            weights={role: self._weight(operation, ref) for role, ref in found.weights.items()},
            input=before,
            output=after,
            size=check.substitution if check else "",
        )

    def _plain(self, value: int) -> tuple[int, ...]:
        """The shape without the batch."""
        shape = _sizes(self.trace.shape(value))
        return shape[1:] if self.batched and _has_batch(shape) else shape

    def _weight(self, operation: Operation, value: int) -> str:
        """The name of the parameter or buffer that a value is."""
        found = self.trace.values[value]
        if found.origin not in ("parameter", "buffer") or found.name is None:
            whose = f" from {found.parameters[0]}" if found.parameters else ""
            raise self._refusal(
                operation, f"computes a weight{whose} anew at each pass (a norm or a mask of it)"
            )
        return found.name

    def _check(self, operation: Operation) -> Check | None:
        """The size check of the operation, or of the layer that it is."""
        for row in self.report.operations:
            if row.index == operation.index:
                return row.check
        layers = self.report.layers
        return next((row.check for row in layers if row.index == operation.call), None)

    def _maker(self, value: int) -> str:
        producer = self.trace.values[value].producer
        if producer is None:
            return "the picture"
        return f"the output of {self._name(self.trace.operations[producer])}"

    def _name(self, operation: Operation) -> str:
        call = self.trace.calls[operation.call]
        if not self.trace.module(call.path).builtin or not call.path:
            return shown_name(operation.name)
        again = f" ({ordinal(call.call + 1)} call)" if call.call else ""
        return f"{call.path}{again}"

    def _words(self, operation: Operation) -> str:
        module = self.trace.module(self.trace.calls[operation.call].path)
        return layer_words(module) if module.builtin else shown_name(operation.name)

    def _refusal(self, operation: Operation, why: str) -> UsageError:
        name, own = self._name(operation), shown_name(operation.name)
        what = name if name == own else f"{name} ({own})"
        where = f" at {operation.source}" if name == own and operation.source else ""
        return UsageError(f"a page cannot compute {self.report.spec}: {what}{where} {why}")


def _check_size(report: Report) -> None:
    """Refuse what would make a page that nobody can open, or that lags behind the hand."""
    params, macs = report.totals.params, report.totals.macs
    if params is not None and params > MOST_WEIGHTS:
        raise UsageError(
            f"a page carries at most {MOST_WEIGHTS:,} parameters, and {report.spec} has {params:,}"
        )
    if isinstance(macs, int) and macs > MOST_MACS:
        raise UsageError(
            f"a page computes at most {MOST_MACS:,} multiply-accumulates a picture, and "
            f"{report.spec} needs {macs:,}: give a smaller input"
        )


def _has_batch(shape: tuple[int, ...]) -> bool:
    return len(shape) > 1 and shape[0] == 1


def _sizes(shape: tuple[int | str, ...]) -> tuple[int, ...]:
    return tuple(int(size) for size in shape)
