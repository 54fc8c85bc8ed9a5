"""Suggestions are tried before they are shown.

Each candidate of a diagnosis is carried out, and the pass repeated: for real where that is cheap,
on meta with the failing call run for real beside it where it is not. What does not get past the
failing point is dropped. Where the corrected model fails at a later point, that failure is
diagnosed in turn and its first working correction is added, up to a limit. What then runs is judged
with another batch size: a correction that mixes examples or is made for one batch is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.dispatch import diagnose
from cnnshape.analysis.diagnose.edits import Edit, NewInput, Rewrite, SetArguments, SetMode
from cnnshape.analysis.diagnose.every_instance import in_every_instance
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.proposals.input_sizes import other_sizes
from cnnshape.analysis.diagnose.suggest import new_input
from cnnshape.analysis.report import ErrorReport, Report, Suggestion
from cnnshape.experiments.attempt import Outcome, Setup, attempt
from cnnshape.experiments.constructor_arguments import other_arguments
from cnnshape.experiments.deadline import Deadline
from cnnshape.experiments.effects import effect_of
from cnnshape.experiments.fixes.layer_edits import numbers_to_make
from cnnshape.experiments.judges import Verdict, batch_kept
from cnnshape.loading.prepare import Prepared
from cnnshape.tracing.execute import Inputs
from cnnshape.tracing.trace import Trace

#: Seconds that all trials together may take, and after how many the first that is good suffices.
BUDGET = 2.5
_ENOUGH = 0.4
#: Seconds that the first trial gets in any case, and each later one.
_FIRST, _LATER = 0.2, 0.05
#: Passes that took longer than this for real are repeated on meta.
_SLOW = 0.08
#: A new layer with more parameters than this is tried on meta.
_MANY = 8_000_000
_MOST_CANDIDATES = 10
_MOST_SHOWN = 3
#: A correction with so many changes behind it is shown only where no shorter one is known.
_MANY_CHANGES = 3
#: Given to several layers or lines alike, these are one change: a padding, the zeros of a state.
_ALIKE = frozenset("padding output_padding zeros randn ones rand empty".split())
#: So many ways out of a further error are tried.
_MOST_NEXT = 3
#: How many further errors are followed after the first correction.
_MOST_FURTHER = 4


def try_suggestions(
    error: ErrorReport, trace: Trace, setup: Setup, budget: float | None = None
) -> ErrorReport:
    """The error with those of its suggestions that held when they were tried.

    Args:
        error: the report of the failure, with suggestions that nobody tried.
        trace: the recording that ends in it.
        setup: the model and the inputs that failed; the model is afterwards as it was.
        budget: seconds for all trials together; None for :data:`BUDGET`.
    """
    deadline = Deadline.after(BUDGET if budget is None else budget)
    try:
        return replace(error, suggestions=tried(error.suggestions, trace, setup, deadline))
    except KeyboardInterrupt:  # whoever does not want to wait gets the diagnosis all the same
        return without_trials(error)
    except Exception:  # noqa: BLE001 - a diagnosis without suggestions is still one
        return replace(error, suggestions=())


def without_trials(error: ErrorReport) -> ErrorReport:
    """The error with what its rule proposes, as not tried; what merely fits is left out."""
    own = [suggestion for suggestion in error.suggestions if not suggestion.guess]
    return replace(error, suggestions=tuple(own[:_MOST_SHOWN]))


def with_tried_suggestions(report: Report, prepared: Prepared) -> Report:
    """The report of a failed pass with suggestions that were tried on the very model."""
    if report.error is None:
        return report
    setup = setup_for_trials(report, prepared)
    if setup is None:
        return replace(report, error=without_trials(report.error))
    return replace(report, error=try_suggestions(report.error, report.trace, setup))


def setup_for_trials(report: Report, prepared: Prepared) -> Setup | None:
    """The model and inputs of a pass for trials of corrections; None where it is not run again."""
    without_memory = report.device in ("meta", "fake") or prepared.rebuild is not None
    try:
        inputs = Inputs(*prepared.arguments("meta" if without_memory else "cpu"))
    except Exception:  # noqa: BLE001 - the plain report is always there
        return None
    if effect_of(prepared.module) is not None:
        return None  # not behind its owner's back
    device = "meta" if without_memory else report.device
    return Setup(prepared.module, inputs, device, report.mode)


def tried(
    suggestions: Sequence[Suggestion], trace: Trace, setup: Setup, deadline: Deadline
) -> tuple[Suggestion, ...]:
    """The suggestions that held, best first; those that could not be tried come last."""
    if setup.device != "meta" and trace.execution.seconds > _SLOW:
        setup = replace(setup, device="meta")
    search = _Search(setup, trace, deadline)
    soon = Deadline.after(_ENOUGH)
    held: list[_Held] = []
    untried: list[Suggestion] = []
    first: dict[int, Suggestion] = {}
    waiting = list(enumerate(suggestions[:_MOST_CANDIDATES]))
    # Each by itself first: one change that suffices must not wait for what needs several.
    for further in (0, _MOST_FURTHER):
        search.further = further
        candidates, waiting = waiting, []
        for order, candidate in candidates:
            late = bool(held) and (search.time_is_up or (soon.over and _good(held)))
            found = candidate if late or not candidate.edits else search.follow_any(candidate)
            if found is None or not found.verified:
                found = first.get(order, found)
            if found is not None and not found.verified:
                untried += [] if found.guess else [found]
            elif found is not None and found.runs is False and not further:
                waiting.append((order, candidate))
                first[order] = found
            elif found is not None and (found.runs or not _only_fits(found)):
                verdict = search.judge(found)
                held += [_Held(found, verdict, order)] if verdict != "broken" else []
    if not any(one.suggestion.runs for one in held):
        held += search.other_arguments(len(suggestions))
    if not held:
        held = search.other_inputs()
    # What nobody tried is worth showing only where nothing was found that works.
    return tuple((_best(held) or untried)[:_MOST_SHOWN])


@dataclass(frozen=True, slots=True)
class _Held:
    suggestion: Suggestion
    verdict: Verdict
    order: int


def _only_fits(suggestion: Suggestion) -> bool:
    """Whether nothing but a run to the end would speak for it: another line may be meant."""
    return suggestion.guess or any(isinstance(edit, Rewrite) for edit in suggestion.edits)


def _good(held: Sequence[_Held]) -> bool:
    """Whether one change is found with which the model runs as it should."""
    return any(one.verdict == "intact" and _rank(one.suggestion) == 0 for one in held)


def _best(held: Sequence[_Held]) -> list[Suggestion]:
    """The best first; what is surely right puts aside what may be, what runs what gets further."""
    if any(one.verdict == "intact" for one in held):
        held = [one for one in held if one.verdict == "intact"]
    ordered = sorted(held, key=lambda one: (_rank(one.suggestion), one.order))
    best = [one.suggestion for one in ordered]
    if any(suggestion.runs for suggestion in best):
        best = [suggestion for suggestion in best if suggestion.runs]
    if best and not best[0].then:
        best = [suggestion for suggestion in best if not (suggestion.guess and suggestion.then)]
    if best and _changes(best[0]) < _MANY_CHANGES:
        best = [suggestion for suggestion in best if _changes(suggestion) < _MANY_CHANGES]
    return best


def _changes(suggestion: Suggestion) -> int:
    """How many further changes there are, the same one in other places left out."""
    return len({further.text for further in suggestion.then} - {suggestion.text})


def _rank(suggestion: Suggestion) -> int:
    """One change with which the model runs; several; one that only gets further."""
    if suggestion.runs is False:
        return 3
    extra = [further for further in suggestion.then if not _one_change(suggestion, further)]
    return (2 if suggestion.runs is None else 0) + bool(extra)


def _one_change(suggestion: Suggestion, further: Suggestion) -> bool:
    """Whether both are one to the reader: arguments of one layer, the same call in two lines."""
    if suggestion.action != further.action:
        return False
    if suggestion.action == "set_argument" and suggestion.path == further.path:
        return True
    if suggestion.text == further.text:
        return True  # the same layer in every module of a class
    alone = len(suggestion.then) == 1 and type(further.to) is int
    if alone and (further.from_, further.to) == (suggestion.from_, suggestion.to):
        return True  # the same number in two layers
    return suggestion.argument == further.argument and suggestion.argument in _ALIKE


@dataclass
class _Search:
    setup: Setup
    trace: Trace
    deadline: Deadline
    further: int = _MOST_FURTHER
    trials: int = 0
    ran: Trace | None = None

    @property
    def time_is_up(self) -> bool:
        return self.deadline.over

    def follow_any(self, candidate: Suggestion) -> Suggestion | None:
        """The candidate in every module of a class, as it is, or what stands behind it."""
        everywhere = in_every_instance(self.trace, candidate)
        found = None if everywhere is None else self.follow(everywhere)
        if found is None or not found.runs:
            found = self.follow(candidate)
        if found is None and candidate.otherwise is not None:
            found = self.follow(candidate.otherwise)
        return found

    def other_arguments(self, order: int) -> list[_Held]:
        """An argument of the author's own class with which the model runs, the first found."""
        failing = Failing.of(self.trace)
        candidates = () if failing is None else other_arguments(self.setup.model, failing)
        for number, candidate in enumerate(candidates):
            if number and self.time_is_up:
                break
            found = self.follow(candidate)
            if found is not None and found.runs and not found.then:
                verdict = self.judge(found)
                return [] if verdict == "broken" else [_Held(found, verdict, order)]
        return []

    def other_inputs(self) -> list[_Held]:
        """Another size of the input with which the model runs, the first that is found."""
        failing = Failing.of(self.trace)
        for number, candidate in enumerate(() if failing is None else other_sizes(failing)):
            if number and self.time_is_up:
                break
            found = self.follow(candidate)
            if found is not None and found.runs and not found.then:
                return [_Held(found, self.judge(found), 0)]
        return []

    def follow(self, candidate: Suggestion) -> Suggestion | None:
        """The candidate with everything that it makes necessary; None if it does not help.

        Where time was up before the failing point was reached it comes back unverified.
        """
        outcome = self._try(self.trace, candidate.edits)
        self.ran = None
        if outcome is None:
            return None
        if not outcome.passed:
            return candidate if outcome.runs is None else None
        suggestion = replace(candidate, verified=True, runs=outcome.runs)
        edits = candidate.edits
        for _ in range(self.further):
            if outcome.runs is not False or self.time_is_up:
                break
            step = self._next(outcome, edits)
            if step is None:
                break
            further, edits, outcome = step
            suggestion = _extended(suggestion, further, outcome.runs)
        self.ran = outcome.trace
        return replace(suggestion, edits=edits)

    def judge(self, found: Suggestion) -> Verdict:
        """Whether the examples of a batch stay apart with what was followed last."""
        if isinstance(found.edits[0], SetMode):
            return "intact"
        if not found.runs or self.ran is None:
            return "doubtful"
        until = self.deadline.at_least(_LATER)
        try:
            return batch_kept(self.setup, self.trace, self.ran, found.edits, until)
        except Exception:  # noqa: BLE001 - what cannot be judged is not condemned
            return "doubtful"

    def _next(
        self, outcome: Outcome, edits: tuple[Edit, ...]
    ) -> tuple[Suggestion, tuple[Edit, ...], Outcome] | None:
        """The first correction of the next error that gets the pass further still.

        One of the same sort as the first comes before others: who pads one convolution will
        rather pad another than change the input.
        """
        diagnosis = _diagnosis(outcome.trace)
        candidates = () if diagnosis is None else diagnosis.suggestions
        ordered = sorted(candidates, key=lambda c: (not _alike(edits, c.edits), c.guess))
        for candidate in ordered[:_MOST_NEXT]:
            if not candidate.edits or _undoes(edits, candidate.edits):
                continue
            together = _merged(edits, candidate.edits)
            further = self._try(outcome.trace, together)
            if further is not None and further.passed:
                return candidate, together, further
        return None

    def _try(self, before: Trace, edits: Sequence[Edit]) -> Outcome | None:
        try:
            setup = self.setup
            if setup.device != "meta" and numbers_to_make(setup.model, edits) > _MANY:
                setup = replace(setup, device="meta")  # a layer so large takes long to fill
            # Even when time is short a trial gets enough of it for a small model.
            least = _LATER if self.trials else _FIRST
            self.trials += 1
            until = self.deadline.at_least(least)
            return attempt(setup, before, edits, until)
        except Exception:  # noqa: BLE001 - a correction that cannot be carried out is none
            return None


