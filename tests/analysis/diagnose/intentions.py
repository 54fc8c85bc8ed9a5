"""Models in which what was meant can be read off: it comes first, and what only runs does not."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tests.analysis.diagnose.case import broken


@broken(
    (4, 6, 50),
    path="conv",
    kind="conv.in_channels",
    numbers=(6, 4),
    fix="x.unsqueeze(-1)",
)
class ElectrodesWithoutDepth(nn.Module):
    """Trials × electrodes × samples: with an axis at the end the 6 are the channels."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(6, 3, 1)
        self.along = nn.Conv2d(3, 2, (5, 1))
        self.out = nn.Linear(2 * 46, 3)

    def forward(self, x):
        return self.out(self.along(self.conv(x)).flatten(1))


@broken(
    (2, 5, 3, 8, 8),
    path="conv",
    kind="conv.in_channels",
    numbers=(3, 5),
    fix="x.transpose(1, 2)",
)
class FramesBeforeChannels(nn.Module):
    """Clips of batch × time × channels × height × width."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, 4, 3)

    def forward(self, x):
        return self.conv(x).mean((2, 3, 4))


@broken(
    (4, 7, 5),
    path="norm",
    kind="batch_norm.num_features",
    numbers=(16, 7),
    fix="self.norm(self.fc(x).transpose(1, 2)).transpose(1, 2)",
)
class NormOfPoints(nn.Module):
    """BatchNorm1d on batch × points × features: turned, and turned back."""

    def __init__(self):
        super().__init__()
        self.fc, self.norm, self.out = nn.Linear(5, 16), nn.BatchNorm1d(16), nn.Linear(16, 2)

    def forward(self, x):
        return self.out(self.norm(self.fc(x)))


@broken(
    (8, 1, 12, 12),
    path="fc",
    kind="view.batch",
    numbers=(8, "800"),
    fix="x.view(x.size(0), -1)",
)
class AllInOneRow(nn.Module):
    """``view(-1)`` of a batch: the layer is not made 800 wide for it."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 1, 3), nn.Linear(100, 3)

    def forward(self, x):
        x = self.conv(x)
        x = x.view(-1)
        return self.fc(x)


@broken(
    (6, 1, 12, 12),
    path="fc",
    kind="view.batch",
    numbers=("a batch of 4", 6),
    fix="torch.flatten(x, 1) instead of x.reshape(4, -1)",
)
class WrittenBatch(nn.Module):
    """``reshape(4, -1)``: the batch of another loader."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 1, 3), nn.Linear(100, 3)

    def forward(self, x):
        x = self.conv(x)
        x = x.reshape(4, -1)
        return self.fc(x)


@broken((2, 36, 5), path="", kind="view.size", numbers=(36,), fix="x.view(-1, 5, 6, 6)")
class PatchesPutBack(nn.Module):
    """Two written sizes that belong together are changed together."""

    def forward(self, x):
        x = x.transpose(1, 2).contiguous()
        return x.view(-1, 5, 14, 14)


@broken(
    (1, 3, 20, 20),
    path="",
    kind="view.size",
    numbers=(1,),
    fix="x of 1×3×24×24 instead of 1×3×20×20 (a multiple of 8)",
)
class Windows(nn.Module):
    """Windows of 4 behind a stride of 2: nothing to change in what is worked out."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 2, 2)

    def forward(self, x):
        x = self.stem(x).permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        x = x.reshape(b, h // 4, 4, w // 4, 4, c)
        return x.permute(0, 1, 3, 2, 4, 5).flatten(3, 4).mean((1, 2, 3))


@broken(
    (2, 1, 48, 32),
    path="",
    kind="raised.own",
    numbers=("the height must become 1",),
    fix="x of 2×1×32×32 instead of 2×1×48×32",
)
class OwnAssert(nn.Module):
    """A check of the author's own: the size that it lets pass is looked for."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, (24, 1), stride=(24, 1))

    def forward(self, x):
        x = self.conv(x)
        assert x.shape[2] == 1, "the height must become 1"
        return x.mean((2, 3))


class Gated(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3)

    def forward(self, x):
        return x + self.conv2(F.relu(self.conv1(x)))


@broken(
    (2, 4, 9, 9),
    path="blocks.0",
    kind="broadcast",
    numbers=(9, 7),
    fix="nn.Conv2d(4, 4, 3, padding=1)",
)
class OneLineInThreeBlocks(nn.Module):
    """The class makes the mistake, so all three blocks are put right."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(*[Gated(4) for _ in range(3)])

    def forward(self, x):
        return self.blocks(x)


@broken(
    (3, 5, 8),
    path="",
    kind="broadcast",
    numbers=(2, 5),
    fix="state[-1].unsqueeze(1) + steps",
)
class StateOfAllLayers(nn.Module):
    """The last layer's state is the one to add to every step."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(8, 8, 2, batch_first=True)

    def forward(self, x):
        steps, state = self.gru(x)
        return (state + steps).sum(1)


@broken(
    (2, 8, 6, 6),
    path="",
    kind="broadcast",
    numbers=(8, 16),
    fix="y + self.shortcut(x)",
)
class ShortcutForgotten(nn.Module):
    """The layer that makes both alike is there, and forward does not use it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 16, 3, padding=1)
        self.shortcut = nn.Conv2d(8, 16, 1)

    def forward(self, x):
        y = self.conv(x)
        return y + x


