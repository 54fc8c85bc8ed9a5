"""Flatten, linear, ReLU, softmax: each applied in turn to three 28×28 images."""

import torch
from torch import nn

torch.manual_seed(0)
images = torch.rand(3, 28, 28)
print("images ", tuple(images.shape))

flat = nn.Flatten()(images)
print("flatten", tuple(flat.shape))

hidden = nn.Linear(28 * 28, 20)(flat)
print("linear ", tuple(hidden.shape), "smallest value below zero:", bool(hidden.min() < 0))

rectified = nn.ReLU()(hidden)
print("relu   ", tuple(rectified.shape), "smallest value:", rectified.min().item())
print("zeros where the input was negative:", bool(((rectified == 0) == (hidden <= 0)).all()))

scores = nn.Sequential(nn.Linear(20, 10))(rectified)
probabilities = nn.Softmax(dim=1)(scores)
print("softmax", tuple(probabilities.shape))
print("each row adds up to", [round(total, 4) for total in probabilities.sum(dim=1).tolist()])
