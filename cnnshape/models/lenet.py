"""LeNet-5 for 28×28 pictures, written layer by layer: the package's running example."""

from __future__ import annotations

from torch import Tensor, nn


class LeNet(nn.Module):
    """LeNet-5 with ReLU and max pooling; every layer has the name the paper gives it.

    =====  ==========================  ===========
    layer  what it is                  output
    =====  ==========================  ===========
    input                              N×1×28×28
    C1     convolution 5×5, padding 2  N×6×28×28
    S1     max pooling 2×2             N×6×14×14
    C2     convolution 5×5             N×16×10×10
    S2     max pooling 2×2             N×16×5×5
    C3     convolution 5×5             N×120×1×1
    view                               N×120
    F4     linear                      N×84
    OUT    linear                      N×num_classes
    =====  ==========================  ===========

    ``C3`` covers its whole 5×5 input, so it works as a linear layer of 400 features
    would. 61,706 parameters with ten classes.

    Args:
        num_classes: length of the output vector.

    >>> import torch
    >>> LeNet()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.C1 = nn.Conv2d(1, 6, kernel_size=5, padding=2)
        self.R1 = nn.ReLU()
        self.S1 = nn.MaxPool2d(kernel_size=2)

        self.C2 = nn.Conv2d(6, 16, kernel_size=5)
        self.R2 = nn.ReLU()
        self.S2 = nn.MaxPool2d(kernel_size=2)

        self.C3 = nn.Conv2d(16, 120, kernel_size=5)
        self.R3 = nn.ReLU()

        self.F4 = nn.Linear(120, 84)
        self.R4 = nn.ReLU()
        self.OUT = nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores N×num_classes of pictures N×1×28×28."""
        x = self.S1(self.R1(self.C1(x)))
        x = self.S2(self.R2(self.C2(x)))
        x = self.R3(self.C3(x))
        x = x.view(x.size(0), -1)
        x = self.R4(self.F4(x))
        return self.OUT(x)
