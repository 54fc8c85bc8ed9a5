"""Broken models in the shape of questions that people ask, again and again, in forums.

Each was written for these tests; the question's title is the docstring.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from tests.analysis.diagnose.case import broken


@broken(
    (4, 1, 28, 28),
    path="fc1",
    kind="linear.in_features",
    numbers=(400, 256),
    fix="nn.Linear(in_features=256, out_features=120)",
)
class TutorialNetOnMnist(nn.Module):
    """mat1 and mat2 shapes cannot be multiplied (4x256 and 400x120)"""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        return self.fc2(F.relu(self.fc1(x)))


@broken(
    (1, 3, 64, 64),
    path="",
    kind="view.size",
    numbers=(2704, 400),
    fix="x of 1×3×32×32 instead of 1×3×64×64",
)
class CifarNetOnLargerPictures(nn.Module):
    """shape '[-1, 400]' is invalid for input of size 2704"""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.view(-1, 400)
        return self.fc2(F.relu(self.fc1(x)))


@broken(
    (2, 3, 32, 32),
    path="features.9",
    kind="pool.too_small",
    numbers=("3×3", "2×2"),
)
class AlexNetOnCifar(nn.Module):
    """Given input size: (256x1x1). Calculated output size: (256x0x0). Output size is too small"""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(16, 32, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1, stride=2),
            nn.ReLU(),
            nn.Conv2d(32, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        return self.fc(self.pool(self.features(x)).flatten(1))


@broken(
    (8, 1, 28, 28),
    path="stem.0",
    kind="conv.in_channels",
    numbers=(3, 1),
    fix="nn.Conv2d(1, 16, 7, stride=2, padding=3)",
)
class GreyPicturesIntoAColourNet(nn.Module):
    """Given groups=1, weight of size [64, 3, 7, 7], expected input[32, 1, 28, 28] to have 3
    channels
    """

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 7, stride=2, padding=3), nn.BatchNorm2d(16))
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        return self.head(self.stem(x).mean((2, 3)))


@broken(
    (1, 64, 48, 3),
    path="conv",
    kind="input.channels_last",
    numbers=(3, 64),
    fix="x.permute(0, 3, 1, 2)",
)
class PictureFromOpenCv(nn.Module):
    """expected input[1, 224, 224, 3] to have 3 channels, but got 224 channels instead"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x).mean()


@broken(
    (1, 28, 28),
    path="fc",
    kind="input.missing_batch",
    numbers=(2704, 676),
    fix="x.unsqueeze(0)",
)
class OnePictureWithoutABatch(nn.Module):
    """mat1 and mat2 shapes cannot be multiplied (4x676 and 2704x10) for a single image"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(4 * 26 * 26, 10)

    def forward(self, x):
        return self.fc(torch.flatten(F.relu(self.conv(x)), 1))


@broken(
    (1, 3, 100, 75),
    path="",
    kind="cat.sizes",
    numbers=(36, 37),
    fix="x of 1×3×100×76 instead of 1×3×100×75",
)
class UNetOnOddPictures(nn.Module):
    """Sizes of tensors must match except in dimension 1. Expected size 36 but got size 37"""

    def __init__(self):
        super().__init__()
        self.enc1 = nn.Conv2d(3, 4, 3, padding=1)
        self.enc2 = nn.Conv2d(4, 8, 3, padding=1)
        self.enc3 = nn.Conv2d(8, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.up1 = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.dec1 = nn.Conv2d(16, 8, 3, padding=1)
        self.up2 = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.dec2 = nn.Conv2d(8, 2, 3, padding=1)

    def forward(self, x):
        e1 = F.relu(self.enc1(x))
        e2 = F.relu(self.enc2(self.pool(e1)))
        e3 = F.relu(self.enc3(self.pool(e2)))
        d1 = self.dec1(torch.cat([self.up1(e3), e2], dim=1))
        return self.dec2(torch.cat([self.up2(d1), e1], dim=1))


@broken(
    (1, 16, 32, 32),
    path="",
    kind="broadcast",
    numbers=("32×16×16", "16×32×32"),
)
class ResidualBlockWithoutShortcut(nn.Module):
    """The size of tensor a (16) must match the size of tensor b (32) at non-singleton
    dimension 3
    """

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 32, 3, padding=1)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.conv2(out)
        return F.relu(out + x)


@broken(
    (2, 12, 10),
    path="fc",
    kind="output.tuple",
    numbers=("(output, (h, c))",),
    fix="out, (h, c) = self.lstm(…)",
)
class LstmIntoLinear(nn.Module):
    """linear(): argument 'input' (position 1) must be Tensor, not tuple"""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(10, 20, batch_first=True)
        self.fc = nn.Linear(20, 2)

    def forward(self, x):
        x = self.lstm(x)
        return self.fc(x)


@broken(
    (1, 3, 17, 17),
    path="aspp.1",
    kind="batch_norm.single_value",
    numbers=("1×8×1×1",),
    mode="train",
    fix="x of 2×3×17×17 instead of 1×3×17×17 (a batch of at least 2)",
)
class DeepLabWithBatchOfOne(nn.Module):
    """Expected more than 1 value per channel when training, got input size [1, 256, 1, 1]"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.aspp = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(8))

    def forward(self, x):
        return self.aspp(self.conv(x))


