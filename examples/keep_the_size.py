"""Which padding keeps the size? kernel // 2 does, for odd kernels and stride 1."""

import torch
from torch import nn

import cnnshape

for kernel in (1, 3, 5, 7):
    padding = kernel // 2
    size = cnnshape.formula("conv", input=28, kernel=kernel, padding=padding).output
    print(f"kernel {kernel}, padding {padding}: 28 → {size}")

# An even kernel has no middle: whatever the padding, the size changes.
same = cnnshape.formula("conv", input=28, kernel=4, output=28, solve="padding")
print("kernel 4:", [solution["padding"] for solution in same.solutions] or "no padding keeps 28")
output = nn.Conv2d(1, 1, 4, padding=2)(torch.zeros(1, 1, 28, 28))
print(f"kernel 4, padding 2: 28 → {output.shape[-1]}")

# With stride 2 it halves instead.
halved = cnnshape.formula("conv", input=28, kernel=3, padding=1, stride=2).output
print(f"kernel 3, padding 1, stride 2: 28 → {halved}")
