"""A photograph through one convolution, before and after side by side.

The photograph comes with scikit-learn (china.jpg by danielbuechele, CC BY 2.0), and drawing
needs matplotlib: pip install "cnnshape[train]".
"""

import sys
from pathlib import Path

import torch
from sklearn.datasets import load_sample_image
from torch import nn

import cnnshape
from cnnshape.training import draw_features, feature_maps

# Height × width × channels of bytes become channels × height × width in 0…1.
picture = torch.tensor(load_sample_image("china.jpg")).permute(2, 0, 1).float() / 255

torch.manual_seed(2)
convolution = nn.Conv2d(3, 1, kernel_size=3)
nn.init.xavier_normal_(convolution.weight)

maps = feature_maps(nn.Sequential(convolution), picture, picture[None], "0")
height, width = (cnnshape.formula("conv", input=size, kernel=3).output for size in (427, 640))
print("before", tuple(picture.shape))
print("after ", tuple(maps.output.shape), f"as the formula says: {height}×{width}")

if len(sys.argv) > 1:
    draw_features(maps, Path(sys.argv[1]), "china.jpg through Conv2d(3, 1, 3)")
    print("drawn to", sys.argv[1])