@broken(
    torch.randn(4, 10, dtype=torch.float64),
    path="fc",
    kind="dtype.mismatch",
    numbers=("float32", "float64"),
    fix="x.float()",
)
class NumbersFromNumpy(nn.Module):
    """expected scalar type Float but found Double / mat1 and mat2 must have the same dtype"""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(10, 2)

    def forward(self, x):
        return self.fc(x)


@broken(
    torch.arange(40.0).view(4, 10),
    path="embedding",
    kind="dtype.index",
    numbers=("int64", "float32"),
    fix="tokens.long()",
)
class FloatTokens(nn.Module):
    """Expected tensor for argument #1 'indices' to have one of the following scalar types:
    Long, Int
    """

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(100, 16)
        self.fc = nn.Linear(16, 2)

    def forward(self, tokens):
        return self.fc(self.embedding(tokens).mean(1))


@broken(
    torch.tensor([[5, 3, 99], [2, 120, 1]]),
    path="embedding",
    kind="embedding.index",
    numbers=(100, 120),
    fix="nn.Embedding(num_embeddings=121, embedding_dim=16)",
    meta=False,
)
class VocabularyTooSmall(nn.Module):
    """IndexError: index out of range in self"""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(100, 16)

    def forward(self, tokens):
        return self.embedding(tokens).mean(1)


@broken(
    (2, 10, 64),
    path="",
    kind="view.stride",
    numbers=("2×10×4×16", "2×10×64"),
)
class AttentionHeadsJoinedByView(nn.Module):
    """view size is not compatible with input tensor's size and stride (at least one dimension …)"""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(64, 192)

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, 4, 16).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1)) / math.sqrt(16)
        out = (scores.softmax(-1) @ v).transpose(1, 2)
        return out.view(b, n, c)


@broken(
    (4, 100),
    path="net.0",
    kind="conv.rank",
    numbers=("4×100", 4),
    fix="z[:, :, None, None]",
)
class GeneratorFromAVector(nn.Module):
    """Expected 3D (unbatched) or 4D (batched) input to conv_transpose2d, but got input of
    size: [4, 100]
    """

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.ConvTranspose2d(100, 16, 4),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 3, 4, 2, 1),
        )

    def forward(self, z):
        return self.net(z)


@broken(
    (8, 50, 12),
    path="conv",
    kind="conv.in_channels",
    numbers=(12, 50),
    fix="self.conv(self.embed(x).transpose(1, 2))",
)
class SequenceIntoConv1d(nn.Module):
    """Given groups=1, weight of size [32, 12, 3], expected input[8, 50, 12] to have 12 channels"""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(12, 12)
        self.conv = nn.Conv1d(12, 32, 3)

    def forward(self, x):
        return self.conv(self.embed(x)).amax(-1)


