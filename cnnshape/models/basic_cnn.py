"""A small convolutional network that calls one pooling module twice."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class BasicCNN(nn.Module):
    """Two convolutions, one shared pooling module, one linear layer.

    =========  ==================  ===========
    layer      what it is          output
    =========  ==================  ===========
    input                          N×1×28×28
    conv1      convolution 5×5     N×10×24×24
    pooling    max pooling 2×2     N×10×12×12
    conv2      convolution 5×5     N×20×8×8
    pooling    the same module     N×20×4×4
    view                           N×320
    fc         linear              N×num_classes
    =========  ==================  ===========

    8,490 parameters with ten classes.

    Args:
        num_classes: length of the output vector.

    >>> import torch
    >>> BasicCNN()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.pooling = nn.MaxPool2d(kernel_size=2)
        self.fc = nn.Linear(320, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores N×num_classes of pictures N×1×28×28."""
        batch_size = x.size(0)
        x = F.relu(self.pooling(self.conv1(x)))
        x = F.relu(self.pooling(self.conv2(x)))
        return self.fc(x.view(batch_size, -1))
