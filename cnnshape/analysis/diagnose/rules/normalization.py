"""Numbers kept per channel: normalisation, in training too, and the slopes of PReLU."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs, unbatched_input
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import (
    before_call,
    new_input,
    own_layer,
    present,
    set_arguments,
    set_class,
    set_many,
    set_mode,
    unsqueeze_input,
)
from cnnshape.analysis.diagnose.wording import AXES, arrive, named, who
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Module, Value
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
    value = failing.value(failing.argument(0, "input"))
    shape = None if value is None else sizes(value)
    if value is None or shape is None or len(shape) < 2:
        return None
    layer = failing.layer(_BATCH, failing.argument(1, "running_mean"))
    expected = _channels_expected(failing, layer)
    if expected is not None and shape[1] != expected:
        return _channels(failing, value, shape, expected, layer)
    training = failing.argument(5, "training") is True or (
        failing.name == "instance_norm" and failing.argument(5, "use_input_stats", True) is True
    )
    batch = failing.name == "batch_norm"
    per_channel = prod(shape[2:]) * (shape[0] if batch else 1)
    if training and per_channel == 1:
        return _single(failing, value, shape, layer, batch=batch)
    return None


def _channels_expected(failing: Failing, layer: Module | None) -> int | None:
    if layer is not None:
        number = layer.config.get("num_features")
        return number if isinstance(number, int) else None
    for keyword, position in (("running_mean", 1), ("weight", 3)):
        shape = failing.shape(failing.argument(position, keyword))
        if shape:
            return shape[0]
    return None


def _channels(
    failing: Failing, value: Value, shape: Sizes, expected: int, layer: Module | None
) -> Diagnosis:
    name = who(failing.path, failing.module.type)
    sentence = f"{name} expects {plural(expected, 'channel')}, but {shape[1]} {arrive(shape[1])}"
    sentence += failing.which_call()
    item = story(failing.trace, value.id, 1)
    found: list[Suggestion | None] = []
    if len(shape) == 3 and shape[2] == expected:
        # N×L×C: the features are in the last dimension, as transformers have them.
        sentence += f": in {times(shape)} the {expected} features are the last dimension"
        turned = before_call(failing, "x.transpose(1, 2)", (Step("transpose", (1, 2)),))
        return Diagnosis("batch_norm.num_features", sentence, (), (turned,))
    if layer is not None and failing.earlier_call() is not None:
        found.append(own_layer(failing, layer, {"num_features": shape[1]}))
    elif layer is not None:
        found.append(set_arguments(layer, {"num_features": shape[1]}))
    found += other_inputs(failing, value, 1, expected)
    derivation = (*start_line(failing.trace, [item]), *lines([item]))
    return Diagnosis("batch_norm.num_features", sentence, derivation, present(found))


def _single(
    failing: Failing, value: Value, shape: Sizes, layer: Module | None, *, batch: bool
) -> Diagnosis:
    name = who(failing.path, failing.module.type)
    kept = "1 value per channel" if batch else "1 value per channel and picture"
    sentence = (
        f"{name} is in training mode and gets {kept} ({times(shape)}): a variance needs at least 2"
    )
    found: list[Suggestion] = []
    trace = failing.trace
    first = trace.values[trace.inputs[0].value] if trace.inputs else None
    whole = None if first is None else sizes(first)
    if batch and first is not None and first.name and whole and whole[0] == shape[0] == 1:
        found.append(new_input(first.name, whole, (2, *whole[1:]), " (a batch of at least 2)"))
    found.append(set_mode("eval", "model.eval() before the call"))
    if layer is not None and batch:
        features = layer.config.get("num_features")
        if isinstance(features, int) and len(shape) == 2:
            found.append(set_class(layer, "LayerNorm", {"normalized_shape": features}))
    del value
    kind = "batch_norm.single_value" if batch else "instance_norm.single_value"
    return Diagnosis(kind, sentence, (), tuple(found))


def norm_rank(failing: Failing) -> Diagnosis | None:
    """A norm layer given another number of dimensions; it says so before torch is called."""
    kind = failing.module.kind.removeprefix("Lazy")
    if failing.operation is not None or kind not in _RANKS:
        return None
    value = failing.value(failing.given(0, "input"))
    shape = None if value is None else sizes(value)
    if value is None or shape is None or len(shape) in _RANKS[kind]:
        return None
    count = int(kind[-2])
    taken = listed((str(rank) for rank in _RANKS[kind]), "or")
    axes = AXES[count] if count > 1 else "N×C or N×C×L"
    sentence = (
        f"{named(failing.path, failing.module.type)} takes {taken} dimensions ({axes}), but "
        f"{len(shape)} {arrive(len(shape))}: {times(shape)}"
    )
    return Diagnosis(
        "batch_norm.rank", sentence, (), tuple(_rank_candidates(failing, value, shape))
    )


def _rank_candidates(failing: Failing, value: Value, shape: Sizes) -> Iterator[Suggestion]:
    module = failing.module
    kind = module.kind
    batchless = unbatched_input(failing)
    if batchless is not None and len(shape) == int(kind[-2]) + 1:
        yield unsqueeze_input(batchless)
    family = kind[:-2]
    right = {2: "1d", 3: "1d", 4: "2d", 5: "3d"}.get(len(shape))
    if right is not None and f"{family}{right}" != kind:
        yield set_class(module, f"{family}{right}")
    if value.origin == "input" and len(shape) == int(kind[-2]) + 1:
        yield unsqueeze_input(value)


# ---- layer norm, rms norm -----------------------------------------------------------------


def layer_norm(failing: Failing) -> Diagnosis | None:
    """The last axes must be ``normalized_shape``."""
    value = failing.value(failing.argument(0, "input"))
    shape = None if value is None else sizes(value)
    wanted = failing.argument(1, "normalized_shape")
    if value is None or shape is None or not isinstance(wanted, tuple) or not wanted:
        return None
    normalized = tuple(n for n in wanted if isinstance(n, int))
    if len(normalized) != len(wanted) or shape[-len(normalized) :] == normalized:
        return None
    name = who(failing.path, failing.module.type)
    last = shape[-len(normalized) :]
    what = "last dimension" if len(normalized) == 1 else f"last {len(normalized)} dimensions"
    sentence = (
        f"{name} normalises {times(normalized)} in the {what}, but {times(last)} "
        f"{arrive(last[-1] if len(last) == 1 else 1)} (of {times(shape)}){failing.which_call()}"
    )
    stories = [story(failing.trace, value.id, len(shape) - 1)]
    layer = failing.layer({"LayerNorm", "RMSNorm"})
    found: list[Suggestion | None] = []
    if len(normalized) == 1 and len(shape) >= 3 and shape[1] == normalized[0]:
        sentence += f": the {normalized[0]} are its dimension 1, the channels"
        if layer is not None and layer.kind == "LayerNorm":
            changes = {"num_groups": 1, "num_channels": normalized[0]}
            grouped = set_class(layer, "GroupNorm", changes)
            return Diagnosis("layer_norm.normalized_shape", sentence, (), (grouped,))
    if layer is not None and failing.earlier_call() is not None:
        found.append(own_layer(failing, layer, {"normalized_shape": last}))
    elif layer is not None and len(last) == len(normalized):
        found.append(set_arguments(layer, {"normalized_shape": last}))
    found += other_inputs(failing, value, len(shape) - 1, normalized[-1])
    derivation = (*start_line(failing.trace, stories), *lines(stories))
    return Diagnosis("layer_norm.normalized_shape", sentence, derivation, present(found))


# ---- group norm ---------------------------------------------------------------------------


def group_norm(failing: Failing) -> Diagnosis | None:
    """``num_channels`` must arrive, and be divisible by ``num_groups``."""
    value = failing.value(failing.argument(0, "input"))
    shape = None if value is None else sizes(value)
    groups = failing.argument(1, "num_groups")
    if value is None or shape is None or len(shape) < 2 or not isinstance(groups, int):
        return None
    layer = failing.layer({"GroupNorm"}, failing.argument(2, "weight"))
    weight = failing.shape(failing.argument(2, "weight"))
    expected = layer.config.get("num_channels") if layer else (weight[0] if weight else None)
    name = who(failing.path, failing.module.type)
    arriving = shape[1]
    item = story(failing.trace, value.id, 1)
    derivation = (*start_line(failing.trace, [item]), *lines([item]))
    found: list[Suggestion | None] = []
    if isinstance(expected, int) and arriving != expected:
        sentence = (
            f"{name} expects {plural(expected, 'channel')}, but {arriving} {arrive(arriving)}"
        )
        if layer is not None and failing.earlier_call() is not None:
            found.append(own_layer(failing, layer, {"num_channels": arriving}))
        elif layer is not None:
            changes = {"num_channels": arriving}
            if arriving % groups:
                changes["num_groups"] = _divisor(arriving, groups)
                sentence += f", which {groups} groups do not divide"
            found.append(set_many(layer, changes))
        found += other_inputs(failing, value, 1, expected)
        kind = "group_norm.num_channels"
        return Diagnosis(kind, sentence, derivation, present(found))
    if groups and arriving % groups:
        sentence = (
            f"{name} splits its channels into {groups} groups, but {arriving} {arrive(arriving)}"
        )
        better = _divisor(arriving, groups)
        if layer is not None:
            found.append(set_arguments(layer, {"num_groups": better}))
        elif not failing.module.builtin:
            call = CallText(failing)
            place: int | str = 1 if failing.argument(1) is not None else "num_groups"
            text = f"F.group_norm({call.operand(0)}, {better})"
            found.append(call.candidate(text, overrides=((place, better),)))
        return Diagnosis("group_norm.num_groups", sentence, derivation, present(found))
    return None


def _divisor(number: int, near: int) -> int:
    """The divisor of ``number`` that is nearest to ``near``, the smaller one if two are."""
    divisors = [d for d in range(1, number + 1) if number % d == 0]
    return min(divisors, key=lambda d: (abs(d - near), d))


# ---- prelu --------------------------------------------------------------------------------


def prelu(failing: Failing) -> Diagnosis | None:
    """One slope for all, or one per channel."""
    value = failing.value(failing.argument(0, "input"))
    shape = None if value is None else sizes(value)
    weight = failing.shape(failing.argument(1, "weight"))
    if value is None or not shape or not weight:
        return None
    channels = shape[1] if len(shape) > 1 else 1
    if weight[0] in (1, channels):
        return None
    name = who(failing.path, failing.module.type)
    slopes = plural(weight[0], "slope")
    sentence = f"{name} has {slopes} (num_parameters), but {channels} {arrive(channels)}"
    layer = failing.layer({"PReLU"}, failing.argument(1, "weight"))
    found: list[Suggestion | None] = []
    if layer is not None:
        found.append(set_arguments(layer, {"num_parameters": channels}))
    found += other_inputs(failing, value, min(1, len(shape) - 1), weight[0])
    return Diagnosis("prelu.num_parameters", sentence, (), present(found))