@broken(torch.rand(2, 4, 4), path="", kind="dtype.index", numbers=("int64",), fix="x.long()")
class MaskOfFloats(nn.Module):
    """Random numbers are no classes; that says nothing about the reader's own."""

    def forward(self, x):
        return F.one_hot(x, 5).float().mean((1, 2))


@broken(
    (3, 1, 10, 10),
    (3, 1, 10, 14),
    path="fc",
    kind="linear.in_features",
    numbers=(64, 96),
    fix="b of 3×1×10×10 instead of 3×1×10×14",
)
class TwoSignatures(nn.Module):
    """Two pictures through one network are to be of one size: a layer for each is another net."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 1, 3), nn.Linear(64, 5)

    def forward(self, a, b):
        return self.fc(self.conv(a).flatten(1)) - self.fc(self.conv(b).flatten(1))


@broken(
    (6, 8),
    path="",
    kind="assign.sizes",
    numbers=(4, 6),
    fix="outputs[:, t] = self.step(x)",
)
class StepsFirst(nn.Module):
    """The table is batch × steps, and the loop fills it as if it were steps × batch."""

    def __init__(self):
        super().__init__()
        self.step = nn.Linear(8, 5)

    def forward(self, x):
        outputs = torch.zeros(x.size(0), 4, 5)
        for t in range(4):
            outputs[t] = self.step(x)
        return outputs


@broken(
    (2, 8),
    path="",
    kind="module.no_forward",
    numbers=("__forward__",),
    fix="def forward(self, x):",
)
class Underscored(nn.Module):
    """As ``__init__`` is written, and ``forward`` is not."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 2)

    def __forward__(self, x):
        return self.layer(x)

    def reset(self):
        self.layer.reset_parameters()


@broken(
    (2, 3, 16, 16),
    path="last",
    kind="conv.in_channels",
    numbers=(8, 16),
    fix="nn.Conv2d(16, 4, 3, padding=1)",
)
class DecoderOfTwo(nn.Module):
    """Skip and decoder are joined along their channels; below each other they would run as well."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.down = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.last = nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, x):
        skip = self.first(x)
        up = F.interpolate(self.down(skip), scale_factor=2)
        return self.last(torch.cat([skip, up], 1))


@broken(
    (2, 3, 8, 8),
    (2, 3, 8, 8),
    path="last",
    kind="conv.in_channels",
    numbers=(8, 16),
    fix="nn.Conv2d(16, 4, 1)",
)
class EightByChance(nn.Module):
    """The pictures are 8 wide, and it is not the width that is meant by 8 channels."""

    def __init__(self):
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 1)

    def forward(self, a, b):
        return self.last(torch.cat((self.conv(a), self.conv(b)), dim=1))


@broken(
    (4, 3, 32, 32),
    path="last",
    kind="linear.in_features",
    numbers=(16, 4096),
    fix="F.adaptive_avg_pool2d(self.conv(x), 1).flatten(1)",
)
class SixteenByChance(nn.Module):
    """The maps are 16 wide: without flatten the layer would run over their columns."""

    def __init__(self):
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 16, 3, 2, 1), nn.Linear(16, 3)

    def forward(self, x):
        return self.last(self.conv(x).flatten(1))


@broken(
    (4, 8, 5),
    path="norm",
    kind="layer_norm.normalized_shape",
    numbers=(8, 16),
    fix="nn.LayerNorm(16)",
)
class EightStepsByChance(nn.Module):
    """Eight steps, and a norm for eight features: the layer before made 16 of them."""

    def __init__(self):
        super().__init__()
        self.wide, self.norm, self.out = nn.Linear(5, 16), nn.LayerNorm(8), nn.Linear(16, 2)

    def forward(self, x):
        return self.out(self.norm(self.wide(x)).mean(1))
