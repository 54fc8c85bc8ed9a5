"""Layers that work on features and on the order of axes: linear, flatten, embedding and so on.

Their rules are those of torch's documentation of Linear, Bilinear, Embedding, Flatten, Unflatten,
ChannelShuffle and GLU.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from cnnshape.errors import ImpossibleSizeError
from cnnshape.formulas.derivation import AxisDerivation, Derivation
from cnnshape.formulas.layer_arguments import Shape, integer, shape_of
from cnnshape.messages import say
from cnnshape.words import times


def _below(name: str, value: int, *, least: int) -> ImpossibleSizeError:
    return ImpossibleSizeError(
        say("{name} must be at least {least}, not {value}", name=name, least=least, value=value)
    )


def _one_axis(kind: str, output: Shape, formula: str, numbers: str, *axis: int) -> Derivation:
    before, after = axis
    derived = AxisDerivation("features", before, after, formula, numbers)
    return Derivation(kind, output, formula, numbers, (derived,))


def derive_linear(shape: Shape, *, out_features: int, in_features: int | None = None) -> Derivation:
    """The last axis, ``in_features``, becomes ``out_features``."""
    if not shape:
        raise ImpossibleSizeError("linear takes an input of at least 1 axis, this one is a scalar")
    expected = shape[-1] if in_features is None else in_features
    if shape[-1] != expected:
        raise ImpossibleSizeError(
            say(
                "linear expects {expected} features, but {arriving} arrive",
                expected=expected,
                arriving=shape[-1],
            )
        )
    if out_features < 0:
        raise _below("out_features", out_features, least=0)
    return _one_axis(
        "linear",
        (*shape[:-1], out_features),
        "in_features → out_features",
        f"in_features = {expected} → out_features = {out_features}",
        expected,
        out_features,
    )


def derive_bilinear(
    shape: Shape,
    *,
    input2_shape: Sequence[int],
    out_features: int,
    in1_features: int | None = None,
    in2_features: int | None = None,
) -> Derivation:
    """Two inputs that differ in their last axis only."""
    other = shape_of(input2_shape)
    if not shape or shape[:-1] != other[:-1] or len(shape) != len(other):
        raise ImpossibleSizeError(
            f"bilinear takes two inputs that differ in their last axis only, "
            f"not {times(shape)} and {times(other)}"
        )
    if in1_features is not None and in1_features < 1:
        raise _below("in1_features", in1_features, least=1)
    if out_features < 0:
        raise _below("out_features", out_features, least=0)
    for arriving, expected in ((shape[-1], in1_features), (other[-1], in2_features)):
        if expected is not None and arriving != expected:
            raise ImpossibleSizeError(
                f"bilinear expects {expected} features, but {arriving} arrive"
            )
    return _one_axis(
        "bilinear",
        (*shape[:-1], out_features),
        "(in1_features, in2_features) → out_features",
        f"({shape[-1]}, {other[-1]}) → out_features = {out_features}",
        shape[-1],
        out_features,
    )


def derive_embedding(
    shape: Shape, *, embedding_dim: int, num_embeddings: int | None = None
) -> Derivation:
    """Every index becomes a vector: one more axis."""
    del num_embeddings  # it limits the values, not the shape
    formula = "(*, ) → (*, embedding_dim)"
    return Derivation(
        "embedding",
        (*shape, embedding_dim),
        formula,
        f"{times(shape)} → {times((*shape, embedding_dim))}",
    )


def derive_flatten(shape: Shape, *, start_dim: int = 1, end_dim: int = -1) -> Derivation:
    """The axes from ``start_dim`` to ``end_dim`` become one."""
    rank = max(len(shape), 1)
    start, end = (_axis("flatten", axis, rank, shape) for axis in (start_dim, end_dim))
    if not shape:
        return Derivation("flatten", (1,), "1", "1")
    if start > end:
        raise ImpossibleSizeError(
            say("start_dim {first} comes after end_dim {last}", first=start_dim, last=end_dim)
        )
    merged = shape[start : end + 1]
    size = prod(merged)
    letters = {1: "L", 2: "H·W", 3: "C·H·W", 4: "C·D·H·W"}.get(len(merged))
    formula = letters or "·".join(f"N{index}" for index in range(len(merged)))
    numbers = "·".join(map(str, merged))
    substitution = numbers if len(merged) == 1 else f"{numbers} = {size}"
    output = (*shape[:start], size, *shape[end + 1 :])
    return _one_axis("flatten", output, formula, substitution, size, size)


def derive_unflatten(shape: Shape, *, dim: int, unflattened_size: Sequence[int]) -> Derivation:
    """One axis becomes several; one of them may be -1."""
    axis = _axis("unflatten", dim, len(shape), shape)
    sizes = [integer("unflattened_size", size) for size in unflattened_size]
    if not sizes:
        raise ImpossibleSizeError("unflattened_size must not be empty")
    if any(size < -1 for size in sizes) or sizes.count(-1) > 1:
        raise ImpossibleSizeError(
            say("unflattened_size {sizes}: at most one -1 is understood", sizes=tuple(sizes))
        )
    known = prod(size for size in sizes if size != -1)
    if -1 in sizes:
        if not known or shape[axis] % known:
            raise ImpossibleSizeError(
                say("{size} cannot be split into {sizes}", size=shape[axis], sizes=tuple(sizes))
            )
        sizes[sizes.index(-1)] = shape[axis] // known
    elif known != shape[axis]:
        raise ImpossibleSizeError(
            say(
                "{product} = {number} is not the axis's {size}",
                product=times(sizes),
                number=known,
                size=shape[axis],
            )
        )
    formula = "H = " + "·".join(f"N{index}" for index in range(len(sizes)))
    return Derivation(
        "unflatten",
        (*shape[:axis], *sizes, *shape[axis + 1 :]),
        formula,
        f"{shape[axis]} = {'·'.join(map(str, sizes))}",
    )


def derive_channel_shuffle(shape: Shape, *, groups: int) -> Derivation:
    """Channels change places; no size changes."""
    if len(shape) < 3:
        raise ImpossibleSizeError(
            f"channel_shuffle takes an input of at least 3 axes, this one has {len(shape)}: "
            f"{times(shape)}"
        )
    if groups < 1:
        raise ImpossibleSizeError(
            say(
                "{name} must be at least {least}, not {value}", name="groups", least=1, value=groups
            )
        )
    if shape[1] % groups:
        raise ImpossibleSizeError(
            say(
                "{channels} channels cannot be split into {groups} groups",
                channels=shape[1],
                groups=groups,
            )
        )
    return Derivation(
        "channel_shuffle", shape, "C → C", f"{shape[1]} = {groups}·{shape[1] // groups}"
    )


def derive_glu(shape: Shape, *, dim: int = -1) -> Derivation:
    """A gated linear unit halves one axis."""
    axis = _axis("glu", dim, len(shape), shape)
    size = shape[axis]
    if size % 2:
        raise ImpossibleSizeError(say("glu halves an axis, and {size} is odd", size=size))
    output = (*shape[:axis], size // 2, *shape[axis + 1 :])
    return _one_axis("glu", output, "H/2", f"{size}/2 = {size // 2}", size, size // 2)


def _axis(kind: str, axis: int, rank: int, shape: Shape) -> int:
    integer("an axis", axis)
    if not -rank <= axis < rank:
        raise ImpossibleSizeError(
            say(
                "{kind}: axis {axis} is not among those of {shape}",
                kind=kind,
                axis=axis,
                shape=times(shape),
            )
        )
    return axis % rank
