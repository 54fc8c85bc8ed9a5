"""Arguments as a layer takes them — an integer or one per axis — and shapes taken apart."""

from __future__ import annotations

from collections.abc import Sequence

from cnnshape.errors import ImpossibleSizeError, UsageError
from cnnshape.messages import say
from cnnshape.words import listed, plural, times

#: An argument that may be given once for all axes, or per axis.
PerAxis = int | Sequence[int]
Shape = tuple[int, ...]


def integer(name: str, value: object) -> int:
    """The value, if it is an integer.

    Raises:
        UsageError: It is something else; the message names the argument.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(
            say("{name} must be an integer, not {value}", name=name, value=repr(value))
        )
    return value


def per_axis(name: str, value: object, dims: int) -> tuple[int, ...]:
    """One integer per axis, from an integer or a sequence.

    >>> per_axis("stride", 2, 2)
    (2, 2)

    Raises:
        ImpossibleSizeError: The sequence has another length.
        UsageError: Something in it is no integer.
    """
    if isinstance(value, int):
        return (integer(name, value),) * dims
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise UsageError(
            say(
                "{name} must be an integer or {dims} of them, not {value}",
                name=name,
                dims=dims,
                value=repr(value),
            )
        )
    values = tuple(integer(name, item) for item in value)
    if len(values) == 1:
        return values * dims
    if len(values) != dims:
        raise ImpossibleSizeError(
            say(
                "{name} {values} has {values2}, but the layer works on {dims}",
                name=name,
                values=values,
                values2=plural(len(values), "number"),
                dims=plural(dims, "axis", "axes"),
            )
        )
    return values


def per_axes(dims: int, **arguments: object) -> tuple[tuple[int, ...], ...]:
    """Each argument as one integer per axis, in the order given.

    >>> per_axes(2, kernel_size=3, stride=(2, 1))
    ((3, 3), (2, 1))
    """
    return tuple(per_axis(name, value, dims) for name, value in arguments.items())


def shape_of(shape: Sequence[int]) -> Shape:
    """A shape as a tuple of sizes that are zero or more.

    Raises:
        UsageError: A size is negative or no integer.
    """
    sizes = tuple(integer("a size", size) for size in shape)
    for size in sizes:
        if size < 0:
            raise UsageError(
                say("a size cannot be negative: {size} in {sizes}", size=size, sizes=times(sizes))
            )
    return sizes


def dims_of(shape: Shape, dims: int | None, *arguments: object) -> int:
    """How many axes the layer works on: given, or told by its arguments, or by a batched input."""
    if dims is not None:
        return integer("dims", dims)
    for argument in arguments:
        if isinstance(argument, Sequence) and not isinstance(argument, str) and len(argument) > 1:
            return len(argument)
    return max(len(shape) - 2, 1)


def split(
    kind: str, shape: Shape, dims: int, leading: Sequence[int] = (1, 2)
) -> tuple[Shape, Shape]:
    """The shape as leading axes (batch, channels) and the ``dims`` axes the layer works on.

    Raises:
        ImpossibleSizeError: The shape has another number of axes than the layer takes.
    """
    if len(shape) - dims not in leading:
        ranks = listed((str(dims + extra) for extra in leading), "or") or f"more than {dims}"
        raise ImpossibleSizeError(
            say(
                "{kind} over {dims} takes an input of {ranks} axes, this one has {shape}: {shape2}",
                kind=kind,
                dims=plural(dims, "axis", "axes"),
                ranks=ranks,
                shape=len(shape),
                shape2=times(shape),
            )
        )
    return shape[: len(shape) - dims], shape[len(shape) - dims :]


def not_empty(kind: str, sizes: Shape) -> None:
    """Refuse a size of 0 among these: channels and space, never the batch.

    Raises:
        ImpossibleSizeError: One of them is 0.
    """
    if 0 in sizes:
        raise ImpossibleSizeError(
            say("{kind} takes no empty input, this one is {sizes}", kind=kind, sizes=times(sizes))
        )
