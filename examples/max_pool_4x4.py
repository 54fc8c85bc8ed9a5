"""A 4×4 picture max-pooled by 2: the largest of each 2×2 window is kept."""

import torch
from torch import nn

import cnnshape

picture = torch.tensor(
    [
        [3.0, 4.0, 6.0, 5.0],
        [2.0, 4.0, 6.0, 8.0],
        [1.0, 6.0, 7.0, 8.0],
        [9.0, 7.0, 4.0, 6.0],
    ]
)

output = nn.MaxPool2d(kernel_size=2)(picture.view(1, 1, 4, 4))[0, 0]

print("size:", cnnshape.formula("max_pool", input=4, kernel=2).substitution)
for row in output.int().tolist():
    print(" ".join(f"{value:4}" for value in row))
