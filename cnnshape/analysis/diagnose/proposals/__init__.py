"""What may be changed where a call failed, found by a small grammar and not by the kind of error.

The rules recognise and explain; what they propose themselves comes between :func:`intended`, which
restores something that can be read off the recording, and :func:`possible`, which merely fits. All
are candidates: whether one helps is found out by running it.
"""

from __future__ import annotations

from collections.abc import Iterator

from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.proposals import axes, expressions, literals, patches, scope
from cnnshape.analysis.diagnose.proposals.as_others import as_others
from cnnshape.analysis.diagnose.proposals.earlier_calls import earlier_calls
from cnnshape.analysis.diagnose.proposals.inputs import as_first_taken, as_viewed
from cnnshape.analysis.diagnose.proposals.makers import makers
from cnnshape.analysis.report import Suggestion


def intended(failing: Failing) -> Iterator[Suggestion]:
    """The wanted number stands elsewhere: in the same shape, in what makes it, in other layers."""
    yield from scope.unused_layer(failing)
    yield from scope.as_large_as_the_first(failing)
    yield from expressions.of_sizes(failing)
    yield from expressions.exchanged(failing)
    yield from as_others(failing)
    yield from makers(failing)
    yield from earlier_calls(failing)
    yield from axes.in_other_order(failing)
    yield from literals.in_proportion(failing)
    yield from as_first_taken(failing)


def possible(failing: Failing) -> Iterator[Suggestion]:
    """Another size of what came in, or another order, with which the failing call may run."""
    yield from patches.divisible_input(failing)
    yield from as_viewed(failing)
    yield from scope.exchanged_inputs(failing)
