"""Functions of each number, arithmetic with one number, and softmax."""

from __future__ import annotations

from collections.abc import Callable

from cnnshape.rendering.live.call import Found, Given, Reader, Refused
from cnnshape.tracing.trace import Ref


def function(kind: str, *names: str) -> Reader:
    """A function of each number by itself, with the arguments called ``names``."""

    def reader(given: Given) -> Found:
        return Found(kind, {name: given.number(name) for name in names})

    return reader


def gelu(given: Given) -> Found:
    """The exact function, or its approximation by tanh."""
    return Found("gelu_tanh" if given["approximate"] == "tanh" else "gelu")


def clamp(given: Given) -> Found:
    """A limit that is not there is null in the page."""
    limits = [name for name in ("min", "max") if given.arguments.get(name) is not None]
    return Found(
        "clamp", {"min": None, "max": None} | {name: given.number(name) for name in limits}
    )


def rrelu(given: Given) -> Found:
    """In eval mode its slope is the mean of its limits."""
    if given["training"]:
        raise Refused("draws its slope at random")
    slope = (given.number("lower") + given.number("upper")) / 2
    return Found("leaky_relu", {"negative_slope": slope})


def prelu(given: Given) -> Found:
    """Its slopes are learned."""
    return Found("prelu", {}, given.weights("weight"))


def dropout(given: Given) -> None:
    """Nothing, in eval mode."""
    if given["training"]:
        raise Refused("drops numbers at random, also in eval mode")


def softmax(kind: str) -> Reader:
    """Along one axis."""

    def reader(given: Given) -> Found:
        axis = given["dim"]
        if axis is None:
            raise Refused("does not say over which axis")
        return Found(kind, {"axis": given.axis(int(axis))})

    return reader


def scaled(factor: Callable[[float], tuple[float, float]]) -> Reader:
    """Arithmetic with one number: ``scale · x + shift``."""

    def reader(given: Given) -> Found:
        alpha = given.number("alpha") if "alpha" in given.arguments else 1.0
        return _affine(given, *factor(alpha * given.number("other")))

    return reader


def reversed_difference(given: Given) -> Found:
    """``number − alpha · x``."""
    return _affine(given, -given.number("alpha"), given.number("other"))


def divided(given: Given) -> Found:
    """``x / number``."""
    if given["rounding_mode"] is not None:
        raise Refused("rounds what it divides")
    number = given.number("other")
    if number == 0:
        raise Refused("divides by zero")
    return _affine(given, 1 / number, 0.0)


def _affine(given: Given, scale: float, shift: float) -> Found:
    if not isinstance(given["input"], Ref):
        raise Refused("has the picture on its right side")
    return Found("affine", {"scale": scale, "shift": shift})
