"""The network that pages take for granted: pictures of three channels and any size."""

from torch import Tensor, nn


class Block(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(x).relu()
        return (x + self.conv2(y)).relu()


class Net(nn.Module):
    """A residual network with two blocks."""

    def __init__(self, num_classes=10, width=1.0, sizes=(3, 5), norm=None) -> None:
        super().__init__()
        channels = int(64 * width)
        self.conv1 = nn.Conv2d(3, channels, 7, stride=2, padding=3)
        self.layer1 = nn.Sequential(Block(channels), Block(channels))
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x):
        x = self.layer1(self.conv1(x).relu())
        return self.fc(x.mean((2, 3)))
