"""Pictures that are not what the network was built for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import torch
from torch import nn

from tests.benchmarks.breaking.broken import Broken, as_it_is

Draw = Callable[[random.Random], Broken | None]
_Change = Callable[[torch.Tensor], torch.Tensor]


def _first(tensor: torch.Tensor) -> torch.Tensor:
    return tensor[:1]


def input_breaks(model: nn.Module, picture: tuple[int, ...]) -> Iterator[tuple[str, Draw]]:
    """An axis missing, moved, or of another size; by kind."""
    channels, height, _ = picture
    cases: list[tuple[str, str, _Change, _Change]] = [
        ("without batch", "x[0]", lambda x: x[0], _first),
        ("channels last", "N×H×W×C", lambda x: x.movedim(1, -1), as_it_is),
        ("axis too many", "N×1×C×H×W", lambda x: x.unsqueeze(1), as_it_is),
    ]
    if channels == 1:
        three: _Change = lambda x: x.repeat(1, 3, 1, 1)  # noqa: E731
        cases.append(("without channels", "N×H×W", lambda x: x[:, 0], as_it_is))
        cases.append(("other channels", "3 channels", three, as_it_is))
    else:
        cases.append(("other channels", "1 channel", lambda x: x[:, :1], as_it_is))
    for side in (height // 2, height + 8, height + 1):
        cases.append(("other size", f"{side}×{side}", _resized(side), as_it_is))
    for kind, words, given, left in cases:
        yield f"input {kind}", _changed(Broken("input", f"input {kind}", words, model, given, left))


def _resized(side: int) -> _Change:
    return lambda x: nn.functional.interpolate(x, (side, side))


def _changed(broken: Broken) -> Draw:
    def draw(chance: random.Random) -> Broken | None:
        return broken

    return draw
