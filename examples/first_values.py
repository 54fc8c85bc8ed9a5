"""Every parameter's name, size and first values."""

import torch

from cnnshape.models.mlp import MLP

torch.manual_seed(0)
model = MLP()

for name, parameter in model.named_parameters():
    first = " ".join(f"{value:7.4f}" for value in parameter.flatten()[:4].tolist())
    print(f"{name:<26} {'×'.join(map(str, parameter.shape)):<8} {first} …")

total = sum(parameter.numel() for parameter in model.parameters())
print(f"{total:,} parameters")
