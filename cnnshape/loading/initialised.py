"""A module whose ``__init__`` forgot ``super().__init__()`` cannot be read, nor run by torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from cnnshape.errors import ModelConstructionError


def check_initialised(module: nn.Module) -> None:
    """Make sure that every module of a model has been set up by ``nn.Module.__init__``.

    Raises:
        ModelConstructionError: one has not; the sentence names its class and place.

    >>> class Net(nn.Module):
    ...     def __init__(self): self.size = 3
    >>> check_initialised(Net())
    Traceback (most recent call last):
    ...
    cnnshape.errors.ModelConstructionError: Net.__init__ does not call super().__init__(): it has \
to be its first line
    """
    for path, bare in _bare_modules("", module, set()):
        place = f" ({path})" if path else ""
        raise ModelConstructionError(
            f"{type(bare).__name__}.__init__{place} does not call super().__init__(): "
            "it has to be its first line"
        )


def _bare_modules(path: str, module: Any, seen: set[int]) -> Iterator[tuple[str, nn.Module]]:
    # TorchScript keeps its modules elsewhere, and cannot be without them.
    if id(module) in seen or isinstance(module, torch.jit.ScriptModule):
        return
    if not isinstance(module, nn.Module):
        return
    seen.add(id(module))
    children: Mapping[str, Any] | None = vars(module).get("_modules")
    if children is None or "_parameters" not in vars(module):
        yield path, module
        return
    for name, child in children.items():
        yield from _bare_modules(f"{path}.{name}" if path else name, child, seen)
