"""A model run at chosen sizes in the place of letters: recorded passes, or its ordinary report."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, product
from typing import Any

from torch import Tensor

from cnnshape.analysis.build import build_report
from cnnshape.analysis.report import Report
from cnnshape.experiments.run_pass import has_unknown_sizes, needs_values, run_pass
from cnnshape.experiments.symbolic.letters import Letters, batch_letters, filled, places, shapes_of
from cnnshape.experiments.symbolic.size_recorder import noting_guards
from cnnshape.experiments.symbolic.traced_size import Guard
from cnnshape.loading.inputs import ModelInputs
from cnnshape.loading.prepare import Prepared
from cnnshape.loading.shapes import InputSpec
from cnnshape.loading.tensors import make_tensors, model_dtype
from cnnshape.messages import say
from cnnshape.tracing.exceptions import range_of
from cnnshape.tracing.execute import Inputs, Mode, Recorded, record
from cnnshape.tracing.trace import Trace


@dataclass(frozen=True)
class Run:
    """A recorded pass, the values that the letters had in it, and the comparisons it made."""

    letters: Letters
    trace: Trace
    guards: tuple[Guard, ...] = ()


#: Sides of pictures that networks are made for, the most likely first.
USUAL_SIDES = (
    *(224, 32, 64, 28, 96, 128, 256, 299, 384, 512, 16, 48, 112, 160, 192, 240, 320),
    *(336, 448, 331, 518, 8, 56, 36, 100, 227, 84, 40, 20),
)
#: So many sizes made of the numbers in a refusal are tried.
_MOST_NAMED = 24
_USUAL_BATCHES = (4, 8, 1, 16, 32, 64, 3, 5, 6, 7, 128, 256)
_USUAL_LENGTHS = (16, 64, 128, 32, 100, 10, 256, 1000, 784, 512, 50, 8)


class Prober:
    """Records passes of one model at sizes of choice, and remembers them."""

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.inputs = prepared.inputs
        self.mode: Mode = prepared.options.mode
        self.module = prepared.module
        self._device = "meta"
        self.out_of_time = False
        self.dtype = model_dtype(self.module)
        self._done: dict[tuple[tuple[str, int], ...], tuple[Recorded, list[Guard]]] = {}

    @property
    def device(self) -> str:
        """Where the passes run."""
        return self._device

    @property
    def seen(self) -> int:
        """How many sizes have been run."""
        return len(self._done)

    def last_failure(self) -> tuple[str, Letters]:
        """What the model said to the most usual sizes that it refused, and those sizes."""
        message, letters = next(self._refusals(), ("", {}))
        return (message.splitlines() or [""])[0], letters

    def _refusals(self) -> Iterator[tuple[str, Letters]]:
        """What the model said to each of the sizes that it refused, the most usual first."""
        for key, (recorded, _) in self._done.items():
            if recorded.trace.failure is not None:
                yield recorded.trace.failure.message.strip(), dict(key)

    def record(self, letters: Letters) -> Recorded:
        """One recorded pass with these numbers in the place of the letters."""
        return self._recorded(letters)[0]

    def run(self, letters: Letters) -> Run | None:
        """The pass as a run; None if the model raised."""
        recorded, guards = self._recorded(letters)
        if recorded.trace.failure is not None:
            return None
        return Run(dict(letters), recorded.trace, tuple(guards))

    def _recorded(self, letters: Letters) -> tuple[Recorded, list[Guard]]:
        key = tuple(sorted(letters.items()))
        if key not in self._done:
            recorded = self._record(letters)
            while _needs_values(recorded[0]) and self._went_further():
                recorded = self._record(letters)
            self._done[key] = recorded
        return self._done[key]

    def _went_further(self) -> bool:
        """From meta to fake tensors, and to the CPU if there are values; False at the end."""
        if self._device == "meta":
            self._device = "fake"
        elif self._device == "fake" and self.prepared.has_values:
            self._device = "cpu"
            self.module = self.prepared.real_module()
        else:
            return False
        return True

    def inputs_at(self, letters: Letters) -> Inputs:
        """The arguments with these numbers in the place of the letters, for where it runs."""
        device = "meta" if self._device == "fake" else self._device
        return Inputs(*make_tensors(filled(self.inputs, letters), device=device, dtype=self.dtype))

    def _record(self, letters: Letters) -> tuple[Recorded, list[Guard]]:
        guards: list[Guard] = []
        recorded = record(
            self.module,
            self.inputs_at(letters),
            device=self._device,
            mode=self.mode,
            reason=say("letters in the input: its sizes as expressions"),
            recorder_type=noting_guards(guards),
        )
        return recorded, guards

    # ---- where it runs at all -----------------------------------------------------------

    def first_run(self, seconds: float) -> Run | None:
        """A pass that the model accepts, at sizes as usual as possible; None if none is found."""
        until = time.monotonic() + seconds
        furthest = -1
        for letters in self._guesses():
            run = self.run(letters)
            if run is None and self._got_as_far_as(letters) > furthest:
                furthest = self._got_as_far_as(letters)
                run = next(filter(None, map(self.run, self._named(letters))), None)
            if run is not None:
                return run
            if time.monotonic() > until:
                self.out_of_time = True
                return None
        return None

    def _guesses(self) -> Iterator[Letters]:
        usual = self._usual()
        if usual is not None:
            yield usual
        batches = batch_letters(self.inputs)
        where = places(self.inputs)
        channels = _channel_letters(self.inputs)
        free = [name for name in self.inputs.letters if name not in batches | channels]
        widths = self._widths() if channels else (1,)
        picture = any(rank > 3 for _, rank in where.values())
        sides = USUAL_SIDES if picture else (*_USUAL_LENGTHS, *USUAL_SIDES)
        seen = tuple(dict.fromkeys(chain(sides, self._widths(), range(1, 257))))
        # A model that refuses two examples may take more of them, at its usual sizes.
        several = ((rows, seen[:6]) for rows in _USUAL_BATCHES if batches)
        for rows, tried in chain([(2, seen if free else seen[:1])], several):
            for side, width in product(tried if free else tried[:1], widths):
                sizes = dict.fromkeys(channels, width) | dict.fromkeys(free, side)
                yield dict.fromkeys(batches, rows) | sizes

    def _named(self, refused: Letters) -> Iterator[Letters]:
        """Sizes that the model names where it refuses others: ``expects 336×336``."""
        fixed = batch_letters(self.inputs) | _channel_letters(self.inputs)
        free = [name for name in refused if name not in fixed]
        for _ in free:  # a height, and when that is right, a width
            latest_first = sorted(self._refusals(), key=lambda each: each[1] != refused)
            said = " ".join(message for message, _ in latest_first)
            numbers = map(int, re.findall(r"\b[0-9]{2,4}\b", said))
            named = [n for n in dict.fromkeys(numbers) if n not in refused.values()]
            changed = (free, *([name] for name in free))
            tried = [{**refused, **dict.fromkeys(c, n)} for n, c in product(named, changed)]
            yield from tried[:_MOST_NAMED]
            refused = max(tried[:_MOST_NAMED], key=self._got_as_far_as, default=refused)

    def _got_as_far_as(self, letters: Letters) -> int:
        return len(self.record(letters).trace.operations)

    def _usual(self) -> Letters | None:
        """The numbers that a named model's usual input has where this one has letters."""
        usual = self.prepared.usual
        if usual is None or len(usual.specs) != len(self.inputs.specs):
            return None
        found: dict[str, int] = {}
        for given, known in zip(self.inputs.specs, usual.specs, strict=True):
            if len(given.shape) != len(known.shape):
                return None
            for size, number in zip(given.shape, known.shape, strict=True):
                if isinstance(size, str) and isinstance(number, int):
                    found.setdefault(size, number)
        # Two pictures tell the batch from a size that happens to be 1.
        found |= {name: 2 for name in batch_letters(self.inputs) if name in found}
        return found if found.keys() == set(self.inputs.letters) else None

    def _widths(self) -> tuple[int, ...]:
        """Numbers of channels and features that the first layers expect."""
        widths: dict[int, None] = {}
        for module in self.module.modules():
            for name in ("in_channels", "in_features", "num_features"):
                width = getattr(module, name, None)
                if isinstance(width, int):
                    widths[width] = None
            if len(widths) >= 4:
                break
        return tuple(widths) or (1, 3)