@broken(
    (2, 3, 48, 48),
    path="",
    kind="broadcast",
    numbers=(37, 17),
    fix="x of 2×3×32×32 instead of 2×3×48×48",
)
class VisionTransformerOnAnotherSize(nn.Module):
    """The size of tensor a (37) must match the size of tensor b (17) at non-singleton
    dimension 1
    """

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 32, 8, stride=8)
        self.token = nn.Parameter(torch.zeros(1, 1, 32))
        self.position = nn.Parameter(torch.zeros(1, 17, 32))

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.size(0), -1, -1), x], dim=1)
        return x + self.position


@broken(
    (2, 16, 8, 8),
    path="",
    kind="broadcast",
    numbers=("2×16", "2×16×8×8"),
    fix="x * w[:, :, None, None]",
)
class ChannelAttention(nn.Module):
    """The size of tensor a (8) must match the size of tensor b (16) at non-singleton dimension 3"""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 16)

    def forward(self, x):
        w = torch.sigmoid(self.fc(x.mean((2, 3))))
        return x * w


@broken(
    (2, 64),
    path="bn",
    kind="batch_norm.rank",
    numbers=(4, "2×32"),
    fix="nn.BatchNorm1d(32)",
)
class BatchNorm2dAfterLinear(nn.Module):
    """ValueError: expected 4D input (got 2D input)"""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 32)
        self.bn = nn.BatchNorm2d(32)

    def forward(self, x):
        return self.bn(self.fc(x))


@broken(
    (5, 10, 8),
    path="encoder.self_attn",
    kind="mha.embed_dim",
    numbers=(16, 8),
)
class TransformerWithWrongWidth(nn.Module):
    """AssertionError: was expecting embedding dimension of 16, but got 8"""

    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(8, 8)
        self.encoder = nn.TransformerEncoderLayer(16, 4, batch_first=True)

    def forward(self, x):
        return self.encoder(self.proj(x))


@broken(
    (4, 28, 28),
    path="conv",
    kind="input.missing_channel",
    numbers=(1, 4),
    fix="x.unsqueeze(1)",
)
class PicturesWithoutChannel(nn.Module):
    """expected input[1, 4, 28, 28] to have 1 channels, but got 4 channels instead"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)

    def forward(self, x):
        return self.conv(x)


@broken(
    (3, 7, 10),
    (1, 7, 20),
    path="rnn",
    kind="rnn.hidden_size",
    numbers=("1×3×20", "1×7×20"),
)
class HiddenStateWithTheWrongBatch(nn.Module):
    """Expected hidden[0] size (1, 3, 20), got [1, 7, 20]"""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(10, 20, batch_first=True)

    def forward(self, x, h):
        return self.rnn(x, h)[0]


@broken(
    (2, 3, 32, 32),
    path="",
    kind="forward.arguments",
    numbers=("second", "1 argument"),
    meta=False,
)
class SiameseNet(nn.Module):
    """forward() missing 1 required positional argument: 'second'"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, first, second):
        return (self.conv(first) - self.conv(second)).abs().mean((1, 2, 3))


@broken(
    (2, 16, 10, 10),
    path="head",
    kind="linear.missing_flatten",
    numbers=(1600, 10),
    fix="torch.flatten(x, 1)",
)
class ForgottenFlatten(nn.Module):
    """mat1 and mat2 shapes cannot be multiplied (320x10 and 1600x5)"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(16, 16, 3, padding=1)
        self.head = nn.Linear(1600, 5)

    def forward(self, x):
        return self.head(F.relu(self.conv(x)))


@broken(
    (2, 3, 64, 64),
    path="backbone.classifier",
    kind="linear.in_features",
    numbers=(2048, 512),
    fix="nn.Linear(in_features=512, out_features=2)",
)
class HeadForAnotherBackbone(nn.Module):
    """size mismatch after replacing model.fc: mat1 and mat2 shapes cannot be multiplied (2x512
    and 2048x2)
    """

    def __init__(self):
        super().__init__()
        backbone = nn.Module()
        backbone.features = nn.Sequential(nn.Conv2d(3, 512, 3, stride=4), nn.AdaptiveAvgPool2d(1))
        backbone.classifier = nn.Linear(2048, 2)
        self.backbone = backbone

    def forward(self, x):
        return self.backbone.classifier(self.backbone.features(x).flatten(1))
