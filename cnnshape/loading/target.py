"""Finding ``Name`` in a module and getting an ``nn.Module`` from it."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import cast

from torch import nn

from cnnshape.errors import ModelConstructionError, ModelNotFoundError
from cnnshape.interrupts import let_through
from cnnshape.loading.blame import blame_user_code
from cnnshape.messages import say
from cnnshape.words import did_you_mean, listed, nearest, with_article

_Call = Callable[..., object]


def find_target(module: ModuleType, name: str | None, where: str) -> tuple[str, object]:
    """The attribute ``name`` of ``module``; without a name, the one network it defines.

    Args:
        module: the imported file or dotted module.
        name: ``Net`` or ``Outer.Inner``; None to take the only candidate.
        where: how the user named the module, for the messages.

    Raises:
        ModelNotFoundError: there is no such attribute, or no single candidate.
    """
    if name is None:
        return _only_candidate(module, where)
    try:
        return name, operator.attrgetter(name)(module)
    except AttributeError:
        raise ModelNotFoundError(_not_found(module, name, where)) from None


def _only_candidate(module: ModuleType, where: str) -> tuple[str, object]:
    classes = _defined(module, _is_network_class)
    instances = _defined(module, lambda value: isinstance(value, nn.Module))
    # A class and its instance are one network; the class has the arguments, if it needs none.
    if len(classes) == 1 and not (instances and _needs_arguments(classes)):
        return next(iter(classes.items()))
    found = instances if len(classes) < 2 else {**classes, **instances}
    if len(found) == 1:
        return next(iter(found.items()))
    if not found:
        raise ModelNotFoundError(
            say(
                "{file} defines no nn.Module class; name a function or an instance: {file}:NAME",
                file=where,
            )
        )
    names = list(found)
    told = [
        say("{name} (an instance)", name=name) if name in instances and classes else name
        for name in names
    ]
    # The last one defined is usually the whole network, the others its parts.
    raise ModelNotFoundError(
        say(
            "{file} defines {count} networks, {names}: say which, as in {file}:{last}",
            file=where,
            count=len(names),
            names=listed(told),
            last=names[-1],
        )
    )


def _needs_arguments(classes: Mapping[str, object]) -> bool:
    """Whether one of the classes cannot be built without any."""
    every = (_parameters(cast("_Call", found)) or {} for found in classes.values())
    return any(
        p.default is inspect.Parameter.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        for parameters in every
        for p in parameters.values()
    )


def defined_networks(module: ModuleType) -> list[str]:
    """The network classes and the built networks that ``module`` itself defines, in its order."""
    return list(
        _defined(module, lambda value: _is_network_class(value) or isinstance(value, nn.Module))
    )


def _is_network_class(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module)


def _defined(module: ModuleType, wanted: Callable[[object], bool]) -> dict[str, object]:
    """What ``module`` itself defines (not what it imported) and ``wanted`` accepts."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and wanted(value)
        and (not isinstance(value, type) or value.__module__ == module.__name__)
    }


def _not_found(module: ModuleType, name: str, where: str) -> str:
    def usable(value: object) -> bool:
        own = getattr(value, "__module__", None) == module.__name__
        return isinstance(value, nn.Module) or (own and callable(value))

    candidates = list(_defined(module, usable))
    public = [other for other in vars(module) if not other.startswith("_")]
    hint = did_you_mean(name, candidates) or did_you_mean(name, public)
    if hint or not candidates:
        return say("{module} has no {name!r}{hint}", module=where, name=name, hint=hint)
    shown = candidates[:8] + (["…"] if len(candidates) > 8 else [])
    return say(
        "{module} has no {name!r}; it defines {names}", module=where, name=name, names=listed(shown)
    )


def make_module(
    target: object, arguments: Mapping[str, object], called: str, path: Path | None = None
) -> nn.Module:
    """Get an ``nn.Module`` from a class, a factory function or an instance.

    Args:
        target: what the user named.
        arguments: keyword literals for a class or function.
        called: the name to use in messages, as ``Net``.
        path: the user's file, whose line is named if the constructor raises.

    Raises:
        ModelConstructionError: arguments are missing or unknown, the constructor raised,
            or what came out is no ``nn.Module``.
    """
    if isinstance(target, nn.Module):
        if arguments:
            raise ModelConstructionError(
                say(
                    "{name} is an instance, already built, and takes no arguments; leave "
                    "({arguments}) out or name its class {type}",
                    name=called,
                    arguments=", ".join(arguments),
                    type=type(target).__name__,
                )
            )
        return target
    if not callable(target) or (isinstance(target, type) and not _may_make_module(target)):
        shown = say("the class {name}", name=called) if isinstance(target, type) else f"{called}"
        raise ModelConstructionError(
            say(
                "{name} is no nn.Module{kind}: name a class, a function that returns a module, "
                "or an instance",
                name=shown,
                kind=_kind_of(target),
            )
        )
    keywords = {**arguments, **_no_backbone_weights(target, arguments)}
    _check_arguments(target, keywords, called)
    with blame_user_code(say("constructing {name}", name=called), path):
        result = let_through(target, **keywords)
    if not isinstance(result, nn.Module):
        raise ModelConstructionError(
            say(
                "{name} returned {type}, expected an nn.Module",
                name=called,
                type=with_article(type(result).__name__),
            )
        )
    return result