def _needs_values(recorded: Recorded) -> bool:
    return needs_values(recorded.exception) is not None or has_unknown_sizes(recorded)


def known_reach(prepared: Prepared, trace: Trace) -> dict[int, int]:
    """How long an axis must be for the whole numbers that are known, should they be indices.

    They are known where a tensor was handed over and in the model's buffers; a pass on meta does
    not see them.
    """
    given = zip(
        (named.value for named in trace.inputs), _handed_over(prepared.inputs), strict=False
    )
    buffers = dict(prepared.module.named_buffers())
    held = {v.id: buffers.get(v.name or "") for v in trace.values if v.origin == "buffer"}
    tensors = {value: t for value, t in (dict(given) | held).items() if isinstance(t, Tensor)}
    ranges = {value: range_of(tensor) for value, tensor in tensors.items()}
    return {value: max(r[1] + 1, -r[0]) for value, r in ranges.items() if r is not None}


def _handed_over(inputs: ModelInputs) -> list[Any]:
    """What stands for each recorded input: a tensor with values, or None where one was made."""
    found: list[Any] = []

    def note(leaf: Any) -> Any:
        if isinstance(leaf, InputSpec):
            found.extend([None] * len(leaf.tensors or (leaf,)))
        elif hasattr(leaf, "shape"):
            found.append(leaf)
        return leaf

    inputs.map(note)
    return found


def _channel_letters(inputs: ModelInputs) -> frozenset[str]:
    """Letters where channels stand, as a rule: second, before an axis that has a letter as well.

    In ``N,T,64`` the second is the length of a sequence.

    >>> from cnnshape.loading.inputs import from_python
    >>> sorted(_channel_letters(from_python(("N", "C", "H", "W"))))
    ['C']
    >>> sorted(_channel_letters(from_python(("N", "T", 64))))
    []
    """
    return frozenset(
        shape[1]
        for shape in shapes_of(inputs)
        if len(shape) > 2 and isinstance(shape[1], str)
        if len(shape) > 3 or isinstance(shape[2], str)
    )


def at_sizes(prepared: Prepared, letters: Letters) -> Prepared:
    """The model with inputs of these sizes, to be run where it is right."""
    options = replace(prepared.options, device="auto")
    return replace(prepared, inputs=filled(prepared.inputs, letters), options=options)


def report_at(prepared: Prepared, letters: Letters, *, trials: bool = True) -> Report:
    """The report of the model at these sizes, with a diagnosis if it fails there.

    Without ``trials`` its suggestions are those that nobody tried.
    """
    numbered = at_sizes(prepared, letters)
    recorded = run_pass(numbered)
    report = build_report(recorded.trace, spec=prepared.spec, exception=recorded.exception)
    if report.error is None or not trials:
        return report
    from cnnshape.experiments.search_fixes import with_tried_suggestions

    return with_tried_suggestions(report, numbered)
