"""Broken models, a few of every family of layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tests.analysis.diagnose.case import broken


@broken(
    (2, 7),
    path="",
    kind="linear.in_features",
    numbers=(10, 7),
    fix="nn.Linear(in_features=7, out_features=2)",
)
def bare_linear():
    return nn.Linear(10, 2)


@broken((2, 3, 8, 8), path="fc", kind="linear.in_features", numbers=(100, 192))
class SubclassOfLinear(nn.Module):
    class Scaled(nn.Linear):
        def __init__(self, features, classes):
            super().__init__(features, classes)
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x):
            return super().forward(x) * self.scale

    def __init__(self):
        super().__init__()
        self.fc = self.Scaled(100, 10)

    def forward(self, x):
        return self.fc(x.flatten(1))


@broken(
    (2, 12),
    path="",
    kind="linear.in_features",
    numbers=(8, 12),
    fix="weight = nn.Parameter(torch.empty(4, 12))",
)
class FunctionalLinear(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 8))

    def forward(self, x):
        return F.linear(x, self.weight)


@broken((2, 5), path="fc", kind="linear.in_features", numbers=(5, 8))
class SharedLinear(nn.Module):
    """The same layer twice: it cannot serve both sizes."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 8)

    def forward(self, x):
        return self.fc(torch.relu(self.fc(x)))


@broken(
    (2, 3, 32, 32),
    path="conv2",
    kind="conv.in_channels",
    numbers=(8, 16),
    fix="nn.Conv2d(16, 8, 3)",
)
class ChannelsDoNotChain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv2 = nn.Conv2d(8, 8, 3)

    def forward(self, x):
        return self.conv2(torch.relu(self.conv1(x)))


@broken((1, 3, 16, 16), path="conv", kind="conv.in_channels", numbers=(3, 8))
class SharedConvolution(nn.Module):
    """Fails only on its second call."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x):
        return self.conv(torch.relu(self.conv(x)))


@broken(
    (1, 24, 8, 8),
    path="depthwise",
    kind="conv.in_channels",
    numbers=(16, 24),
    fix="nn.Conv2d(24, 24, 3, groups=24)",
)
class Depthwise(nn.Module):
    def __init__(self):
        super().__init__()
        self.depthwise = nn.Conv2d(16, 16, 3, groups=16)

    def forward(self, x):
        return self.depthwise(x)


@broken((2, 4, 8), path="", kind="conv.in_channels", numbers=(6, 4))
def conv1d():
    return nn.Conv1d(6, 2, 3)


@broken(
    (1, 2, 8, 8, 8), path="1", kind="conv.in_channels", numbers=(8, 4), fix="nn.Conv3d(4, 8, 3)"
)
def conv3d():
    return nn.Sequential(nn.Conv3d(2, 4, 3), nn.Conv3d(8, 8, 3))


@broken(
    (1, 4, 6, 6),
    path="",
    kind="conv.kernel_too_large",
    numbers=("9×9", "6×6"),
    fix="input of 1×4×9×9 instead of 1×4×6×6",
)
def kernel_too_large():
    return nn.Conv2d(4, 4, 9)


@broken((1, 3, 10, 10), path="1", kind="conv.kernel_too_large", numbers=("5×5", "2×2"))
def kernel_too_large_later():
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.Conv2d(4, 4, 5))


@broken(
    (5, 5), path="", kind="conv.rank", numbers=(2, "5×5"), fix="input.unsqueeze(0).unsqueeze(0)"
)
def matrix_into_convolution():
    return nn.Conv2d(1, 1, 3)


@broken(
    (2, 8, 3, 16, 16),
    path="",
    kind="conv.rank",
    numbers=(5, "2×8×3×16×16"),
    fix="input.flatten(0, 1)",
)
def video_into_convolution():
    return nn.Conv2d(3, 4, 3)


@broken((2, 784), path="0", kind="conv.rank", numbers=(2, "2×784"), fix="input.view(-1, 1, 28, 28)")
def rows_into_convolution():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten())


@broken(
    (1, 8, 7, 7),
    path="up",
    kind="conv.in_channels",
    numbers=(4, 8),
    fix="nn.ConvTranspose2d(8, 2, 2, stride=2)",
)
class TransposedChannels(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(4, 2, 2, stride=2)

    def forward(self, x):
        return self.up(x)


@broken(
    (1, 4, 7, 7),
    path="",
    kind="conv_transpose.output_padding",
    numbers=(1,),
    fix="nn.ConvTranspose2d(4, 2, 3)",
)
def output_padding_too_large():
    return nn.ConvTranspose2d(4, 2, 3, stride=1, output_padding=1)


@broken(
    (1, 4, 7, 7),
    path="up",
    kind="conv_transpose.output_size",
    numbers=("20×20", "15×15", "16×16"),
    fix="up(x, output_size=[16, 16])",
)
class ImpossibleOutputSize(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(4, 2, 3, stride=2)

    def forward(self, x):
        return self.up(x, output_size=[20, 20])


@broken((1, 2, 5, 5), path="2", kind="pool.too_small", numbers=("2×2", "1×1"))
def too_many_pools():
    return nn.Sequential(nn.MaxPool2d(2), nn.MaxPool2d(2), nn.MaxPool2d(2))


@broken((1, 2, 6), path="", kind="pool.padding", numbers=(2, 3), fix="nn.MaxPool1d(3, padding=1)")
def padding_beyond_half():
    return nn.MaxPool1d(3, padding=2)


@broken((4, 6), path="pool", kind="pool.rank", numbers=(4, "4×6"), fix="x.unsqueeze(0)")
class PoolOfAMatrix(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.AvgPool2d(2)

    def forward(self, x):
        return self.pool(x)


@broken(
    (1, 3, 8, 8),
    path="bn",
    kind="batch_norm.num_features",
    numbers=(16, 8),
    fix="nn.BatchNorm2d(8)",
)
class NormOfOtherChannels(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(16)

    def forward(self, x):
        return self.bn(self.conv(x))


@broken(
    (4, 10, 32),
    path="bn",
    kind="batch_norm.num_features",
    numbers=(32, 10),
    fix="x.transpose(1, 2)",
)
class NormOfASequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm1d(32)

    def forward(self, x):
        return self.bn(x)


@broken(
    (1, 8),
    path="",
    kind="batch_norm.single_value",
    numbers=("1×8", 2),
    mode="train",
    fix="input of 2×8 instead of 1×8 (a batch of at least 2)",
)
def one_row_in_training():
    return nn.BatchNorm1d(8)


@broken(
    (3, 16, 16), path="bn", kind="batch_norm.rank", numbers=(4, "8×14×14"), fix="x.unsqueeze(0)"
)
class NormWithoutBatch(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.bn(self.conv(x))


@broken(
    (2, 5, 32),
    path="norm",
    kind="layer_norm.normalized_shape",
    numbers=(64, 32),
    fix="nn.LayerNorm(32)",
)
class LayerNormWidth(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(64)

    def forward(self, x):
        return self.norm(x)


@broken(
    (2, 32, 7, 7),
    path="norm",
    kind="layer_norm.normalized_shape",
    numbers=(32, 7),
    fix="nn.GroupNorm(1, 32)",
)
class LayerNormOnPictures(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(32)

    def forward(self, x):
        return self.norm(x)


@broken(
    (2, 12, 4, 4),
    path="",
    kind="group_norm.num_channels",
    numbers=(16, 12),
    fix="nn.GroupNorm(4, 12)",
)
def group_norm_channels():
    return nn.GroupNorm(4, 16)


@broken(
    (2, 30, 4, 4),
    path="",
    kind="group_norm.num_channels",
    numbers=(32, 30),
    fix="nn.GroupNorm(6, 30)",
)
def group_norm_groups():
    return nn.GroupNorm(8, 32)


@broken(
    (2, 6, 4, 4),
    path="shuffle",
    kind="pixel_shuffle.channels",
    numbers=(4, 6),
    fix="nn.Conv2d(6, 8, 1)",
)
class PixelShuffleChannels(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(6, 6, 1)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x):
        return self.shuffle(self.conv(x))


@broken(
    (2, 5, 9),
    path="rnn",
    kind="rnn.input_size",
    numbers=(10, 9),
    fix="nn.GRU(input_size=9, hidden_size=20, batch_first=True)",
)
class GruWidth(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(10, 20, batch_first=True)

    def forward(self, x):
        return self.rnn(x)[0]


@broken(
    (2, 16, 4, 25),
    path="lstm",
    kind="rnn.rank",
    numbers=(4, "2×16×4×25"),
    fix="x.flatten(1, 2).transpose(1, 2)",
)
class PicturesIntoLstm(nn.Module):
    """A text recogniser: the height was to be folded into the channels."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(64, 8, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[0]


