"""Five channels become ten: a kernel per output channel, as deep as the input."""

import torch
from torch import nn

import cnnshape

picture = torch.randn(1, 5, 100, 100)
convolution = nn.Conv2d(5, 10, kernel_size=3)
output = convolution(picture)

print("input ", tuple(picture.shape))
print("output", tuple(output.shape))
print("weight", tuple(convolution.weight.shape))

report = cnnshape.inspect(convolution, (1, 5, 100, 100))
print("parameters", f"{report.totals.params:,} = 10·5·3·3 + 10")
print("multiply-accumulates", f"{report.totals.macs:,} = 98·98·10·5·3·3")
