"""Holding the given inputs against the model's ``forward``, and showing how to give one."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from cnnshape.errors import InputError, MissingInputError
from cnnshape.loading.inputs import ModelInputs
from cnnshape.loading.shapes import InputSpec
from cnnshape.loading.unwrap import unwrap
from cnnshape.messages import say
from cnnshape.words import counted, did_you_mean, listed, plural, times, with_article


@dataclass(frozen=True, slots=True)
class ForwardParameters:
    """What a ``forward`` takes.

    Attributes:
        positional: names that can be given by position, in order.
        keyword_only: names that must be given by name.
        required: names without a default.
        any_positional: whether ``*args`` takes more.
        any_keyword: whether ``**kwargs`` takes more.
    """

    positional: tuple[str, ...]
    keyword_only: tuple[str, ...]
    required: tuple[str, ...]
    any_positional: bool
    any_keyword: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Every name."""
        return self.positional + self.keyword_only


def forward_parameters(module: nn.Module) -> ForwardParameters | None:
    """The parameters of the model's ``forward``, wrappers looked through.

    None where they cannot be told (some compiled modules), and where there is no ``forward``: that
    is said once the model is called.

    >>> forward_parameters(nn.Bilinear(1, 1, 1)).required
    ('input1', 'input2')
    """
    found = _signature(module)
    if found is None:
        return None
    named = [p for p in found if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    keyword_only = [p for p in found if p.kind is p.KEYWORD_ONLY]
    return ForwardParameters(
        tuple(p.name for p in named),
        tuple(p.name for p in keyword_only),
        tuple(p.name for p in [*named, *keyword_only] if p.default is p.empty),
        any(p.kind is p.VAR_POSITIONAL for p in found),
        any(p.kind is p.VAR_KEYWORD for p in found),
    )


def _signature(module: nn.Module) -> list[inspect.Parameter] | None:
    try:
        forward = unwrap(module).forward
        if getattr(forward, "__func__", None) is nn.Module.forward:
            return None
        return list(inspect.signature(forward).parameters.values())
    except (TypeError, ValueError, AttributeError):
        return None


def taken_as_dictionary(module: nn.Module, names: Sequence[object]) -> str | None:
    """The one parameter of ``forward`` that a dictionary is meant for; None if it is none.

    So it is where ``forward`` takes one argument, which is not said to be a tensor, and ``names``,
    the keys, are not its name. A layer of torch takes a tensor.

    >>> class Net(nn.Module):
    ...     def forward(self, batch): ...
    >>> taken_as_dictionary(Net(), ["image", "label"]), taken_as_dictionary(Net(), ["batch"])
    ('batch', None)
    """
    found = _signature(module)
    if not names or found is None or len(found) != 1 or found[0].name in names:
        return None
    only = found[0]
    if only.kind not in {only.POSITIONAL_ONLY, only.POSITIONAL_OR_KEYWORD}:
        return None
    if type(unwrap(module)).forward.__module__.startswith("torch.nn."):
        return None
    # With `from __future__ import annotations` an annotation is a text.
    said = getattr(only.annotation, "__name__", str(only.annotation)).rpartition(".")[2]
    return None if said == "Tensor" else only.name


def swallowed(module: nn.Module, inputs: ModelInputs) -> tuple[str, ...]:
    """What only a ``*args`` or ``**kwargs`` of ``forward`` takes, as sentences for the reader.

    >>> class Net(nn.Module):
    ...     def forward(self, x, **options): ...
    >>> swallowed(Net(), ModelInputs((1,), {"mask": 2}))
    ("forward names no input 'mask': it goes into **options, where it may be ignored",)
    """
    takes, notes = forward_parameters(module), list[str]()
    if takes is None:
        return ()
    stars = {p.kind: p.name for p in _signature(module) or ()}
    more = len(inputs.args) - len(takes.positional)
    if more > 0 and takes.any_positional and takes.positional:
        star = stars[inspect.Parameter.VAR_POSITIONAL]
        told = {"inputs": counted(len(takes.positional), "input"), "name": star}
        if more == 1:
            note = say(
                "forward names {inputs}: the last input goes into *{name}, where it may be ignored",
                **told,
            )
        else:
            note = say(
                "forward names {inputs}: the last {more} inputs go into *{name}, where they may be "
                "ignored",
                more=more,
                **told,
            )
        notes.append(note)
    unnamed = [repr(name) for name in inputs.kwargs if name not in takes.names]
    if unnamed and takes.any_keyword:
        star = stars[inspect.Parameter.VAR_KEYWORD]
        told = {"inputs": listed(unnamed, "or"), "name": star}
        note = say(
            "forward names no input {inputs}: it goes into **{name}, where it may be ignored",
            **told,
        )
        if len(unnamed) > 1:
            note = say(
                "forward names no input {inputs}: they go into **{name}, where they may be ignored",
                **told,
            )
        notes.append(note)
    return tuple(notes)


def check_against_forward(module: nn.Module, inputs: ModelInputs, *, python: bool = False) -> None:
    """Make sure that ``forward`` takes these inputs, before it is called.

    ``python``: the inputs were given in Python, not on a command line.

    Raises:
        InputError: too many, too few, or unknown names; the sentence names what
            ``forward`` takes.

    >>> from cnnshape.loading.inputs import from_python
    >>> check_against_forward(nn.Bilinear(1, 1, 1), from_python((1, 1)))
    Traceback (most recent call last):
    ...
    cnnshape.errors.InputError: Bilinear.forward(input1, input2) takes 2 inputs and 1 is given:
    input2 is missing, add it with -i input2=SHAPE
    """
    takes = forward_parameters(module)
    if takes is None:
        return
    count = len(inputs.args)
    called = f"{type(unwrap(module)).__name__}.forward({', '.join(takes.names)})"
    for name in inputs.kwargs:
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(
                say(
                    "{call} has no input {name!r}: inputs are named by texts",
                    call=called,
                    name=name,
                )
            )
        if name not in takes.names and not takes.any_keyword:
            hint = did_you_mean(name, takes.names)
            hint = hint or say("; it takes {names}", names=listed(takes.names))
            raise InputError(say("{call} has no input {name!r}", call=called, name=name) + hint)
    if count > len(takes.positional) and not takes.any_positional:
        raise InputError(
            say(
                "{call} takes {inputs} by position and {given} given",
                call=called,
                inputs=counted(len(takes.positional), "input"),
                given=plural(count, "is", "are"),
            )
        )
    by_position = takes.positional[:count]
    twice = [name for name in by_position if name in inputs.kwargs]
    if twice:
        raise InputError(
            say(
                "{call} gets {name!r} twice, by position and by name: give it once",
                call=called,
                name=twice[0],
            )
        )
    given = {*by_position, *inputs.kwargs}
    missing = [name for name in takes.required if name not in given]
    if missing:
        how = _in_python(takes.required) if python else _flags(missing)
        sentence = say(
            "{call} takes {inputs} and {given} given",
            call=called,
            inputs=counted(len(takes.required), "input"),
            given=plural(len(given), "is", "are"),
        )
        if len(missing) == 1:
            sentence += say(": {input} is missing, add it with {how}", input=missing[0], how=how)
        else:
            names = listed(missing)
            sentence += say(": {inputs} are missing, add them with {how}", inputs=names, how=how)
        raise InputError(sentence)


def _flags(names: Sequence[str]) -> str:
    return " ".join(f"-i {name}=SHAPE" for name in names)


def _in_python(names: Sequence[str], first: str = "SHAPE") -> str:
    """Inputs by name, as the Python functions take them."""
    shapes = (first, *["SHAPE"] * (len(names) - 1))
    pairs = (f'"{name}": {shape}' for name, shape in zip(names, shapes, strict=True))
    return f"inputs={{{', '.join(pairs)}}}"


def missing_input_error(module: nn.Module, spec: str, *, python: bool = False) -> MissingInputError:
    """The error for a model whose usual input nobody knows and for which none was given.

    It shows what may work: sizes guessed from the model's first layer, as they are typed on a
    command line or in ``python``.

    >>> print(missing_input_error(nn.Sequential(nn.Conv2d(3, 8, 3)), "net.py:Net"))
    net.py:Net needs an input shape; its first layer, 0, is a Conv2d of 3 channels, so try
    -i 1,3,224,224
    """
    takes = forward_parameters(module)
    required = takes.required if takes is not None else ()
    guess = guess_input(module)
    if guess is None:
        what = say(" for {inputs}", inputs=listed(required)) if required else ""
        example = "(1, 3, 224, 224)" if python else "-i 1,3,224,224"
        rest = required[1:]
        if rest:
            example = _in_python(required, example) if python else f"{example} {_flags(rest)}"
        return MissingInputError(
            say(
                "{model} needs an input shape{inputs}: give the sizes, batch first, as in "
                "{example}",
                model=spec,
                inputs=what,
                example=example,
            )
        )
    first, because = guess
    rest = required[1:]
    example = f"-i {' '.join((str(first), _flags(rest)))}".rstrip()
    if python:
        shape = str(first.shape) if first.dtype is None else f'"{first}"'
        example = _in_python(required, shape) if rest else shape
    several = say(" for each of {inputs}", inputs=listed(required)) if rest else ""
    return MissingInputError(
        say(
            "{model} needs an input shape{inputs}; {reason}, so try {example}",
            model=spec,
            inputs=several,
            reason=because,
            example=example,
        )
    )


def guess_input(module: nn.Module) -> tuple[InputSpec, str] | None:
    """A shape that may fit the model, and why; None if no layer tells.

    >>> str(guess_input(nn.Sequential(nn.Embedding(100, 8), nn.Linear(8, 2)))[0])
    '1,16:int64'
    """
    for path, layer in unwrap(module).named_modules():
        found = _fits(layer)
        if found is not None:
            shape, what = found
            dtype = "int64" if isinstance(layer, (nn.Embedding, nn.EmbeddingBag)) else None
            kind = with_article(type(layer).__name__)
            reason = say("it is {layer} of {sizes}", layer=kind, sizes=what)
            if path:
                reason = say(
                    "its first layer, {path}, is {layer} of {sizes}",
                    path=path,
                    layer=kind,
                    sizes=what,
                )
            return InputSpec(shape, dtype), reason
    return None


_SEQUENCE = 16
_SAMPLES = 128


def _fits(layer: nn.Module) -> tuple[tuple[int, ...], str] | None:
    """A shape that ``layer`` accepts and what of it decides that."""
    if isinstance(layer, (nn.Embedding, nn.EmbeddingBag)):
        return (1, _SEQUENCE), counted(layer.num_embeddings, "entry", "entries")
    if isinstance(layer, nn.modules.conv._ConvNd):  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        channels = layer.in_channels or 3  # a lazy one does not know yet
        return (1, channels, *_space(len(layer.kernel_size), channels)), counted(
            channels, "channel"
        )
    if isinstance(layer, nn.Linear):
        features = layer.in_features or _SAMPLES
        return (1, features), counted(features, "feature")
    if isinstance(layer, nn.RNNBase):
        return (1, _SEQUENCE, layer.input_size), counted(layer.input_size, "feature")
    if isinstance(layer, nn.MultiheadAttention):
        return (1, _SEQUENCE, layer.embed_dim), counted(layer.embed_dim, "feature")
    for kind, rank in ((nn.BatchNorm1d, 0), (nn.BatchNorm2d, 2), (nn.BatchNorm3d, 3)):
        if isinstance(layer, kind):
            channels = layer.num_features
            return (1, channels, *_space(rank, channels)), counted(channels, "channel")
    if isinstance(layer, nn.LayerNorm):
        sizes = tuple(int(size) for size in layer.normalized_shape)
        return (1, *sizes), say("{sizes} features", sizes=times(sizes))
    return None


def _space(rank: int, channels: int) -> tuple[int, ...]:
    """Sizes of the axes after the channels: pictures, clips or signals as they are usual."""
    side = {1: 28, 3: 224}.get(channels, 32)
    return {0: (), 1: (_SAMPLES,), 2: (side, side), 3: (_SEQUENCE, 112, 112)}.get(rank, ())
