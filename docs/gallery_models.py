"""Networks of the gallery that no library has under a name."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DoubleConv(nn.Module):
    """Two convolutions with norm and activation."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outer)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Keeps height and width."""
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)))


class Down(nn.Module):
    """Half the size, twice the channels."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2)
        self.conv = DoubleConv(inner, outer)

    def forward(self, x: Tensor) -> Tensor:
        """Pool, then convolve."""
        return self.conv(self.pool(x))


class Up(nn.Module):
    """Twice the size, beside what was there on the way down."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inner, outer, 2, stride=2)
        self.conv = DoubleConv(inner, outer)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Up-sample, concatenate, convolve."""
        return self.conv(torch.cat([skip, self.up(x)], dim=1))


class UNet(nn.Module):
    """U-Net (Ronneberger et al. 2015) with padding, so that sizes fit."""

    def __init__(self, classes: int = 2, width: int = 64) -> None:
        super().__init__()
        self.inc = DoubleConv(3, width)
        self.down1 = Down(width, 2 * width)
        self.down2 = Down(2 * width, 4 * width)
        self.down3 = Down(4 * width, 8 * width)
        self.down4 = Down(8 * width, 16 * width)
        self.up1 = Up(16 * width, 8 * width)
        self.up2 = Up(8 * width, 4 * width)
        self.up3 = Up(4 * width, 2 * width)
        self.up4 = Up(2 * width, width)
        self.outc = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores per pixel."""
        x1 = self.inc(x)
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        x4 = self.down3(x3)
        x = self.up1(self.down4(x4), x4)
        return self.outc(self.up4(self.up3(self.up2(x, x3), x2), x1))


class Siamese(nn.Module):
    """Two pictures through the same layers, and how far apart they land."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc = nn.Linear(16 * 14 * 14, 32)

    def embed(self, x: Tensor) -> Tensor:
        """32 numbers for a picture of 28×28."""
        x = self.pool(self.conv1(x).relu())
        return self.fc(self.conv2(x).relu().flatten(1))

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """The distance."""
        return (self.embed(left) - self.embed(right)).pow(2).sum(1).sqrt()


class Tagger(nn.Module):
    """A tag for every word."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10_000, 128)
        self.lstm = nn.LSTM(128, 256, num_layers=2, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.3)
        self.out = nn.Linear(512, 17)

    def forward(self, words: Tensor) -> Tensor:
        """Scores of 17 tags per word."""
        x, _ = self.lstm(self.embed(words))
        return self.out(self.dropout(x))


class ConvLSTM(nn.Module):
    """A convolutional LSTM, called for every frame; the last state becomes the next frame."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.Conv2d(1 + 16, 4 * 16, 3, padding=1)
        self.out = nn.Conv2d(16, 1, 1)

    def forward(self, video: Tensor) -> Tensor:
        """The frame that may come next."""
        hidden = cell = video.new_zeros(video.shape[0], 16, *video.shape[3:])
        for time in range(video.shape[1]):
            gates = self.gates(torch.cat([video[:, time], hidden], 1))
            into, forget, out, new = gates.chunk(4, 1)
            cell = forget.sigmoid() * cell + into.sigmoid() * new.tanh()
            hidden = out.sigmoid() * cell.tanh()
        return self.out(hidden)


class Detector(nn.Module):
    """A picture and a sentence in, a score and a box out."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Sequential(
            nn.Conv2d(3, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.text = nn.Linear(32, 16)
        self.score = nn.Linear(32, 1)
        self.box = nn.Linear(32, 4)

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        """Both, by name."""
        x = torch.cat([self.image(image), self.text(text).tanh()], dim=1)
        return {"score": self.score(x).sigmoid(), "box": self.box(x)}


class Pyramid(nn.Module):
    """A feature pyramid (Lin et al. 2017): fine levels learn from coarse ones."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        widths = (32, 64, 128, 256)
        pairs = zip((3, *widths), widths, strict=False)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairs)
        self.across = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in widths)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in widths)

    def forward(self, x: Tensor) -> list[Tensor]:
        """A tensor of each level, all with the same channels."""
        levels: list[Tensor] = []
        for layer in self.down:
            x = torch.relu(layer(x))
            levels.append(x)
        found = [self.across[-1](levels[-1])]
        for level in (2, 1, 0):
            above = nn.functional.interpolate(found[0], scale_factor=2.0)
            found.insert(0, self.across[level](levels[level]) + above)
        return [smooth(x) for smooth, x in zip(self.smooth, found, strict=True)]


class Wrong(nn.Module):
    """One number in the constructor is not the one that arrives."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)

    def forward(self, x: Tensor) -> Tensor:
        """Fails at the last line for pictures of 28×28."""
        x = self.pool(self.conv1(x).relu())
        x = self.pool(self.conv2(x).relu())
        return self.fc1(x.flatten(1))


def transformer() -> nn.Transformer:
    """The six and six layers of "Attention is all you need" (Vaswani et al. 2017)."""
    return nn.Transformer(batch_first=True)


def perceptron() -> nn.Sequential:
    """Two linear layers on pictures of 28×28, and ten probabilities."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 20), nn.ReLU(), nn.Linear(20, 10), nn.Softmax(dim=1)
    )
