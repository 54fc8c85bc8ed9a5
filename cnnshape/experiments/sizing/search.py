"""The sizes that a model accepts: sweep every letter, predict the rest, check the prediction.

Trying decides. What cannot be tried one by one (65,536 pairs of two letters) follows from the
demands that the expressions gave, and those are held against every size that was tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, takewhile

from cnnshape.errors import ModelFailedError, UsageError
from cnnshape.experiments.sizing.attempts import Attempts, Verdict, attempts
from cnnshape.experiments.sizing.predict import JointSizes, Prediction, joint_sizes, predict
from cnnshape.experiments.sizing.result import AcceptedSizes, SizeSet, describe
from cnnshape.experiments.symbolic.find_expressions import (
    Progress,
    Understanding,
    size_text,
    understand,
)
from cnnshape.experiments.symbolic.letters import Letters, batch_letters
from cnnshape.experiments.symbolic.sampling import Mixer
from cnnshape.interrupts import let_through
from cnnshape.loading.prepare import Prepared
from cnnshape.messages import joined, say
from cnnshape.words import listed

#: Seconds for a whole search, unless the caller allows more.
TIME_LIMIT = 60.0
#: Sizes beyond this one, and ranges of more, are no sizes of pictures or sequences.
_LARGEST, _LONGEST = 10**9, 100_000
#: Tries beside the sweeps: pairs of letters at edges and at random.
_PAIRS = 240


def accepted_sizes(
    prepared: Prepared,
    *,
    low: int = 1,
    high: int = 256,
    seconds: float = TIME_LIMIT,
    progress: Progress | None = None,
) -> AcceptedSizes:
    """Find which sizes a model accepts between ``low`` and ``high``.

    Args:
        prepared: the model, with letters in its input.
        low: the smallest size to try, for every letter.
        high: the largest.
        seconds: when to stop; with fewer tries than planned the result says so.
        progress: told what is being done, now and then.

    Raises:
        UsageError: there are no letters, or the range is empty.
        ModelFailedError: the model accepts nothing that was tried.
    """
    if not prepared.inputs.has_letters:
        raise UsageError(say("sizes needs letters for what may vary, as in -i 1,1,H,W"))
    if not 1 <= low <= high:
        raise UsageError(
            say(
                "the range {low}:{high} is empty: give LOW:HIGH with 1 ≤ LOW ≤ HIGH",
                low=low,
                high=high,
            )
        )
    if high > _LARGEST or high - low >= _LONGEST:
        raise UsageError(
            say(
                "the range {low}:{high} is too long: at most {most:,} sizes up to {largest:,} "
                "are looked at",
                low=low,
                high=high,
                most=_LONGEST,
                largest=_LARGEST,
            )
        )
    started = time.monotonic()
    found = understand(prepared, seconds=seconds / 3, checks=2)
    until = started + seconds
    with attempts(found.prober) as trying:
        search = let_through(
            _begun, found, predict(found), trying, low, high, until, progress or _silent
        )
        result = let_through(search.result, found)
    return replace(
        result,
        spec=prepared.spec,
        shape=str(prepared.inputs.specs[0]),
        device=found.prober.device,
        seconds=time.monotonic() - started,
        notes=(*prepared.notes, *result.notes),
    )


def _silent(_text: str) -> None:
    pass


def _base_inside(
    trying: Attempts, prediction: Prediction, usual: Letters, low: int, high: int, until: float
) -> Letters | None:
    """Accepted sizes within the range, as near to the usual ones as may be; None if time is up.

    The nearest are tried in any case.
    """
    inside = {name: min(max(n, low), high) for name, n in usual.items()}
    if trying.verdict(inside) == "yes":
        return inside
    batches = batch_letters(trying.prober.inputs)
    sides = [name for name in usual if name not in batches] or list(usual)

    def guesses() -> Iterator[Letters]:
        yield inside
        for n in _outwards(max(inside.values()), low, high):
            yield {**inside, **dict.fromkeys(sides, n)}

    def in_time(points: Iterable[Letters]) -> Iterator[Letters]:
        return takewhile(lambda _: time.monotonic() < until, points)

    likely = (point for point in in_time(guesses()) if prediction.verdict(point) == "yes")
    pairs = _pairs(trying.names, inside, low, high, prediction)
    points = in_time(chain(islice(likely, 20), pairs, guesses()))
    return next((point for point in points if trying.verdict(point) == "yes"), None)


def _outwards(centre: int, low: int, high: int) -> Iterator[int]:
    """Every size, the nearest to ``centre`` first."""
    yield centre
    for step in range(1, high - low + 1):
        yield from (n for n in (centre - step, centre + step) if low <= n <= high)


def _pairs(
    names: Sequence[str], inside: Letters, low: int, high: int, prediction: Prediction
) -> Iterator[Letters]:
    """Sizes at random that the demands allow."""
    mixer = Mixer()
    points = (
        {name: low + mixer.below(high - low + 1) for name in names} | _one(inside, names, mixer)
        for _ in range(20_000)
    )
    yield from islice((p for p in points if prediction.verdict(p) == "yes"), 20)


def _one(inside: Letters, names: Sequence[str], mixer: Mixer) -> dict[str, int]:
    """Every other time, one letter stays where it was."""
    if mixer.below(2):
        return {}
    name = names[mixer.below(len(names))]
    return {name: inside[name]}


def _nothing(found: Understanding, low: int, high: int, *, complete: bool) -> str:
    names = listed(found.prober.inputs.letters)
    told = {"letters": names, "low": low, "high": high}
    sentence = say("the model accepts no {letters} from {low} to {high}", **told)
    if not complete:
        sentence = say(
            "the model accepts no {letters} from {low} to {high} that was tried before time was up",
            **told,
        )
    sentence += say("; it does accept {sizes}", sizes=size_text(found.run.letters))
    if found.demands:
        demands = joined(say("; "), map(str, found.demands))
        sentence += say(", since it needs {demands}", demands=demands)
    return sentence


def _begun(
    found: Understanding,
    prediction: Prediction,
    trying: Attempts,
    low: int,
    high: int,
    until: float,
    progress: Progress,
) -> _Search:
    """The search from accepted sizes within the range.

    Raises:
        ModelFailedError: there are none.
    """
    trying.keeps_batch = prediction.keeps_batch
    trying.unseen = prediction.unseen
    base = _base_inside(trying, prediction, found.run.letters, low, high, until)
    if base is None and prediction.batch:
        # No size keeps the rows: then that is how the model is meant.
        prediction = replace(prediction, batch=(), keeps_batch=False)
        trying.forget()
        base = _base_inside(trying, prediction, found.run.letters, low, high, until)
    if base is None:
        raise ModelFailedError(_nothing(found, low, high, complete=time.monotonic() < until))
    return _Search(trying, prediction, base, low, high, until, progress)


@dataclass
class _Search:
    trying: Attempts
    prediction: Prediction
    base: Letters
    low: int
    high: int
    until: float
    progress: Callable[[str], None]
    every_size: bool = True

    def result(self, found: Understanding) -> AcceptedSizes:
        """Sweep, predict, check, describe."""
        names = self.trying.names
        spatial = [n for n in names if n not in batch_letters(self.trying.prober.inputs)]
        sweeps = {name: self._sweep([name]) for name in names}
        if len(spatial) > 1:
            self._sweep(spatial)
        tied = joint_sizes(self.prediction, spatial, self.base, self.low, self.high)
        free = {name: self._alone(name, sweeps[name]) for name in names}
        sizes = {name: tied.sizes.get(name, free[name]) for name in names}
        self._check_pairs(spatial, sizes, tied)
        joint, sizes, wrong = self._judged(spatial, sizes, tied)
        return AcceptedSizes(
            spec="",
            class_name=found.run.trace.modules[0].type,
            shape="",
            letters={name: describe(sizes[name], self.low, self.high) for name in names},
            joint=joint,
            examples=self._examples(spatial) if joint else (),
            tested=(self.low, self.high),
            tries=len(self.trying.verdicts),
            every_size=self.every_size,
            batch_changing=self._batch_changing(sweeps),
            exceptions=tuple(wrong[:10]),
            base=self.base,
        )

    # ---- trying -------------------------------------------------------------------------

    def _sweep(self, names: Sequence[str]) -> dict[int, str]:
        """Every size of one letter, or of several at once, the others as usual."""
        verdicts: dict[int, str] = {}
        chosen = self._worth_trying(names)
        for done, n in enumerate(chosen):
            if time.monotonic() > self.until:
                self.every_size = False
                break
            if done % 32 == 0:
                self.progress(
                    say(
                        "trying {letters} = {size}, {left} to go",
                        letters=" = ".join(names),
                        size=n,
                        left=len(chosen) - done,
                    )
                )
            verdicts[n] = self.trying.verdict({**self.base, **dict.fromkeys(names, n)})
        return verdicts

    def _worth_trying(self, names: Sequence[str]) -> list[int]:
        """All sizes where time allows; else small ones, edges of the prediction, and a sample."""
        every = list(range(self.low, self.high + 1))
        sweeps = len(self.trying.names) + 1
        affordable = int((self.until - time.monotonic()) / max(self.trying.cost, 1e-6) / sweeps)
        if affordable >= len(every):
            return every
        self.every_size = False
        predicted = self._predicted(names)
        edges = {
            every[i + side]
            for i in range(len(every) - 1)
            if predicted[i] != predicted[i + 1]
            for side in (0, 1)
        }
        stride = max(1, len(every) // max(affordable - len(edges), 8)) | 1
        return sorted({*list(edges)[:affordable], *every[::stride], every[-1]})

    def _alone(self, name: str, swept: Mapping[int, str]) -> set[int]:
        """The accepted sizes of one letter, the others as usual: tried, or predicted between."""
        return {
            n
            for n, predicted in zip(
                range(self.low, self.high + 1), self._predicted([name]), strict=True
            )
            if swept.get(n, predicted) == "yes"
        }

    def _predicted(self, names: Sequence[str]) -> list[Verdict]:
        every = range(self.low, self.high + 1)
        return self.prediction.verdicts(self.base, names, every)

    def _check_pairs(
        self, names: Sequence[str], sizes: Mapping[str, set[int]], tied: JointSizes
    ) -> None:
        """Try pairs: accepted ones, their neighbours, and any."""
        if len(names) < 2:
            return
        points = _checks(names, self.base, sizes, tied, self.low, self.high)
        for done, point in enumerate(islice(points, _PAIRS)):
            if time.monotonic() > self.until:
                return
            if done % 32 == 0:
                self.progress(say("trying {sizes}", sizes=size_text(point)))
            self.trying.verdict(point)

    # ---- judging ------------------------------------------------------------------------

    def _judged(
        self, names: Sequence[str], sizes: dict[str, set[int]], tied: JointSizes
    ) -> tuple[str | None, dict[str, set[int]], list[Letters]]:
        """The condition that ties letters, and the tries that do not follow the description."""

        def accepted(point: Letters) -> bool:
            inside = all(point[name] in found for name, found in sizes.items())
            return inside and (tied.joint is None or tied.holds(point))

        wrong = self._wrong(accepted)
        if not wrong or len(names) < 2:
            return tied.joint, sizes, wrong
        # A model may insist on squares in a way that no expression shows.
        equal = {n for n in range(self.low, self.high + 1) if self._equal_verdict(names, n)}
        squares = {**sizes, **dict.fromkeys(names, equal)}

        def square(point: Letters) -> bool:
            inside = all(point[name] in found for name, found in squares.items())
            return inside and len({point[name] for name in names}) == 1

        still_wrong = self._wrong(square)
        if len(still_wrong) < len(wrong):
            return " and ".join(f"{names[0]} == {n}" for n in names[1:]), squares, still_wrong
        return tied.joint, sizes, wrong

    def _equal_verdict(self, names: Sequence[str], n: int) -> bool:
        point = {**self.base, **dict.fromkeys(names, n)}
        key = tuple(point[name] for name in self.trying.names)
        return (self.trying.verdicts.get(key) or self.prediction.verdict(point)) == "yes"

    def _wrong(self, accepted: Callable[[Letters], bool]) -> list[Letters]:
        points = (
            (dict(zip(self.trying.names, key, strict=True)), verdict)
            for key, verdict in self.trying.verdicts.items()
        )
        inside = ((p, v) for p, v in points if all(self.low <= n <= self.high for n in p.values()))
        return [point for point, verdict in inside if (verdict == "yes") != accepted(point)]

    def _batch_changing(self, sweeps: Mapping[str, Mapping[int, str]]) -> dict[str, SizeSet]:
        found = {
            name: [n for n, verdict in swept.items() if verdict == "batch"]
            for name, swept in sweeps.items()
        }
        return {
            name: describe(sizes, self.low, self.high) for name, sizes in found.items() if sizes
        }

    def _examples(self, names: Sequence[str]) -> tuple[Letters, ...]:
        """Accepted sizes that were tried, as different from each other as may be."""
        good = [
            dict(zip(self.trying.names, key, strict=True))
            for key, verdict in self.trying.verdicts.items()
            if verdict == "yes"
        ]
        chosen: dict[tuple[int, ...], Letters] = {}
        for point in [dict(self.base), *sorted(good, key=lambda p: tuple(p[n] for n in names))]:
            apart = all(
                max(abs(point[n] - other[n]) for n in names) > 3 for other in chosen.values()
            )
            if apart or not chosen:
                chosen[tuple(point[n] for n in names)] = point
        return tuple(islice(chosen.values(), 5))


def _checks(
    names: Sequence[str],
    base: Letters,
    sizes: Mapping[str, set[int]],
    tied: JointSizes,
    low: int,
    high: int,
) -> Iterator[Letters]:
    mixer = Mixer()
    lists = {name: sorted(sizes[name]) or [base[name]] for name in names}
    edges = {
        name: sorted(
            {n + d for n in (found[0], found[-1]) for d in (-1, 0, 1) if low <= n + d <= high}
        )
        for name, found in lists.items()
    }
    for pair in tied.pairs[:: max(1, len(tied.pairs) // 100)]:
        yield {**base, **pair}
    first, second = names[0], names[1]
    for one in edges[first]:
        for other in edges[second]:
            yield {**base, first: one, second: other}
    while True:
        point = {name: low + mixer.below(high - low + 1) for name in names}
        for name in names:
            if mixer.below(3):
                point[name] = lists[name][mixer.below(len(lists[name]))]
        yield {**base, **point}
