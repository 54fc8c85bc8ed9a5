"""The sizes along a chain of layers, written as ``conv k5 p2, pool 2, conv k5, pool 2``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cnnshape.errors import CnnshapeError, FormulaSyntaxError, UsageError
from cnnshape.formulas.reading.tokens import refuse
from cnnshape.formulas.registry import KINDS, WHOLE_SHAPES, canonical
from cnnshape.formulas.size_evaluation import Evaluation, evaluate
from cnnshape.formulas.text_style import Style, unstyled
from cnnshape.messages import say, translated
from cnnshape.shown import told
from cnnshape.words import times

#: How many layers one chain may have.
MOST_LAYERS = 200
LONGEST = 5000

_FLAGS: dict[str, str] = {
    "k": "kernel",
    "f": "kernel",
    "kernel": "kernel",
    "kernel_size": "kernel",
    "s": "stride",
    "stride": "stride",
    "p": "padding",
    "pad": "padding",
    "padding": "padding",
    "d": "dilation",
    "dilation": "dilation",
    "op": "output_padding",
    "a": "output_padding",
    "output_padding": "output_padding",
    "o": "output",
    "out": "output",
    "output": "output",
    "size": "output",
    "x": "factor",
    "r": "factor",
    "factor": "factor",
    "scale": "factor",
}
#: What a bare number after the kind means.
_BARE = {
    "adaptive_pool": "output",
    "upsample": "factor",
    "pixel_shuffle": "factor",
    "pixel_unshuffle": "factor",
    "pad": "padding",
}
#: Short names that are understood in a chain only.
_SHORT = {"convt": "conv_transpose", "tconv": "conv_transpose", "up": "upsample"}
#: Layers that leave every size as it is.
SAME = frozenset(
    "relu sigmoid tanh gelu silu elu selu leaky_relu softmax bn batchnorm batch_norm norm dropout "
    "identity".split()
)


@dataclass(frozen=True)
class Link:
    """One layer of a chain: as written, and its sizes. None of a formula where nothing changes."""

    layer: str
    kind: str
    input: int | tuple[int, ...]
    output: int | tuple[int, ...]
    formula: str | None
    substitution: str | None

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "layer": self.layer,
            "kind": self.kind,
            "input": _listed(self.input),
            "output": _listed(self.output),
            "formula": self.formula,
            "substitution": self.substitution,
        }


@dataclass(frozen=True)
class Chain:
    """A chain of layers and the size after each."""

    input: int | tuple[int, ...]
    output: int | tuple[int, ...]
    layers: tuple[Link, ...]

    def __str__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        """The same for Jupyter."""
        return told(self.text)

    def text(self, style: Style = unstyled) -> str:
        """The size after each layer."""
        rows = [("input", _shown(self.input), "")]
        rows += [
            (link.layer, _shown(link.output), link.substitution or translated(say("unchanged")))
            for link in self.layers
        ]
        wide = max(len(name) for name, _, _ in rows)
        tall = max(len(size) for _, size, _ in rows)
        return "\n".join(
            f"{name:<{wide}}   {style(f'{size:>{tall}}', 'good')}   {style(how, 'quiet')}".rstrip()
            for name, size, how in rows
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "input": _listed(self.input),
            "output": _listed(self.output),
            "layers": [link.to_dict() for link in self.layers],
        }


def _shown(size: int | tuple[int, ...]) -> str:
    return times(size) if isinstance(size, tuple) else str(size)


def _listed(size: int | tuple[int, ...]) -> int | list[int]:
    return list(size) if isinstance(size, tuple) else size


def chain(layers: str, size: int | tuple[int, ...]) -> Chain:
    """The size after each layer.

    >>> [link.output for link in chain("conv k5 p2, pool 2, conv k5, pool 2", 28).layers]
    [28, 14, 10, 5]

    Raises:
        FormulaSyntaxError: A layer cannot be read; the message points at it.
        ImpossibleSizeError: A layer does not fit; the message says which one.
    """
    if len(layers) > LONGEST:
        raise FormulaSyntaxError(f"a chain of {len(layers)} characters is too long")
    links: list[Link] = []
    now = size
    start = 0
    for index, part in enumerate(_parts(layers)):
        position = start + len(part) - len(part.lstrip())
        start += len(part) + 1
        text = " ".join(part.split())
        if not text:
            continue
        if len(links) >= MOST_LAYERS:
            raise FormulaSyntaxError(f"more than {MOST_LAYERS} layers are not read")
        kind, arguments, ceil_mode = _read(layers, part, position)
        try:
            link = _apply(text, kind, arguments, now, ceil_mode=ceil_mode)
        except CnnshapeError as error:
            raise type(error)(f"layer {index + 1}, {text}: {error}") from None
        links.append(link)
        now = link.output
    if not links:
        raise UsageError("there is no layer; write some, as in --layers 'conv k5 p2, pool 2'")
    return Chain(size, now, tuple(links))


def _parts(layers: str) -> list[str]:
    for separator in (";", "\n", "→", "，", "；"):
        layers = layers.replace(separator, ",")
    return layers.replace("->", " ,").split(",")


def _apply(
    text: str,
    kind: str,
    arguments: dict[str, Any],
    size: int | tuple[int, ...],
    *,
    ceil_mode: bool,
) -> Link:
    if kind in SAME:
        return Link(text, kind, size, size, None, None)
    result: Evaluation = evaluate(kind, {**arguments, "input": size}, ceil_mode=ceil_mode)
    return Link(text, result.kind, size, result.output, result.formula, result.substitution)


def _read(layers: str, part: str, position: int) -> tuple[str, dict[str, Any], bool]:
    """The kind and the arguments of one layer."""
    words = part.split()
    kind = _kind(layers, position, words[0])
    arguments: dict[str, Any] = {}
    if kind in SAME:
        return kind, arguments, False  # whatever is written behind it: dropout 0.5, bn 64
    ceil_mode = False
    pending: str | None = None
    place = position
    for word in words[1:]:
        place = layers.index(word, place + 1)
        if word.lower() in ("ceil", "ceil_mode"):
            ceil_mode = True
            continue
        role, value = _argument(layers, place, word, kind, pending)
        pending = role if value is None else None
        if value is not None:
            if role in arguments:
                refuse(layers, place, f"{role} is given twice")
            arguments[role] = value
    if pending is not None:
        refuse(layers, place, f"{pending} has no number")
    bare = _BARE.get(kind, "kernel")
    if bare not in arguments and "output" not in arguments:
        refuse(layers, position, f"{words[0]} needs its {bare}: write {words[0]} 2")
    return kind, arguments, ceil_mode


def _kind(layers: str, position: int, word: str) -> str:
    name = word.lower()
    if name in SAME:
        return name
    try:
        kind = canonical(_SHORT.get(name, name))
    except UsageError:
        kind = ""
    if kind in WHOLE_SHAPES:
        refuse(
            layers,
            position,
            f"{word} depends on the channels, which a chain does not follow: end it before that",
        )
    if not kind:
        known = ", ".join(name for name in KINDS if name not in WHOLE_SHAPES)
        refuse(layers, position, f"no layer is called {word!r} here; known are {known}")
    return kind


def _argument(
    layers: str, place: int, word: str, kind: str, pending: str | None
) -> tuple[str, Any]:
    """One word as (role, value); the value is None where the number is the next word."""
    name = word.lower().rstrip("0123456789x×.").rstrip("=:")
    if word.lower() in ("x", "×"):
        name = "x"
    number = word[len(word.lower().rstrip("0123456789x×.")) :].lstrip("=:")
    if word.lower().startswith(("x", "×")) and word[1:2].isdigit():
        name, number = "x", word[1:]
    if "=" in word or ":" in word:
        name, _, number = word.lower().replace(":", "=").partition("=")
    if number == "same" or name == "same":
        return "padding", "same"
    if name and name not in _FLAGS:
        refuse(layers, place, f"{word!r} is not understood; write k5, s2, p1, d1, or a bare number")
    role = _FLAGS[name] if name else pending or _BARE.get(kind, "kernel")
    if not number:
        return role, None
    fraction = role == "factor" and kind == "upsample"
    return role, _number(layers, place, number, role, fraction=fraction)


def _number(layers: str, place: int, text: str, role: str, *, fraction: bool) -> Any:
    parts = text.replace("×", "x").split("x")
    if any(len(part) > 9 for part in parts):
        refuse(layers, place, f"{role} {text[:40]} is no size")
    try:
        if fraction:
            values: tuple[Any, ...] = tuple(float(part) for part in parts)
        else:
            values = tuple(int(part) for part in parts)
    except ValueError:
        refuse(layers, place, f"{role} must be a whole number, or one per axis as in 5x3")
    return values[0] if len(values) == 1 else values
