"""LeNet as one ``nn.Sequential``: sigmoid, average pooling, and a reshape in front."""

from __future__ import annotations

from torch import Tensor, nn


class Reshape(nn.Module):
    """Whatever holds 784 values per picture becomes N×1×28×28.

    >>> import torch
    >>> Reshape()(torch.zeros(3, 784)).shape
    torch.Size([3, 1, 28, 28])
    """

    def forward(self, x: Tensor) -> Tensor:
        """N×784 (in any arrangement) → N×1×28×28."""
        return x.view(-1, 1, 28, 28)


class LeNetD2L(nn.Sequential):
    """The LeNet of "Dive into Deep Learning": two blocks of convolutions, three of linear layers.

    =====  ==========================  ===========
    index  what it is                  output
    =====  ==========================  ===========
    0      reshape                     N×1×28×28
    1, 2   convolution 5×5, padding 2  N×6×28×28
    3      average pooling 2×2         N×6×14×14
    4, 5   convolution 5×5             N×16×10×10
    6      average pooling 2×2         N×16×5×5
    7      flatten                     N×400
    8, 9   linear                      N×120
    10 11  linear                      N×84
    12     linear                      N×num_classes
    =====  ==========================  ===========

    61,706 parameters with ten classes: as many as :class:`~cnnshape.models.lenet.LeNet`,
    because a linear layer of 400 features weighs what a 5×5 convolution of 16 channels does.

    Args:
        num_classes: length of the output vector.

    >>> import torch
    >>> LeNetD2L()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__(
            Reshape(),
            nn.Conv2d(1, 6, kernel_size=5, padding=2),
            nn.Sigmoid(),
            nn.AvgPool2d(kernel_size=2, stride=2),
            nn.Conv2d(6, 16, kernel_size=5),
            nn.Sigmoid(),
            nn.AvgPool2d(kernel_size=2, stride=2),
            nn.Flatten(),
            nn.Linear(16 * 5 * 5, 120),
            nn.Sigmoid(),
            nn.Linear(120, 84),
            nn.Sigmoid(),
            nn.Linear(84, num_classes),
        )
