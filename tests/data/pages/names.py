"""The names that Python on the pages takes for granted, beside those of net.py."""

import torch
from net import Net
from torch import nn

import cnnshape


class Anything(nn.Module):
    """Takes whatever it is given."""

    def forward(self, *inputs: object, **options: object) -> torch.Tensor:
        return torch.zeros(1)


model = model_a = model_b = Net()
x = images = torch.zeros(1, 3, 224, 224)
net = Anything()
mask = torch.ones(1, 128, dtype=torch.bool)
report = cnnshape.inspect(model, x)
