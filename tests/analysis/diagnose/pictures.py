"""Broken models that people ask about: batches that get lost, heads on backbones, decoders.

Each was written for these tests; the question's title is the docstring.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tests.analysis.diagnose.case import broken


@broken(
    (4, 3, 32, 32),
    torch.zeros(4, dtype=torch.int64),
    path="",
    kind="view.batch",
    numbers=(16, 4, "4×16×14×14 → 16×784"),
    fix="x of 4×3×18×18 instead of 4×3×32×32",
)
class MoreRowsThanTargets(nn.Module):
    """Expected input batch_size (324) to match target batch_size (4)"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 5)
        self.fc = nn.Linear(16 * 7 * 7, 10)

    def forward(self, x, y):
        x = F.max_pool2d(F.relu(self.conv(x)), 2)
        x = x.view(-1, 16 * 7 * 7)
        return F.cross_entropy(self.fc(x), y)


@broken(
    (4, 1, 28, 28),
    (4, 3),
    path="",
    kind="view.batch",
    numbers=(16, 4, "4×1×28×28 → 16×196"),
)
class RowsThatPassThroughASequence(nn.Module):
    """Sizes of tensors must match except in dimension 1. Expected size 16 but got size 4"""

    def forward(self, x, y):
        rows = x.view(-1, 14 * 14)
        return torch.cat([rows.unsqueeze(0).relu().squeeze(0), y], 1)


@broken(
    (2, 1, 50, 50),
    path="",
    kind="view.batch",
    numbers=(18, 2, "2×10×9×9 → 18×90"),
)
class SpatialTransformer(nn.Module):
    """Expected size for first two dimensions of batch2 tensor to be: [4, 3] but got: [36, 3]"""

    def __init__(self):
        super().__init__()
        self.loc = nn.Sequential(
            nn.Conv2d(1, 8, 7), nn.MaxPool2d(2), nn.Conv2d(8, 10, 5), nn.MaxPool2d(2)
        )
        self.fc = nn.Linear(10 * 3 * 3, 6)

    def forward(self, x):
        where = self.loc(x).view(-1, 10 * 3 * 3)
        theta = self.fc(where).view(-1, 2, 3)
        return F.grid_sample(x, F.affine_grid(theta, x.size(), align_corners=False))


@broken(
    (1, 3, 16, 16),
    path="bn",
    kind="squeeze.batch",
    numbers=("1×16×1×1 → 16", 2),
    fix="F.adaptive_avg_pool2d(self.conv(x), 1).flatten(1)",
)
class SqueezedToNothing(nn.Module):
    """expected 2D or 3D input (got 1D input), only with a batch of one"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.bn = nn.BatchNorm1d(16)

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.conv(x), 1).squeeze()
        return self.bn(x)


@broken(
    (1, 3, 16, 16),
    path="",
    kind="squeeze.batch",
    numbers=("1×16×1×1 → 16", "dimension 1"),
)
class SqueezedBeforeSoftmax(nn.Module):
    """Dimension out of range (expected to be in range of [-1, 0], but got 1)"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.fc = nn.Linear(16, 4)

    def forward(self, x):
        x = self.conv(x).mean((2, 3), keepdim=True).squeeze()
        return F.log_softmax(self.fc(x), dim=1)


@broken(
    (2, 3, 16, 16),
    path="head",
    kind="linear.in_features",
    numbers=(32, "2×32×4×4"),
    fix="x.mean((2, 3))",
)
class HeadOnAFeatureMap(nn.Module):
    """mat1 and mat2 shapes cannot be multiplied (2048x2 and 512x3): timm without global_pool"""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Conv2d(3, 32, 4, stride=4)
        self.head = nn.Linear(32, 3)

    def forward(self, x):
        return self.head(self.backbone(x))


@broken(
    (2, 3, 16, 16),
    path="fc",
    kind="linear.in_features",
    numbers=(32, 512),
    fix="F.adaptive_avg_pool2d(x, 1).view(x.size(0), -1)",
)
class BackboneWithoutItsPooling(nn.Module):
    """resnet.children()[:-2]: mat1 and mat2 shapes cannot be multiplied (2x2048 and 512x10)"""

    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, 32, 4, stride=4)
        self.fc = nn.Linear(32, 3)

    def forward(self, x):
        x = self.features(x)
        x = x.view(x.size(0), -1)
        return self.fc(x)


