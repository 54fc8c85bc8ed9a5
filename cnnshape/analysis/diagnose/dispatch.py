"""Which rules are asked about which failure, in order; the first that knows gives the diagnosis.

A rule looks at the failing function, the layer and the shapes, never at the text of the message:
that differs between devices and versions of torch. It answers with a :class:`Diagnosis`, or with
None if the condition that it knows about holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.proposals import intended, possible
from cnnshape.analysis.diagnose.rules import (
    assigning,
    attention,
    broadcasting,
    call_arguments,
    calling,
    convolution,
    dimensions,
    dtypes,
    indexing,
    joining,
    linear,
    losses,
    lost_batch,
    masks,
    missing_forward,
    misspelt,
    misused,
    normalization,
    not_tensors,
    operations,
    placing,
    products,
    raised,
    recurrent,
    resampling,
    reshaping,
    several,
    transposed,
    unpacking,
    unregistered,
    windows,
)
from cnnshape.analysis.report import Suggestion

Rule = Callable[[Failing], Diagnosis | None]

_POSITIONS = "select narrow".split()
_BESIDE = "gather take_along_dim scatter scatter_add scatter_reduce".split()
_ALONG = "index_select index_add index_copy index_fill index_reduce".split()

#: By the family of the failing function, where there is no rule for it alone.
_BY_FAMILY: dict[str, tuple[Rule, ...]] = {
    "pooling": (windows.pooling,),
    "lookup": (indexing.embedding,),
}
#: By the failing function, without its dimension.
_BY_FUNCTION: dict[str, tuple[Rule, ...]] = {
    "linear": (linear.linear,),
    "conv": (convolution.convolution,),
    "conv_transpose": (convolution.convolution, transposed.output_padding),
    "batch_norm": (normalization.batch_norm,),
    "instance_norm": (normalization.batch_norm,),
    "layer_norm": (normalization.layer_norm,),
    "rms_norm": (normalization.layer_norm,),
    "group_norm": (normalization.group_norm,),
    "cat": (joining.cat,),
    "stack": (joining.stack,),
    "view": (reshaping.view,),
    "reshape": (reshaping.view,),
    "unflatten": (reshaping.unflatten,),
    "expand": (reshaping.expand,),
    "repeat": (reshaping.expand,),
    "tile": (reshaping.expand,),
    "pixel_shuffle": (resampling.pixel_shuffle,),
    "pixel_unshuffle": (resampling.pixel_shuffle,),
    "permute": (dimensions.permute,),
    **dict.fromkeys(("matmul", "bmm", "mm", "mv", "dot", "addmm", "baddbmm"), (products.matmul,)),
    "einsum": (products.einsum,),
    "bilinear": (products.bilinear,),
    "scaled_dot_product_attention": (attention.attention,),
    "multi_head_attention_forward": (attention.multi_head_attention,),
    "one_hot": (indexing.one_hot,),
    "getitem": (indexing.getitem,),
    "setitem": (indexing.getitem, assigning.assigned),
    "masked_select": (masks.fitting,),
    "masked_scatter": (masks.fitting,),
    "index_put": (assigning.assigned,),
    **dict.fromkeys(_POSITIONS, (indexing.position,)),
    **dict.fromkeys(_BESIDE, (placing.beside, indexing.position)),
    **dict.fromkeys(_ALONG, (placing.along, indexing.position)),
    "split": (indexing.split,),
    "split_with_sizes": (indexing.split,),
    "interpolate": (resampling.interpolate,),
    "pad": (resampling.pad,),
    "prelu": (normalization.prelu,),
    "glu": (indexing.glu,),
    "fold": (resampling.fold,),
    "max_unpool": (windows.unpooling,),
    "cross_entropy": (losses.cross_entropy,),
    "nll_loss": (losses.cross_entropy,),
    **dict.fromkeys(losses.ALIKE, (losses.alike,)),
}


def diagnose(failing: Failing) -> Diagnosis | None:
    """Why the recorded pass failed; None if no rule knows.

    A rule that fails itself is passed over: the plain report is always there.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> trace = record(torch.nn.Linear(100, 10), Inputs((torch.zeros(2, 7200),))).trace
    >>> diagnosis = diagnose(Failing.of(trace))
    >>> diagnosis.kind, diagnosis.sentence
    ('linear.in_features', 'the Linear expects 100 features, but 7200 arrive')
    >>> diagnosis.suggestions[0].text
    'nn.Linear(in_features=7200, out_features=10)'
    """
    for rule in rules_for(failing):
        try:
            diagnosis = rule(failing)
        except Exception:  # noqa: BLE001, S112 - a doctor who faints helps nobody
            continue
        if diagnosis is not None:
            return replace(diagnosis, suggestions=_all(failing, diagnosis.suggestions))
    return None


def _all(failing: Failing, own: Sequence[Suggestion]) -> tuple[Suggestion, ...]:
    """What a rule proposes itself, between what was intended and what is merely possible."""
    found: dict[tuple[str, ...], Suggestion] = {}
    for one in (*_proposed(intended, failing), *own, *_proposed(possible, failing)):
        found.setdefault((one.path, str(one.from_), one.text), one)
    return tuple(found.values())


def _proposed(
    grammar: Callable[[Failing], Iterator[Suggestion]], failing: Failing
) -> list[Suggestion]:
    try:
        return [replace(suggestion, guess=True) for suggestion in grammar(failing)]
    except Exception:  # noqa: BLE001 - as with the rules
        return []


def rules_for(failing: Failing) -> Iterator[Rule]:
    """The rules to ask, most specific first."""
    yield raised.recursion
    yield raised.stopped
    yield recurrent.recurrent  # the layers look themselves, the cells leave it to torch
    yield not_tensors.not_a_tensor
    yield lost_batch.squeezed
    yield lost_batch.swallowed
    if failing.operation is None:
        yield normalization.norm_rank
        yield transposed.output_size
        yield attention.transformer
        yield missing_forward.forward
        yield calling.arguments
        yield calling.missing_key
        yield not_tensors.attribute
        yield calling.attribute
        yield misused.misused
        yield several.used_as_one
        yield call_arguments.refused
        yield misspelt.attribute
        yield misspelt.variable
        yield raised.unpacking
        yield unpacking.results
        yield raised.own
        return
    yield lost_batch.regrouped
    # A wrong dimension or number of channels is the better explanation where both are wrong.
    yield dimensions.out_of_range
    family = "" if failing.entry is None else failing.entry.family
    yield from _BY_FUNCTION.get(failing.name) or _BY_FAMILY.get(family, ())
    yield unregistered.left_behind
    yield dtypes.indices
    yield dtypes.mixed
    yield dtypes.floating
    yield masks.boolean
    yield broadcasting.broadcast
    # What no rule knows better: the shapes that the operation takes, what its account needs of
    # them, and at last only what it was given.
    yield operations.expected_shapes
    yield operations.broken_need
    yield operations.too_small
    yield operations.refused
