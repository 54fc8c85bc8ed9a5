"""LeNet without padding: the first convolution shrinks 28×28 to 24×24."""

from __future__ import annotations

from torch import Tensor, nn


class LeNetNoPad(nn.Module):
    """LeNet with sigmoid and max pooling, no padding anywhere.

    ========  ===================  ===========
    layer     what it is           output
    ========  ===================  ===========
    input                          N×1×28×28
    conv.0    convolution 5×5      N×6×24×24
    conv.2    max pooling 2×2      N×6×12×12
    conv.3    convolution 5×5      N×16×8×8
    conv.5    max pooling 2×2      N×16×4×4
    view                           N×256
    fc.0      linear               N×120
    fc.2      linear               N×84
    fc.4      linear               N×num_classes
    ========  ===================  ===========

    44,426 parameters with ten classes. Because of the ``view``, other sizes pass as long
    as 16 values per channel are left: 16×76 does too.

    Args:
        num_classes: length of the output vector.

    >>> import torch
    >>> LeNetNoPad()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 6, kernel_size=5),
            nn.Sigmoid(),
            nn.MaxPool2d(kernel_size=2, stride=2),
            nn.Conv2d(6, 16, kernel_size=5),
            nn.Sigmoid(),
            nn.MaxPool2d(kernel_size=2, stride=2),
        )
        self.fc = nn.Sequential(
            nn.Linear(16 * 4 * 4, 120),
            nn.Sigmoid(),
            nn.Linear(120, 84),
            nn.Sigmoid(),
            nn.Linear(84, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Class scores N×num_classes of pictures N×1×28×28."""
        features = self.conv(x)
        return self.fc(features.view(x.size(0), -1))
