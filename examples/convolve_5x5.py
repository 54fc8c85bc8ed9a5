"""A 5×5 picture convolved with a 3×3 kernel, padding 1: the size stays 5×5."""

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
kernel = torch.arange(1.0, 10.0).view(3, 3)

convolution = nn.Conv2d(1, 1, kernel_size=3, padding=1, bias=False)
with torch.no_grad():
    convolution.weight.copy_(kernel)
    output = convolution(picture.view(1, 1, 5, 5))[0, 0]

size = cnnshape.formula("conv", input=5, kernel=3, padding=1)
print("size:", size.substitution)

# The upper left place sees a row and a column of zeros; the middle one sees nine pixels.
window = picture[1:4, 1:4]
products = (window * kernel).int().flatten().tolist()
print("middle:", " + ".join(map(str, products)), "=", sum(products))

for row in output.int().tolist():
    print(" ".join(f"{value:4}" for value in row))
