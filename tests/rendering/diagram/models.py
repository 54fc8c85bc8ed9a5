"""Small networks with one feature each that a diagram must show truly."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnshape.analysis.build import build_report
from cnnshape.analysis.report import Report
from cnnshape.tracing.execute import Inputs, record


def report_of(model: nn.Module, *inputs: Tensor | tuple[int, ...], device: str = "meta",
              mode: str = "eval") -> Report:  # fmt: skip
    """The report of one pass over zeros of the given shapes."""
    tensors = tuple(torch.zeros(x) if isinstance(x, tuple) else x for x in inputs)
    recorded = record(model, Inputs(tensors), device=device, mode=mode)
    return build_report(recorded.trace, spec=type(model).__name__, exception=recorded.exception)


class Residual(nn.Module):
    """conv → relu → conv, added to its input."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv2(F.relu(self.bn1(self.conv1(x)))) + x)


class Tower(nn.Module):
    """A stem and a run of equal residual blocks."""

    def __init__(self, blocks: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.blocks = nn.Sequential(*(Residual() for _ in range(blocks)))
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class Tapped(Tower):
    """The same, but what lies between two blocks is used outside: nothing may be folded there."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        first = self.blocks[0](x)
        for block in list(self.blocks)[1:]:
            x = block(first if x is None else x)
        return self.head((x + first).mean((2, 3)))


class Siamese(nn.Module):
    """Two inputs through the same layers."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 8, 3))
        self.fc = nn.Linear(8, 3)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        a = self.fc(self.encoder(left).mean((2, 3)))
        b = self.fc(self.encoder(right).mean((2, 3)))
        return a - b


class TwoHeads(nn.Module):
    """One body, two outputs by name."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(6, 8)
        self.score = nn.Linear(8, 1)
        self.box = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = torch.relu(self.body(x))
        return {"score": self.score(x), "box": self.box(x)}


class InPlace(nn.Module):
    """Writes into tensors: +=, ReLU(inplace) and an assignment to a slice."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, padding=1)
        self.b = nn.Conv2d(8, 8, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        y = self.relu(self.b(x))
        y += x
        y[:, :4] = x[:, 4:]
        return y


class Loop(nn.Module):
    """A cell called once per step."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(4, 6)
        self.out = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(x.shape[0], 6)
        for step in range(x.shape[1]):
            state = self.cell(x[:, step], state)
        return self.out(state)


class Broken(nn.Module):
    """The linear layer expects another number of features than arrive."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 5)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(400, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pool(torch.relu(self.conv(x))).flatten(1))


class DoubleConv(nn.Module):
    """Two convolutions."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(inner, outer, 3, padding=1), nn.ReLU(),
            nn.Conv2d(outer, outer, 3, padding=1), nn.ReLU(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Up(nn.Module):
    """Up-sampling, concatenation with a skip, two convolutions."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inner, outer, 2, stride=2)
        self.conv = DoubleConv(inner, outer)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.conv(torch.cat([skip, self.up(x)], 1))


class UNet(nn.Module):
    """Down twice, up twice."""

    def __init__(self) -> None:
        super().__init__()
        self.inc = DoubleConv(3, 8)
        self.down1 = nn.Sequential(nn.MaxPool2d(2), DoubleConv(8, 16))
        self.down2 = nn.Sequential(nn.MaxPool2d(2), DoubleConv(16, 32))
        self.up1 = Up(32, 16)
        self.up2 = Up(16, 8)
        self.outc = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.inc(x)
        b = self.down1(a)
        c = self.down2(b)
        return self.outc(self.up2(self.up1(c, b), a))


class Hostile(nn.Module):
    """Names that every format would like to interpret."""

    NAMES = ('say "hi" <b>&amp;\\n', "a|b{c}[d]#e", "卷积", "`tick` *star* _under_ end", "\\")

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({name: nn.Conv2d(3, 3, 1) for name in self.NAMES})

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers.values():
            x = layer(x)
        return x


class Silent(nn.Module):
    """Returns no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> None:
        self.conv(x).relu()


class RMSNorm(nn.Module):
    """As language models write it: ``to`` hands on its very input where the dtype fits."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        h = x.to(torch.float32)
        return self.weight * (h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + 1e-6)).to(x.dtype)


class PreNorm(nn.Module):
    """A block whose skip goes around the norm, as in LLaMA and T5."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.stem = nn.Linear(4, width)
        self.norm = RMSNorm(width)
        self.fc = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return x + self.fc(self.norm(x))


class Caching(nn.Module):
    """Equal layers, each of which gives a tensor of its own to the outside, and a head."""

    def __init__(self, layers: int = 5) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in range(layers))
        self.keys = nn.ModuleList(nn.Linear(8, 2) for _ in range(layers))
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor | list[Tensor]]:
        kept: list[Tensor] = []
        for layer, key in zip(self.layers, self.keys, strict=True):
            kept.append(key(x))
            x = layer(x).relu()
        return {"logits": self.head(x), "keys": kept}


class TransposedLinear(nn.Module):
    """GPT-2's ``Conv1D``: a linear layer between two reshapes."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(inner, outer))
        self.bias = nn.Parameter(torch.zeros(outer))

    def forward(self, x: Tensor) -> Tensor:
        flat = torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight)
        return flat.view(*x.shape[:-1], -1)


class ConvLSTMCell(nn.Module):
    """Four gates from one convolution over the frame and the hidden state."""

    def __init__(self, inner: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.gates = nn.Conv2d(inner + hidden, 4 * hidden, 3, padding=1)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        hidden, cell = state
        i, f, o, g = self.gates(torch.cat([x, hidden], 1)).chunk(4, 1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(cell), cell


class ConvLSTM(nn.Module):
    """Cells one above the other, called for every frame; their states begin with zeros."""

    def __init__(self, layers: int = 1) -> None:
        super().__init__()
        self.cells = nn.ModuleList(ConvLSTMCell(8 if n else 3, 8) for n in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        zeros = x.new_zeros(x.shape[0], 8, *x.shape[3:])
        states, seen = [(zeros, zeros) for _ in self.cells], list[Tensor]()
        for step in range(x.shape[1]):
            frame = x[:, step]
            for n, cell in enumerate(self.cells):
                states[n] = cell(frame, states[n])
                frame = states[n][0]
            seen.append(frame)
        return torch.stack(seen, 1)
