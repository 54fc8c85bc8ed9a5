"""What a broken model of these tests is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True, eq=False)
class Case:
    """A model that raises, and what must be said about it.

    ``numbers`` must all stand in the diagnosis. ``fix`` is the text of the first suggestion if
    it is worth pinning. On meta the same must come out, unless the error depends on values.
    """

    name: str
    build: Callable[[], nn.Module]
    inputs: tuple[Any, ...]
    path: str
    kind: str
    numbers: tuple[str, ...]
    fix: str | None
    mode: str = "eval"
    meta: bool = True
    keywords: dict[str, Any] = field(default_factory=dict)


CASES: list[Case] = []


def broken(
    *inputs: Any,
    path: str,
    kind: str,
    numbers: tuple[Any, ...],
    fix: str | None = None,
    mode: str = "eval",
    meta: bool = True,
    **keywords: Any,
) -> Callable[[Any], Any]:
    """Register a class or a function that builds a broken model. A tuple is a tensor's shape."""

    def register(build: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
        made = tuple(tensor(i) for i in inputs)
        numbers_ = tuple(map(str, numbers))
        case = Case(
            build.__name__,
            build,
            made,
            path,
            kind,
            numbers_,
            fix,
            mode,
            meta,
            {key: tensor(value) for key, value in keywords.items()},
        )
        CASES.append(case)
        return build

    return register


def tensor(thing: Any) -> Any:
    if isinstance(thing, tuple) and all(isinstance(n, int) for n in thing):
        return torch.randn(thing)
    return thing
