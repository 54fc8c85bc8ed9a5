"""Numbers kept per channel: normalisation, in training too, and the slopes of PReLU."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs, unbatched_input
from cnnshape.analysis.diagnose.failing import Failing, Operand, Sizes, sizes
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import (
    made_for,
    new_input,
    present,
    set_arguments,
    set_class,
    set_mode,
    unsqueeze_input,
)
from cnnshape.analysis.diagnose.wording import AXES, arrive, expects, named, who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import Module
from cnnshape.words import listed, plural, times

_BATCH = frozenset(
    f"{lazy}{name}{n}d"
    for lazy in ("", "Lazy")
    for name in ("BatchNorm", "InstanceNorm")
    for n in (1, 2, 3)
) | {"SyncBatchNorm"}
#: How many dimensions each takes.
_RANKS = {
    "BatchNorm1d": (2, 3),
    "BatchNorm2d": (4,),
    "BatchNorm3d": (5,),
    "InstanceNorm1d": (2, 3),
    "InstanceNorm2d": (3, 4),
    "InstanceNorm3d": (4, 5),
}


# ---- batch and instance norm --------------------------------------------------------------


def batch_norm(failing: Failing) -> Diagnosis | None:
    """``F.batch_norm`` and ``F.instance_norm``: channels, then values per channel."""
    x = failing.operand()
    if x is None or x.rank < 2:
        return None
    layer = failing.layer(_BATCH, failing.argument("running_mean"))
    expected = _channels_expected(failing, layer)
    if expected is not None and x.shape[1] != expected:
        return _channels(failing, x, expected, layer)
    training = failing.argument("training") is True or (
        failing.name == "instance_norm" and failing.argument("use_input_stats") is True
    )
    batch = failing.name == "batch_norm"
    per_channel = prod(x.shape[2:]) * (x.shape[0] if batch else 1)
    if training and per_channel == 1:
        return _single(failing, x.shape, layer, batch=batch)
    return None


def _channels_expected(failing: Failing, layer: Module | None) -> int | None:
    if layer is not None:
        number = layer.config.get("num_features")
        return number if isinstance(number, int) else None
    for name in ("running_mean", "weight"):
        shape = failing.shape(failing.argument(name))
        if shape:
            return shape[0]
    return None


def _channels(failing: Failing, x: Operand, expected: int, layer: Module | None) -> Diagnosis:
    name, shape = who(failing.path, failing.module.type), x.shape
    sentence = expects(name, plural(expected, "channel"), shape[1])
    sentence += failing.which_call()
    if x.rank == 3 and shape[2] == expected:
        # N×L×C: the features are in the last dimension, as transformers have them.
        sentence += say(
            ": in {shape} the {expected} features are the last dimension",
            shape=times(shape),
            expected=expected,
        )
        return Diagnosis("batch_norm.num_features", sentence)
    remade = made_for(failing, layer, {"num_features": shape[1]})
    found = present((remade, *other_inputs(failing, x.value, 1, expected)))
    item = story(failing.trace, x.value.id, 1)
    derivation = (*start_line(failing.trace, [item]), *lines([item]))
    return Diagnosis("batch_norm.num_features", sentence, derivation, found)


def _single(failing: Failing, shape: Sizes, layer: Module | None, *, batch: bool) -> Diagnosis:
    name = who(failing.path, failing.module.type)
    kept = say("1 value per channel") if batch else say("1 value per channel and picture")
    sentence = say(
        "{layer} is in training mode and gets {values} ({shape}): a variance needs at least 2",
        layer=name,
        values=kept,
        shape=times(shape),
    )
    found: list[Suggestion] = []
    trace = failing.trace
    first = trace.values[trace.inputs[0].value] if trace.inputs else None
    whole = None if first is None else sizes(first)
    if batch and first is not None and first.name and whole and whole[0] == shape[0] == 1:
        found.append(new_input(first.name, whole, (2, *whole[1:]), say(" (a batch of at least 2)")))
    found.append(set_mode("eval", say("{change} before the call", change="model.eval()")))
    if layer is not None and batch:
        features = layer.config.get("num_features")
        if isinstance(features, int) and len(shape) == 2:
            found.append(set_class(layer, "LayerNorm", {"normalized_shape": features}))
    kind = "batch_norm.single_value" if batch else "instance_norm.single_value"
    return Diagnosis(kind, sentence, (), tuple(found))


def norm_rank(failing: Failing) -> Diagnosis | None:
    """A norm layer given another number of dimensions; it says so before torch is called."""
    kind = failing.module.kind.removeprefix("Lazy")
    if failing.operation is not None or kind not in _RANKS:
        return None
    x = failing.given_operand(0, "input")
    if x is None or x.rank in _RANKS[kind]:
        return None
    count = int(kind[-2])
    taken = listed((str(rank) for rank in _RANKS[kind]), "or")
    axes = AXES[count] if count > 1 else listed((AXES[0], AXES[1]), "or")
    sentence = say(
        "{layer} takes {ranks} dimensions ({axes}), but {arriving} {arrive}: {shape}",
        layer=named(failing.path, failing.module.type),
        ranks=taken,
        axes=axes,
        arriving=x.rank,
        arrive=arrive(x.rank),
        shape=times(x.shape),
    )
    return Diagnosis("batch_norm.rank", sentence, (), tuple(_rank_candidates(failing, x)))


def _rank_candidates(failing: Failing, x: Operand) -> Iterator[Suggestion]:
    kind = failing.module.kind
    batchless = unbatched_input(failing)
    if batchless is not None and x.rank == int(kind[-2]) + 1:
        yield unsqueeze_input(batchless)
    right = {2: "1d", 3: "1d", 4: "2d", 5: "3d"}.get(x.rank)
    if right is not None and f"{kind[:-2]}{right}" != kind:
        yield set_class(failing.module, f"{kind[:-2]}{right}")
    if x.value.origin == "input" and x.rank == int(kind[-2]) + 1:
        yield unsqueeze_input(x.value)


# ---- layer norm, rms norm -----------------------------------------------------------------


def layer_norm(failing: Failing) -> Diagnosis | None:
    """The last axes must be ``normalized_shape``."""
    x, wanted = failing.operand(), failing.argument("normalized_shape")
    if x is None or not isinstance(wanted, tuple) or not wanted:
        return None
    normalized = tuple(n for n in wanted if isinstance(n, int))
    last = x.shape[-len(wanted) :]
    if len(normalized) != len(wanted) or last == normalized:
        return None
    name = who(failing.path, failing.module.type)
    what = (
        say("last dimension")
        if len(normalized) == 1
        else say("last {count} dimensions", count=len(normalized))
    )
    sentence = say(
        "{layer} normalises {normalized} in the {dims}, but {arriving} {arrive} (of {shape})",
        layer=name,
        normalized=times(normalized),
        dims=what,
        arriving=times(last),
        arrive=arrive(last[-1] if len(last) == 1 else 1),
        shape=times(x.shape),
    )
    sentence += failing.which_call()
    layer = failing.layer({"LayerNorm", "RMSNorm"})
    item = story(failing.trace, x.value.id, x.rank - 1)
    # Features that a layer made are where they belong, whatever number another axis has.
    channels = len(normalized) == 1 and x.rank >= 3 and not item.made
    if channels and x.shape[1] == normalized[0]:
        sentence += say(
            ": the {expected} are its dimension 1, the channels", expected=normalized[0]
        )
        if layer is not None and layer.kind == "LayerNorm":
            changes = {"num_groups": 1, "num_channels": normalized[0]}
            grouped = set_class(layer, "GroupNorm", changes)
            return Diagnosis("layer_norm.normalized_shape", sentence, (), (grouped,))
    remade = made_for(failing, layer, {"normalized_shape": last})
    if failing.earlier_call() is None and len(last) != len(normalized):
        remade = None
    found = present((remade, *other_inputs(failing, x.value, x.rank - 1, normalized[-1])))
    derivation = (*start_line(failing.trace, [item]), *lines([item]))
    return Diagnosis("layer_norm.normalized_shape", sentence, derivation, found)


# ---- group norm ---------------------------------------------------------------------------


def group_norm(failing: Failing) -> Diagnosis | None:
    """``num_channels`` must arrive, and be divisible by ``num_groups``."""
    x, groups = failing.operand(), failing.argument("num_groups")
    if x is None or x.rank < 2 or not isinstance(groups, int):
        return None
    layer = failing.layer({"GroupNorm"}, failing.argument("weight"))
    weight = failing.shape(failing.argument("weight"))
    expected = layer.config.get("num_channels") if layer else (weight[0] if weight else None)
    arriving = x.shape[1]
    item = story(failing.trace, x.value.id, 1)
    derivation = (*start_line(failing.trace, [item]), *lines([item]))
    name = who(failing.path, failing.module.type)
    if isinstance(expected, int) and arriving != expected:
        sentence = expects(name, plural(expected, "channel"), arriving)
        changes = {"num_channels": arriving}
        if layer is not None and failing.earlier_call() is None and arriving % groups:
            changes["num_groups"] = _divisor(arriving, groups)
            sentence += say(", which {groups} groups do not divide", groups=groups)
        remade = made_for(failing, layer, changes)
        found = present((remade, *other_inputs(failing, x.value, 1, expected)))
        return Diagnosis("group_norm.num_channels", sentence, derivation, found)
    if groups and arriving % groups:
        sentence = say(
            "{layer} splits its channels into {groups} groups, but {arriving} {arrive}",
            layer=name,
            groups=groups,
            arriving=arriving,
            arrive=arrive(arriving),
        )
        found = present([_other_groups(failing, layer, _divisor(arriving, groups))])
        return Diagnosis("group_norm.num_groups", sentence, derivation, found)
    return None


def _other_groups(failing: Failing, layer: Module | None, groups: int) -> Suggestion | None:
    if layer is not None:
        return set_arguments(layer, {"num_groups": groups})
    if failing.module.builtin:
        return None
    call = CallText(failing)
    text = f"F.group_norm({call.operand(0)}, {groups})"
    return call.candidate(text)


def _divisor(number: int, near: int) -> int:
    """The divisor of ``number`` that is nearest to ``near``, the smaller one if two are."""
    divisors = [d for d in range(1, number + 1) if number % d == 0]
    return min(divisors, key=lambda d: (abs(d - near), d))


# ---- prelu --------------------------------------------------------------------------------


def prelu(failing: Failing) -> Diagnosis | None:
    """One slope for all, or one per channel."""
    x, weight = failing.operand(), failing.operand("weight")
    if x is None or weight is None or not x.shape or not weight.shape:
        return None
    slopes, channels = weight.shape[0], x.shape[1] if x.rank > 1 else 1
    if slopes in (1, channels):
        return None
    name = who(failing.path, failing.module.type)
    sentence = say(
        "{layer} has {slopes} (num_parameters), but {channels} {arrive}",
        layer=name,
        slopes=plural(slopes, "slope"),
        channels=channels,
        arrive=arrive(channels),
    )
    layer = failing.layer({"PReLU"}, failing.argument("weight"))
    remade = None if layer is None else set_arguments(layer, {"num_parameters": channels})
    found = present((remade, *other_inputs(failing, x.value, min(1, x.rank - 1), slopes)))
    return Diagnosis("prelu.num_parameters", sentence, (), found)
