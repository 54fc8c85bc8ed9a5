"""LeNet's layers applied in turn; the sizes are the ones that inspect predicts."""

import torch

import cnnshape
from cnnshape.models.lenet_d2l import LeNetD2L

net = LeNetD2L()
x = torch.rand(1, 1, 28, 28)
predicted = {layer.path: layer for layer in cnnshape.inspect(net, (1, 1, 28, 28)).layers}

for name, layer in net.named_children():
    x = layer(x)
    expected = predicted[name].output_shapes[0]
    agrees = "as predicted" if tuple(x.shape) == tuple(expected) else f"predicted {expected}"
    print(f"{type(layer).__name__:<10} {'×'.join(map(str, x.shape)):<10} {agrees}")