@broken((3, 7), path="", kind="rnn.input_size", numbers=(5, 7), fix="nn.LSTMCell(7, 4)")
def lstm_cell():
    return nn.LSTMCell(5, 4)


@broken(
    (4, 7),
    path="act",
    kind="prelu.num_parameters",
    numbers=(3, 7),
    fix="nn.PReLU(num_parameters=7)",
)
class Slopes(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = nn.PReLU(3)

    def forward(self, x):
        return self.act(x)


@broken(
    (2, 5),
    (2, 4),
    path="",
    kind="bilinear.in_features",
    numbers=(6, 4),
    fix="nn.Bilinear(in1_features=5, in2_features=4, out_features=3)",
)
def bilinear():
    return nn.Bilinear(5, 6, 3)


@broken(
    (2, 4, 10), path="", kind="interpolate.mode", numbers=("bilinear", 3), fix="input.unsqueeze(0)"
)
def bilinear_of_a_sequence():
    return nn.Upsample(scale_factor=2, mode="bilinear")


@broken(
    (1, 2, 3, 3),
    path="",
    kind="interpolate.empty",
    numbers=("3×3", "0×0"),
    fix="input of 1×2×4×4 instead of 1×2×3×3",
)
def shrunk_to_nothing():
    return nn.Upsample(scale_factor=0.25)


@broken(
    (1, 2, 4, 4),
    path="",
    kind="pad.size",
    numbers=(4, 3),
    fix="input of 1×2×5×5 instead of 1×2×4×4",
)
def reflection_too_far():
    return nn.ReflectionPad2d(4)


@broken((2, 10), path="split", kind="unflatten.size", numbers=(12, 10))
class UnflattenedWrongly(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(10, 10)
        self.split = nn.Unflatten(1, (3, 4))

    def forward(self, x):
        return self.split(self.fc(x))


@broken(
    (2, 9),
    path="glu",
    kind="glu.size",
    numbers=(9,),
    fix="nn.Linear(in_features=9, out_features=10)",
)
class OddGate(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(9, 9)
        self.glu = nn.GLU()

    def forward(self, x):
        return self.glu(self.fc(x))


@broken((6,), path="soft", kind="dim.out_of_range", numbers=(1, "6"), fix="x.unsqueeze(0)")
class SoftmaxOfOneRow(nn.Module):
    def __init__(self):
        super().__init__()
        self.soft = nn.Softmax(dim=1)

    def forward(self, x):
        return self.soft(x)


@broken(
    (4, 3, 6, 6),
    path="",
    kind="dtype.mismatch",
    numbers=("float16", "float32"),
    fix="input.half()",
    meta=False,
)
def half_model():
    return nn.Conv2d(3, 2, 3).half()
