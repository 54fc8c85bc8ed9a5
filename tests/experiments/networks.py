"""Small networks that do with sizes what real ones do."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class UNet(nn.Module):
    """Four halvings, four doublings, joined: heights and widths must be multiples of 16."""

    def __init__(self, width: int = 2) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width]
        self.down = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1)
            for before, after in zip([3, *widths], widths, strict=False)
        )
        self.bottom = nn.Conv2d(widths[-1], 16 * width, 3, padding=1)
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in widths[::-1])
        self.join = nn.ModuleList(nn.Conv2d(2 * w, w, 3, padding=1) for w in widths[::-1])

    def forward(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for down in self.down:
            x = torch.relu(down(x))
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottom(x)
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat([up(x), skips.pop()], 1))
        return x


class Windows(nn.Module):
    """Pads to multiples of 7 and cuts into windows, as Swin does, in Python's own arithmetic."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, stride=4)
        self.inner = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).permute(0, 2, 3, 1)
        n, h, w, c = x.shape
        x = F.pad(x, (0, 0, 0, (7 - w % 7) % 7, 0, (7 - h % 7) % 7))
        high, wide = x.shape[1], x.shape[2]
        x = x.view(n, high // 7, 7, wide // 7, 7, c).permute(0, 1, 3, 2, 4, 5)
        x = self.inner(x.reshape(-1, 49, c))
        x = x.view(n, high // 7, wide // 7, 7, 7, c).permute(0, 1, 3, 2, 4, 5)
        return x.reshape(n, high, wide, c)[:, :h, :w].contiguous()


class Tokens(nn.Module):
    """A position for each of 16 patches, and an assertion: one picture size only."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 8, stride=8)
        self.position = nn.Parameter(torch.zeros(1, 16, 8))

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[2] == 32, "wrong height"
        assert x.shape[3] == 32, "wrong width"
        return self.patch(x).flatten(2).transpose(1, 2) + self.position


class Lost(nn.Module):
    """Computes a size through ``int()`` and ``math``, which no subclass of int survives."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        half = int(x.shape[2] * 0.5), math.ceil(x.shape[3] / 2)
        return self.conv(F.interpolate(x, size=half))


class TornBatch(nn.Module):
    """``view(-1, 400)``: other sizes run by tearing pictures apart."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 5, padding=2)
        self.fc = nn.Linear(400, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.relu(self.conv(x)).view(-1, 400))


class Square(nn.Module):
    """A matrix times itself: the two sizes must be equal."""

    def forward(self, x: Tensor) -> Tensor:
        return x @ x


class Masked(nn.Module):
    """A size that depends on the values."""

    def forward(self, x: Tensor) -> Tensor:
        return x[x > 0].sum()


class Never(nn.Module):
    """Runs at no size: 8 channels arrive where 4 are expected."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3)
        self.second = nn.Conv2d(4, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


class OneSize(nn.Module):
    """Runs at one unusual size, which it names where it refuses another."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        if height != 1024:
            raise ValueError(f"a height of {height} is not the expected 1024")
        if width != 271:
            raise ValueError(f"a width of {width} is not the expected 271")
        return self.conv(x)


class PictureAndText(nn.Module):
    """Any picture, beside a text of one length."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.positions = nn.Parameter(torch.zeros(77, 4))

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        return self.conv(x).mean((2, 3)) + (text[..., None] + self.positions).sum(1)


class Table(nn.Module):
    """Adds the first of 64 positions; longer texts are refused."""

    def __init__(self, length: int = 64) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(length, 4))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.positions[: x.shape[1]]


class Scaled(nn.Module):
    """Reads a number out of its input, on which no size depends."""

    def __init__(self) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(30, 6))

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.positions[: x.shape[1]]) * x.max().item()


class TwoWays(nn.Module):
    """Pools large pictures first: two formulas, each in a range."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] > 300:
            x = F.max_pool2d(x, 2)
        return self.conv(x)


class Shrinking(nn.Module):
    """Interpolates to nothing below 4: meta lets that pass, the CPU does not."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=0.25))


class Focus(nn.Module):
    """Every second pixel and those between, side by side: the size must be even."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(12, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        corners = [x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)]
        return self.conv(torch.cat(corners, 1))


class Pyramid(nn.Module):
    """Strides that round up, and upsampling by two: a chain of three conditions, really one."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 4, 4, 4, 4)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        levels: list[Tensor] = []
        for layer in self.down:
            x = layer(x)
            levels.append(x)
        for level in reversed(levels[:-1]):
            x = level + F.interpolate(x, scale_factor=2, mode="bilinear")
        return x


class Cropped(nn.Module):
    """The first U-Net: no padding, the skip cut to what comes up."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 5)
        self.deep = nn.Conv2d(4, 4, 5)
        self.last = nn.Conv2d(8, 4, 5)

    def forward(self, x: Tensor) -> Tensor:
        skip = self.first(x)
        up = F.interpolate(self.deep(F.max_pool2d(skip, 2)), scale_factor=2)
        height, width = up.shape[-2:]
        return self.last(torch.cat([skip[..., :height, :width], up], 1))


class Positions(nn.Module):
    """Learned positions looked up by ``arange``: meta would take any length, a real run 24."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 8)
        self.places = nn.Embedding(24, 8)

    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(x.shape[1], device=x.device).unsqueeze(0)
        return self.words(x) + self.places(places).expand(x.shape[0], -1, -1)


class SquareTokens(nn.Module):
    """Tokens made a square picture through a float: 16 is no more right than 25."""

    def forward(self, x: Tensor) -> Tensor:
        side = int(x.shape[1] ** 0.5)
        return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], side, side)


class Spectrum(nn.Module):
    """Reflects 32 samples at either end inside ``stft``: shorter inputs than 33 fail."""

    def forward(self, x: Tensor) -> Tensor:
        window = torch.ones(64, device=x.device)
        return torch.stft(x, 64, 16, window=window, return_complex=True)


class Resizing(nn.Module):
    """Cuts 8×8 patches, after resizing to a multiple of 8 where that is needed (MobileViT)."""

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        rows, columns = math.ceil(height / 8), math.ceil(width / 8)
        if (rows * 8, columns * 8) != (height, width):
            x = F.interpolate(x, size=(rows * 8, columns * 8), mode="bilinear")
        return x.reshape(batch * channels * rows, 8, columns, 8).transpose(1, 2)
