"""How a diagnosis speaks of modules, dimensions and sizes."""

from __future__ import annotations

from cnnshape.formulas import AxisDerivation
from cnnshape.messages import Said, say
from cnnshape.words import plural

#: The axes of a batched picture, sequence or volume, by how many are spatial.
AXES = {0: "N×C", 1: "N×C×L", 2: "N×C×H×W", 3: "N×C×D×H×W"}


def who(path: str, kind: str = "") -> str:
    """A module by its path, with its class where that ends in a number; the root by its class.

    >>> who("features.3", "Conv2d"), who("fc", "Linear"), who("", "Linear")
    ('features.3 (Conv2d)', 'fc', 'the Linear')
    """
    if path and kind and path.rpartition(".")[2].isdigit():
        return f"{path} ({kind})"
    return path or say("the {kind}", kind=kind or say("model"))


def named(path: str, kind: str) -> str:
    """A module by its path and its class: ``bn (BatchNorm2d)``."""
    name = who(path, kind)
    return say("{name} ({kind})", name=name, kind=kind) if name == path else name


def dims(number: int) -> str:
    """``1 dimension``, ``3 dimensions``."""
    return plural(number, "dimension")


def arrive(number: int) -> Said:
    """The verb: one arrives, several arrive."""
    return Said("arrives" if number == 1 else "arrive", "arrive")


def expects(layer: str, expected: Said, arriving: int) -> Said:
    """What a layer was made for, and what it gets.

    >>> expects("conv1", plural(8, "channel"), 1)
    'conv1 expects 8 channels, but 1 arrives'
    """
    return say(
        "{layer} expects {expected}, but {arriving} {arrive}",
        layer=layer,
        expected=expected,
        arriving=arriving,
        arrive=arrive(arriving),
    )


def short_substitution(kind: str, axis: AxisDerivation) -> str:
    """A size formula with its numbers as one would write it by hand: ``28 − 5 + 1 = 24``.

    The full formula, ``⌊(28 + 2·0 − 1·(5 − 1) − 1)/1⌋ + 1``, stands in the table; in a sentence
    that explains where a number comes from, a stride of 1 and a padding of 0 only get in the way.

    >>> from cnnshape.formulas import derive
    >>> def short(kind, size, **arguments):
    ...     return short_substitution(kind, derive(kind, (1, 1, size, size), **arguments).axes[0])
    >>> short("conv", 28, kernel_size=5), short("conv", 28, kernel_size=3, padding=2)
    ('28 − 5 + 1 = 24', '28 + 2·2 − 3 + 1 = 30')
    >>> short("max_pool", 24, kernel_size=2), short("max_pool", 25, kernel_size=2)
    ('24/2 = 12', '⌊25/2⌋ = 12')
    >>> short("conv", 224, kernel_size=7, stride=2, padding=3)
    '⌊(224 + 2·3 − 7)/2⌋ + 1 = 112'
    >>> short("conv_transpose", 14, kernel_size=2, stride=2)
    '(14 − 1)·2 + 2 = 28'
    """
    values = dict(axis.values)
    n, k = axis.input, values.get("K")
    s, p, d = values.get("S", 1), values.get("P", 0), values.get("D", 1)
    if not all(isinstance(v, int) for v in (k, s, p, d)):
        return axis.substitution
    assert isinstance(k, int) and isinstance(s, int) and isinstance(p, int) and isinstance(d, int)  # noqa: PT018
    if kind == "conv_transpose":
        written, size = _transposed(n, k, s, p, d, values.get("A", 0))
    else:
        written, size = _windowed(n, k, s, p, d)
    # `ceil_mode` and whatever else rounds differently is left to the full formula.
    return f"{written} = {size}" if size == axis.output else axis.substitution


def _windowed(n: int, k: int, s: int, p: int, d: int) -> tuple[str, int]:
    span = d * (k - 1) + 1
    kernel = str(k) if d == 1 else f"({d}·({k} − 1) + 1)"
    pad = f" + 2·{p}" if p else ""
    size = (n + 2 * p - span) // s + 1
    if s == 1:
        return f"{n}{pad} − {kernel} + 1", size
    if s == span and not p:
        return (f"{n}/{s}" if n % s == 0 else f"⌊{n}/{s}⌋"), size
    inside = f"({n}{pad} − {kernel})/{s}"
    exact = (n + 2 * p - span) % s == 0
    return (inside if exact else f"⌊{inside}⌋") + " + 1", size


def _transposed(n: int, k: int, s: int, p: int, d: int, a: float) -> tuple[str, int]:
    start = f"({n} − 1)·{s}" if s != 1 else f"{n} − 1"
    kernel = f"{k}" if d == 1 else f"{d}·({k} − 1) + 1"
    pad = f" − 2·{p}" if p else ""
    extra = f" + {a}" if a else ""
    return f"{start}{pad} + {kernel}{extra}", int((n - 1) * s - 2 * p + d * (k - 1) + a + 1)
