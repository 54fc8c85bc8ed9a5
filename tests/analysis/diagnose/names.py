"""Broken models in which something has the wrong name, or none."""

from __future__ import annotations

from torch import nn

from tests.analysis.diagnose.case import broken


@broken(
    (2, 8),
    path="",
    kind="module.no_forward",
    numbers=("did you mean forward instead of farward?",),
    fix="def forward(self, x):",
)
class Farward(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 2)

    def farward(self, x):
        return self.layer(x)


@broken(
    path="",
    kind="module.no_forward",
    numbers=("did you mean forward instead of Forward?",),
    fix="def forward(self, x, scale=1.0):",
    x=(2, 8),
)
class CapitalForwardByKeyword(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 2)

    def helper(self, x):
        return x

    def Forward(self, x, scale=1.0):
        return self.layer(self.helper(x)) * scale


@broken(
    (1, 3, 8, 8),
    path="blocks.0",
    kind="module.no_forward",
    numbers=("blocks.0 (Block)", "did you mean forward instead of call?"),
    fix="def forward(self, x):",
)
class BlocksWithCall(nn.Module):
    """The class is changed, so both of its blocks are."""

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def call(self, x):
            return x + self.conv(x)

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(self.Block(), self.Block())

    def forward(self, x):
        return self.blocks(x)


@broken(
    (2, 8),
    path="",
    kind="module.no_forward",
    numbers=("did you mean forward instead of compute?",),
    fix="def forward(self, x):",
)
class OnlyOneMethod(nn.Module):
    def compute(self, x):
        return x * 2


@broken((2, 8), path="", kind="module.no_forward", numbers=("is indented into __init__",))
class ForwardInsideInit(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 2)

        def forward(self, x):
            return self.layer(x)


@broken((2, 8), path="", kind="module.no_forward", numbers=("no method called forward",))
class NoForwardAtAll(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(nn.Linear(8, 2).weight)

    def weights(self):
        return self.weight

    def shapes(self):
        return self.weight.shape