@broken(
    (2, 3, 16, 16),
    path="fc",
    kind="linear.in_features",
    numbers=(64, 256),
    fix="nn.AdaptiveAvgPool2d(1)",
)
class PooledToFour(nn.Module):
    """AdaptiveAvgPool2d((2, 2)) and a linear layer for the channels alone"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 3)
        self.pool = nn.AdaptiveAvgPool2d((2, 2))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(torch.flatten(self.pool(self.conv(x)), 1))


@broken(
    (4, 1, 28, 28),
    path="",
    kind="loss.shapes",
    numbers=("4×1×25×25", "4×1×28×28"),
    fix="nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1)",
)
class AutoencoderThatShrinks(nn.Module):
    """The size of tensor a (25) must match the size of tensor b (28): MSELoss of an autoencoder"""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.Conv2d(4, 8, 3, 2, 1))
        self.up1 = nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1)
        self.up2 = nn.ConvTranspose2d(4, 1, 3, stride=2, padding=1)

    def forward(self, x):
        y = self.up2(self.up1(self.down(x)))
        return F.mse_loss(y, x)


@broken(
    (2, 8, 16, 16),
    path="",
    kind="broadcast",
    numbers=("8×8", "16×16"),
    fix="nn.Conv2d(8, 16, 1, stride=2)",
)
class ShortcutWithoutStride(nn.Module):
    """The size of tensor a (28) must match the size of tensor b (56): downsample without stride"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.downsample = nn.Conv2d(8, 16, 1)

    def forward(self, x):
        return self.conv(x) + self.downsample(x)


@broken(
    (4, 3, 8, 8),
    torch.zeros(4, 1, 8, 8),
    path="loss",
    kind="loss.target_shape",
    numbers=("4×5×8×8", "4×8×8", "4×1×8×8"),
    fix="y.squeeze(1).long()",
)
class MaskOfASegmentation(nn.Module):
    """only batches of spatial targets supported (3D tensors) but got targets of dimension: 4"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 1)
        self.loss = nn.CrossEntropyLoss()

    def forward(self, x, y):
        return self.loss(self.conv(x), y)


@broken(
    (4, 6),
    torch.tensor([0, 1, 2, 3]),
    path="",
    kind="loss.target_range",
    numbers=(3, "0 to 2"),
    fix="nn.Linear(in_features=6, out_features=4)",
    meta=False,
)
class OneClassTooFew(nn.Module):
    """IndexError: Target 3 is out of bounds."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, x, y):
        return F.cross_entropy(self.fc(x), y)


