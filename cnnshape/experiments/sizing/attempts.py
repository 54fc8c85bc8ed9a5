"""Trying sizes one after another: does the model take them, and keep the batch?"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from cnnshape.analysis.build import build_report
from cnnshape.experiments.symbolic.demands import Demand
from cnnshape.experiments.symbolic.letters import Letters, filled, shapes_of
from cnnshape.experiments.symbolic.run_at_sizes import Prober
from cnnshape.experiments.symbolic.sampling import all_hold
from cnnshape.tracing.execute import Inputs, record
from cnnshape.tracing.repeat import Pass, repeated

#: Accepted; accepted with another number of results than inputs; refused.
Verdict = Literal["yes", "batch", "no"]
Shapes = tuple[tuple[int, ...], ...]


@dataclass
class Attempts:
    """Runs a model at sizes of choice and remembers the verdicts.

    ``keeps_batch``: at the usual size the results have as many rows as the input, so that
    another number elsewhere means that rows were torn apart or glued together. ``unseen``: what
    the model demands of values, which a pass on meta cannot tell.
    """

    prober: Prober
    run: Callable[[Inputs], Pass]
    keeps_batch: bool = False
    unseen: Sequence[Demand] = ()
    verdicts: dict[tuple[int, ...], Verdict] = field(default_factory=dict[tuple[int, ...], Verdict])
    seconds: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The letters, in the order of the input."""
        return self.prober.inputs.letters

    @property
    def cost(self) -> float:
        """Seconds that one try takes."""
        return self.seconds / max(len(self.verdicts), 1)

    def forget(self) -> None:
        """Judge without regard to the batch from now on."""
        self.keeps_batch = False
        self.verdicts.clear()

    def verdict(self, letters: Letters) -> Verdict:
        """Try these sizes, unless they were tried before."""
        key = tuple(letters[name] for name in self.names)
        if key not in self.verdicts:
            started = time.perf_counter()
            self.verdicts[key] = self._tried(letters)
            self.seconds += time.perf_counter() - started
        return self.verdicts[key]

    def _tried(self, letters: Letters) -> Verdict:
        if self.prober.device != "cpu" and not all_hold(self.unseen, letters):
            return "no"
        done = self.run(self.prober.inputs_at(letters))
        if done.exception is not None or (done.doubtful and self._refused(letters)):
            return "no"
        if self.keeps_batch and not _keeps(self.prober, letters, done.shapes):
            return "batch"
        return "yes"

    def _refused(self, letters: Letters) -> bool:
        """Whether a condition of a size rule says that a real run would refuse these sizes."""
        recorded = record(
            self.prober.module,
            self.prober.inputs_at(letters),
            device=self.prober.device,
            mode=self.prober.mode,
        )
        return build_report(recorded.trace).error is not None


def _keeps(prober: Prober, letters: Letters, shapes: Shapes) -> bool:
    rows = batch_of(prober, letters)
    return all(not shape or shape[0] == rows for shape in shapes)


def batch_of(prober: Prober, letters: Letters) -> int | None:
    """The size of the input's first axis."""
    shape = shapes_of(filled(prober.inputs, letters))[0]
    return shape[0] if shape and isinstance(shape[0], int) else None


@contextmanager
def attempts(prober: Prober) -> Generator[Attempts]:
    """Put the model where it runs, and try sizes."""
    with repeated(prober.module, device=prober.device, mode=prober.mode) as run:
        yield Attempts(prober, run)
