"""Changes to a model, its inputs or one of its calls, written down as data.

A rule proposes them; :mod:`cnnshape.experiments.fixes` carries them out on a set-up that is put
back afterwards. Nothing here holds a tensor or a module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from cnnshape.tracing.trace import Source, Span


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done to a tensor: ``Step("unsqueeze", (0,))``."""

    name: str
    args: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class SetArguments:
    """The module at ``path`` built anew with other arguments; ``kind`` if of another class."""

    path: str
    arguments: tuple[tuple[str, Any], ...]
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class RebuildOwn:
    """The module at ``path``, of the author's own class, built anew with all these arguments."""

    path: str
    arguments: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class SetParameter:
    """A parameter or buffer that the author's own code holds, with another shape."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NewInput:
    """An input of another shape (and dtype), filled anew; one that is missing is added."""

    name: str
    shape: tuple[int, ...]
    dtype: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeInput:
    """An input passed through some steps: ``x.unsqueeze(0)``.

    ``name`` is the tensor's name in the trace; ``#0`` is the first argument, whatever it is.
    """

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class DropInput:
    """An argument of the call that is left out: its position or its keyword."""

    which: int | str


@dataclass(frozen=True, slots=True)
class SwapInputs:
    """Two positional arguments of the model's call exchanged."""

    one: int
    other: int


@dataclass(frozen=True, slots=True)
class RenameKey:
    """A key of a dict among the inputs under another name."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class BeforeCall:
    """Steps on one argument of a module, before every call of it (or only the ``call``-th)."""

    path: str
    steps: tuple[Step, ...]
    argument: int | str = 0
    call: int | None = None


@dataclass(frozen=True, slots=True)
class AfterCall:
    """Steps on what a module returns."""

    path: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class DropArguments:
    """A module called with its first ``keep`` positional arguments and these keywords only."""

    path: str
    keep: int
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnLayer:
    """A layer of its own for the ``call``-th call of a module that cannot serve them all."""

    path: str
    call: int
    arguments: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class RunInTurn:
    """The modules of a list run one after the other, as a Sequential does."""

    path: str


@dataclass(frozen=True, slots=True)
class NameModule:
    """A child of the module at ``path`` under another name as well."""

    path: str
    name: str
    child: str


@dataclass(frozen=True, slots=True)
class NameMethod:
    """A method of the class of the module at ``path`` under another name as well.

    For every module of that class, as it is the class that is changed.
    """

    path: str
    name: str
    method: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """An expression of the model's own source written differently, wherever that line runs.

    Attributes:
        source: the line.
        span: where in the file the expression stands.
        text: what stands there instead.
        before: ``text`` is a statement of its own, put before the one with the expression.
    """

    source: Source
    span: Span
    text: str
    before: bool = False


@dataclass(frozen=True, slots=True)
class AddLayer:
    """A new layer of torch.nn as an attribute of the module at ``path``.

    Other modules of its class have an ``nn.Identity`` there, since they share the code.
    """

    path: str
    name: str
    kind: str
    arguments: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class SetMode:
    """The whole model in another mode, ``eval`` or ``train``."""

    mode: str


Edit: TypeAlias = (
    SetArguments
    | RebuildOwn
    | SetParameter
    | NewInput
    | ChangeInput
    | DropInput
    | SwapInputs
    | RenameKey
    | BeforeCall
    | AfterCall
    | DropArguments
    | OwnLayer
    | RunInTurn
    | NameModule
    | NameMethod
    | Rewrite
    | AddLayer
    | SetMode
)