#: What torch's recurrent layers take one by one; they are written as ``*args``.
_SIZES = ("input_size", "hidden_size", "num_layers")
_RECURRENT = ("bias", "batch_first", "dropout", "bidirectional")


def named_arguments(
    target: object, positional: Sequence[object], named: Mapping[str, object], called: str
) -> dict[str, object]:
    """Arguments without a name under the names that the constructor has for them.

    Raises:
        ModelConstructionError: there are too many, or one stands twice.

    >>> named_arguments(nn.Conv2d, (3, 1, 3), {"padding": 1}, "Conv2d")
    {'in_channels': 3, 'out_channels': 1, 'kernel_size': 3, 'padding': 1}
    >>> named_arguments(nn.LSTM, (8, 6), {"batch_first": True}, "LSTM")
    {'input_size': 8, 'hidden_size': 6, 'batch_first': True}
    """
    if not positional:
        return dict(named)
    parameters = _parameters(cast("_Call", target)) or {}
    names = [n for n, each in parameters.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
    if isinstance(target, type) and issubclass(target, nn.RNNBase) and not names:
        names = [*_SIZES, *(["nonlinearity"] if issubclass(target, nn.RNN) else []), *_RECURRENT]
    if len(positional) > len(names):
        takes = (
            say("it takes {names}", names=listed(names))
            if names
            else say("it takes none by position")
        )
        raise ModelConstructionError(
            say(
                "{name} has no place for {count} values; {takes}",
                name=called,
                count=len(positional),
                takes=takes,
            )
        )
    found = dict(zip(names, positional, strict=False))
    twice = next((name for name in found if name in named), None)
    if twice is not None:
        raise ModelConstructionError(
            say("{name} is given {argument} twice", name=called, argument=twice)
        )
    return {**found, **named}


def _may_make_module(target: type) -> bool:
    """A class that is no module may still hand one out from ``__new__``."""
    return issubclass(target, nn.Module) or "__new__" in vars(target)


def _kind_of(target: object) -> str:
    return (
        ""
        if isinstance(target, type)
        else say(" but {kind}", kind=with_article(type(target).__name__))
    )


def _no_backbone_weights(target: object, given: Mapping[str, object]) -> dict[str, object]:
    """``weights_backbone=None`` where torchvision's builder would download a backbone."""
    if not str(getattr(target, "__module__", "")).startswith("torchvision."):
        return {}
    parameters = _parameters(cast("_Call", target)) or {}
    return {"weights_backbone": None} if _BACKBONE in parameters and _BACKBONE not in given else {}


_BACKBONE = "weights_backbone"


def _parameters(target: _Call) -> dict[str, inspect.Parameter] | None:
    """The parameters of a callable, or None where it does not tell."""
    try:
        return dict(inspect.signature(target).parameters)
    except (TypeError, ValueError):
        return None


def _check_arguments(target: _Call, given: Mapping[str, object], called: str) -> None:
    """Name missing and unknown arguments before the call, so that no TypeError is guessed at."""
    parameters = _parameters(target)
    if parameters is None:
        return
    known = [
        name
        for name, p in parameters.items()
        if p.kind in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY}
    ]
    positional = [name for name, p in parameters.items() if p.kind is p.POSITIONAL_ONLY]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name in given:
        if name not in known and not takes_any:
            close = nearest(name, known, limit=1)
            takes = say("it takes {names}", names=listed(known)) if known else say("it takes none")
            raise ModelConstructionError(
                say("{name} has no argument {argument!r}", name=called, argument=name)
                + (
                    say("; did you mean {name}? ({takes})", name=close[0], takes=takes)
                    if close
                    else say("; {takes}", takes=takes)
                )
            )
    missing = [
        name
        for name in [*positional, *known]
        if parameters[name].default is inspect.Parameter.empty and name not in given
    ]
    if missing:
        example = ", ".join(f"{name}=…" for name in missing)
        told = {"name": called, "arguments": listed(missing), "example": f"{called}({example})"}
        sentence = say("{name} needs {arguments}: give it as literals, {example}", **told)
        if len(missing) > 1:
            sentence = say("{name} needs {arguments}: give them as literals, {example}", **told)
        raise ModelConstructionError(
            sentence
            + (
                ""
                if not positional
                else say("; it takes some by position only, so wrap it in a function")
            )
        )