def _diagnosis(trace: Trace) -> Diagnosis | None:
    failing = Failing.of(trace)
    return None if failing is None else diagnose(failing)


def _alike(edits: Sequence[Edit], further: Sequence[Edit]) -> bool:
    """Whether two corrections change the same sort of thing, the same argument where it is one."""
    if not edits or not further or type(edits[0]) is not type(further[0]):
        return False
    one, other = edits[0], further[0]
    if isinstance(one, SetArguments) and isinstance(other, SetArguments):
        return [name for name, _ in one.arguments] == [name for name, _ in other.arguments]
    return True


def _merged(edits: tuple[Edit, ...], further: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """Both; a new input takes the place of an earlier one of that name."""
    names = {edit.name for edit in further if isinstance(edit, NewInput)}
    kept = tuple(e for e in edits if not (isinstance(e, NewInput) and e.name in names))
    return (*kept, *further)


def _undoes(edits: Sequence[Edit], further: Sequence[Edit]) -> bool:
    """Whether a correction would change again what is already changed."""
    done = {
        (edit.path, name)
        for edit in edits
        if isinstance(edit, SetArguments)
        for name, _ in edit.arguments
    }
    return any(
        (edit.path, name) in done
        for edit in further
        if isinstance(edit, SetArguments)
        for name, _ in edit.arguments
    )


def _extended(suggestion: Suggestion, further: Suggestion, runs: bool | None) -> Suggestion:
    """The suggestion with one more change; a second new shape of an input replaces the first."""
    both = (suggestion, further)
    if all(s.action == "set_input" and isinstance(s.to, list) for s in both) and (
        suggestion.argument == further.argument and " of " in further.text
    ):
        shape = new_input(str(further.argument), suggestion.from_ or (), further.to or ())
        return replace(shape, verified=True, runs=runs, then=suggestion.then)
    belonging = replace(further, verified=True, runs=runs, then=(), edits=())
    added = (*suggestion.then, belonging, *further.then)
    return replace(suggestion, runs=runs, then=added)
