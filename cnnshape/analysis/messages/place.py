"""At which layer an error was, as far as the lines of its traceback say."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from cnnshape.analysis.messages.read_error import Frame
from cnnshape.messages import say
from cnnshape.tracing.trace import Source
from cnnshape.words import with_article

_TORCH = re.compile(
    r"[\\/](?:site|dist)-packages[\\/]torch[\\/]"
    r"|(?:^|[\\/])torch[\\/](?:nn|_\w+|functional|_\w+\.py|utils|overrides|optim|autograd|fx)\b"
)
_LAYERS = re.compile(r"[\\/]torch[\\/]nn[\\/]modules[\\/]")
#: The last function of Python that a layer calls says which layer it is.
_CLASSES = {
    "linear": "Linear",
    "bilinear": "Bilinear",
    "conv1d": "Conv1d",
    "conv2d": "Conv2d",
    "conv3d": "Conv3d",
    "conv_transpose1d": "ConvTranspose1d",
    "conv_transpose2d": "ConvTranspose2d",
    "conv_transpose3d": "ConvTranspose3d",
    "layer_norm": "LayerNorm",
    "group_norm": "GroupNorm",
    "embedding": "Embedding",
    "lstm": "LSTM",
    "gru": "GRU",
    "rnn_tanh": "RNN",
    "rnn_relu": "RNN",
    "lstm_cell": "LSTMCell",
    "gru_cell": "GRUCell",
    "prelu": "PReLU",
    "glu": "GLU",
    "pixel_shuffle": "PixelShuffle",
    "pixel_unshuffle": "PixelUnshuffle",
    "multi_head_attention_forward": "MultiheadAttention",
    "cross_entropy": "CrossEntropyLoss",
    "nll_loss": "NLLLoss",
    "binary_cross_entropy": "BCELoss",
    "binary_cross_entropy_with_logits": "BCEWithLogitsLoss",
    "mse_loss": "MSELoss",
    "max_pool1d": "MaxPool1d",
    "max_pool2d": "MaxPool2d",
    "max_pool3d": "MaxPool3d",
    "avg_pool1d": "AvgPool1d",
    "avg_pool2d": "AvgPool2d",
    "avg_pool3d": "AvgPool3d",
}
_CALLED = re.compile(r"(?:\bF|\btorch|\b_VF|\btorch\._C\._nn)\.(\w+)\(")
#: `self.fc1(`, `self.blocks[3](`, `model(`
_CALL = re.compile(r"(?<![\w.\])])((?:[A-Za-z_]\w*)(?:\.\w+|\[[\w'\"-]+\])*)\(")
#: A line that does one thing: `x = x.view(2, 100)`, `return a + b`.
_SIMPLE = re.compile(
    r"^(?:return |[\w.]+ = )?(?P<expression>[\w.]+\.\w+\([^()]*\)|[\w.]+ [-+*/@] [\w.]+)$"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an error was.

    Attributes:
        layer: what the innermost line outside torch calls, ``self.fc1``; empty where it is none, or
            where the line does not tell.
        inside: the failing layer is one of those that ``layer`` holds.
        path: of the innermost module that was called, ``blocks.3.fc1``; empty where one step on the
            way to it is not certain, and for the model itself.
        operation: the function of torch that failed; empty where it is not told.
        source: the innermost line outside torch.
        expression: the part of it that failed, where carets mark it.
        in_model: a module's ``forward`` was running.
        in_layer: the innermost line outside torch called a module, which is torch's own.
    """

    layer: str = ""
    inside: bool = False
    path: str = ""
    operation: str = ""
    source: Source | None = None
    expression: str = ""
    in_model: bool = False
    in_layer: bool = False

    @property
    def functional(self) -> bool:
        """The model's own line called the function of torch, without a layer in between."""
        return self.source is not None and not self.in_layer

    @property
    def kind(self) -> str:
        """The class of the failing layer, if it is one of torch's."""
        return _CLASSES.get(self.operation, "") if self.in_layer else ""

    @property
    def name(self) -> str:
        """The layer as its owner's code calls it: ``fc1``; empty where that is not known."""
        return "" if self.inside else self.layer.removeprefix("self.")

    @property
    def owned(self) -> bool:
        """Whether it is an attribute of the module whose code calls it, under its name."""
        return bool(self.name) and self.layer.startswith("self.")

    def who(self, kind: str) -> str:
        """The subject of a sentence, for a layer that is at least known to be a ``kind``.

        >>> Place().who("Linear"), Place("self.fc1").who("Linear"), Place("net", True).who("LSTM")
        ('a Linear', 'fc1', 'an LSTM in net')
        """
        if self.functional and self.operation:
            return self.operation
        if self.name:
            return self.path or self.name
        named = with_article(self.kind or kind)
        if not self.layer:
            return named
        return say("{layer} in {module}", layer=named, module=self.layer.removeprefix("self."))


