"""At which layer an error was, as far as the lines of its traceback say."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cnnshape.analysis.messages.read_error import Frame
from cnnshape.tracing.trace import Source
from cnnshape.words import with_article

_TORCH = re.compile(
    r"[\\/](?:site|dist)-packages[\\/]torch[\\/]"
    r"|(?:^|[\\/])torch[\\/](?:nn|_\w+|functional|_\w+\.py|utils|overrides|optim|autograd|fx)\b"
)
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
        layer: as the code reaches it, ``self.fc1``; empty where the lines do not tell.
        inside: the failing layer is one of those that ``layer`` holds.
        operation: the function of torch that failed; empty where it is not told.
        source: the innermost line outside torch.
        expression: the part of it that failed, where carets mark it.
        in_model: a module's ``forward`` was running.
        in_layer: the innermost line outside torch called a module, which is torch's own.
    """

    layer: str = ""
    inside: bool = False
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
    def path(self) -> str:
        """The layer as reports name it, ``blocks.3``; empty where its path is not known."""
        if self.inside or not self.layer.startswith("self."):
            return ""
        bare = self.layer.removeprefix("self.")
        return re.sub(r"\[['\"]?([\w-]+)['\"]?\]", r".\1", bare)

    def who(self, kind: str) -> str:
        """The subject of a sentence, for a layer that is at least known to be a ``kind``.

        >>> Place().who("Linear"), Place("self.fc1").who("Linear"), Place("net", True).who("LSTM")
        ('a Linear', 'fc1', 'an LSTM in net')
        """
        if self.functional and self.operation:
            return self.operation
        layer = self.layer.removeprefix("self.")
        if layer and not self.inside:
            return layer
        named = with_article(self.kind or kind)
        return f"{named} in {layer}" if layer else named


def place_of(frames: tuple[Frame, ...]) -> Place:
    """What the frames of a traceback say of the place.

    >>> place_of((Frame("net.py", 9, "forward", "x = self.fc1(x)"),
    ...           Frame("/torch/nn/modules/module.py", 1, "_call_impl"))).layer
    'self.fc1'
    """
    own = [number for number, frame in enumerate(frames) if not _is_torch(frame)]
    in_model = any(_is_call(frame) or _last(frame.function) == "forward" for frame in frames)
    if not own:
        return Place(operation=_operation(frames), in_model=in_model)
    last = frames[own[-1]]
    below = frames[own[-1] + 1 :]
    source = Source(last.file, last.line, last.function, code=last.code)
    called = any(_is_call(frame) for frame in below)
    if not called:
        found = _CALLED.search(last.marked or last.code)
        operation = _operation(below) or (found[1] if found else "")
        return Place(
            operation=operation, source=source, expression=_expression(last), in_model=in_model
        )
    inside = any("container.py" in frame.file for frame in below)
    return Place(
        layer=_layer(last),
        inside=inside or sum(_is_call(frame) for frame in below) > _CALL_FRAMES,
        operation=_operation(below),
        source=source,
        in_model=True,
        in_layer=True,
    )


#: One call of a module goes through `_wrapped_call_impl` and `_call_impl`.
_CALL_FRAMES = 2


def _is_torch(frame: Frame) -> bool:
    """Torch's own code, or a subclass of one of its layers that hands on to it."""
    return bool(_TORCH.search(frame.file)) or "super().forward(" in frame.code


def _is_call(frame: Frame) -> bool:
    return _last(frame.function) in ("_wrapped_call_impl", "_call_impl")


def _last(function: str) -> str:
    return function.rpartition(".")[2]


def _operation(frames: tuple[Frame, ...]) -> str:
    """The outermost function of torch that the innermost module calls."""
    for number in reversed(range(len(frames))):
        if _is_call(frames[number]):
            frames = frames[number + 1 :]
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


def _layer(frame: Frame) -> str:
    """What a line calls, if it is certain which of its calls is meant."""
    if frame.marked:
        found = _CALL.match(frame.marked)
        return found[1] if found else ""
    called = {found[1] for found in _CALL.finditer(frame.code)}
    layers = {name for name in called if name.startswith("self.")} or {
        name for name in called if "." not in name
    }
    return layers.pop() if len(layers) == 1 else ""