@broken(
    (2, 3, 30, 30),
    path="",
    kind="view.size",
    numbers=(5400, 3456),
    fix="x of 2×3×32×32 instead of 2×3×30×30",
)
class PatchesOfAnOddPicture(nn.Module):
    """shape '[4, 3, 3, 8, 3, 8]' is invalid for input of size 10800"""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(192, 8)

    def forward(self, x):
        b, c, h, w = x.shape
        x = x.view(b, c, h // 8, 8, w // 8, 8)
        return self.fc(x.permute(0, 2, 4, 1, 3, 5).reshape(b, -1, c * 64))


@broken(
    (2, 17, 8),
    path="",
    kind="view.size",
    numbers=(17, "4×4 = 16"),
    fix="x.transpose(1, 2)[:, :, 1:].reshape(b, c, s, s)",
)
class ClassTokenAmongThePatches(nn.Module):
    """shape '[2, 768, 14, 14]' is invalid for input of size 302592: a ViT's tokens as a picture"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        b, n, c = x.shape
        s = int(n**0.5)
        return self.conv(x.transpose(1, 2).reshape(b, c, s, s))


@broken(
    (2, 49, 8),
    path="",
    kind="view.size",
    numbers=(784, 512),
    fix="x.transpose(1, 2).view(-1, 8, 7, 7)",
)
class TokensOfAnotherPicture(nn.Module):
    """shape '[-1, 96, 8, 8]' is invalid for input of size 9408"""

    def forward(self, x):
        return x.transpose(1, 2).view(-1, 8, 8, 8)


@broken(
    (2, 3, 10, 10),
    path="",
    kind="view.size",
    numbers=(2048, 400),
    fix="torch.flatten(x, 1)",
)
class ViewAfterPermute(nn.Module):
    """Neither view(-1, 400) nor view(x.size(0), -1): the permuted tensor must be copied"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.fc = nn.Linear(400, 10)

    def forward(self, x):
        x = self.conv(x).permute(0, 2, 3, 1).relu()
        x = x.view(-1, 400)
        return self.fc(x)


@broken(
    (2, 5, 3, 8, 8),
    path="cnn.0",
    kind="conv.rank",
    numbers=(5, "2×5×3×8×8"),
    fix="x.flatten(0, 1)",
)
class FramesOfAVideo(nn.Module):
    """Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [2, 5, …]"""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.lstm = nn.LSTM(8, 4, batch_first=True)

    def forward(self, x):
        b, t, _, _, _ = x.shape
        features = self.cnn(x)
        return self.lstm(features.view(b, t, -1))[0]


@broken(
    {"image": torch.zeros(2, 3, 8, 8), "label": torch.zeros(2)},
    path="conv",
    kind="input.type",
    numbers=("'image' and 'label'",),
    fix="x['image']",
)
class BatchOfADataSet(nn.Module):
    """conv2d() received an invalid combination of arguments - got (dict, Parameter, …)"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(x)


@broken(
    (2, 3, 16, 16),
    path="head",
    kind="output.tuple",
    numbers=("backbone returns a list",),
    fix="self.backbone(…)[-1]",
)
class FeatureMapsOfABackbone(nn.Module):
    """timm features_only=True: conv2d() received an invalid combination of arguments - got (list"""

    class Backbone(nn.Module):
        def __init__(self):
            super().__init__()
            self.stages = nn.ModuleList([nn.Conv2d(3, 8, 3), nn.Conv2d(8, 16, 3, stride=2)])

        def forward(self, x):
            maps = []
            for stage in self.stages:
                x = stage(x)
                maps.append(x)
            return maps

    def __init__(self):
        super().__init__()
        self.backbone = self.Backbone()
        self.head = nn.Conv2d(16, 1, 1)

    def forward(self, x):
        return self.head(self.backbone(x))


@broken(
    (2, 4, 8, 8),
    path="",
    kind="matmul.sizes",
    numbers=(64, 4),
    fix="torch.bmm(q.transpose(-2, -1), k)",
)
class NonLocalBlock(nn.Module):
    """Expected size for first two dimensions of batch2 tensor to be: [4, 1024] but got: [4, 8]"""

    def forward(self, x):
        b = x.size(0)
        q, k, v = (x.view(b, 4, -1) * n for n in (1, 2, 3))
        weights = torch.bmm(q, k).softmax(-1)
        return torch.bmm(v, weights).view_as(x)


@broken(
    (2, 4, 8, 8),
    path="unpool",
    kind="unpool.indices",
    numbers=("2×6×4×4", "2×4×4×4"),
    fix="nn.Conv2d(4, 4, 1)",
)
class UnpooledWithOtherChannels(nn.Module):
    """Expected shape of indices to be same as that of the input tensor ([4, 16, 13, 13])"""

    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.conv = nn.Conv2d(4, 6, 1)
        self.unpool = nn.MaxUnpool2d(2)

    def forward(self, x):
        y, indices = self.pool(x)
        return self.unpool(self.conv(y), indices)


@broken(
    (2, 3, 8, 8),
    path="layers",
    kind="module.no_forward",
    numbers=("ModuleList",),
    fix="nn.Sequential(*layers)",
)
class ListThatIsCalled(nn.Module):
    """NotImplementedError: Module [ModuleList] is missing the required "forward" function"""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3)])

    def forward(self, x):
        return self.layers(x)


@broken(
    (2, 3, 8, 8),
    path="",
    kind="module.missing_attribute",
    numbers=("'conv1'", "conv and fc"),
    fix="self.conv",
)
class LayerOfAnotherName(nn.Module):
    """AttributeError: 'Net' object has no attribute 'conv1'"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(144, 2)

    def forward(self, x):
        x = self.conv1(x)
        return self.fc(x.flatten(1))