def place_of(frames: tuple[Frame, ...]) -> Place:
    """What the frames of a traceback say of the place.

    >>> place_of((Frame("net.py", 9, "forward", "x = self.fc1(x)"),
    ...           Frame("/torch/nn/modules/module.py", 1, "_call_impl"))).path
    'fc1'
    """
    own = [number for number, frame in enumerate(frames) if not _is_torch(frame)]
    in_model = any(_is_call(frame) or _last(frame.function) == "forward" for frame in frames)
    if not own:
        return Place(operation=_operation(frames), in_model=in_model)
    ends = [*own[1:], len(frames)]
    lines = [(frames[a], frames[a + 1 : b]) for a, b in zip(own, ends, strict=True)]
    calls = [_call(line, below) for line, below in lines if any(map(_is_call, below))]
    last, below = lines[-1]
    place = Place(
        path=_path(calls),
        operation=_operation(below),
        source=Source(last.file, last.line, last.function, code=last.code),
        in_model=in_model,
    )
    if any(map(_is_call, below)):
        return replace(place, layer=calls[-1].name, inside=calls[-1].inside, in_layer=True)
    operation = place.operation or _function(last)
    return replace(place, operation=operation, expression=_expression(last))


@dataclass(frozen=True, slots=True)
class _Call:
    """A line that calls a module: by which name, from a ``forward`` or from outside the model."""

    name: str
    inside: bool
    in_forward: bool


def _call(line: Frame, below: tuple[Frame, ...]) -> _Call:
    called = sum(_last(frame.function) == "_call_impl" for frame in below)
    ran = sum(_is_forward(frame) for frame in below)
    return _Call(_layer(line), max(called, ran) > 1, _last(line.function) == "forward")


def _path(calls: list[_Call]) -> str:
    """The path of the innermost module that was called, from the model that was called first."""
    steps = calls if calls and calls[0].in_forward else calls[1:]
    if any(call.inside for call in calls) or not all(s.name.startswith("self.") for s in steps):
        return ""
    names = (step.name.removeprefix("self.") for step in steps)
    return ".".join(re.sub(r"\[['\"]?([\w-]+)['\"]?\]", r".\1", name) for name in names)


def _is_torch(frame: Frame) -> bool:
    """Torch's own code, or a subclass of one of its layers that hands on to it."""
    return bool(_TORCH.search(frame.file)) or "super().forward(" in frame.code


def _is_call(frame: Frame) -> bool:
    return _last(frame.function) in ("_wrapped_call_impl", "_call_impl") or _is_forward(frame)


def _is_forward(frame: Frame) -> bool:
    """The ``forward`` of one of torch's layers; of a compiled model it is all that is told."""
    return _last(frame.function) == "forward" and bool(_LAYERS.search(frame.file))


def _last(function: str) -> str:
    return function.rpartition(".")[2]


def _operation(frames: tuple[Frame, ...]) -> str:
    """The outermost function of torch that the innermost module calls."""
    for number in reversed(range(len(frames))):
        if _is_call(frames[number]):
            # Its own line stands in the frame of a layer's `forward`.
            frames = frames[number + (not _is_forward(frames[number])) :]
            break
    if any(_last(frame.function) == "merge_masks" for frame in frames):
        return "multi_head_attention_forward"  # the fused one has prepared its mask
    for frame in frames:
        if re.search(r"functional\.py$", frame.file):
            return _last(frame.function).lstrip("_")
    for frame in reversed(frames):
        found = _CALLED.search(frame.code)
        if found is not None:
            return found[1]
    return ""


def _expression(frame: Frame) -> str:
    """The part of a line that failed: what carets mark, or all that there is."""
    if frame.marked:
        return frame.marked
    found = _SIMPLE.match(frame.code)
    return found["expression"] if found else ""


def _function(frame: Frame) -> str:
    """The function of torch that a line calls, if it is certain which."""
    if frame.marked:
        found = _CALLED.match(frame.marked)
        return found[1] if found else ""
    called = {found[1] for found in _CALLED.finditer(frame.code)}
    return called.pop() if len(called) == 1 else ""


def _layer(frame: Frame) -> str:
    """What a line calls, if it is certain which of its calls is meant."""
    if frame.marked:
        found = _CALL.match(frame.marked)
        return found[1] if found and not _makes(found[1]) else ""
    called = {found[1] for found in _CALL.finditer(frame.code) if not _makes(found[1])}
    layers = {name for name in called if name.startswith("self.")} or {
        name for name in called if "." not in name
    }
    return layers.pop() if len(layers) == 1 else ""


def _makes(name: str) -> bool:
    """Whether a name is that of a class, as in ``nn.Linear(5, 2)(x)``: what is called has none."""
    return not name.startswith("self.") and name.rpartition(".")[2][:1].isupper()
