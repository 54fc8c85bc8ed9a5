"""A multilayer perceptron: what a picture network is without convolutions."""

from __future__ import annotations

from torch import Tensor, nn


class MLP(nn.Module):
    """Flatten, then three linear layers with ReLU between them.

    ===================  =========  ============
    layer                what       output
    ===================  =========  ============
    input                           N×1×28×28 or N×28×28
    flatten              flatten    N×784
    linear_relu_stack.0  linear     N×512
    linear_relu_stack.2  linear     N×512
    linear_relu_stack.4  linear     N×num_classes
    ===================  =========  ============

    669,706 parameters with ten classes.

    Args:
        num_classes: length of the output vector.

    >>> import torch
    >>> MLP()(torch.zeros(3, 28, 28)).shape
    torch.Size([3, 10])
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.linear_relu_stack = nn.Sequential(
            nn.Linear(28 * 28, 512),
            nn.ReLU(),
            nn.Linear(512, 512),
            nn.ReLU(),
            nn.Linear(512, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Class scores N×num_classes of pictures with 784 values each."""
        return self.linear_relu_stack(self.flatten(x))
