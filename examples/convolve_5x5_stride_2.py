"""The same picture and kernel, stride 2 and no padding: 5×5 becomes 2×2."""

import torch
from torch import nn

import cnnshape

picture = torch.tensor(
    [
        [3.0, 4.0, 6.0, 5.0, 7.0],
        [2.0, 4.0, 6.0, 8.0, 2.0],
        [1.0, 6.0, 7.0, 8.0, 4.0],
        [9.0, 7.0, 4.0, 6.0, 2.0],
        [3.0, 7.0, 5.0, 4.0, 1.0],
    ]
)

convolution = nn.Conv2d(1, 1, kernel_size=3, stride=2, bias=False)
with torch.no_grad():
    convolution.weight.copy_(torch.arange(1.0, 10.0).view(1, 1, 3, 3))
    output = convolution(picture.view(1, 1, 5, 5))[0, 0]

print("size:", cnnshape.formula("conv", input=5, kernel=3, stride=2).substitution)
for row in output.int().tolist():
    print(" ".join(f"{value:4}" for value in row))
